"""Exact distances beside their peers, in one run: edit distance, DTW, DTW on hashes, and lossless search with them.

    python benchmarks/distances.py [--only edit,exact,dtw,nearest,hash,equality] [--data DIR] [--threads 2]
        [--pairs 10000] [--output rows.jsonl]

Sequences: Greengenes 13_8 from the package qiime-default-reference (V4: the 150 nt after primer GTGYCAGCMGCCGCGGTAA,
ACGT only, distinct); heartbeats: DIR/ecg/mitbih_beats.npz. Peers: rapidfuzz, dtaidistance, aeon, tslearn; one that is
not installed is skipped with a line that says so. Every time is the best of several; `peer_times` is how many times as
fast. equality: random pairs of which each second one is related; `differences` counts those of which rapidfuzz, or
parasail, says something else, both asked pair by pair.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch import threads
from seqsearch.arrays import AnyArray
from seqsearch.distances import (
    AlignmentDistance,
    Distance,
    DTWDistance,
    EditDistance,
    HashDTW,
    HashSequences,
    distance_named,
)
from seqsearch.sequences import DNA, Sequences

PRIMER = re.compile("GTG[CT]CAGC[AC]GCCGCGGTAA")


class Rows:
    """Prints rows and keeps them for the output file."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        self.kept.append(row)
        shown = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
        print("  ".join(f"{k}={v}" for k, v in shown.items()), flush=True)


def best_of(work: Callable[[], Any], runs: int = 3) -> tuple[float, Any]:
    """(least seconds, last result) of several runs, after one that compiles."""
    result = work()
    least = np.inf
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - start)
    return float(least), result


def repeated(work: Callable[[], Any], times: int) -> Any:
    """The last of several results."""
    for _ in range(times - 1):
        work()
    return work()


def optional(module: str) -> Any:
    """The module, or None with a line that says so."""
    if importlib.util.find_spec(module.split(".")[0]) is None:
        print(f"skipped: {module} is not installed")
        return None
    return importlib.import_module(module)


def greengenes() -> tuple[list[str], list[str]]:
    """(V4 fragments, full-length genes)."""
    package = optional("qiime_default_reference")
    if package is None:
        return [], []
    fasta = Path(package.__file__).parent / "gg_13_8_otus" / "rep_set" / "97_otus.fasta"
    records = fasta.read_text().split(">")[1:]
    genes = ["".join(record.split("\n")[1:]) for record in records]
    found = (PRIMER.search(gene) for gene in genes)
    cut = (gene[m.end() : m.end() + 150] for gene, m in zip(genes, found, strict=True) if m)
    return list(dict.fromkeys(s for s in cut if len(s) == 150 and set(s) <= set("ACGT"))), genes


def split(texts: list[str], queries: int) -> tuple[Sequences, Sequences]:
    """(queries, targets), the queries taken out of the targets."""
    order = np.random.default_rng(0).permutation(len(texts))
    made = [Sequences.from_texts([texts[i] for i in part], DNA) for part in (order[:queries], order[queries:])]
    return made[0], made[1]


def edit(rows: Rows, options: argparse.Namespace) -> None:
    """One-to-many and re-ranking rates."""
    process, scorer = optional("rapidfuzz.process"), optional("rapidfuzz.distance.Levenshtein")
    v4, genes = greengenes()
    for name, texts, n, q in (("v4", v4, 70_000, 40), ("full", genes, 4_000, 4)):
        if not texts:
            continue
        queries, targets = split(texts, 1000)
        queries, targets = queries[:q], targets[:n]
        seconds, ours = best_of(lambda a=queries, b=targets: EditDistance().matrix(a, b))
        row: dict[str, Any] = {"what": "edit one-to-many", "data": name, "pairs_per_s": ours.size / seconds}
        if process is not None:
            few = targets[: 10_000 if name == "v4" else 2_000]
            a, b = queries[:4].texts(), few.texts()
            peer, theirs = best_of(
                lambda a=a, b=b: process.cdist(a, b, scorer=scorer.distance, workers=threads.count())
            )
            row |= {"peer": "rapidfuzz cdist", "peer_pairs_per_s": theirs.size / peer}
            row["peer_times"] = row["pairs_per_s"] / row["peer_pairs_per_s"]
            row["equal"] = bool(np.array_equal(ours[:4, : len(few)], theirs))
        rows.add(**row)
    if v4:
        queries, targets = split(v4, 1000)
        near = EditDistance().exact(queries, targets, 400).rows
        for candidates in (100, 400):
            seconds, _ = best_of(lambda c=candidates: EditDistance().rerank(queries, targets, near[:, :c], 10))
            rows.add(
                what="edit rerank, k=10",
                data="v4",
                candidates=candidates,
                queries_per_s=len(queries) / seconds,
                pairs_per_s=len(queries) * candidates / seconds,
            )


