"""What an index of lists holds: the distinct codes of each list, in order of arrival."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..jit import kernel
from .ivf_codes import Coder
from .rows import grown

GONE = -1


class Entries:
    """Entries 0, 1, 2, ...: pairs of a list and a code, all different. Dropped ones keep theirs until `compact`.

    Codes lie in two arrays, of which the first may be a file that is mapped into memory and is never written to.
    """

    def __init__(self, coder: Coder, centres: FloatArray) -> None:
        self.coder, self.centres = coder, centres
        self.base: AnyArray = np.zeros((0, coder.words), dtype=np.uint32)
        self._tail: AnyArray = np.zeros((0, coder.words), dtype=np.uint32)
        self._lists: AnyArray = np.zeros(0, dtype=np.int32)
        self.count = 0
        """All entries, dropped ones included."""
        self.sizes: IntArray = np.zeros(len(centres), dtype=np.int64)
        """Entries of each list."""
        self.dirty: BoolArray = np.ones(len(centres), dtype=np.bool_)
        """Lists that changed since somebody cleared this."""

    @property
    def live(self) -> int:
        """Entries that are not dropped."""
        return int(self.sizes.sum())

    @property
    def lists(self) -> AnyArray:
        """(count,) int32: the list of each entry, -1 for dropped ones."""
        return self._lists[: self.count]

    def hold(self, codes: AnyArray, lists: AnyArray) -> None:
        """Begin with codes (n, W) and the lists of them (n,); the array of codes is kept as it is."""
        self.base, self._tail = codes, self._tail[:0].copy()
        self._lists = lists.astype(np.int32)
        self.count = len(lists)
        self.sizes = np.bincount(lists[lists >= 0], minlength=len(self.centres)).astype(np.int64)
        self.dirty = np.ones(len(self.centres), dtype=np.bool_)

    def parts(self) -> tuple[AnyArray, AnyArray]:
        """Both arrays of codes."""
        return self.base, self._tail[: self.count - len(self.base)]

    def bytes(self) -> tuple[AnyArray, AnyArray]:
        """Both arrays of codes, as bytes."""
        base, tail = self.parts()
        return base.view(np.uint8), tail.view(np.uint8)

    def codes(self, entries: IntArray) -> AnyArray:
        """(n,) -> (n, W) uint32."""
        out = np.empty((len(entries), self.coder.words), dtype=np.uint32)
        _take(entries, *self.parts(), out)
        return out

    def match(self, codes: AnyArray, lists: IntArray) -> tuple[IntArray, IntArray]:
        """The entry of each code (n, W) in its list (n,), new ones numbered on in order of arrival; and the items that
        make a new entry. Only the lists that are named are looked through."""
        count = len(codes)
        named = np.zeros(len(self.centres), dtype=np.bool_)
        named[lists] = True
        table = np.full(4 << count.bit_length(), -1, dtype=np.int64)
        first, known = np.empty(count, dtype=np.int64), np.full(count, -1, dtype=np.int64)
        _first_of_equals(codes, lists, table, first)
        if self.count and self.sizes[named].any():
            _find(codes, lists, table, named, self.lists, *self.parts(), known)
        fresh = np.flatnonzero((first == np.arange(count)) & (known < 0))
        known[fresh] = self.count + np.arange(len(fresh))
        return known[first], fresh

    def append(self, codes: AnyArray, lists: IntArray) -> None:
        """New entries, of codes (n, W) in lists (n,)."""
        end = self.count + len(codes)
        self._tail, self._lists = grown(self._tail, end - len(self.base)), grown(self._lists, end)
        self._tail[self.count - len(self.base) : end - len(self.base)] = codes
        self._lists[self.count : end] = lists
        self.count = end
        self._resize(lists, 1)

    def drop(self, entries: IntArray) -> None:
        """Forget entries (n,) that are there."""
        self._resize(self._lists[entries], -1)
        self._lists[entries] = GONE

    def _resize(self, lists: AnyArray, by: int) -> None:
        self.sizes += by * np.bincount(lists, minlength=len(self.sizes))
        self.dirty[lists] = True

    def of_lists(self, numbers: IntArray) -> tuple[IntArray, IntArray]:
        """Entries of lists (m,), ascending in each, and where each begins, (m + 1,)."""
        bounds = np.concatenate([[0], np.cumsum(self.sizes[numbers])])
        place = np.full(len(self.sizes), -1, dtype=np.int64)
        place[numbers] = bounds[:-1]
        entries = np.empty(int(bounds[-1]), dtype=np.int64)
        _by_list(self.lists, place, entries)
        return entries, bounds

    def split(self, number: int, centres: FloatArray) -> None:
        """Part a list among centres (p, D): the first takes its number, the others new ones behind."""
        entries, _ = self.of_lists(np.array([number]))
        part = np.empty(len(entries), dtype=np.int64)
        nearest_of(self.coder.decode(self.codes(entries)), centres, part)
        first = len(self.centres)
        self.centres = np.concatenate([self.centres, centres[1:]])
        self.centres[number] = centres[0]
        self._lists[entries] = np.where(part == 0, number, first + part - 1)
        self.sizes = np.concatenate([self.sizes, np.zeros(len(centres) - 1, dtype=np.int64)])
        self.sizes[[number, *range(first, len(self.centres))]] = np.bincount(part, minlength=len(centres))
        self.dirty = np.concatenate([self.dirty, np.ones(len(centres) - 1, dtype=np.bool_)])
        self.dirty[number] = True

    def compact(self) -> IntArray:
        """Leave no dropped entries; the number of each (count,) from now on, in the same order, -1 for dropped ones."""
        keep = np.flatnonzero(self.lists >= 0)
        number = np.full(self.count, GONE, dtype=np.int64)
        number[keep] = np.arange(len(keep))
        self.hold(self.codes(keep), self.lists[keep])
        return number

    def settle(self) -> AnyArray:
        """All codes (count, W) in one array, which becomes the first."""
        base, tail = self.parts()
        if len(tail):
            self.base, self._tail = np.concatenate([base, tail]), self._tail[:0].copy()
        return self.base


@kernel(inline=True)
def _hash(code: AnyArray, number: np.int64) -> np.uint64:
    value = np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(number)
    for at in range(code.shape[0]):
        value ^= np.uint64(code[at])
        value *= np.uint64(0xBF58476D1CE4E5B9)  # a multiplier of splitmix64
        value ^= value >> np.uint64(29)
    return value


@kernel(inline=True)
def _equal(one: AnyArray, other: AnyArray) -> bool:
    for at in range(one.shape[0]):  # noqa: SIM110 (numba compiles no generators)
        if one[at] != other[at]:
            return False
    return True


@kernel(inline=True)
def _place(code: AnyArray, number: np.int64, codes: AnyArray, lists: IntArray, table: IntArray) -> np.uint64:
    """Where in the table the item of this code and list is, or may go."""
    mask = np.uint64(table.shape[0] - 1)
    at = _hash(code, number) & mask
    while table[at] >= 0 and not (lists[table[at]] == number and _equal(codes[table[at]], code)):
        at = (at + np.uint64(1)) & mask
    return at


@kernel()
def _first_of_equals(codes: AnyArray, lists: IntArray, table: IntArray, first: IntArray) -> None:
    for i in range(codes.shape[0]):
        at = _place(codes[i], lists[i], codes, lists, table)
        if table[at] < 0:
            table[at] = i
        first[i] = table[at]


@kernel()
def _find(
    codes: AnyArray,
    lists: IntArray,
    table: IntArray,
    named: BoolArray,
    lists_of_entries: AnyArray,
    base: AnyArray,
    tail: AnyArray,
    known: IntArray,
) -> None:
    """Known entries of items: known[i] for those in the table, that of the smallest number."""
    first = base.shape[0]
    for entry in range(lists_of_entries.shape[0]):
        number = np.int64(lists_of_entries[entry])
        if number < 0 or not named[number]:
            continue
        code = base[entry] if entry < first else tail[entry - first]
        at = _place(code, number, codes, lists, table)
        if table[at] >= 0 and known[table[at]] < 0:
            known[table[at]] = entry


@kernel()
def _by_list(lists: AnyArray, place: IntArray, entries: IntArray) -> None:
    for entry in range(lists.shape[0]):
        number = lists[entry]
        if number >= 0 and place[number] >= 0:
            entries[place[number]] = entry
            place[number] += 1


@kernel()
def _take(entries: IntArray, base: AnyArray, tail: AnyArray, out: AnyArray) -> None:
    first = base.shape[0]
    for i in range(entries.shape[0]):
        entry = entries[i]
        for at in range(out.shape[1]):
            out[i, at] = base[entry, at] if entry < first else tail[entry - first, at]


@kernel()
def nearest_of(vectors: FloatArray, centres: FloatArray, out: IntArray) -> None:
    """(n, D), (p, D) -> (n,): the nearest centre, the first of equals; the same on every machine."""
    for i in range(vectors.shape[0]):
        best, at = np.inf, 0
        for c in range(centres.shape[0]):
            total = 0.0
            for d in range(vectors.shape[1]):
                difference = np.float64(vectors[i, d]) - np.float64(centres[c, d])
                total += difference * difference
            if total < best:
                best, at = total, c
        out[i] = at
