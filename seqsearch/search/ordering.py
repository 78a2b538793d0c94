"""Two scores of the same candidates as one."""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import AnyArray, FloatArray
from ..jit import kernel
from ..threads import numba_threads

ROUNDING = 1e-6
"""Of their mean: scores that spread by no more than this are equal."""


def both_scores(one: AnyArray, other: AnyArray) -> FloatArray:
    """(Q, C) float32: of each query's two scores of a candidate, (Q, C), in standard deviations from their mean over
    its candidates, the sum; inf for what either has none of.

    Both grow with the distance and spread over the same candidates, so that a standard deviation of one stands for as
    much distance as one of the other, and what they err by is averaged. Weights that were fitted are no better
    (docs/recall.md).
    """
    out = np.empty(one.shape, np.float32)
    numba_threads()
    _sum_kernel(np.ascontiguousarray(one), np.ascontiguousarray(other), out)
    return out


@kernel(parallel=True)
def _sum_kernel(one: AnyArray, other: AnyArray, out: FloatArray) -> None:
    """One after the other within a query, so that its order is the same whoever is asked with it."""
    for q in numba.prange(out.shape[0]):
        count, first, second = 0, 0.0, 0.0
        for c in range(out.shape[1]):
            if np.isfinite(one[q, c]) and np.isfinite(other[q, c]):
                count += 1
                first += one[q, c]
                second += other[q, c]
        first, second = first / max(1, count), second / max(1, count)
        spread, wide = 0.0, 0.0
        for c in range(out.shape[1]):
            if np.isfinite(one[q, c]) and np.isfinite(other[q, c]):
                spread += (one[q, c] - first) ** 2
                wide += (other[q, c] - second) ** 2
        spread, wide = np.sqrt(spread / max(1, count)), np.sqrt(wide / max(1, count))
        spread = spread if spread > ROUNDING * abs(first) else 1.0
        wide = wide if wide > ROUNDING * abs(second) else 1.0
        for c in range(out.shape[1]):
            there = np.isfinite(one[q, c]) and np.isfinite(other[q, c])
            out[q, c] = (one[q, c] - first) / spread + (other[q, c] - second) / wide if there else np.inf
