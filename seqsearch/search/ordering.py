"""Two scores of the same candidates as one, which is comparable from query to query."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray

ROUNDING = 1e-6
"""Of their mean: scores that spread by no more than this are equal."""


def mixing_of(one: AnyArray, other: AnyArray) -> float:
    """How often `other` counts beside the root of `one`, (Q, C) scores of each query's candidates that grow with the
    distance, inf for none: such that both vary as much among the candidates of a query.

    A standard deviation of one then stands for as much distance as one of the other, and what they err by is averaged.
    One weight for all queries, which orders the candidates of each no worse than one of its own, makes the sums of two
    queries mean the same, so that it is known from which on none is expected to be near. Distances of embeddings spread
    more where they are large, their roots do not; weights that are fitted rank no better (docs/recall.md).
    """
    deviations = []
    there = np.isfinite(one) & np.isfinite(other)
    for scores in (_steadied(one), other):
        wide = np.where(there, scores, 0.0).astype(np.float64)
        counts = np.maximum(there.sum(axis=1, keepdims=True), 1)
        means = wide.sum(axis=1, keepdims=True) / counts
        squares = np.where(there, wide - means, 0.0) ** 2
        deviation = float(np.sqrt(squares.sum() / max(1, there.sum())))
        usual = float(np.abs(means).sum()) / max(1, len(means))
        deviations.append(deviation if deviation > ROUNDING * usual else 0.0)
    return deviations[0] / deviations[1] if min(deviations) > 0 else 1.0


def mixed(one: AnyArray, other: AnyArray, mixing: float) -> FloatArray:
    """(Q, C) float32: the root of `one`, and `mixing` times `other`; inf for what either has none of."""
    total: FloatArray = (_steadied(one) + mixing * other.astype(np.float64)).astype(np.float32)
    return total


def _steadied(distances: AnyArray) -> DoubleArray:
    root: DoubleArray = np.sqrt(np.maximum(distances, 0.0, dtype=np.float64))
    return root
