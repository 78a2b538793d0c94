"""`Targets`: all rows of a store as searches see them, and their ids, from mapped files as far as these reach."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from ..arrays import IntArray
from ..progress import Progress
from ..sequences import Sequences, Strings
from ..sequences.ids import Hashes, IdIndex, hash_ids
from ..sequences.packed import PackedSequences, Part, PartedStrings
from .environment import Transaction
from .reading import Rows, read_head
from .segments import Segments, load_segments, segment_records
from .snapshots import SnapshotRecord

SMALL = 64 << 20
"""Bytes of letters or steps up to which all of them are unpacked into memory, where kernels are at their fastest."""
BATCH = 32 << 20
"""Bytes of letters, steps and texts that are read at a time where all rows pass by."""


class Targets:
    """What a reader keeps of the rows of one generation. Its callers take turns.

    `reading` and `rows`: a transaction, and the rows of the last commit in one; `file_of`: the file of a snapshot.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Transaction]],
        rows: Callable[[], AbstractContextManager[Rows]],
        file_of: Callable[[SnapshotRecord], Path],
    ) -> None:
        self._reading = reading
        self._rows = rows
        self._file_of = file_of
        self._generation = 0
        self._forget()

    def _forget(self) -> None:
        self._segments = Segments()
        self._noted = ""
        self._tail: list[Sequences] = []
        self._all: Sequences | None = None
        self._index = IdIndex()
        self._indexed = 0

    # -- files -------------------------------------------------------------------------------------------------------

    def segments(self) -> Segments:
        """The files of the last commit."""
        with self._reading() as transaction:
            head = read_head(transaction)
            records = segment_records(transaction)
        if head.generation != self._generation:
            self._forget()
            self._generation = head.generation
        if tuple(records) != self._segments.records:
            self._segments = load_segments(records, head, self._file_of)
            self._tail, self._all = [], None
        return self._segments

    def batches(self, first: int, stop: int) -> Iterator[Sequences]:
        """The records of rows first .. stop from the database, about `BATCH` bytes at a time; others may read and
        write in between."""
        with self._rows() as known:
            cuts = known.cuts(first, stop, BATCH)
        for start, end in itertools.pairwise(cuts):
            with self._rows() as known:
                part = known.between(start, end)
            yield part

    # -- rows --------------------------------------------------------------------------------------------------------

    def all_rows(self, rows: int, progress: Progress) -> Sequences:
        """The first `rows` rows; the same object as long as nothing came. What does not hold is noted once."""
        files = self.segments()
        if files.problem and self._noted != files.problem:
            self._noted = files.problem
            progress.note(f"{files.problem}; reading the sequences from the database")
        if self._all is None or len(self._all) != rows:
            self._all = self._made(files, rows)
        return self._all

    def replace_all(self, same: Sequences) -> Sequences:
        """Give these from now on, the same rows with other columns beside them."""
        self._all = same
        return same

    def _made(self, files: Segments, rows: int) -> Sequences:
        held = files.stop + sum(map(len, self._tail))
        if held < rows:
            self._extend_tail(held, rows)
        if len(self._tail) == 1 and not files.files:
            return self._tail[0][:rows]
        parts = [*files.parts, *map(Part.of, self._tail)]
        if not parts:
            with self._rows() as known:
                parts = [Part.of(known.between(0, 0))]
        with self._reading() as transaction:
            head = read_head(transaction)
        whole = PackedSequences(parts, head.symbols).first(rows)
        return whole.in_memory() if whole.steps * head.step_bytes <= SMALL else whole.as_they_lie()

    def _extend_tail(self, held: int, rows: int) -> None:
        """Take in what came: joined with what is there while that is not longer, so that parts stay few."""
        with self._rows() as known:
            fresh = known.between(held, rows)
        while self._tail and len(self._tail[-1]) <= len(fresh):
            fresh = Sequences.concatenate([self._tail.pop(), fresh])
        self._tail.append(fresh)

    def column(self, number: int, rows: int) -> Strings:
        """A text column (0 ids, 1 descriptions, 2 labels) of the first `rows` rows."""
        files = self.segments()
        if not files.files:
            return self._texts(np.arange(rows), number)
        tail = self._texts(np.arange(files.stop, rows), number)
        whole = PartedStrings([*files.column(number), tail])
        return whole if len(whole) == rows else whole.take(np.arange(rows))

    def _texts(self, rows: IntArray, number: int) -> Strings:
        if not len(rows):
            return Strings.of([])
        with self._rows() as known:
            return known.texts(rows, number)

    # -- ids ---------------------------------------------------------------------------------------------------------

    def names(self, rows: IntArray) -> Strings:
        """The ids of `rows`, which must be ascending."""
        files = self.segments()
        if not files.files or not len(rows):
            return self._texts(rows, 0)
        inside = int(np.searchsorted(rows, files.stop))
        stored = PartedStrings(files.column(0)).take(rows[:inside])
        return stored if inside == len(rows) else Strings.concatenate([stored, self._texts(rows[inside:], 0)])

    def rows_with(self, hashes: Hashes, rows: int) -> tuple[IntArray, IntArray]:
        """(query, row) pairs whose ids have one hash: from the files, else hashed when first needed, then extended."""
        files = self.segments()
        if not self._indexed:
            for file in files.files:
                self._index.add_fixed(file.hashes, file.rows, file.first)
            self._indexed = files.stop
        if self._indexed < rows:
            fresh = np.arange(self._indexed, rows)
            self.note_ids(hash_ids(self._texts(fresh, 0)), fresh)
        return self._index.find(hashes)

    def note_ids(self, hashes: Hashes, rows: IntArray) -> None:
        """Take in the hashes of rows that follow those known; others are left to `rows_with`."""
        if len(rows) and int(rows[0]) == self._indexed:
            self._index.add(hashes, rows)
            self._indexed += len(rows)
