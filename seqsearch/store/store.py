"""`Store`: a finished index, open for reading, or for reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from .. import mapped
from ..arrays import AnyArray, IntArray
from ..errors import StrPath
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from ..sequences.packed_files import Sizes
from ..sequences.packed_files import write as write_packed
from .compaction import write_generation
from .envelope import JSON, dump_json
from .files import WriterLock, generations, read_mark, remove_data, remove_leftovers, write_mark
from .segments import contents_of, segment_name
from .snapshots import SnapshotRecord, make_file, read_records, remove_others, snapshot_key
from .writer import StoreWriter
from .writing import Commit


def _told(batches: Callable[[], Iterable[Sequences]], task: Task) -> Iterator[Sequences]:
    """The batches, and a task that is told of each."""
    for batch in batches():
        yield batch
        task.advance(len(batch))


class Store(StoreWriter):
    """An index on disk, open for reading, or for reading and writing by this process alone.

    Made by `StoreBuilder(path)` (then `append`, `set_vectors`, documents, `finish`) or `Store.open(path)`. Every change
    is one durable transaction: when the call returns it survives the process and the machine, when it raises nothing
    changed. Row numbers hold until `compact`, which other threads see at their next call.
    """

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

    def update(self, sequences: Sequences, vectors: AnyArray | None = None) -> IntArray:
        """Put new records in place of the live ones with the same ids, in one transaction; returns the new rows.

        Raises UnknownIdError naming an id that is not there, DuplicateIdError for one that comes twice.
        """
        with self._changes:
            return self._put(sequences, vectors, lambda: np.sort(self.rows_of(sequences.ids)))

    # -- snapshots -----------------------------------------------------------------------------------------------

    def write_snapshot(
        self,
        name: str,
        write: Callable[[Path], object],
        *,
        parameters: JSON = None,
        library: str = "",
        lsn: int | None = None,
        replaces: Iterable[str] = (),
    ) -> SnapshotRecord:
        """Keep a file made from the rows: `write(path)` fills it; it is recorded with its digest and `lsn`.

        `lsn`: the commit it reflects, by default the last one; `log_since(record.lsn)` says what came since.
        `replaces`: other snapshots that go in the same commit; `parameters` may be filled by `write`. Files that no
        record names are removed. Raises StorageFullError; the snapshots before then still stand.
        """
        key = snapshot_key(name)
        self._require_right()
        dump_json(parameters)
        with self._changes:
            made = make_file(self.path, name, write)
            record = SnapshotRecord(name, self.lsn if lsn is None else lsn, *made, parameters, library)
            payload = dump_json(asdict(record))

            def work(commit: Commit) -> None:
                for other in replaces:
                    commit.remove(snapshot_key(other))
                commit.put(key, payload)

            self._commit(work, put=(f"snapshot {name}",))
            self._collect_snapshots()
        return record

    def save_sequences(self, progress: Progress = SILENT) -> None:
        """Keep snapshots of the rows from which `targets`, `find` and `ids` read: what came since the last ones, and
        with it those of them that are no longer. Nothing is written when they reach to the last row and hold."""
        self._require_right()
        with self._changes:
            with self._calls:
                held = self._targets.segments()
            files, first, stop = list(held.files), held.stop, self.rows
            if first == stop and not held.outgrown:
                return
            while files and len(files[-1].part) <= stop - first:
                first = files.pop().first
            with self._rows() as known:
                sizes = Sizes(*known.sizes(first, stop).tolist())
            names = [record.name for record in held.records[len(files) :]]
            said: dict[str, object] = {"first": first, "rows": stop - first}

            def write(path: Path) -> None:
                with progress.task("writing the sequences", stop - first) as task:
                    parts = partial(_told, lambda: self._targets.batches(first, stop), task)
                    write_packed(path, parts, sizes, first, contents_of(self._head))
                said["digest"] = mapped.digest_of(path)

            if stop > first:
                self.write_snapshot(segment_name(first), write, parameters=said, replaces=names)

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
