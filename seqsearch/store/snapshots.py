"""Snapshots: files made from the rows, such as a graph, that can be made again and must never be believed unchecked."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptIndexError, ParameterError
from ..files import sync_folder
from .envelope import JSON, SNAPSHOT, load_json, named, unseal
from .environment import Transaction
from .files import SNAPSHOTS, no_space_is_an_error
from .writing import scan

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class SnapshotRecord:
    """What the index knows of a snapshot file. `lsn`: the commit it was made from; replay what came since."""

    name: str
    lsn: int
    file: str
    size: int
    digest: str
    parameters: JSON
    library: str


def snapshot_key(name: str) -> bytes:
    """The key of a record. Raises ParameterError for a name that cannot be part of a file name."""
    if not _NAME.fullmatch(name):
        raise ParameterError(f"a snapshot name must have 1 to 64 letters, digits, _ and -, not {name!r}")
    return named(SNAPSHOT, name)


def read_record(transaction: Transaction, key: bytes) -> SnapshotRecord | None:
    """The record under a key, None where there is none. Raises CorruptIndexError."""
    value = transaction.get(key)
    return None if value is None else SnapshotRecord(**load_json(key, unseal(key, value)))


def read_records(transaction: Transaction) -> list[SnapshotRecord]:
    """All records, by name."""
    return [SnapshotRecord(**load_json(key, unseal(key, value))) for key, value in scan(transaction, SNAPSHOT)]


def digest_of(path: Path) -> tuple[int, str]:
    """Size and BLAKE2b digest of a file."""
    h = hashlib.blake2b(digest_size=32)
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            h.update(block)
            size += len(block)
    return size, h.hexdigest()


def check_snapshot(folder: Path, record: SnapshotRecord, *, digest: bool = True) -> Path:
    """The file of a record once its size, and its `digest` unless told otherwise, hold. Raises CorruptIndexError."""
    path = folder / SNAPSHOTS / record.file
    try:
        if path.stat().st_size != record.size or (digest and digest_of(path) != (record.size, record.digest)):
            raise CorruptIndexError(f"{path}: the digest of snapshot {record.name!r} does not hold")
    except OSError as error:
        raise CorruptIndexError(f"{path}: snapshot {record.name!r} cannot be read: {error.strerror}") from error
    return path


def make_file(folder: Path, name: str, write: Callable[[Path], object]) -> tuple[str, int, str]:
    """Let `write` fill a temporary file, make it durable and rename it to a name that holds its digest: that name, its
    size and its digest."""
    home = folder / SNAPSHOTS
    home.mkdir(exist_ok=True)
    temporary = home / f".{name}.{os.getpid()}.partial"
    try:
        with no_space_is_an_error(folder):
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            size, digest = digest_of(temporary)
            final = home / f"{name}-{digest[:16]}.bin"
            os.replace(temporary, final)
            sync_folder(home)
            sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return final.name, size, digest


def remove_others(folder: Path, keep: Iterable[SnapshotRecord]) -> None:
    """Remove the snapshot files that no record names."""
    home = folder / SNAPSHOTS
    if home.is_dir():
        wanted = {record.file for record in keep}
        for path in home.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)
