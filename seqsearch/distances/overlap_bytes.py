"""Overlap distances of one query and few targets: 64 pairs side by side, a difference a byte, for verified candidates.

The recurrence is that of overlap_vectors.py, and the band that of `overlap_lanes.group_scores`; a pair takes a byte of
a vector register in place of two bits of two. 512 pairs side by side take less for each, but as much for 40 as for 512.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import AnyArray, DoubleArray, IntArray
from ..emitting import BYTE, WORD, Emitter, Typed, emitted
from ..jit import kernel
from . import overlap_seeds as seeding
from .arguments import Columns
from .wildcards import is_sets

LANES, TILE = 64, 8
_VEC = ir.VectorType(BYTE, LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)
_U0, _U1 = np.uint64(0), np.uint64(1)
_FIRST = 24  # of a query's letters one part: the reach of the first look at candidates
_LEAST = 16  # letters of that
_NARROW = 16  # diagonals to either side that most paths stay within
_A_GROUP = 100  # diagonals that take as long as what a group takes besides
_CLOSE = 48  # of a query's letters one part: a distance within which bands are narrow
_EXPECTED = 3  # times the least distance that shared q-grams allow, within which it mostly is
_FAR = np.iinfo(np.int32).max  # farther than any distance
_STEP = LANES * TILE


@emitted
def _swept(state: Type, table: Type, matches: Type, first: object, last: object, edge: Type, active: Type) -> Typed:
    """TILE columns of 64 lanes over rows first..last - 1: under a row of zeros where `first` is 0, else under one that
    falls by 1 a column.

    `state`: the step down of each row, a vector of int8; `table`: where in `matches` each row finds its TILE vectors of
    2 for a match and else 0; `edge`: to be filled with the steps right in the last of these rows; `active`, (TILE,)
    uint64: the lanes that have a symbol in each column, a bit each; others keep their last column.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        ones = ir.Constant(_VEC, [1] * LANES)
        whole = b.icmp_signed("==", e.args[3], e.number(0))
        begin = b.select(whole, ir.Constant(_VEC, [0] * LANES), ir.Constant(_VEC, [-1] * LANES))
        right = [e.variable(begin) for _ in range(TILE)]
        on = [b.bitcast(e.read(e.place(6, t), WORD), _MASK) for t in range(TILE)]

        def most(x: ir.Value, y: ir.Value) -> ir.Value:
            return e.instruction(f"llvm.smax.v{LANES}i8", _VEC, x, y)

        with e.loop(e.args[3], e.args[4]) as row:
            here = e.place(0, b.mul(row, e.number(LANES)))
            down = e.read(here, _VEC)
            match = e.place(2, b.load(e.place(1, row)))
            for t, place in enumerate(right):
                across = b.load(place)
                best = most(most(e.read(e.step(match, t * LANES), _VEC), across), down)
                gained = b.sub(best, ones)
                b.store(b.sub(gained, down), place)
                down = b.select(on[t], b.sub(gained, across), down)
            e.write(down, here)
        for t, place in enumerate(right):
            e.write(b.load(place), e.place(5, t * LANES))

    return types.void(state, table, matches, types.int64, types.int64, edge, active), emit


class Asked(NamedTuple):
    """A query: its distinct `codes`, and for each position where its match vectors are (`table`)."""

    codes: AnyArray
    table: IntArray


class Room(NamedTuple):
    """`state`: of `_swept`, for every row; `matches`, `edge`, `active`: of a tile; `letters`, (TILE, LANES)."""

    state: AnyArray
    matches: AnyArray
    edge: AnyArray
    active: AnyArray
    letters: AnyArray


@kernel()
def asked_of(codes: AnyArray) -> Asked:
    """A query of these codes."""
    distinct = np.unique(codes)
    table = np.empty(len(codes), np.int64)
    for i in range(len(codes)):
        table[i] = np.searchsorted(distinct, codes[i]) * _STEP
    return Asked(distinct, table)


@kernel()
def room_for(query: Asked) -> Room:
    """Enough for `distances_to` of the query."""
    return Room(
        np.empty(len(query.table) * LANES, np.int8),
        np.empty(len(query.codes) * _STEP, np.int8),
        np.empty(_STEP, np.int8),
        np.empty(TILE, np.uint64),
        np.empty(_STEP, np.uint8),
    )


