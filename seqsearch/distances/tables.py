"""Lossless search by whole lines of a table of distances: for distances without bounds, but with a fast table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .distance import Distance
from .neighbours import Neighbours, Pruning

_CELLS_A_STEP, _QUERIES_A_STEP = 1 << 22, 64  # at most


@dataclass(frozen=True)
class TableNeighbours:
    """Targets, rows `chosen` of `targets` in ascending order, that are all compared with every query.

    `table`: (q, len(chosen)) distances of some queries and the chosen rows.
    """

    distance: Distance
    targets: Sequences
    chosen: IntArray
    table: Callable[[Sequences], DoubleArray]

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """As `Searcher` says: nothing is ruled out."""
        self.distance.require(queries, self.targets)
        found = Neighbours.none(len(queries), k)
        step = max(1, min(_QUERIES_A_STEP, _CELLS_A_STEP // max(len(self.chosen), 1)))
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), step):
                part = queries[first : first + step]
                for query, line in enumerate(self.table(part), start=first):
                    self._least(line, found.rows[query], found.distances[query])
                task.advance(len(part))
        found = found.within(within)
        return found, Pruning(len(queries) * len(self.chosen), int(np.count_nonzero(found.rows >= 0)))

    def _least(self, line: DoubleArray, rows: IntArray, distances: DoubleArray) -> None:
        """Put the k least of a line of the table into (k,) rows and distances, ties to the smallest row."""
        k = min(len(rows), len(line))
        if not k:
            return
        near = np.flatnonzero(line <= np.partition(line, k - 1)[k - 1])
        near = near[np.argsort(line[near], kind="stable")][:k]
        near = near[np.isfinite(line[near])]
        rows[: len(near)], distances[: len(near)] = self.chosen[near], line[near]
