"""Homologous proteins: where the best hit by Smith-Waterman score is ranked, beside mmseqs2.

    pip install 'seqsearch[bench]' parasail && apt-get install mmseqs2 mmseqs2-examples
    python benchmarks/proteins.py [--only uniprot,flip] [--stored 5000] [--queries 200] [--effort normal] [--seconds 60]
        [--data ../shared/data] [--uniprot DB.fasta.gz] [--threads 2] [--output rows.jsonl]

uniprot: DB.fasta.gz of the package mmseqs2-examples, 20,000 proteins of UniProt; flip: secondary_structure.tsv.gz under
--data (FLIP benchmark, chains that hardly share a quarter of their residues). Of those of 30 to 1,000 residues of the
twenty kinds (or X), distinct, `--stored` are stored and others asked for. The truth is the raw score of every pair by
parasail (local, BLOSUM62, gaps of 11 + n); `differences` counts the pairs of which our own score is another. Distance
alignment, normalise=query, so that hits are in the order of their scores.

first: the share of queries whose best hit is named first; rank_50 and rank_95: its rank for half and for 95% of the
queries (null: not among the hits); recall: the ten best by score among the first ten, ties counted. The same with
_related for queries whose best hit has an E-value of at most .001. "by its points alone": nothing is verified. mmseqs2
ranks by E-value, of scores corrected for composition; "re-ranked": all its hits, of any E-value, put in order by score.
qps: queries a second, and cpu_ms: of processor time a query, whoever else wants the cores; of mmseqs2 of the whole
process, of parasail with a profile of each query. build_s: with the training, which takes at most --seconds of
processor time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from harness.ranks import candidate_recall

from seqsearch import SequenceIndex, threads, write_fasta
from seqsearch.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from seqsearch.distances import AlignmentDistance, EditDistance
from seqsearch.geometry import matrix
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import PROTEIN, Sequences, read

K = 10
LETTERS = frozenset("ACDEFGHIKLMNPQRSTVWYX")
SHORTEST, LONGEST = 30, 1000
RELATED = 0.001
CANDIDATES = (100, 400)
SENSITIVITIES = (5.7, 7.5)
DISTANCE = AlignmentDistance(normalise="query")
Row = dict[str, object]
Encoder = str | Callable[[list[str]], FloatArray]


@dataclass(frozen=True)
class Task:
    """`scores`: (Q, n) of every query with everything stored; `related`: (Q,) whether the best is no chance."""

    stored: Sequences
    queries: Sequences
    scores: DoubleArray

    @property
    def related(self) -> BoolArray:
        values = DISTANCE.e_values(self.scores.max(axis=1), self.queries.lengths, self.stored.steps)
        assert values is not None
        return values <= RELATED

    def told(self, ranks: DoubleArray, first_ten: IntArray) -> Row:
        """Of ranks (Q,), inf where the best was not found, and rows (Q, <= 10), -1 padded."""
        best = self.scores.max(axis=1, keepdims=True)
        truth = np.sort(best - self.scores, axis=1)[:, :K]
        there = np.take_along_axis(best - self.scores, np.maximum(first_ten, 0), axis=1)
        found = np.where(first_ten >= 0, there, np.inf)
        row: Row = {}
        for name, chosen in (("", np.ones(len(ranks), np.bool_)), ("_related", self.related)):
            if chosen.any():
                halves = np.quantile(ranks[chosen], (0.5, 0.95), method="inverted_cdf")
                row[f"first{name}"] = round(float((ranks[chosen] == 1).mean()), 4)
                row |= {
                    f"rank_{share}{name}": float(rank) if np.isfinite(rank) else None
                    for share, rank in zip((50, 95), halves, strict=True)
                }
                row[f"recall{name}"] = round(candidate_recall(found[chosen], truth[chosen], K), 4)
        return row

    def listed(self, rows: IntArray) -> Row:
        """Of hits in order, (Q, m) rows, -1 padded."""
        scores = np.take_along_axis(self.scores, np.maximum(rows, 0), axis=1)
        best = (rows >= 0) & (scores == self.scores.max(axis=1, keepdims=True))
        ranks = np.where(best.any(axis=1), best.argmax(axis=1) + 1.0, np.inf)
        return self.told(ranks, rows[:, :K])

    def ordered(self, distances: DoubleArray) -> Row:
        """Of distances (Q, n) to everything; the best hit comes in the middle of the others that are as near."""
        best = self.scores == self.scores.max(axis=1, keepdims=True)
        own = np.where(best, distances, np.inf).min(axis=1, keepdims=True)
        ranks = 1 + (distances < own).sum(axis=1) + ((distances == own) & ~best).sum(axis=1) / 2
        return self.told(ranks, np.argsort(distances, axis=1, kind="stable")[:, :K])


def uniprot(options: argparse.Namespace) -> list[str] | str:
    if not options.uniprot.exists():
        return f"{options.uniprot} is missing: apt-get install mmseqs2-examples"
    return read(options.uniprot, alphabet=PROTEIN, on_error="skip").texts()


def flip(options: argparse.Namespace) -> list[str] | str:
    path = Path(options.data) / "tagging/secondary_structure.tsv.gz"
    if not path.exists():
        return f"{path} is missing"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.split("\t")[2] for line in list(file)[1:]]


class Clock:
    """What so many queries take from now on, of this process and of those that it starts and waits for."""

    def __init__(self, queries: int) -> None:
        self.queries, self.start, self.used = queries, time.perf_counter(), self._used()

    @staticmethod
    def _used() -> float:
        return sum(os.times()[:4])

    def told(self) -> Row:
        seconds, used = time.perf_counter() - self.start, self._used() - self.used
        return {"qps": round(self.queries / seconds, 1), "cpu_ms": round(1000 * used / self.queries, 2)}


DATA: dict[str, Callable[[argparse.Namespace], list[str] | str]] = {"uniprot": uniprot, "flip": flip}


def by_parasail(queries: Sequences, stored: Sequences) -> DoubleArray:
    """The scores (Q, n)."""
    import parasail

    texts = stored.texts()

    def scores_of(query: str) -> list[int]:
        profile = parasail.profile_create_sat(query, parasail.blosum62)
        return [parasail.sw_striped_profile_sat(profile, text, 12, 1).score for text in texts]

    with ThreadPoolExecutor(threads.count()) as pool:
        return np.array(list(pool.map(scores_of, queries.texts())), np.float64)


# Murphy, Wallqvist & Levy, Simplified amino acid alphabets for protein fold recognition, Protein Eng. 13 (2000).
GROUPS = ("LVIM", "C", "A", "G", "ST", "P", "FYW", "EDNQ", "KR", "H")
GROUP_OF = np.full(256, 2, np.int64)  # X as alanine
for _number, _letters in enumerate(GROUPS):
    GROUP_OF[np.frombuffer(_letters.encode(), np.uint8)] = _number


def trimers(texts: list[str]) -> FloatArray:
    """(n, 1000) roots of the counts of three residues in a row, of ten groups of residues."""
    made = np.zeros((len(texts), len(GROUPS) ** 3), np.float32)
    for row, text in zip(made, texts, strict=True):
        groups = GROUP_OF[np.frombuffer(text.encode(), np.uint8)]
        row += np.sqrt(np.bincount(100 * groups[:-2] + 10 * groups[1:-1] + groups[2:], minlength=len(row)))
    return made


ENCODERS: dict[str, Encoder] = {"k-mer counts": "kmer", "own vectors, trimers": trimers, "learned": "auto"}


def by_index(task: Task, folder: Path, route: str, plan: TrainingPlan) -> Iterator[Row]:
    """An index of one encoder: what was asked for, fixed numbers of candidates, and its points alone."""
    start = time.perf_counter()
    how: dict[str, Any] = {"encoder": ENCODERS[route]}
    if how["encoder"] == "auto":
        how = {"model": train(task.stored, DISTANCE, plan=plan)[0]}
    with SequenceIndex.build(folder / f"{route}.ss", task.stored, distance=DISTANCE, recall=0.99, **how) as index:
        build = round(time.perf_counter() - start, 1)
        wanted: list[tuple[str, dict[str, Any]]] = [("recall .99", {"recall": 0.99})]
        wanted += [(f"{count} candidates", {"candidates": count}) for count in CANDIDATES]
        if route == "k-mer counts":
            wanted = [("lossless", {"exact": True}), *wanted[1:]]
        for what, asked in wanted:
            index.search(task.queries[:2], K, **asked)
            clock = Clock(len(task.queries))
            rows = index.search(task.queries, K, **asked).rows
            facts: Row = {"route": route, "budget": what} | clock.told()
            if "recall" in asked:
                chosen, why = index.budget(K)
                facts |= {"candidates": None if chosen is None else chosen.candidates, "why": why}
            yield facts | {"build_s": build} | task.listed(rows)
        alone = {"route": route, "budget": "by its points alone", "build_s": build}
        yield alone | task.ordered(_between_points(index, task, ENCODERS[route]))


def _between_points(index: SequenceIndex, task: Task, encoder: Encoder) -> DoubleArray:
    """(Q, n) distances of what proposes candidates."""
    if isinstance(encoder, str):
        model = index.model
        return matrix(model.geometry, model.embed(task.queries), model.embed(task.stored)).astype(np.float64)
    asked, stored = (encoder(some.texts()).astype(np.float64) for some in (task.queries, task.stored))
    norms = np.linalg.norm(asked, axis=1)[:, None] * np.linalg.norm(stored, axis=1)
    return np.asarray(1 - asked @ stored.T / norms)


def by_mmseqs(task: Task, folder: Path) -> Iterator[Row]:
    """mmseqs2 as it ranks, and all its hits re-ranked."""
    told = subprocess.run(["mmseqs", "version"], capture_output=True, text=True, check=True).stdout.split("-")[0]
    database, asked, out = folder / "stored.fasta", folder / "asked.fasta", folder / "hits.tsv"
    for path, some in ((database, task.stored), (asked, task.queries)):
        write_fasta(path, Sequences.from_texts(some.texts(), PROTEIN, ids=[str(row) for row in range(len(some))]))
    start = time.perf_counter()
    _mmseqs("createdb", database, folder / "stored")
    build = round(time.perf_counter() - start, 1)
    for sensitivity in SENSITIVITIES:
        limits = ("-s", sensitivity, "--max-seqs", 300, "-e", 1e6, "--threads", threads.count())
        clock = Clock(len(task.queries))
        _mmseqs(
            "easy-search", asked, folder / "stored", out, folder / "work", *limits, "--format-output", "query,target"
        )
        speed = clock.told()
        lists: list[dict[int, None]] = [{} for _ in range(len(task.queries))]
        for line in out.read_text().splitlines():
            query, target = map(int, line.split("\t"))
            lists[query][target] = None
        rows = np.full((len(lists), max(K, *map(len, lists))), -1)
        for row, hits in zip(rows, lists, strict=True):
            row[: len(hits)] = list(hits)
        facts: Row = {"route": f"mmseqs2 {told}", **speed, "build_s": build}
        facts["hits"] = round(float((rows >= 0).sum(axis=1).mean()), 1)
        yield facts | {"budget": f"-s {sensitivity}"} | task.listed(rows)
        scores = np.where(rows >= 0, np.take_along_axis(task.scores, np.maximum(rows, 0), axis=1), -np.inf)
        order = np.argsort(-scores, axis=1, kind="stable")
        yield facts | {"budget": f"-s {sensitivity}, re-ranked"} | task.listed(np.take_along_axis(rows, order, axis=1))


def _mmseqs(*arguments: object) -> None:
    subprocess.run(["mmseqs", *map(str, arguments), "-v", "1"], check=True, capture_output=True)


def measured(texts: list[str], options: argparse.Namespace) -> Iterator[Row]:
    fit = sorted({text for text in texts if SHORTEST <= len(text) <= LONGEST and LETTERS.issuperset(text)})
    order = np.random.default_rng(0).permutation(len(fit))[: options.queries + options.stored]
    queries, stored = (
        Sequences.from_texts([fit[row] for row in part], PROTEIN)
        for part in (order[: options.queries], order[options.queries :])
    )
    DISTANCE.matrix(queries[:2], stored[:9])  # compiled
    i, j = np.divmod(np.arange(len(queries) * len(stored)), len(stored))
    clock = Clock(len(queries))
    own = DISTANCE.scores(queries, i, stored, j).reshape(len(queries), -1)
    ours = clock.told()
    clock = Clock(len(queries))
    scores = by_parasail(queries, stored)
    theirs = clock.told()
    task = Task(stored, queries, scores)
    facts: Row = {"residues": round(float(stored.lengths.mean()), 1), "related": round(float(task.related.mean()), 4)}
    differences = int((own != scores).sum())
    yield {"route": "seqsearch, scores of every pair", **ours, "pairs": own.size, "differences": differences} | facts
    yield {"route": f"parasail {version('parasail')}, every pair", **theirs} | task.ordered(-scores)
    edits = EditDistance().matrix(queries, stored)
    yield {"route": "edit distance", "budget": "every pair"} | task.ordered(edits)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if shutil.which("mmseqs"):
            yield from by_mmseqs(task, folder)
        else:
            print("mmseqs2 skipped: apt-get install mmseqs2")
        plan = replace(TrainingPlan.of_effort(options.effort), seconds=options.seconds, clock="cpu")
        for route in ENCODERS:
            yield from by_index(task, folder, route, plan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(DATA), type=lambda text: text.split(","))
    parser.add_argument("--data", default=os.environ.get("SEQSEARCH_SHARED", "../shared") + "/data")
    parser.add_argument("--uniprot", type=Path, default="/usr/share/doc/mmseqs2/example-data/DB.fasta.gz")
    parser.add_argument("--stored", default=5000, type=int)
    parser.add_argument("--queries", default=200, type=int)
    parser.add_argument("--effort", default="normal", help="of the learned encoder")
    parser.add_argument("--seconds", default=60.0, type=float, help="of processor time for learning, 0: no limit")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--output", type=Path, help="rows as JSON lines, added to what is there")
    options = parser.parse_args()
    threads.use(options.threads)
    for name in options.only:
        texts = DATA[name](options)
        if isinstance(texts, str):
            print(f"{name} skipped: {texts}")
            continue
        about = {"data": name, "stored": options.stored, "queries": options.queries, "threads": options.threads}
        for row in measured(texts, options):
            line = json.dumps(about | row)
            print(line, flush=True)
            if options.output is not None:
                with open(options.output, "a", encoding="utf-8") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()