@kernel()
def _fill_tile(
    query: Asked, text: AnyArray, starts: IntArray, lengths: IntArray, begins: IntArray, first: int, room: Room
) -> None:
    """The letters of TILE columns from `first` on, which lanes have one, and where they match."""
    letters, active, matches = room.letters, room.active, room.matches
    for t in range(TILE):
        alive = _U0
        for lane in range(len(starts)):
            at = first + t - begins[lane]
            if 0 <= at < lengths[lane]:
                letters[t * LANES + lane] = text[starts[lane] + at]
                alive |= _U1 << np.uint64(lane)
            else:
                letters[t * LANES + lane] = 0
        active[t] = alive
    for slot in range(len(query.codes)):
        code, to = query.codes[slot], slot * _STEP
        if is_sets(query.codes):
            for at in range(_STEP):
                matches[to + at] = 2 * np.int8((code >> np.uint64(letters[at])) & _U1)
        else:
            for at in range(_STEP):
                matches[to + at] = 2 if letters[at] == code else 0


class Found(NamedTuple):
    """Of each lane: the distance, and where the best overlap ends in the query and in the target, as slices do."""

    distances: IntArray
    query_ends: IntArray
    target_ends: IntArray


@kernel()
def found_for(count: int) -> Found:
    """Room for so many lanes."""
    return Found(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64))


@kernel()
def distances_to(
    query: Asked, text: AnyArray, starts: IntArray, lengths: IntArray, cutoff: int, room: Room, found: Found
) -> None:
    """Fill `found` for the query and text[starts[lane]:][:lengths[lane]], at most LANES of them: exact up to the
    cutoff, else distances are no less than they are, nor than cutoff + 1. Of several best overlaps that which ends
    first in the query, and then in the target. `overlap_lanes.group_scores` says why the band is enough.
    """
    m = len(query.table)
    above, below = max(lengths.max() - m, 0) + cutoff, max(m - lengths.min(), 0) + cutoff
    distances_within(query, text, starts, lengths, np.zeros(len(starts), np.int64), (above, below), room, found)


@kernel()
def distances_within(
    query: Asked,
    text: AnyArray,
    starts: IntArray,
    lengths: IntArray,
    begins: IntArray,
    band: tuple[int, int],
    room: Room,
    found: Found,
) -> None:
    """The same in a band: each target has its first letter in column begins[lane], and what lies more than band[0]
    columns to the right of a row's number, or band[1] to the left, is not looked at."""
    state, _, edge, active, _ = room
    m, count, (above, below) = len(query.table), len(starts), band
    ends = np.zeros(LANES, np.int64)
    ends[:count] = begins + lengths
    start = max(begins.min(), -(below // TILE) * TILE - TILE)
    stop = min(ends[:count].max(), m + above)
    upper, lower = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    most, place = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)  # in the last column: the most, and behind which
    at_end, column = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)  # row; the same in the last row
    top, bottom, at_bottom = 0, 0, False
    steps = np.zeros(LANES, np.int8)
    for first in range(start, stop, TILE):
        new_bottom = min(m, max(bottom, first + TILE + below))
        for lane in range(count):  # before its first column a target has cost nothing, wherever it begins
            steps[lane] = 0 if begins[lane] >= first else -1
        for row in range(bottom, new_bottom):
            state[row * LANES : (row + 1) * LANES] = steps
        new_top = min(max(0, first - above), new_bottom)
        for row in range(top, new_top):  # of lanes that have ended these are rows of the last column
            for lane in range(LANES):
                upper[lane] += state[row * LANES + lane]
            for lane in range(count):
                if first >= ends[lane] and upper[lane] > most[lane]:
                    most[lane], place[lane] = upper[lane], row + 1
        top, bottom = max(top, new_top), new_bottom
        if bottom == m and not at_bottom:
            at_bottom = True
            lower[:] = upper
            for row in range(top, m):
                for lane in range(LANES):
                    lower[lane] += state[row * LANES + lane]
        if top < bottom:
            _fill_tile(query, text, starts, lengths, begins, first, room)
            _swept(state, query.table, room.matches, top, bottom, edge, active)
            if at_bottom:
                for t in range(TILE):
                    for lane in range(count):
                        if begins[lane] <= first + t < ends[lane]:
                            lower[lane] += edge[t * LANES + lane]
                            if lower[lane] > at_end[lane]:
                                at_end[lane], column[lane] = lower[lane], first + t + 1
        if top > 0:
            for lane in range(count):
                upper[lane] -= max(0, min(first + TILE, ends[lane]) - max(first, begins[lane]))
    for row in range(top, bottom):  # down the last column of each lane
        for lane in range(LANES):
            upper[lane] += state[row * LANES + lane]
        for lane in range(count):
            if stop >= ends[lane] and upper[lane] > most[lane]:
                most[lane], place[lane] = upper[lane], row + 1
    for lane in range(count):
        by_column = most[lane] >= at_end[lane] and place[lane] < m
        found.distances[lane] = min(m, lengths[lane]) - max(most[lane], at_end[lane])
        found.query_ends[lane] = place[lane] if by_column else m
        found.target_ends[lane] = lengths[lane] if by_column else column[lane] - begins[lane]


