"""Overlap distances of one query and few targets: 8 pairs side by side, 64 rows of the table a word.

The recurrence is that of overlap_vectors.py, but a word holds the steps of 64 rows of one pair, not of one row of 64
pairs, as BitPAl has it (Loving, Hernandez and Benson 2014): down a column the steps right depend on each other, which
an addition ripples through. A step from -1 to 2 is kept as three bits, which say whether it is at least 0, 1 and 2.

Only the diagonals of a band are looked at. A table of 2,900 rows and columns takes 140 microseconds a pair.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import AnyArray, IntArray
from ..emitting import BYTE, INT, WORD, Emitter, Typed, emitted
from ..jit import kernel, popcount
from .band_vectors import COLUMNS, copy_block, turn
from .wildcards import is_sets

LANES = 8
_STEPS = 3 * LANES  # words of the steps of 64 rows
_UNROLLED = 4  # symbols
_NOTHING = 255  # for a symbol that no query has
_VEC, _CODES = ir.VectorType(WORD, LANES), ir.VectorType(BYTE, LANES)
_ZEROS, _ONE = ir.Constant(_VEC, [0] * LANES), ir.Constant(_VEC, [1] * LANES)
_U0, _U1, _ONES = np.uint64(0), np.uint64(1), ~np.uint64(0)


def _cells(
    b: ir.IRBuilder, match: ir.Value, down: list[ir.Value], carries: list[ir.Value]
) -> tuple[list[ir.Value], list[ir.Value], list[ir.Value]]:
    """64 rows of a column: the new steps down, and those right, whether at least 0, 1 and 2; and where the best comes
    from: whether diagonally, and whether it is no less from the left.

    `match`: where the letters are the same; `down`: the steps of the column before; `carries`: whether the step right
    above the first row is as high, a bit each. With u the step right above a cell and v that down left of it, the cell
    has a = max(1 for a match or -1, u - 1, v - 1) more than its upper left neighbour, and the new ones are a - u and
    a - v. The latter is 2 where v = -1 and there is a match or u = 2: a carry that runs through all that have v = -1.
    In the same way runs what is at least 1.
    """
    v0, v1, v2 = down
    falls, level, rises = b.not_(v0), b.and_(v0, b.not_(v1)), b.and_(v1, b.not_(v2))
    start = b.and_(match, falls)
    above2 = b.xor(b.xor(b.add(b.add(falls, start), carries[2]), falls), start)
    right2 = b.and_(falls, b.or_(start, above2))
    start = b.or_(b.and_(match, b.not_(v1)), b.and_(level, above2))
    through = b.or_(falls, start)
    above1 = b.xor(b.xor(b.add(b.add(through, start), carries[1]), through), start)
    right1 = b.or_(start, b.and_(falls, above1))
    right0 = b.or_(b.or_(falls, b.and_(match, b.not_(v2))), b.or_(b.and_(level, above1), b.and_(rises, above2)))
    above0 = b.or_(b.shl(right0, _ONE), carries[0])
    not0, not1, not2 = (b.not_(above) for above in (above0, above1, above2))
    some, most = b.or_(match, v1), b.or_(match, v2)
    new0 = b.or_(not0, b.or_(b.and_(not1, some), b.and_(not2, most)))
    new1 = b.or_(b.and_(not0, some), b.and_(not1, most))
    sources = [b.or_(match, b.not_(b.or_(above1, v1))), b.not_(right0)]
    return [new0, new1, b.and_(not0, most)], [right0, right1, right2], sources


def _swept(
    state: Type,
    codes: Type,
    table: Type,
    symbols: Type,
    count: object,
    first: object,
    last: object,
    bottom: object,
    edge: Type,
    active: Type | None = None,
    tape: Type | None = None,
    lanes: int = LANES,
) -> Typed:
    number = types.int64
    further = ([active] if active is not None else []) + ([tape, number] if tape is not None else [])
    signature = types.void(state, codes, table, symbols, number, number, number, number, edge, *further)

    def emit(e: Emitter) -> None:
        b = e.b
        base, symbols_at, count = e.place(0), e.place(3), e.args[4]
        first, last = e.args[5], e.args[6]
        whole = b.select(b.icmp_signed("==", first, e.number(0)), _ONE, _ZEROS)
        carries, matched = [e.variable(_ZEROS) for _ in range(3)], e.variable(_ZEROS)
        lowest = [e.variable(_ZEROS) for _ in range(3)]  # the steps right of the last word
        high, bottom = e.spread(e.number(63), _VEC), e.spread(e.args[7], _VEC)
        with e.loop(e.number(0), e.number(COLUMNS)) as column:
            code = e.read(e.place(1, b.mul(column, e.number(COLUMNS))), _CODES)

            def here(index: ir.Value, code: ir.Value = code) -> ir.Value:
                return b.icmp_unsigned("==", code, e.spread(b.load(e.step(symbols_at, index)), _CODES))

            same = [here(e.number(index)) for index in range(_UNROLLED)]
            on = None
            if active is not None:
                on = b.bitcast(b.load(e.place(9, column)), ir.VectorType(ir.IntType(1), LANES))
            for carry, value in zip(carries, (whole, _ZEROS, _ZEROS), strict=True):
                b.store(value, carry)
            with e.loop(first, last) as word:
                steps = e.step(base, b.mul(word, e.number(_STEPS)))
                row = e.place(2, b.mul(word, count))
                found = _ZEROS
                for index, here_too in enumerate(same):
                    found = b.select(here_too, e.spread(b.load(e.step(row, index)), _VEC), found)
                b.store(found, matched)
                with e.loop(e.number(_UNROLLED), count) as index:
                    bits = e.spread(b.load(e.step(row, index)), _VEC)
                    b.store(b.select(here(index), bits, b.load(matched)), matched)
                down = [e.read(e.step(steps, at * LANES), _VEC) for at in range(3)]
                new, right, sources = _cells(b, b.load(matched), down, [b.load(carry) for carry in carries])
                for at in range(3):
                    kept = new[at] if on is None else b.select(on, new[at], down[at])
                    e.write(kept, e.step(steps, at * LANES))
                    b.store(b.lshr(right[at], high), carries[at])
                    b.store(right[at], lowest[at])
                if tape is not None:
                    into = b.add(b.mul(column, b.sub(last, first)), b.sub(word, first))
                    into = b.add(e.args[11], b.mul(into, e.number(2 * lanes)))
                    for at, source in enumerate(sources):
                        told = source if lanes > 1 else b.extract_element(source, ir.Constant(INT, 0))
                        e.write(told, e.place(10, b.add(into, e.number(at * lanes))))
            bits = [b.and_(b.lshr(b.load(each), bottom), _ONE) for each in lowest]
            up = b.add(b.add(bits[0], bits[1]), bits[2])
            e.write(up, e.place(8, b.mul(column, e.number(LANES))))

    return signature, emit


@emitted
def _sweep(
    state: Type,
    codes: Type,
    table: Type,
    symbols: Type,
    count: object,
    first: object,
    last: object,
    bottom: object,
    edge: Type,
) -> Typed:
    """COLUMNS columns of 8 lanes, of the words first..last - 1 of rows: under a row of zeros where `first` is 0, else
    under one that falls by 1 a column.

    `state`: of each word of rows the steps down, of all lanes whether at least 0, then 1, then 2; `codes`: COLUMNS
    bytes a column, the letters of the lanes; `table`: for each word of rows where symbols[s], of `count`, stands in it;
    `edge`: to be filled, LANES for each column, with the steps right plus 1 in row `bottom` of the last word.
    """
    return _swept(state, codes, table, symbols, count, first, last, bottom, edge)


@emitted
def _sweep_some(
    state: Type,
    codes: Type,
    table: Type,
    symbols: Type,
    count: object,
    first: object,
    last: object,
    bottom: object,
    edge: Type,
    active: Type,
) -> Typed:
    """The same; `active`, (COLUMNS,) uint8: the lanes that have a letter there, a bit each; others keep their steps."""
    return _swept(state, codes, table, symbols, count, first, last, bottom, edge, active)


@emitted
def sweep_traced(
    state: Type,
    codes: Type,
    table: Type,
    symbols: Type,
    count: object,
    first: object,
    last: object,
    bottom: object,
    edge: Type,
    active: Type,
    tape: Type,
    at: object,
) -> Typed:
    """The same; for each column and word `tape` is filled from `at` on with two vectors: where the best comes from the
    cell to the upper left, and, of the others, where it does so from the left."""
    return _swept(state, codes, table, symbols, count, first, last, bottom, edge, active, tape)


@emitted
def sweep_traced_one(
    state: Type,
    codes: Type,
    table: Type,
    symbols: Type,
    count: object,
    first: object,
    last: object,
    bottom: object,
    edge: Type,
    active: Type,
    tape: Type,
    at: object,
) -> Typed:
    """The same with two words in place of two vectors, of the first lane."""
    return _swept(state, codes, table, symbols, count, first, last, bottom, edge, active, tape, 1)


class Asked(NamedTuple):
    """A query of `size` letters: the `symbols` that match some, and for each word of 64 rows where each does, a bit a
    row (`table`)."""

    size: int
    symbols: AnyArray
    table: AnyArray


class Room(NamedTuple):
    """`state`, `codes`, `edge`, `active`: of `_sweep_some`; `block`: letters of a lane after those of the other."""

    state: AnyArray
    codes: AnyArray
    edge: AnyArray
    active: AnyArray
    block: AnyArray


@kernel()
def asked_of(codes: AnyArray) -> Asked:
    """A query of these codes, or sets of them."""
    m, there = len(codes), np.zeros(256, np.bool_)
    if is_sets(codes):
        every = _U0
        for each in codes:
            every |= each
        for code in range(64):
            there[code] = bool((every >> np.uint64(code)) & _U1)
    else:
        for code in codes:
            there[code] = True
    own = np.flatnonzero(there)
    symbols = np.full(max(len(own), _UNROLLED), _NOTHING, np.uint8)
    slots = np.zeros(256, np.int64)
    for slot in range(len(own)):
        symbols[slot] = own[slot]
        slots[own[slot]] = slot
    table = np.zeros((m + 63) // 64 * len(symbols), np.uint64)
    for i in range(m):
        at, bit = i // 64 * len(symbols), _U1 << np.uint64(i % 64)
        if is_sets(codes):
            for slot in range(len(own)):
                if (codes[i] >> np.uint64(own[slot])) & _U1:
                    table[at + slot] |= bit
        else:
            table[at + slots[codes[i]]] |= bit
    return Asked(m, symbols, table)


@kernel()
def room_for(query: Asked) -> Room:
    """Enough for `distances_within` of the query."""
    return Room(
        np.empty((query.size + 63) // 64 * _STEPS, np.uint64),
        np.zeros(COLUMNS * COLUMNS, np.uint8),
        np.empty(COLUMNS * LANES, np.int64),
        np.empty(COLUMNS, np.uint8),
        np.zeros(COLUMNS * COLUMNS, np.uint8),
    )


class Found(NamedTuple):
    """Of each target: the distance, and where the best overlap ends in the query and in the target, as slices do."""

    distances: IntArray
    query_ends: IntArray
    target_ends: IntArray


@kernel()
def found_for(count: int) -> Found:
    """Room for so many targets."""
    return Found(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64))


@kernel()
def fill_block(text: AnyArray, starts: IntArray, lengths: IntArray, begins: IntArray, first: int, room: Room) -> bool:
    """The letters of COLUMNS columns from `first` on, and which lanes have one; returns whether all have all."""
    block, active, every = room.block, room.active, True
    active[:] = 0
    for lane in range(len(starts)):
        at = first - begins[lane]
        if at >= 0 and at + COLUMNS <= lengths[lane]:
            copy_block(text, starts[lane] + at, block, lane * COLUMNS)
            active |= np.uint8(1 << lane)
            continue
        every = False
        for t in range(max(0, -at), min(COLUMNS, lengths[lane] - at)):
            block[lane * COLUMNS + t] = text[starts[lane] + at + t]
            active[t] |= np.uint8(1 << lane)
    turn(block, room.codes, 0, COLUMNS)
    return every


@kernel()
def enter_rows(state: AnyArray, first: int, last: int, begins: IntArray, column: int) -> None:
    """The steps down of the words first..last - 1 of rows, which are looked at from that column on."""
    for word in range(first, last):
        state[word * _STEPS : (word + 1) * _STEPS] = _U0
        for lane in range(len(begins)):  # before its first column a target has cost nothing, wherever it begins
            if begins[lane] >= column:
                state[word * _STEPS + lane] = _ONES


@kernel()
def _climbed(state: AnyArray, lane: int, first: int, last: int, m: int) -> int:
    """The sum of the steps down of a lane in the words first..last - 1 of m rows."""
    total = 0
    for word in range(first, last):
        rows, at = min(64, m - 64 * word), word * _STEPS + lane
        mask = _ONES >> np.uint64(64 - rows)
        for step in range(3):
            total += int(popcount(state[at + step * LANES] & mask))
        total -= rows
    return total


@kernel()
def _highest(
    state: AnyArray, lane: int, first: int, last: int, m: int, value: int, most: int, place: int
) -> tuple[int, int]:
    """Of the words first..last - 1 of a column, above which it is `value`, the most that is more than `most`, and the
    first row behind which; else `most` and `place`."""
    for word in range(first, last):
        rows, at = min(64, m - 64 * word), word * _STEPS + lane
        mask = _ONES >> np.uint64(64 - rows)
        p0, p1, p2 = state[at] & mask, state[at + LANES] & mask, state[at + 2 * LANES] & mask
        gained = int(popcount(p1)) + int(popcount(p2))
        if value + gained <= most:
            value += gained + int(popcount(p0)) - rows
            continue
        for row in range(rows):
            bit = np.uint64(row)
            value += int(((p0 >> bit) & _U1) + ((p1 >> bit) & _U1) + ((p2 >> bit) & _U1)) - 1
            if value > most:
                most, place = value, 64 * word + row + 1
    return most, place


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
    """Fill `found` for the query and text[starts[lane]:][:lengths[lane]], at most LANES of them: each has its first
    letter in column begins[lane], and only what lies at most band[0] columns to the right of a row's number, and
    band[1] to the left, need be looked at. Overlaps beyond may be missed, so distances are never less than they are.

    Of several best overlaps it is that which ends first in the query, and then in the target.
    """
    state, codes, edge, active, _ = room
    m, count, (above, below) = query.size, len(starts), band
    words, ends = (m + 63) // 64, begins + lengths
    start = max(begins.min(), -(below // COLUMNS) * COLUMNS - COLUMNS)
    stop = min(ends.max(), m + above)
    upper, lower = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    most, place = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)  # in the last column: the most, and behind which
    at_end, column = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)  # row; the same in the last row
    top, bottom, at_bottom = 0, 0, False
    for first in range(start, stop, COLUMNS):
        new_bottom = min(words, max(bottom, (first + COLUMNS + below + 63) // 64))
        enter_rows(state, bottom, new_bottom, begins, first)
        new_top = min(max(0, first - above) // 64, new_bottom)
        for lane in range(count if new_top > top else 0):
            upper[lane] += _climbed(state, lane, top, new_top, m)
        top, bottom = max(top, new_top), new_bottom
        if bottom == words and not at_bottom:
            at_bottom = True
            for lane in range(count):
                lower[lane] = upper[lane] + _climbed(state, lane, top, bottom, m)
        if top < bottom:
            last_row = (m - 1) % 64 if at_bottom else 63
            table, symbols = query.table, query.symbols
            if fill_block(text, starts, lengths, begins, first, room):
                _sweep(state, codes, table, symbols, len(symbols), top, bottom, last_row, edge)
            else:
                _sweep_some(state, codes, table, symbols, len(symbols), top, bottom, last_row, edge, active)
            for lane in range(count if at_bottom else 0):
                for t in range(max(0, begins[lane] - first), min(COLUMNS, ends[lane] - first)):
                    lower[lane] += edge[t * LANES + lane] - 1
                    if lower[lane] > at_end[lane]:
                        at_end[lane], column[lane] = lower[lane], first + t + 1
        for lane in range(count):
            if top > 0:
                upper[lane] -= max(0, min(first + COLUMNS, ends[lane]) - max(first, begins[lane]))
            if first < ends[lane] <= first + COLUMNS:
                own = _highest(state, lane, top, bottom, m, upper[lane], most[lane], place[lane])
                most[lane], place[lane] = own
    for lane in range(count):
        by_column = most[lane] >= at_end[lane] and place[lane] < m
        found.distances[lane] = min(m, lengths[lane]) - max(most[lane], at_end[lane])
        found.query_ends[lane] = place[lane] if by_column else m
        found.target_ends[lane] = lengths[lane] if by_column else column[lane] - begins[lane]
