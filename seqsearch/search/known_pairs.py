"""What is known of pairs of a query and a row: a sorted list a query, which is looked up while it lies in the cache.

One sorted list of all pairs took most of a calibration: millions of pairs are looked up in it, each by twenty misses.
"""

from __future__ import annotations

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..jit import kernel, prange

_GROWS = 1.5
_NONE_YET = 64  # places of a list at first
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
_WORDS = 64  # of the bits of a query: 4096 of them, its first cache lines
_DIGITS = np.uint64(52)


class KnownPairs:
    """A value, which is no nan, of some pairs of Q queries and rows."""

    def __init__(self, queries: int) -> None:
        self._counts = np.zeros(queries, np.int64)
        self._rows, self._values = np.empty((queries, _NONE_YET), np.int64), np.empty((queries, _NONE_YET))
        self._marks = np.zeros((queries, _WORDS), np.uint64)

    def of(self, rows: IntArray, some: IntArray | None = None) -> DoubleArray:
        """(Q, C) values of the pairs with rows (Q, C), of all queries or of `some`: nan of one that is not known, inf
        where there is none (-1)."""
        out = np.empty(rows.shape)
        threads.numba_threads()
        lines = np.arange(len(self._counts)) if some is None else some
        _look_up(self._rows, self._values, self._counts, self._marks, lines, np.ascontiguousarray(rows), out)
        return out

    def holds(self, rows: IntArray, some: IntArray | None = None) -> BoolArray:
        """(Q, C) whether the pairs with rows (Q, C) are known, of all queries or of `some`; so is that of none (-1)."""
        held: BoolArray = ~np.isnan(self.of(rows, some))
        return held

    def put(self, owners: IntArray, rows: IntArray, values: DoubleArray) -> None:
        """Take in (m,) pairs that are not known, ascending by query and row, each once."""
        starts = np.searchsorted(owners, np.arange(len(self._counts) + 1))
        needed, room = int((self._counts + np.diff(starts)).max(initial=0)), self._rows.shape[1]
        if needed > room:
            shape = len(self._counts), max(needed, int(_GROWS * room))
            rows_before, values_before = self._rows, self._values
            self._rows, self._values = np.empty(shape, np.int64), np.empty(shape)
            self._rows[:, :room], self._values[:, :room] = rows_before, values_before
        _take_in(self._rows, self._values, self._counts, self._marks, starts, rows, np.asarray(values, np.float64))


@kernel(inline=True)
def _mark_of(row: np.int64) -> np.uint64:
    """The number of the bit that stands for a row (Knuth's multiplicative hash)."""
    return (np.uint64(row) * _SPREAD) >> _DIGITS


@kernel(parallel=True)
def _look_up(
    known: IntArray,
    values: DoubleArray,
    counts: IntArray,
    marks: AnyArray,
    lines: IntArray,
    rows: IntArray,
    out: DoubleArray,
) -> None:
    """See `KnownPairs.of`: `known`, (Q, M), ascends over the first counts[q] of each line. Most rows are not known, and
    of these nearly all have no bit in the line of `marks`, (Q, W)."""
    for place in prange(len(lines)):
        q = lines[place]
        count = counts[q]
        for c in range(rows.shape[1]):
            row = rows[place, c]
            if row < 0:
                out[place, c] = np.inf
                continue
            out[place, c] = np.nan
            mark = _mark_of(row)
            if not (marks[q, mark >> np.uint64(6)] >> (mark & np.uint64(63))) & np.uint64(1):
                continue
            low, high = 0, count
            while low < high:
                middle = (low + high) >> 1
                if known[q, middle] < row:
                    low = middle + 1
                else:
                    high = middle
            if low < count and known[q, low] == row:
                out[place, c] = values[q, low]


@kernel()
def _take_in(
    known: IntArray,
    values: DoubleArray,
    counts: IntArray,
    marks: AnyArray,
    starts: IntArray,
    rows: IntArray,
    more: DoubleArray,
) -> None:
    """Merge rows[starts[q]:starts[q + 1]] and their values `more` into line q, from its end."""
    for q in range(len(counts)):
        old, new = counts[q] - 1, starts[q + 1] - 1
        at = old + starts[q + 1] - starts[q]
        counts[q] = at + 1
        while new >= starts[q]:
            if old >= 0 and known[q, old] > rows[new]:
                known[q, at], values[q, at] = known[q, old], values[q, old]
                old -= 1
            else:
                known[q, at], values[q, at] = rows[new], more[new]
                mark = _mark_of(rows[new])
                marks[q, mark >> np.uint64(6)] |= np.uint64(1) << (mark & np.uint64(63))
                new -= 1
            at -= 1
