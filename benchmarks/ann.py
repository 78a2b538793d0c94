"""Candidate indexes beside each other and their peers: Hamming, hyperbolic and Manhattan search, opening a snapshot,
and which kind suits how many points.

    python benchmarks/ann.py [hamming] [hyperbolic] [manhattan] [open] [kinds] [--output rows.jsonl] [--scale 1.0]

Every row is a JSON object. Speeds of ours and of a peer are taken in one run and the best of several is kept, so their
ratio holds on a busy machine, their absolute values less so. The peer is faiss-cpu; when missing, the row says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch import geometry, hashing, threads
from seqsearch.ann import load_index, make_index, parameters_for
from seqsearch.ann.hamming16 import FLIPS, Hamming16Index
from seqsearch.ann.kernels import Nearest
from seqsearch.jit import kernel

Row = dict[str, Any]


def best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of several calls."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def clustered_codes(count: int, bits: int, rng: np.random.Generator, spread: float = 0.08) -> np.ndarray:
    """Copies of 1,000 random codes, each bit flipped with probability `spread`."""
    centres = hashing.pack(rng.random((1000, bits)) < 0.5)
    codes = centres[rng.integers(1000, size=count)]
    for start in range(0, count, 100_000):
        part = codes[start : start + 100_000]
        part ^= hashing.pack(rng.random((len(part), bits)) < spread)
    return codes


@kernel()
def time_singles(answer: Any, codes: np.ndarray, table: Any, best: Nearest) -> int:
    """One query after the other, called from compiled code."""
    total = 0
    for i in range(codes.shape[0]):
        total += answer(codes[i], table[0], table[1], best)
    return total


def hamming16(scale: float) -> Iterator[Row]:
    """16-bit codes, clustered by several spreads, beside the cheapest exact setting of faiss for each."""
    for spread in (0.01, 0.02, 0.05, 0.08):
        yield from hamming16_at(spread, int(1_000_000 * scale))


def hamming16_at(spread: float, count: int) -> Iterator[Row]:
    """One spread of the clusters: the narrower, the farther away is the tenth neighbour of a stray query."""
    from seqsearch.ann import bit_kernels

    rng = np.random.default_rng(0)
    codes = clustered_codes(count, 16, rng, spread)
    queries = codes[rng.integers(count, size=1_000_000)] ^ hashing.pack(rng.random((1_000_000, 16)) < 0.02)
    index = Hamming16Index()
    index.add(np.arange(count), codes)
    _ = index.table
    index.remove(np.array([0]))
    index.add(np.array([0]), codes[:1])
    start = time.perf_counter()
    table = index.table
    built = time.perf_counter() - start
    index.search(queries[:100], 10)

    def cold() -> None:
        table._answers = None
        index.search(queries, 10)

    def direct() -> None:
        for part in range(0, 300_000, 30_000):
            index.search(queries[part : part + 30_000], 10)

    values = hashing.as_uint16(queries[:200_000]).astype(np.int64)
    arrays, line = (table.places, FLIPS), Nearest(np.empty(10, np.float32), np.empty(10, np.int64))
    time_singles(bit_kernels.nearest_code, values[:10], arrays, line)
    inside = best(lambda: time_singles(bit_kernels.nearest_code, values, arrays, line)) / len(values)
    python = best(lambda: [index.search(queries[q : q + 1], 10) for q in range(20_000)]) / 20_000
    ours = len(queries) / best(cold)
    again = len(queries) / best(lambda: index.search(queries, 10))
    yield {
        "what": "hamming16",
        "codes": count,
        "spread": spread,
        "codes_in_use": int(np.count_nonzero(np.diff(table.places.offsets))),
        "k": 10,
        "batch_qps": ours,
        "batch_with_answers_qps": again,
        "batches_of_30000_qps": 300_000 / best(direct),
        "one_us_compiled": inside * 1e6,
        "one_us_python": python * 1e6,
        "table_seconds": built,
        "table_bytes": sum(column.nbytes for column in table.places),
    }
    faiss = peer("faiss")
    if faiss is None:
        yield {"what": "hamming16", "peer": "faiss BinaryHash", "skipped": "faiss-cpu is not installed"}
        return
    faiss.omp_set_num_threads(threads.count())
    some = queries[:4000]
    truth = index.search(some, 10).distances
    for flips in range(1, 17):  # the peer's cheapest exact setting: the smallest number of flips with full recall
        other = faiss.IndexBinaryHash(16, 16)
        other.nflip = flips
        other.add(codes)
        recall = float((other.search(some, 10)[0] == truth).mean())
        there = len(some) / best(lambda other=other: other.search(some, 10))
        ours = max(ours, len(queries) / best(cold))
        ratios = {"ratio": ours / there, "ratio_with_answers": again / there}
        named: Row = {"what": "hamming16", "spread": spread, "peer": f"faiss BinaryHash nflip {flips}"}
        yield named | {"peer_qps": there, "recall": recall} | ratios
        if recall == 1.0:
            break


def hamming_long(scale: float) -> Iterator[Row]:
    faiss = peer("faiss")
    rng = np.random.default_rng(1)
    count = int(1_000_000 * scale)
    for bits in (64, 128, 256, 512, 1024):
        codes = clustered_codes(count, bits, rng)
        queries = codes[rng.integers(count, size=256)] ^ hashing.pack(rng.random((256, bits)) < 0.02)
        index = make_index("hamming", bits=bits)
        added = best(lambda index=index, codes=codes: index.add(np.arange(count), codes), 1)
        index.search(queries[:4], 10)
        ours = len(queries) / best(lambda index=index, queries=queries: index.search(queries, 10))
        row: Row = {"what": "hamming", "bits": bits, "codes": count, "k": 10, "qps": ours, "add_seconds": added}
        if faiss is None:
            yield row | {"peer": "faiss BinaryFlat", "skipped": "faiss-cpu is not installed"}
            continue
        faiss.omp_set_num_threads(threads.count())
        other = faiss.IndexBinaryFlat(bits)
        other.add(codes)
        there = len(queries) / best(lambda other=other, queries=queries: other.search(queries, 10), 2)
        same = float((other.search(queries, 10)[0] == index.search(queries, 10).distances).mean())
        yield row | {"peer": "faiss BinaryFlat", "peer_qps": there, "ratio": ours / there, "same_distances": same}


def peer(name: str) -> Any:
    """The module, or None."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def unit(x: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1)


