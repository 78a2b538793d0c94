"""Alignment scores with affine gaps (Gotoh 1982), in numba: of many pairs, and the path of one.

A gap of length n costs `first` + (n - 1) `extend`. `mode`: GLOBAL aligns from end to end, SEMI leaves gaps at all four
ends free, LOCAL takes the best parts of both (Smith and Waterman 1981).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, ByteArray, DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns

GLOBAL, SEMI, LOCAL = 0, 1, 2
_LOW = -(1 << 28)  # below any score, and twice of it is still a number

# How a cell was reached, two bits, and whether the gaps that end in it began before.
_STOP, _BOTH, _TARGET, _QUERY = 0, 1, 2, 3
_LONGER_TARGET, _LONGER_QUERY = 4, 8


class Scheme(NamedTuple):
    """`scores`, (codes, codes) int32; costs of the first symbol of a gap and of the others; `mode`."""

    scores: AnyArray
    first: int
    extend: int
    mode: int


@kernel()
def score_of(scheme: Scheme, x: AnyArray, y: AnyArray) -> int:
    """The score of the best alignment of two sequences of codes, in memory of one line."""
    scores, mode = scheme.scores, scheme.mode
    m, n = len(x), len(y)
    first, extend, zero = np.int32(scheme.first), np.int32(scheme.extend), np.int32(0)
    floor = zero if mode == LOCAL else np.int32(_LOW)
    best = floor
    line = np.zeros(n + 1, np.int32)
    below = np.full(n, _LOW, np.int32)
    if mode == GLOBAL:
        for j in range(n):
            line[j + 1] = -(scheme.first + j * scheme.extend)
    profile = np.empty((scores.shape[0], n), np.int32)  # a row for each symbol: cells then follow each other in memory
    for code in range(scores.shape[0]):
        for j in range(n):
            profile[code, j] = scores[code, y[j]]
    for i in range(m):
        diagonal = line[0]
        left = np.int32(-(scheme.first + i * scheme.extend)) if mode == GLOBAL else zero
        line[0] = left
        beside = np.int32(_LOW)
        pairs = profile[x[i]]
        for at in range(n):
            here, after = np.uint64(at), np.uint64(at + 1)  # never below 0: numba need not look
            above = line[after]
            under = np.int32(max(np.int32(below[here] - extend), np.int32(above - first)))
            beside = np.int32(max(np.int32(beside - extend), np.int32(left - first)))
            left = max(max(np.int32(diagonal + pairs[here]), max(under, floor)), beside)
            if mode == LOCAL:
                best = max(best, left)
            diagonal = above
            line[after] = left
            below[here] = under
        if mode == SEMI:
            best = max(best, left)
    if mode == SEMI:
        for j in range(n):
            best = max(best, line[j + 1])
    return int(line[n]) if mode == GLOBAL else int(best)


@kernel(inline=True)
def _own(scores: AnyArray, x: AnyArray) -> float:
    """What a sequence scores with itself, ambiguous letters that score below 0 with themselves left out."""
    total = 0
    for code in x:
        total += max(scores[code, code], 0)
    return float(total)


@kernel(parallel=True)
def own_kernel(a: Columns, a_rows: IntArray, scores: AnyArray, found: DoubleArray) -> None:
    """found[i] = the score of a[a_rows[i]] with itself."""
    x, offsets = a
    for at in numba.prange(len(found)):
        i = a_rows[at]
        found[at] = _own(scores, x[offsets[i] : offsets[i + 1]])


@kernel()
def path_of(scheme: Scheme, x: AnyArray, y: AnyArray) -> tuple[int, int, int, ByteArray]:
    """A best alignment: its score, where it begins in x and in y (from 0), and a step for each column.

    A step: 1 both, 2 the target y only, 3 the query x only. Among equals both comes first, then the target. Gaps at
    free ends are no part of it. Memory: a byte a cell.
    """
    scores, first, extend, mode = scheme
    m, n = len(x), len(y)
    cells = np.zeros((m + 1, n + 1), np.uint8)
    line = np.zeros(n + 1, np.int32)
    below = np.full(n + 1, _LOW, np.int32)
    if mode == GLOBAL:
        for j in range(1, n + 1):
            line[j] = -(first + (j - 1) * extend)
            cells[0, j] = _TARGET | (_LONGER_TARGET if j > 1 else 0)
        for i in range(1, m + 1):
            cells[i, 0] = _QUERY | (_LONGER_QUERY if i > 1 else 0)
    best, end_i, end_j = (0 if mode == LOCAL else _LOW), 0, 0
    for i in range(1, m + 1):
        diagonal = line[0]
        line[0] = left = 0 if mode != GLOBAL else -(first + (i - 1) * extend)
        beside = _LOW
        for j in range(1, n + 1):
            cell = 0
            under = line[j] - first
            if below[j] - extend > under:
                under = below[j] - extend
                cell |= _LONGER_QUERY
            opened = left - first
            beside -= extend
            if beside > opened:
                cell |= _LONGER_TARGET
            else:
                beside = opened
            left, source = diagonal + scores[x[i - 1], y[j - 1]], _BOTH
            if beside > left:
                left, source = beside, _TARGET
            if under > left:
                left, source = under, _QUERY
            if mode == LOCAL and left <= 0:
                left, source = 0, _STOP
            cells[i, j] = cell | source
            diagonal = line[j]
            line[j] = left
            below[j] = under
            ends = mode == LOCAL or (mode == SEMI and (i == m or j == n)) or (i == m and j == n)
            if ends and left > best:
                best, end_i, end_j = left, i, j
    return _traced(cells, best, end_i, end_j, mode)


@kernel()
def _traced(cells: ByteArray, best: int, i: int, j: int, mode: int) -> tuple[int, int, int, ByteArray]:
    """The way back from a cell."""
    steps = np.empty(i + j, np.uint8)
    count = 0
    state = 0  # of a gap whose beginning is still before us: _TARGET or _QUERY
    while (i > 0 or j > 0) if mode == GLOBAL else (i > 0 and j > 0):
        cell = cells[i, j]
        step = state if state else cell & 3
        if step == _STOP:
            break
        steps[count] = step
        count += 1
        if step == _BOTH:
            i -= 1
            j -= 1
        elif step == _TARGET:
            state = _TARGET if cell & _LONGER_TARGET else 0
            j -= 1
        else:
            state = _QUERY if cell & _LONGER_QUERY else 0
            i -= 1
    return best, i, j, steps[:count][::-1].copy()
