"""Edit distances of pairs of which many share their first sequence: the others are its lanes, many at a time.

As in edit_rerank.py, but every distance up to its cutoff is wanted, not only the nearest.
"""

from __future__ import annotations

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..jit import kernel
from ..threads import in_blocks
from .arguments import Columns
from .band_vectors import LANE_BITS
from .edit_kernels import distance_to, pattern_of, scratch, within
from .edit_rerank import _FAR, _MOST_LANES, _MOST_SYMBOLS, _SHORT, Lanes, Query, _distances, _level, query_of

SHARED = 16  # pairs of a first sequence, on average, from which lanes are faster
_BLOCK = 4  # first sequences that a thread takes at a time


def shared(rows: IntArray) -> IntArray | None:
    """Where runs of equal numbers begin, with the end of the last, when they are long enough to pay; else None."""
    if len(rows) < SHARED:
        return None
    starts = np.concatenate([[0], np.flatnonzero(np.diff(rows)) + 1, [len(rows)]])
    return starts if len(rows) >= SHARED * (len(starts) - 1) else None


def pairs_of_runs(
    asked: Columns,
    rows: IntArray,
    targets: Columns,
    target_rows: IntArray,
    cutoffs: DoubleArray,
    starts: IntArray,
    found: DoubleArray,
) -> None:
    """found[i] = distance of asked[rows[i]] and targets[target_rows[i]], inf where it is above cutoffs[i]. All (m,);
    `starts`: see `shared`."""

    def work(first: int, last: int) -> None:
        _runs(asked, rows, targets, target_rows, cutoffs, starts[first : last + 1], found)

    in_blocks(len(starts) - 1, _BLOCK, work)


@kernel()
def _runs(
    asked: Columns,
    rows: IntArray,
    targets: Columns,
    target_rows: IntArray,
    cutoffs: DoubleArray,
    starts: IntArray,
    found: DoubleArray,
) -> None:
    for run in range(len(starts) - 1):
        first, last = starts[run], starts[run + 1]
        if first < last:
            query = query_of(asked.data, asked.offsets[rows[first]], asked.offsets[rows[first] + 1])
            some = target_rows[first:last]
            if len(query.symbols) > _MOST_SYMBOLS:
                _one_by_one(asked, rows[first], targets, some, cutoffs[first:last], found[first:last])
            else:
                _by_lanes(query, targets, some, cutoffs[first:last], found[first:last])


@kernel()
def _by_lanes(query: Query, targets: Columns, rows: IntArray, cutoffs: DoubleArray, found: DoubleArray) -> None:
    """Pairs of one first sequence."""
    m, offsets = len(query.positions), targets.offsets
    lanes = Lanes(np.empty(_MOST_LANES, np.int64), np.empty(_MOST_LANES, np.int64), np.empty(_MOST_LANES, np.int64))
    lane_rows, _, lane_found = lanes
    places = np.empty(_MOST_LANES, np.int64)
    at = 0
    while at < len(rows):
        # the band of the first that is near enough in length suits those behind it
        count, farthest, level, shortest, size = 0, 0, 0, 0, _MOST_LANES
        while at < len(rows) and count < size:
            n = offsets[rows[at] + 1] - offsets[rows[at]]
            cutoff = min(cutoffs[at], float(max(m, n)))
            if abs(m - n) > cutoff:
                found[at] = np.inf
            else:
                if max(m, n) >= _SHORT:
                    shortest = 1
                farthest = max(farthest, int(cutoff))
                level = max(level, shortest, 0 if farthest >= max(m, n) else _level(farthest, shortest))
                size = min(_MOST_LANES, 4 * (LANE_BITS // min(16 << level, 64)))
                lane_rows[count], places[count] = rows[at], at
                count += 1
            at += 1
        if count == 0:
            continue
        # as if that many had been found at the greatest cutoff, and one more: all lanes up to there are wanted
        best = np.full(count + 1, farthest, np.int64)
        _distances(query, best, count + 1, targets, lanes, count, level, False)
        for lane in range(count):
            distance = lane_found[lane]
            found[places[lane]] = distance if distance < _FAR and distance <= cutoffs[places[lane]] else np.inf


@kernel()
def _one_by_one(
    asked: Columns, row: int, targets: Columns, rows: IntArray, cutoffs: DoubleArray, found: DoubleArray
) -> None:
    """The same for a first sequence of too many symbols."""
    text, offsets = targets
    start = asked.offsets[row]
    m = asked.offsets[row + 1] - start
    longest = 0
    for other in rows:
        longest = max(longest, offsets[other + 1] - offsets[other])
    pattern = pattern_of(asked.data, start, start + m)
    state = scratch(m, longest)
    for i in range(len(rows)):
        begin = offsets[rows[i]]
        n = offsets[rows[i] + 1] - begin
        if cutoffs[i] >= max(m, n):
            found[i] = distance_to(pattern, text, begin, n, state)
        elif cutoffs[i] < 0:
            found[i] = np.inf
        else:
            distance = within(pattern, text, begin, n, int(cutoffs[i]), state)
            found[i] = distance if distance <= cutoffs[i] else np.inf
