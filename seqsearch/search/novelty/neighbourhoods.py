"""The nearest stored sequences of queries and of members, members without themselves, by either kind of distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...arrays import BoolArray, DoubleArray, IntArray
from ...distances import Neighbours
from ...progress import SILENT, Progress
from ...sequences import Sequences
from ..calibrating import exact_others, propose_others, without_own
from ..calibration import Budget
from ..engine import QUERY_BATCH, Engine

EFFORT = 4  # of a graph search for embedding distances, in neighbours asked for
LEAST_EFFORT = 100
Find = Callable[[Sequences, int, "IntArray | None"], Neighbours]


@dataclass(frozen=True)
class Neighbourhoods:
    """`live`: the rows that count; `budget`: of exact distances, None compares with everything; `exact`: whether
    distances are exact, or those of the embeddings.
    """

    engine: Engine
    live: BoolArray
    budget: Budget | None
    exact: bool

    def of(self, queries: Sequences, k: int, own: IntArray | None = None, progress: Progress = SILENT) -> Neighbours:
        """The k nearest of each query. `own`, (Q,): the rows that the queries are themselves, which do not count."""
        if not self.exact:
            return self._batched(queries, k, own, self._by_embedding, progress)
        if self.budget is None or self.budget.candidates >= int(self.live.sum()):
            return exact_others(self.engine, queries, k, self.live, own, progress)
        return self._batched(queries, k, own, self._verified, progress)

    def _batched(self, queries: Sequences, k: int, own: IntArray | None, find: Find, progress: Progress) -> Neighbours:
        parts = [Neighbours(np.zeros((0, k), np.int64), np.zeros((0, k)))]
        with progress.task("nearest sequences", len(queries)) as task:
            for start in range(0, len(queries), QUERY_BATCH):
                some = queries[start : start + QUERY_BATCH]
                parts.append(find(some, k, None if own is None else own[start : start + QUERY_BATCH]))
                task.advance(len(some))
        return Neighbours(np.concatenate([p.rows for p in parts]), np.concatenate([p.distances for p in parts]))

    def _verified(self, queries: Sequences, k: int, own: IntArray | None) -> Neighbours:
        assert self.budget is not None
        proposed = propose_others(self.engine, self.engine.model.vectors(queries), self.budget, own)
        stop = None if self.budget.stop is None else self.budget.stop.bounds(proposed.distances)
        return self.engine.distance.rerank(queries, self.engine.targets, proposed.rows, k, stop=stop)

    def _by_embedding(self, queries: Sequences, k: int, own: IntArray | None) -> Neighbours:
        extra = int(own is not None)
        vectors = self.engine.model.vectors(queries)
        effort = max(LEAST_EFFORT, EFFORT * (k + extra))
        found = self.engine.candidates.search(vectors, k + extra, ef=effort)
        nearest = Neighbours(found.rows, found.distances.astype(np.float64))
        return nearest if own is None else without_own(nearest, own)

    def verified_distance(self, queries: Sequences, rows: IntArray) -> DoubleArray:
        """(Q,) exact distances of the queries to one stored row each, infinity for -1."""
        there = np.flatnonzero(rows >= 0)
        out = np.full(len(rows), np.inf)
        out[there] = self.engine.distance.pairs(queries, there, self.engine.targets, rows[there])
        return out


class NeighbourLists:
    """The nearest others of stored rows, looked for once."""

    def __init__(self, neighbourhoods: Neighbourhoods, count: int, progress: Progress = SILENT) -> None:
        self._neighbourhoods = neighbourhoods
        self._count = count
        self._progress = progress
        self._place = np.full(len(neighbourhoods.engine.targets), -1, np.int64)
        self._found = Neighbours(np.zeros((0, count), np.int64), np.zeros((0, count)))

    def __call__(self, rows: IntArray) -> tuple[IntArray, DoubleArray]:
        """(m,) rows -> (m, count) rows and distances, -1 and infinity padded."""
        fresh = np.unique(rows[self._place[rows] < 0])
        if len(fresh):
            targets = self._neighbourhoods.engine.targets
            more = self._neighbourhoods.of(targets[fresh], self._count, fresh, self._progress)
            self._place[fresh] = len(self._found) + np.arange(len(fresh))
            self._found = Neighbours(
                np.concatenate([self._found.rows, more.rows]), np.concatenate([self._found.distances, more.distances])
            )
        at = self._place[rows]
        return self._found.rows[at], self._found.distances[at]