def exact(rows: Rows, options: argparse.Namespace) -> None:
    """Lossless search against brute force, whose rate is measured on a part of the targets."""
    process, scorer = optional("rapidfuzz.process"), optional("rapidfuzz.distance.Levenshtein")
    v4, genes = greengenes()
    for name, texts, q, part in (("v4", v4, 200, 10_000), ("full", genes, options.full_queries, 1_500)):
        if not texts:
            continue
        queries, targets = split(texts, q)
        EditDistance().searcher(targets[:600]).search(queries[:2], 10)
        start = time.perf_counter()
        ready = EditDistance().searcher(targets)
        prepared = time.perf_counter() - start
        start = time.perf_counter()
        found, pruning = ready.search(queries, 10)
        seconds = time.perf_counter() - start
        row = {
            "what": "exact 10 nearest",
            "data": name,
            "targets": len(targets),
            "queries": q,
            "prepare_s": prepared,
            "search_s": seconds,
            "queries_per_s": q / (prepared + seconds),
        }
        if process is not None:
            a, b = queries[:3].texts(), targets[:part].texts()
            peer, theirs = best_of(
                lambda a=a, b=b: process.cdist(a, b, scorer=scorer.distance, workers=threads.count()), runs=2
            )
            brute = peer / theirs.size * len(targets) * q
            row |= {"peer": "rapidfuzz brute force", "peer_s": brute, "peer_times": brute / (prepared + seconds)}
            whole = process.cdist(a[:1], targets.texts(), scorer=scorer.distance, workers=threads.count())[0]
            row["equal"] = bool(np.array_equal(np.sort(whole)[:10], found.distances[0]))
        rows.add(**row, pruned=str(pruning))


def dtw_peers(window: float | None, length: int) -> dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]]:
    """Name -> (distance of a pair as a sum, matrix as a sum or None), all with squared costs and the same band."""
    peers: dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]] = {}
    radius = length if window is None else int(window * length)
    dtai = optional("dtaidistance.dtw")
    if dtai is not None:
        band = None if window is None else radius + 1
        peers["dtaidistance"] = (
            lambda x, y: dtai.distance_fast(x, y, window=band) ** 2,
            lambda a, b: (
                dtai.distance_matrix_fast(
                    np.concatenate([a, b]), window=band, block=((0, len(a)), (len(a), len(a) + len(b))), parallel=True
                )[: len(a), len(a) :]
                ** 2
            ),
        )
    aeon = optional("aeon.distances")
    if aeon is not None:
        peers["aeon"] = (
            lambda x, y: aeon.dtw_distance(x, y, window=window),
            lambda a, b: aeon.dtw_pairwise_distance(a, b, window=window, n_jobs=threads.count()),
        )
    tslearn = optional("tslearn.metrics")
    if tslearn is not None:
        form = {} if window is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
        peers["tslearn"] = (
            lambda x, y: tslearn.dtw(x, y, **form) ** 2,
            lambda a, b: tslearn.cdist_dtw(a, b, n_jobs=threads.count(), **form) ** 2,
        )
    return peers


def dtw(rows: Rows, options: argparse.Namespace) -> None:
    """Pairs and matrices of classic DTW, squared costs, as sums."""
    rng = np.random.default_rng(0)
    for length, size in ((128, 60), (1024, 12)):
        series = rng.standard_normal((2 * size, length)).cumsum(axis=1).astype(np.float32)
        a, b = (Sequences.from_arrays(part) for part in (series[:size], series[size:]))
        x, y = series[:size].astype(np.float64), series[size:].astype(np.float64)
        for window in (None, 0.1):
            distance = DTWDistance(window=window)
            repeats = 200 if length == 128 else 10
            same = np.zeros(repeats, np.int64)
            with threads.using(1):
                one, values = best_of(lambda d=distance, a=a, b=b, s=same: d.pairs(a, s, b, s))
            value = float(values[0])
            whole, table = best_of(lambda d=distance, a=a, b=b: d.matrix(a, b))
            row: dict[str, Any] = {
                "what": "dtw",
                "length": length,
                "window": window,
                "pair_us": one / repeats * 1e6,
                "matrix_pairs_per_s": table.size / whole,
            }
            for name, (pair, matrix) in dtw_peers(window, length).items():
                peer, theirs = best_of(lambda p=pair, x=x, y=y, r=repeats: repeated(lambda: p(x[0], y[0]), r), 2)
                row[f"{name}_pair_us"] = peer / repeats * 1e6
                row[f"{name}_relative_difference"] = abs(theirs - value) / value
                if matrix is not None:
                    peer, theirs = best_of(lambda m=matrix, x=x, y=y: m(x, y), 2)
                    row[f"{name}_matrix_pairs_per_s"] = table.size / peer
                    row[f"{name}_matrix_relative_difference"] = float(np.max(np.abs(theirs - table) / table))
            rows.add(**row)


