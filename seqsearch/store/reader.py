"""`StoreReader`: everything about an index on disk that does not change it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import CorruptIndexError, NotAnIndexError, StoreError, UnknownIdError
from ..progress import SILENT, Progress
from ..sequences import Alphabet, Kind, Sequences, Strings
from ..sequences.ids import IdIndex, hash_ids
from . import reading
from .envelope import BLOB, DOCUMENT, JSON, LOG, load_json, named, number_of, numbered, unseal
from .environment import Environment, Transaction, environment
from .files import Mark, data_file, generations, read_mark
from .head import Head
from .log import Entry, Operation, unpack_entry
from .snapshots import SnapshotRecord, check_snapshot, read_record, snapshot_key
from .verification import Report, Verification
from .writing import read_blob, scan

Bytes = bytes  # `StoreReader.bytes` hides the name of the type
COMPACT_ABOVE = 0.2
_ATTEMPTS = 20


class StoreReader:
    """One committed state of an index. Later commits are seen after `refresh`, and never before.

    Rows are numbered 0.. in the order they were added and keep their number until `compact`; deleted rows stay
    readable until then, and `live()` tells which are left. Numbers of rows are what the candidate indexes work with.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._shown = self.path  # the path in messages
        self._environment: Environment | None = None
        self._head = Head()
        self._live: BoolArray = np.zeros(0, np.bool_)
        self._directory: reading.Directory | None = None
        self._ids: IdIndex | None = None
        self._id_rows = 0
        self._id_generation = 0

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
            self._detach()
            self._environment = opened
            self._directory = self._ids = None
            return

    def _detach(self) -> None:
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def _load(self, acknowledged: Mark | None = None, *, prove: bool = False) -> None:
        """Take up the state of the last commit; `prove` that no value is lost and no acknowledged commit."""
        with self._reading() as transaction:
            head = reading.read_head(transaction)
            if prove:
                reading.check_mark(transaction, head, acknowledged)
                reading.check_digest(transaction, head)
            if not head.ready and self.path == self._shown:
                raise CorruptIndexError("the index was never finished")
            if (head.generation, head.digest) != (self._head.generation, self._head.digest):
                self._live = reading.read_live(transaction, head)
                self._live.flags.writeable = False
            self._head = head

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        """A transaction, and the path of the index in front of what goes wrong inside."""
        try:
            with self._opened.read() as transaction:
                yield transaction
        except StoreError as error:
            if str(error).startswith(f"{self._shown}: "):
                raise
            raise type(error)(f"{self._shown}: {error}") from error

    @property
    def _opened(self) -> Environment:
        if self._environment is None:
            raise StoreError(f"{self._shown}: the index is closed")
        return self._environment

    def refresh(self) -> bool:
        """See what was committed since; True when there was something. Row numbers change after a compaction only."""
        before = (self.generation, self.lsn)
        acknowledged = read_mark(self.path)
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
        """Let go of the files. A closed store raises StoreError."""
        self._detach()
        self._directory = self._ids = None

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
    def deleted_fraction(self) -> float:
        """Share of deleted rows."""
        return 1 - self._head.live / self._head.rows if self._head.rows else 0.0

    @property
    def should_compact(self) -> bool:
        """True above 20% deleted rows."""
        return self.deleted_fraction > COMPACT_ABOVE

    @property
    def kind(self) -> Kind:
        return "series" if self._head.alphabet is None else "tokens"

    @property
    def alphabet(self) -> Alphabet | None:
        return self._head.symbols

    @property
    def features(self) -> int:
        """F of series, 0 for tokens."""
        return self._head.features

    @property
    def has_vectors(self) -> bool:
        return bool(self._head.vector_dtype)

    @property
    def vector_dtype(self) -> np.dtype[np.generic]:
        """float32 for vectors, uint8 for packed codes."""
        return self._head.vector_type.newbyteorder("=")

    @property
    def vector_width(self) -> int:
        """Numbers, or bytes of a packed code, in a vector; 0 without vectors."""
        return self._head.vector_width

    @property
    def config(self) -> JSON:
        """What `create` was given as `config`."""
        return self._head.config

    @property
    def bytes(self) -> int:
        """Bytes that the files of the index take on disk."""
        return sum(entry.stat().st_blocks * 512 for entry in self.path.rglob("*") if entry.is_file())

    # -- rows ----------------------------------------------------------------------------------------------------

    def sequences(self, rows: AnyArray | list[int] | None = None) -> Sequences:
        """The records of `rows` in that order, or of all rows, deleted ones too, so that a row is a position."""
        chosen = None if rows is None else reading.checked_rows(rows, self.rows)
        with self._reading() as transaction:
            directory, head = self._where(transaction)
            if chosen is None:
                return reading.all_sequences(transaction, directory, head)[: self.rows]
            return reading.some_sequences(transaction, directory, head, chosen)

    def vectors(self, rows: AnyArray | list[int] | None = None) -> AnyArray:
        """(m, width) float32 vectors or uint8 codes of `rows`, or of all rows. Raises StoreError without vectors."""
        if not self.has_vectors:
            raise StoreError(f"{self._shown}: this index holds no vectors")
        chosen = None if rows is None else reading.checked_rows(rows, self._head.vector_rows)
        with self._reading() as transaction:
            directory, head = self._where(transaction)
            if chosen is None:
                return reading.all_vectors(transaction, directory, head)[: self._head.vector_rows]
            return reading.some_vectors(transaction, directory, head, chosen)

    @property
    def labels(self) -> Strings:
        """The label column of all rows."""
        return self._texts(np.arange(self.rows), 2)

    @property
    def ids(self) -> Strings:
        """The id column of all rows, deleted ones too."""
        return self._texts(np.arange(self.rows), 0)

    def _texts(self, rows: IntArray, column: int) -> Strings:
        with self._reading() as transaction:
            directory, head = self._where(transaction)
            return reading.some_texts(transaction, directory, head, rows, column)

    def _where(self, transaction: Transaction) -> tuple[reading.Directory, Head]:
        """The directory of the transaction's commit, which may be later than the state shown: rows only come."""
        head = reading.read_head(transaction)
        known = self._directory
        if known is None or (known.generation, known.digest) != (head.generation, head.digest):
            self._directory = known = reading.Directory.read(transaction, head, known)
        return known, head

    # -- ids -----------------------------------------------------------------------------------------------------

    def find(self, ids: Iterable[str]) -> IntArray:
        """(m,) row of each id, -1 for one that is not there or was deleted."""
        wanted = ids if isinstance(ids, Strings) else Strings.of(ids)
        out = np.full(len(wanted), -1, np.int64)
        queries, rows = self._id_index().find(hash_ids(wanted))
        alive = self._live[rows]
        queries, rows = queries[alive], rows[alive]
        if not len(rows):
            return out
        order = np.argsort(rows, kind="stable")
        names = self._texts(rows[order], 0)
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

    def _id_index(self) -> IdIndex:
        """Hashes of all rows, made when first needed and extended by the rows that came since."""
        if self._ids is None or self._id_generation != self.generation or self._id_rows > self.rows:
            self._ids, self._id_rows, self._id_generation = IdIndex(), 0, self.generation
        if self._id_rows < self.rows:
            fresh = np.arange(self._id_rows, self.rows)
            self._ids.add(hash_ids(self._texts(fresh, 0)), fresh)
            self._id_rows = self.rows
        return self._ids

    # -- documents -----------------------------------------------------------------------------------------------

    def document(self, name: str) -> JSON:
        """The JSON document of that name, None where there is none."""
        key = named(DOCUMENT, name)
        with self._reading() as transaction:
            value = transaction.get(key)
            return None if value is None else load_json(key, unseal(key, value))

    def documents(self) -> list[str]:
        """The names of all documents, sorted."""
        with self._reading() as transaction:
            return sorted(key[len(DOCUMENT) :].decode() for key, _ in scan(transaction, DOCUMENT))

    def blob(self, name: str) -> Bytes | None:
        """The bytes put under that name, None where there are none."""
        key = named(BLOB, name)
        with self._reading() as transaction:
            return read_blob(transaction, key)

    def blobs(self) -> list[str]:
        """The names of all blobs, sorted."""
        with self._reading() as transaction:
            return sorted({key[len(BLOB) :].split(b"\0")[0].decode() for key, _ in scan(transaction, BLOB)})

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

    # -- the log -------------------------------------------------------------------------------------------------

    def entries_since(self, lsn: int) -> list[Entry] | None:
        """The log entries after commit `lsn` up to this state; None when some of them are no longer held."""
        if not self._head.log_from - 1 <= lsn <= self.lsn:
            return None
        entries: list[Entry] = []
        with self._reading() as transaction:
            if not reading.read_head(transaction).log_from - 1 <= lsn:
                return None
            for key, value in scan(transaction, LOG, numbered(LOG, lsn + 1)):
                if number_of(key) > self.lsn:
                    break
                previous = entries[-1].chain if entries else None
                entries.append(unpack_entry(number_of(key), unseal(key, value), previous))
        if [entry.lsn for entry in entries] != list(range(lsn + 1, self.lsn + 1)):
            raise CorruptIndexError(f"{self._shown}: the log has a gap after entry {lsn}")
        return entries

    def log_since(self, lsn: int) -> list[Operation] | None:
        """Rows added and deleted after commit `lsn`, in order; None when the log does not reach back that far."""
        entries = self.entries_since(lsn)
        return None if entries is None else [operation for entry in entries for operation in entry.operations()]
