"""Classic dynamic time warping of many pairs: given ones, and the nearest of candidates.

Pairs of the same two lengths go side by side (dtw_lanes.py), others one after the other, with the same sums.
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns, Found
from .dtw_kernels import INF, Form, dtw
from .dtw_lanes import FEWEST, LANES, are_possible, lanes_for, lay, side_by_side
from .edit_kernels import place

_PAIRS_A_TASK = 64


@kernel(parallel=True)
def pairs_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, form: Form, cutoffs: DoubleArray, found: DoubleArray
) -> None:
    """found[i] = DTW sum of a[a_rows[i]] and b[b_rows[i]], inf where it is above cutoffs[i]. All (m,)."""
    count = a_rows.shape[0]
    for task in numba.prange((count + _PAIRS_A_TASK - 1) // _PAIRS_A_TASK):
        first = task * _PAIRS_A_TASK
        last = min(count, first + _PAIRS_A_TASK)
        _some_pairs(a, a_rows[first:last], b, b_rows[first:last], form, cutoffs[first:last], found[first:last])


@kernel()
def _some_pairs(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, form: Form, cutoffs: DoubleArray, found: DoubleArray
) -> None:
    """As `pairs_kernel`, on one thread."""
    count, longest = a_rows.shape[0], 0
    for i in range(count):
        longest = max(longest, _length(a, a_rows[i]), _length(b, b_rows[i]))
    scratch = np.empty((4, longest + 2))
    features, together = a.data.shape[1], LANES if are_possible(form) else 1
    lanes = lanes_for(longest if together > 1 else 0, features)
    i = 0
    while i < count:
        m, n = _length(a, a_rows[i]), _length(b, b_rows[i])
        some = 1
        while some < together and i + some < count:
            if _length(a, a_rows[i + some]) != m or _length(b, b_rows[i + some]) != n:
                break
            some += 1
        if some >= FEWEST:
            for lane in range(LANES):
                pair = i + min(lane, some - 1)
                lay(_series(a, a_rows[pair]), lane, lanes.x)
                lay(_series(b, b_rows[pair]), lane, lanes.y)
                lanes.cutoffs[lane] = cutoffs[pair]
            side_by_side(lanes, m, n, features, form)
            found[i : i + some] = lanes.found[:some]
        else:
            for pair in range(i, i + some):
                found[pair] = dtw(_series(a, a_rows[pair]), _series(b, b_rows[pair]), form, cutoffs[pair], scratch)
        i += some


@kernel(parallel=True)
def rerank_kernel(
    queries: Columns, targets: Columns, candidates: IntArray, stop: DoubleArray, form: Form, found: Found
) -> None:
    """The k nearest of each query's candidates, as `edit_rerank.rerank`; distances are inf before."""
    rows, distances = found
    for q in numba.prange(queries.offsets.shape[0] - 1):
        ends = stop[q] if stop.shape[0] > 0 else np.zeros(0)
        _rerank(_series(queries, q), targets, candidates[q], ends, form, rows[q], distances[q])


@kernel()
def _rerank(
    x: DoubleArray,
    targets: Columns,
    candidates: IntArray,
    stop: DoubleArray,
    form: Form,
    rows: IntArray,
    distances: DoubleArray,
) -> None:
    """Of one query, (C,) candidates, and stops if there are any."""
    k, m, longest = rows.shape[0], x.shape[0], x.shape[0]
    for row in candidates:
        if row >= 0:
            longest = max(longest, _length(targets, row))
    scratch = np.empty((4, longest + 2))
    features, together = x.shape[1], LANES if are_possible(form) else 1
    lanes = lanes_for(longest if together > 1 else 0, features)
    if together > 1:
        for lane in range(LANES):
            lay(x, lane, lanes.x)
    held, c = 0, 0
    while c < candidates.shape[0]:
        if candidates[c] < 0:
            c += 1
            continue
        cutoff = distances[k - 1] if held == k else INF
        some = 0
        while some < together and c + some < candidates.shape[0]:
            row = candidates[c + some]
            if row < 0 or _length(targets, row) != _length(targets, candidates[c]):
                break
            if stop.shape[0] > 0 and held == k and stop[c + some] > cutoff:
                break
            some += 1
        if some == 0:
            break
        if some >= FEWEST:
            for lane in range(LANES):
                lay(_series(targets, candidates[c + min(lane, some - 1)]), lane, lanes.y)
            lanes.cutoffs[:] = cutoff
            side_by_side(lanes, m, _length(targets, candidates[c]), features, form)
        else:
            for at in range(some):
                lanes.found[at] = dtw(x, _series(targets, candidates[c + at]), form, cutoff, scratch)
        for at in range(some):  # as if they had come one after the other
            row, total = candidates[c + at], lanes.found[at]
            if stop.shape[0] > 0 and held == k and stop[c + at] > distances[k - 1]:
                return
            if held < k or total < distances[k - 1] or (total == distances[k - 1] and row < rows[k - 1]):
                held = place(rows, distances, held, row, total)
        c += some


@kernel(inline=True)
def _series(columns: Columns, row: int) -> DoubleArray:
    frames: DoubleArray = columns.data[columns.offsets[row] : columns.offsets[row + 1]]
    return frames


@kernel(inline=True)
def _length(columns: Columns, row: int) -> int:
    return int(columns.offsets[row + 1] - columns.offsets[row])
