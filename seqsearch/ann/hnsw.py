"""HNSW: a graph proposes, the true geometry orders, and an exact scan fills every gap."""

from __future__ import annotations

import threading
from typing import Any, Self

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ..errors import ParameterError, StrPath
from ..geometry import geometry_named
from . import hnsw_files, kernels, scan
from .candidates import CandidateIndex, Candidates, Health, Parameter, Parameters
from .graph import LIBRARY, Graph
from .groups import Groups, NodeTable, smallest_rows
from .hnsw_health import measure, too_many_beside
from .reductions import Reduction
from .rows import RowMap, checked_count, checked_vectors, grown
from .walk import Links, walk

FEW = 2000
"""Up to so many matching rows an exact scan of them costs no more than a walk through the graph."""

MENDS = 4
"""Links to a node that searches do not find, from so many of its neighbours."""

MENDING_ROUNDS = 3

TAIL = 1000
"""So many new nodes are scanned before the links are copied anew for a walk."""

SLACK = 16
"""So many more than asked for are put in order by float64."""

BEYOND = 256
"""So many points farther out than R are scanned before the graph is built anew with a larger R."""

LARGE = 200_000
"""From so many rows on a graph is built with care, or its walks miss too many neighbours."""

CAREFUL: dict[str, Parameter] = {"ef_construction": 400}

SPARSE = 0.05
"""Below this part of matching rows a walk would have to return too many others."""


