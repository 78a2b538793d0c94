"""`Store`: the reader plus everything that changes an index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import DuplicateIdError, EmptySequenceError, MismatchError, ParameterError, StoreError
from ..progress import SILENT, Progress
from ..sequences import Sequences, Strings
from ..sequences.ids import hash_ids
from .compaction import copier, write_generation
from .envelope import BLOB, DOCUMENT, JSON, dump_json, named
from .files import Mark, WriterLock, generations, read_mark, remove_data, remove_leftovers, write_mark
from .head import Head
from .log import Entry
from .reader import StoreReader
from .snapshots import SnapshotRecord, make_file, read_records, remove_others, snapshot_key
from .writing import Commit

if TYPE_CHECKING:
    from .building import StoreBuilder


class Store(StoreReader):
    """An index on disk, open for reading, or for reading and writing by this process alone.

    Made by `Store.create(...)` (then `append`, `set_vectors`, documents, `finish`) or `Store.open(...)`. Every change
    is one durable transaction: when the call returns it survives the process and the machine, when it raises nothing
    changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._lock: WriterLock | None = None

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], *, config: JSON = None, overwrite: bool = False, map_limit: int | None = None
    ) -> StoreBuilder:
        """Start a new index. `config`: JSON kept in it; `map_limit`: the most bytes that building may take.

        Raises IndexExistsError when `path` is taken; with `overwrite` an index there is replaced at the very end.
        """
        from .building import StoreBuilder

        return StoreBuilder(path, config=config, overwrite=overwrite, map_limit=map_limit)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, write: bool = False) -> Self:
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

    def _settle(self) -> None:
        """What the last writer may have left undone when it died."""
        for older in generations(self.path)[:-1]:
            remove_data(self.path, older)
        remove_leftovers(self.path)
        self._collect_snapshots()
        write_mark(self.path, self._position())

    def close(self) -> None:
        """Let go of the files and of the right to write."""
        super().close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def writable(self) -> bool:
        return self._lock is not None

    def _position(self) -> Mark:
        return Mark(self._head.generation, self._head.lsn, self._head.chain)

    # -- one commit ----------------------------------------------------------------------------------------------

    def _commit(self, work: Callable[[Commit], None], entry: Callable[[Head], Entry], room: int = 0) -> Head:
        """Run `work` and write its log entry in one transaction, then take up the new head."""
        if self._lock is None:
            raise StoreError(f"{self._shown}: the index is open for reading only")

        def transact(transaction: Any) -> Head:
            commit = Commit(transaction, self._head)
            work(commit)
            return commit.finish(entry(commit.head))

        self._head = self._opened.write(transact, room)
        write_mark(self.path, self._position())
        return self._head

    def _entry(self, **content: Any) -> Callable[[Head], Entry]:
        lsn = self._head.lsn + 1
        return lambda head: Entry(lsn, **content)

    # -- rows ----------------------------------------------------------------------------------------------------

    def append(self, sequences: Sequences, vectors: AnyArray | None = None) -> IntArray:
        """Add records with their vectors, (n, D) float32 or (n, B) uint8, and return their rows.

        Raises DuplicateIdError naming an id that is there already or comes twice, MismatchError for sequences or
        vectors of another kind than those in the index, EmptySequenceError.
        """
        self._check_sequences(sequences)
        given = self._check_vectors(vectors, len(sequences))
        if not len(sequences):
            return np.zeros(0, np.int64)
        hashes = self._check_new_ids(sequences.ids, np.zeros(0, np.int64))
        return self._add(sequences, given, np.zeros(0, np.int64), hashes)

    def delete(self, ids: Iterable[str]) -> IntArray:
        """Delete records and return their rows, ascending. Raises UnknownIdError naming an id that is not there."""
        rows = np.unique(self.rows_of(ids))
        if len(rows):
            self._commit(lambda commit: commit.bury(rows, self._live), self._entry(deleted=rows))
            self._live = self._buried(rows, 0)
        return rows

    def update(self, sequences: Sequences, vectors: AnyArray | None = None) -> IntArray:
        """Put new records in place of the live ones with the same ids, in one transaction; returns the new rows.

        Raises UnknownIdError naming an id that is not there, DuplicateIdError for one that comes twice.
        """
        self._check_sequences(sequences)
        given = self._check_vectors(vectors, len(sequences))
        if not len(sequences):
            return np.zeros(0, np.int64)
        old = np.sort(self.rows_of(sequences.ids))
        hashes = self._check_new_ids(sequences.ids, old)
        return self._add(sequences, given, old, hashes)

    def _add(self, sequences: Sequences, vectors: AnyArray | None, old: IntArray, hashes: Any) -> IntArray:
        first = self.rows

        def work(commit: Commit) -> None:
            if len(old):
                commit.bury(old, self._live)
            commit.add_sequences(sequences)
            if vectors is not None:
                commit.add_vectors(vectors)

        size = sequences.data.nbytes + sequences.ids.data.nbytes + (0 if vectors is None else vectors.nbytes)
        self._commit(work, self._entry(first_row=first, added=len(sequences), deleted=old), size)
        self._live = self._buried(old, len(sequences))
        rows = np.arange(first, first + len(sequences))
        self._note_ids(hashes, rows)
        return rows

    def _note_ids(self, hashes: Any, rows: IntArray) -> None:
        if self._ids is not None and self._id_rows == rows[0]:
            self._ids.add(hashes, rows)
            self._id_rows += len(rows)

    def _buried(self, rows: IntArray, added: int) -> BoolArray:
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

    def _check_vectors(self, vectors: AnyArray | None, count: int) -> AnyArray | None:
        """`vectors` in C order. Raises MismatchError for another shape or type than the index holds."""
        head = self._head
        if vectors is None:
            if head.vector_dtype and count:
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

    def _check_new_ids(self, ids: Strings, ignoring: IntArray) -> Any:
        """The hashes of `ids`, none of which is live in a row but those `ignoring`, nor comes twice."""
        hashes = hash_ids(ids)
        order = np.argsort(hashes, kind="stable")
        same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
        if len(same):
            seen: set[bytes] = set()
            suspects = np.unique(np.concatenate([order[same], order[same + 1]]))
            for row in suspects.tolist():
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
        self._commit(lambda commit: commit.put(key, payload), self._entry(put=(f"document {name}",)), len(payload))

    def drop_document(self, name: str) -> None:
        """Remove a document if it is there."""
        key = named(DOCUMENT, name)
        self._commit(lambda commit: commit.remove(key), self._entry(put=(f"document {name}",)))

    def put_blob(self, name: str, content: bytes) -> None:
        """Keep bytes under a name, in place of those that were there."""
        key = named(BLOB, name)
        self._commit(lambda commit: commit.put_blob(key, content), self._entry(put=(f"blob {name}",)), len(content))

    # -- snapshots -----------------------------------------------------------------------------------------------

    def write_snapshot(
        self,
        name: str,
        write: Callable[[Path], object],
        *,
        parameters: JSON = None,
        library: str = "",
        lsn: int | None = None,
    ) -> SnapshotRecord:
        """Keep a file made from the rows: `write(path)` fills it; it is recorded with its digest and `lsn`.

        `lsn`: the commit it reflects, by default the last one; `log_since(record.lsn)` says what came since. Files of
        older snapshots are removed. Raises StorageFullError; the snapshot before then still stands.
        """
        key = snapshot_key(name)
        if self._lock is None:
            raise StoreError(f"{self._shown}: the index is open for reading only")
        dump_json(parameters)
        record = make_file(
            self.path, name, write, lsn=self.lsn if lsn is None else lsn, parameters=parameters, library=library
        )
        payload = dump_json(record.to_json())
        self._commit(lambda commit: commit.put(key, payload), self._entry(put=(f"snapshot {name}",)))
        self._collect_snapshots()
        return record

    def _collect_snapshots(self) -> None:
        with self._reading() as transaction:
            records = read_records(transaction)
        remove_others(self.path, records)

    # -- compaction ----------------------------------------------------------------------------------------------

    def compact(self, progress: Progress = SILENT) -> None:
        """Rewrite the live rows alone, renumbered in their order, and give back the space of the others.

        Documents and blobs stay; snapshots, made of the old numbers, go, and `log_since` starts anew. Killed at any
        moment it leaves the index as it was or as it will be. Needs the space of the new file beside the old one.
        """
        if self._lock is None:
            raise StoreError(f"{self._shown}: the index is open for reading only")
        live = np.flatnonzero(self._live)
        with progress.task("compacting", len(live)) as task, self._reading() as transaction:
            vectors = self.vectors if self.has_vectors else None
            write_generation(self.path, self._head, live, copier(transaction), self.sequences, vectors, task)
        self._attach(writable=True)
        self._load()
        write_mark(self.path, self._position(), durable=True)
        for older in generations(self.path)[:-1]:
            remove_data(self.path, older)
        remove_others(self.path, [])
