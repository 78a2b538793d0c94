"""Infix distances of one query and 512 targets at once: a pair is a bit of a vector register (see lanes.py)."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from . import lanes
from .infix_vectors import follow, sweep_free
from .vectors import LANES, TILE, VECTOR

_GROUPS_A_TASK = 8
_ONES, _U0 = ~np.uint64(0), np.uint64(0)


class Work(NamedTuple):
    """`state`, `matches`: see lanes.Scratch; `edge`: of the last row; `values`: `digits` planes of the least value of
    each lane, then as many of its value now.
    """

    state: AnyArray
    matches: AnyArray
    edge: AnyArray
    values: AnyArray
    digits: int


@kernel()
def work_for(query: lanes.Query) -> Work:
    """Enough for `group_distances` of the query."""
    m, digits = len(query.table), 1
    while (1 << digits) <= m:
        digits += 1
    return Work(
        np.empty(2 * VECTOR * m, np.uint64),
        np.empty(len(query.codes) * TILE * VECTOR, np.uint64),
        np.empty(2 * VECTOR * TILE, np.uint64),
        np.empty(2 * VECTOR * digits, np.uint64),
        digits,
    )


@kernel()
def group_distances(query: lanes.Query, groups: lanes.Groups, group: int, begin: int, end: int, work: Work) -> None:
    """The distances of a query and columns begin..end - 1 of all lanes of a group, as planes of a number, lowest bit
    first, in `work.values`. `begin` is a multiple of TILE; a last tile is looked at as a whole.
    """
    table = query.table
    state, matches, edge, values, digits = work
    planes, bits = groups.planes, groups.bits
    m = len(table)
    for i in range(m):
        for w in range(VECTOR):
            state[2 * VECTOR * i + w] = _ONES
            state[2 * VECTOR * i + VECTOR + w] = _U0
    for d in range(digits):
        plane = _ONES if (m >> d) & 1 else _U0
        for w in range(VECTOR):
            values[d * VECTOR + w] = values[(digits + d) * VECTOR + w] = plane
    width = (bits + 1) * VECTOR
    for first in range(begin, min(end, groups.columns[group]), TILE):
        at = groups.starts[group] + lanes.HEADER + first * width
        lanes.match_tile(query, planes, at, bits, matches)
        sweep_free(state, table, matches, m, edge)
        follow(edge, planes, at + bits * VECTOR, width, values, digits)


@kernel(parallel=True)
def matrix_kernel(queries: AnyArray, query_offsets: IntArray, groups: lanes.Groups, found: DoubleArray) -> None:
    """found[q, row] = distance of query q and the row of each lane."""
    count = len(groups.columns)
    parts = (count + _GROUPS_A_TASK - 1) // _GROUPS_A_TASK
    for task in numba.prange((len(query_offsets) - 1) * parts):
        q = task // parts
        first = task % parts * _GROUPS_A_TASK
        query = lanes.query_of(queries, query_offsets[q], query_offsets[q + 1])
        work = work_for(query)
        for group in range(first, min(count, first + _GROUPS_A_TASK)):
            group_distances(query, groups, group, 0, groups.columns[group], work)
            for lane in range(LANES):
                row = groups.rows[group * LANES + lane]
                if row >= 0:
                    found[q, row] = lanes.lane_value(work.values, work.digits, lane)
