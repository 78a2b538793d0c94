"""Where overlaps of a query and a target may lie: by the diagonals of the q-grams that they share.

An overlap at distance c or less has at least L - q + 1 - (q - 1) c q-grams of the shorter one, of L letters, in its
runs of matches: an edit, which costs 2, or 1 where it adds a letter of the longer one alone, breaks at most q of these,
or q - 1; a letter outside, which costs 1, at most one. So, of shared q-grams, a stretch of diagonals that leaves out
fewer than these is met by every such overlap. It has at most c columns with a gap, each of which moves it by a
diagonal, and so goes no farther than c diagonals from the stretch. Where all of them are fewer there is no such
overlap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, IntArray
from ..jit import kernel
from .wildcards import is_sets

_BITS = 16  # of a q-gram's bucket: what collides is counted as shared, which leaves out less
_WORD, _IN_WORD, _ONE = np.uint64(6), np.uint64(63), np.uint64(1)
_BASE, _MIX = np.uint64(0x100000001B3), np.uint64(0xD6E8FEB86659FD93)
_RARE = 16  # times as many q-grams as a query has letters
_OFTEN = 0.01  # share of a query's letters that one of its alphabet has
_LONGEST = 16
SHIFT = 4  # bits of diagonals that are counted together
_MANY = 8  # times the letters of both: shared q-grams beyond which they say nothing
_EVERY = 8  # letters of a target a q-gram is looked at to see where most lie
_TOO_MANY, _UNCOUNTED = -1, -2
NOWHERE = -1


class Seeds(NamedTuple):
    """The q-grams of a query: a bit for each bucket that has one (`there`), for each bucket a place where one begins,
    -1 for none, and for each place (`after`) the next one of its bucket. `q` is 0 where there are none."""

    there: AnyArray
    heads: AnyArray
    after: AnyArray
    q: int


class Shared(NamedTuple):
    """For each of some targets how many of its q-grams are those of a query (`known`), and, once that was asked for,
    how many they share on each 2^SHIFT diagonals, (n, bins), and in all: `totals`, _UNCOUNTED before, _TOO_MANY where
    that says nothing."""

    known: IntArray
    counts: AnyArray
    totals: IntArray


class Bands(NamedTuple):
    """For each target the lowest diagonal that is not beyond those which an overlap must come by, and how many more
    these are: `lows`, `widths`, (n,); a width of NOWHERE where there is none so near."""

    lows: IntArray
    widths: IntArray


@kernel()
def seeds_of(codes: AnyArray) -> Seeds:
    """Those of a query, none of sets of symbols; q so that few are shared by chance."""
    m = len(codes)
    nothing = Seeds(np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int32), 0)
    if is_sets(codes) or m < 2:
        return nothing
    counts = np.zeros(256, np.int64)
    for code in codes:
        counts[code] += 1
    letters, q = max(2, int(np.count_nonzero(counts > _OFTEN * m))), 2
    while letters**q < _RARE * m and q < _LONGEST:
        q += 1
    if q >= m:
        return nothing
    there = np.zeros((1 << _BITS) // 64, np.uint64)
    heads, after = np.full(1 << _BITS, -1, np.int32), np.full(m, -1, np.int32)
    value, power = np.uint64(0), _power(q)
    for end in range(m):
        value = value * _BASE + np.uint64(codes[end])
        if end >= q - 1:
            bucket, begin = (value * _MIX) >> np.uint64(64 - _BITS), end - q + 1
            after[begin] = heads[bucket]
            heads[bucket] = begin
            there[bucket >> _WORD] |= _ONE << (bucket & _IN_WORD)
            value -= power * np.uint64(codes[begin])
    return Seeds(there, heads, after, q)


@kernel()
def _power(q: int) -> np.uint64:
    found = np.uint64(1)
    for _ in range(q - 1):
        found *= _BASE
    return found


@kernel()
def shared_of(seeds: Seeds, m: int, text: AnyArray, starts: IntArray, lengths: IntArray) -> Shared:
    """What a query of m letters shares with the targets text[starts[i]:][:lengths[i]]."""
    count, q = len(starts), seeds.q
    known, totals = np.zeros(count, np.int64), np.full(count, _UNCOUNTED)
    if q == 0 or not count:
        return Shared(known, np.zeros((count, 0), np.int32), np.full(count, _TOO_MANY))
    power = _power(q)
    for i in range(count):
        y, value, here = text[starts[i] : starts[i] + lengths[i]], np.uint64(0), np.uint64(0)
        for end in range(min(q - 1, len(y))):
            value = value * _BASE + np.uint64(y[end])
        for begin in range(len(y) - q + 1):
            value = value * _BASE + np.uint64(y[begin + q - 1])
            bucket = (value * _MIX) >> np.uint64(64 - _BITS)
            here += (seeds.there[bucket >> _WORD] >> (bucket & _IN_WORD)) & _ONE
            value -= power * np.uint64(y[begin])
        known[i] = np.int64(here)
    return Shared(known, np.zeros((count, ((m + lengths.max()) >> SHIFT) + 1), np.int32), totals)


@kernel()
def _count(seeds: Seeds, m: int, y: AnyArray, counts: AnyArray) -> int:
    """Count the q-grams that one target shares, and return how many these are, or _TOO_MANY."""
    _, heads, after, q = seeds
    value, power, total = np.uint64(0), _power(q), 0
    for end in range(min(q - 1, len(y))):
        value = value * _BASE + np.uint64(y[end])
    most = _MANY * (m + len(y))
    for begin in range(len(y) - q + 1):
        value = value * _BASE + np.uint64(y[begin + q - 1])
        place = heads[(value * _MIX) >> np.uint64(64 - _BITS)]
        value -= power * np.uint64(y[begin])
        while place >= 0:
            counts[(begin - place + m) >> SHIFT] += 1
            total += 1
            place = after[place]
        if total > most:
            return _TOO_MANY
    return total


@kernel()
def counted(
    seeds: Seeds, shared: Shared, target: int, m: int, text: AnyArray, starts: IntArray, lengths: IntArray
) -> int:
    """How many q-grams a target of `shared_of` shares, below 0 where that says nothing; counted once."""
    if shared.totals[target] == _UNCOUNTED:
        y = text[starts[target] : starts[target] + lengths[target]]
        shared.totals[target] = _count(seeds, m, y, shared.counts[target])
    return int(shared.totals[target])


@kernel()
def sampled_bands(seeds: Seeds, m: int, text: AnyArray, starts: IntArray, lengths: IntArray) -> Bands:
    """Of targets where half of what they share lies, judged by some of their q-grams; of those that share none of these
    the diagonals from the one where both begin to that where both end."""
    _, heads, after, q = seeds
    longer = lengths - m
    bands = Bands(np.minimum(longer, 0), np.abs(longer))
    counts = np.empty(((m + lengths.max()) >> SHIFT) + 1, np.int32)
    for i in range(len(starts) if q > 0 else 0):
        y, total, most = text[starts[i] : starts[i] + lengths[i]], 0, _MANY * (m + lengths[i])
        counts[:] = 0
        for begin in range(0, len(y) - q + 1, _EVERY):
            value = np.uint64(0)
            for at in range(begin, begin + q):
                value = value * _BASE + np.uint64(y[at])
            place = heads[(value * _MIX) >> np.uint64(64 - _BITS)]
            while place >= 0:
                counts[(begin - place + m) >> SHIFT] += 1
                total += 1
                place = after[place]
            if total > most:
                break
        if total > 0:
            first, last = _narrowest(counts, (total + 1) // 2)
            bands.lows[i], bands.widths[i] = (first << SHIFT) - m, ((last - first + 1) << SHIFT) - 1
    return bands


@kernel()
def least_distance(known: int, q: int, m: int, n: int) -> int:
    """What the distance is at least, where so many q-grams of the target are known; q > 1."""
    return max(0, -((known - min(m, n) + q - 1) // (q - 1)))


@kernel()
def likely_bands(seeds: Seeds, shared: Shared, m: int, text: AnyArray, starts: IntArray, lengths: IntArray) -> Bands:
    """Of all targets of `shared_of` where most of what they share lies; NOWHERE where they share nothing."""
    count = len(starts)
    bands = Bands(np.zeros(count, np.int64), np.full(count, NOWHERE))
    for i in range(count):
        total = counted(seeds, shared, i, m, text, starts, lengths)
        if total > 0:
            first, last = _narrowest(shared.counts[i], (total + 1) // 2)
            bands.lows[i], bands.widths[i] = (first << SHIFT) - m, ((last - first + 1) << SHIFT) - 1
    return bands


@kernel()
def bands_of(
    seeds: Seeds,
    shared: Shared,
    some: IntArray,
    m: int,
    text: AnyArray,
    starts: IntArray,
    lengths: IntArray,
    cutoff: int,
) -> Bands:
    """Of targets `some` of those of `shared_of` where overlaps at most as far as the cutoff come by; see the module."""
    bands, q = Bands(np.empty(len(some), np.int64), np.empty(len(some), np.int64)), seeds.q
    for i in range(len(some)):
        target = some[i]
        n = lengths[target]
        low, high = -max(m - n, 0), max(n - m, 0)  # the diagonals that cost nothing
        left_out = min(m, n) - q - (q - 1) * cutoff  # so many may be elsewhere
        bands.lows[i], bands.widths[i] = low, high - low
        if q == 0 or left_out < 0:
            continue
        if shared.known[target] <= left_out:
            bands.widths[i] = NOWHERE
            continue
        total = counted(seeds, shared, target, m, text, starts, lengths)
        if total == _TOO_MANY:
            continue
        if total <= left_out:
            bands.widths[i] = NOWHERE
            continue
        first, last = _narrowest(shared.counts[target], total - left_out)
        low, high = max(low, (first << SHIFT) - m), min(high, ((last + 1) << SHIFT) - 1 - m)
        bands.lows[i], bands.widths[i] = low, max(high - low, 0) if high + cutoff >= low - cutoff else NOWHERE
    return bands


@kernel()
def _narrowest(counts: AnyArray, wanted: int) -> tuple[int, int]:
    """The first and the last of the fewest neighbouring bins that have so many; wanted > 0."""
    best, best_last = 0, len(counts) - 1
    left, inside = 0, 0
    for right in range(len(counts)):
        inside += counts[right]
        while inside - counts[left] >= wanted:
            inside -= counts[left]
            left += 1
        if inside >= wanted and right - left < best_last - best:
            best, best_last = left, right
    return best, best_last