# -- many at once ------------------------------------------------------------------------------------------------------


@kernel()
def _groups(m: int, lengths: IntArray, cutoff: int) -> IntArray:
    """Where to cut targets of ascending lengths into groups of at most LANES, that bands are narrow: (g + 1,)."""
    count = len(lengths)
    cost, before = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    for end in range(1, count + 1):
        cost[end] = np.iinfo(np.int64).max
        for start in range(max(0, end - LANES), end):
            width = max(m - lengths[start], 0) + max(lengths[end - 1] - m, 0) + 2 * cutoff
            whole = cost[start] + (_A_GROUP + min(m, width)) * lengths[end - 1]
            if whole < cost[end]:
                cost[end], before[end] = whole, start
    cuts, end = np.empty(count + 1, np.int64), count
    held = 0
    while end > 0:
        cuts[held] = end
        held += 1
        end = before[end]
    cuts[held] = 0
    return cuts[: held + 1][::-1].copy()


@kernel()
def some_distances(
    query: Asked, text: AnyArray, starts: IntArray, lengths: IntArray, cutoff: int, room: Room, found: IntArray
) -> None:
    """found[i] = the distance of the query and target i, as of `distances_to`, however many there are."""
    order = np.argsort(lengths, kind="mergesort")
    cuts = _groups(len(query.table), lengths[order], cutoff)
    told = found_for(LANES)
    for g in range(len(cuts) - 1):
        some = order[cuts[g] : cuts[g + 1]]
        distances_to(query, text, starts[some], lengths[some], cutoff, room, told)
        for lane in range(len(some)):
            found[some[lane]] = told.distances[lane]


