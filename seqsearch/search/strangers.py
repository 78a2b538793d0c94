"""Queries that are farther from everything than what is stored is from itself: what a calibration makes them of.

Recall depends on how far the nearest stored sequences are: those of a query of a kind of which nothing is stored are
all far, and nearly equally so. Nobody has such queries when an index is built. But a query whose nearest stored
sequences count as not stored, all within some distance of it, is one: its neighbours are those that are left, in the
same embedding. It is asked like any other, and what counts as not stored is left out of its candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..distances import Neighbours
from .budget import Budget
from .pipeline import Pipeline, Queries, Ranked

MOST_REMOVED = 300
REMOVED_SHARE = 0.05  # of all that is stored, at most
FEWEST_IN_GROUP = 150
MOST_GROUPS = 6
AHEAD = 2  # times the candidates that are asked for, kept for larger budgets
TAIL = 0.05  # of all queries, the farthest
PROVABLE = 2.0  # of the loss allowed, in shares of one query of a group: half of it is left to be lost


@dataclass(frozen=True)
class Removed:
    """How many of its nearest count as not stored, (Q,) `counts`, the `most` of which may be so many."""

    counts: IntArray
    most: int

    @classmethod
    def sizes(cls, queries: int, others: int, k: int) -> Removed | None:
        """From one to `most`, evenly spread in their logarithms; None where too little is stored."""
        most = min(MOST_REMOVED, int(REMOVED_SHARE * others), others - k)
        if most < 1:
            return None
        drawn = np.random.default_rng(0).uniform(0, np.log(most + 0.5), queries)
        return cls(np.exp(drawn).astype(np.int64).clip(1, most), most)


@dataclass(frozen=True)
class Strangers:
    """`queries` that are copies of some of the calibration queries; (S,) `removed` of the nearest of each count as not
    stored: the `keys` of these pairs ascend. `truth`: the nearest of the others. `owners`: of all queries, usual ones
    first, the calibration query that they are. `kept`: candidates by effort.
    """

    queries: Queries
    exclude: IntArray | None
    removed: IntArray
    keys: IntArray
    truth: Neighbours
    owners: IntArray
    kept: dict[int | None, Ranked] = field(default_factory=dict)

    @classmethod
    def of(
        cls, queries: Queries, exclude: IntArray | None, known: Neighbours, removed: Removed | None, k: int
    ) -> Strangers | None:
        """Of queries whose `known` neighbours, (Q, k + removed.most), are the nearest of all that is stored.

        Whatever is as near as the last one that is removed goes with it. A query of which too few others are known then
        is no stranger.
        """
        if removed is None:
            return None
        lines = np.arange(len(queries))
        radii = known.distances[lines, removed.counts - 1]
        counts = (known.distances <= radii[:, None]).sum(axis=1)
        who = np.flatnonzero((counts + k <= known.k) & np.isfinite(radii))
        if not len(who):
            return None
        places = counts[who, None] + np.arange(k)
        truth = Neighbours(known.rows[who[:, None], places], known.distances[who[:, None], places])
        gone = np.arange(known.k) < counts[who, None]
        keys = np.sort((np.arange(len(who))[:, None] << 40 | known.rows[who])[gone])
        own = None if exclude is None else exclude[who]
        return cls(queries[who], own, counts[who], keys, truth, np.concatenate([lines, who]))

    def proposed(self, pipeline: Pipeline, budget: Budget) -> Ranked:
        """What a budget proposes of what counts as stored."""
        most = budget.candidates + int(self.removed.max())
        found = self._widest(pipeline, budget, most)
        found = Ranked(found.rows[:, :most], found.scores[:, :most])
        keys = np.arange(len(found.rows))[:, None] << 40 | np.maximum(found.rows, 0)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        gone = (self.keys[at] == keys) | (found.rows < 0)
        order = np.argsort(gone, axis=1, kind="stable")[:, : budget.candidates]
        rows, scores, gone = (np.take_along_axis(each, order, axis=1) for each in (found.rows, found.scores, gone))
        return Ranked(np.where(gone, -1, rows), np.where(gone, np.inf, scores))

    def _widest(self, pipeline: Pipeline, budget: Budget, most: int) -> Ranked:
        """At least the first `most` candidates within the effort of a budget. Of lists, the first of more candidates
        are those of fewer, and are kept for the budgets to come."""
        known = None if budget.ef is not None else self.kept.get(budget.lists)
        if known is not None and known.rows.shape[1] >= most:
            return known
        if budget.ef is not None:
            wider = replace(budget, candidates=most, ef=budget.ef + most - budget.candidates)
            return pipeline.proposed(self.queries, wider, exclude=self.exclude)
        found = pipeline.proposed(self.queries, replace(budget, candidates=AHEAD * most), exclude=self.exclude)
        self.kept[budget.lists] = found
        return found


def grouped(first: DoubleArray, target: float) -> list[tuple[float, IntArray, bool]]:
    """Groups of queries by the scores of their first candidates, (Q,): the reach of each, who is in it, and whether it
    is the farthest two together.

    As many as leave enough queries in each to prove the recall `target`, the farthest of which is divided: a few that
    are farther than nearly all are hard to find anything for, and would make all of it dear. Queries without any
    candidate are in none.
    """
    there = np.sort(first[np.isfinite(first)])
    if not len(there):
        return []
    fewest = max(FEWEST_IN_GROUP, int(np.ceil(PROVABLE / max(1 - target, 1e-6))))
    count = min(MOST_GROUPS, max(1, len(there) // fewest))
    last = [len(there) * number // count for number in range(1, count + 1)]
    if count > 1:
        last.insert(-1, int(len(there) * (1 - TAIL)))
    reaches = np.unique(there[np.array(last) - 1])
    group = np.searchsorted(reaches, first, "left")
    groups = [(float(reach), np.flatnonzero(group == number), False) for number, reach in enumerate(reaches)]
    if count > 1 and len(groups) > 1:
        both = np.concatenate([groups[-2][1], groups[-1][1]])
        groups.append((groups[-1][0], np.sort(both), True))
    return groups
