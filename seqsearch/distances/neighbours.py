"""Answers of a nearest-neighbour search, what their proof took, and the tie-aware recall of one against another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray, filled
from ..errors import ParameterError


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each of Q queries, sorted by (distance, row).

    `rows`: (Q, k) int64, -1 where there are fewer than k; `distances`: (Q, k) float64, inf there.
    """

    rows: IntArray
    distances: DoubleArray

    @classmethod
    def none(cls, queries: int, k: int) -> Neighbours:
        """No neighbour yet, to be filled. Raises ParameterError unless `k` can be asked for."""
        return cls(*unfilled(queries, k, np.inf))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: IntArray | BoolArray) -> Neighbours:
        """Those of some queries."""
        return Neighbours(self.rows[some], self.distances[some])

    @property
    def k(self) -> int:
        """Columns of the answer."""
        return int(self.rows.shape[1])

    def within(self, radii: DoubleArray | None) -> Neighbours:
        """Those at most at the distance radii[q], (Q,), of each query; all for None."""
        if radii is None:
            return self
        near = (self.rows >= 0) & (self.distances <= np.asarray(radii)[:, None])
        return Neighbours(np.where(near, self.rows, -1), np.where(near, self.distances, np.inf))


@dataclass(frozen=True)
class Identical:
    """The k of the highest identity of each of Q queries, sorted by (identity, distance, row).

    `rows`: (Q, k) int64, -1 where there are fewer than k; `distances`: (Q, k), inf there; `identities`: (Q, k), 0 to 1,
    -1 there.
    """

    rows: IntArray
    distances: DoubleArray
    identities: DoubleArray

    @classmethod
    def of(cls, rows: IntArray, distances: DoubleArray, identities: DoubleArray, k: int) -> Identical:
        """The k best of (Q, C) rows; what has the identity -1 is none."""
        order = np.lexsort((rows, distances, -identities))[:, :k]
        shape = (len(rows), k)
        found, far, highest = np.full(shape, -1, np.int64), np.full(shape, np.inf), np.full(shape, -1.0)
        highest[:, : order.shape[1]] = np.take_along_axis(identities, order, axis=1)
        there = highest[:, : order.shape[1]] >= 0
        found[:, : order.shape[1]][there] = np.take_along_axis(rows, order, axis=1)[there]
        far[:, : order.shape[1]][there] = np.take_along_axis(distances, order, axis=1)[there]
        return cls(found, far, highest)

    def better(self, minus: Identical) -> tuple[Identical, BoolArray]:
        """The k best of both strands, each row once, and (Q, k) where the minus strand was the better."""
        k, strands = self.rows.shape[1], np.repeat([0, 1], self.rows.shape[1])
        keys = np.concatenate([2 * self.rows, 2 * minus.rows + 1], axis=1)
        distances = np.concatenate([self.distances, minus.distances], axis=1)
        identities = np.concatenate([self.identities, minus.identities], axis=1)
        order = np.lexsort((np.broadcast_to(strands, keys.shape), distances, -identities, keys >> 1))
        for each in (keys, distances, identities):
            each[:] = np.take_along_axis(each, order, axis=1)
        again = np.zeros(keys.shape, np.bool_)
        again[:, 1:] = keys[:, 1:] >> 1 == keys[:, :-1] >> 1
        best = Identical.of(keys, distances, np.where(again, -1.0, identities), k)
        there = best.rows >= 0
        rows = np.where(there, best.rows >> 1, -1)
        return Identical(rows, best.distances, best.identities), there & (best.rows & 1 == 1)


@dataclass(frozen=True)
class Pruning:
    """What became of all pairs of a lossless search; `str` says in a few words how many were not computed.

    `pairs`: queries times targets. Each was ruled out by exactly one bound (`ruled_out`: the bounds from cheap to dear,
    and how many pairs each of them spared), or verified; `entered`: verified and at that moment one of the k nearest.
    """

    pairs: int
    entered: int
    ruled_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def verified(self) -> int:
        """Pairs whose distance was looked at."""
        return self.pairs - sum(self.ruled_out.values())

    @property
    def cutoff(self) -> int:
        """Pairs that were verified and found to be above the k-th distance of that moment."""
        return self.verified - self.entered

    @property
    def spared(self) -> float:
        """The share of the pairs that was ruled out without computing their distance."""
        return sum(self.ruled_out.values()) / max(self.pairs, 1)

    def __add__(self, other: Pruning) -> Pruning:
        """What became of the pairs of two searches."""
        names = dict.fromkeys((*self.ruled_out, *other.ruled_out))
        ruled_out = {name: self.ruled_out.get(name, 0) + other.ruled_out.get(name, 0) for name in names}
        return Pruning(self.pairs + other.pairs, self.entered + other.entered, ruled_out)

    def __str__(self) -> str:
        return f"{_floored(self.spared)} ruled out without computing"


def _floored(share: float) -> str:
    """Percent to one place, rounded down, so that 100% means all."""
    return f"{int(share * 1000) / 10:.1f}%"


def require_count(k: int) -> None:
    """Raise ParameterError unless `k` is a number of neighbours that can be asked for."""
    if k < 1:
        raise ParameterError(f"k must be at least 1, not {k}")


def unfilled(queries: int, k: int, far: float) -> tuple[IntArray, AnyArray]:
    """(Q, k) rows of -1 and distances of `far`, of its type. Raises ParameterError unless `k` can be asked for."""
    require_count(k)
    return filled((queries, k), -1, np.int64), filled((queries, k), far, type(far))


def whole_neighbours(rows: IntArray, distances: IntArray) -> Neighbours:
    """Neighbours from whole-number distances: -1 rows become inf."""
    return Neighbours(rows, np.where(rows < 0, np.inf, distances.astype(np.float64)))


def recall_at(found: Neighbours | AnyArray, truth: Neighbours | AnyArray, k: int) -> DoubleArray:
    """(Q,) share of the k true neighbours of each query that `found` holds, ties counted.

    `found`: (Q, C) true distances of the items returned, inf where nothing was: the first k count; `truth`: (Q, >= k)
    true distances in ascending order. An item counts when its distance is at most the k-th true distance, so that any
    item of a tie is as good as another; what is found is divided by min(k, true neighbours there are), and is 1 where
    there are none. Raises ParameterError when the shapes do not fit or no query is given.
    """
    have = np.asarray(found.distances if isinstance(found, Neighbours) else found, np.float64)
    true = np.asarray(truth.distances if isinstance(truth, Neighbours) else truth, np.float64)
    if have.ndim != 2 or true.ndim != 2 or len(have) != len(true) or len(have) == 0:
        raise ParameterError(f"distances of shape {have.shape} cannot be compared with a truth of shape {true.shape}")
    if true.shape[1] < k:
        raise ParameterError(f"the truth holds {true.shape[1]} neighbours a query, {k} are needed")
    there = np.isfinite(true[:, :k])
    possible = there.sum(axis=1)
    farthest = thresholds(true, k)
    good = np.isfinite(have[:, :k]) & (have[:, :k] <= farthest[:, None])
    hits = np.minimum(good.sum(axis=1), possible)
    return np.asarray(np.where(possible > 0, hits / np.maximum(possible, 1), 1.0))


def thresholds(truth: DoubleArray, k: int) -> DoubleArray:
    """(Q,) true distance of the k-th neighbour of each query, or of the last there is; -inf where there is none."""
    return np.asarray(np.where(np.isfinite(truth[:, :k]), truth[:, :k], -np.inf).max(axis=1, initial=-np.inf))
