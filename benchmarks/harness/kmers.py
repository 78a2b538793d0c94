"""What one builds in an afternoon: k-mer counts, a vector library, and rapidfuzz for the order of its candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqsearch.arrays import FloatArray, IntArray
from seqsearch.sequences import Sequences

from . import graphs, lists
from .algorithm import Algorithm, Budget, Found
from .tasks import SequenceTask, Task

WIDTH = 256
LETTERS = {"dna": 4, "protein": 2, "text": 2}  # k of the k-mers
_ROWS = 20_000


def kmer_counts(sequences: Sequences, k: int) -> FloatArray:
    """(n, 256) counts of k-mers; of four letters and k = 4 each has its own place, others share places by a hash."""
    counts = np.zeros((len(sequences), WIDTH), np.float32)
    for start in range(0, len(sequences), _ROWS):
        part = sequences[start : start + _ROWS]
        code = np.zeros(max(0, len(part.data) - k + 1), np.uint64)
        for step in range(k):
            code = code * np.uint64(4 if k == 4 else 0x9E3779B1) + part.data[step : step + len(code)]
        if k != 4:
            code ^= code >> np.uint64(15)
        owner = np.repeat(np.arange(len(part)), part.lengths)[: len(code)]
        whole = np.arange(len(code)) + k <= part.offsets[owner + 1]  # not across the end of a sequence
        cells = owner[whole] * WIDTH + (code[whole] % np.uint64(WIDTH)).astype(np.int64)
        counts[start : start + len(part)] = np.bincount(cells, minlength=len(part) * WIDTH).reshape(-1, WIDTH)
    return counts


class KmerGraph(Algorithm):
    """k-mer counts in a graph library, the candidates put in order by rapidfuzz."""

    graph: type[graphs.Graph]

    def version(self) -> str:
        return super().version() if self.package else ""

    def _graph(self) -> Any:
        return self.graph("l2", WIDTH, self.threads)

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, SequenceTask)
        self._graph().build(kmer_counts(task.database, LETTERS[str(task.alphabet)]), folder / "graph")

    def load(self, task: Task, folder: Path) -> None:
        assert isinstance(task, SequenceTask)
        self.letters = LETTERS[str(task.alphabet)]
        self.index = self._graph()
        self.index.load(folder / "graph")
        self.stored = np.array(task.database.texts(), object)

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget(str(c), {"candidates": c}) for c in (10, 50, 100, 200, 400, 800) if c < task.size]

    def prepare(self, task: Task, part: slice, folder: Path) -> tuple[Sequences, Any]:
        assert isinstance(task, SequenceTask)
        queries = task.queries[part]
        return queries, np.array(queries.texts(), object)

    def search(self, prepared: tuple[Sequences, Any], budget: Budget) -> IntArray:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cpdist

        queries, texts = prepared
        count = budget.values["candidates"]
        rows = self.index.search(kmer_counts(queries, self.letters), count, count)
        asked = np.repeat(texts, count)
        distances = cpdist(
            asked,
            self.stored[np.maximum(rows, 0).ravel()],
            scorer=Levenshtein.distance,
            dtype=np.uint32,
            workers=self.threads,
        ).reshape(rows.shape)
        order = np.argsort(np.where(rows < 0, np.iinfo(np.uint32).max, distances), axis=1, kind="stable")[:, : self.k]
        return np.take_along_axis(rows, order, axis=1)

    def found(self, answer: IntArray) -> Found:
        return Found(answer)


class KmerHnswlib(KmerGraph):
    series, graph, modules, package = "k-mers + hnswlib + rapidfuzz", graphs.Hnswlib, ("hnswlib",), "hnswlib"


class KmerFaiss(KmerGraph):
    series, graph, modules, package = "k-mers + faiss HNSW + rapidfuzz", graphs.Faiss, ("faiss",), "faiss-cpu"


class KmerUSearch(KmerGraph):
    series, graph, modules, package = "k-mers + usearch + rapidfuzz", graphs.USearch, ("usearch",), "usearch"


class KmerLists(Algorithm):
    """Roots of 4-mer counts, normalised, in raw faiss, as it ranks them; the harness re-ranks all its hits itself."""

    modules, package = ("faiss",), "faiss-cpu"
    adds = True
    layout: ClassVar[lists.Layout]
    efforts: ClassVar[tuple[int, ...]] = (16, 64, 256)

    def unfit(self, task: Task) -> str | None:
        return None if task.alphabet == "dna" else f"4-mers are of dna, not of {task.alphabet}"

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, SequenceTask)
        stored = task.database
        wanted = min(len(stored), max(lists.LEAST_SAMPLE, lists.SAMPLE * lists.list_count(len(stored))))
        chosen = np.sort(np.random.default_rng(0).choice(len(stored), wanted, replace=False))
        self.index = lists.FaissIndex(self.layout, self.threads)
        parts = (kmer_points(stored[start : start + _ROWS]) for start in range(0, len(stored), _ROWS))
        self.index.build(kmer_points(stored[chosen]), parts, len(stored))
        self.index.save(folder / "index")

    def load(self, task: Task, folder: Path) -> None:
        self.index = lists.FaissIndex(self.layout, self.threads)
        self.index.load(folder / "index")

    def reopened(self, task: Task, folder: Path) -> bool:
        self.index.load(folder / "index")
        return True

    def budgets(self, task: Task) -> list[Budget]:
        pairs = [(e, c) for c in (10, 100, 400, 1600) if c < task.size for e in self.efforts]
        return [Budget(f"{c}, {self.layout.effort} {e}", {"candidates": c, "effort": e}) for e, c in pairs]

    def search(self, prepared: Sequences, budget: Budget) -> IntArray:
        return self.index.search(kmer_points(prepared), budget.values["candidates"], budget.values["effort"])

    def add(self, sequences: Sequences, folder: Path) -> None:
        for start in range(0, len(sequences), _ROWS):
            self.index.index.add(kmer_points(sequences[start : start + _ROWS]))
        self.index.save(folder / "index")


def kmer_points(sequences: Sequences) -> FloatArray:
    """(n, 256) unit vectors: square roots of the shares of all 4-mers (the Hellinger distance of their profiles)."""
    counts = kmer_counts(sequences, 4)
    return np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


class KmerIvfPq(KmerLists):
    series, layout = "4-mers + faiss IVF-PQ", lists.IVF_PQ


class KmerIvfRabitq(KmerLists):
    series, layout = "4-mers + faiss IVF-RaBitQ", lists.IVF_RABITQ


class KmerHnsw(KmerLists):
    series, layout, efforts = "4-mers + faiss HNSW", lists.HNSW, (1,)
