"""The sum of pairs: what the alignment of every two rows scores that a multiple alignment makes, exactly."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray
from ..jit import kernel, prange
from .scheme import Scheme


def sum_of_pairs(rows: AnyArray, scheme: Scheme, weights: DoubleArray | None = None) -> float:
    """Of (n, C) rows, each pair counted with the product of its weights. Columns in which both have a gap are left
    out, so that a gap may reach over them."""
    given = np.ones(len(rows)) if weights is None else weights
    return _all_pairs(rows, given, scheme.scores, scheme.gap_open, scheme.gap_extend)


def sum_across(x: AnyArray, y: AnyArray, x_weights: DoubleArray, y_weights: DoubleArray, scheme: Scheme) -> float:
    """Of all pairs of one of (n, C) rows and one of (m, C)."""
    return _across(x, y, x_weights, y_weights, scheme.scores, scheme.gap_open, scheme.gap_extend)


@kernel()
def _pair(x: AnyArray, y: AnyArray, scores: DoubleArray, gap_open: float, extend: float) -> float:
    total = 0.0
    inside = 0  # 1: in a gap of x, 2: of y
    for column in range(len(x)):
        a, b = x[column], y[column]
        if a >= 0 and b >= 0:
            total += scores[a, b]
            inside = 0
        elif a >= 0 or b >= 0:
            kind = 1 if a < 0 else 2
            if inside != kind:
                total -= gap_open
            total -= extend
            inside = kind
    return total


@kernel(parallel=True)
def _all_pairs(rows: AnyArray, weights: DoubleArray, scores: DoubleArray, gap_open: float, extend: float) -> float:
    parts = np.zeros(len(rows))
    for row in prange(len(rows)):
        for other in range(row):
            pair = _pair(rows[row], rows[other], scores, gap_open, extend)
            parts[row] += weights[row] * weights[other] * pair
    total: float = parts.sum()
    return total


@kernel(parallel=True)
def _across(
    x: AnyArray,
    y: AnyArray,
    x_weights: DoubleArray,
    y_weights: DoubleArray,
    scores: DoubleArray,
    gap_open: float,
    extend: float,
) -> float:
    parts = np.zeros(len(x))
    for row in prange(len(x)):
        for other in range(len(y)):
            parts[row] += x_weights[row] * y_weights[other] * _pair(x[row], y[other], scores, gap_open, extend)
    total: float = parts.sum()
    return total
