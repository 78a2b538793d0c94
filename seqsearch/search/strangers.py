"""Queries that are farther from everything than what is stored is from itself: what a calibration makes them of.

Recall depends on how far the nearest stored sequences are: those of a query of a kind of which nothing is stored are
all far, and nearly equally so. Nobody has such queries when an index is built. But a query whose nearest stored
sequences count as not stored, all within some distance of it, is one: its neighbours are those that are left, in the
same embedding. It is asked like any other, and what counts as not stored is left out of its candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..distances import Neighbours
from .known_pairs import KnownPairs
from .pipeline import Ranked

MOST_REMOVED, MOST_REMOVED_DEAR = 300, 100
REMOVED_SHARE = 0.05  # of all that is stored, at most
DEPTHS, TIED = 4, 4  # searches for the nearest, and how many more, as near as the last that is removed, may go with it
FEWEST_IN_GROUP = 150
MOST_GROUPS = 6
TAIL = 0.05  # of all queries, the farthest
PROVABLE = 2.0  # of the loss allowed, in shares of one query of a group: half of it is left to be lost


@dataclass(frozen=True)
class Removed:
    """How many of its nearest count as not stored, (Q,) `counts`, the `most` of which may be so many."""

    counts: IntArray
    most: int

    @classmethod
    def sizes(cls, queries: int, others: int, k: int, *, dear: bool = False) -> Removed | None:
        """From one to `most`, evenly spread in their logarithms; None where too little is stored. `dear`: whether so
        many of the nearest are dear to know."""
        most = min(MOST_REMOVED_DEAR if dear else MOST_REMOVED, int(REMOVED_SHARE * others), others - k)
        if most < 1:
            return None
        drawn = np.random.default_rng(0).uniform(0, np.log(most + 0.5), queries)
        return cls(np.exp(drawn).astype(np.int64).clip(1, most), most)

    def nearest(self, search: Callable[[IntArray, int], Neighbours], k: int) -> Neighbours:
        """(Q, k + most): the k nearest of each query beyond those that count as not stored, and these, which few
        queries have many of, so that a search of all for the deepest would take twice as long.

        `search(who, count)`: the nearest of some queries. A line ends with rows -1 at the distance up to which all of
        the query's neighbours are known.
        """
        found = Neighbours.none(len(self.counts), k + self.most)

        def look(who: IntArray, depth: int) -> None:
            near = search(who, depth)
            found.rows[who, :depth], found.distances[who, :depth] = near.rows, near.distances
            found.distances[who, depth:] = near.distances[:, -1:]

        lines = np.arange(len(self.counts))
        for who in np.array_split(np.argsort(self.counts, kind="stable"), DEPTHS):
            if len(who):
                most = int(self.counts[who].max())
                look(who, k + min(self.most, most + max(TIED, most // 4)))
        last = found.distances[lines, self.counts - 1]
        tied = (found.distances <= last[:, None]).sum(axis=1) + k > (found.rows >= 0).sum(axis=1)
        shallow = np.flatnonzero(tied & (found.rows[:, -1] < 0) & np.isfinite(found.distances[:, -1]))
        if len(shallow):
            look(shallow, k + self.most)
        return found


@dataclass(frozen=True)
class Strangers:
    """Copies of some of the calibration queries; (S,) `removed` of the nearest of each count as not stored: these pairs
    are `gone`. `truth`: the nearest of the others. `owners`: of all queries, usual ones first, the calibration query
    that they are.
    """

    removed: IntArray
    gone: KnownPairs
    truth: Neighbours
    owners: IntArray

    @classmethod
    def of(cls, known: Neighbours, removed: Removed | None, k: int) -> Strangers | None:
        """Of queries whose `known` neighbours, (Q, k + removed.most), are the nearest of all that is stored.

        Whatever is as near as the last one that is removed goes with it. A query of which too few others are known then
        is no stranger.
        """
        if removed is None:
            return None
        lines = np.arange(len(known))
        radii = known.distances[lines, removed.counts - 1]
        counts = (known.distances <= radii[:, None]).sum(axis=1)
        deep = (known.rows >= 0).sum(axis=1)
        who = np.flatnonzero((counts + k <= deep) & np.isfinite(radii))
        if not len(who):
            return None
        places = counts[who, None] + np.arange(k)
        truth = Neighbours(known.rows[who[:, None], places], known.distances[who[:, None], places])
        gone = np.arange(known.k) < counts[who, None]
        owners, rows = np.nonzero(gone)[0], known.rows[who][gone]
        order = np.lexsort((rows, owners))
        pairs = KnownPairs(len(who))
        pairs.put(owners[order], rows[order], np.zeros(len(rows)))
        return cls(counts[who], pairs, truth, np.concatenate([lines, who]))

    @property
    def who(self) -> IntArray:
        """(S,) the calibration query that each is."""
        return self.owners[len(self.owners) - len(self.removed) :]

    @property
    def most(self) -> int:
        """Of the nearest of any, so many count as not stored."""
        return int(self.removed.max())

    def left(self, found: Ranked, some: IntArray | None = None) -> Ranked:
        """What counts as stored of candidates, (S, C), of all strangers or of `some`: moved up, and padded."""
        gone = self.gone.holds(found.rows, some)
        order = np.argsort(gone, axis=1, kind="stable")
        rows, scores, gone = (np.take_along_axis(each, order, axis=1) for each in (found.rows, found.scores, gone))
        return Ranked(np.where(gone, -1, rows), np.where(gone, np.float32(np.inf), scores))


@dataclass(frozen=True)
class Members:
    """Of a group: its `reach`, the queries in each of its `parts`, and `united`: of how many groups it is, up to that
    reach."""

    reach: float
    parts: tuple[IntArray, ...]
    united: int = 1

    @property
    def who(self) -> IntArray:
        """The queries in it, ascending."""
        return np.sort(np.concatenate(self.parts))


def grouped(first: DoubleArray, target: float, lost: float = 1.0) -> list[Members]:
    """Groups of queries by the scores of their first candidates, (Q,): first each by itself, nearest first, and then
    the nearest 2, 3, ... of them as one, the farthest, and all.

    As many as leave enough queries in each to prove the recall `target`, where what they lose counts `lost` times, the
    farthest of which is divided: a few that are farther than nearly all are hard to find anything for, and would make
    all of it dear. What several prove together leaves less to chance. Queries without any candidate are in none.
    """
    there = np.sort(first[np.isfinite(first)])
    if not len(there):
        return []
    fewest = max(FEWEST_IN_GROUP, int(np.ceil(PROVABLE * lost / max(1 - target, 1e-6))))
    count = min(MOST_GROUPS, max(1, len(there) // fewest))
    last = [len(there) * number // count for number in range(1, count + 1)]
    if count > 1:
        last.insert(-1, int(len(there) * (1 - TAIL)))
    reaches = np.unique(there[np.array(last) - 1])
    group = np.searchsorted(reaches, first, "left")
    alone = [Members(float(reach), (np.flatnonzero(group == number),)) for number, reach in enumerate(reaches)]
    several = [alone[:n] for n in range(2, len(alone))] + [alone[-n:] for n in range(2, len(alone) + 1)]
    return [*alone, *(_united(some, farthest=some[-1] is alone[-1]) for some in several)]


def _united(some: list[Members], *, farthest: bool) -> Members:
    """Groups as one, each a part of it; the few farthest are no part by themselves."""
    parts = [members.who for members in some]
    if farthest:
        parts[-2:] = [np.sort(np.concatenate(parts[-2:]))]
    return Members(some[-1].reach, tuple(parts), len(some))
