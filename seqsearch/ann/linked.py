"""What a graph of any library has to do here, and which one is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.metadata import version
from typing import Self

import numpy as np

from .. import extras
from ..arrays import BoolArray, FloatArray, IntArray
from .graph_checks import GraphState, Layout

LIBRARY = "hnswlib"


class LinkedGraph(ABC):
    """A navigable small-world graph (Malkov and Yashunin, 2020) over float32 vectors.

    Nodes are numbered 0, 1, 2, ... in the order they came; distances are squared Euclidean. `product`: of unit vectors,
    which may be compared by their inner product. Its owner lets in either one change or searches. Whichever library
    holds it, `state` is the same, so that a file of one is read by the other.
    """

    def __init__(
        self, *, dim: int, m: int, ef_construction: int, seed: int, capacity: int = 1024, product: bool = False
    ) -> None:
        self.dim, self.m, self.ef_construction, self.seed, self.product = dim, m, ef_construction, seed, product
        self._marked: BoolArray = np.zeros(0, dtype=np.bool_)

    def __len__(self) -> int:
        """All nodes, those marked as deleted included."""
        return len(self._marked)

    @property
    def live(self) -> int:
        """Nodes that a search can return."""
        return len(self._marked) - int(np.count_nonzero(self._marked))

    @property
    def marked(self) -> BoolArray:
        """(len(self),): nodes marked as deleted."""
        return self._marked

    @property
    def layout(self) -> Layout:
        """The sizes of an element of its state."""
        return Layout(dim=self.dim, m=self.m)

    def query(self, vectors: FloatArray, count: int, ef: int) -> tuple[IntArray, FloatArray]:
        """The nearest `count` live nodes (Q, count) and squared distances; -1 and infinity where there are fewer."""
        nodes = np.full((len(vectors), count), -1, dtype=np.int64)
        distances = np.full((len(vectors), count), np.inf, dtype=np.float32)
        if len(vectors) and self.live:
            self._fill(vectors, min(count, self.live), ef, nodes, distances)
        return nodes, distances

    def _like(self) -> Self:
        """An empty graph of the same settings."""
        return type(self)(
            dim=self.dim,
            m=self.m,
            ef_construction=self.ef_construction,
            seed=self.seed,
            capacity=1,
            product=self.product,
        )

    @abstractmethod
    def add(self, vectors: FloatArray) -> None:
        """Nodes len(self), len(self) + 1, ...; on one thread the same calls give the same bytes."""

    @abstractmethod
    def mark(self, nodes: IntArray, deleted: bool) -> None:
        """Hide nodes from searches, or show them again. They keep guiding searches on their way."""

    @abstractmethod
    def vectors(self, nodes: IntArray) -> FloatArray:
        """(n,) nodes -> (n, dim), also of nodes marked as deleted."""

    @abstractmethod
    def state(self) -> GraphState:
        """A copy of all that it holds."""

    @abstractmethod
    def restored(self, state: GraphState) -> Self:
        """A graph like this one from a state; ValueError says what does not hold, before the state is used."""

    @abstractmethod
    def _fill(self, vectors: FloatArray, count: int, ef: int, nodes: IntArray, distances: FloatArray) -> None:
        """Write to `nodes` and `distances` what `query` gives; count <= `live`."""


def best_graph() -> type[LinkedGraph]:
    """The graph of hnswlib, the reference, where it is installed; else our own, which needs no compiler."""
    if extras.installed(LIBRARY):
        from .graph import Graph

        return Graph
    from .own_graph import OwnGraph

    return OwnGraph


def library_version() -> str:
    """Name and version of what holds the graphs here."""
    return f"{LIBRARY} {version(LIBRARY)}" if extras.installed(LIBRARY) else f"seqsearch {version('seqsearch')}"
