"""Hits among windows united by the target that they are cut from."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)


class Layout(NamedTuple):
    """The row of each window, the first window of each row, the lengths of rows, and how they are cut."""

    owners: AnyArray
    first: IntArray
    lengths: IntArray
    length: int
    stride: int


@kernel()
def _place(table: AnyArray, keys: IntArray, row: np.int64) -> int:
    """The slot of a row in a table of a power of two of them, or the free one where it belongs."""
    mask = len(table) - 1
    at = int((np.uint64(row) * _MIX) >> np.uint64(40)) & mask
    while table[at] >= 0 and keys[table[at]] != row:
        at = (at + 1) & mask
    return at


@kernel(parallel=True)
def unite(
    layout: Layout,
    windows: IntArray,
    distances: FloatArray,
    pieces: IntArray,
    places: IntArray,
    rows: IntArray,
    scores: DoubleArray,
    starts: IntArray,
    ends: IntArray,
) -> None:
    """For each query its rows, (Q, C), the best first, -1 padded, their scores, and from where to where on each the
    query may begin.

    `windows`, `distances`, (P, T): what each piece found, ascending, -1 and inf padded; pieces[q]:pieces[q + 1] are
    those of query q, which begin at `places` in it. A row scores the sum over pieces of the distance of its nearest
    window; where it has none, of the last that was found, as the least that it may be.
    """
    owners, first, lengths, length, stride = layout
    for q in numba.prange(len(pieces) - 1):
        begin, end = pieces[q], pieces[q + 1]
        most = (end - begin) * windows.shape[1]
        size = 16
        while size < 2 * most:
            size *= 2
        table = np.full(size, -1, np.int64)
        keys, last = np.empty(most, np.int64), np.empty(most, np.int64)
        score, low, high = np.empty(most), np.empty(most, np.int64), np.empty(most, np.int64)
        count, farthest = 0, 0.0
        for p in range(begin, end):
            worst = 0.0
            for c in range(windows.shape[1]):
                if windows[p, c] >= 0:
                    worst = distances[p, c]
            for c in range(windows.shape[1]):
                window = windows[p, c]
                if window < 0:
                    break
                row = np.int64(owners[window])
                at = _place(table, keys, row)
                entry = table[at]
                if entry < 0:
                    entry = count
                    table[at], keys[entry], last[entry], score[entry] = entry, row, -1, farthest
                    low[entry], high[entry] = np.iinfo(np.int64).max, np.iinfo(np.int64).min
                    count += 1
                if last[entry] == p:
                    continue
                last[entry] = p
                score[entry] += distances[p, c] - worst
                start = min((window - first[row]) * stride, max(0, lengths[row] - length)) - places[p]
                low[entry], high[entry] = min(low[entry], start), max(high[entry], start)
            for entry in range(count):
                score[entry] += worst
            farthest += worst
        order = np.argsort(score[:count], kind="mergesort") if end - begin > 1 else np.arange(count)
        for c in range(min(count, rows.shape[1])):
            entry = order[c]
            rows[q, c], scores[q, c] = keys[entry], score[entry]
            starts[q, c], ends[q, c] = low[entry], high[entry]
