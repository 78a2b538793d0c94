"""The infix distance in numba: the least edit distance between a query and any part of a text.

The dynamic programme of Sellers (1980) with a first row of zeros, in the bit-vector form of Myers (1999) by blocks of
64 rows (Hyyrö 2003). Many texts at once, a lane each (infix_vectors.py); or one text, with the places where the best
ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns
from .band_vectors import COLUMNS, ENDED, LANE_BITS, copy_block, fetch, turn
from .edit_kernels import Pattern, pattern_of, slot_of
from .edit_rerank import Query, query_of
from .infix_vectors import BOTTOM, FIRST_WORD, NEGATIVE, POSITIVE, sweep_infix

_GUARD = 2  # words of zeros before the bits of a pattern
MOST_SYMBOLS = 128  # of a query whose targets go a lane each
_FAR = np.inf
_U0, _U1 = np.uint64(0), np.uint64(1)
_ONES = ~np.uint64(0)


class Ends(NamedTuple):
    """The `least` value of the last row, and the `first` and `last` columns that have it, from 0 for the empty text."""

    least: int
    first: int
    last: int


@kernel()
def ends_of(pattern: Pattern, text: AnyArray, start: int, n: int, step: int, anchored: bool) -> Ends:
    """Of the pattern against text[start], text[start + step], ...; `anchored`: a part begins with the first symbol.

    Otherwise it may begin anywhere.
    """
    m, bits, stride, direct, keys, slots = pattern
    words = (m + 63) // 64
    positive, negative = np.full(words, _ONES), np.zeros(words, np.uint64)
    value = least = m
    first = last = 0
    top = np.uint64((m - 1) & 63)
    for j in range(n if m else 0):
        base = slot_of(text[start + j * step], direct, keys, slots) * stride + _GUARD
        up, down = (_U1 if anchored else _U0), _U0
        for w in range(words):
            match, p, n_ = bits[base + w], positive[w], negative[w]
            beside = match | n_
            match |= down
            zero = (((match & p) + p) ^ p) | match
            right_p, right_n = n_ | ~(zero | p), p & zero
            shift = top if w == words - 1 else np.uint64(63)
            out_p, out_n = (right_p >> shift) & _U1, (right_n >> shift) & _U1
            right_p, right_n = (right_p << _U1) | up, (right_n << _U1) | down
            positive[w], negative[w] = right_n | ~(beside | right_p), right_p & beside
            up, down = out_p, out_n
        value += int(up) - int(down)
        if value < least:
            least, first = value, j + 1
        if value <= least:
            last = j + 1
    return Ends(least, first, last)


@kernel()
def match_words(query: Query, kind: AnyArray) -> AnyArray:
    """Where each symbol stands, as `sweep_infix` wants it, in words of the type of `kind`."""
    m, bits, stride, _, _, _ = query.pattern
    slots = len(query.symbols) + 1
    words = max(1, (m + 63) // 64)
    table = np.empty(words * slots, kind.dtype)
    for w in range(words):
        for slot in range(slots):
            table[w * slots + slot] = bits[slot * stride + _GUARD + w]
    return table


@kernel()
def _measured(
    query: Query, table: AnyArray, text: AnyArray, starts: IntArray, ends: IntArray, cutoff: int, found: IntArray
) -> None:
    """found[l] = the distance of the query and text[starts[l]:ends[l]], of no more texts than a vector has lanes.

    Exact up to the cutoff; a number above says only that the distance is above it.
    """
    _, _, _, direct, keys, slots = query.pattern
    m, symbols = len(query.positions), query.symbols
    bits = 8 * table.itemsize
    size, words = LANE_BITS // bits, (m + bits - 1) // bits
    state = np.zeros((FIRST_WORD + 3 * words) * size, table.dtype)
    block, codes = np.zeros(size * COLUMNS, np.uint8), np.zeros(size * COLUMNS, np.uint8)
    lengths = ends - starts
    shortest, longest = lengths.min(), lengths.max()
    limit = min(max(cutoff, 0), m)
    for lane in range(size):
        state[lane] = m
        for w in range(words):
            at = (FIRST_WORD + 3 * w) * size + lane
            state[at + POSITIVE * size] = ~state[at + POSITIVE * size]
            state[at + NEGATIVE * size] = 0
            state[at + BOTTOM * size] = min(m, (w + 1) * bits)
    active = min(words, 1 + limit // bits)
    for first in range(0, longest, COLUMNS):
        if text.itemsize == 1 and first + COLUMNS <= shortest:
            for lane in range(len(starts)):
                copy_block(text, starts[lane] + first, block, lane * COLUMNS)
        else:
            for lane in range(len(starts)):
                start, at = starts[lane] + first, lane * COLUMNS
                left = min(lengths[lane] - first, COLUMNS)
                for c in range(left):
                    symbol = text[start + c]
                    if text.itemsize == 1:
                        block[at + c] = symbol
                    else:
                        block[at + c] = (
                            direct[symbol] if symbol < direct.shape[0] else slot_of(symbol, direct, keys, slots)
                        )
                for c in range(max(left, 0), COLUMNS):
                    block[at + c] = ENDED  # which no query has: what is aligned with it costs no less than without it
        for lane in range(0, len(starts), 16):
            turn(block, codes, lane, size)
        columns = min(COLUMNS, longest - first)
        active = sweep_infix(state, codes, columns, table, symbols, len(symbols), words, (m - 1) % bits, active, limit)
    for lane in range(len(starts)):
        found[lane] = np.int64(state[lane])


@kernel()
def lanes_for(m: int) -> int:
    """Targets that a vector holds beside a query of m symbols."""
    return LANE_BITS // (16 if m <= 16 else 32 if m <= 32 else 64)


@kernel()
def distances_to(query: Query, text: AnyArray, starts: IntArray, ends: IntArray, cutoff: int, found: IntArray) -> None:
    """found[i] = the distance of the query and text[starts[i]:ends[i]]: exact up to the cutoff, else above it."""
    m = len(query.positions)
    if m == 0:
        found[:] = 0
        return
    if len(query.symbols) > MOST_SYMBOLS:
        for i in range(len(starts)):
            found[i] = ends_of(query.pattern, text, starts[i], ends[i] - starts[i], 1, False).least
        return
    size = lanes_for(m)
    for first in range(0, len(starts), size):
        last = min(first + size, len(starts))
        begins, stops, into = starts[first:last], ends[first:last], found[first:last]
        for start in begins:
            fetch(text, start)
        if m <= 16:
            _measured(query, match_words(query, np.ones(1, np.uint16)), text, begins, stops, cutoff, into)
        elif m <= 32:
            _measured(query, match_words(query, np.ones(1, np.uint32)), text, begins, stops, cutoff, into)
        else:
            _measured(query, match_words(query, np.ones(1, np.uint64)), text, begins, stops, cutoff, into)


@kernel(parallel=True)
def pairs_kernel(
    a: Columns,
    a_rows: IntArray,
    b: Columns,
    b_rows: IntArray,
    groups: IntArray,
    limits: DoubleArray,
    found: DoubleArray,
) -> None:
    """found[i] = the distance of a[a_rows[i]] to b[b_rows[i]], inf where it is above limits[i].

    Group g, pairs groups[g]:groups[g + 1], has one row of a.
    """
    data, offsets = a
    text, bounds = b
    for g in numba.prange(len(groups) - 1):
        start, end = groups[g], groups[g + 1]
        row = a_rows[start]
        query = query_of(data, offsets[row], offsets[row + 1])
        m = offsets[row + 1] - offsets[row]
        most = -1.0
        for pair in range(start, end):
            most = max(most, limits[pair])
        values = np.empty(end - start, np.int64)
        first = b_rows[start:end]
        distances_to(query, text, bounds[first], bounds[first + 1], int(min(most, float(m))), values)
        for pair in range(start, end):
            found[pair] = values[pair - start] if values[pair - start] <= limits[pair] else _FAR


@kernel(parallel=True)
def spans_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, begins: IntArray, finishes: IntArray
) -> None:
    """The part b[b_rows[i]][begins[i]:finishes[i]] that is nearest to a[a_rows[i]]: of several the one that ends first,
    and of those the longest.
    """
    data, offsets = a
    text, bounds = b
    for i in numba.prange(len(a_rows)):
        start, end = offsets[a_rows[i]], offsets[a_rows[i] + 1]
        first, n = bounds[b_rows[i]], bounds[b_rows[i] + 1] - bounds[b_rows[i]]
        finish = ends_of(pattern_of(data, start, end), text, first, n, 1, False).first
        backwards = data[start:end][::-1].copy()
        turned = pattern_of(backwards, 0, end - start)
        finishes[i] = finish
        begins[i] = finish - ends_of(turned, text, first + finish - 1, finish, -1, True).last
