"""Hits as one flat table: what filters, formats and files work on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..sequences.strings import offsets_of

T = TypeVar("T")


class Listed(Sequence[T]):
    """Columns that read like a list: `at` makes an item, and `__len__` says how many there are."""

    __slots__ = ()

    @abstractmethod
    def at(self, position: int) -> T:
        """The item at a position from 0 to len - 1."""

    def __iter__(self) -> Iterator[T]:
        return map(self.at, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        positions = range(len(self))[index]  # raises IndexError
        return self.at(positions) if isinstance(positions, int) else [self.at(position) for position in positions]


@dataclass(frozen=True)
class HitTable:
    """h hits of Q queries, one query after the other, nearest first.

    `owners`: (h,) which query; `rows`: (h,) where in the targets that were searched; `distances`: (h,) exact;
    `minus`: (h,) found on the minus strand of the query; `queries`: Q.
    """

    owners: IntArray
    rows: IntArray
    distances: DoubleArray
    minus: BoolArray
    queries: int

    @classmethod
    def of_ragged(cls, offsets: IntArray, rows: IntArray, distances: DoubleArray, minus: BoolArray | None) -> HitTable:
        """Query q owns offsets[q]:offsets[q + 1]."""
        owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        strands = np.zeros(len(rows), np.bool_) if minus is None else minus
        return cls(owners, rows, distances, strands, len(offsets) - 1)

    @classmethod
    def of_padded(cls, rows: IntArray, distances: DoubleArray, minus: BoolArray | None) -> HitTable:
        """(Q, k) columns, rows -1 padded."""
        there = rows >= 0
        strands = np.zeros(rows.shape, np.bool_) if minus is None else minus
        return cls(np.nonzero(there)[0], rows[there], distances[there], strands[there], len(rows))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def offsets(self) -> IntArray:
        """(Q + 1,) where the hits of each query begin."""
        return offsets_of(np.bincount(self.owners, minlength=self.queries))

    @property
    def ranks(self) -> IntArray:
        """(h,) from 1 for each query."""
        ranks: IntArray = np.arange(len(self)) - self.offsets[self.owners] + 1
        return ranks

    def keep(self, mask: BoolArray | IntArray) -> HitTable:
        """The hits of a mask or of ascending positions; they are ranked anew."""
        return HitTable(self.owners[mask], self.rows[mask], self.distances[mask], self.minus[mask], self.queries)