def nearest(rows: Rows, options: argparse.Namespace) -> None:
    """Exact nearest heartbeats with lower bounds against brute force by our own matrix and by the peers'."""
    path = Path(options.data) / "ecg" / "mitbih_beats.npz"
    if not path.exists():
        print(f"skipped: {path} is not there")
        return
    with np.load(path) as archive:
        beats, record = archive["X"].astype(np.float32), archive["record"]
    held_out = np.isin(record, np.unique(record)[::6])
    rng = np.random.default_rng(0)
    targets = Sequences.from_arrays(beats[~held_out])
    chosen = rng.choice(np.flatnonzero(held_out), options.beats, replace=False)
    queries = Sequences.from_arrays(beats[chosen])
    for window, standardise, k in ((0.05, True, 1), (0.1, True, 1), (0.1, True, 10), (0.1, False, 1), (None, True, 1)):
        distance = DTWDistance(window=window, standardise=standardise)
        distance.exact(queries[:1], targets[:50], k)
        start = time.perf_counter()
        found, pruning = distance.searcher(targets).search(queries, k)
        seconds = time.perf_counter() - start
        part = targets[:2000]
        brute, table = best_of(lambda d=distance, p=part: d.matrix(queries[:4], p), 2)
        scale = len(queries) * len(targets) / table.size
        row: dict[str, Any] = {
            "what": "exact nearest",
            "data": "ecg",
            "window": window,
            "standardise": standardise,
            "k": k,
            "targets": len(targets),
            "queries": len(queries),
            "search_s": seconds,
            "queries_per_s": len(queries) / seconds,
            "own_brute_times": brute * scale / seconds,
        }
        whole = distance.matrix(queries[:2], targets)
        row["equal"] = bool(np.allclose(np.sort(whole, axis=1)[:, :k], found.distances[:2], rtol=1e-9))
        x, y = (s.data[: 200 * n].astype(np.float64).reshape(n, 200) for s, n in ((queries, 4), (targets, 500)))
        if standardise:
            x, y = ((s - s.mean(1, keepdims=True)) / s.std(1, keepdims=True) for s in (x, y))
        for name, (_, matrix) in dtw_peers(window, 200).items():
            if matrix is not None:
                peer, theirs = best_of(lambda m=matrix, x=x, y=y: m(x, y), 1)
                row[f"{name}_brute_times"] = peer * len(queries) * len(targets) / theirs.size / seconds
        rows.add(**row, pruned=str(pruning))


def hashes(rows: Rows, options: argparse.Namespace) -> None:
    """Cells a second and core of DTW on hash sequences, distances included."""
    rng = np.random.default_rng(0)
    for dtype in (np.uint16, np.uint32, np.uint64):
        queries, targets = (
            HashSequences.of(rng.integers(0, 1 << 15, int(sum(lengths))).astype(dtype), np.cumsum([0, *lengths]))
            for lengths in ([250] * 8, rng.integers(150, 350, 3000))
        )
        with threads.using(1):
            seconds, _ = best_of(lambda q=queries, t=targets: HashDTW(penalty=4).scores(q, t))
        cells = queries.codes.size * targets.codes.size
        rows.add(what="hash dtw, one core", bits=queries.bits, gcells_per_s=cells / seconds / 1e9)


FUZZY: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "weighted-edit": ({"insertion": 3, "deletion": 5, "substitution": 4}, "Levenshtein", {"weights": (3, 5, 4)}),
    "indel": ({}, "Indel", {}),
    "osa": ({}, "OSA", {}),
    "damerau-levenshtein": ({}, "DamerauLevenshtein", {}),
    "jaro-winkler": ({"prefix_weight": 0.1}, "JaroWinkler", {"prefix_weight": 0.1}),
}
STRINGS = {"dna": ("ACGT", 150), "protein": ("ARNDCQEGHILKMFPSTWYVBZX", 250), "text": ("abcdeorst éßあ😀", 24)}
SCORES = {"global": "nw_scan_32", "semi-global": "sg_scan_32", "local": "sw_scan_32"}


