"""Candidates in the order of what two of them have outside of each other's envelope: LB_Keogh of both, added up.

The sum is no bound, but orders series nearly as warping in the band does: of the ten nearest among 20,000 heartbeats
.995 are among the first 300 by it, and .85 at most by any features of single beats (benchmarks/README.md).
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import BoolArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from ..sequences import Sequences
from ..threads import numba_threads
from .arguments import Columns
from .dtw_bounds import envelope, room
from .dtw_kernels import ABSOLUTE, Form, reach
from .filled import Filled
from .series import SeriesDistance

_SELF, _LOW, _HIGH = 0, 1, 2


class KeoghRanker:
    """Targets of one length, with their envelopes, which are made when a target is first met: 12 bytes a number."""

    alone = True

    def __init__(self, distance: SeriesDistance, form: Form, targets: Sequences) -> None:
        self._distance, self._form = distance, form
        self._length = int(targets.lengths[0])
        shape = len(targets), 3, self._length * targets.data.shape[1]
        self._envelopes = Filled(shape, np.float32, lambda rows: self._with_envelopes(targets[rows]), shape[2])

    def able(self, queries: Sequences) -> BoolArray:
        """(Q,) which queries have the length of the targets."""
        fit: BoolArray = queries.lengths == self._length
        return fit

    def _with_envelopes(self, series: Sequences) -> FloatArray:
        """(n, 3, T * F) float32: the frames of series of one length, and the least and greatest within the band."""
        columns = self._distance.prepared(series)
        width = int(series.lengths[0]) * columns.data.shape[1] if len(series) else 0
        out = np.empty((len(series), 3, width), np.float32)
        numba_threads()
        _envelopes_kernel(columns, self._form, out)
        return out

    def scores(self, queries: Sequences, rows: IntArray) -> FloatArray:
        """(Q, C) float32 sums of queries that it is able to compare and rows of the targets; inf for the row -1."""
        self._distance.require(queries)
        out = np.full(rows.shape, np.inf, np.float32)
        if out.size:
            wanted = np.ascontiguousarray(rows)
            envelopes, squared = self._envelopes.holding(wanted), self._form.local != ABSOLUTE
            _sums_kernel(self._with_envelopes(queries), envelopes, wanted, squared, out)
        return out


@kernel(parallel=True)
def _envelopes_kernel(series: Columns, form: Form, out: FloatArray) -> None:
    """Fill `KeoghRanker._with_envelopes`."""
    for row in numba.prange(out.shape[0]):
        _fill(series.data[series.offsets[row] : series.offsets[row + 1]], form, out[row])


@kernel()
def _fill(x: DoubleArray, form: Form, out: FloatArray) -> None:
    """One series."""
    count, features = x.shape
    before, after = reach(count, count, form.window)
    low, high, buffer = np.empty_like(x), np.empty_like(x), np.empty(room(count, count, features))
    envelope(x, count, before, after, low, high, buffer)
    out[_SELF], out[_LOW], out[_HIGH] = x.reshape(-1), low.reshape(-1), high.reshape(-1)


@kernel(parallel=True)
def _sums_kernel(queries: FloatArray, targets: FloatArray, rows: IntArray, squared: bool, out: FloatArray) -> None:
    """out[q, c] = what query q and target rows[q, c] have outside of each other's envelope."""
    for q in numba.prange(rows.shape[0]):
        for c in range(rows.shape[1]):
            if rows[q, c] >= 0:
                out[q, c] = _outside_of_both(queries[q], targets[rows[q, c]], squared)


@kernel(fastmath=True)
def _outside_of_both(x: FloatArray, y: FloatArray, squared: bool) -> float:
    """LB_Keogh of y and the envelope of x, and of x and that of y: (3, T * F) each."""
    frames, low, high = x[_SELF], x[_LOW], x[_HIGH]
    others, least, most = y[_SELF], y[_LOW], y[_HIGH]
    nothing, total = np.float32(0.0), np.float32(0.0)
    for j in range(frames.shape[0]):
        one = max(nothing, max(others[j] - high[j], low[j] - others[j]))
        other = max(nothing, max(frames[j] - most[j], least[j] - frames[j]))
        total += one * one + other * other if squared else one + other
    return float(total)
