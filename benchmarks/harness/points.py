"""Plain vectors: the candidate index of seqsearch beside the graph libraries, with equal parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import seqsearch
from seqsearch import ann, threads
from seqsearch.arrays import FloatArray, IntArray

from . import graphs, lists
from .algorithm import Algorithm, Budget
from .tasks import Task, VectorTask

EFFORTS = (10, 20, 40, 80, 160, 320, 640)


class Vectors(Algorithm):
    kinds = ("vectors",)

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget(f"ef {ef}", {"ef": ef}) for ef in EFFORTS]


class SeqsearchHnsw(Vectors):
    """`seqsearch.ann`: the graph, the true order of what it finds, duplicates under one node."""

    series = "seqsearch hnsw"
    kind = "hnsw"

    def version(self) -> str:
        return seqsearch.__version__

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, VectorTask)
        threads.use(self.threads)
        geometry = "cosine" if task.metric == "angular" else "euclidean"
        parameters = {"m": graphs.M, "ef_construction": graphs.EF_CONSTRUCTION} if self.kind == "hnsw" else {}
        index = ann.make_index(self.kind, geometry=geometry, dim=task.dim, parameters=parameters)
        index.add(np.arange(task.size), task.database)
        index.save(folder / "index")

    def load(self, task: Task, folder: Path) -> None:
        threads.use(self.threads)
        self.index = ann.load_index(folder / "index")

    def search(self, prepared: FloatArray, budget: Budget) -> IntArray:
        return self.index.search(prepared, self.k, effort=budget.values.get("ef")).rows


class SeqsearchScan(SeqsearchHnsw):
    """The exact scan."""

    series = "seqsearch exact"
    kind = "exact"

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget("all")]


class SeqsearchIvf(Vectors):
    """`seqsearch.ann`: compressed lists. All candidates are scored, so that also what 100 of them hold is counted."""

    series = "seqsearch ivf, 4 bits"
    bits: ClassVar[int] = 4

    def version(self) -> str:
        return seqsearch.__version__

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, VectorTask)
        threads.use(self.threads)
        geometry = "cosine" if task.metric == "angular" else "euclidean"
        index = ann.make_index("ivf", geometry=geometry, dim=task.dim, parameters={"bits": self.bits})
        index.add(np.arange(task.size), task.database)
        index.save(folder / "index")

    def load(self, task: Task, folder: Path) -> None:
        threads.use(self.threads)
        self.index = ann.load_index(folder / "index")

    def budgets(self, task: Task) -> list[Budget]:
        return _by_lists()

    def search(self, prepared: FloatArray, budget: Budget) -> IntArray:
        return self.index.search(prepared, budget.values["candidates"], effort=budget.values["effort"]).rows


class SeqsearchIvf2(SeqsearchIvf):
    series = "seqsearch ivf, 2 bits"
    bits = 2


class VectorLists(Vectors):
    """Raw faiss with as many lists and bytes; unit vectors where angles count."""

    modules, package = ("faiss",), "faiss-cpu"
    layout: ClassVar[lists.Layout]

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, VectorTask)
        stored = _placed(task.database, task)
        self.index = lists.FaissIndex(self.layout, self.threads)
        self.index.build(stored, [stored], len(stored))
        self.index.save(folder / "index")

    def load(self, task: Task, folder: Path) -> None:
        self.index, self.task = lists.FaissIndex(self.layout, self.threads), task
        self.index.load(folder / "index")

    def budgets(self, task: Task) -> list[Budget]:
        return _by_lists()

    def search(self, prepared: FloatArray, budget: Budget) -> IntArray:
        assert isinstance(self.task, VectorTask)
        asked = _placed(prepared, self.task)
        return self.index.search(asked, budget.values["candidates"], budget.values["effort"])


def _placed(vectors: FloatArray, task: VectorTask) -> FloatArray:
    if task.metric != "angular":
        return np.ascontiguousarray(vectors)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30), np.float32)


def _by_lists() -> list[Budget]:
    pairs = [(e, c) for c in (10, 100) for e in (1, 2, 4, 8, 16, 24, 32, 64, 128)]
    return [Budget(f"{c}, lists {e}", {"candidates": c, "effort": e}) for e, c in pairs]


class VectorIvfFlat(VectorLists):
    series, layout = "faiss IVF-Flat", lists.IVF_FLAT


class VectorIvfPq(VectorLists):
    series, layout = "faiss IVF-PQ fast scan", lists.Layout("IVF{lists},PQ{full}x4fs")


class VectorIvfPqResidual(VectorLists):
    series, layout = "faiss IVF-PQ fast scan, of residuals", lists.Layout("IVF{lists},PQ{full}x4fs", residual=True)


class VectorGraph(Vectors):
    graph: type[graphs.Graph]

    def _graph(self, task: Task) -> Any:
        assert isinstance(task, VectorTask)
        return self.graph("cosine" if task.metric == "angular" else "l2", task.dim, self.threads)

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, VectorTask)
        self._graph(task).build(task.database, folder / "graph")

    def load(self, task: Task, folder: Path) -> None:
        self.index = self._graph(task)
        self.index.load(folder / "graph")

    def search(self, prepared: FloatArray, budget: Budget) -> IntArray:
        return self.index.search(prepared, self.k, budget.values["ef"])


class VectorHnswlib(VectorGraph):
    series, graph, modules, package = "hnswlib", graphs.Hnswlib, ("hnswlib",), "hnswlib"


class VectorFaiss(VectorGraph):
    series, graph, modules, package = "faiss HNSW", graphs.Faiss, ("faiss",), "faiss-cpu"


class VectorUSearch(VectorGraph):
    series, graph, modules, package = "usearch", graphs.USearch, ("usearch",), "usearch"
