"""What one commit writes: values, their marks in the head's digest, the log entry, the head."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..sequences import Sequences
from ..sequences.columns import NO_COLUMNS, Column, Columns, merged, widened
from .chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    columns_of,
    cut_sequences,
    cut_vectors,
    extent_of,
    pack_sequences,
    pack_vectors,
    unpack_sequences,
    unpack_vectors,
    vector_rows,
)
from .column_chunks import COLUMN_ROWS, cut_column, end_of, last_chunk, pack_column, proved_column
from .envelope import (
    BLOB,
    COLUMNS,
    DELETED,
    DOCUMENT,
    HEAD,
    LOG,
    SEQUENCES,
    SNAPSHOT,
    VECTORS,
    add_marks,
    column_key,
    column_place,
    mark,
    number_of,
    numbered,
    seal,
    seal_head,
    unseal,
)
from .environment import Environment, Transaction
from .header import StoreHeader
from .log import Entry

SEGMENT_ROWS = 1 << 18
LOG_KEPT = 1 << 16
_BLOB_PART = 4 << 20


def scan(transaction: Transaction, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, memoryview]]:
    """Keys with a prefix and their values, in order, from `start` on."""
    cursor = transaction.cursor()
    if cursor.set_range(start or prefix):
        for key, value in cursor:
            raw = bytes(key)
            if not raw.startswith(prefix):
                return
            yield raw, value


def last(transaction: Transaction, prefix: bytes) -> tuple[bytes, memoryview] | None:
    """The last key with a prefix of one byte, and its value."""
    cursor = transaction.cursor()
    found = cursor.set_range(bytes([prefix[0] + 1]))
    if not (cursor.prev() if found else cursor.last()):
        return None
    key = bytes(cursor.key())
    return (key, cursor.value()) if key.startswith(prefix) and key != HEAD else None


@dataclass
class Commit:
    """Changes inside one write transaction. `finish` writes the log entry and the head, and returns the new head."""

    transaction: Transaction
    head: StoreHeader

    def put(self, key: bytes, payload: bytes) -> None:
        """Seal and write a value, in place of the one that was there."""
        value = seal(key, payload)
        self._forget(key)
        self.transaction.put(key, value)
        self.head = replace(self.head, digest=add_marks(self.head.digest, plus=mark(key, value)))

    def remove(self, key: bytes) -> None:
        """Remove a value if it is there."""
        if self._forget(key):
            self.transaction.delete(key)

    def _forget(self, key: bytes) -> bool:
        old = self.transaction.get(key)
        if old is not None:
            self.head = replace(self.head, digest=add_marks(self.head.digest, minus=mark(key, old)))
        return old is not None

    # -- rows ----------------------------------------------------------------------------------------------------

    def add(self, sequences: Sequences, vectors: AnyArray | None) -> None:
        """Write records, with their vectors if there are any, after the last row."""
        self.add_sequences(sequences)
        if vectors is not None:
            self.add_vectors(vectors)

    def add_columns(self, columns: Columns, first: int) -> None:
        """Write the columns of the rows from `first` on, which are the last; those that are new become fields."""
        self.head = replace(self.head, columns=merged(self.head.columns, columns.fields))
        for number, (name, kind) in enumerate(self.head.columns):
            if name in columns and not columns[name].missing.all():
                self._add_column(number, widened(columns[name], kind), first)

    def _add_column(self, number: int, column: Column, first: int) -> None:
        while (found := last_chunk(self.transaction, number)) is not None:
            key, value = found
            rows = end_of(key, value) - column_place(key)[1]
            if end_of(key, value) != first or rows > len(column) or rows + len(column) > COLUMN_ROWS:
                break
            column = Column.concatenate([proved_column(key, value, column.kind), column])
            first = column_place(key)[1]
            self.remove(key)
        for part in cut_column(column):
            self.put(column_key(number, first), pack_column(part))
            first += len(part)

    def add_sequences(self, sequences: Sequences) -> None:
        """Write records after the last row."""
        if self.head.kind is None:
            self.head = self.head.with_kind_of(sequences)
        first = self.head.rows
        self.head = replace(self.head, rows=first + len(sequences), live=self.head.live + len(sequences))
        start, whole = self._with_short_tail(first, sequences)
        for part in cut_sequences(whole):
            self.put(numbered(SEQUENCES, start), pack_sequences(part))
            start += len(part)
        if sequences.columns:
            self.add_columns(sequences.columns, first)

    def _with_short_tail(self, first: int, sequences: Sequences) -> tuple[int, Sequences]:
        """Join short chunks at the end with new rows not fewer than theirs, so that single adds leave few chunks."""
        while (found := last(self.transaction, SEQUENCES)) is not None:
            key, value = found
            extent = extent_of(value, self.head.step_bytes)
            size = len(value) + len(sequences.data) * self.head.step_bytes
            if extent.rows > len(sequences) or extent.rows + len(sequences) > CHUNK_ROWS or size > CHUNK_BYTES:
                break
            unseal(key, value)
            columns = columns_of(value, self.head.step_dtype, self.head.features)
            plain = sequences.beside(NO_COLUMNS)
            sequences = Sequences.concatenate([unpack_sequences(columns, sequences.alphabet), plain])
            first = number_of(key)
            self.remove(key)
        return first, sequences

    def add_vectors(self, vectors: AnyArray) -> None:
        """Write vectors after the last one."""
        if not self.head.vector_dtype:
            self.head = self.head.with_vectors_of(vectors)
        start = self.head.vector_rows
        self.head = replace(self.head, vector_rows=start + len(vectors))
        while (found := last(self.transaction, VECTORS)) is not None:
            key, value = found
            rows = vector_rows(value, self.head.vector_bytes)
            size = (rows + len(vectors)) * self.head.vector_bytes
            if rows > len(vectors) or rows + len(vectors) > CHUNK_ROWS or size > CHUNK_BYTES:
                break
            unseal(key, value)
            vectors = np.concatenate([unpack_vectors(value, self.head.vector_type, self.head.vector_width), vectors])
            start = number_of(key)
            self.remove(key)
        for part in cut_vectors(vectors):
            self.put(numbered(VECTORS, start), pack_vectors(part))
            start += len(part)

    def add_nothing_like(self, sequences: Sequences, vectors: AnyArray | None) -> None:
        """Take up the kind of records and vectors without adding any."""
        if self.head.kind is None:
            self.head = self.head.with_kind_of(sequences)
        if vectors is not None and not self.head.vector_dtype:
            self.head = self.head.with_vectors_of(vectors)

    def drop_vectors(self) -> None:
        """Forget all vectors, their type and width."""
        for key in [key for key, _ in scan(self.transaction, VECTORS)]:
            self.remove(key)
        self.head = replace(self.head, vector_dtype="", vector_width=0, vector_rows=0)

    def keep_rows(self, count: int) -> None:
        """Forget the rows from `count` on, all vectors, documents, blobs and snapshots."""
        self.drop_vectors()
        for prefix in (DOCUMENT, BLOB, SNAPSHOT):
            for key in [key for key, _ in scan(self.transaction, prefix)]:
                self.remove(key)
        while (found := last(self.transaction, SEQUENCES)) is not None:
            key, value = found
            start = number_of(key)
            if start + extent_of(value, self.head.step_bytes).rows <= count:
                break
            unseal(key, value)
            columns = columns_of(value, self.head.step_dtype, self.head.features)
            kept = unpack_sequences(columns, self.head.symbols)[: max(0, count - start)]
            self.remove(key)
            if len(kept):
                self.put(key, pack_sequences(kept))
        self._keep_column_rows(count)
        self.head = replace(self.head, rows=count, live=count)
        if not count:
            self.head = replace(self.head, kind=None, alphabet=None, features=0, columns=())

    def _keep_column_rows(self, count: int) -> None:
        fields = self.head.columns
        for key in [key for key, value in scan(self.transaction, COLUMNS) if end_of(key, value) > count]:
            number, start = column_place(key)
            column = proved_column(key, self.transaction.get(key), fields[number][1])
            self.remove(key)
            if start < count:
                self.put(key, pack_column(column.window(0, count - start)))

    def unfinish(self) -> None:
        """Be as before the end of a build, which begins the log."""
        for key in [key for key, _ in scan(self.transaction, LOG)]:
            self.remove(key)
        self.head = replace(self.head, ready=False, generation=1, lsn=0, chain=0)

    def bury(self, rows: IntArray, live: BoolArray) -> None:
        """Mark rows as deleted; `live` is the mask over all rows before."""
        for segment in np.unique(rows // SEGMENT_ROWS).tolist():
            start = segment * SEGMENT_ROWS
            dead = np.zeros(SEGMENT_ROWS, np.bool_)
            known = ~live[start : start + SEGMENT_ROWS]
            dead[: len(known)] = known
            dead[rows[rows // SEGMENT_ROWS == segment] - start] = True
            self.put(numbered(DELETED, segment), np.packbits(dead).tobytes().rstrip(b"\0"))
        self.head = replace(self.head, live=self.head.live - len(rows))

    def put_blob(self, key: bytes, content: bytes | memoryview) -> None:
        """Write bytes in parts of 4 MiB; the first part says how long the whole is."""
        for old in [old for old, _ in scan(self.transaction, key + b"\0")]:
            self.remove(old)
        whole = len(content).to_bytes(8, "little")
        for part, start in enumerate(range(0, max(len(content), 1), _BLOB_PART)):
            payload = (whole if part == 0 else b"") + bytes(content[start : start + _BLOB_PART])
            self.put(key + b"\0" + part.to_bytes(4, "big"), payload)

    def finish(self, entry: Entry | None) -> StoreHeader:
        """Write the log entry, if there is one, and the head."""
        if entry is not None:
            chain, payload = entry.pack(self.head.chain, self.head.digest)
            self.put(numbered(LOG, entry.lsn), payload)
            self.head = replace(self.head, lsn=entry.lsn, chain=chain)
            for _ in range(2):
                if self.head.lsn - self.head.log_from >= LOG_KEPT:
                    self.remove(numbered(LOG, self.head.log_from - 1))  # the entry of a compaction
                    self.remove(numbered(LOG, self.head.log_from))
                    self.head = replace(self.head, log_from=self.head.log_from + 1)
        self.transaction.put(HEAD, seal_head(self.head.to_json()))
        return self.head


def committed(
    environment: Environment,
    header: StoreHeader,
    work: Callable[[Commit], object],
    entry: Entry | None = None,
    room: int = 0,
) -> StoreHeader:
    """Run `work` upon the commit of `header`, in one transaction; the header after it. `room`: the bytes it will take.

    Raises StorageFullError with nothing changed.
    """

    def transact(transaction: Transaction) -> StoreHeader:
        commit = Commit(transaction, header)
        work(commit)
        return commit.finish(entry)

    return environment.write(transact, room)


def read_blob(transaction: Transaction, key: bytes) -> bytes | None:
    """The bytes written by `put_blob`, None where there are none. Raises CorruptIndexError."""
    parts = [bytes(unseal(part_key, value)) for part_key, value in scan(transaction, key + b"\0")]
    return b"".join(parts)[8:] if parts else None
