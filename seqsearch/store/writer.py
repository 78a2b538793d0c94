"""`StoreWriter`: what building an index and changing a finished one have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypedDict, Unpack

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import DuplicateIdError, EmptySequenceError, MismatchError, ParameterError, StoreError, StrPath
from ..sequences import Sequences, Strings
from ..sequences.columns import Columns, merged, settled
from ..sequences.ids import Hashes, hash_ids, rows_of_equal
from ..threads import ForkSafeLock
from .envelope import BLOB, DOCUMENT, JSON, dump_json, named
from .files import Mark, WriterLock, write_mark
from .log import Entry
from .reader import StoreReader, StoreState
from .writing import Commit, committed

MOST_COLUMNS = 10_000
NO_ROWS: IntArray = np.zeros(0, np.int64)


class Content(TypedDict, total=False):
    """What a log entry says of a commit; see `Entry`."""

    first_row: int
    added: int
    deleted: IntArray
    put: tuple[str, ...]


class StoreWriter(StoreReader):
    """A reader with the right to write. Every change is one transaction: when the call raises, nothing changed.

    Threads may change it and read it at once: changes take turns, and reads go on meanwhile.
    """

    _logs: ClassVar[bool] = True
    _refusal: ClassVar[str] = "the index is open for reading only"
    _lock: WriterLock | None = None

    def __init__(self, path: StrPath, *, shown: StrPath | None = None) -> None:
        super().__init__(path, shown=shown)
        self._changes = ForkSafeLock()  # one change at a time

    def close(self) -> None:
        """Let go of the files and of the right to write."""
        with self._changes:
            super().close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    # -- one commit ----------------------------------------------------------------------------------------------

    def _position(self) -> Mark:
        return Mark(self._head.generation, self._head.lsn, self._head.chain)

    def _require_right(self) -> WriterLock:
        if self._lock is None:
            raise StoreError(f"{self._shown}: {self._refusal}")
        return self._lock

    def _commit(
        self, work: Callable[[Commit], None], room: int = 0, live: BoolArray | None = None, **content: Unpack[Content]
    ) -> None:
        """Run `work` and write its log entry in one transaction, then take up the new state. `room`: the bytes it will
        take; `live`: the mask of live rows from then on, where it changes; who works that out holds `_changes`."""
        with self._changes:
            self._require_right()
            entry = Entry(self._head.lsn + 1, **content) if self._logs else None
            header = committed(self._opened, self._head, work, entry, room)
            self._state = StoreState(header, self._live if live is None else live)
            if self._logs:
                write_mark(self.path, self._position())

    # -- rows ----------------------------------------------------------------------------------------------------

    def append(self, sequences: Sequences, vectors: AnyArray | None = None) -> IntArray:
        """Add records with their vectors, (n, D) float32 or (n, B) uint8, and return their rows.

        Raises DuplicateIdError naming an id that is there already or comes twice, MismatchError for sequences or
        vectors of another kind than those in the index, EmptySequenceError.
        """
        with self._changes:
            return self._put(sequences, vectors, lambda: NO_ROWS)

    def _put(
        self,
        sequences: Sequences,
        vectors: AnyArray | None,
        replaced: Callable[[], IntArray],
        *,
        new_columns: bool = False,
    ) -> IntArray:
        """Add records in place of the rows `replaced`, ascending; the new rows."""
        self._check_sequences(sequences)
        given = self._check_vectors(vectors, len(sequences))
        if not len(sequences):
            return NO_ROWS
        columns = settled(sequences.columns, self._head.columns)  # which may have to be read: before a commit begins
        sequences = sequences.beside(columns)
        self._check_columns(columns, len(sequences), new_columns)
        old = replaced()
        hashes = self._check_new_ids(sequences.ids, old)

        def work(commit: Commit) -> None:
            if len(old):
                commit.bury(old, self._live)
            commit.add(sequences, given)

        first, count = self.rows, len(sequences)
        size = sequences.data.nbytes + sequences.ids.data.nbytes + (0 if given is None else given.nbytes)
        size += sum(column.nbytes for column in columns.values())
        self._commit(work, size, self._buried(old, count), first_row=first, added=count, deleted=old)
        rows = np.arange(first, first + count)
        with self._calls:
            self._targets.note_ids(hashes, rows)
        return rows

    def _buried(self, rows: IntArray, added: int = 0) -> BoolArray:
        live = np.concatenate([self._live, np.ones(added, np.bool_)])
        live[rows] = False
        live.flags.writeable = False
        return live

    # -- checks --------------------------------------------------------------------------------------------------

    def _check_sequences(self, sequences: Sequences) -> None:
        head = self._head
        if head.kind is not None:
            wanted = head.with_kind_of(sequences)
            if wanted.kind != head.kind:
                raise MismatchError(f"{self._shown}: the index holds {head.kind}, these are {wanted.kind}")
            if wanted.alphabet != head.alphabet:
                names = [state.alphabet["name"] for state in (head, wanted) if state.alphabet]
                raise MismatchError(f"{self._shown}: the index holds the alphabet {names[0]}, these are {names[1]}")
            if wanted.features != head.features:
                raise MismatchError(
                    f"{self._shown}: the index holds series of {head.features} features, these have {wanted.features}"
                )
        empty = np.flatnonzero(sequences.lengths == 0)
        if len(empty):
            row = int(empty[0])
            raise EmptySequenceError("the sequence is empty", record=row + 1, record_id=sequences.ids[row])

    def _check_columns(self, columns: Columns, count: int, new: bool = False) -> None:
        """Raise MismatchError for a column that the index does not have, unless it may be `new`, or another kind or
        number of values."""
        known = dict(self._head.columns)
        for name, column in columns.items():
            if len(column) != count:
                raise MismatchError(f"column {name!r} has {len(column)} values for {count} sequences")
            if self._head.ready and name not in known and not new:
                there = ", ".join(known) or "none"
                raise MismatchError(f"{self._shown}: the index has no column {name!r}: there are {there}")
        both = merged(self._head.columns, columns.fields)
        if self._head.ready and any(known.get(name, kind) != kind for name, kind in both):
            wide = next(name for name, kind in both if known.get(name, kind) != kind)
            raise MismatchError(f"{self._shown}: column {wide!r} holds {known[wide]}, these are {columns[wide].kind}")
        if len(both) > MOST_COLUMNS:
            raise ParameterError(f"{self._shown}: an index has at most {MOST_COLUMNS:,} columns")

    def _check_vectors(self, vectors: AnyArray | None, count: int) -> AnyArray | None:
        """`vectors` in C order. Raises MismatchError for another shape or type than the index holds."""
        head = self._head
        if vectors is None:
            if head.vector_dtype and count and head.ready:
                raise MismatchError(f"{self._shown}: the index holds vectors: {count} new ones are needed")
            return None
        if vectors.ndim != 2 or vectors.dtype.str not in ("<f4", "|u1") or not vectors.shape[1]:
            raise MismatchError(f"vectors must be (n, D) float32 or (n, B) uint8, not {vectors.dtype} {vectors.shape}")
        if len(vectors) != count:
            raise MismatchError(f"{len(vectors)} vectors for {count} sequences")
        if not head.vector_dtype and head.rows and head.ready:
            raise MismatchError(f"{self._shown}: the index holds no vectors")
        if head.vector_dtype and (vectors.dtype.str, vectors.shape[1]) != (head.vector_dtype, head.vector_width):
            raise MismatchError(
                f"{self._shown}: the index holds vectors of {head.vector_width} {head.vector_type.name}, "
                f"these have {vectors.shape[1]} {vectors.dtype.name}"
            )
        if vectors.dtype.kind == "f" and not np.isfinite(vectors).all():
            row = int(np.argwhere(~np.isfinite(vectors))[0][0])
            raise ParameterError(f"the vector of row {row} holds NaN or infinity")
        return np.ascontiguousarray(vectors)

    def _check_new_ids(self, ids: Strings, ignoring: IntArray) -> Hashes:
        """The hashes of `ids`, none of which is live in a row but those `ignoring`, nor comes twice."""
        hashes = hash_ids(ids)
        seen: set[bytes] = set()
        for row in rows_of_equal(hashes).tolist():
            if (raw := ids.raw(row)) in seen:
                raise DuplicateIdError("this id comes twice", record=row + 1, record_id=ids[row])
            seen.add(raw)
        rows = self.find(ids)
        taken = np.flatnonzero((rows >= 0) & ~np.isin(rows, ignoring))
        if len(taken):
            row = int(taken[0])
            raise DuplicateIdError("this id is in the index already", record=row + 1, record_id=ids[row])
        return hashes

    # -- documents -----------------------------------------------------------------------------------------------

    def put_document(self, name: str, content: JSON) -> None:
        """Keep a JSON document under a name, in place of the one that was there."""
        key, payload = named(DOCUMENT, name), dump_json(content)
        self._commit(lambda commit: commit.put(key, payload), len(payload), put=(f"document {name}",))

    def put_blob(self, name: str, content: bytes) -> None:
        """Keep bytes under a name, in place of those that were there."""
        key = named(BLOB, name)
        self._commit(lambda commit: commit.put_blob(key, content), len(content), put=(f"blob {name}",))
