"""Snapshots of stored sequences: files of consecutive rows, the first from row 0 on, each after the one before.

A new file takes in those before it that hold no more rows than what came since, so that there are few, each larger than
all that follow it, and that rows are written again a logarithmic number of times. Rows never change, and stay when they
are deleted: a file is right for as long as the numbers of the rows hold, which is until a compaction.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptIndexError, StoreError
from ..sequences import Strings
from ..sequences.packed import Part
from ..sequences.packed_files import Contents, SequenceFile, read
from ..threads import ForkSafeLock
from .environment import Transaction
from .header import StoreHeader
from .snapshots import SnapshotRecord, read_records

NAME = "sequences"
_verified: weakref.WeakValueDictionary[tuple[object, ...], SequenceFile] = weakref.WeakValueDictionary()
_verifying = ForkSafeLock()


def segment_name(first: int) -> str:
    """The name of the snapshot that begins with a row."""
    return NAME if first == 0 else f"{NAME}-{first}"


def contents_of(head: StoreHeader) -> Contents:
    """What the sequences of a store are of."""
    return Contents(head.alphabet, head.symbols, head.features)


def is_segment(record: SnapshotRecord) -> bool:
    """Whether a snapshot is one of these."""
    return record.name.split("-")[0] == NAME


def read_segment(path: Path, record: SnapshotRecord, head: StoreHeader) -> SequenceFile:
    """The file of a record. Raises CorruptIndexError."""
    try:
        first, rows, digest = (record.parameters[name] for name in ("first", "rows", "digest"))
        return read(path, int(first), int(rows), contents_of(head), str(digest))
    except (TypeError, KeyError, ValueError):
        raise CorruptIndexError(f"the record of snapshot {record.name!r} does not say what rows it holds") from None


def segment_records(transaction: Transaction) -> list[SnapshotRecord]:
    """The records of these snapshots, by their first row."""
    prefixed = [record for record in read_records(transaction) if is_segment(record)]
    try:
        return sorted(prefixed, key=lambda record: int(record.parameters["first"]))
    except (TypeError, KeyError, ValueError):
        raise CorruptIndexError(f"the record of a snapshot {NAME!r} does not say what rows it holds") from None


@dataclass(frozen=True)
class Segments:
    """The files of a commit that follow each other from row 0 on and hold, and what is wrong with the one after."""

    records: tuple[SnapshotRecord, ...] = ()
    files: tuple[SequenceFile, ...] = ()
    problem: str = ""

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.files[-1].stop if self.files else 0

    @property
    def parts(self) -> list[Part]:
        """What the files hold."""
        return [file.part for file in self.files]

    def column(self, number: int) -> list[Strings]:
        """A text column (0 ids, 1 descriptions, 2 labels) of each file."""
        return [part.texts[number] for part in self.parts]

    @property
    def outgrown(self) -> list[str]:
        """The names of the records whose files are not among those that hold."""
        return [record.name for record in self.records[len(self.files) :]]


def load_segments(
    records: list[SnapshotRecord], head: StoreHeader, file_of: Callable[[SnapshotRecord], Path]
) -> Segments:
    """The files of records, each verified once a process as long as somebody holds it."""
    files: list[SequenceFile] = []
    problem = ""
    for record in records:
        expected = files[-1].stop if files else 0
        try:
            if record.parameters["first"] != expected:
                raise CorruptIndexError(f"the snapshots {NAME!r} do not follow each other")
            files.append(_verified_file(file_of(record), record, head))
        except (StoreError, KeyError, TypeError, OSError) as error:
            problem = str(error)
            break
    return Segments(tuple(records), tuple(files), problem)


def _verified_file(path: Path, record: SnapshotRecord, head: StoreHeader) -> SequenceFile:
    status = os.stat(path)
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, record.file, record.digest)
    with _verifying:
        known = _verified.get(key)
        if known is None:
            known = read_segment(path, record, head)
            _verified[key] = known
        return known
