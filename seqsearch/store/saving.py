"""`Saving`: a writer that keeps snapshots, files made from its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from .. import mapped
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from ..sequences.packed_files import Sizes
from ..sequences.packed_files import write as write_packed
from .envelope import JSON, dump_json
from .segments import contents_of, segment_name
from .snapshots import SnapshotRecord, make_file, read_records, remove_others, snapshot_key
from .writer import StoreWriter
from .writing import Commit


def _told(batches: Callable[[], Iterable[Sequences]], task: Task) -> Iterator[Sequences]:
    """The batches, and a task that is told of each."""
    for batch in batches():
        yield batch
        task.advance(len(batch))


class Saving(StoreWriter):
    """What an index that is built and a finished one have in common beyond their rows and documents."""

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