@kernel()
def first_cutoff(m: int) -> int:
    """How far the first look at candidates reaches."""
    return max(_LEAST, m // _FIRST)


class Candidates(NamedTuple):
    """Of a query: where targets begin in a text, their lengths, and the q-grams that they share with it, of `seeds`."""

    text: AnyArray
    starts: IntArray
    lengths: IntArray
    seeds: seeding.Seeds
    shared: seeding.Shared


@kernel()
def candidates_of(codes: AnyArray, text: AnyArray, starts: IntArray, lengths: IntArray) -> Candidates:
    """The targets text[starts[i]:][:lengths[i]] as candidates of a query of these codes."""
    seeds = seeding.seeds_of(codes)
    return Candidates(text, starts, lengths, seeds, seeding.shared_of(seeds, len(codes), text, starts, lengths))


@kernel()
def promised(candidates: Candidates, m: int, wanted: int) -> int:
    """A cutoff within which the `wanted` nearest may be expected, by the q-grams that candidates share."""
    if candidates.seeds.q == 0:
        return first_cutoff(m)
    least = np.empty(len(candidates.starts), np.int64)
    for i in range(len(least)):
        least[i] = seeding.least_distance(candidates.shared.known[i], candidates.seeds.q, m, candidates.lengths[i])
    expected = int(_EXPECTED * np.partition(least, wanted - 1)[wanted - 1])
    return min(m, max(_LEAST, expected + _LEAST // 2))


@kernel()
def _cuts(m: int, bands: seeding.Bands, lengths: IntArray, order: IntArray, cutoff: int) -> IntArray:
    """Where to cut targets, in an order of ascending widths, into groups of at most LANES, that bands are narrow and
    have few columns: (g + 1,)."""
    count = len(order)
    cost, before = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    for end in range(1, count + 1):
        cost[end] = np.iinfo(np.int64).max
        width = bands.widths[order[end - 1]] + 2 * cutoff
        left, right = np.iinfo(np.int64).max, -cutoff
        for start in range(end - 1, max(0, end - LANES) - 1, -1):
            target = order[start]
            left = min(left, max(-bands.lows[target], -cutoff))
            right = max(right, min(lengths[target] - bands.lows[target], m + width - cutoff))
            whole = cost[start] + (_A_GROUP + min(m, width)) * max(right - left, 1)
            if whole < cost[end]:
                cost[end], before[end] = whole, start
    cuts, end = np.empty(count + 1, np.int64), count
    held = 0
    while end > 0:
        cuts[held] = end
        held += 1
        end = before[end]
    cuts[held] = 0
    return cuts[: held + 1][::-1].copy()


@kernel()
def measure(query: Asked, candidates: Candidates, some: IntArray, cutoff: int, room: Room, told: Found) -> None:
    """Fill `told`, of as many as there are, with the distances of candidates `some` and where their overlaps end, as
    `distances_to` does: in the band that `overlap_seeds` proves; `_FAR` for those that are proved to be farther."""
    text, starts, lengths, seeds, shared = candidates
    bands = seeding.bands_of(seeds, shared, some, len(query.table), text, starts, lengths, cutoff)
    _measure_within(query, text, starts[some], lengths[some], bands, cutoff, room, told)


@kernel()
def _measure_within(
    query: Asked,
    text: AnyArray,
    starts: IntArray,
    lengths: IntArray,
    bands: seeding.Bands,
    cutoff: int,
    room: Room,
    told: Found,
) -> None:
    """`measure`, no farther than the cutoff from the bands."""
    lanes, order = found_for(LANES), np.argsort(bands.widths, kind="mergesort")
    told.distances[: len(starts)] = _FAR
    order = order[np.count_nonzero(bands.widths == seeding.NOWHERE) :]
    cuts = _cuts(len(query.table), bands, lengths, order, cutoff)
    for g in range(len(cuts) - 1):
        own = order[cuts[g] : cuts[g + 1]]
        band = bands.widths[own[-1]] + cutoff, cutoff
        distances_within(query, text, starts[own], lengths[own], -bands.lows[own], band, room, lanes)
        for lane in range(len(own)):
            told.distances[own[lane]] = lanes.distances[lane]
            told.query_ends[own[lane]] = lanes.query_ends[lane]
            told.target_ends[own[lane]] = lanes.target_ends[lane]


@kernel()
def reach_of(query: Asked, candidates: Candidates, wanted: int, room: Room, told: Found) -> int:
    """A distance that so many candidates may well be within: as it seems by how many q-grams they share where that is
    near, else one that they are within, by their overlaps where most of what they share lies."""
    m = len(query.table)
    reach = promised(candidates, m, wanted)
    if candidates.seeds.q == 0 or reach <= m // _CLOSE:
        return reach
    text, starts, lengths, seeds, shared = candidates
    bands = seeding.likely_bands(seeds, shared, m, text, starts, lengths)
    _measure_within(query, text, starts, lengths, bands, m // _CLOSE, room, told)
    return min(m, int(np.partition(told.distances[: len(starts)], wanted - 1)[wanted - 1]))


@kernel()
def nearest_kernel(
    queries: Columns, targets: Columns, candidates: IntArray, wanted: int, found: IntArray, first: int, last: int
) -> None:
    """Fill lines `first` to `last` - 1 of `found`, (Q, C), with the distances of rows `candidates`, -1 for none: those
    of the `wanted` nearest exact, of others no less than they are; `_FAR` for none.

    With a cutoff that grows until there are so many within it.
    """
    data, offsets = queries
    text, bounds = targets
    for q in range(first, last):
        codes = data[offsets[q] : offsets[q + 1]]
        m, there = len(codes), np.flatnonzero(candidates[q] >= 0)
        found[q, :] = _FAR
        if not len(there):
            continue
        query = asked_of(codes)
        room = room_for(query)
        starts = bounds[candidates[q][there]]
        own = candidates_of(codes, text, starts, bounds[candidates[q][there] + 1] - starts)
        values, waiting, told = np.full(len(there), _FAR), np.arange(len(there)), found_for(len(there))
        k = min(wanted, len(there))
        cutoff = reach_of(query, own, k, room, told)
        while True:
            measure(query, own, waiting, cutoff, room, told)
            values[waiting] = told.distances[: len(waiting)]
            reach = int(np.partition(values, k - 1)[k - 1])
            if reach <= cutoff or cutoff >= m:
                break
            waiting = np.flatnonzero(values > cutoff)
            cutoff = min(2 * cutoff, reach, m)
        for at in range(len(there)):
            found[q, there[at]] = values[at]


@kernel(parallel=True)
def pairs_kernel(
    a: Columns,
    a_rows: IntArray,
    b: Columns,
    b_rows: IntArray,
    groups: IntArray,
    cutoffs: DoubleArray,
    found: DoubleArray,
) -> None:
    """found[i] = distance of a[a_rows[i]] and b[b_rows[i]], if at most cutoffs[i], else more than that.

    Group g, pairs groups[g]:groups[g + 1] and at most LANES of them, has one row of a, and lengths of b that ascend.
    """
    data, offsets = a
    text, bounds = b
    for g in numba.prange(len(groups) - 1):
        start, end = groups[g], groups[g + 1]
        codes = data[offsets[a_rows[start]] : offsets[a_rows[start] + 1]]
        if not len(codes):
            found[start:end] = 0
            continue
        query = asked_of(codes)
        begins = bounds[b_rows[start:end]]
        lengths = bounds[b_rows[start:end] + 1] - begins
        cutoff = int(min(float(len(codes)), cutoffs[start:end].max()))
        values = np.empty(end - start, np.int64)
        some_distances(query, text, begins, lengths, max(cutoff, 0), room_for(query), values)
        for at in range(end - start):
            found[start + at] = values[at]


# -- the path ----------------------------------------------------------------------------------------------------------


@kernel(inline=True)
def _same(x: int, y: int, sets: bool) -> bool:
    return bool((x >> np.uint64(y)) & _U1) if sets else x == y


@kernel()
def path_of(x: AnyArray, y: AnyArray) -> tuple[int, int, int, AnyArray]:
    """A best overlap of two sequences of codes, that of `scoring_kernels.path_of`, and told as there; `x` may be sets.

    It ends where the distance was found. With S its score, i and j the letters of both up to there, no more than
    min(i, j) - S columns of it are edits, so it lies in so many diagonals to either side of that of its end.
    """
    found = found_for(1)
    m, n = len(x), len(y)
    if not m or not n:
        return 0, 0, 0, np.empty(0, np.uint8)
    query = asked_of(x)
    room, cutoff = room_for(query), first_cutoff(m)
    starts, lengths = np.zeros(1, np.int64), np.array([n])
    while True:
        distances_to(query, y, starts, lengths, cutoff, room, found)
        if found.distances[0] <= cutoff or cutoff >= m:
            break
        cutoff = min(2 * cutoff, found.distances[0])
    score, i, j = min(m, n) - found.distances[0], found.query_ends[0], found.target_ends[0]
    if score <= 0:
        return 0, 0, 0, np.empty(0, np.uint8)
    edits = min(i, j) - score
    return _banded_path(x, y, score, i, j, edits)


@kernel()
def _banded_path(
    x: AnyArray, y: AnyArray, score: int, end_i: int, end_j: int, edits: int
) -> tuple[int, int, int, AnyArray]:
    """The way back from a cell, within `edits` diagonals to either side, or fewer where the score is reached there."""
    reach = min(edits, _NARROW)
    while True:
        steps, i, j = _path_within(x, y, score, end_i, end_j, reach)
        if len(steps) or reach >= edits:
            return score, i, j, steps
        reach = min(edits, 4 * reach)


@kernel()
def _path_within(x: AnyArray, y: AnyArray, score: int, end_i: int, end_j: int, edits: int) -> tuple[AnyArray, int, int]:
    """The steps of a path with that score, and where it begins; no step where none is in so many diagonals."""
    sets, low = is_sets(x), -(1 << 28)
    least = end_j - end_i - edits  # the lowest diagonal j - i
    width = 2 * edits + 1
    cells = np.zeros((end_i + 1) * width, np.uint8)
    line = np.full(width + 1, low, np.int64)  # of row i the cell on diagonal least + d is line[d]
    for d in range(width):
        if 0 <= least + d <= end_j:
            line[d] = 0
    for i in range(1, end_i + 1):
        left = low
        for d in range(max(0, -i - least), min(width, end_j + 1 - i - least)):
            j = i + least + d
            if j == 0:
                line[d] = left = 0
                continue
            value, source = line[d] + (1 if _same(x[i - 1], y[j - 1], sets) else -1), 1
            if left - 1 > value:
                value, source = left - 1, 2
            if line[d + 1] - 1 > value:
                value, source = line[d + 1] - 1, 3
            cells[i * width + d] = source
            line[d] = left = value
    i, j = end_i, end_j
    if line[edits] != score:
        return np.empty(0, np.uint8), i, j
    steps, count = np.empty(end_i + end_j, np.uint8), 0
    while i > 0 and j > 0:
        step = cells[i * width + j - i - least]
        steps[count] = step
        count += 1
        i -= step != 2
        j -= step != 3
    return steps[:count][::-1].copy(), i, j


# -- identity ----------------------------------------------------------------------------------------------------------


@kernel()
def _identity(x: AnyArray, y: AnyArray, score: int, end_i: int, end_j: int) -> tuple[float, float]:
    """Of the best overlap that scores so much and ends there: its identity, and its coverage of the shorter one.

    Of c columns (c + score) / 2 are matches, for the others count against them.
    """
    steps = _banded_path(x, y, score, end_i, end_j, min(end_i, end_j) - score)[3]
    columns, of_shorter = len(steps), 3 if len(x) > len(y) else 2  # steps without a letter of the shorter one
    inside = columns - np.count_nonzero(steps == of_shorter)
    return (columns + score) / (2 * columns), inside / min(len(x), len(y))


@kernel()
def _try_lanes(
    codes: AnyArray,
    text: AnyArray,
    starts: IntArray,
    lengths: IntArray,
    tried: IntArray,
    told: Found,
    least: float,
    best: AnyArray,
    identities: AnyArray,
) -> None:
    """Put the identities of the targets `tried` into `identities`, -1 where they are not among the highest so far,
    `best`, ascending, or cover less than `least`.

    An overlap with score s that ends behind i and j letters has min(i, j) columns or more, so its identity is at most
    1/2 + s / (2 min(i, j)): those that may be highest come first, and paths are followed until no other can enter.
    """
    m = len(codes)
    bounds = np.empty(len(tried))
    for at in range(len(tried)):
        lane = tried[at]
        score = min(m, lengths[lane]) - told.distances[lane]
        bounds[at] = 0.5 + score / (2.0 * max(1, min(told.query_ends[lane], told.target_ends[lane])))
    for at in np.argsort(-bounds, kind="mergesort"):
        lane = tried[at]
        score = min(m, lengths[lane]) - told.distances[lane]
        if bounds[at] < best[0]:
            break
        if score <= 0:
            continue
        text_of = text[starts[lane] : starts[lane] + lengths[lane]]
        identity, coverage = _identity(codes, text_of, score, told.query_ends[lane], told.target_ends[lane])
        if coverage >= least:
            identities[lane] = identity
            if identity > best[0]:
                best[0] = identity
                best.sort()


@kernel()
def identical_kernel(
    queries: Columns,
    targets: Columns,
    candidates: IntArray,
    wanted: int,
    least: float,
    identities: DoubleArray,
    distances: DoubleArray,
    first: int,
    last: int,
) -> None:
    """Fill lines `first` to `last` - 1 of `identities` and `distances`, (Q, C): those of the rows `candidates`, -1 for
    none, which cover at least so much and are among the `wanted` of the highest identity; -1 for others.
    """
    data, offsets = queries
    text, bounds = targets
    for q in range(first, last):
        codes = data[offsets[q] : offsets[q + 1]]
        m, there = len(codes), np.flatnonzero(candidates[q] >= 0)
        identities[q, :] = -1
        if not len(there) or not m:
            continue
        query = asked_of(codes)
        room = room_for(query)
        starts = bounds[candidates[q][there]]
        lengths = bounds[candidates[q][there] + 1] - starts
        those = candidates_of(codes, text, starts, lengths)
        told, best, own = found_for(len(there)), np.full(wanted, -1.0), np.full(len(there), -1.0)
        cutoff = first_cutoff(m)
        measure(query, those, np.arange(len(there)), cutoff, room, told)
        near = told.distances <= cutoff
        _try_lanes(codes, text, starts, lengths, np.flatnonzero(near), told, least, best, own)
        # farther ones may be as identical where they cover less, but not less than is wanted
        shorter = np.minimum(m, lengths)
        reach = shorter * (1 - least * max(0.0, 2 * best[0] - 1))
        left = np.flatnonzero(~near & (reach > cutoff))
        if len(left):
            some, cutoff = found_for(len(left)), int(min(float(m), np.ceil(reach[left].max())))
            measure(query, those, left, cutoff, room, some)
            told.distances[left] = some.distances
            told.query_ends[left] = some.query_ends
            told.target_ends[left] = some.target_ends
            left = left[some.distances <= cutoff]
            _try_lanes(codes, text, starts, lengths, left, told, least, best, own)
        for at in range(len(there)):
            identities[q, there[at]] = own[at] if own[at] >= best[0] else -1.0
            distances[q, there[at]] = told.distances[at]
