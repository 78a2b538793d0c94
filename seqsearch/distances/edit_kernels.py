"""Bit-parallel edit distance of single pairs, in numba, straight on the columns of token sets.

One pattern (the query) against one text after another. The rows of the dynamic programme that can lie on a path of
cost <= cutoff form a diagonal band of at most cutoff + 1 rows; the band is held in W = ceil((cutoff + 1) / 64) words
that slide down by one row a column (Hyyrö 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit
distances", the banded form of Myers 1999). The score is followed on the diagonal that ends in the last cell. Values
never fall along a diagonal, so the pair is given up as soon as that score passes the cutoff.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns
from .wildcards import is_sets

_U0 = np.uint64(0)
_U1 = np.uint64(1)
_U63 = np.uint64(63)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_HASH = np.uint64(0x9E3779B97F4A7C15)

# Words of zeros before and after the bits of a pattern, so that a window may hang over either end.
_GUARD = 2
# Symbols below this number find their slot by direct address, higher code points through a small hash table.
_DIRECT = 1024

_PAIRS_A_TASK = 256


@kernel(inline=True)
def _home(symbol: np.uint64, mask: int) -> int:
    return int(symbol * _HASH >> np.uint64(40)) & mask


@kernel(inline=True)
def slot_of(symbol: int, direct: AnyArray, keys: AnyArray, slots: AnyArray) -> int:
    """The number of `symbol` in a pattern, 0 when the pattern lacks it."""
    if symbol < direct.shape[0]:
        return int(direct[symbol])
    mask = keys.shape[0] - 1
    at = _home(np.uint64(symbol), mask)
    while slots[at] != 0:
        if keys[at] == symbol:
            return int(slots[at])
        at = (at + 1) & mask
    return 0


class Pattern(NamedTuple):
    """The match table of a pattern of `length` symbols, which has as many slots as symbols, whatever their code points.

    `bits` holds for each slot, `stride` words, the positions of its symbol, one bit each, between _GUARD words of
    zeros; slot 0 is the symbol that does not occur. `direct`, `keys`, `slots`: from a symbol to its slot.
    """

    length: int
    bits: AnyArray
    stride: int
    direct: AnyArray
    keys: AnyArray
    slots: AnyArray


@kernel()
def _pattern_of_sets(data: AnyArray, start: int, end: int) -> Pattern:
    """The match table of data[start:end], sets of codes: a code stands where it is in the set."""
    m = end - start
    stride = (m + 63) // 64 + 2 * _GUARD
    direct = np.zeros(_DIRECT, np.int32)
    met = _U0
    for i in range(m):
        met |= np.uint64(data[start + i])
    used = 0
    for code in range(64):
        if (met >> np.uint64(code)) & _U1:
            used += 1
            direct[code] = used
    bits = np.zeros((used + 1) * stride, np.uint64)
    for code in range(64):
        at = direct[code] * stride + _GUARD
        for i in range(m if direct[code] else 0):
            bits[at + (i >> 6)] |= ((np.uint64(data[start + i]) >> np.uint64(code)) & _U1) << np.uint64(i & 63)
    return Pattern(m, bits, stride, direct, np.zeros(2, np.uint32), np.zeros(2, np.int32))


@kernel()
def pattern_of(data: AnyArray, start: int, end: int) -> Pattern:
    """The match table of data[start:end]; of sets of codes (wildcards.py) a slot for each code that is in one."""
    if is_sets(data):
        return _pattern_of_sets(data, start, end)
    m = end - start
    stride = (m + 63) // 64 + 2 * _GUARD
    direct = np.zeros(256 if data.itemsize == 1 else _DIRECT, np.int32)
    capacity = 2
    if data.itemsize > 1:
        while capacity < 2 * m:
            capacity *= 2
    keys = np.zeros(capacity, np.uint32)
    slots = np.zeros(capacity, np.int32)
    assigned = np.empty(m, np.int32)
    used = 0
    for i in range(m):
        symbol = data[start + i]
        slot = slot_of(symbol, direct, keys, slots)
        if slot == 0:
            used += 1
            slot = used
            if symbol < direct.shape[0]:
                direct[symbol] = slot
            else:
                at = _home(np.uint64(symbol), capacity - 1)
                while slots[at] != 0:
                    at = (at + 1) & (capacity - 1)
                keys[at] = symbol
                slots[at] = slot
        assigned[i] = slot
    bits = np.zeros((used + 1) * stride, np.uint64)
    for i in range(m):
        bits[assigned[i] * stride + _GUARD + (i >> 6)] |= _U1 << np.uint64(i & 63)
    return Pattern(m, bits, stride, direct, keys, slots)


@kernel(inline=True)
def _window(bits: AnyArray, base: int, stride: int, row: int) -> np.uint64:
    """64 bits of a slot from pattern position `row` on, which may lie outside the pattern."""
    word = min(max((row >> 6) + _GUARD, 0), stride - 2)
    shift = np.uint64(row & 63)
    found: np.uint64 = (bits[base + word] >> shift) | ((bits[base + word + 1] << _U1) << (_U63 - shift))
    return found


@kernel(inline=True)
def _one_word(pattern: Pattern, text: AnyArray, start: int, n: int, cutoff: int, below: int) -> int:
    """The band in one word: its last row is `below` the diagonal through (0, 0), bit 63. Returns cutoff + 1 if over."""
    m, bits, stride, direct, keys, slots = pattern
    watched = np.uint64(63 - below + (m - n))
    first = below - 63
    score = max(m - n, 0)
    positive = _ONES << np.uint64(63 - below)
    negative = _U0
    j = 0
    while j < n and score <= cutoff:
        base = slot_of(text[start + j], direct, keys, slots) * stride
        match = _window(bits, base, stride, first + j)
        zero = (((match & positive) + positive) ^ positive) | match | negative
        score += int((~zero >> watched) & _U1)
        up = negative | ~(zero | positive)
        down = zero & positive
        zero >>= _U1
        positive = down | ~(zero | up)
        negative = zero & up
        j += 1
    return min(score, cutoff + 1)


@kernel()
def _many_words(
    pattern: Pattern, text: AnyArray, start: int, n: int, cutoff: int, below: int, above: int, state: AnyArray
) -> int:
    """The band in several words, the last row in the top bit of the last word; `state` is scratch for 2 words each."""
    m, bits, stride, direct, keys, slots = pattern
    words = (below + above + 64) // 64
    height = 64 * words
    for w in range(words):
        rows = min(max(below + 1 - (height - 64 * (w + 1)), 0), 64)
        state[2 * w] = _ONES << np.uint64(64 - rows) if rows > 0 else _U0
        state[2 * w + 1] = _U0
    at = height - 1 - below + (m - n)
    watched_word = at >> 6
    watched = np.uint64(at & 63)
    score = max(m - n, 0)
    first = below + 1 - height
    for j in range(n):
        base = slot_of(text[start + j], direct, keys, slots) * stride
        carry = _U0
        late_up = late_down = late_zero = _U0
        for w in range(words):
            positive = state[2 * w]
            negative = state[2 * w + 1]
            match = _window(bits, base, stride, first + j + 64 * w)
            added = match & positive
            total = added + positive
            carry_out = _U1 if total < added else _U0
            total += carry
            if total < carry:
                carry_out = _U1
            carry = carry_out
            zero = (total ^ positive) | match | negative
            if w == watched_word:
                score += int((~zero >> watched) & _U1)
            # The band slides by a row: the word before gets its last bit from this one.
            if w > 0:
                shifted = (late_zero >> _U1) | (zero << _U63)
                state[2 * w - 2] = late_down | ~(shifted | late_up)
                state[2 * w - 1] = shifted & late_up
            late_up = negative | ~(zero | positive)
            late_down = zero & positive
            late_zero = zero
        if score > cutoff:
            return cutoff + 1
        shifted = late_zero >> _U1
        state[2 * words - 2] = late_down | ~(shifted | late_up)
        state[2 * words - 1] = shifted & late_up
    return score


@kernel(inline=True)
def within(pattern: Pattern, text: AnyArray, start: int, n: int, cutoff: int, state: AnyArray) -> int:
    """The edit distance of the pattern and text[start:start + n], or cutoff + 1 when it is more."""
    m = pattern.length
    cutoff = min(cutoff, max(m, n))
    spare = cutoff - abs(m - n)
    if spare < 0:
        return cutoff + 1
    # A path that leaves the diagonals between the corners by s must come back by s.
    below = max(m - n, 0) + spare // 2
    above = max(n - m, 0) + spare // 2
    if below + above < 64:
        return _one_word(pattern, text, start, n, cutoff, below)
    return _many_words(pattern, text, start, n, cutoff, below, above, state)


@kernel(inline=True)
def distance_to(pattern: Pattern, text: AnyArray, start: int, n: int, state: AnyArray) -> int:
    """The edit distance without a cutoff: the band is doubled until the distance fits in it."""
    longest = max(pattern.length, n)
    cutoff = max(63, abs(pattern.length - n) + 31)
    while True:
        cutoff = min(cutoff, longest)
        found = within(pattern, text, start, n, cutoff, state)
        if found <= cutoff:
            return found
        cutoff = 2 * cutoff + 1


@kernel(inline=True)
def scratch(m: int, longest_text: int) -> AnyArray:
    """State words enough for any band of a pattern of m symbols."""
    return np.empty(2 * (max(m, longest_text) // 64 + 3), np.uint64)


@kernel(inline=True)
def place(rows: AnyArray, distances: AnyArray, held: int, row: int, distance: float) -> int:
    """Insert into the list sorted by (distance, row), which holds `held` of its k places; returns the new number.

    Where it is full the last one leaves: call this with a better one only.
    """
    k = rows.shape[0]
    at = min(held, k - 1)
    while at > 0 and (distances[at - 1] > distance or (distances[at - 1] == distance and rows[at - 1] > row)):
        distances[at] = distances[at - 1]
        rows[at] = rows[at - 1]
        at -= 1
    distances[at] = distance
    rows[at] = row
    return held + 1 if held < k else held


@kernel(inline=True)
def enter(rows: AnyArray, distances: AnyArray, row: int, found: float) -> None:
    """`place` into a full list if (found, row) is better than its last one."""
    last = rows.shape[0] - 1
    if found < distances[last] or (found == distances[last] and row < rows[last]):
        place(rows, distances, last + 1, row, found)


@kernel(parallel=True)
def pairs_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, cutoffs: DoubleArray, found: DoubleArray
) -> None:
    """found[i] = distance of a[a_rows[i]] and b[b_rows[i]], inf where it is above cutoffs[i]. All (m,)."""
    count = a_rows.shape[0]
    for task in numba.prange((count + _PAIRS_A_TASK - 1) // _PAIRS_A_TASK):
        first = task * _PAIRS_A_TASK
        last = min(count, first + _PAIRS_A_TASK)
        longest = 0
        for i in range(first, last):
            longest = max(longest, b.offsets[b_rows[i] + 1] - b.offsets[b_rows[i]])
        at = -1
        m = 0
        pattern = pattern_of(a.data, 0, 0)
        state = scratch(0, longest)
        for i in range(first, last):
            if a_rows[i] != at:  # neighbours in the list often share their first sequence
                at = a_rows[i]
                m = a.offsets[at + 1] - a.offsets[at]
                pattern = pattern_of(a.data, a.offsets[at], a.offsets[at + 1])
                state = scratch(m, longest)
            start = b.offsets[b_rows[i]]
            n = b.offsets[b_rows[i] + 1] - start
            limit = cutoffs[i]
            if limit >= max(m, n):
                found[i] = distance_to(pattern, b.data, start, n, state)
            elif limit < 0:
                found[i] = np.inf
            else:
                distance = within(pattern, b.data, start, n, int(limit), state)
                found[i] = distance if distance <= limit else np.inf


@kernel()
def one_by_one(
    queries: Columns, query: int, targets: Columns, candidates: IntArray, stop: DoubleArray, answers: Columns
) -> None:
    """The k nearest of one query's candidates to `answers`, as edit_rerank.py has them, one after the other."""
    rows, distances = answers
    text, offsets = targets
    k, start = len(rows), queries.offsets[query]
    pattern = pattern_of(queries.data, start, queries.offsets[query + 1])
    longest = 0
    for row in candidates:
        if row >= 0:
            longest = max(longest, offsets[row + 1] - offsets[row])
    state = scratch(pattern.length, longest)
    held = 0
    for c in range(len(candidates)):
        row = candidates[c]
        if row < 0:
            continue
        n = offsets[row + 1] - offsets[row]
        if held < k:
            found = distance_to(pattern, text, offsets[row], n, state)
            held = place(rows, distances, held, row, found)
        elif len(stop) > 0 and stop[c] > distances[k - 1]:
            break
        else:
            enter(rows, distances, row, within(pattern, text, offsets[row], n, distances[k - 1], state))
