"""The nearest stored sequences of queries and of members, members without themselves, by either kind of distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import BoolArray, DoubleArray, IntArray
from ...distances import Neighbours
from ...progress import SILENT, Progress
from ...sequences import Sequences
from ..budget import Budget
from ..pipeline import Limits, Queries, joined
from ..state import State
from ..strands import BOTH, PLUS, nearest_of, reverse_complement

EFFORT = 4  # of a graph search for embedding distances, in neighbours asked for
LEAST_EFFORT = 100


@dataclass(frozen=True)
class Neighbourhoods:
    """`budget`: of exact distances, None compares with everything; `exact`: whether distances are exact, or those of
    the embeddings; `strand`: which strands of those asked are looked for; `allowed`: (rows,) which rows count, None for
    all that are live.
    """

    state: State
    budget: Budget | None
    exact: bool
    strand: str = PLUS
    allowed: BoolArray | None = None

    def of(self, queries: Queries, k: int, exclude: IntArray | None = None, progress: Progress = SILENT) -> Neighbours:
        """The k nearest of each query. `exclude`, (Q,): the rows that they are themselves, which do not count."""
        return nearest_of(self.strand, queries, lambda asked, own: self._of(asked, k, own, progress), exclude)

    def _of(self, queries: Queries, k: int, own: Limits, progress: Progress) -> Neighbours:
        if self.exact:
            limits: Limits = {"allowed": self.allowed, "progress": progress, **own}
            return self.state.neighbours(queries, k, self.budget, **limits)
        exclude = own.get("exclude")
        effort = Budget(k, max(LEAST_EFFORT, EFFORT * (k + (exclude is not None))) - (exclude is not None))
        limits = {"allowed": self.allowed, "exclude": exclude, "progress": progress}
        return self.state.by_embedding().staged(queries, k, effort, **limits)

    def verified_distance(self, queries: Sequences, rows: IntArray) -> DoubleArray:
        """(Q,) exact distances of the queries to one stored row each, infinity for -1."""
        away = self.state.exact.distances(queries, rows[:, None])[:, 0]
        if self.strand == BOTH:
            away = np.minimum(away, self.state.exact.distances(reverse_complement(queries), rows[:, None])[:, 0])
        return away


class NeighbourLists:
    """The nearest others of stored rows, looked for once."""

    def __init__(self, neighbourhoods: Neighbourhoods, count: int, progress: Progress = SILENT) -> None:
        self._neighbourhoods = neighbourhoods
        self._count = count
        self._progress = progress
        self._place = np.full(len(neighbourhoods.state.targets), -1, np.int64)
        self._found = Neighbours(np.zeros((0, count), np.int64), np.zeros((0, count)))

    def __call__(self, rows: IntArray) -> tuple[IntArray, DoubleArray]:
        """(m,) rows -> (m, count) rows and distances, -1 and infinity padded."""
        fresh = np.unique(rows[self._place[rows] < 0])
        if len(fresh):
            asked = self._neighbourhoods.state.members(fresh)
            more = self._neighbourhoods.of(asked, self._count, fresh, self._progress)
            self._place[fresh] = len(self._found) + np.arange(len(fresh))
            self._found = joined([self._found, more])
        at = self._place[rows]
        return self._found.rows[at], self._found.distances[at]
