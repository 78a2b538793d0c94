"""Overlap distances of one query and 512 targets at once: a pair is a bit of a vector register (see lanes.py)."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from . import lanes
from .arguments import Columns
from .overlap_vectors import STEP, climb, sweep_scores, sweep_scores_masked
from .vectors import LANES, TILE, VECTOR

_GROUPS_A_TASK = 8
_ONES, _U0 = ~np.uint64(0), np.uint64(0)


class Work(NamedTuple):
    """`state`: the steps down of the rows; `matches`: see lanes.Scratch; `edge`: TILE steps right; `most`, `upper`,
    `lower`: `digits` planes, of the best score and of that in the first and in the last row of the band, plus `zero`
    each; `mask`: a vector of ones, then a changing one.
    """

    state: AnyArray
    matches: AnyArray
    edge: AnyArray
    most: AnyArray
    upper: AnyArray
    lower: AnyArray
    mask: AnyArray
    digits: int
    zero: int


@kernel()
def work_for(query: lanes.Query, longest: int) -> Work:
    """Enough for `group_scores` of the query and targets of no more than so many symbols."""
    m, digits = len(query.table), 2
    zero = m + longest + 2 * TILE
    while (1 << digits) <= zero + m + 2 * TILE:
        digits += 1
    return Work(
        np.empty(STEP * m, np.uint64),
        np.empty(len(query.codes) * TILE * VECTOR, np.uint64),
        np.empty(STEP * TILE, np.uint64),
        np.empty(VECTOR * digits, np.uint64),
        np.empty(VECTOR * digits, np.uint64),
        np.empty(VECTOR * digits, np.uint64),
        np.full(2 * VECTOR, _ONES),
        digits,
        zero,
    )


@kernel()
def group_scores(query: lanes.Query, groups: lanes.Groups, group: int, cutoff: int, work: Work) -> None:
    """The scores of a query and all lanes of a group, at least 0, as planes of a number in `work.most`.

    Those of distances up to the cutoff are exact, others may be too low. Such an alignment of sequences of m and n
    symbols leaves the diagonals from min(n - m, 0) - cutoff to max(n - m, 0) + cutoff nowhere: symbols of the shorter
    one that are left out at an end, and gaps, cost at least 1 each. Beyond, the table is taken to fall by 1 a cell.
    """
    table = query.table
    state, matches, edge, most, upper, lower, mask, digits, zero = work
    planes, bits = groups.planes, groups.bits
    m = len(table)
    below = max(m - groups.shortest[group], 0) + cutoff
    above = max(groups.longest[group] - m, 0) + cutoff
    bottom = min(m, TILE + below)
    for i in range(m):
        state[STEP * i : STEP * i + VECTOR] = _ONES if i < bottom else _U0
        state[STEP * i + VECTOR : STEP * (i + 1)] = _U0
    for d in range(digits):
        plane = _ONES if (zero >> d) & 1 else _U0
        for w in range(VECTOR):
            most[d * VECTOR + w] = upper[d * VECTOR + w] = lower[d * VECTOR + w] = plane
    width = (bits + 1) * VECTOR
    top, at_bottom = 0, bottom == m
    for first in range(0, groups.columns[group], TILE):
        at = groups.starts[group] + lanes.HEADER + first * width
        active = at + bits * VECTOR
        new_top = min(max(0, first - above), m)
        if new_top > top:  # of lanes that have ended these are rows of the last column
            for w in range(VECTOR):
                mask[VECTOR + w] = ~planes[active + w]
            climb(state, STEP * top, new_top - top, mask, VECTOR, 0, upper, most, digits)
            top = new_top
        bottom = min(m, first + TILE + below)
        if bottom == m and not at_bottom:
            at_bottom = True
            mask[VECTOR:] = _U0
            lower[:] = upper
            climb(state, STEP * top, m - top, mask, VECTOR, 0, lower, most, digits)
        if top < bottom:
            lanes.match_tile(query, planes, at, bits, matches)
            if first + TILE <= groups.shortest[group]:
                sweep_scores(state, table, matches, top, bottom, edge)
            else:
                sweep_scores_masked(state, table, matches, top, bottom, edge, planes, active, width)
            if at_bottom:
                climb(edge, 0, TILE, planes, active, width, lower, most, digits)
        if top > 0:
            mask[VECTOR:] = _U0
            for t in range(TILE):
                for w in range(VECTOR):
                    edge[t * STEP + w] = ~planes[active + t * width + w]
                    edge[t * STEP + VECTOR + w] = _U0
            climb(edge, 0, TILE, mask, VECTOR, 0, upper, most, digits)
    climb(state, STEP * top, m - top, mask, 0, 0, upper, most, digits)  # down the last column of each lane


@kernel(inline=True)
def lane_distance(work: Work, lane: int, m: int, n: int) -> int:
    """Of a lane whose target has n symbols."""
    return min(m, n) + work.zero - lanes.lane_value(work.most, work.digits, lane)


@kernel(parallel=True)
def matrix_kernel(queries: AnyArray, query_offsets: IntArray, groups: lanes.Groups, found: DoubleArray) -> None:
    """found[q, row] = distance of query q and the row of each lane."""
    count = len(groups.columns)
    parts = (count + _GROUPS_A_TASK - 1) // _GROUPS_A_TASK
    for task in numba.prange((len(query_offsets) - 1) * parts):
        q = task // parts
        first = task % parts * _GROUPS_A_TASK
        m = query_offsets[q + 1] - query_offsets[q]
        query = lanes.query_of(queries, query_offsets[q], query_offsets[q + 1])
        work = work_for(query, groups.longest.max())
        for group in range(first, min(count, first + _GROUPS_A_TASK)):
            group_scores(query, groups, group, max(m, groups.longest[group]), work)
            for lane in range(LANES):
                row = groups.rows[group * LANES + lane]
                if row >= 0:
                    found[q, row] = lane_distance(work, lane, m, groups.lengths[group * LANES + lane])


@kernel(parallel=True)
def pairs_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, bits: int, groups: IntArray, found: DoubleArray
) -> None:
    """found[i] = distance of a[a_rows[i]] and b[b_rows[i]], all of bytes below 2 ** bits.

    Group g, pairs groups[g]:groups[g + 1] and at most LANES of them, has one row of a.
    """
    data, offsets = a
    text, bounds = b
    for g in numba.prange(len(groups) - 1):
        start, end = groups[g], groups[g + 1]
        row = a_rows[start]
        m = offsets[row + 1] - offsets[row]
        packed = lanes.pack_one(text, bounds, b_rows[start:end], bits)
        query = lanes.query_of(data, offsets[row], offsets[row + 1])
        work = work_for(query, packed.longest[0])
        group_scores(query, packed, 0, max(m, packed.longest[0]), work)
        for lane in range(end - start):
            found[start + lane] = lane_distance(work, lane, m, packed.lengths[lane])
