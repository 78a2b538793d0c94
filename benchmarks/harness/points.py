"""Plain vectors: the candidate index of seqsearch beside the graph libraries, with equal parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import seqsearch
from seqsearch import ann, threads
from seqsearch.arrays import FloatArray, IntArray

from . import graphs
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
