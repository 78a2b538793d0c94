"""The way back along best overlaps: 8 side by side, where each cell's best comes from kept for the diagonals of a band.

Of an overlap that scores S and ends behind i and j letters no more than min(i, j) - S columns are edits, so it lies in
so many diagonals to either side of that of its end. Most lie in far fewer: those are looked at first, and what comes
back with that score is one of the best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, IntArray
from ..jit import kernel
from .band_vectors import COLUMNS
from .overlap_groups import distances_to, first_cutoff
from .overlap_words import (
    LANES,
    Asked,
    Found,
    Room,
    asked_of,
    enter_rows,
    fill_block,
    found_for,
    room_for,
    sweep_traced,
    sweep_traced_one,
)
from .wildcards import is_sets

_NARROW = 64  # diagonals to either side that most paths stay within
_WIDER = 4  # times as many, where one does not
_MOST = 1 << 23  # words of a tape that is of 8 lanes
_U1 = np.uint64(1)


class Traced(NamedTuple):
    """Where the best of the cells of a band comes from: `tape`, see `sweep_traced`, for `lanes` lanes; block b of
    COLUMNS columns, from `start` on, is at places[b] there, and of the words of rows from tops[b] on, widths[b] of
    them. Lane l has its first letter in column begins[l]."""

    tape: AnyArray
    lanes: int
    start: int
    places: IntArray
    tops: IntArray
    widths: IntArray
    begins: IntArray


@kernel()
def _trace(
    query: Asked, text: AnyArray, starts: IntArray, told: Found, reach: int, room: Room, tape: AnyArray, one: bool
) -> Traced:
    """The bands of at most LANES targets text[starts[lane]:], or of a single one, `reach` diagonals to either side of
    where their overlaps end, which `told` says. `tape` is taken if it is large enough."""
    m, lengths, band = query.size, told.target_ends, 2 * reach
    begins = told.query_ends - told.target_ends + reach
    stop = (begins + lengths).max()
    start = max(begins.min(), -COLUMNS)
    blocks, lanes = (stop - start + COLUMNS - 1) // COLUMNS, 1 if one else LANES
    places, tops, widths = np.empty(blocks, np.int64), np.empty(blocks, np.int64), np.empty(blocks, np.int64)
    size = 0
    for b in range(blocks):
        first = start + b * COLUMNS
        tops[b] = min(max(0, first - band), m) // 64
        widths[b] = min((m + 63) // 64, (max(0, first + COLUMNS) + 63) // 64) - tops[b]
        places[b] = size
        size += COLUMNS * max(widths[b], 0) * 2 * lanes
    if len(tape) < size:
        tape = np.empty(size, np.uint64)
    state, codes, edge, active, _ = room
    table, symbols, bottom = query.table, query.symbols, 0
    for b in range(blocks):
        first, last = start + b * COLUMNS, tops[b] + widths[b]
        enter_rows(state, bottom, last, begins, first)
        bottom = max(bottom, last)
        if widths[b] <= 0:
            continue
        fill_block(text, starts, lengths, begins, first, room)
        if one:
            sweep_traced_one(
                state, codes, table, symbols, len(symbols), tops[b], last, 0, edge, active, tape, places[b]
            )
        else:
            sweep_traced(state, codes, table, symbols, len(symbols), tops[b], last, 0, edge, active, tape, places[b])
    return Traced(tape, lanes, start, places, tops, widths, begins)


@kernel()
def _walk(
    traced: Traced, lane: int, x: AnyArray, y: AnyArray, i: int, j: int, steps: AnyArray
) -> tuple[int, int, int, int]:
    """Back from behind i and j letters of x and y: what the overlap scores, where it begins in both, and how many
    columns it has; no column if it leaves the band. `steps`, of i + j or none, are filled from the first on with the
    last: 1 with a letter of both, 2 of the target, 3 of the query.
    """
    tape, lanes, start, places, tops, widths, begins = traced
    columns, score, sets = 0, 0, is_sets(x)
    while i > 0 and j > 0:
        column, row = begins[lane] + j - 1 - start, i - 1
        block = column // COLUMNS
        word = row // 64 - tops[block]
        if column < 0 or word < 0 or word >= widths[block]:
            return 0, i, j, 0
        at = places[block] + ((column % COLUMNS) * widths[block] + word) * 2 * lanes + lane
        bit = np.uint64(row % 64)
        step = 1 if (tape[at] >> bit) & _U1 else 2 if (tape[at + lanes] >> bit) & _U1 else 3
        if len(steps):
            steps[columns] = step
        columns += 1
        score += 1 if step == 1 and _same(x[row], y[j - 1], sets) else -1
        i -= step != 2
        j -= step != 3
    return score, i, j, columns


@kernel(inline=True)
def _same(x: int, y: int, sets: bool) -> bool:
    return bool((x >> np.uint64(y)) & _U1) if sets else x == y


@kernel()
def path_of(x: AnyArray, y: AnyArray) -> tuple[int, int, int, AnyArray]:
    """A best overlap of two sequences of codes, told as by `scoring_kernels.path_of`; `x` may be sets.

    It ends where the distance was found.
    """
    told = found_for(1)
    m, n = len(x), len(y)
    if not m or not n:
        return 0, 0, 0, np.empty(0, np.uint8)
    query = asked_of(x)
    room, cutoff = room_for(query), first_cutoff(m)
    starts, lengths = np.zeros(1, np.int64), np.array([n])
    while True:
        distances_to(query, y, starts, lengths, cutoff, room, told)
        if told.distances[0] <= cutoff or cutoff >= m:
            break
        cutoff = min(2 * cutoff, told.distances[0])
    score, i, j = min(m, n) - told.distances[0], told.query_ends[0], told.target_ends[0]
    if score <= 0:
        return 0, 0, 0, np.empty(0, np.uint8)
    steps, most, reach, tape = np.empty(i + j, np.uint8), min(i, j) - score, _NARROW, np.empty(0, np.uint64)
    while True:
        traced = _trace(query, y, starts, told, min(reach, most), room, tape, True)
        reached, begin_i, begin_j, columns = _walk(traced, 0, x, y, i, j, steps)
        if (columns and reached == score) or reach >= most:
            return score, begin_i, begin_j, steps[:columns][::-1].copy()
        reach *= _WIDER


@kernel()
def shapes_of(
    x: AnyArray,
    query: Asked,
    text: AnyArray,
    starts: IntArray,
    scores: IntArray,
    told: Found,
    room: Room,
    tape: AnyArray,
) -> tuple[IntArray, AnyArray]:
    """(3, targets): the letters of the query x that lie in the best overlap with each target text[starts[i]:], those of
    the target, and its columns, where it has the score and the ends that are told. The same as those of `path_of`. And
    a tape for the next ones."""
    shapes, nothing, m = np.zeros((3, len(starts)), np.int64), np.empty(0, np.uint8), query.size
    most = np.minimum(told.query_ends, told.target_ends) - scores
    waiting, reach = np.argsort(most, kind="mergesort"), _NARROW
    while len(waiting):
        failed, held = np.empty(len(waiting), np.int64), 0
        words = (min(m, 2 * reach) + COLUMNS) // 64 + 2
        size = LANES if 2 * LANES * words * (told.target_ends[waiting].max() + 2 * m) <= _MOST else 1
        for first in range(0, len(waiting), size):
            some = waiting[first : first + size]
            found = Found(told.distances[some], told.query_ends[some], told.target_ends[some])
            own = min(reach, most[some].max())
            traced = _trace(query, text, starts[some], found, own, room, tape, size == 1)
            tape = traced.tape
            for lane in range(len(some)):
                target = some[lane]
                i, j, y = found.query_ends[lane], found.target_ends[lane], text[starts[target] :]
                reached, begin_i, begin_j, columns = _walk(traced, lane, x, y, i, j, nothing)
                if columns and reached == scores[target]:
                    shapes[:, target] = np.array([i - begin_i, j - begin_j, columns])
                else:
                    failed[held] = target
                    held += 1
        waiting, reach = failed[:held], reach * _WIDER
    return shapes, tape
