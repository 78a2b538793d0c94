"""Columns of strings: one byte buffer and offsets instead of a Python object for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from ..arrays import AnyArray, ByteArray, IntArray


def ranges_to_indices(starts: IntArray, lengths: IntArray) -> IntArray:
    """Positions start, start+1, ... of every range, one range after the other: the gather index of ragged rows."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    positions: IntArray = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - lengths), lengths)
    return positions


def offsets_of(lengths: AnyArray) -> IntArray:
    """(n + 1,) offsets from (n,) lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.add.accumulate(lengths, out=offsets[1:])  # as np.cumsum, sooner of a few
    return offsets


class Strings(Sequence[str]):
    """An immutable column of n strings: UTF-8 bytes in `data`, the i-th in data[offsets[i]:offsets[i+1]]."""

    __slots__ = ("data", "offsets")

    def __init__(self, data: ByteArray, offsets: IntArray) -> None:
        self.data = data
        self.offsets = offsets

    @classmethod
    def of(cls, values: Iterable[str]) -> Strings:
        """A column from strings."""
        texts = list(values)
        joined = "".join(texts)
        encoded = texts if joined.isascii() else [text.encode("utf-8") for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(np.frombuffer(joined.encode("utf-8"), np.uint8), offsets_of(lengths))

    @classmethod
    def concatenate(cls, columns: Sequence[Strings]) -> Strings:
        lengths = [np.diff(c.offsets) for c in columns] or [np.zeros(0, np.int64)]
        data = [c.data[c.offsets[0] : c.offsets[-1]] for c in columns] or [np.zeros(0, np.uint8)]
        kind = Counted if columns and all(isinstance(column, Counted) for column in columns) else cls
        return kind(np.concatenate(data), offsets_of(np.concatenate(lengths)))

    @property
    def parts(self) -> tuple[Strings, ...]:
        """Columns that make up this one, each in one buffer: to look at all of it without a copy."""
        return (self,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, row: int) -> bytes:
        """The UTF-8 bytes of one string."""
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes()

    def __getitem__(self, row: int) -> str:  # type: ignore[override]  # a slice is `take`'s work
        if row < 0:
            row += len(self)
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self.raw(row).decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        first = int(self.offsets[0])
        raw = self.data[first : int(self.offsets[-1])].tobytes()  # of a window no more than its own
        bounds = (self.offsets - first).tolist()
        for start, end in itertools.pairwise(bounds):
            yield raw[start:end].decode("utf-8")

    def take(self, rows: IntArray) -> Strings:
        """The strings of `rows`, in that order."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        return Strings(self.data[ranges_to_indices(starts, lengths)], offsets_of(lengths))

    def window(self, bounds: slice) -> Strings:
        """The strings between `bounds` of the offsets; the buffer is shared."""
        return Strings(self.data, self.offsets[bounds])

    def __reduce__(self) -> tuple[Callable[..., Strings], tuple[object, ...]]:
        """Pickled without what lies before and after a window."""
        first = self.offsets[0]
        return type(self), (self.data[first : self.offsets[-1]], self.offsets - first)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Strings) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # a column is not a dictionary key

    def __repr__(self) -> str:
        shown = ", ".join(repr(self[i]) for i in range(min(3, len(self))))
        return f"Strings([{shown}{', ...' if len(self) > 3 else ''}], n={len(self)})"


_FEW = 1 << 14  # numbers that are kept, for batches of queries that come one after the other


class Counted(Strings):
    """Ids that nobody gave: numbers, counted from 1. What is added to others may count on from their end instead."""

    __slots__ = ()

    @classmethod
    def up_to(cls, count: int, start: int = 1) -> Counted:
        """`count` numbers from `start`."""
        return _counted(count, start) if count <= _FEW else cls.of(map(str, range(start, start + count)))

    @classmethod
    def of(cls, values: Iterable[str]) -> Counted:
        """A column of numbers."""
        plain = Strings.of(values)
        return cls(plain.data, plain.offsets)

    def take(self, rows: IntArray) -> Counted:
        """The numbers of `rows`, in that order."""
        plain = super().take(rows)
        return Counted(plain.data, plain.offsets)

    def window(self, bounds: slice) -> Counted:
        """The numbers between `bounds` of the offsets; the buffer is shared."""
        return Counted(self.data, self.offsets[bounds])


@lru_cache(maxsize=8)
def _counted(count: int, start: int) -> Counted:
    return Counted.of(map(str, range(start, start + count)))
