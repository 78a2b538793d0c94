"""How long until one can search, and what that buys: whole builds, and whole answers beside vsearch's.

    pip install 'seqsearch[bench]' && apt-get install vsearch ncbi-blast+ ncbi-rrna-data
    python benchmarks/build.py v4 genes full names beats --data FOLDER --work FOLDER --output build.jsonl
    python benchmarks/build.py whole --work FOLDER --output build.jsonl --table build.md

Data: `v4`, 70,814 genes of 150 nt; `genes`, 9,169 of Debian's partial LSU rRNA genes (LSURef_93, 2,900 nt; copies and
IUPAC codes left in); `full`, 98,322 whole 16S genes; `names`, 12,000 place names; `proteins`, 9,712 chains that are
hardly related; `beats`, 3,000 heartbeats under DTW.
What is asked is not stored. `build_s` is a whole process of `seqsearch build --learn LEVEL`, from a file, beside
`cpu_s`; `within_100`: the recall among the 100 nearest points, by rank, ties counted, and `within_50`, `within_300`;
`asked` .99: what is delivered, and queries a second of an open index in one batch, the fastest of three; `decided` is
the line that `--learn auto` prints.

`whole`: 1,000 and 100,000 reads (1 to 3% errors) of a thousand V4 genes of which nothing is stored, from files to a
table of ten hits each: vsearch's index and search, and ours, build included; `recall` of the first 1,000 reads.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fragments_rrna import rrna_records
from harness import datasets, reads
from harness.datasets import DataSet
from harness.processes import USAGE, run

import seqsearch
from seqsearch import SequenceIndex, threads
from seqsearch.arrays import AnyArray
from seqsearch.distances import distance_named, recall_at
from seqsearch.sequences import Sequences, write_sequences

K = 10
STORED = {"genes": 9169, "names": 12_000, "beats": 3000}
ASKED = {"v4": 1000, "genes": 300, "full": 1000, "names": 1000, "proteins": 300, "beats": 500}
_COMMAND = "import sys; from seqsearch.cli import main; sys.exit(main())"
LEVELS = ("none", "normal", "auto")
WITHIN = (50, 100, 300)
READS = (1000, 100_000)
VSEARCH = {"usual": (10, 32), "thorough": (50, 128)}
"""--maxaccepts and --maxrejects: with the usual ones it is the fastest that fills ten ranks."""


def data_of(name: str, folder: Path | None) -> DataSet:
    """The set of that name. Raises FileNotFoundError or ImportError where its source is not installed."""
    rng = np.random.default_rng(0)
    if name in ("v4", "full", "proteins"):
        return datasets.load(name, ASKED[name], folder)
    if name == "names":
        every = datasets.load(name, ASKED[name], folder)
        return replace(every, database=every.database[_drawn(every.database, STORED[name], rng)])
    if name == "genes":
        whole = rrna_records()
        order = rng.permutation(len(whole))
        stored, others = order[: STORED[name]], order[STORED[name] :]
        return DataSet(name, whole[np.sort(stored)], whole[np.sort(others[: ASKED[name]])])
    every = datasets.load("ecg", 0, folder).database  # asked are others of the same patients
    order = rng.permutation(len(every))
    stored, others = order[: STORED[name]], order[STORED[name] : STORED[name] + ASKED[name]]
    return DataSet(name, every[np.sort(stored)], every[np.sort(others)], "dtw", {"window": 0.1})


def _drawn(sequences: Sequences, count: int, rng: np.random.Generator) -> AnyArray:
    return np.sort(rng.permutation(len(sequences))[:count])


def written(sequences: Sequences, path: Path) -> Path:
    """A file as a user has it: FASTA, a text a line, or an array."""
    if sequences.kind == "series":
        path = path.with_suffix(".npy")
        np.save(path, np.stack([one.data for one in sequences]))
        return path
    path = path.with_suffix(".fasta" if sequences.alphabet.name == "dna" else ".txt")
    write_sequences(path, sequences)
    return path


def command(*arguments: object) -> dict[str, float]:
    """Seconds of a whole process of ours, and of processors."""
    USAGE.reset()
    run(sys.executable, "-c", _COMMAND, *arguments, "--threads", threads.count())
    return {"seconds": round(USAGE.seconds, 2), "cpu_s": round(USAGE.cpu, 1)}


def points_within(index: SequenceIndex, data: DataSet, truth: AnyArray) -> dict[str, float]:
    """Recall of the nearest points alone, by rank: what the encoder knows, whatever the candidate index finds."""
    stored = index.sequences
    points, asked = (index.model.embed(some) for some in (stored, data.queries))
    if index.model.geometry == "cosine":
        points, asked = (some / np.linalg.norm(some, axis=1, keepdims=True) for some in (points, asked))
    squares, most = (points**2).sum(1), min(max(WITHIN), len(points))
    found = np.empty((len(asked), most), np.int64)
    for start in range(0, len(asked), 200):
        scores = squares - 2 * asked[start : start + 200] @ points.T
        near = np.argpartition(scores, most - 1, axis=1)[:, :most]
        order = np.take_along_axis(scores, near, axis=1).argsort(axis=1, kind="stable")
        found[start : start + 200] = np.take_along_axis(near, order, axis=1)
    queries = np.repeat(np.arange(len(asked)), most)
    exact = index.distance.pairs(data.queries, queries, stored, found.ravel()).reshape(found.shape)
    recalls = (recall_at(np.sort(exact[:, :within]), truth, K).mean() for within in WITHIN)
    return {f"within_{within}": round(float(r), 4) for within, r in zip(WITHIN, recalls, strict=True)}


def built(name: str, level: str, data: DataSet, work: Path, more: tuple[str, ...] = ()) -> dict[str, object]:
    """The row of one build."""
    source = written(data.database, work / name)
    path = work / f"{name}-{level}.ss"
    parameters = [part for key, value in data.distance_parameters.items() for part in ("-D", f"{key}={value}")]
    kind = ("--alphabet", data.database.alphabet.name) if data.database.alphabet is not None else ()
    arguments = ("build", source, "-o", path, "--overwrite", "--distance", data.distance, *parameters)
    took = command(*arguments, *kind, "--learn", level, *more)
    row: dict[str, object] = {"part": "build", "data": name, "n": len(data.database), "learn": level}
    row |= {"build_s": took["seconds"], "cpu_s": took["cpu_s"]}
    with SequenceIndex.open(path) as index:
        truth_of = work / f"{name}-truth.npy"
        if not truth_of.exists():
            np.save(truth_of, index.search(data.queries, K, exact=True).distances)
        truth = np.load(truth_of)
        index.search(data.queries[:50], K)
        index.search(data.queries[:64], K, exact=True)  # made ready for queries that are answered by proof
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            found = index.search(data.queries, K, recall=0.99)
            seconds.append(time.perf_counter() - start)
        row |= {"asked": 0.99, "recall": round(float(recall_at(found.distances, truth, K).mean()), 4)}
        row |= {"qps": round(len(data.queries) / min(seconds)), "budget": str(found.budget)}
        row |= points_within(index, data, truth)
        if "built_for" in index.info():
            row["decided"] = index.info()["built_for"]
    shutil.rmtree(path)
    return row


def whole(work: Path, counts: list[int], levels: list[str]) -> Iterator[dict[str, object]]:
    """Whole times of vsearch and of ours, for few reads and for many."""
    genes, stored = datasets.growing_genes(1000, np.random.default_rng(0))
    database, table, path = work / "stored.fasta", work / "hits.tsv", work / "whole.ss"
    write_sequences(database, datasets.numbered(stored))
    asked = datasets.numbered(reads.simulated(genes, max(READS), np.random.default_rng(1)))
    judged = asked[: min(READS)]
    truth = distance_named("edit").searcher(stored).search(judged, K)[0].distances
    written_as = ("-k", K, "--columns", "query,target", "--no-header", "-o", table)
    for count in counts:
        queries = work / f"reads-{count}.fasta"
        write_sequences(queries, asked[:count])

        def row(way: str, seconds: float, cpu: float, count: int = count, **facts: object) -> dict[str, object]:
            recall = round(recall_of(table, judged, stored, truth), 4)
            common = {"part": "whole", "data": "v4", "n": len(stored), "reads": count, "way": way}
            return {**common, "whole_s": round(seconds, 2), "cpu_s": round(cpu, 1), "recall": recall, **facts}

        for name, (accepts, rejects) in VSEARCH.items() if shutil.which("vsearch") else ():
            USAGE.reset()
            settings = ("--maxaccepts", accepts, "--maxrejects", rejects)
            told = ("--maxhits", K, "--userout", table, "--userfields", "query+target")
            how = ("--id", 0.5, "--strand", "plus", "--threads", threads.count(), "--quiet", *settings, *told)
            run("vsearch", "--usearch_global", queries, "--db", database, *how)
            yield row(f"vsearch, {name}", USAGE.seconds, USAGE.cpu, settings=" ".join(map(str, settings)))
        took = command("search", database, queries, *written_as)
        yield row("seqsearch search FILE", took["seconds"], took["cpu_s"])
        for level in levels:
            build = command("build", database, "-o", path, "--overwrite", "--learn", level, "--expect-queries", count)
            took = command("search", path, queries, *written_as)
            facts: dict[str, object] = {"build_s": build["seconds"], "search_s": took["seconds"]}
            if level == "auto":
                with SequenceIndex.open(path) as index:
                    facts["decided"] = index.info()["built_for"]
            seconds, cpu = (build[name] + took[name] for name in ("seconds", "cpu_s"))
            yield row(f"seqsearch build --learn {level}, search", seconds, cpu, **facts)


def recall_of(table: Path, queries: Sequences, stored: Sequences, truth: AnyArray) -> float:
    """Of the hits of the first queries; ids are numbers of rows."""
    found = np.full((len(queries), K), -1, np.int64)
    filled = np.zeros(len(queries), np.int64)
    for line in table.read_text().splitlines():
        query, target = map(int, line.split("\t"))
        if query < len(queries) and filled[query] < K:
            found[query, filled[query]] = target
            filled[query] += 1
    exact, pairs = np.full(found.shape, np.inf), np.nonzero(found >= 0)
    exact[pairs] = distance_named("edit").pairs(queries, pairs[0], stored, found[pairs])
    return float(recall_at(np.sort(exact), truth, K).mean())


def tables(rows: list[dict[str, Any]]) -> str:
    """What was measured last of each, in Markdown."""
    latest = {tuple(row.get(name) for name in ("part", "data", "learn", "reads", "way")): row for row in rows}
    told = {
        "build": ("data n learn build_s cpu_s recall qps within_50 within_100 within_300", "asked for .99"),
        "whole": ("reads way whole_s cpu_s recall", "whole processes, from files to hits"),
    }
    parts = []
    for part, (names, title) in told.items():
        columns = names.split()
        lines = [f"{title}:", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [
            f"| {' | '.join(str(row.get(name, '-')) for name in columns)} |"
            for row in latest.values()
            if row["part"] == part and "skipped" not in row
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(ASKED)}, whole")
    text.add_argument("--reads", type=int, nargs="+", default=list(READS), help="of whole")
    text.add_argument("--levels", help="of --learn  [default: none, normal, auto]")
    text.add_argument("--data", type=Path, help="folder with ecg/ and tagging/, for beats and proteins")
    text.add_argument("--work", type=Path, default=Path("benchmarks/cache"), help="files and indexes on the way")
    text.add_argument("--threads", type=int, default=2)
    text.add_argument("--expect-queries", type=int, default=100_000, help="of --learn auto")
    text.add_argument("--output", type=Path, help="rows as JSON lines, put behind what it holds")
    text.add_argument("--table", type=Path, help="write tables of all rows in --output, in Markdown")
    options = text.parse_args()
    if unknown := set(options.parts) - {*ASKED, "whole"}:
        text.error(f"no part {min(unknown)!r}: choose {', '.join(ASKED)}, whole")
    threads.use(options.threads)
    levels = options.levels.split(",") if options.levels else list(LEVELS)
    options.work.mkdir(parents=True, exist_ok=True)

    def rows() -> Iterator[dict[str, object]]:
        for name in options.parts:
            if name == "whole":
                yield from whole(options.work, options.reads, levels)
                continue
            try:
                data = data_of(name, options.data)
            except (ImportError, FileNotFoundError, subprocess.CalledProcessError) as missing:
                yield {"part": "build", "data": name, "skipped": str(missing)}
                continue
            for level in levels:
                more = ("--expect-queries", str(options.expect_queries)) if level == "auto" else ()
                yield built(name, level, data, options.work, more)

    for row in rows():
        told = json.dumps({**row, "threads": threads.count(), "version": seqsearch.__version__})
        print(told, flush=True)
        if options.output is not None:
            with options.output.open("a") as file:
                file.write(told + "\n")
    if options.table is not None:
        kept = [json.loads(line) for line in options.output.read_text().splitlines()]
        options.table.write_text(tables(kept))


if __name__ == "__main__":
    main()
