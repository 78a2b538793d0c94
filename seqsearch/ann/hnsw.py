"""HNSW: a graph proposes, the true geometry orders, and an exact scan fills every gap."""

from __future__ import annotations

from typing import Self

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..errors import StrPath
from ..registry import call
from ..threads import ForkSafeLock
from . import hnsw_files, scan
from .candidates import CandidateIndex, Candidates, Health, Parameter, Parameters
from .groups import NodeTable, RowGroups
from .hnsw_health import measure
from .linked import library_version
from .nodes import GraphSettings, NodeGraph
from .rows import checked_count, checked_vectors

FEW = 2000
"""Up to so many matching rows an exact scan of them costs no more than a walk through the graph."""

SPARSE = 0.05
"""Below this part of matching rows a walk would have to return too many others."""

LARGE = 200_000
"""From so many rows on a graph is built with care, or its walks miss too many neighbours."""

NARROWEST = 32
"""Walks narrower than this lose themselves."""

CAREFUL: dict[str, Parameter] = {"ef_construction": 400}


class HnswIndex(CandidateIndex):
    """A graph over the distinct vectors. Rows with one vector share a node, so copies never crowd out each other.

    Built on one thread, the same calls with the same seed give the same bytes; with more threads the build is faster
    and its links vary. Searches of one index take turns with each other and with changes.
    """

    kind = "hnsw"
    takes_effort = True
    effort = "ef"
    has_snapshot = True
    library = library_version()

    def __init__(self, settings: GraphSettings) -> None:
        self._lock = ForkSafeLock()
        self._hold(NodeGraph(settings), RowGroups())

    @classmethod
    def make(cls, parameters: Parameters, seed: int = 0) -> CandidateIndex:
        """See `CandidateIndex.make`: the parameters are those of `GraphSettings`; levels of nodes are random."""
        return cls(call(GraphSettings, f"an index of kind {cls.kind!r}", **{**parameters, "seed": seed}))

    @classmethod
    def suited_parameters(cls, size: int) -> dict[str, Parameter]:
        """See `CandidateIndex.suited_parameters`."""
        return dict(CAREFUL) if size >= LARGE else {}

    @classmethod
    def vector_parameters(cls, space: str) -> dict[str, Parameter]:
        """See `CandidateIndex.vector_parameters`."""
        return {"product": True} if space == "cosine" else {}

    def _hold(self, graph: NodeGraph, groups: RowGroups) -> None:
        self._graph, self._groups = graph, groups
        self._table = NodeTable()
        self._table.append_later(lambda: graph.vectors_of(np.arange(len(graph))))

    def __len__(self) -> int:
        return len(self._groups)

    def __repr__(self) -> str:
        settings, nodes = self._graph.settings, self._graph.graph.live
        return f"HnswIndex({len(self)} rows, {nodes} nodes, geometry={settings.geometry!r}, dim={settings.dim})"

    @property
    def nodes(self) -> int:
        """Nodes of the graph, those without rows included: far more than live ones means it is time to build anew."""
        return len(self._graph)

    @property
    def exact(self) -> bool:
        """Whether the graph missed its target and every search is an exact scan."""
        return self._graph.exact

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        with self._lock:
            return self._groups.rows.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`."""
        with self._lock:
            graph, groups = self._graph, self._groups
            new_rows = groups.rows.new(rows)
            ready = self._prepared(vectors, len(new_rows))
            if not len(ready):
                return
            ready = ready + np.float32(0.0)  # -0.0 becomes 0.0: equal vectors have equal bytes from here on
            nodes, fresh = self._table.assign(ready, graph.vectors_of)
            if len(fresh):
                graph.grow(ready[fresh])
                self._table.append(ready[fresh])
                groups.reserve(len(graph))
            revived = np.unique(nodes[groups.head[nodes] < 0])
            groups.add(nodes, new_rows)
            graph.graph.mark(revived, deleted=False)
            graph.look_after_new_nodes()

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. A node without rows stays as a signpost, until three of four are such."""
        with self._lock:
            touched = self._groups.remove(rows)
            self._graph.graph.mark(touched[self._groups.head[touched] < 0], deleted=True)
            if self.nodes > FEW and self._graph.graph.live < self.nodes // 4:
                self._rebuild()

    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`."""
        with self._lock:
            ready = self._prepared(queries)
            checked_count(count)
            matching = len(self) if allowed is None else len(self._groups.rows.matching(allowed))
            wanted = min(count, matching)
            share = matching / max(len(self), 1)
            fetch = -(-wanted * len(self) // max(matching, 1)) + (0 if allowed is None else 16)
            few = allowed is not None and (matching <= FEW or share < SPARSE)
            if self.exact or few or fetch > max(self._graph.graph.live // 4, 64):
                return self._scan(ready, count, allowed)
            found = self._walk(ready, count, fetch, effort, allowed)
            short = np.flatnonzero(found.rows[:, wanted - 1] < 0) if wanted else np.zeros(0, dtype=np.int64)
            if len(short):
                filled = self._scan(ready[short], count, allowed)
                found.rows[short], found.distances[short] = filled.rows, filled.distances
            return found

    @classmethod
    def usual_effort(cls, count: int) -> int:
        """See `CandidateIndex.usual_effort`."""
        return max(count, NARROWEST)

    def efforts(self, count: int) -> tuple[int, ...]:
        """See `CandidateIndex.efforts`: walks of one, two and four times the width that `count` needs."""
        narrowest = self.usual_effort(count)
        return narrowest, 2 * narrowest, 4 * narrowest

    def effort_cost(self, count: int, effort: int | None = None) -> float:
        """See `CandidateIndex.effort_cost`: that of a walk is its width."""
        return float(max(count, self._graph.ef if effort is None else effort))

    def health(self, *, sample: int = 1000, seed: int = 0) -> Health:
        """Measure the graph, repair what it misses, and give it up when it stays below the target.

        Every node (beyond 200,000 a sample) searches for itself. Links to those not found are added where the walk is
        ours; the rest join the overflow list, which each search scans. Then `sample` stored vectors search for their
        ten nearest others, beside an exact scan; while they lose more than half of what the target allows, ef grows by
        a half, six times at most. `exact` is set below the target, with more than 1 in 20 in the overflow list, and
        with an ef grown so far that a scan is faster.
        """
        with self._lock:
            measured = measure(
                self._graph,
                lambda queries, count: self._walk(queries, count, count).distances,
                lambda queries, count: self._scan(queries, count).distances,
                rows=len(self),
                sample=sample,
                seed=seed,
            )
            return {"kind": self.kind, "rows": len(self), **measured}

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        with self._lock:
            rows = self.rows()
            hnsw_files.save(path, self.kind, self._graph, rows, self._groups.rows.places(rows))

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """See `CandidateIndex.load`."""
        graph, groups = hnsw_files.load(path, cls.kind)
        index = cls(graph.settings)
        index._hold(graph, groups)
        return index

    def _prepared(self, vectors: AnyArray, rows: int | None = None) -> FloatArray:
        settings = self._graph.settings
        return scan.prepared(settings.geometry, checked_vectors(vectors, settings.dim, rows))

    def _walk(
        self, ready: FloatArray, count: int, fetch: int, ef: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """Search the graph and the overflow list; may find fewer than there are."""
        found = Candidates.none(len(ready), count)
        for nodes, distances in self._graph.answers(ready, fetch, ef, None if allowed is not None else count):
            self._groups.expand(nodes, distances, allowed, found)
        return found

    def _scan(self, ready: FloatArray, count: int, allowed: BoolArray | None = None) -> Candidates:
        """The exact answer. Ties between nodes are decided by the smallest matching row of each."""
        first = self._groups.first_rows(allowed)
        nodes = np.flatnonzero(first >= 0)
        hits = self._graph.scan(ready, nodes, first[nodes].astype(np.int64), min(count, max(len(nodes), 1)))
        return self._groups.expand_first(hits, count, allowed)

    def _rebuild(self) -> None:
        """Build anew from the live nodes, in their order."""
        rows = self.rows()
        live, new = np.unique(self._groups.rows.places(rows), return_inverse=True)
        groups = RowGroups()
        groups.add(new.reshape(-1), rows)
        self._hold(self._graph.anew(self._graph.vectors_of(live)), groups)
