"""`Store`: a finished index, open for reading, or for reading and writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import StrPath
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .columns import ReadsRows
from .compaction import write_generation
from .files import WriterLock, generations, read_mark, remove_data, remove_leftovers, write_mark
from .saving import Saving
from .snapshots import remove_others


class Store(Saving):
    """An index on disk, open for reading, or for reading and writing by this process alone.

    Made by `StoreBuilder(path)` (then `append`, `set_vectors`, documents, `finish`) or `Store.open(path)`. Every change
    is one durable transaction: when the call returns it survives the process and the machine, when it raises nothing
    changed. Row numbers hold until `compact`, which other threads see at their next call.
    """

    _is_lent = False

    def _held(self) -> ReadsRows:
        return self._reading if self._is_lent else super()._held()  # a file that is about to move

    @classmethod
    def open(cls, path: StrPath, *, write: bool = False) -> Self:
        """Open an index.

        Raises NotAnIndexError, FormatVersionError, CorruptIndexError, and with `write` IndexLockedError when another
        `Store`, of this or another process, is open for writing.
        """
        store = cls(path)
        generations(store.path)  # says that there is no index before a lock file is made
        try:
            if write:
                store._lock = WriterLock(store.path)
            acknowledged = read_mark(store.path)
            store._attach(writable=write)
            store._load(acknowledged, prove=True)
            if write:
                store._settle()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def take_over(cls, path: StrPath, lock: WriterLock) -> Self:
        """Open an index that this process has just written, with the right to write that it holds."""
        store = cls(path)
        store._lock = lock
        store._attach(writable=True)
        store._load()
        return store

    @classmethod
    @contextmanager
    def lent(cls, path: StrPath, lock: WriterLock, shown: StrPath) -> Iterator[Self]:
        """An index that is not at its path yet, `shown` in messages, for as long as the block lasts; the right to write
        is given back."""
        store = cls(path, shown=shown)
        store._lock = lock
        store._is_lent = True
        try:
            store._attach(writable=True)
            store._load()
            yield store
        finally:
            store._lock = None
            store.close()

    def _settle(self) -> None:
        """What the last writer may have left undone when it died."""
        for older in generations(self.path)[:-1]:
            remove_data(self.path, older)
        remove_leftovers(self.path)
        self._collect_snapshots()
        write_mark(self.path, self._position())

    # -- rows ----------------------------------------------------------------------------------------------------

    def delete(self, ids: Iterable[str]) -> IntArray:
        """Delete records and return their rows, ascending. Raises UnknownIdError naming an id that is not there."""
        with self._changes:
            rows = np.unique(self.rows_of(ids))
            if len(rows):
                self._commit(lambda commit: commit.bury(rows, self._live), live=self._buried(rows), deleted=rows)
        return rows

    def update(self, sequences: Sequences, vectors: AnyArray | None = None, *, new_columns: bool = False) -> IntArray:
        """Put new records in place of the live ones with the same ids, in one transaction; returns the new rows.

        `new_columns`: columns that the index has not become its own, which are missing in all other rows.
        Raises UnknownIdError naming an id that is not there, DuplicateIdError for one that comes twice.
        """
        with self._changes:
            return self._put(sequences, vectors, lambda: np.sort(self.rows_of(sequences.ids)), new_columns=new_columns)

    # -- compaction ----------------------------------------------------------------------------------------------

    def compact(self, progress: Progress = SILENT) -> None:
        """Rewrite the live rows alone, renumbered in their order, and give back the space of the others.

        Documents and blobs stay; snapshots, made of the old numbers, go, and `log_since` starts anew. Killed at any
        moment it leaves the index as it was or as it will be. Needs the space of the new file beside the old one.
        """
        with self._changes:
            self._require_right()
            live = np.flatnonzero(self._live)
            with progress.task("compacting", len(live)) as task:
                write_generation(self, self._head, live, self._reading, task)
            with self._calls:
                self._attach(writable=True)
                self._load()
            write_mark(self.path, self._position(), durable=True)
            for older in generations(self.path)[:-1]:
                remove_data(self.path, older)
            remove_others(self.path, [])
