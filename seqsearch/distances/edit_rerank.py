"""The nearest of each query's candidates under the edit distance, many candidates at a time.

The candidates of a query are its lanes (band_vectors.py): they share the pattern and its match words, each has a text
and a diagonal of its own. The k-th distance so far is the cutoff, and says how high a band has to be: 16 rows at first
where distances are small, and twice as many for those that a band was too low for. A band of 2 h rows around the first
diagonal holds every path of cost <= 2 h - 1 between sequences of one length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from ..threads import in_blocks, numba_threads
from .arguments import Columns
from .band_vectors import (
    COLUMNS,
    ENDED,
    LANE_BITS,
    NEGATIVE,
    POSITIVE,
    SCORE,
    WATCHED,
    copy_block,
    fetch,
    sweep_band,
    sweep_bands,
    turn,
)
from .edit_kernels import Pattern, enter, one_by_one, pattern_of, place, slot_of
from .neighbours import unfilled
from .wildcards import is_sets

_VECTORS = 4  # of lanes between two looks at the cutoff, once there is one
_MOST_LANES = _VECTORS * LANE_BITS // 16
_LOOKS = 2  # blocks of columns between two looks whether all lanes can be given up
_BLOCK = 16  # queries one after the other, at most;
_SHARES = 4  # parts of few queries a thread, so that none waits for the other at the end
_MOST_SYMBOLS = 128  # of a pattern
_LINE = 64  # bytes
_FETCHED = 256  # symbols of a text that are asked for before its turn comes
_FAR = np.iinfo(np.int64).max // 2
# Scores of 16 bits hold these lengths.
_SHORT = 1 << 15


class Windows(NamedTuple):
    """Match words of a pattern for bands of `height` rows, `height` / 2 of them below the first diagonal.

    `words`, flat: in row i, `stride` words wide, where each symbol of the pattern stands in the rows that the lowest
    word of the band has in column i; the next word of the band is as many rows further on as a word has bits.
    """

    words: AnyArray
    stride: int
    height: int


class Lanes(NamedTuple):
    """Candidates on their way: `rows`; `limits`: distances up to here were exact with the last band; `found`."""

    rows: IntArray
    limits: IntArray
    found: IntArray


class Query(NamedTuple):
    """A pattern, and the slot of each of its symbols; `symbols`: of each slot but 0, as texts have them in `turn`.

    `several`: the symbols are sets of codes, and positions hold a bit for each slot.
    """

    pattern: Pattern
    positions: IntArray
    symbols: AnyArray
    several: bool


@kernel()
def query_of(data: AnyArray, start: int, end: int) -> Query:
    """The query data[start:end]."""
    pattern = pattern_of(data, start, end)
    m, match, stride, direct, keys, slots = pattern
    positions = np.empty(m, np.int64)
    symbols = np.empty(match.shape[0] // stride - 1, np.uint8)
    if is_sets(data):
        positions[:] = 0
        for code in range(64):
            slot = direct[code]
            if slot > 0:
                symbols[slot - 1] = code
            for i in range(m if slot > 0 else 0):
                positions[i] |= np.int64((np.uint64(data[start + i]) >> np.uint64(code)) & np.uint64(1)) << slot
        return Query(pattern, positions, symbols, True)
    for i in range(m):
        symbol = data[start + i]
        slot = int(direct[symbol]) if symbol < direct.shape[0] else slot_of(symbol, direct, keys, slots)
        positions[i] = slot
        symbols[slot - 1] = symbol if data.itemsize == 1 else slot
    return Query(pattern, positions, symbols, False)


@kernel()
def _windows(query: Query, columns: int, height: int, kind: AnyArray) -> Windows:
    """The match words of a query, in words of the type of `kind`, for texts of so many columns."""
    positions = query.positions
    bits, m = 8 * kind.itemsize, len(positions)
    stride = len(query.symbols) // 8 * 8 + 8
    rows = columns + height - bits
    words = np.empty(rows * stride, kind.dtype)
    current = np.zeros(stride, kind.dtype)
    top = np.uint64(1) << np.uint64(bits - 1)
    first = 1 - height // 2  # position in the pattern of the lowest row of the band
    for position in range(min(first, 1 - bits), first + rows):
        for s in range(stride):
            current[s] = current[s] >> np.uint64(1)
        new = position + bits - 1
        if 0 <= new < m:
            if query.several:
                for s in range(1, len(query.symbols) + 1):
                    if (positions[new] >> s) & 1:
                        current[s] |= top
            else:
                current[positions[new]] |= top
        if position >= first:
            at = (position - first) * stride
            for s in range(stride):
                words[at + s] = current[s]
    return Windows(words, stride, height)


@kernel(inline=True)
def _limit(longer: int, height: int) -> int:
    """The greatest distance that a band is sure of between a pattern `longer` symbols longer than the text."""
    below = height // 2
    spare = min(below - max(longer, 0), height - 1 - below - max(-longer, 0))
    return abs(longer) + 2 * spare + 1 if spare >= 0 else -1


@kernel()
def _begin(state: AnyArray, height: int, lane: int, longer: int) -> None:
    """The state of a lane before its first column."""
    bits = 8 * state.itemsize
    lanes, words = LANE_BITS // bits, height // bits
    ones = ~np.uint64(0)
    watched = height - 1 - height // 2 + longer
    inside = 0 <= watched < height
    state[SCORE * lanes + lane] = max(longer, 0) if inside else 0
    for w in range(words):
        at = 0 if words == 1 else 4 + 3 * (w + 1)
        outside = min(max(height - 1 - height // 2 - w * bits, 0), bits)  # rows above the first of the pattern
        state[(at + POSITIVE) * lanes + lane] = ones << np.uint64(outside) if outside < bits else np.uint64(0)
        state[(at + NEGATIVE) * lanes + lane] = 0
        here = inside and watched // bits == w
        state[(at + WATCHED) * lanes + lane] = np.uint64(1) << np.uint64(watched % bits) if here else np.uint64(0)


@kernel()
def _measure(query: Query, windows: Windows, targets: Columns, lanes: Lanes, chosen: IntArray, cutoff: int) -> None:
    """Distances of the query and the lanes `chosen`, no more than a vector has: exact up to the limit of each.

    A number above the limit, or above the cutoff, says only that the distance is above it.
    """
    text, offsets = targets
    rows, limits, found = lanes
    _, _, _, direct, keys, slots = query.pattern
    m, symbols = len(query.positions), query.symbols
    table, stride, height = windows
    bits = 8 * table.itemsize
    size, words = LANE_BITS // bits, height // bits
    state = np.zeros((7 + 3 * words) * size, table.dtype)
    block, codes = np.zeros(size * COLUMNS, np.uint8), np.zeros(size * COLUMNS, np.uint8)
    starts, lengths, reach = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    shortest, longest = _FAR, 0
    for lane in range(len(chosen)):
        row = rows[chosen[lane]]
        n = offsets[row + 1] - offsets[row]
        starts[lane], lengths[lane] = offsets[row], n
        shortest, longest = min(shortest, n), max(longest, n)
        limit = _limit(m - n, height)
        limits[chosen[lane]] = limit
        reach[lane] = min(limit, cutoff)
        _begin(state, height, lane, m - n)
    for first in range(0, longest, COLUMNS):
        if text.itemsize == 1 and first + COLUMNS <= shortest:
            for lane in range(len(chosen)):
                copy_block(text, starts[lane] + first, block, lane * COLUMNS)
        else:
            for lane in range(len(chosen)):
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
                    block[at + c] = ENDED
        for lane in range(0, len(chosen), 16):
            turn(block, codes, lane, size)
        columns, at, count = min(COLUMNS, longest - first), first * stride, len(symbols)
        if words == 1:
            sweep_band(state, codes, columns, table, at, stride, symbols, count)
        else:
            sweep_bands(state, codes, columns, table, at, stride, symbols, count, words)
        if first // COLUMNS % _LOOKS == _LOOKS - 1:
            near = 0
            for lane in range(len(chosen)):
                near += np.int64(state[SCORE * size + lane]) <= reach[lane]
            if near == 0:
                break
    for lane in range(len(chosen)):
        found[chosen[lane]] = np.int64(state[SCORE * size + lane])


@kernel(inline=True)
def _level(reach: int, shortest: int) -> int:
    """Which band, of 16 << level rows, holds distances up to `reach`."""
    level = shortest
    while (16 << level) - 1 < reach:
        level += 1
    return level


@kernel()
def _distances(
    query: Query, best: IntArray, held: int, targets: Columns, lanes: Lanes, count: int, level: int, whole: bool
) -> None:
    """lanes.found of the first `count` lanes: exact, or above what can still enter `best`, `held` of k distances.

    `whole`: all are wanted while there are fewer than k answers, not only the k best.
    """
    rows, limits, found = lanes
    offsets = targets.offsets
    k = len(best)
    cutoff = best[k - 1] if held == k else _FAR
    longest = 0
    for lane in range(count):
        longest = max(longest, offsets[rows[lane] + 1] - offsets[rows[lane]])
    columns = (longest + COLUMNS - 1) // COLUMNS * COLUMNS
    waiting = np.arange(count)
    while len(waiting) > 0:
        if level == 0:
            windows16 = _windows(query, columns, 16, np.ones(1, np.uint16))
            _measure_all(query, windows16, targets, lanes, waiting, cutoff)
        elif level == 1:
            windows32 = _windows(query, columns, 32, np.ones(1, np.uint32))
            _measure_all(query, windows32, targets, lanes, waiting, cutoff)
        else:
            windows64 = _windows(query, columns, 16 << level, np.ones(1, np.uint64))
            _measure_all(query, windows64, targets, lanes, waiting, cutoff)
        low = _FAR
        left = 0
        for i in range(len(waiting)):
            lane = waiting[i]
            if found[lane] > limits[lane] and limits[lane] < cutoff:
                low = min(low, limits[lane])
                waiting[left] = lane
                left += 1
        waiting = waiting[:left]
        near = 0
        for lane in range(count):
            near += found[lane] <= min(limits[lane], low)
        for i in range(held):
            near += best[i] <= low
        if near >= k and not (whole and held < k):
            break
        level += 1
    for i in range(len(waiting)):
        found[waiting[i]] = _FAR


@kernel()
def _measure_all(
    query: Query, windows: Windows, targets: Columns, lanes: Lanes, waiting: IntArray, cutoff: int
) -> None:
    """`_measure` of all lanes that wait, a vector of them at a time."""
    size = LANE_BITS // (8 * windows.words.itemsize)
    for first in range(0, len(waiting), size):
        _measure(query, windows, targets, lanes, waiting[first : first + size], cutoff)


@kernel()
def _nearest(
    queries: Columns,
    query: int,
    targets: Columns,
    candidates: IntArray,
    stop: DoubleArray,
    answers: Columns,
    level: int,
) -> int:
    """The k nearest of one query's candidates, (C,), to `answers`, rows and distances; the level that the last needed.

    `stop`: (C,) or empty.
    """
    rows, distances = answers
    text, offsets = targets
    k, start = len(rows), queries.offsets[query]
    m = queries.offsets[query + 1] - start
    asked = query_of(queries.data, start, start + m)
    if len(asked.symbols) > _MOST_SYMBOLS:
        one_by_one(queries, query, targets, candidates, stop, answers)
        return level
    lanes = Lanes(np.empty(_MOST_LANES, np.int64), np.empty(_MOST_LANES, np.int64), np.empty(_MOST_LANES, np.int64))
    lane_rows, _, lane_found = lanes
    shortest = 0 if m < _SHORT else 1
    held = first = 0
    while first < len(candidates):
        full = held == k
        if full:
            level = _level(distances[k - 1], shortest)
        size = LANE_BITS // min(16 << level, 64)
        if full:
            size *= _VECTORS
        elif len(stop) > 0:
            size = min(size, k - held)
        count = 0
        last = first
        while last < len(candidates) and count < size:
            row = candidates[last]
            if row >= 0:
                if len(stop) > 0 and full and stop[last] > distances[k - 1]:
                    break
                n = offsets[row + 1] - offsets[row]
                if not full or abs(m - n) <= distances[k - 1]:
                    lane_rows[count] = row
                    count += 1
                    for at in range(offsets[row], offsets[row] + min(n, _FETCHED), _LINE // text.itemsize):
                        fetch(text, at)
                    if n >= _SHORT:
                        shortest = 1
            last += 1
        _distances(asked, distances, held, targets, lanes, count, max(level, shortest), len(stop) > 0)
        lane = 0
        for c in range(first, last):
            row = candidates[c]
            if row < 0:
                continue
            if len(stop) > 0 and held == k and stop[c] > distances[k - 1]:
                return level
            if lane < count and lane_rows[lane] == row:
                found = lane_found[lane]
                lane += 1
                if held == k:
                    enter(rows, distances, row, found)
                elif found < _FAR:
                    held = place(rows, distances, held, row, found)
        ended = last < len(candidates) and len(stop) > 0 and candidates[last] >= 0 and held == k
        if ended and stop[last] > distances[k - 1]:
            return level
        first = last
    return _level(distances[k - 1], 0) if held == k else level


@kernel()
def _rerank(
    queries: Columns, first: int, last: int, targets: Columns, candidates: IntArray, stop: DoubleArray, answers: Columns
) -> None:
    """The queries from `first` to `last` - 1, each beginning with the band that suited the one before."""
    rows, distances = answers
    length = queries.offsets[last] - queries.offsets[first]
    level = _level(length // (8 * max(last - first, 1)), 0)
    for q in range(first, last):
        ends = stop[q] if stop.shape[0] > 0 else np.zeros(0)
        level = _nearest(queries, q, targets, candidates[q], ends, Columns(rows[q], distances[q]), level)


def rerank(
    queries: Columns, targets: Columns, candidates: IntArray, stop: DoubleArray, k: int
) -> tuple[IntArray, IntArray]:
    """(Q, k) rows and distances of the k nearest of each query's candidates, (Q, C) rows, -1 for none; -1 for no more.

    They are verified in the order given. `stop`, (Q, C) or empty: no candidate from this place on is expected to be
    nearer than that; the list ends where it exceeds the k-th distance found so far.
    """
    rows, distances = unfilled(len(candidates), k, -1)
    answers = Columns(rows, distances)

    def work(first: int, last: int) -> None:
        _rerank(queries, first, last, targets, candidates, stop, answers)

    if len(candidates) == 1:  # sooner done than threads are asked for
        work(0, 1)
        return rows, distances
    size = min(_BLOCK, -(-len(candidates) // (_SHARES * numba_threads())))
    in_blocks(len(candidates), max(size, 1), work)
    return rows, distances
