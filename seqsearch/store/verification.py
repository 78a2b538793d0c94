"""Checking everything an index holds, value by value, without stopping at the first that is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..arrays import AnyArray, BoolArray
from ..errors import StoreError
from ..progress import Task
from ..sequences import Strings, offsets_of
from ..sequences.ids import hash_ids, rows_of_equal
from ..sequences.packed import PackedSequences
from ..sequences.packed_files import SequenceFile
from . import reading
from .chunks import Columns, columns_of, unpack_vectors
from .column_chunks import proved_column
from .envelope import (
    DOCUMENT,
    HEAD,
    LOG,
    SEQUENCES,
    VECTORS,
    column_place,
    describe,
    is_column,
    load_json,
    number_of,
    unseal,
)
from .environment import Transaction
from .files import Mark
from .header import StoreHeader
from .log import unpack_entry
from .segments import is_segment, read_segment
from .snapshots import check_snapshot, read_records
from .writing import scan

_BATCH = 32 << 20  # bytes of records compared at a time


@dataclass
class Report:
    """What `verify` found. `counts`: how many values of each kind were read; `problems`: what is wrong, in words."""

    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.problems

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    @contextmanager
    def noting(self) -> Iterator[None]:
        """What goes wrong inside is a problem, and the check goes on."""
        try:
            yield
        except StoreError as error:
            self.problems.append(str(error))


class Verification:
    """One pass over one commit, in one transaction."""

    def __init__(self, transaction: Transaction, folder: Path, task: Task) -> None:
        self._transaction = transaction
        self._folder = folder
        self._task = task
        self._names: list[Strings] = []
        self._column_ends: dict[int, int] = {}
        self.report = Report()

    def run(self, acknowledged: Mark | None) -> Report:
        """Every check there is."""
        report = self.report
        with report.noting():
            head = reading.read_head(self._transaction)
            checks: list[Callable[[StoreHeader], None]] = [
                lambda head: reading.check_mark(self._transaction, head, acknowledged),
                lambda head: reading.check_digest(self._transaction, head),
                self._chunks,
                self._values,
                self._log,
                self._ids,
                self._snapshots,
            ]
            for check in checks:
                with report.noting():
                    check(head)
        return report

    def _chunks(self, head: StoreHeader) -> None:
        """Chunks follow each other without a gap and make up all rows."""
        reading.Directory.read(self._transaction, head, None)
        if head.vector_dtype and head.vector_rows != head.rows:
            self.report.problems.append(f"{head.vector_rows} vectors for {head.rows} records")

    def _values(self, head: StoreHeader) -> None:
        """The checksum of every value, and what can be said of its content."""
        kinds = {SEQUENCES: "sequence chunks", VECTORS: "vector chunks", LOG: "log entries"}
        for key, value in scan(self._transaction, b""):
            if key == HEAD:
                continue
            self._task.advance()
            if not is_column(key):
                self.report.count(kinds.get(key[:1], "other values") if len(key) == 9 else "other values")
            with self.report.noting():
                payload = unseal(key, value)
                if key[:1] == SEQUENCES and len(key) == 9:
                    self._records(head, number_of(key), value)
                elif key[:1] == VECTORS and len(key) == 9:
                    vectors = unpack_vectors(value, head.vector_type, head.vector_width)
                    if vectors.dtype.kind == "f" and not np.isfinite(vectors).all():
                        self.report.problems.append(f"a vector at row {number_of(key)} or after is not finite")
                elif is_column(key):
                    self._column(head, key, value)
                elif key.startswith(DOCUMENT):
                    load_json(key, payload)

    def _records(self, head: StoreHeader, start: int, value: memoryview) -> None:
        columns = columns_of(value, head.step_dtype, head.features)
        self.report.count("rows", columns.lengths.shape[1])
        self._names.append(Strings(columns.texts[0].copy(), offsets_of(columns.lengths[1])))
        for problem in _content_problems(head, columns):
            self.report.problems.append(f"the sequence chunk at row {start}: {problem}")

    def _column(self, head: StoreHeader, key: bytes, value: memoryview) -> None:
        """The values are of the kind that the head says, and of rows that are there."""
        number, start = column_place(key)
        if number >= len(head.columns):
            self.report.problems.append(f"{describe(key)} is of no column of the head")
            return
        column = proved_column(key, value, head.columns[number][1])
        if start < self._column_ends.get(number, 0) or start + len(column) > head.rows:
            self.report.problems.append(f"{describe(key)} holds values of rows that are not there, or twice")
        self._column_ends[number] = start + len(column)
        try:
            column.texts.data.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            self.report.problems.append(f"{describe(key)} holds texts that are not UTF-8")
        self.report.count("column chunks")

    def _log(self, head: StoreHeader) -> None:
        """Entries are there without a gap, each follows from the one before, the last is the head's."""
        chain: int | None = None
        expected: int | None = None
        for key, value in scan(self._transaction, LOG):
            entry = unpack_entry(number_of(key), unseal(key, value), chain)
            if expected is None and entry.lsn not in (head.log_from - 1, head.log_from):
                self.report.problems.append(f"the log begins with entry {entry.lsn} instead of {head.log_from}")
            if expected is not None and entry.lsn != expected:
                self.report.problems.append(f"log entry {expected} is missing")
            chain, expected = entry.chain, entry.lsn + 1
            if entry.added and entry.first_row + entry.added > head.rows:
                self.report.problems.append(f"log entry {entry.lsn} adds rows that are not there")
        if (expected, chain) != (head.lsn + 1, head.chain):
            self.report.problems.append("the log does not end with the commit of the head")

    def _ids(self, head: StoreHeader) -> None:
        """No id is live twice."""
        live = reading.read_live(self._transaction, head)
        self.report.count("live rows", int(np.count_nonzero(live)))
        names = Strings.concatenate(self._names)
        if len(names) != head.rows:
            return  # damaged chunks, reported already
        for record_id in _live_twice(names, live):
            self.report.problems.append(f"the id {record_id!r} is live twice")

    def _snapshots(self, head: StoreHeader) -> None:
        for record in read_records(self._transaction):
            self.report.count("snapshots")
            with self.report.noting():
                path = check_snapshot(self._folder, record)
                if is_segment(record):
                    self._segment(head, read_segment(path, record, head))
            if record.lsn > head.lsn:
                self.report.problems.append(f"snapshot {record.name!r} is of a commit that is yet to come")

    def _segment(self, head: StoreHeader, file: SequenceFile) -> None:
        """A file of sequences holds what the database holds, row for row, and finds its ids."""
        directory = reading.Directory.read(self._transaction, head, None)
        rows = reading.Rows(self._transaction, head, directory)
        mapped = PackedSequences([file.part], head.symbols)
        cuts = rows.cuts(file.first, file.stop, _BATCH)
        for start, stop in itertools.pairwise(cuts):
            stored, found = rows.between(start, stop), mapped[start - file.first : stop - file.first]
            columns = [
                np.array_equal(one.data, other.data) and np.array_equal(one.offsets, other.offsets)
                for one, other in zip(
                    (stored.ids, stored.descriptions, stored.labels),
                    (found.ids, found.descriptions, found.labels),
                    strict=True,
                )
            ]
            if stored.digest() != found.digest() or not all(columns):
                self.report.problems.append(f"{file.path} holds other records than rows {start} to {stop - 1} are")
        hashes = np.concatenate([np.zeros(0, np.uint64), *map(hash_ids, file.part.texts.ids.parts)])
        if not np.array_equal(hashes[file.rows], file.hashes):
            self.report.problems.append(f"{file.path} holds other hashes than its ids have")


def _content_problems(head: StoreHeader, columns: Columns) -> list[str]:
    problems: list[str] = []
    if (columns.lengths[0] == 0).any():
        problems.append("a sequence is empty")
    symbols = head.symbols
    if symbols is None and not np.isfinite(columns.data).all():
        problems.append("a series holds NaN or infinity")
    codes = None if symbols is None or symbols.is_open else len(symbols.letters)
    if codes is not None and len(columns.data) and int(columns.data.max()) >= codes:
        problems.append("a token is outside the alphabet")
    for what, text in zip(("ids", "descriptions", "labels"), columns.texts, strict=True):
        try:
            text.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            problems.append(f"the {what} are not UTF-8")
    return problems


def _live_twice(names: Strings, live: BoolArray) -> list[str]:
    rows: AnyArray = np.flatnonzero(live)
    suspects = rows_of_equal(hash_ids(names.take(rows)))
    seen: set[str] = set()
    twice: list[str] = []
    for record_id in names.take(rows[suspects]):
        if record_id in seen:
            twice.append(record_id)
        seen.add(record_id)
    return twice
