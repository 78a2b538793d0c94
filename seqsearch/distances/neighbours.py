"""Answers of a nearest-neighbour search, and the tie-aware recall of one against another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import ParameterError


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each of Q queries, sorted by (distance, row).

    `rows`: (Q, k) int64, -1 where there are fewer than k; `distances`: (Q, k) float64, inf there.
    """

    rows: IntArray
    distances: DoubleArray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def k(self) -> int:
        """Columns of the answer."""
        return int(self.rows.shape[1])


def require_count(k: int) -> None:
    """Raise ParameterError unless `k` is a number of neighbours that can be asked for."""
    if k < 1:
        raise ParameterError(f"k must be at least 1, not {k}")


def whole_neighbours(rows: IntArray, distances: IntArray) -> Neighbours:
    """Neighbours from whole-number distances: -1 rows become inf."""
    return Neighbours(rows, np.where(rows < 0, np.inf, distances.astype(np.float64)))


def recall(found: Neighbours | AnyArray, truth: Neighbours | AnyArray) -> float:
    """The share of the true neighbours that `found` holds, ties counted, averaged over the queries.

    `found`: (Q, k) true distances of the items returned, inf where nothing was; `truth`: (Q, >= k) true distances in
    ascending order. An item counts when its distance is at most the k-th true distance, so that any item of a tie is as
    good as another; what is found is divided by min(k, true neighbours there are). Raises ParameterError when the
    shapes do not fit or no query is given.
    """
    have = np.asarray(found.distances if isinstance(found, Neighbours) else found, np.float64)
    true = np.asarray(truth.distances if isinstance(truth, Neighbours) else truth, np.float64)
    if have.ndim != 2 or true.ndim != 2 or len(have) != len(true) or len(have) == 0:
        raise ParameterError(f"distances of shape {have.shape} cannot be compared with a truth of shape {true.shape}")
    k = have.shape[1]
    if true.shape[1] < k:
        raise ParameterError(f"the truth holds {true.shape[1]} neighbours a query, {k} are needed")
    finite = np.isfinite(true[:, :k])
    possible = finite.sum(axis=1)
    threshold = np.where(finite, true[:, :k], -np.inf).max(axis=1, initial=-np.inf)
    hits = np.minimum((np.isfinite(have) & (have <= threshold[:, None])).sum(axis=1), possible)
    shares = np.where(possible > 0, hits / np.maximum(possible, 1), 1.0)
    return float(shares.mean())
