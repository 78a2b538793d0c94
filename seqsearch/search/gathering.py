"""The stored sequences that some queries are compared with, brought into memory: each once, however often it is met."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays import AnyArray, IntArray
from ..jit import kernel, popcount
from ..sequences import Sequences

GATHERED = 1 << 25
"""Steps (letters) of candidates that are in memory at once."""


def gathered(targets: Sequences, rows: IntArray) -> Iterator[tuple[slice, Sequences, IntArray, IntArray]]:
    """Parts of the queries, with what each part is compared with.

    `rows`: (Q, C) rows of `targets`, -1 where there is none. Gives the queries of a part as a slice; the targets that
    it meets, ascending, each once; their rows (m,); and (q, C) where each candidate is among these, -1 padded. Targets
    that lie in memory are given as they are, in one part.
    """
    if targets.resident:
        yield slice(0, len(rows)), targets, np.zeros(0, np.int64), rows
        return
    mean = max(1.0, targets.steps / max(1, len(targets)))
    step = max(1, int(GATHERED / (mean * max(1, rows.shape[1]))))
    marks = np.zeros(len(targets) // 64 + 1, np.uint64)
    for start in range(0, len(rows), step):
        part = np.ascontiguousarray(rows[start : start + step])
        places = np.empty_like(part)
        met = _met(part, marks, places)
        yield slice(start, start + len(part)), targets[met], met, places


def original(rows: IntArray, met: IntArray) -> IntArray:
    """Rows of the targets from places among those met, -1 kept."""
    if not len(met):
        return rows
    return np.where(rows >= 0, met[np.maximum(rows, 0)], -1)


@kernel()
def _met(rows: IntArray, marks: AnyArray, places: IntArray) -> IntArray:
    """The rows that are there, ascending and each once; fills `places` with where each is among them. `marks`, a bit a
    row, all zero, are left as they were."""
    one = np.uint64(1)
    for q in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            row = rows[q, c]
            if row >= 0:
                marks[row >> 6] |= one << np.uint64(row & 63)
    before = np.zeros(marks.shape[0] + 1, np.int64)
    for word in range(marks.shape[0]):
        before[word + 1] = before[word] + np.int64(popcount(marks[word]))
    met = np.empty(before[-1], np.int64)
    count = 0
    for word in range(marks.shape[0]):
        left = marks[word]
        while left:
            lowest = left & (~left + one)
            met[count] = (word << 6) + np.int64(popcount(lowest - one))
            count += 1
            left ^= lowest
    for q in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            row = rows[q, c]
            if row >= 0:
                below = (one << np.uint64(row & 63)) - one
                places[q, c] = before[row >> 6] + np.int64(popcount(marks[row >> 6] & below))
            else:
                places[q, c] = -1
    marks[:] = 0
    return met
