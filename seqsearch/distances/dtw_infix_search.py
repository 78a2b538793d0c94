"""Lossless nearest neighbours under the infix form of DTW, and its distances pair by pair.

Every target has a row of lower bounds, of blocks of its parts; the targets come in the order of the least of these, and
within one the blocks do, until the bound passes the k-th distance found.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..jit import kernel
from . import dtw_infix_kernels as parts
from . import dtw_infix_sections as sections
from . import dtw_window_kernels as windows
from .arguments import Columns
from .dtw_infix_kernels import Turned
from .dtw_infix_lanes import LANES
from .dtw_kernels import INF, Form
from .edit_kernels import place

_ROUNDING = 1e-9


class Answers(NamedTuple):
    """`rows`, `distances`: (Q, k), -1 and inf before, nothing above `limits`, (Q,); `tally`, (Q, 3): targets that were
    ruled out by bounds, compared, and entered."""

    rows: IntArray
    distances: DoubleArray
    limits: DoubleArray
    tally: IntArray


@kernel(inline=True)
def _series(columns: Columns, row: int) -> DoubleArray:
    return columns.data[columns.offsets[row] : columns.offsets[row + 1]]


@kernel(inline=True)
def _blocks(n: int, m: int) -> int:
    """Blocks of the parts of a target that are as long as a query of m frames."""
    return (windows.parts_of(n, m) + windows.BLOCK - 1) // windows.BLOCK


@kernel()
def compared(
    x: DoubleArray, b: Columns, turned: Turned, row: int, form: Form, standardise: bool, limit: float
) -> tuple[float, int, int]:
    """(distance, begin, end) of the part of b[row] that is nearest to x, (m, F); inf where none is within the limit."""
    y, m = _series(b, row), len(x)
    if form.window < 0.0:
        back = parts.backwards(x)
        if sections.are_worthwhile(back, turned, row, form.local):
            section = sections.section_of(back, turned)
            tiles = np.empty((turned.tiles[row + 1] - turned.tiles[row]) * LANES, np.float32)
            sections.fill_tiles(section, turned, row, form.local, tiles)
            found, end = sections.nearest_part(back, section, turned, row, form.local, tiles, limit, True)
        else:
            least = np.empty(turned.starts[row + 1] - turned.starts[row])
            parts.bounds_of(back, turned, row, form.local, least)
            found, end = parts.nearest_part(back, turned, row, form.local, least, limit)
        if found == INF:
            return INF, 0, 0
        return found, parts.begin_of(back, turned, row, form.local, found, end), end
    asked = windows.asked_of(x, form)
    least = np.empty(_blocks(len(y), m))
    windows.bounds_of(asked, y, form, standardise, least)
    work = windows.work_for(m, x.shape[1])
    found, begin = windows.nearest_window(asked, y, form, standardise, least, limit, work)
    return found, begin, min(len(y), begin + m)


@kernel(parallel=True)
def pairs_kernel(
    a: Columns,
    a_rows: IntArray,
    b: Columns,
    b_rows: IntArray,
    turned: Turned,
    form: Form,
    standardise: bool,
    cutoffs: DoubleArray,
    distances: DoubleArray,
    begins: IntArray,
    ends: IntArray,
) -> None:
    """Fill distances, begins and ends, each (m,), of a[a_rows[i]] and b[b_rows[i]]; inf where above cutoffs[i]."""
    for i in numba.prange(len(a_rows)):
        x = _series(a, a_rows[i])
        distances[i], begins[i], ends[i] = compared(x, b, turned, b_rows[i], form, standardise, cutoffs[i])


@kernel(parallel=True)
def part_bounds_kernel(
    queries: Columns, rows: IntArray, turned: Turned, starts: IntArray, local: int, least: DoubleArray
) -> None:
    """least[q, b] = lower bounds of the parts that end in each block of the targets `rows`, which begin at `starts`."""
    count = len(queries.offsets) - 1
    for task in numba.prange(count * len(rows)):
        q, row = task // len(rows), rows[task % len(rows)]
        here = least[q, starts[row] : starts[row + 1]]
        parts.bounds_of(parts.backwards(_series(queries, q)), turned, row, local, here)


@kernel(parallel=True)
def window_bounds_kernel(
    queries: Columns,
    targets: Columns,
    tasks: IntArray,
    starts: IntArray,
    form: Form,
    standardise: bool,
    least: DoubleArray,
) -> None:
    """least[q, b] = lower bounds of blocks of parts of the targets; all queries are of one length m.

    `tasks`, (t, 2): a target and the first part of a chunk of it; `starts`: where the blocks of each target begin.
    """
    count, features = len(queries.offsets) - 1, queries.data.shape[1]
    m = queries.offsets[1] - queries.offsets[0]
    chunk = windows.chunk_of(m)
    for task in numba.prange(len(tasks)):
        row, first = tasks[task]
        y = _series(targets, row)
        begin = starts[row] + first // windows.BLOCK
        if len(y) < m:
            least[:, begin] = 0.0
            continue
        size = min(chunk, windows.parts_of(len(y), m) - first)
        sums, found = windows.sums_for(features, chunk, m), np.empty((3, chunk))
        windows.fill_sums(y, first, size, m, standardise, sums)
        for q in range(count):
            asked = windows.asked_of(_series(queries, q), form)
            windows.fill_bounds(asked, sums, size, form, standardise, found)
            windows.least_of_blocks(found[0, :size], least[q, begin:])


@kernel(parallel=True)
def search_kernel(
    queries: Columns,
    targets: Columns,
    turned: Turned,
    rows: IntArray,
    starts: IntArray,
    form: Form,
    standardise: bool,
    least: DoubleArray,
    answers: Answers,
) -> None:
    """Fill the answers: the k nearest among the targets `rows`; `least`: bounds of blocks, which begin at `starts`."""
    found_rows, distances, limits, tally = answers
    k = found_rows.shape[1]
    for q in numba.prange(len(queries.offsets) - 1):
        x = _series(queries, q)
        back, asked = parts.backwards(x), windows.asked_of(x, form)
        work = windows.work_for(len(x), x.shape[1])
        nearest = np.empty(len(rows))
        for i in range(len(rows)):
            nearest[i] = least[q, starts[rows[i]] : starts[rows[i] + 1]].min()
        order = np.argsort(nearest, kind="mergesort")
        # A part of each of the most promising targets gives a cutoff: the k-th of these is no nearer than that of all.
        limit, promising = limits[q], min(len(rows), 8 * k + 24)
        if promising > 1:
            near = np.full(max(k, promising), INF)
            for i in range(promising):
                row = rows[order[i]]
                blocks = least[q, starts[row] : starts[row + 1]]
                if form.window < 0.0:
                    near[i] = parts.near_part(back, turned, row, form.local, blocks)[0]
                else:
                    near[i] = windows.near_window(asked, _series(targets, row), form, standardise, blocks, work)
            limit = min(limit, np.sort(near)[k - 1])
        held = 0
        for i in order:
            row = rows[i]
            cutoff = min(limit, distances[q, k - 1])
            if nearest[i] > cutoff * (1.0 + _ROUNDING):
                tally[q, 0] += 1
                continue
            blocks = least[q, starts[row] : starts[row + 1]]
            if form.window < 0.0:
                found, _ = parts.nearest_part(back, turned, row, form.local, blocks, cutoff)
            else:
                y = _series(targets, row)
                found, _ = windows.nearest_window(asked, y, form, standardise, blocks, cutoff, work)
            tally[q, 1] += 1
            if found < INF and (
                held < k or found < distances[q, k - 1] or (found == distances[q, k - 1] and row < found_rows[q, k - 1])
            ):
                held = place(found_rows[q], distances[q], held, row, found)
                tally[q, 2] += 1


@kernel(parallel=True)
def sections_kernel(queries: Columns, turned: Turned, firsts: IntArray) -> None:
    """firsts[q] = where the section of a query begins that is looked for first."""
    for q in numba.prange(len(firsts)):
        firsts[q] = sections.section_of(parts.backwards(_series(queries, q)), turned).first


@kernel(parallel=True)
def section_bounds_kernel(
    queries: Columns, firsts: IntArray, rows: IntArray, turned: Turned, local: int, least: FloatArray
) -> None:
    """least[q] = what the section costs in the tiles of the targets `rows`; (Q, tiles of all)."""
    count = len(queries.offsets) - 1
    for task in numba.prange(count * len(rows)):
        q, row = task // len(rows), rows[task % len(rows)]
        section = sections.section_from(parts.backwards(_series(queries, q)), turned, firsts[q])
        here = least[q, turned.tiles[row] * LANES : turned.tiles[row + 1] * LANES]
        sections.fill_tiles(section, turned, row, local, here)


@kernel(parallel=True)
def section_search_kernel(
    queries: Columns, firsts: IntArray, turned: Turned, rows: IntArray, local: int, least: FloatArray, answers: Answers
) -> None:
    """Improve the answers by the targets `rows`; `least`: from `section_bounds_kernel`."""
    found_rows, distances, limits, tally = answers
    k = found_rows.shape[1]
    for q in numba.prange(len(queries.offsets) - 1):
        back = parts.backwards(_series(queries, q))
        section = sections.section_from(back, turned, firsts[q])
        nearest = np.empty(len(rows))
        for i in range(len(rows)):
            tiles = least[q, turned.tiles[rows[i]] * LANES : turned.tiles[rows[i] + 1] * LANES]
            nearest[i] = sections.least_of(section, turned, rows[i], local, tiles)
        order = np.argsort(nearest, kind="mergesort")
        limit, promising = limits[q], min(len(rows), 8 * k + 24)
        if promising > 1:  # as in `search_kernel`
            near = np.full(max(k, promising), INF)
            for i in range(promising):
                row = rows[order[i]]
                tiles = least[q, turned.tiles[row] * LANES : turned.tiles[row + 1] * LANES]
                near[i] = sections.near_part(back, section, turned, row, local, int(np.argmin(tiles)))[0]
            for i in range(promising):
                limit = min(limit, np.sort(near)[k - 1])
                row = rows[order[i]]
                tiles = least[q, turned.tiles[row] * LANES : turned.tiles[row + 1] * LANES]
                other, _ = sections.nearest_part(back, section, turned, row, local, tiles, limit, False)
                near[i] = min(near[i], other)
            limit = min(limit, np.sort(near)[k - 1])
        held = int((found_rows[q] >= 0).sum())
        for i in order:
            row = rows[i]
            cutoff = min(limit, distances[q, k - 1])
            if nearest[i] > cutoff * (1.0 + _ROUNDING):
                tally[q, 0] += 1
                continue
            tiles = least[q, turned.tiles[row] * LANES : turned.tiles[row + 1] * LANES]
            found, _ = sections.nearest_part(back, section, turned, row, local, tiles, cutoff, True)
            tally[q, 1] += 1
            if found < INF and (
                held < k or found < distances[q, k - 1] or (found == distances[q, k - 1] and row < found_rows[q, k - 1])
            ):
                held = place(found_rows[q], distances[q], held, row, found)
                tally[q, 2] += 1