class HnswIndex(CandidateIndex):
    """A graph over the distinct vectors. Rows with one vector share a node, so copies never crowd out each other.

    `m`: links per node; `ef_construction`: effort of the build; `ef`: effort of a search, at least the number of
    nodes asked for; `target`: the sampled recall below which `health` makes the index answer by exact scan. Built on
    one thread, the same calls with the same seed give the same bytes; with more threads the build is faster and its
    links vary.
    """

    kind = "hnsw"
    takes_effort = True
    has_snapshot = True
    library = LIBRARY

    def __init__(
        self,
        *,
        geometry: str,
        dim: int,
        m: int = 16,
        ef_construction: int = 200,
        ef: int = 64,
        target: float = 0.99,
        reduction: str | None = None,
        seed: int = 0,
    ) -> None:
        checked_parameters(dim, m, ef_construction, ef, target, seed)
        self.geometry = geometry_named(geometry).name
        self.dim, self.m, self.ef_construction, self.ef = dim, m, ef_construction, ef
        self.target, self.seed = target, seed
        self.exact = False
        """Whether the graph missed its target and every search is an exact scan."""
        self._reduction = Reduction.of(geometry, dim, reduction)
        self._lock = threading.RLock()
        self._forget()

    @classmethod
    def make(
        cls, *, geometry: str | None, dim: int | None, bits: int | None, parameters: Parameters, seed: int
    ) -> CandidateIndex:
        """See `CandidateIndex.make`; the levels of nodes are drawn at random."""
        return super().make(geometry=geometry, dim=dim, bits=bits, parameters={**parameters, "seed": seed}, seed=seed)

    @classmethod
    def suited_parameters(cls, size: int) -> dict[str, Parameter]:
        """See `CandidateIndex.suited_parameters`."""
        return dict(CAREFUL) if size >= LARGE else {}

    def _forget(self) -> None:
        self._map = RowMap()
        self._groups = Groups()
        self._table = NodeTable()
        self._graph = self._new_graph()
        self._side: IntArray = np.zeros(0, dtype=np.int64)
        self._side_vectors: FloatArray = np.zeros((0, self.dim), dtype=np.float32)
        self._vectors: FloatArray = np.zeros((0, self.dim), dtype=np.float32)
        self._squares: DoubleArray = np.zeros(0, dtype=np.float64)
        self._verified = 0
        self._mends: IntArray = np.zeros((0, 2), dtype=np.int64)
        self._links: Links | None = None
        self._scales: FloatArray = np.zeros(0, dtype=np.float32)

    def _new_graph(self) -> Graph:
        return Graph(dim=self._reduction.graph_dim, m=self.m, ef_construction=self.ef_construction, seed=self.seed)

    def __len__(self) -> int:
        return self._map.live

    def __repr__(self) -> str:
        return f"HnswIndex({len(self)} rows, {self._graph.live} nodes, geometry={self.geometry!r}, dim={self.dim})"

    @property
    def keeps_vectors(self) -> bool:
        """Whether the vectors lie beside the graph: for the true order, or for the exact scan."""
        return self.exact or not self._reduction.native

    @property
    def nodes(self) -> int:
        """Nodes of the graph, those without rows included: far more than live ones means it is time to build anew."""
        return len(self._graph)

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        return self._map.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`."""
        with self._lock:
            new_rows = self._map.new(rows)
            ready = scan.prepared(self.geometry, checked_vectors(vectors, self.dim, len(new_rows)))
            if not len(ready):
                return
            ready = ready + np.float32(0.0)  # -0.0 becomes 0.0: equal vectors have equal bytes from here on
            nodes, fresh = self._table.assign(ready, self._own)
            if len(fresh):
                self._grow(ready[fresh])
            revived = np.unique(nodes[self._groups.size[nodes] == 0])
            self._groups.add(nodes, new_rows)
            self._map.put(new_rows, nodes)
            self._graph.mark(revived, deleted=False)
            self._look_after_new_nodes()

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. A node without rows stays as a signpost, until three of four are such."""
        with self._lock:
            gone = self._map.known(rows)
            nodes = self._map.places(gone)
            self._groups.remove(nodes, gone)
            self._map.drop(gone)
            touched = np.unique(nodes)
            self._graph.mark(touched[self._groups.size[touched] == 0], deleted=True)
            if self.nodes > FEW and self._graph.live < self.nodes // 4:
                self._rebuild()

    def search(
        self, queries: AnyArray, count: int, *, ef: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`."""
        with self._lock:
            ready = scan.prepared(self.geometry, checked_vectors(queries, self.dim))
            checked_count(count)
            matching = len(self) if allowed is None else len(self._map.matching(allowed))
            wanted = min(count, matching)
            share = matching / max(len(self), 1)
            fetch = -(-wanted * len(self) // max(matching, 1)) + (0 if allowed is None else 16)
            few = allowed is not None and (matching <= FEW or share < SPARSE)
            if self.exact or few or fetch > max(self._graph.live // 4, 64):
                return self._scan(ready, count, allowed)
            found = self._walk(ready, count, fetch, self.ef if ef is None else ef, allowed)
            short = np.flatnonzero(found.rows[:, wanted - 1] < 0) if wanted else np.zeros(0, dtype=np.int64)
            if len(short):
                filled = self._scan(ready[short], count, allowed)
                found.rows[short], found.distances[short] = filled.rows, filled.distances
            return found

    def health(self, *, sample: int = 1000, seed: int = 0) -> Health:
        """Measure the graph, mend what it misses, and give it up when it stays below the target.

        Every node (beyond 200,000 a sample) searches for itself. Links to those not found are mended where the walk is
        ours; the rest join the side list, which each search scans. Then `sample` stored vectors search for their ten
        nearest others, beside an exact scan; while they lose more than half of what the target allows, ef grows by a
        half, six times at most. `exact` is set below the target, with more than 1 in 20 in the side list, and with an
        ef grown so far that a scan is faster.
        """
        with self._lock:
            return measure(self, sample=sample, seed=seed)

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        with self._lock:
            hnsw_files.save(self, path)

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """See `CandidateIndex.load`."""
        index: Self = hnsw_files.load(cls, path)
        return index

    def give_up_graph(self) -> None:
        """Answer by exact scan from now on; the graph stays, for a later `health` to try again."""
        if not self.keeps_vectors:
            self._vectors = self._graph.vectors(np.arange(self.nodes))
            self._squares = scan.squares(self._vectors)
        self.exact = True

    def restore_graph(self) -> None:
        """The opposite of `give_up_graph`."""
        self.exact = False
        self._links = None
        if not self.keeps_vectors:
            self._vectors, self._squares = self._vectors[:0].copy(), self._squares[:0].copy()

    def _grow(self, vectors: FloatArray) -> None:
        """New nodes for vectors that have none."""
        first = self.nodes
        if not first:
            self._reduction.widen(vectors)
        self._graph.add(self._reduction.stored(vectors))
        self._table.append(vectors)
        self._groups.reserve(self.nodes, 0)
        if self.keeps_vectors:
            self._vectors = grown(self._vectors, self.nodes)
            self._squares = grown(self._squares, self.nodes)
            self._vectors[first : self.nodes], self._squares[first : self.nodes] = vectors, scan.squares(vectors)
        outside = np.flatnonzero(self._reduction.beyond(vectors))
        self.set_side(np.concatenate([self._side, outside + first]))

    def _own(self, nodes: IntArray) -> FloatArray:
        """Vectors (n, D) of nodes (n,)."""
        return self._vectors[nodes] if self.keeps_vectors else self._graph.vectors(nodes)

    def _walk(self, ready: FloatArray, count: int, fetch: int, ef: int, allowed: BoolArray | None) -> Candidates:
        """Search the graph and the side list; may find fewer than there are."""
        nodes, distances = self._propose(ready, fetch, ef)
        found = Candidates.none(len(ready), count)
        side, vectors = self._beside_the_graph()
        if len(side):
            nodes[np.isin(nodes, side)] = -1
        self._groups.expand(nodes, distances, allowed, found.rows, found.distances)
        if len(side):
            usable = self._groups.size[side] > 0
            wanted = len(side) if allowed is not None else min(count, len(side))
            hits = scan.nearest(self.geometry, ready, vectors, scan.squares(vectors), side, usable, wanted)
            self._groups.expand(hits.rows, hits.distances, allowed, found.rows, found.distances)
        return found

    def _propose(self, ready: FloatArray, fetch: int, ef: int) -> tuple[IntArray, FloatArray]:
        """Nodes (Q, >= fetch) from the graph and their true distances."""
        threads.numba_threads()
        if self._reduction.native:
            nodes, squared = self._graph.query(ready, fetch, ef)
            return nodes, self._reduction.distances(squared)
        links, code = self._fresh_links(), kernels.CODES[self.geometry]
        # nodes without rows are met on the way like others, and take places
        width = min(max(fetch, ef) * self.nodes // max(self._graph.live, 1), links.count)
        if not width:
            return np.full((len(ready), 1), -1, dtype=np.int64), np.full((len(ready), 1), np.inf, dtype=np.float32)
        nodes = walk(code, links, ready, self._vectors, self._scales, width)
        if self._graph.live == self.nodes:  # in order up to float32 rounding: only the first need their true distances
            nodes = np.ascontiguousarray(nodes[:, : fetch + SLACK])
        distances = np.empty(nodes.shape, dtype=np.float32)
        kernels.rerank(code, ready, self._vectors, scan.squares(ready), self._squares, nodes, distances)
        return nodes, distances

    def _fresh_links(self) -> Links:
        """The links to walk by; a copy, made anew when too many nodes came after it."""
        if self._links is None or self.nodes - self._links.count > max(TAIL, self.nodes // 50):
            self._links = Links.of(self._graph)
            self._links.mend(self._mends)
            self._scales = (1.0 / np.maximum(1.0 - self._squares, kernels.SMALLEST_ROOM)).astype(np.float32)
            self._verify()
        return self._links

    def _beside_the_graph(self) -> tuple[IntArray, FloatArray]:
        """Nodes that each search scans and their vectors: the side list, and what came after the copy of the links."""
        if self._links is None or self._links.count == self.nodes:
            return self._side, self._side_vectors
        tail = np.arange(self._links.count, self.nodes)
        side = np.concatenate([self._side[self._side < self._links.count], tail])
        return side, self._own(side)

    def _look_after_new_nodes(self) -> None:
        """After an addition: the first is left to `health`; native nodes are verified now, others with their links."""
        if not self._verified:
            self._verified = self.nodes
        if self._reduction.name == "lorentz":
            beyond = self._reduction.beyond(self._own(self._side))
            if np.count_nonzero(beyond) > max(BEYOND, self.nodes // 50):
                self._rebuild()
        if self._reduction.native:
            self._verify()

    def _verify(self) -> None:
        """Let the nodes added since the last time search for themselves; those not found join the side list.

        Without this, items unlike all before (a new cluster far away) can be unreachable, because nodes with their full
        number of links take up no farther ones.
        """
        fresh = np.arange(self._verified, self.nodes)
        self._verified = self.nodes
        if self.exact:
            return
        self.set_side(np.union1d(self._side, self.mended(self.not_found(fresh[self._groups.size[fresh] > 0]))))
        if too_many_beside(len(self._side), self.nodes):
            self.give_up_graph()

    def mended(self, missed: IntArray) -> IntArray:
        """Mend the links to nodes that were not found; those of them that still are not.

        Walks for the vector of a node end among its neighbours, so a link from the nearest of these leads the next to
        it. The links of native geometries lie inside hnswlib and stay as they are.
        """
        for _ in range(MENDING_ROUNDS):
            if self._reduction.native or not len(missed):
                break
            nodes, _ = self._propose(self._own(missed), MENDS, self.ef)
            nodes = nodes[:, :MENDS]
            pairs = np.stack([nodes.reshape(-1), np.repeat(missed, nodes.shape[1])], axis=1)
            pairs = pairs[(pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])]
            self._fresh_links().mend(pairs)
            self._mends = np.concatenate([self._mends, pairs])
            before, missed = len(missed), self.not_found(missed)
            if len(missed) > before // 2:
                break  # a graph that a round does not help is not helped by another
        return missed

    def set_side(self, side: IntArray) -> None:
        """Change the side list."""
        self._side = side
        self._side_vectors = self._own(side)

    def not_found(self, nodes: IntArray, batch: int = 8192) -> IntArray:
        """Those of `nodes` that a search of the graph for their own vectors does not return first."""
        missed: list[IntArray] = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(nodes), batch):
            part = nodes[start : start + batch]
            found, distances = self._propose(self._own(part), 1, self.ef)
            hit = ((found == part[:, None]) & (distances <= distances.min(axis=1, keepdims=True))).any(axis=1)
            missed.append(part[~hit])
        return np.concatenate(missed)

    def _scan(self, ready: FloatArray, count: int, allowed: BoolArray | None) -> Candidates:
        """The exact answer. Ties between nodes are decided by the smallest matching row of each."""
        rows = self._map.matching(allowed)
        smallest = smallest_rows(rows, self._map.places(rows), self.nodes)
        nodes = np.flatnonzero(smallest >= 0)
        vectors = self._own(nodes)
        squares = self._squares[nodes] if self.keeps_vectors else scan.squares(vectors)
        usable = np.ones(len(nodes), dtype=np.bool_)
        wanted = min(count, max(len(nodes), 1))
        hits = scan.nearest(self.geometry, ready, vectors, squares, smallest[nodes], usable, wanted)
        found = Candidates.none(len(ready), count)
        hit_nodes = self._map.places(hits.rows.reshape(-1)).reshape(hits.rows.shape)
        self._groups.expand(hit_nodes, hits.distances, allowed, found.rows, found.distances)
        return found

    def _rebuild(self) -> None:
        """Build anew from the live nodes, in their order."""
        rows = self._map.all()
        live, new = np.unique(self._map.places(rows), return_inverse=True)
        vectors = self._own(live)
        self._forget()
        self._grow(vectors)
        self._groups.add(new.reshape(-1), rows)
        self._map.put(rows, new.reshape(-1))
        self._verified = self.nodes
        self.set_side(np.union1d(self._side, self.mended(self.not_found(np.arange(self.nodes)))))


def checked_parameters(dim: Any, m: Any, ef_construction: Any, ef: Any, target: Any, seed: Any) -> None:
    """ParameterError for a number that an HNSW index cannot have."""
    limits = {"dim": (dim, 1, 2**16), "m": (m, 2, 512), "ef_construction": (ef_construction, 1, 2**16)}
    limits |= {"ef": (ef, 1, 2**31), "seed": (seed, 0, 2**63)}
    for name, (value, least, end) in limits.items():
        if type(value) is not int or not least <= value < end:
            raise ParameterError(f"{name} is a whole number from {least} to {end - 1}, not {value!r}")
    if not isinstance(target, float | int) or not 0 <= target <= 1:
        raise ParameterError(f"target is a recall from 0 to 1, not {target!r}")
