"""Which targets have which q-grams: bitmaps of the frequent ones, lists of the rare ones.

An edit changes at most one of several q-grams of a query that do not overlap. So a target that lacks c of them is at
least at distance c from the query, wherever in the target it may lie (the pigeonhole form of the q-gram lemma: Navarro
and Baeza-Yates 1998, "A practical q-gram index for text retrieval allowing errors"). The most that a target lacks of
any choice of such q-grams is found from left to right by taking each that is absent (`lacking_kernel`), for 512 targets
at once. Q-grams are hashed into buckets, which only lowers the bound.

With wildcards a target has every q-gram that one of its own may spell, and a q-gram of a query that has wildcards is
never missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, IntArray
from ..jit import kernel, popcount
from ..sequences import Sequences
from ..threads import numba_threads
from .infix_vectors import SPARED, spend
from .vectors import LANES, VECTOR
from .wildcards import Wildcards

_HASH, _BASE = np.uint64(0x9E3779B97F4A7C15), 0x56E8FEB86659FD93
_U1 = np.uint64(1)
_ROOM = 32  # buckets a symbol of a usual target, so that most are empty
_FEWEST, _MOST = 8, 16  # bits of a bucket's number
_MOST_OF_BLOCKS = 12  # half a byte a symbol for each bit more than ten
BLOCK = 256  # symbols
_SPARSE = 32  # a list of 4 bytes a target is smaller than a bitmap while fewer than one of so many has the q-gram
_LONGEST = 15
_RARE = 0.05  # of a q-gram, in a usual target by chance
_SAMPLED = 1 << 20  # symbols that the alphabet is judged by


class Form(NamedTuple):
    """How q-grams of `q` symbols are numbered: in a number system of that `base`, of which the lowest `bits` count, or
    hashed to as many where it is no power of 2. `letters` > 0: codes from there on are wildcards, and a q-gram with one
    has the number after the last, 2 ** bits.
    """

    q: int
    base: int
    bits: int
    letters: int


class Grams(NamedTuple):
    """Of n targets, numbered 0..n - 1: `slots`, (buckets,): the row of `bitmaps`, a bit a target in `words` words, -1
    for a bucket whose targets are `lists[starts[b]:starts[b + 1]]`; all have what may be anything, the last of the
    slots. `q`, `base`, `bits`, `letters`: see `Form`.
    """

    slots: IntArray
    bitmaps: AnyArray
    starts: IntArray
    lists: AnyArray
    words: int
    q: int
    base: int
    bits: int
    letters: int


class Blocks(NamedTuple):
    """Of the same targets cut into blocks of BLOCK symbols: `bitmaps`, `words` words for each bucket: vector starts[g]
    + b holds block b of the 512 targets of group g, which has counts[g] of them, a bit for each whose q-gram begins
    there. `q`, `base`, `bits`, `letters`: see `Form`; q is 0 where there are none.
    """

    bitmaps: AnyArray
    starts: IntArray
    counts: IntArray
    words: int
    q: int
    base: int
    bits: int
    letters: int


def grams_of(targets: Sequences, rows: IntArray, wildcards: Wildcards | None = None, *, rare: bool = False) -> Grams:
    """The q-grams of `rows`, in that order; q suits their alphabet and lengths: for a bound, or, `rare`, so that a text
    seldom has one by chance, for a count of those that are shared."""
    mean = float(targets.lengths_of(rows).mean()) if len(rows) else 1.0
    form, sets = _form(targets, mean, wildcards, rare=rare), _sets(wildcards)
    buckets, words = 1 << form.bits, -(-len(rows) // LANES) * VECTOR
    parts = np.linspace(0, words, max(numba_threads(), 1) + 1).astype(np.int64) * 64  # whole words a thread
    counts = np.zeros((len(parts) - 1, buckets), np.int64)
    _count_kernel(targets.data, targets.offsets, rows, parts, sets, form, counts)
    totals = counts.sum(axis=0)
    dense = totals * _SPARSE > len(rows)
    slots = np.append(np.where(dense, np.cumsum(dense) - 1, -1), dense.sum())
    bitmaps = np.zeros((int(dense.sum()) + 1) * words, np.uint64)
    bitmaps[int(dense.sum()) * words :] = ~np.uint64(0)
    starts = np.zeros(buckets + 1, np.int64)
    np.cumsum(np.where(dense, 0, totals), out=starts[1:])
    begins = starts[:-1] + np.cumsum(counts, axis=0) - counts
    grams = Grams(slots, bitmaps, starts, np.empty(int(starts[-1]), np.uint32), words, *form)
    _fill_kernel(targets.data, targets.offsets, rows, parts, sets, begins, grams)
    return grams


def blocks_of(targets: Sequences, rows: IntArray, wildcards: Wildcards | None = None) -> Blocks:
    """The q-grams of the blocks of `rows`, in that order, where most are long enough to be cut."""
    lengths = targets.lengths_of(rows)
    groups = -(-len(rows) // LANES)
    longest = np.array([lengths[g * LANES : (g + 1) * LANES].max() for g in range(groups)], np.int64)
    counts = np.maximum(1, -(-longest // BLOCK))
    starts = np.zeros(groups + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    if not groups or starts[-1] < 2 * groups:
        return Blocks(np.zeros(0, np.uint64), starts, counts, 0, 0, 0, 0, 0)
    form = _form(targets, 2.0 * BLOCK, wildcards, _MOST_OF_BLOCKS)
    words = int(starts[-1]) * VECTOR
    bitmaps = np.zeros(((1 << form.bits) + 2) * words, np.uint64)
    bitmaps[words << form.bits : ((1 << form.bits) + 1) * words] = ~np.uint64(0)
    blocks = Blocks(bitmaps, starts, counts, words, *form)
    _fill_blocks_kernel(targets.data, targets.offsets, rows, _sets(wildcards), blocks)
    return blocks


def _sets(wildcards: Wildcards | None) -> IntArray:
    """What each code may be, a bit a letter; empty where nothing is a wildcard."""
    return np.zeros(0, np.int64) if wildcards is None else wildcards.sets


def _form(targets: Sequences, mean: float, wildcards: Wildcards | None, most: int = _MOST, rare: bool = False) -> Form:
    """That of the strongest bound on a text of that length that has nothing in common with a query; or the shortest
    that is `rare` there, as far as its number has bits.

    It has a q-gram by chance with probability p = 1 - exp(-mean / symbols ** q), and of a query one in q + p / (1 - p)
    symbols counts.
    """
    some = np.unique(targets.data[:_SAMPLED], return_counts=True)[1]
    shares = some / max(int(some.sum()), 1)
    symbols = max(float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 2.0, 1.2)
    each = np.arange(1, _LONGEST + 1)
    chance = np.minimum(mean / symbols**each, 30.0)
    q = int(each[np.argmax(chance <= _RARE) if rare else np.argmin(each + np.expm1(chance))])
    letters = 0 if wildcards is None else wildcards.letters
    if targets.alphabet is not None and targets.alphabet.name in ("dna", "rna"):
        q = min(q, most // 2) if rare else q
    if targets.alphabet is not None and targets.alphabet.name in ("dna", "rna") and _FEWEST <= 2 * q <= most:
        return Form(q, 4, 2 * q, letters)
    bits = int(np.ceil(np.log2(max(_ROOM * mean, 1))))
    return Form(q, _BASE, min(max(bits, _FEWEST), most), letters)


@kernel(inline=True)
def _bucket(key: np.uint64, form: Form) -> int:
    if form.base == 4:
        return int(key & ((_U1 << np.uint64(form.bits)) - _U1))
    return int(((key ^ (key >> np.uint64(29))) * _HASH) >> np.uint64(64 - form.bits))


@kernel()
def buckets_of(data: AnyArray, start: int, end: int, form: Form, found: IntArray) -> int:
    """found[i] = the bucket of the q-gram data[start + i:][:q]; returns how many there are."""
    q, base, letters = form.q, np.uint64(form.base), form.letters
    oldest, key = _U1, np.uint64(0)
    proper = 0  # no wildcard from here on
    for _ in range(q - 1):
        oldest *= base
    for i in range(end - start):
        if i >= q:
            key -= (np.uint64(data[start + i - q]) + _U1) * oldest
        key = key * base + np.uint64(data[start + i]) + _U1
        if letters > 0 and data[start + i] >= letters:
            proper = i + 1
        if i >= q - 1:
            found[i - q + 1] = _bucket(key, form) if proper <= i - q + 1 else 1 << form.bits
    return max(0, end - start - q + 1)


@kernel()
def _spelled(
    data: AnyArray, start: int, sets: IntArray, form: Form, found: IntArray, count: int
) -> tuple[IntArray, IntArray]:
    """The buckets that the q-grams of a target may be in, and where they begin in it.

    `found`: `count` buckets of the q-grams data[start + i:][:q], one each. Of those with wildcards every spelling is
    told, or all buckets where there are as many spellings, once a block.
    """
    q, base, every = form.q, np.uint64(form.base), 1 << form.bits
    spellings = np.ones(count, np.int64)
    for i in range(count):
        for t in range(q if found[i] == every else 0):
            spellings[i] = min(spellings[i] * int(popcount(np.uint64(sets[data[start + i + t]]))), every)
    size, full = 0, -1
    for i in range(count):
        if spellings[i] == every and i // BLOCK == full:
            spellings[i] = 0
        elif spellings[i] == every:
            full = i // BLOCK
        size += spellings[i]
    buckets, places = np.empty(size, np.int64), np.empty(size, np.int64)
    letters = np.empty(q, np.int64)
    at = 0
    for i in range(count):
        places[at : at + spellings[i]] = i
        if spellings[i] == every:
            for bucket in range(every):
                buckets[at + bucket] = bucket
        elif found[i] != every:
            buckets[at] = found[i]
        elif spellings[i]:
            for t in range(q):
                letters[t] = _next_letter(sets[data[start + i + t]], -1)
            for spelling in range(spellings[i]):
                key = np.uint64(0)
                for t in range(q):
                    key = key * base + np.uint64(letters[t]) + _U1
                buckets[at + spelling] = _bucket(key, form)
                for t in range(q):  # the next one, the first letter counting fastest
                    letters[t] = _next_letter(sets[data[start + i + t]], letters[t])
                    if letters[t] >= 0:
                        break
                    letters[t] = _next_letter(sets[data[start + i + t]], -1)
        at += spellings[i]
    return buckets, places


@kernel()
def _next_letter(letters: int, letter: int) -> int:
    """The first of a set of letters, a bit each, after one; -1 where there is none."""
    letter += 1
    while letters >> letter:
        if (letters >> letter) & 1:
            return letter
        letter += 1
    return -1


@kernel(parallel=True)
def _count_kernel(
    data: AnyArray, offsets: IntArray, rows: IntArray, parts: IntArray, sets: IntArray, form: Form, counts: IntArray
) -> None:
    """counts[p, b] = how many of the targets parts[p]:parts[p + 1] have a q-gram of bucket b."""
    for p in numba.prange(len(parts) - 1):
        seen = np.full(counts.shape[1], -1, np.int64)
        found = np.empty(0, np.int64)
        for i in range(parts[p], min(parts[p + 1], len(rows))):
            start, end = offsets[rows[i]], offsets[rows[i] + 1]
            if end - start > len(found):
                found = np.empty(2 * (end - start), np.int64)
            count = buckets_of(data, start, end, form, found)
            buckets = found[:count]
            if len(sets):
                buckets, _ = _spelled(data, start, sets, form, found, count)
            for bucket in buckets:
                if seen[bucket] != i:
                    seen[bucket] = i
                    counts[p, bucket] += 1


@kernel(parallel=True)
def _fill_kernel(
    data: AnyArray, offsets: IntArray, rows: IntArray, parts: IntArray, sets: IntArray, begins: IntArray, grams: Grams
) -> None:
    """Set the bits, and write the lists from begins[p, b] on."""
    slots, bitmaps, _, lists, words, q, base, bits, letters = grams
    form = Form(q, base, bits, letters)
    for p in numba.prange(len(parts) - 1):
        seen = np.full(len(slots), -1, np.int64)
        at = begins[p].copy()
        found = np.empty(0, np.int64)
        for i in range(parts[p], min(parts[p + 1], len(rows))):
            start, end = offsets[rows[i]], offsets[rows[i] + 1]
            if end - start > len(found):
                found = np.empty(2 * (end - start), np.int64)
            count = buckets_of(data, start, end, form, found)
            buckets = found[:count]
            if len(sets):
                buckets, _ = _spelled(data, start, sets, form, found, count)
            for bucket in buckets:
                if seen[bucket] == i:
                    continue
                seen[bucket] = i
                if slots[bucket] >= 0:
                    bitmaps[slots[bucket] * words + (i >> 6)] |= _U1 << np.uint64(i & 63)
                else:
                    lists[at[bucket]] = i
                    at[bucket] += 1


@kernel(parallel=True)
def _fill_blocks_kernel(data: AnyArray, offsets: IntArray, rows: IntArray, sets: IntArray, blocks: Blocks) -> None:
    """Set the bits."""
    bitmaps, starts, counts, words, q, base, bits, letters = blocks
    form = Form(q, base, bits, letters)
    for g in numba.prange(len(counts)):
        found = np.empty(counts[g] * BLOCK, np.int64)
        for lane in range(min(LANES, len(rows) - g * LANES)):
            row = rows[g * LANES + lane]
            bit, word = _U1 << np.uint64(lane & 63), lane >> 6
            count = buckets_of(data, offsets[row], offsets[row + 1], form, found)
            if len(sets):
                buckets, places = _spelled(data, offsets[row], sets, form, found, count)
                for j in range(len(buckets)):
                    bitmaps[buckets[j] * words + (starts[g] + places[j] // BLOCK) * VECTOR + word] |= bit
                continue
            for j in range(count):
                bitmaps[found[j] * words + (starts[g] + j // BLOCK) * VECTOR + word] |= bit


@kernel()
def digits_of(q: int, m: int) -> int:
    """Planes that hold the most q-grams of a query of m symbols that begin at least q symbols apart."""
    digits = 1
    while (1 << digits) <= (m + q - 1) // q:
        digits += 1
    return digits


@kernel()
def lacking(grams: Grams, data: AnyArray, start: int, end: int, digits: int, apart: int) -> AnyArray:
    """Planes of how many q-grams of the query data[start:end] each target lacks: of those that begin at least `apart`
    symbols apart, the most there are.
    """
    form = Form(grams.q, grams.base, grams.bits, grams.letters)
    planes = np.zeros(grams.words * (SPARED + digits), np.uint64)
    if end - start < form.q:
        return planes
    buckets = np.empty(end - start, np.int64)
    listed = np.empty(grams.words, np.uint64)
    vectors = grams.words // VECTOR
    for j in range(buckets_of(data, start, end, form, buckets)):
        slot = grams.slots[buckets[j]]
        if slot >= 0:
            spend(grams.bitmaps, slot * grams.words, planes, vectors, digits, apart, 1)
            continue
        listed[:] = 0
        for at in range(grams.starts[buckets[j]], grams.starts[buckets[j] + 1]):
            target = grams.lists[at]
            listed[target >> 6] |= _U1 << np.uint64(target & 63)
        spend(listed, 0, planes, vectors, digits, apart, 1)
    return planes


@kernel()
def lacking_blocks(blocks: Blocks, group: int, buckets: IntArray, span: int, digits: int, planes: AnyArray) -> None:
    """Planes as of `lacking`, for each block of a group: what `span` blocks from there on lack of a query.

    `buckets`: of its q-grams. Beyond the last block others are taken for those that are not there, which only lowers
    the bound.
    """
    planes[: blocks.counts[group] * (SPARED + digits) * VECTOR] = 0
    for bucket in buckets:
        at = bucket * blocks.words + blocks.starts[group] * VECTOR
        spend(blocks.bitmaps, at, planes, blocks.counts[group], digits, blocks.q, span)


@kernel(inline=True)
def lacking_exactly(planes: AnyArray, digits: int, word: int, count: int) -> np.uint64:
    """A bit for each of the 64 targets of a word that lacks exactly so many."""
    same = ~np.uint64(0)
    at = (word // VECTOR * (SPARED + digits) + SPARED) * VECTOR + word % VECTOR
    for d in range(digits):
        plane = planes[at + d * VECTOR]
        same &= plane if (count >> d) & 1 else ~plane
    return same


@kernel(inline=True)
def lacking_at_most(planes: AnyArray, digits: int, word: int, count: int) -> np.uint64:
    """A bit for each of the 64 targets of a word that lacks no more than so many."""
    if count < 0:
        return np.uint64(0)
    if count >> digits:
        return ~np.uint64(0)
    less, same = np.uint64(0), ~np.uint64(0)
    at = (word // VECTOR * (SPARED + digits) + SPARED) * VECTOR + word % VECTOR
    for d in range(digits - 1, -1, -1):
        plane = planes[at + d * VECTOR]
        if (count >> d) & 1:
            less |= same & ~plane
            same &= plane
        else:
            same &= ~plane
    return less | same
