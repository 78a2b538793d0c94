"""`PackedSequences`: sets that lie in mapped files, DNA and RNA at two bits a letter, and unpack what is asked for."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, overload

import numpy as np

from ..arrays import AnyArray, BoolArray, ByteArray, IntArray
from ..errors import MismatchError
from . import packing
from .alphabet import Alphabet
from .columns import NO_COLUMNS, Columns
from .sequence import Sequence, Sequences
from .strings import Strings, offsets_of

_BATCH = 1024  # sequences unpacked at a time by a loop


def is_packable(alphabet: Alphabet | None) -> bool:
    """Whether two bits say which letter it is, exceptions aside."""
    return alphabet is not None and len(alphabet.canonical) == packing.CANONICAL


@dataclass(frozen=True)
class Letters:
    """The letters or steps of n rows, as they are: data[offsets[i]:offsets[i + 1]] are those of row i."""

    data: AnyArray
    offsets: IntArray

    def first(self, rows: int) -> Letters:
        """Those of the first rows."""
        return Letters(self.data[: self.offsets[rows]], self.offsets[: rows + 1])

    def put(self, rows: IntArray, out: AnyArray, places: IntArray) -> None:
        """Write those of `rows`, (m,), to `out`, each from its place on."""
        self.put_parts(rows, 0, self.offsets[rows + 1] - self.offsets[rows], out, places)

    def put_parts(
        self, rows: IntArray, begins: IntArray | int, lengths: IntArray, out: AnyArray, places: IntArray
    ) -> None:
        """Write `lengths` of those of `rows`, each from its begin on, as `put`."""
        packing.copy_rows(self.data, self.offsets[rows] + begins, lengths, out, places)


@dataclass(frozen=True)
class PackedLetters:
    """The letters of n rows at two bits each, `packed`, those that are none of the four as `exceptions` (places among
    all letters, ascending) and their `symbols`; `offsets`: (n + 1,), in letters."""

    packed: ByteArray
    offsets: IntArray
    exceptions: IntArray
    symbols: ByteArray
    blocks: IntArray
    """For each block of rows, which of the exceptions is its first."""

    @classmethod
    def of(cls, packed: ByteArray, offsets: IntArray, exceptions: IntArray, symbols: ByteArray) -> PackedLetters:
        """From arrays that fit each other."""
        last = len(offsets) - 1
        rows = np.minimum(np.arange(last // packing.BLOCK + 2) * packing.BLOCK, last)
        return cls(packed, offsets, exceptions, symbols, np.searchsorted(exceptions, offsets[rows]))

    def first(self, rows: int) -> PackedLetters:
        """Those of the first rows."""
        listed = int(np.searchsorted(self.exceptions, self.offsets[rows]))
        return self.of(self.packed, self.offsets[: rows + 1], self.exceptions[:listed], self.symbols[:listed])

    def put(self, rows: IntArray, out: AnyArray, places: IntArray) -> None:
        """Write those of `rows`, (m,), to `out`, each from its place on."""
        self.put_parts(rows, 0, self.offsets[rows + 1] - self.offsets[rows], out, places)

    def put_parts(
        self, rows: IntArray, begins: IntArray | int, lengths: IntArray, out: AnyArray, places: IntArray
    ) -> None:
        """Write `lengths` of those of `rows`, each from its begin on, a multiple of four (a whole byte), as `put`."""
        listed = self.exceptions, self.symbols, self.blocks
        packing.unpack(self.packed, rows, self.offsets[rows] + begins, lengths, listed, out, places)


class Texts(NamedTuple):
    """The text columns of some rows."""

    ids: Strings
    descriptions: Strings
    labels: Strings


@dataclass(frozen=True)
class Part:
    """Rows that follow each other in one file, or in memory."""

    letters: Letters | PackedLetters
    texts: Texts

    @classmethod
    def of(cls, sequences: Sequences) -> Part:
        """The rows of a set in memory."""
        start, stop = sequences.offsets[0], sequences.offsets[-1]
        letters = Letters(np.ascontiguousarray(sequences.data[start:stop]), sequences.offsets - start)
        return cls(letters, Texts(sequences.ids, sequences.descriptions, sequences.labels))

    def __len__(self) -> int:
        return len(self.letters.offsets) - 1

    def first(self, rows: int) -> Part:
        """The first rows, which share the memory."""
        texts = (Strings(column.data, column.offsets[: rows + 1]) for column in self.texts)
        return self if rows == len(self) else Part(self.letters.first(rows), Texts(*texts))


def _spread(starts: IntArray, rows: IntArray) -> Iterator[tuple[int, IntArray, IntArray]]:
    """For each part that holds some of `rows`: which part, where in `rows`, and the rows counted within the part."""
    if len(starts) == 2:
        yield 0, np.arange(len(rows)), rows
        return
    owners = np.searchsorted(starts, rows, "right") - 1
    for part in np.unique(owners).tolist():
        at = np.flatnonzero(owners == part)
        yield part, at, rows[at] - starts[part]


def _checked(rows: AnyArray, count: int) -> IntArray:
    """(m,) rows from 0 on. Raises IndexError."""
    asked: IntArray = np.asarray(rows, np.int64)
    if asked.size and (asked.min() < 0 or asked.max() >= count):
        raise IndexError(f"rows {asked.min()} to {asked.max()} of {count}")
    return asked


class PartedStrings(Strings):
    """A column whose strings lie in several buffers, one after the other. `data` and `offsets` copy all of it."""

    __slots__ = ("_bounds", "_parts", "_starts")

    def __init__(self, parts: Items[Strings]) -> None:
        self._parts = tuple(parts)
        self._bounds = [0, *itertools.accumulate(map(len, parts))]
        self._starts = np.array(self._bounds, np.int64)

    @property
    def parts(self) -> tuple[Strings, ...]:
        """Columns that make up this one."""
        return self._parts

    def whole(self) -> Strings:
        """The same in one buffer, which is copied."""
        return Strings.concatenate(self._parts)

    @property
    def data(self) -> ByteArray:  # type: ignore[override]
        """All bytes, copied."""
        return self.whole().data

    @property
    def offsets(self) -> IntArray:  # type: ignore[override]
        """(n + 1,) where each begins in `data`, made anew."""
        return self.whole().offsets

    def __reduce__(self) -> tuple[Callable[..., Strings], tuple[object, ...]]:
        whole = self.whole()
        return Strings, (whole.data, whole.offsets)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def raw(self, row: int) -> bytes:
        """The UTF-8 bytes of one string."""
        part = bisect.bisect_right(self._bounds, row) - 1
        return self._parts[part].raw(row - self._bounds[part])

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self._parts)

    def take(self, rows: IntArray) -> Strings:
        """The strings of `rows`, in that order."""
        chosen = np.arange(len(self))[rows] if np.asarray(rows).dtype == np.bool_ else np.asarray(rows)
        asked = _checked(np.where(chosen < 0, chosen + len(self), chosen), len(self))
        found = [(at, self._parts[part].take(within)) for part, at, within in _spread(self._starts, asked)]
        if len(found) == 1:
            return found[0][1]
        lengths = np.zeros(len(asked), np.int64)
        for at, texts in found:
            lengths[at] = np.diff(texts.offsets)
        offsets = offsets_of(lengths)
        data = np.empty(int(offsets[-1]), np.uint8)
        for at, texts in found:
            packing.copy_rows(texts.data, texts.offsets[:-1], lengths[at], data, offsets[at])
        return Strings(data, offsets)


class LaterStrings(Strings):
    """Some rows of a column, taken when they are first looked at: who compares letters needs no ids."""

    __slots__ = ("_column", "_rows", "_taken")

    def __init__(self, column: Strings, rows: IntArray) -> None:
        self._column, self._rows = column, rows
        self._taken: Strings | None = None

    def whole(self) -> Strings:
        """The rows."""
        if self._taken is None:
            self._taken = self._column.take(self._rows)
        return self._taken

    @property
    def data(self) -> ByteArray:  # type: ignore[override]
        """All bytes."""
        return self.whole().data

    @property
    def offsets(self) -> IntArray:  # type: ignore[override]
        """(n + 1,) where each begins in `data`."""
        return self.whole().offsets

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[Callable[..., Strings], tuple[object, ...]]:
        return Strings, (self.data, self.offsets)


def _column(parts: list[Strings]) -> Strings:
    return parts[0] if len(parts) == 1 else PartedStrings(parts)


class PackedSequences(Sequences):
    """A set of n sequences in parts that lie in mapped files, or in memory: what is not asked for is not read.

    It is a `Sequences` in every way. A slice or an array of rows gives a plain set of its own memory, of those rows
    alone; `ids`, `descriptions` and `labels` are columns over the files. `data` and `offsets` are there for those who
    must have all of it, and copy what is not plain already; `lengths_of(rows)` and `[rows]` cost what is asked.
    """

    __slots__ = ("_features", "_parts", "_starts")

    resident: ClassVar[bool] = False

    def __init__(self, parts: Items[Part], alphabet: Alphabet | None) -> None:
        """`parts`: at least one, of the same kind."""
        kept = [part for part in parts if len(part)] or [parts[0]]
        shapes = {part.letters.data.shape[1:] for part in kept if isinstance(part.letters, Letters)}
        if len(shapes) > 1:
            raise MismatchError(f"parts whose steps have shapes {sorted(shapes)} are no set")
        self._parts = tuple(kept)
        self._starts = offsets_of(np.array([len(part) for part in kept], np.int64))
        self._features = 0 if alphabet is not None else int(next(iter(shapes))[0])
        self.alphabet = alphabet
        self.columns = NO_COLUMNS
        self.ids, self.descriptions, self.labels = map(_column, map(list, zip(*(p.texts for p in kept), strict=True)))

    @property
    def parts(self) -> tuple[Part, ...]:
        """What the set consists of."""
        return self._parts

    def first(self, rows: int) -> PackedSequences:
        """The first rows, which share the memory."""
        counts = np.clip(rows - self._starts[:-1], 0, np.diff(self._starts))
        parts = [part.first(count) for part, count in zip(self._parts, counts.tolist(), strict=True)]
        return self if rows == len(self) else PackedSequences(parts, self.alphabet)

    def beside(self, columns: Columns) -> PackedSequences:
        """The same set with other columns beside it; letters and texts are shared."""
        made = PackedSequences(self._parts, self.alphabet)
        made.columns = columns
        return made

    def as_they_lie(self) -> Sequences:
        """A plain set over the same memory, where letters or steps lie plain in one part; else this set."""
        (letters, _), *more = [(part.letters, part) for part in self._parts]
        if more or not isinstance(letters, Letters):
            return self
        return Sequences(letters.data, letters.offsets, self.ids, self.alphabet, self.descriptions, self.labels)

    def in_memory(self) -> Sequences:
        """A plain set of the same rows, its letters and boundaries copied; text columns stay where they are."""
        rows = np.arange(len(self))
        lengths = self.lengths_of(rows)
        offsets = offsets_of(lengths)
        data = self._put(rows, offsets)
        return Sequences(data, offsets, self.ids, self.alphabet, self.descriptions, self.labels)

    # -- what all sets have --------------------------------------------------------------------------------------

    @property
    def data(self) -> AnyArray:  # type: ignore[override]
        """All tokens or steps: unpacked at each call, but where they lie plain in one part."""
        letters = self._parts[0].letters
        if len(self._parts) == 1 and isinstance(letters, Letters):
            return letters.data
        return self._put(np.arange(len(self)), self.offsets)

    @property
    def offsets(self) -> IntArray:  # type: ignore[override]
        """(n + 1,) where each sequence begins: made at each call, but where there is one part."""
        if len(self._parts) == 1:
            return self._parts[0].letters.offsets
        return offsets_of(np.concatenate([np.diff(part.letters.offsets) for part in self._parts]))

    @property
    def features(self) -> int:
        """F of a series set, 0 for tokens."""
        return self._features

    @property
    def steps(self) -> int:
        """Steps of all sequences."""
        return sum(int(part.letters.offsets[-1]) for part in self._parts)

    def lengths_of(self, rows: AnyArray) -> IntArray:
        """(m,) steps of some sequences."""
        asked = _checked(rows, len(self))
        lengths = np.empty(len(asked), np.int64)
        for part, at, within in _spread(self._starts, asked):
            offsets = self._parts[part].letters.offsets
            lengths[at] = offsets[within + 1] - offsets[within]
        return lengths

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __reduce__(self) -> tuple[Callable[..., Sequences], tuple[object, ...]]:
        columns = [Strings(column.data, column.offsets) for column in self._columns]
        beside = self.columns.whole()
        return Sequences, (self.data, self.offsets, columns[0], self.alphabet, columns[1], columns[2], beside)

    @overload
    def __getitem__(self, rows: int | np.integer) -> Sequence: ...
    @overload
    def __getitem__(self, rows: slice | AnyArray | list[int]) -> Sequences: ...
    def __getitem__(self, rows: int | np.integer | slice | AnyArray | list[int]) -> Sequence | Sequences:
        if isinstance(rows, (int, np.integer)):
            if not -len(self) <= rows < len(self):
                raise IndexError(rows)
            return self._take(np.array([rows % len(self)]))[0]
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if (start, stop, step) == (0, len(self), 1):
                return self
            return self._take(np.arange(start, stop, step))
        given = np.asarray(rows)
        if given.dtype == np.bool_:
            if given.shape != (len(self),):
                raise IndexError(f"a mask of {given.shape} for {len(self)} sequences")
            return self._take(np.flatnonzero(given))
        if given.size and given.dtype.kind not in "iu":
            raise IndexError(f"rows are whole numbers, not {given.dtype}")
        asked = given.astype(np.int64)
        return self._take(np.where(asked < 0, asked + len(self), asked))

    def __iter__(self) -> Iterator[Sequence]:
        for start in range(0, len(self), _BATCH):
            yield from self._take(np.arange(start, min(start + _BATCH, len(self))))

    def _take(self, rows: IntArray) -> Sequences:
        asked = _checked(rows, len(self))
        offsets = offsets_of(self.lengths_of(asked))
        kept = asked.copy()
        ids, descriptions, labels = (LaterStrings(column, kept) for column in self._columns)
        columns = self.columns.take(kept)
        return Sequences(self._put(asked, offsets), offsets, ids, self.alphabet, descriptions, labels, columns)

    @property
    def is_packed(self) -> bool:
        """Whether all letters are packed at two bits."""
        return all(isinstance(part.letters, PackedLetters) for part in self._parts)

    def bands(self, rows: IntArray, begins: IntArray, mask: BoolArray) -> Iterator[tuple[ByteArray, IntArray]]:
        """For each part of a packed set its bytes, and the byte in which the letters of rows, (Q, C), begin from their
        `begins` on, multiples of four; -1 outside the mask, and for rows of other parts."""
        for number, part in enumerate(self._parts):
            letters = part.letters
            assert isinstance(letters, PackedLetters)
            first, last = self._starts[number : number + 2]
            there = mask & (rows >= first) & (rows < last)
            if not there.any():
                continue
            within, out = rows[there] - first, np.full(rows.shape, -1, np.int64)
            out[there] = (letters.offsets[within] + 3 * within) // 4 + begins[there] // 4
            yield letters.packed, out

    def stretches(self, rows: IntArray, begins: IntArray, lengths: IntArray) -> tuple[AnyArray, IntArray]:
        """`lengths`, (m,), letters of rows from their `begins` on, multiples of four, one after the other; and (m + 1,)
        where each begins."""
        offsets = offsets_of(lengths)
        return self._put(rows, offsets, begins, lengths), offsets

    def _put(
        self, rows: IntArray, offsets: IntArray, begins: IntArray | None = None, lengths: IntArray | None = None
    ) -> AnyArray:
        """The letters of rows one after the other, each from its place in `offsets` on; or stretches of them."""
        kind = np.dtype(np.float32) if self.alphabet is None else self.alphabet.dtype
        shape = (int(offsets[-1]), self._features) if self._features else (int(offsets[-1]),)
        out: AnyArray = np.empty(shape, kind)
        for part, at, within in _spread(self._starts, rows):
            letters = self._parts[part].letters
            if begins is None or lengths is None:
                letters.put(within, out, offsets[at])
            else:
                letters.put_parts(within, begins[at], lengths[at], out, offsets[at])
        return out


def packed(sequences: Sequences) -> PackedSequences:
    """A set in memory with its letters packed. Its alphabet must be packable."""
    start, stop = sequences.offsets[0], sequences.offsets[-1]
    offsets = sequences.offsets - start
    content, exceptions, symbols = packing.pack(sequences.data[start:stop], offsets)
    letters = PackedLetters.of(content, offsets, exceptions, symbols)
    part = Part(letters, Texts(sequences.ids, sequences.descriptions, sequences.labels))
    return PackedSequences([part], sequences.alphabet)