def tree(count: int, dim: int, median: float, rng: np.random.Generator) -> np.ndarray:
    """A tree of branching 6 in breadth-first order: directions are inherited with a spread that shrinks by a third each
    level, hyperbolic distances from the centre grow with the depth; the median radius is as given."""
    parent = np.maximum(np.arange(count) - 1, 0) // 6
    depth = np.zeros(count, dtype=np.int64)
    for node in range(1, count):
        depth[node] = depth[parent[node]] + 1
    direction = unit(rng.normal(size=(count, dim)))
    for level in range(2, int(depth.max()) + 1):
        at = np.flatnonzero(depth == level)
        spread = 0.9 * 0.65 ** (level - 1)
        direction[at] = unit(direction[parent[at]] + spread * unit(rng.normal(size=(len(at), dim))))
    reach = depth / np.median(depth) * 2 * np.arctanh(median) * rng.uniform(0.9, 1.1, count)
    return direction * np.tanh(reach / 2)[:, None]


def hyperbolic_set(name: str, count: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """T: tree-like, median radius .90; X: the same at .995; W: 200 clusters at radii .3-.95; G: no clusters."""
    if name in "TX":
        points = tree(count, dim, 0.90 if name == "T" else 0.995, rng)
    elif name == "W":
        centres = rng.normal(size=(200, dim))
        points = unit(centres[rng.integers(200, size=count)] + 0.7 * rng.normal(size=(count, dim)))
        points *= rng.uniform(0.3, 0.95, (count, 1))
    else:
        tangent = 0.35 * rng.normal(size=(count, dim))
        length = np.linalg.norm(tangent, axis=1, keepdims=True)
        points = tangent / length * np.tanh(length / 2)
    shuffled = geometry.project_to_ball(points[rng.permutation(count)], 1 - 1e-6)
    return shuffled.astype(np.float32)


def numpy_scan(queries: np.ndarray, points: np.ndarray) -> Callable[[], object]:
    """The scan one would write: a matrix product in blocks and argpartition (ranks by the monotone part)."""
    wide = geometry.lorentz(points).astype(np.float32)
    asked = geometry.lorentz(queries).astype(np.float32) * np.array([1] + [-1] * points.shape[1], np.float32)

    def scan() -> None:
        for start in range(0, len(asked), 64):
            np.argpartition(asked[start : start + 64] @ wide.T, 10, axis=1)

    return scan


def hyperbolic(scale: float) -> Iterator[Row]:
    count, asked = int(50_000 * scale), 2000
    for dim in (32, 128):
        for name in "TWGX":
            points = hyperbolic_set(name, count + asked, dim, np.random.default_rng(7))
            queries, points = points[:asked], points[asked:]
            row = against_exact("hyperbolic", points, queries)
            plain = best(numpy_scan(queries, points), 2)
            radius = float(np.median(np.linalg.norm(points, axis=1)))
            ratio = plain / row["hnsw_seconds"]
            yield (
                {"what": "hyperbolic", "set": f"{name}{dim}", "median_radius": radius}
                | row
                | {"ratio_to_numpy_scan": ratio}
            )


def against_exact(name: str, points: np.ndarray, queries: np.ndarray, **parameters: Any) -> Row:
    """Build, calibrate by `health`, and search with what it chose; beside our exact scan."""
    count, dim = points.shape
    exact = make_index("exact", geometry=name, dim=dim)
    exact.add(np.arange(count), points)
    graph = make_index("hnsw", geometry=name, dim=dim, parameters=parameters)
    built = best(lambda: graph.add(np.arange(count), points), 1)
    start = time.perf_counter()
    health = graph.health()
    measured = time.perf_counter() - start
    truth = exact.search(queries, 10).distances
    found = graph.search(queries, 10).distances
    graph_seconds, exact_seconds, graph_alone, exact_alone = np.inf, np.inf, np.inf, np.inf
    for _ in range(3):
        graph_seconds = min(graph_seconds, best(lambda: graph.search(queries, 10), 2))
        exact_seconds = min(exact_seconds, best(lambda: exact.search(queries, 10), 1))
        with threads.using(1):  # ratios on one thread hold on a busy machine too
            graph_alone = min(graph_alone, best(lambda: graph.search(queries, 10), 2))
            exact_alone = min(exact_alone, best(lambda: exact.search(queries, 10), 1))
    return {
        "points": count,
        "dim": dim,
        "recall": float((found <= truth[:, -1:] * (1 + 1e-6)).mean()),
        "health_recall": health["recall"],
        "self_recall": health["self_recall"],
        "side_list": health["side_list"],
        "ef": health["ef"],
        "exact": health["exact"],
        "build_seconds": built,
        "health_seconds": measured,
        "hnsw_seconds": graph_seconds,
        "exact_seconds": exact_seconds,
        "ratio_to_exact": exact_seconds / graph_seconds,
        "ratio_to_exact_one_thread": exact_alone / graph_alone,
    }


def manhattan(scale: float) -> Iterator[Row]:
    count = int(50_000 * scale)
    for dim in (32, 128):
        rng = np.random.default_rng(3)
        centres = rng.normal(size=(500, dim))
        points = (centres[rng.integers(500, size=count + 2000)] + 0.6 * rng.normal(size=(count + 2000, dim))).astype(
            "f4"
        )
        yield {"what": "manhattan", "set": "clusters"} | against_exact("manhattan", points[2000:], points[:2000])
        points = rng.normal(size=(count + 2000, dim)).astype("f4")
        yield {"what": "manhattan", "set": "one Gaussian"} | against_exact("manhattan", points[2000:], points[:2000])


def opening(scale: float) -> Iterator[Row]:
    count = int(100_000 * scale)
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(1000, 128)) * 0.04
    points = (centres[rng.integers(1000, size=count + 1000)] + 0.02 * rng.normal(size=(count + 1000, 128))).astype("f4")
    for name in ("euclidean", "hyperbolic"):
        index = make_index("hnsw", geometry=name, dim=128)
        built = best(lambda index=index: index.add(np.arange(count), points[:count]), 1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "index"
            saved = best(lambda index=index, path=path: index.save(path))
            loaded = best(lambda path=path: load_index(path))
            again = load_index(path)
            tail = best(lambda again=again: again.add(np.arange(count, count + 1000), points[count:]), 1)
            first = best(lambda again=again: again.search(points[:1], 10), 1)
            yield {
                "what": "open",
                "geometry": name,
                "points": count,
                "dim": 128,
                "bytes": path.stat().st_size,
                "build_seconds": built,
                "items_per_second": count / built,
                "save_seconds": saved,
                "load_seconds": loaded,
                "tail_of_1000_seconds": tail,
                "first_search_seconds": first,
            }


SIZES = (1_000, 5_000, 10_000, 30_000, 70_000)
KINDS: tuple[tuple[str, Row], ...] = (
    ("exact", {}),
    ("hnsw", {}),
    *(("ivf", {"bits": bits}) for bits in (1, 2, 4, 8, None)),
)


def kinds(scale: float) -> Iterator[Row]:
    """Every kind over 128 principal components of the k-mers of V4 regions, by cosine: n of the same set."""
    from harness import datasets

    from seqsearch.encoders.model import unlearned_model

    data = datasets.load("v4", 1000, None)
    model = unlearned_model(data.database, "cosine")
    counts, asked = model.embed(data.database), model.embed(data.queries)
    middle = counts.mean(axis=0)
    axes = np.linalg.svd(counts[::10] - middle, full_matrices=False)[2][:128].T
    points, queries = (counts - middle) @ axes, (asked - middle) @ axes
    for size in SIZES:
        some = points[np.random.default_rng(0).permutation(len(points))[: int(size * scale)]]
        near = np.argsort(geometry.matrix("cosine", queries, some), axis=1, kind="stable")[:, :10]
        for kind, parameters in KINDS:
            yield from one_kind(kind, parameters, some, queries, near)


def one_kind(kind: str, parameters: Row, points: np.ndarray, queries: np.ndarray, near: np.ndarray) -> Iterator[Row]:
    """A row for each effort; `near`: (Q, 10), the true ten of each query."""
    start = time.perf_counter()
    index = make_index(
        kind, geometry="cosine", dim=points.shape[1], parameters=parameters_for(kind, len(points), parameters)
    )
    index.train(points[: index.training_rows])
    index.add(np.arange(len(points)), points)
    index.search(queries[:1], 10)
    built = time.perf_counter() - start
    health = index.health()
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "index")
        size = (Path(folder) / "index").stat().st_size
    for effort in index.efforts(100) or (None,):
        row: Row = {"what": "kinds", "kind": kind, **parameters, "points": len(points), "dim": points.shape[1]}
        row |= {"build_seconds": built, "bytes": size, "effort": effort, "default": health.get("effort")}
        for among in (50, 100, 200):
            found = index.search(queries, among, effort=effort).rows
            hits = [np.isin(some, own).mean() for some, own in zip(near, found, strict=True)]
            seconds = best(lambda among=among, effort=effort: index.search(queries, among, effort=effort))
            row |= {f"share_{among}": float(np.mean(hits)), f"qps_{among}": len(queries) / seconds}
        alone = best(lambda effort=effort: [index.search(queries[q : q + 1], 100, effort=effort) for q in range(100)])
        yield row | {"cost": index.effort_cost(100, effort), "one_ms": 10 * alone}


PARTS: dict[str, tuple[Callable[[float], Iterator[Row]], ...]] = {
    "hamming": (hamming16, hamming_long),
    "hyperbolic": (hyperbolic,),
    "manhattan": (manhattan,),
    "open": (opening,),
    "kinds": (kinds,),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which to run; all by default")
    parser.add_argument("--output", type=Path, help="append the rows to this file as JSON lines")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the collections, 1 = as documented")
    arguments = parser.parse_args()
    for part in arguments.parts or PARTS:
        for measure in PARTS[part]:
            for row in measure(arguments.scale):
                line = json.dumps(row | {"threads": threads.count()})
                print(line, flush=True)
                if arguments.output:
                    with arguments.output.open("a", encoding="utf-8") as file:
                        file.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
