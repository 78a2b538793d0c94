"""`StoreReader`: everything about an index on disk that does not change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import CorruptIndexError, IndexClosedError, NotAnIndexError, StoreError, StrPath, UnknownIdError
from ..progress import SILENT, Progress
from ..sequences import Alphabet, Kind, Sequences, Strings
from ..sequences.columns import NO_COLUMNS, Columns
from ..sequences.ids import hash_ids
from ..threads import ForkSafeLock
from . import reading
from .columns import ReadsRows, StoredColumns
from .envelope import BLOB, COLUMNS, DOCUMENT, JSON, LOG, load_json, named, number_of, numbered, unseal
from .environment import Environment, Held, Transaction, environment
from .files import Mark, data_file, generations, read_mark
from .header import StoreHeader
from .log import Entry, Operation, unpack_entry
from .snapshots import SnapshotRecord, check_snapshot, read_record, read_records, snapshot_key
from .targets import Targets
from .verification import Report, Verification
from .writing import read_blob, scan

Bytes = bytes  # `StoreReader.bytes` hides the name of the type
COMPACT_ABOVE = 0.2
_ATTEMPTS = 20


class StoreState(NamedTuple):
    """A commit, and the mask (rows,) of the rows that are live in it; replaced as one."""

    header: StoreHeader
    live: BoolArray


class StoreReader:
    """One committed state of an index. Later commits are seen after `refresh`, and never before.

    Any number of threads may read through one reader: they take turns, and each call answers from one commit. A reader
    that was closed raises IndexClosedError, one that was inherited through a fork ForkError.

    Rows are numbered 0.. in the order they were added and keep their number until `compact`; deleted rows stay
    readable until then, and `live()` tells which are left. Numbers of rows are what the candidate indexes work with.
    """

    def __init__(self, path: StrPath, *, shown: StrPath | None = None) -> None:
        """`shown`: the path in messages."""
        self.path = Path(path)
        self._shown = self.path if shown is None else Path(shown)
        self._environment: Environment | None = None
        self._state = StoreState(StoreHeader(), np.zeros(0, np.bool_))
        self._directory: reading.Directory | None = None
        self._columns: StoredColumns | None = None
        self._forget_rows()
        self._calls = ForkSafeLock()  # one call at a time reads, or turns to another file

    def _forget_rows(self) -> None:
        """Forget what was kept of the rows."""
        self._targets = Targets(self._reading, self._rows, self._segment_file)

    @property
    def _head(self) -> StoreHeader:
        return self._state.header

    @property
    def _live(self) -> BoolArray:
        return self._state.live

    # -- opening -------------------------------------------------------------------------------------------------

    def _attach(self, *, writable: bool) -> None:
        """Open the newest generation; a compaction may remove the one that was newest a moment ago."""
        for attempt in range(_ATTEMPTS):
            newest = generations(self.path)[-1]
            try:
                opened = environment(data_file(self.path, newest), writable=writable)
            except NotAnIndexError:
                if attempt + 1 == _ATTEMPTS or generations(self.path)[-1] == newest:
                    raise
                continue
            self._detach(opened)
            return

    def _detach(self, opened: Environment | None = None) -> None:
        before, self._environment = self._environment, opened
        self._directory = self._columns = None
        if before is not None:
            before.close()

    def _load(self, acknowledged: Mark | None = None, *, prove: bool = False) -> None:
        """Take up the state of the last commit; `prove` that no value is lost and no acknowledged commit."""
        with self._reading() as transaction:
            head = reading.read_head(transaction)
            if prove:
                reading.check_mark(transaction, head, acknowledged)
                reading.check_digest(transaction, head, self._opened.take_walked(transaction))
            if not head.ready and self.path == self._shown:
                raise CorruptIndexError("the index was never finished")
            live = self._live
            if (head.generation, head.digest) != (self._head.generation, self._head.digest):
                live = reading.read_live(transaction, head)
                live.flags.writeable = False
            self._state = StoreState(head, live)

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        """A transaction, and the path of the index in front of what goes wrong inside."""
        try:
            with self._calls, self._opened.read() as transaction:
                yield transaction
        except StoreError as error:
            if str(error).startswith(f"{self._shown}: "):
                raise
            raise type(error)(f"{self._shown}: {error}") from error

    @property
    def _opened(self) -> Environment:
        if self._environment is None:
            raise IndexClosedError(f"{self._shown}: the index is closed")
        return self._environment

    def refresh(self) -> bool:
        """See what was committed since; True when there was something. Row numbers change after a compaction only."""
        before = (self.generation, self.lsn)
        acknowledged = read_mark(self.path)
        with self._calls:
            moved = self.outdated
            if moved:
                self._attach(writable=False)
            self._load(acknowledged, prove=moved)
        return moved or (self.generation, self.lsn) != before

    @property
    def outdated(self) -> bool:
        """True when the index was compacted or replaced since: what is shown stays readable until `refresh`."""
        return not self._opened.is_file(data_file(self.path, generations(self.path)[-1]))

    def close(self) -> None:
        """Let go of the files. Waits for what other threads are reading; later calls raise IndexClosedError."""
        with self._calls:
            self._detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """Grows by one with each compaction, which renumbers the rows."""
        return self._head.generation

    @property
    def lsn(self) -> int:
        """The number of the commit this store shows."""
        return self._head.lsn

    @property
    def rows(self) -> int:
        """All rows, deleted ones too."""
        return self._head.rows

    def __len__(self) -> int:
        return self._head.live

    def live(self) -> BoolArray:
        """(rows,) read-only mask of the rows that are not deleted."""
        return self._live

    @property
    def should_compact(self) -> bool:
        """True above 20% deleted rows."""
        return self._head.rows - self._head.live > COMPACT_ABOVE * self._head.rows

    @property
    def kind(self) -> Kind:
        return "series" if self._head.alphabet is None else "tokens"

    @property
    def alphabet(self) -> Alphabet | None:
        return self._head.symbols

    @property
    def has_vectors(self) -> bool:
        return bool(self._head.vector_dtype)

    @property
    def config(self) -> JSON:
        """What `create` was given as `config`."""
        return self._head.config

    @property
    def bytes(self) -> int:
        """Bytes that the files of the index take on disk."""
        return sum(entry.stat().st_blocks * 512 for entry in self.path.rglob("*") if entry.is_file())

    def extent(self) -> dict[str, int]:
        """Bytes of what the rows hold, deleted ones too: `sequences`, `ids`, `labels` and descriptions, `vectors`, and
        `columns` where there are any."""
        with self._rows() as known:
            _, steps, ids, *texts = known.directory.sizes.sum(axis=0).tolist()
            head = known.head
        vectors = head.vector_rows * head.vector_bytes
        held = {"sequences": steps * head.step_bytes, "ids": ids, "labels": sum(texts), "vectors": vectors}
        if head.columns:
            with self._reading() as transaction:
                held["columns"] = sum(len(value) for _, value in scan(transaction, COLUMNS))
        return held

    # -- rows ----------------------------------------------------------------------------------------------------

    def sequences(self, rows: AnyArray | list[int] | None = None) -> Sequences:
        """The records of `rows` in that order, or of all rows, deleted ones too, so that a row is a position."""
        with self._rows() as known:
            if rows is None:
                return known.between(0, self.rows).beside(self.columns())
            asked = reading.checked_rows(rows, self.rows)
            return known.sequences(asked).beside(self.columns().take(asked))

    def columns(self) -> Columns:
        """The columns beside all rows, as `sequences()`, read when they are first looked at: right for these numbers
        of rows for as long as somebody holds them, even when the index was compacted or closed since."""
        with self._calls:
            head, known = self._head, self._columns
            if not head.columns:
                return NO_COLUMNS
            if known is None or known.fields != head.columns or known.rows != head.rows:
                reading = self._held() if known is None else known.reading
                self._columns = known = StoredColumns(head.columns, head.rows, reading, self._shown, known)
            return known

    def _held(self) -> ReadsRows:
        """Transactions on the file that is open now, whatever becomes of this reader."""
        return Held(self._opened).read

    def targets(self, progress: Progress = SILENT) -> Sequences:
        """The records of all rows, as `sequences()`, for searches: mapped from the snapshots of `Store.save_sequences`
        and unpacked where it is asked for, but up to `targets.SMALL` bytes of letters in memory. The same object while
        no rows come."""
        with self._calls:
            found = self._targets.all_rows(self.rows, progress)
            if found.columns is not self.columns():
                found = self._targets.replace_all(found.beside(self.columns()))
            return found

    @property
    def saved_rows(self) -> int:
        """How many rows, from the first on, the snapshots hold from which `targets` reads."""
        with self._calls:
            return self._targets.segments().stop

    def vectors(self, rows: AnyArray | list[int] | None = None) -> AnyArray:
        """(m, width) float32 vectors or uint8 codes of `rows`, or of all rows. Raises StoreError without vectors."""
        if not self.has_vectors:
            raise StoreError(f"{self._shown}: this index holds no vectors")
        with self._rows() as known:
            count = self._head.vector_rows
            return known.vectors(np.arange(count) if rows is None else reading.checked_rows(rows, count))

    @property
    def labels(self) -> Strings:
        """The label column of all rows."""
        with self._calls:
            return self._targets.column(2, self.rows)

    @property
    def ids(self) -> Strings:
        """The id column of all rows, deleted ones too."""
        with self._calls:
            return self._targets.column(0, self.rows)

    @contextmanager
    def _rows(self) -> Iterator[reading.Rows]:
        """The rows of the last commit, which may be later than the state shown: rows only come."""
        with self._reading() as transaction:
            head, known = reading.read_head(transaction), self._directory
            if known is None or (known.generation, known.digest) != (head.generation, head.digest):
                self._directory = known = reading.Directory.read(transaction, head, known)
            yield reading.Rows(transaction, head, known)

    # -- ids -----------------------------------------------------------------------------------------------------

    def find(self, ids: Iterable[str]) -> IntArray:
        """(m,) row of each id, -1 for one that is not there or was deleted."""
        wanted = ids if isinstance(ids, Strings) else Strings.of(ids)
        out = np.full(len(wanted), -1, np.int64)
        with self._calls:
            state = self._state
            queries, rows = self._targets.rows_with(hash_ids(wanted), state.header.rows)
            alive = rows < len(state.live)
            alive[alive] = state.live[rows[alive]]
            queries, rows = queries[alive], rows[alive]
            order = np.argsort(rows, kind="stable")
            names = self._targets.names(rows[order])
        for position, at in enumerate(order.tolist()):
            if names.raw(position) == wanted.raw(int(queries[at])):
                out[queries[at]] = rows[at]
        return out

    def rows_of(self, ids: Iterable[str]) -> IntArray:
        """(m,) row of each id. Raises UnknownIdError naming the first that is not there."""
        wanted = ids if isinstance(ids, Strings) else Strings.of(ids)
        rows = self.find(wanted)
        if (rows < 0).any():
            unknown = wanted[int(np.argmax(rows < 0))]
            raise UnknownIdError(f"{self._shown}: no record with the id {unknown!r}")
        return rows

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, str) and bool(self.find([record_id])[0] >= 0)

    # -- documents -----------------------------------------------------------------------------------------------

    def document(self, name: str) -> JSON:
        """The JSON document of that name, None where there is none."""
        key = named(DOCUMENT, name)
        with self._reading() as transaction:
            value = transaction.get(key)
            return None if value is None else load_json(key, unseal(key, value))

    def blob(self, name: str) -> Bytes | None:
        """The bytes put under that name, None where there are none."""
        key = named(BLOB, name)
        with self._reading() as transaction:
            return read_blob(transaction, key)

    # -- checking ------------------------------------------------------------------------------------------------

    def verify(self, progress: Progress = SILENT) -> Report:
        """Check every checksum, the order of chunks, log and ids, and the snapshots, of the last commit.

        What is wrong is listed in the report; nothing is raised for it, and nothing repaired.
        """
        acknowledged = read_mark(self.path)
        with progress.task("verifying") as task:
            report = Report()
            with report.noting(), self._reading() as transaction:
                with report.noting():
                    self._opened.prove()
                found = Verification(transaction, self.path, task).run(acknowledged)
                report.problems += found.problems
                report.counts |= found.counts
        return report

    # -- snapshots -----------------------------------------------------------------------------------------------

    def snapshot(self, name: str) -> SnapshotRecord | None:
        """What is known of the newest snapshot of that name, None where there is none."""
        key = snapshot_key(name)
        with self._reading() as transaction:
            return read_record(transaction, key)

    def snapshots(self) -> list[SnapshotRecord]:
        """What is known of the newest snapshot of every name."""
        with self._reading() as transaction:
            return read_records(transaction)

    def snapshot_file(self, name: str, *, proved: bool = True) -> Path:
        """The file of a snapshot, its size and digest verified just now: only then may a loader see it. A loader that
        verifies a digest in the file itself needs it `proved` no second time.

        Raises CorruptIndexError when it is missing or damaged, or there is no such snapshot: make it again.
        """
        for _ in range(_ATTEMPTS):
            record = self.snapshot(name)
            if record is None:
                raise CorruptIndexError(f"{self._shown}: there is no snapshot {name!r}")
            try:
                return check_snapshot(self.path, record, digest=proved)
            except CorruptIndexError:
                if self.outdated:
                    message = "is gone since the index was compacted: refresh, or make it again"
                    raise CorruptIndexError(f"{self._shown}: snapshot {name!r} {message}") from None
                if self.snapshot(name) == record:  # else a newer one came, and took the place of this file
                    raise
        raise StoreError(f"{self._shown}: snapshots of {name!r} come too fast to read one")

    def _segment_file(self, record: SnapshotRecord) -> Path:
        return check_snapshot(self.path, record, digest=False)  # the file has a digest of its own, which is recorded

    # -- the log -------------------------------------------------------------------------------------------------

    def log_since(self, lsn: int) -> list[Operation] | None:
        """Rows added and deleted after commit `lsn` up to this state, in order; None when the log does not reach back
        that far."""
        header = self._head
        if not header.log_from - 1 <= lsn <= header.lsn:
            return None
        entries: list[Entry] = []
        with self._reading() as transaction:
            if not reading.read_head(transaction).log_from - 1 <= lsn:
                return None
            for key, value in scan(transaction, LOG, numbered(LOG, lsn + 1)):
                if number_of(key) > header.lsn:
                    break
                previous = entries[-1].chain if entries else None
                entries.append(unpack_entry(number_of(key), unseal(key, value), previous))
        if [entry.lsn for entry in entries] != list(range(lsn + 1, header.lsn + 1)):
            raise CorruptIndexError(f"{self._shown}: the log has a gap after entry {lsn}")
        return [operation for entry in entries for operation in entry.operations()]
