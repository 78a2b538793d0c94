"""Columns of a store: read when they are first looked at, whole for conditions, or of some rows for answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np

from ..arrays import IntArray
from ..errors import CorruptIndexError, StoreError
from ..sequences.columns import Column, Columns, Fields, LaterColumns, widened
from ..threads import ForkSafeLock
from .column_chunks import COLUMN_ROWS, proved_column
from .envelope import COLUMNS, column_key, column_place, is_column
from .environment import Transaction
from .writing import scan

ReadsRows = Callable[[], AbstractContextManager[Transaction]]


class StoredColumns(Columns):
    """The columns beside the first `rows` rows of one generation, `shown` in messages.

    `reading`: a transaction on its file; rows never change, so that any later commit answers as well. What was read of
    `before`, those of fewer rows of the same file, is kept.
    """

    def __init__(
        self, fields: Fields, rows: int, reading: ReadsRows, shown: object, before: StoredColumns | None = None
    ) -> None:
        super().__init__()
        self._fields, self.rows, self.reading, self._shown = fields, rows, reading, shown
        self._places = {name: number for number, (name, _) in enumerate(fields)}
        self._before: dict[str, Column] = {} if before is None else {**before._before, **before._columns}
        self._looks: dict[str, int] = {}
        self._loading = ForkSafeLock()

    @property
    def fields(self) -> Fields:
        """Names and kinds."""
        return self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> Column:
        if name not in self._places:
            raise self._lacks(name)
        with self._loading:
            if name not in self._columns:
                self._columns[name] = self._read(name)
                self._before.pop(name, None)
            return self._columns[name]

    def take(self, rows: IntArray) -> Columns:
        """The values of `rows`, each column read when it is first looked at."""
        return LaterColumns(self, np.array(rows, np.int64)) if self else self

    def select(self, name: str, rows: IntArray) -> Column:
        """The values of one column in `rows`, in that order, from the chunks that hold them. Raises KeyError."""
        if name in self._columns or self._is_dear(name, len(rows)):
            return self[name].take(rows)
        if name not in self._places:
            raise self._lacks(name)
        number, kind = self._places[name], self._fields[self._places[name]][1]
        ascending, back = np.unique(rows, return_inverse=True)
        parts, at = [Column.blank(kind, 0)], 0
        with self._opened() as transaction:
            while at < len(ascending):
                start, chunk = _chunk_at(transaction, number, kind, int(ascending[at]))
                stop = int(np.searchsorted(ascending, start + len(chunk)))
                if stop > at:
                    parts.append(chunk.take(ascending[at:stop] - start))
                else:  # a row that no chunk holds
                    stop = at + 1
                    parts.append(Column.blank(kind, 1))
                at = stop
        return Column.concatenate(parts).take(back)

    def _is_dear(self, name: str, count: int) -> bool:
        """Whether as much was read of a column, chunk by chunk, as there is."""
        self._looks[name] = self._looks.get(name, 0) + min(count, self.rows // COLUMN_ROWS + 1)
        return self._looks[name] * COLUMN_ROWS > 2 * self.rows + COLUMN_ROWS

    def _read(self, name: str) -> Column:
        """All rows of a column; those that no chunk holds are missing."""
        number, kind = self._places[name], self._fields[self._places[name]][1]
        known = self._before.get(name)
        parts = [Column.blank(kind, 0) if known is None else widened(known, kind)]
        done = len(parts[0])
        with self._opened() as transaction:
            for start, chunk in _chunks_from(transaction, number, kind, done):
                if start >= self.rows:
                    break
                if start > done:
                    parts.append(Column.blank(kind, start - done))
                    done = start
                parts.append(chunk.window(done - start, min(len(chunk), self.rows - start)))
                done += len(parts[-1])
        return Column.concatenate([*parts, Column.blank(kind, self.rows - done)])

    @contextmanager
    def _opened(self) -> Iterator[Transaction]:
        """A transaction, and the path of the index in front of what goes wrong inside."""
        try:
            with self.reading() as transaction:
                yield transaction
        except StoreError as error:
            if str(error).startswith(f"{self._shown}: "):
                raise
            raise type(error)(f"{self._shown}: {error}") from error


def _chunk(key: bytes, value: memoryview, kind: str) -> tuple[int, Column]:
    return column_place(key)[1], proved_column(key, value, kind)


def _chunk_at(transaction: Transaction, number: int, kind: str, row: int) -> tuple[int, Column]:
    """The chunk of a column that begins last before a row, or with it, and where; one without rows if there is none."""
    cursor = transaction.cursor()
    found = cursor.set_range(column_key(number, row + 1))
    if cursor.prev() if found else cursor.last():
        key = bytes(cursor.key())
        if is_column(key) and column_place(key)[0] == number:
            return _chunk(key, cursor.value(), kind)
    return 0, Column.blank(kind, 0)


def _chunks_from(transaction: Transaction, number: int, kind: str, row: int) -> Iterator[tuple[int, Column]]:
    """The chunks of a column that hold rows from `row` on, in order. Raises CorruptIndexError where two overlap."""
    cursor = transaction.cursor()
    found = cursor.set_range(column_key(number, row + 1))
    first = column_key(number, row)
    if cursor.prev() if found else cursor.last():
        key = bytes(cursor.key())
        if is_column(key) and column_place(key)[0] == number:
            first = key
    end = 0
    for key, value in scan(transaction, COLUMNS + number.to_bytes(2, "big"), first):
        start, chunk = _chunk(key, value, kind)
        if start < end:
            raise CorruptIndexError(f"the chunks of column {number} overlap at row {start}")
        end = start + len(chunk)
        if end > row:
            yield start, chunk
