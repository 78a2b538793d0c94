"""Two scores of the same candidates as one, which is comparable from query to query."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, FloatArray

ROUNDING = 1e-6
"""Of their mean: scores that spread by no more than this are equal."""


def mixing_of(one: AnyArray, other: AnyArray) -> float:
    """How often `other` counts beside `one`, (Q, C) scores of each query's candidates, both growing with the distance,
    inf for none: such that they vary as much among the candidates of a query.

    A standard deviation of one then stands for as much distance as one of the other, and what they err by is averaged.
    Other weights, of half and twice as much, are no better, nor is one for each query (docs/recall.md); one for all
    makes sums of two queries mean the same, so that it is known from which on none is expected to be near.
    """
    deviations = []
    there = np.isfinite(one) & np.isfinite(other)
    for scores in (one, other):
        wide = np.where(there, scores, 0.0).astype(np.float64)
        counts = np.maximum(there.sum(axis=1, keepdims=True), 1)
        means = wide.sum(axis=1, keepdims=True) / counts
        squares = np.where(there, wide - means, 0.0) ** 2
        deviation = float(np.sqrt(squares.sum() / max(1, there.sum())))
        usual = float(np.abs(means).sum()) / max(1, len(means))
        deviations.append(deviation if deviation > ROUNDING * usual else 0.0)
    return deviations[0] / deviations[1] if min(deviations) > 0 else 1.0


def mixed(one: AnyArray, other: AnyArray, mixing: float) -> FloatArray:
    """(Q, C) float32: `one`, and `mixing` times `other`; inf for what either has none of."""
    total: FloatArray = (one + mixing * other.astype(np.float64)).astype(np.float32)
    return total