def random_pairs(letters: str, longest: int, count: int) -> tuple[list[str], list[str]]:
    """`count` pairs of 1 to `longest` letters: two by chance, and in turn one with a part of it, edited."""
    rng = np.random.default_rng(0)

    def some(most: int) -> list[str]:
        return [letters[code] for code in rng.integers(0, len(letters), int(rng.integers(1, most + 1)))]

    firsts, seconds = [], []
    for pair in range(count):
        first, second = some(longest), some(longest)
        if pair % 2:
            start, stop = sorted(rng.integers(0, len(first) + 1, 2).tolist())
            second = first[start : stop + 1] or second
            for _ in range(int(rng.integers(0, 1 + len(second) // 4))):
                at, kind = int(rng.integers(len(second))), int(rng.integers(4))
                if kind == 3:  # a swap of two neighbours
                    second[at : at + 2] = second[at : at + 2][::-1]
                elif kind or len(second) > 1:
                    second[at : at + int(kind < 2)] = some(1) * (kind > 0)
        firsts.append("".join(first))
        seconds.append("".join(second))
    return firsts, seconds


def equality(rows: Rows, options: argparse.Namespace) -> None:
    """How many of many random pairs differ from what rapidfuzz and parasail say of them."""
    rapid, parasail = optional("rapidfuzz.distance"), optional("parasail")
    for data, (letters, longest) in STRINGS.items():
        texts = random_pairs(letters, longest, options.pairs)
        a, b = (Sequences.from_texts(each, data) for each in texts)
        same = np.arange(options.pairs)

        def told(distance: Distance, found: AnyArray, expected: list[float], peer: str, data: str = data) -> None:
            """A row: how many differ, and by how much at most."""
            apart = np.abs(found - np.array(expected, np.float64))
            facts = {"what": "equality", "data": data, "distance": distance.name, **distance.parameters(), "peer": peer}
            rows.add(**facts, pairs=len(apart), differences=int((apart > 0).sum()), most=float(apart.max()))

        for name, (parameters, measure, arguments) in FUZZY.items() if rapid is not None else ():
            distance, counted = distance_named(name, **parameters), getattr(rapid, measure).distance
            expected = [counted(x, y, **arguments) for x, y in zip(*texts, strict=True)]
            told(distance, distance.pairs(a, same, b, same), expected, f"rapidfuzz {measure}")
        if data != "protein" or parasail is None:
            continue
        for mode, measure in SCORES.items():
            aligned, counted = AlignmentDistance(mode=mode), getattr(parasail, measure)
            expected = [counted(x, y, 12, 1, parasail.blosum62).score for x, y in zip(*texts, strict=True)]
            told(aligned, aligned.scores(a, same, b, same), expected, f"parasail {measure}")
            # one query with many targets goes another way than pairs do: many at once
            owners, others = np.divmod(np.arange(options.pairs), 100)
            expected = [
                counted(texts[0][x], texts[1][y], 12, 1, parasail.blosum62).score
                for x, y in zip(owners.tolist(), others.tolist(), strict=True)
            ]
            told(aligned, aligned.scores(a, owners, b, others), expected, f"parasail {measure}, 100 targets a query")


SECTIONS = {"edit": edit, "exact": exact, "dtw": dtw, "nearest": nearest, "hash": hashes, "equality": equality}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, comma-separated")
    parser.add_argument("--data", default=os.environ.get("SEQSEARCH_SHARED", "../shared") + "/data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--full-queries", type=int, default=50, help="queries of full-length exact search")
    parser.add_argument("--beats", type=int, default=100, help="heartbeats to look up")
    parser.add_argument("--pairs", type=int, default=10_000, help="random pairs of each distance of `equality`")
    parser.add_argument("--output", help="write the rows as JSON lines to this file")
    options = parser.parse_args()
    threads.use(options.threads)
    rows = Rows()
    for name in options.only.split(","):
        SECTIONS[name](rows, options)
    if options.output:
        Path(options.output).write_text("".join(json.dumps(row) + "\n" for row in rows.kept))


if __name__ == "__main__":
    main()
