"""Edit distances of one query and 512 targets at once: a pair is a bit of a vector register.

The targets are turned on their side: bit l of a plane is one bit of the symbol of target l in one column. A cell of the
dynamic programme holds its four differences to the neighbours (Myers 1999) as bits, so that five logical instructions
move 512 pairs on by a cell, where the usual bit-vector form moves one pair on by 64 cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from .vectors import LANES, ROWS_A_COUNT, TILE, VECTOR, bits_of_bytes, count_rows, match_symbol, sweep, sweep_masked
from .wildcards import is_sets

_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_U0 = np.uint64(0)
_U1 = np.uint64(1)
_BLOCK = 64
_GROUPS_A_TASK = 8

# How often a group is looked at whether it can be given up.
_CHECKS = 6

# Planes for the length of a lane: sequences of up to 2 ** 31 symbols.
_LENGTH_PLANES = 32
# Planes of a group before its columns: the lengths.
HEADER = _LENGTH_PLANES * VECTOR


class Groups(NamedTuple):
    """Targets packed 512 to a group.

    `rows`: (G * 512,) int64 row of each lane, -1 for an empty lane; `lengths`: (G * 512,) of their sequences, an empty
    lane has the length of its group's shortest; `shortest`, `longest`: (G,). `planes`: flat uint64, group g from word
    starts[g] on: the lengths in _LENGTH_PLANES vectors, then columns[g] columns, each of `bits` vectors of symbol bits
    and one that tells which lanes have a symbol there.
    """

    rows: IntArray
    lengths: IntArray
    shortest: IntArray
    longest: IntArray
    planes: AnyArray
    starts: IntArray
    columns: IntArray
    bits: int


class Query(NamedTuple):
    """`codes`: the distinct codes of a query, sorted; `table`, (m,): where its match vectors start, a position each.

    `several`: the codes are sets of codes (wildcards.py).
    """

    codes: IntArray
    table: IntArray
    several: bool


class Scratch(NamedTuple):
    """`state`: the differences, 2 vectors a row; `matches`: of each symbol; `sums`: planes of a number a lane."""

    state: AnyArray
    matches: AnyArray
    sums: AnyArray


def pack(codes: AnyArray, offsets: IntArray, rows: IntArray, bits: int) -> Groups:
    """Pack the sequences codes[offsets[row]:offsets[row + 1]] of `rows`, (G * 512,), -1 for an empty lane.

    Every group has at least one sequence; codes are below 2 ** bits.
    """
    filled = rows >= 0
    lengths = np.where(filled, offsets[rows + 1] - offsets[rows], np.iinfo(np.int64).max).reshape(-1, LANES)
    shortest = lengths.min(axis=1, initial=np.iinfo(np.int64).max)
    lengths = np.where(filled.reshape(-1, LANES), lengths, shortest[:, None])
    longest = lengths.max(axis=1, initial=0)
    columns = (longest + TILE - 1) // TILE * TILE
    starts = np.zeros(len(columns) + 1, np.int64)
    np.cumsum(HEADER + columns * (bits + 1) * VECTOR, out=starts[1:])
    planes = np.zeros(int(starts[-1]), np.uint64)
    groups = Groups(rows, lengths.ravel(), shortest, longest, planes, starts, columns, bits)
    _pack_kernel(codes, offsets, groups)
    return groups


@kernel(parallel=True)
def _pack_kernel(codes: AnyArray, offsets: IntArray, groups: Groups) -> None:
    """Fill the planes."""
    rows, lengths, _, _, planes, starts, columns, bits = groups
    for word in numba.prange(rows.shape[0] // 64):
        _pack_word(codes, offsets, Groups(rows, lengths, lengths, lengths, planes, starts, columns, bits), word)


@kernel()
def _pack_word(codes: AnyArray, offsets: IntArray, groups: Groups, word: int) -> None:
    """The planes of 64 lanes."""
    rows, lengths, _, _, planes, starts, columns, bits = groups
    group, within = word // VECTOR, word % VECTOR
    start = starts[group] + within
    for lane in range(64):
        for p in range(_LENGTH_PLANES):
            bit = np.uint64((lengths[64 * word + lane] >> p) & 1)
            planes[start + p * VECTOR] |= bit << np.uint64(lane)
    start += HEADER
    block = np.zeros(_BLOCK * 64, np.uint8)
    for first in range(0, columns[group], _BLOCK):
        width = min(_BLOCK, columns[group] - first)
        for low in range(0, bits, 8):
            _gather(codes, offsets, rows[64 * word : 64 * word + 64], first, width, low, block)
            for c in range(width):
                place = start + (first + c) * (bits + 1) * VECTOR
                for b in range(low, min(bits, low + 8)):
                    planes[place + b * VECTOR] = bits_of_bytes(block, 64 * c, b - low)
        for c in range(width):
            active = _U0
            for lane in range(64):
                if first + c < lengths[64 * word + lane]:
                    active |= _U1 << np.uint64(lane)
            planes[start + ((first + c) * (bits + 1) + bits) * VECTOR] = active


@kernel()
def pack_one(codes: AnyArray, offsets: IntArray, chosen: IntArray, bits: int) -> Groups:
    """One group of at least one sequence and at most 512, the rows `chosen`: as `pack`, in compiled code."""
    rows, lengths = np.full(LANES, -1, np.int64), np.empty(LANES, np.int64)
    rows[: len(chosen)] = chosen
    lengths[: len(chosen)] = offsets[chosen + 1] - offsets[chosen]
    shortest, longest = lengths[: len(chosen)].min(), lengths[: len(chosen)].max()
    lengths[len(chosen) :] = shortest
    columns = (longest + TILE - 1) // TILE * TILE
    starts = np.zeros(2, np.int64)
    starts[1] = HEADER + columns * (bits + 1) * VECTOR
    planes = np.zeros(starts[1], np.uint64)
    about = np.array([shortest]), np.array([longest])
    groups = Groups(rows, lengths, about[0], about[1], planes, starts, np.array([columns]), bits)
    for word in range(VECTOR):
        _pack_word(codes, offsets, groups, word)
    return groups


@kernel()
def _gather(
    codes: AnyArray, offsets: IntArray, rows: IntArray, first: int, width: int, low: int, block: AnyArray
) -> None:
    """block[64 c + lane] = 8 bits, from bit `low` on, of column first + c of each of 64 lanes, 0 beyond the end."""
    block[:] = 0
    for lane in range(64):
        row = rows[lane]
        if row >= 0:
            start = offsets[row] + first
            for c in range(min(width, offsets[row + 1] - start)):
                block[64 * c + lane] = np.uint8(codes[start + c] >> low)


@kernel()
def query_of(codes: AnyArray, start: int, end: int) -> Query:
    """The query codes[start:end]."""
    distinct = np.unique(codes[start:end]).astype(np.int64)
    table = np.empty(end - start, np.int64)
    for i in range(end - start):
        table[i] = np.searchsorted(distinct, np.int64(codes[start + i])) * TILE * VECTOR
    return Query(distinct, table, is_sets(codes))


@kernel(inline=True)
def match_tile(query: Query, planes: AnyArray, at: int, bits: int, matches: AnyArray) -> None:
    """The match vectors of each code in TILE columns of a group, which begin at word `at`."""
    codes, width = query.codes, (bits + 1) * VECTOR
    for s in range(codes.shape[0]):
        for t in range(TILE):
            to = (s * TILE + t) * VECTOR
            if query.several:
                _match_set(planes, at + t * width, bits, codes[s], matches, to)
            elif codes[s] >> bits:  # a symbol that no target has
                matches[to : to + VECTOR] = _U0
            else:
                match_symbol(planes, at + t * width, bits, codes[s], matches, to)


@kernel()
def _match_set(planes: AnyArray, at: int, bits: int, codes: int, matches: AnyArray, to: int) -> None:
    """matches[to:+VECTOR] = the lanes whose symbol is in a set of codes, a bit each."""
    found = np.empty(VECTOR, np.uint64)
    matches[to : to + VECTOR] = _U0
    code = 0
    while code < 1 << bits and codes >> code:
        if (codes >> code) & 1:
            match_symbol(planes, at, bits, code, found, 0)
            for w in range(VECTOR):
                matches[to + w] |= found[w]
        code += 1


@kernel()
def scratch_for(query: Query) -> Scratch:
    """Enough for `group_distances` of the query."""
    return Scratch(
        np.empty(2 * VECTOR * (query.table.shape[0] + ROWS_A_COUNT), np.uint64),
        np.empty(query.codes.shape[0] * TILE * VECTOR, np.uint64),
        np.empty(_LENGTH_PLANES * VECTOR, np.uint64),
    )


@kernel(inline=True)
def lane_value(sums: AnyArray, digits: int, lane: int) -> int:
    """The number that `sums` holds for a lane."""
    word = lane >> 6
    shift = np.uint64(lane & 63)
    value = 0
    for d in range(digits):
        value |= int((sums[d * VECTOR + word] >> shift) & _U1) << d
    return value


@kernel(inline=True)
def at_most(sums: AnyArray, digits: int, word: int, limit: int) -> np.uint64:
    """A bit for each of the 64 lanes of a word whose number is <= limit."""
    less = _U0
    same = _ONES
    for d in range(digits - 1, -1, -1):
        digit = sums[d * VECTOR + word]
        if (limit >> d) & 1:
            less |= same & ~digit
            same &= digit
        else:
            same &= ~digit
    return less | same


@kernel()
def _all_above(work: Scratch, first: int, m: int, shortest: int, longest: int, cutoff: int) -> bool:
    """Whether no lane can end at or below the cutoff, `first` columns being done.

    Values never fall along a diagonal and differ by at most 1 between neighbours, so a lane of n symbols ends at or
    above D[row, first] less the number of diagonals between that cell and the one where row - column = m - n.
    """
    sums = work.sums
    row = min(m, first + m - (shortest + longest) // 2) // ROWS_A_COUNT * ROWS_A_COUNT
    if row <= 0 or first > shortest:
        return False
    diagonal = row - first
    slack = max(abs(m - shortest - diagonal), abs(m - longest - diagonal))
    digits = 3
    while (1 << digits) <= 2 * row:
        digits += 1
    sums[: digits * VECTOR] = _U0
    count_rows(work.state, row // ROWS_A_COUNT, sums, digits)
    limit = cutoff + slack - first + row  # the sums tell D - first + row
    if limit < 0:
        return True
    if limit >= 2 * row:
        return False
    near = _U0
    for word in range(VECTOR):
        near |= at_most(sums, digits, word, limit)
    return bool(near == _U0)


@kernel()
def group_distances(query: Query, groups: Groups, group: int, cutoff: int, work: Scratch) -> int:
    """All distances of a query and a group, as planes of the number distance + m, lowest bit first, in `work.sums`.

    Those at most `cutoff` are exact, others are above it. Returns the number of planes, or 0 when it was given up
    because all are above the cutoff.
    """
    table = query.table
    state, matches, sums = work
    planes, bits = groups.planes, groups.bits
    start, columns = groups.starts[group], groups.columns[group]
    shortest, longest = groups.shortest[group], groups.longest[group]
    m = table.shape[0]
    below = (cutoff + m - shortest) // 2
    above = (cutoff - m + longest) // 2
    padded = (m + ROWS_A_COUNT - 1) // ROWS_A_COUNT * ROWS_A_COUNT
    for i in range(padded):
        for w in range(VECTOR):
            state[2 * VECTOR * i + w] = _ONES if i < m else _U0
            state[2 * VECTOR * i + VECTOR + w] = _U0 if i < m else _ONES
    width = (bits + 1) * VECTOR
    check = max(shortest // _CHECKS, 1) if cutoff < max(m, longest) else columns
    for first in range(0, columns, TILE):
        top = max(0, first - above)
        bottom = min(m, first + TILE + below)
        if top >= bottom:
            continue
        if first >= check:
            if _all_above(work, first, m, shortest, longest, cutoff):
                return 0
            check += shortest // _CHECKS
        at = start + HEADER + first * width
        match_tile(query, planes, at, bits, matches)
        if first + TILE <= shortest:
            sweep(state, table, matches, top, bottom)
        else:
            sweep_masked(state, table, matches, top, bottom, planes, at + bits * VECTOR, width)
    digits = 3
    while (1 << digits) <= 2 * m + longest:
        digits += 1
    for i in range(digits * VECTOR):
        sums[i] = planes[start + i]
    count_rows(state, padded // ROWS_A_COUNT, sums, digits)
    return digits


@kernel(inline=True)
def _word_values(sums: AnyArray, digits: int, word: int, values: AnyArray) -> None:
    """values[l] = the number that `sums` holds for lane l of a word, (64,) int64."""
    values[:] = 0
    for d in range(digits):
        plane = sums[d * VECTOR + word]
        for lane in range(64):
            values[lane] |= np.int64((plane >> np.uint64(lane)) & _U1) << d


@kernel(parallel=True)
def matrix_kernel(queries: AnyArray, query_offsets: IntArray, groups: Groups, found: DoubleArray) -> None:
    """found[q, row] = distance of query q and the row of each lane, whatever it is."""
    count = groups.columns.shape[0]
    parts = (count + _GROUPS_A_TASK - 1) // _GROUPS_A_TASK
    for task in numba.prange((query_offsets.shape[0] - 1) * parts):
        q = task // parts
        first = task % parts * _GROUPS_A_TASK
        m = query_offsets[q + 1] - query_offsets[q]
        query = query_of(queries, query_offsets[q], query_offsets[q + 1])
        work = scratch_for(query)
        values = np.empty(64, np.int64)
        for group in range(first, min(count, first + _GROUPS_A_TASK)):
            digits = group_distances(query, groups, group, max(m, groups.longest[group]), work)
            for word in range(VECTOR):
                _word_values(work.sums, digits, word, values)
                for lane in range(64):
                    row = groups.rows[group * LANES + 64 * word + lane]
                    if row >= 0:
                        found[q, row] = values[lane] - m
