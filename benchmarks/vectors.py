"""Plain vectors: whole indexes beside raw hnswlib and raw faiss at equal recall, in one process, in turns.

    python benchmarks/vectors.py [VECTORS.npy] [--metric angular] [--queries 1000] [--threads 2] [--output FILE]

All queries are asked of each setting in turn, many times over, and its fastest time counts: what else runs on the
machine meets them alike. Rows are JSON objects: a setting, its recall@10 against exact neighbours, and its speed;
then, for every setting of hnswlib, the speed of each of the others at the same recall, by interpolation between its
settings (`ratio`: above 1 it is faster; `cpu_ratio`: by processor time); and what was delivered where .9, .95 and .99
were asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness.graphs import EF_CONSTRUCTION, Faiss, Hnswlib, M
from harness.lists import FaissIndex, Layout

from seqsearch import SequenceIndex, threads
from seqsearch.arrays import FloatArray, IntArray

Row = dict[str, Any]
K = 10
EFFORTS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 320)
LISTS = (4, 8, 16, 24, 32, 48, 64, 96, 128)
ASKED = (0.9, 0.95, 0.99)
IVF_PQ = Layout("IVF{lists},PQ{full}x4fs,RFlat")


class Setting:
    """One way to answer all queries, and the fastest time it took."""

    def __init__(self, series: str, label: str, answer: Callable[[], IntArray]) -> None:
        self.series, self.label, self.answer = series, label, answer
        self.seconds = self.processor = float("inf")
        self.found = answer()

    def run(self) -> None:
        start, used = time.perf_counter(), time.process_time()
        self.answer()
        self.seconds = min(self.seconds, time.perf_counter() - start)
        self.processor = min(self.processor, time.process_time() - used)


def graph_settings(graph: Any, series: str, queries: FloatArray) -> Iterator[Setting]:
    for ef in EFFORTS:
        yield Setting(series, f"ef {ef}", lambda ef=ef: graph.search(queries, K, ef))


def list_settings(stored: FloatArray, queries: FloatArray, unit: bool, count: int) -> Iterator[Setting]:
    """Fast scan of 4-bit codes, ten times what is asked for put in order by the vectors."""
    placed = [x / np.linalg.norm(x, axis=1, keepdims=True) if unit else x for x in (stored, queries)]
    index = FaissIndex(IVF_PQ, count)
    index.build(placed[0], [placed[0]], len(stored))
    import faiss

    index.index.k_factor = 10
    inner = faiss.extract_index_ivf(index.index)

    def answer(probes: int) -> IntArray:
        inner.nprobe = probes
        return np.asarray(index.index.search(placed[1], K)[1])

    for probes in LISTS:
        yield Setting("faiss IVF-PQ fast scan, refined", f"nprobe {probes}", lambda probes=probes: answer(probes))


def index_settings(index: SequenceIndex, series: str, queries: FloatArray) -> Iterator[Setting]:
    graph = index.info()["index"] == "hnsw"
    pairs = [(K, {"ef": ef}) for ef in EFFORTS] if graph else [(c, {"lists": n}) for n in LISTS for c in (20, 50)]
    for candidates, effort in pairs:
        label = f"{candidates}, " + " ".join(f"{name} {value}" for name, value in effort.items())
        yield Setting(
            series, label, lambda c=candidates, effort=effort: index.search(queries, K, candidates=c, **effort).rows
        )


def asked_settings(index: SequenceIndex, series: str, queries: FloatArray) -> Iterator[Setting]:
    for recall in ASKED:
        yield Setting(series, f"asked {recall}", lambda recall=recall: index.search(queries, K, recall=recall).rows)


def at_recall(curve: list[tuple[float, float]], recall: float) -> float | None:
    """Queries a second at a recall, by interpolation of the logarithm between what was measured."""
    best: list[tuple[float, float]] = []
    for found, speed in sorted(curve, key=lambda point: (-point[0], -point[1])):
        if not best or speed > best[-1][1]:
            best.append((found, speed))
    recalls, speeds = (np.array(column) for column in zip(*best[::-1], strict=True))
    if not recalls[0] <= recall <= recalls[-1]:
        return None
    return float(np.exp(np.interp(recall, recalls, np.log(speeds))))


def measured(options: argparse.Namespace) -> Iterator[Row]:
    vectors = np.load(options.vectors).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(vectors))
    queries, stored = vectors[order[: options.queries]], vectors[order[options.queries :]]
    unit, name = options.metric == "angular", "cosine" if options.metric == "angular" else "euclidean"
    settings: list[Setting] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder, indexes = Path(options.folder or temporary), {}
        for kind in ("hnsw", "ivf"):
            start = time.perf_counter()
            parameters = {"m": M, "ef_construction": EF_CONSTRUCTION} if kind == "hnsw" else {}
            place = folder / f"{name}-{kind}.ss"
            if place.exists():
                indexes[kind] = SequenceIndex.open(place)
                continue
            indexes[kind] = SequenceIndex.build(place, stored, distance=name, index=kind, index_parameters=parameters)
            yield {"series": f"seqsearch {kind}", "build_s": round(time.perf_counter() - start, 1), "n": len(stored)}
        for kind, peer in (("hnswlib", Hnswlib), ("faiss HNSW", Faiss)):
            graph = peer("cosine" if unit else "l2", stored.shape[1], options.threads)
            place, start = folder / f"{name}-{kind}", time.perf_counter()
            if not place.exists():
                graph.build(stored, place)
                yield {"series": kind, "build_s": round(time.perf_counter() - start, 1), "n": len(stored)}
                graph = peer("cosine" if unit else "l2", stored.shape[1], options.threads)
            graph.load(place)
            settings += graph_settings(graph, kind, queries)
        settings += list_settings(stored, queries, unit, options.threads)
        for kind, index in indexes.items():
            settings += index_settings(index, f"seqsearch {kind}", queries)
            settings += asked_settings(index, f"seqsearch {kind}, asked", queries)
        start = time.perf_counter()
        truth = indexes["hnsw"].search(queries, K, exact=True).distances
        yield {"series": "seqsearch exact", "recall": 1.0, "qps": round(len(queries) / (time.perf_counter() - start))}
        for _ in range(options.times):
            for setting in settings:
                setting.run()
        yield from _told(settings, indexes["hnsw"], queries, truth)
        for index in indexes.values():
            index.close()


def _told(settings: list[Setting], index: SequenceIndex, queries: FloatArray, truth: Any) -> Iterator[Row]:
    curves: dict[str, list[tuple[float, float]]] = {}
    processor: dict[str, list[tuple[float, float]]] = {}
    everything, asked = index.sequences, seqsearch_sequences(queries)
    for setting in settings:
        owners = np.arange(len(queries)).repeat(K)
        there = np.maximum(setting.found.ravel(), 0)
        distances = index.distance.pairs(asked, owners, everything, there).reshape(-1, K)
        hits = (distances <= truth[:, -1:] * (1 + 1e-12) + 1e-12) & (setting.found >= 0)
        recall, speed = float(hits.mean()), len(queries) / setting.seconds
        curves.setdefault(setting.series, []).append((recall, speed))
        processor.setdefault(setting.series, []).append((recall, len(queries) / setting.processor))
        told = {"series": setting.series, "label": setting.label, "recall": round(recall, 4), "qps": round(speed)}
        yield told | {"cpu_us": round(setting.processor / len(queries) * 1e6, 1)}
    for (recall, speed), (_, less) in zip(curves["hnswlib"], processor["hnswlib"], strict=True):
        ratios = {"ratio": _ratios(curves, recall, speed), "cpu_ratio": _ratios(processor, recall, less)}
        yield {"at_recall": round(recall, 4), "hnswlib_qps": round(speed), **ratios}


def _ratios(curves: dict[str, list[tuple[float, float]]], recall: float, speed: float) -> dict[str, float]:
    """Speeds of all others at a recall, in units of that of hnswlib."""
    return {
        series: round(found / speed, 3)
        for series, curve in curves.items()
        if series != "hnswlib" and "asked" not in series and (found := at_recall(curve, recall)) is not None
    }


def seqsearch_sequences(vectors: FloatArray) -> Any:
    from seqsearch import as_sequences

    return as_sequences(vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SEQSEARCH_SHARED", "../shared")
    parser.add_argument("vectors", nargs="?", default=f"{shared}/data/vectors/glove_100k_50d_f16.npy")
    parser.add_argument("--metric", choices=["angular", "euclidean"], default="angular")
    parser.add_argument("--queries", default=1_000, type=int)
    parser.add_argument("--times", default=15, type=int)
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--folder", type=Path, help="keep what is built here, and take what is there")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    threads.use(options.threads)
    for row in measured(options):
        line = json.dumps({"metric": options.metric, "threads": options.threads, **row})
        print(line, flush=True)
        if options.output is not None:
            with open(options.output, "a", encoding="utf-8") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
