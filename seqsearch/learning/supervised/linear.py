"""Multinomial logistic regression over many features, sparse or dense: convex, so there is nothing to tune but its
strength."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from ...arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ...extras import TRAIN, imported
from .descent import least

MOST_STEPS = 100  # of L-BFGS
_SURE = 1e-5  # of the loss: two steps that gain less are the last


class Table(Protocol):
    """(n, M) features of n examples."""

    def times(self, weights: DoubleArray) -> DoubleArray:
        """(n, K) products with (M, K)."""

    def transposed_times(self, values: DoubleArray) -> DoubleArray:
        """(M, K) products of the transpose with (n, K)."""


class Fitted(NamedTuple):
    """(M, K) weights and (K,) biases of the scores, and the variables that an optimiser moved."""

    weights: DoubleArray
    bias: DoubleArray
    flat: DoubleArray


class DenseTable:
    """Features that most examples have."""

    def __init__(self, values: FloatArray) -> None:
        self.values = values

    def times(self, weights: DoubleArray) -> DoubleArray:
        found: DoubleArray = (self.values @ weights.astype(np.float32)).astype(np.float64)
        return found

    def transposed_times(self, values: DoubleArray) -> DoubleArray:
        found: DoubleArray = (self.values.T @ values.astype(np.float32)).astype(np.float64)
        return found


class SparseTable:
    """Features that few examples have: `columns` and `values` of each, one example after the other."""

    def __init__(self, columns: IntArray, values: DoubleArray, offsets: IntArray, width: int) -> None:
        csr_array = imported("scipy.sparse", TRAIN).csr_array
        self.rows = csr_array((values, columns, offsets), shape=(len(offsets) - 1, width), dtype=np.float32)
        self.turned = self.rows.T.tocsr()

    def times(self, weights: DoubleArray) -> DoubleArray:
        found: DoubleArray = (self.rows @ weights.astype(np.float32)).astype(np.float64)
        return found

    def transposed_times(self, values: DoubleArray) -> DoubleArray:
        found: DoubleArray = (self.turned @ values.astype(np.float32)).astype(np.float64)
        return found


def fit_logistic(
    table: Table,
    width: int,
    numbers: IntArray,
    weights: AnyArray,
    classes: int,
    *,
    strength: float,
    scale: DoubleArray | None = None,
    start: Fitted | None = None,
) -> Fitted:
    """Weights W and biases b of the scores X (scale W) + b of (n, M) features X.

    They make strength * sum of the (n,) weighted cross-entropies of the classes `numbers`, plus half the squares of W,
    least. `scale`: (M, K), 1 where there is none. `start`: what an earlier fit gave, for another strength. Two classes
    share one column, half of it against the one and half for the other, and one scale, that of the second.
    """
    columns = 1 if classes == 2 else classes
    if scale is not None and columns == 1:
        scale = scale[:, 1:]
    own = np.ones((1, 1)) if scale is None else scale
    rows = np.arange(len(numbers))
    given = np.asarray(weights, np.float64)

    def spread(values: DoubleArray) -> DoubleArray:
        """(..., K) of (..., columns)."""
        return values if columns > 1 else np.concatenate([-0.5 * values, 0.5 * values], axis=-1)

    def loss(flat: DoubleArray) -> tuple[float, DoubleArray]:
        inner, bias = flat[: width * columns].reshape(width, columns), flat[width * columns :]
        scores = spread(table.times(own * inner) + bias)
        highest = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - highest)
        totals = shares.sum(axis=1, keepdims=True)
        surprise = highest[:, 0] + np.log(totals[:, 0]) - scores[rows, numbers]
        shares /= totals
        shares[rows, numbers] -= 1.0
        slope = shares * (strength * given)[:, None]
        if columns == 1:
            slope = 0.5 * (slope[:, 1:] - slope[:, :1])
        value = strength * float(surprise @ given) + 0.5 * float((inner**2).sum())
        turned = own * table.transposed_times(slope) + inner
        return value, np.concatenate([turned.ravel(), slope.sum(axis=0)])

    first = np.zeros(width * columns + columns) if start is None else start.flat
    found = least(loss, first, steps=MOST_STEPS, gain=_SURE)
    inner, bias = found[: width * columns].reshape(width, columns), found[width * columns :]
    return Fitted(spread(own * inner), spread(bias), found)
