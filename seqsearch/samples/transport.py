"""Optimal transport between samples: the least cost of turning one into the other, a letter at a time, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..distances import Distance
from ..extras import SAMPLES, imported
from ..sequences import Sequences

_NOTHING = 1e-15  # of a share, that rounding left
_TURNS = 100_000_000  # of the network simplex, at most

Distribution = tuple[IntArray, DoubleArray]
"""Rows, (m,) ascending, and the share of each, (m,), which sum to 1."""


@dataclass(frozen=True)
class Agreement:
    """How distances of samples go with optimal transport, on `pairs` of them: Spearman's rank correlation, and the
    median of distance / transport; `features`: of a sample that were looked at, at most, None for all."""

    pairs: int
    spearman: float
    ratio: float
    features: int | None

    def __str__(self) -> str:
        among = "" if self.features is None else f", of their {self.features} most abundant features"
        return (
            f"checked on {self.pairs} pairs{among}: Spearman {self.spearman:.3f} with optimal transport, "
            f"{self.ratio:.2f} of its cost"
        )

    @classmethod
    def of(cls, told: DoubleArray, exact: DoubleArray, features: int | None) -> Agreement:
        """Of (m,) distances and costs."""
        moved = exact > 0
        ratio = float(np.median(told[moved] / exact[moved])) if moved.any() else 1.0
        stats = imported("scipy.stats", SAMPLES)
        varied = len(told) > 1 and np.ptp(told) > 0 and np.ptp(exact) > 0
        return cls(
            len(told), float(stats.spearmanr(told, exact).statistic) if varied else float("nan"), ratio, features
        )


def transport(distance: Distance, sequences: Sequences, one: Distribution, other: Distribution) -> float:
    """The least mean distance over which the shares of one sample are moved to make the other: Wasserstein's, of order
    1, by the network simplex of POT. Raises MissingExtraError without it.

    Under a metric what both share stays where it is, so that only the differences are moved.
    """
    lp = imported("ot.lp", SAMPLES)
    (rows, shares), (columns, wanted) = one, other
    if distance.metric:
        _, here, there = np.intersect1d(rows, columns, assume_unique=True, return_indices=True)
        stays = np.minimum(shares[here], wanted[there])
        shares, wanted = shares.copy(), wanted.copy()
        shares[here] -= stays
        wanted[there] -= stays
    rows, shares = rows[shares > _NOTHING], shares[shares > _NOTHING]
    columns, wanted = columns[wanted > _NOTHING], wanted[wanted > _NOTHING]
    if not len(rows) or not len(columns):
        return 0.0
    moved = float(shares.sum() + wanted.sum()) / 2
    costs = distance.matrix(sequences[rows], sequences[columns])
    cost = lp.emd2(shares / shares.sum(), wanted / wanted.sum(), np.ascontiguousarray(costs), numItermax=_TURNS)
    return moved * float(cost)


def most_abundant(of: Distribution, most: int) -> Distribution:
    """The features with the greatest shares, which sum to 1 again."""
    rows, shares = of
    if len(rows) <= most:
        return of
    kept = np.sort(np.argpartition(-shares, most - 1)[:most])
    return rows[kept], shares[kept] / shares[kept].sum()
