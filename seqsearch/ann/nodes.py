"""A graph over distinct vectors, searched by the true distance: what it proposes and what it misses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from .. import threads
from ..arrays import DoubleArray, FloatArray, IntArray
from ..errors import ParameterError
from ..geometry import geometry_named
from . import kernels, scan
from .candidates import Candidates
from .linked import best_graph
from .reductions import is_native, native_distances, reduced
from .rows import grown
from .walk import Links, walk

REPAIRS = 4
"""Links to a node that searches do not find, from so many of its neighbours."""

REPAIR_ROUNDS = 3

TAIL = 1000
"""So many new nodes are scanned before the links are copied anew for a walk."""

SLACK = 16
"""So many more than asked for are put in order by float64."""

OVERFLOW_SHARE = 0.05
"""An overflow list above this part of the nodes costs so much that the graph is given up."""

FEWEST = 2000
"""An overflow list no longer than this is no burden, however small the graph."""


@dataclass(frozen=True)
class GraphSettings:
    """`m`: links per node; `ef_construction`: effort of the build; `ef`: effort of a search, at least the number of
    nodes asked for; `target`: the sampled recall below which `health` makes an index answer by exact scan; `product`:
    see `Graph`, of cosine geometry only.

    ParameterError for numbers that cannot be.
    """

    geometry: str
    dim: int
    m: int = 16
    ef_construction: int = 200
    ef: int = 64
    target: float = 0.99
    seed: int = 0
    product: bool = False

    def __post_init__(self) -> None:
        limits = {"dim": (1, 2**16), "m": (2, 512), "ef_construction": (1, 2**16), "ef": (1, 2**31), "seed": (0, 2**63)}
        for name, (least, end) in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value < end:
                raise ParameterError(f"{name} is a whole number from {least} to {end - 1}, not {value!r}")
        if not isinstance(self.target, float | int) or not 0 <= self.target <= 1:
            raise ParameterError(f"target is a recall from 0 to 1, not {self.target!r}")
        geometry_named(self.geometry)
        if type(self.product) is not bool or (self.product and self.geometry != "cosine"):
            raise ParameterError(f"product is True or False, and True only of cosine geometry, not {self.product!r}")


class NodeGraph:
    """Vectors, all different, as nodes 0, 1, 2, ... in the order they came.

    Nodes marked in `graph` as deleted are signposts: walks lead over them, and no answer holds them. What searches of
    the graph miss lies in the overflow list, which every search scans.
    """

    def __init__(self, settings: GraphSettings) -> None:
        self.settings = settings
        self.ef = settings.ef
        """The effort of a search by default; `health` may raise it."""
        self.exact = False
        """Whether the graph is given up: it misses so much that every search is an exact scan."""
        self.native = is_native(settings.geometry)
        """Whether the graph's own distance is the true one, up to a formula."""
        self.graph = best_graph()(
            dim=settings.dim,
            m=settings.m,
            ef_construction=settings.ef_construction,
            seed=settings.seed,
            product=settings.product,
        )
        self.vectors: FloatArray = np.zeros((0, settings.dim), dtype=np.float32)
        """(>= n, D), and their squared norms, where they are kept beside the graph; else empty."""
        self.squares: DoubleArray = np.zeros(0, dtype=np.float64)
        self.repairs: IntArray = np.zeros((0, 2), dtype=np.int64)
        """(m, 2) links (from, to) beside those of the graph."""
        self.verified = 0
        """Nodes below this have been looked for."""
        self._links: Links | None = None
        self._scales: FloatArray = np.zeros(0, dtype=np.float32)
        self.set_overflow(np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        """All nodes, those without rows included."""
        return len(self.graph)

    def live(self) -> IntArray:
        """The nodes that are not deleted, ascending."""
        return np.flatnonzero(~self.graph.marked)

    @property
    def keeps_vectors(self) -> bool:
        """Whether the vectors lie beside the graph: for the true order, or for the exact scan."""
        return self.exact or not self.native

    def vectors_of(self, nodes: IntArray) -> FloatArray:
        """(n, D) vectors of nodes (n,)."""
        return self.vectors[nodes] if self.keeps_vectors else self.graph.vectors(nodes)

    def grow(self, vectors: FloatArray) -> None:
        """New nodes for vectors (n, D), prepared, that have none."""
        first = len(self)
        self.graph.add(reduced(self.settings.geometry, vectors))
        if self.keeps_vectors:
            self.vectors, self.squares = grown(self.vectors, len(self)), grown(self.squares, len(self))
            self.vectors[first : len(self)], self.squares[first : len(self)] = vectors, kernels.squares_of(vectors)

    def anew(self, vectors: FloatArray) -> Self:
        """A graph of these vectors alone, all of them looked for; what was measured of this one holds on."""
        graph = type(self)(replace(self.settings, ef=self.ef))
        graph.exact = self.exact
        graph.grow(vectors)
        graph.verify(first=0, even_if_exact=True)
        return graph

    def give_up(self) -> None:
        """Answer by exact scan from now on; the graph stays, for a later `health` to try again."""
        if not self.keeps_vectors:
            self.vectors = self.graph.vectors(np.arange(len(self)))
            self.squares = kernels.squares_of(self.vectors)
        self.exact = True

    def restore(self) -> None:
        """The opposite of `give_up`."""
        self.exact = False
        self._links = None
        if not self.keeps_vectors:
            self.vectors, self.squares = self.vectors[:0].copy(), self.squares[:0].copy()

    # -- answers -------------------------------------------------------------------------------------------------

    def propose(self, queries: FloatArray, count: int, ef: int | None = None) -> tuple[IntArray, FloatArray]:
        """Nodes (Q, >= count) from the graph, -1 where it gives no more, and their true distances."""
        effort = self.ef if ef is None else ef
        threads.numba_threads()
        if self.native:
            nodes, squared = self.graph.query(queries, count, effort)
            return nodes, native_distances(self.settings.geometry, squared)
        links, code = self._fresh_links(), kernels.CODES[self.settings.geometry]
        # nodes without rows are met on the way like others, and take places
        width = min(max(count, effort) * len(self) // max(self.graph.live, 1), links.nodes)
        if not width:
            return np.full((len(queries), 1), -1, dtype=np.int64), np.full((len(queries), 1), np.inf, dtype=np.float32)
        nodes = walk(code, links, queries, self.vectors, self._scales, width)
        if self.graph.live == len(self):  # in order up to float32 rounding: only the first need their true distances
            nodes = np.ascontiguousarray(nodes[:, : count + SLACK])
        distances = np.empty(nodes.shape, dtype=np.float32)
        kernels.rerank(code, queries, self.vectors, kernels.squares_of(queries), self.squares, nodes, distances)
        return nodes, distances

    def scan(self, queries: FloatArray, nodes: IntArray, names: IntArray, count: int) -> Candidates:
        """The nearest `count` of some nodes (n,), named by `names` (n,), which decide ties; exact."""
        vectors = self.vectors_of(nodes)
        squares = self.squares[nodes] if self.keeps_vectors else kernels.squares_of(vectors)
        points = kernels.Points(vectors, squares, names, np.ones(len(nodes), dtype=np.bool_))
        return scan.nearest(self.settings.geometry, queries, points, count)

    def answers(
        self, queries: FloatArray, count: int, ef: int | None, most: int | None
    ) -> Iterator[tuple[IntArray, FloatArray]]:
        """Nodes (Q, m), -1 for none, and true distances: those that the graph proposes for `count`, then at most `most`
        (None: all) of the overflow list. No node comes twice."""
        nodes, distances = self.propose(queries, count, ef)
        overflow, vectors = self._overflow_now()
        if not len(overflow):
            yield nodes, distances
            return
        nodes[np.isin(nodes, overflow)] = -1
        yield nodes, distances
        points = kernels.Points(vectors, kernels.squares_of(vectors), overflow, ~self.graph.marked[overflow])
        wanted = len(overflow) if most is None else min(most, len(overflow))
        hits = scan.nearest(self.settings.geometry, queries, points, wanted)
        yield hits.rows, hits.distances

    # -- what the graph misses -----------------------------------------------------------------------------------

    def set_overflow(self, nodes: IntArray) -> None:
        """Change the overflow list."""
        self.overflow = nodes
        self._overflow_vectors = self.vectors_of(nodes)

    def _overflow_now(self) -> tuple[IntArray, FloatArray]:
        """What a search scans, and its vectors: the overflow list, and what came after the copy of the links."""
        if self._links is None or self._links.nodes == len(self):
            return self.overflow, self._overflow_vectors
        tail = np.arange(self._links.nodes, len(self))
        nodes = np.concatenate([self.overflow[self.overflow < self._links.nodes], tail])
        return nodes, self.vectors_of(nodes)

    @property
    def overflows(self) -> bool:
        """Whether the overflow list is so long that the graph is given up."""
        return len(self.overflow) > max(FEWEST, OVERFLOW_SHARE * len(self))

    def not_found(self, nodes: IntArray, batch: int = 8192) -> IntArray:
        """Those of `nodes` that a search of the graph for their own vectors does not return first; among the first few
        where rounding decides who is first."""
        if self.settings.product:
            return self._not_met(nodes, batch)
        missed: list[IntArray] = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(nodes), batch):
            part = nodes[start : start + batch]
            found, distances = self.propose(self.vectors_of(part), 1)
            hit = ((found == part[:, None]) & (distances <= distances.min(axis=1, keepdims=True))).any(axis=1)
            missed.append(part[~hit])
        return np.concatenate(missed)

    def _not_met(self, nodes: IntArray, batch: int) -> IntArray:
        parts = [nodes[start : start + batch] for start in range(0, len(nodes), batch)]
        met = [(self.propose(self.vectors_of(part), SLACK)[0] == part[:, None]).any(axis=1) for part in parts]
        missed: IntArray = nodes[~np.concatenate([np.zeros(0, np.bool_), *met])]
        return missed

    def repair(self, missed: IntArray) -> IntArray:
        """Add links to nodes that were not found; those of them that still are not.

        Walks for the vector of a node end among its neighbours, so a link from the nearest of these leads the next to
        it. The links of native geometries lie inside hnswlib and stay as they are.
        """
        for _ in range(REPAIR_ROUNDS):
            if self.native or not len(missed):
                break
            nodes, _ = self.propose(self.vectors_of(missed), REPAIRS)
            nodes = nodes[:, :REPAIRS]
            pairs = np.stack([nodes.reshape(-1), np.repeat(missed, nodes.shape[1])], axis=1)
            pairs = pairs[(pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])]
            self._fresh_links().repair(pairs)
            self.repairs = np.concatenate([self.repairs, pairs])
            before, missed = len(missed), self.not_found(missed)
            if len(missed) > before // 2:
                break  # a graph that a round does not help is not helped by another
        return missed

    def look_after_new_nodes(self) -> None:
        """After an addition: the first is left to `health`; native nodes are verified now, others with their links."""
        if not self.verified:
            self.verified = len(self)
        if self.native:
            self.verify()

    def verify(self, *, first: int | None = None, even_if_exact: bool = False) -> None:
        """Let the nodes from `first` on (None: added since the last time) search for themselves; those not found join
        the overflow list.

        Without this, items unlike all before (a new cluster far away) can be unreachable, because nodes with their full
        number of links take up no farther ones.
        """
        fresh = np.arange(self.verified if first is None else first, len(self))
        self.verified = len(self)
        if self.exact and not even_if_exact:
            return
        missed = self.repair(self.not_found(fresh[~self.graph.marked[fresh]]))
        self.set_overflow(np.union1d(self.overflow, missed))
        if self.overflows and first is None:
            self.give_up()

    def _fresh_links(self) -> Links:
        """The links to walk by; a copy, made anew when too many nodes came after it."""
        if self._links is None or len(self) - self._links.nodes > max(TAIL, len(self) // 50):
            self._links = Links.of(self.graph)
            self._links.repair(self.repairs)
            self._scales = (1.0 / np.maximum(1.0 - self.squares, kernels.SMALLEST_ROOM)).astype(np.float32)
            self.verify()
        return self._links
