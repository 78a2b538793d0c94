"""The files of an index: their names, the writer's lock, the commit mark, and how they reach the disk."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import shutil
import struct
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, NamedTuple

from ..errors import IndexLockedError, NotAnIndexError, ReadOnlyIndexError, StorageFullError, StoreError
from ..files import NO_SPACE

_DATA = re.compile(r"data-([1-9][0-9]{0,17})\.mdb")
WRITER_LOCK = "writer.lock"
MARK = "commit.mark"
SNAPSHOTS = "snapshots"
BUILDING = "building"  # what only a build needs


def data_file(folder: Path, generation: int) -> Path:
    """The LMDB file of a generation; compaction makes the next one."""
    return folder / f"data-{generation}.mdb"


def generations(folder: Path) -> list[int]:
    """The generations there are, newest last. Raises NotAnIndexError naming the path."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        raise NotAnIndexError(f"{folder}: no such file or directory") from None
    except NotADirectoryError:
        raise NotAnIndexError(
            f"{folder}: not an index: an index is a directory, which `seqsearch build` makes of a file"
        ) from None
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error
    found = sorted(int(match[1]) for name in names if (match := _DATA.fullmatch(name)))
    if not found:
        raise NotAnIndexError(
            f"{folder}: not an index: it holds no data-N.mdb, as those that `seqsearch build` makes do"
        )
    return found


@contextmanager
def no_space_is_an_error(folder: Path) -> Iterator[None]:
    """StorageFullError, and StoreError for other reasons, instead of OSError."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StorageFullError(f"{folder}: no space left, the index is as it was before: {error}") from error
        raise StoreError(f"{folder}: {error}") from error


def remove_data(folder: Path, generation: int) -> None:
    """Remove a generation. Data first: a reader that finds only the lock file sees that the data are gone."""
    path = data_file(folder, generation)
    path.unlink(missing_ok=True)
    path.with_name(path.name + "-lock").unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a writer that died was building, and lock files whose data are gone."""
    for path in folder.glob("data-*.mdb*"):
        is_lock = path.name.endswith(".mdb-lock") and not path.with_name(path.name[: -len("-lock")]).exists()
        if is_lock or ".building" in path.name:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder / BUILDING, ignore_errors=True)


class WriterLock:
    """The right to write, held by at most one open `Store` of all processes (flock; freed by the kernel at death)."""

    _held: ClassVar[weakref.WeakSet[WriterLock]] = weakref.WeakSet()

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = None
        try:
            handle = os.open(folder / WRITER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ReadOnlyIndexError(f"{folder}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
            os.close(handle)
            who = f"process {holder}" if holder.isdecimal() else "another process"
            raise IndexLockedError(f"{folder}: {who} is writing to this index: try again once it has ended") from None
        self._handle = handle
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, b"%d\n" % os.getpid(), 0)
        except OSError:  # a full disk: the lock holds all the same, only its message loses the process id
            pass
        WriterLock._held.add(self)

    def is_of(self, place: Path) -> bool:
        """Whether the file that is locked is the one at `place` still: somebody may have removed it meanwhile."""
        try:
            return self._handle is not None and os.path.samestat(os.fstat(self._handle), os.stat(place))
        except OSError:
            return False

    def release(self) -> None:
        if self._handle is not None:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            os.close(self._handle)
            self._handle = None

    @classmethod
    def _drop_in_child(cls) -> None:
        """A forked child shares the lock; it must not keep it alive when its parent is gone."""
        for lock in list(cls._held):
            if lock._handle is not None:
                os.close(lock._handle)
                lock._handle = None


os.register_at_fork(after_in_child=WriterLock._drop_in_child)


class Mark(NamedTuple):
    """A commit that was acknowledged: the data file may be ahead of it after a crash, never behind."""

    generation: int
    lsn: int
    chain: int


_RECORD = struct.Struct("<8sQQQ")
_SLOT = 64
_MARK_MAGIC = b"SEQSMARK"


def write_mark(folder: Path, mark: Mark, *, durable: bool = False) -> None:
    """Note an acknowledged commit in one of two slots, so that a torn write leaves the other.

    Not forced to disk at each commit: an older mark only guards less. A full disk is no reason to fail either.
    """
    body = _RECORD.pack(_MARK_MAGIC, *mark)
    record = (body + struct.pack("<I", zlib.crc32(body))).ljust(_SLOT, b"\0")
    try:
        handle = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return
    try:
        os.pwrite(handle, record, _SLOT * (mark.lsn % 2))
        if durable:
            os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)


def read_mark(folder: Path) -> Mark | None:
    """The newest mark that is whole, None where there is none."""
    try:
        raw = (folder / MARK).read_bytes()
    except OSError:
        return None
    marks: list[Mark] = []
    for start in (0, _SLOT):
        body, check = raw[start : start + _RECORD.size], raw[start + _RECORD.size : start + _RECORD.size + 4]
        if len(check) == 4 and body[:8] == _MARK_MAGIC and struct.pack("<I", zlib.crc32(body)) == check:
            marks.append(Mark(*_RECORD.unpack(body)[1:]))
    return max(marks, default=None)


def allow_as_umask_says(folder: Path) -> None:
    """Give a folder that was made for its owner alone the rights that `mkdir` would have given."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)


_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(one: Path, other: Path) -> None:
    """Let two folders change places: in one step where the system can (Linux), else in three renames."""
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if swap is not None and swap(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return
    aside = one.with_name(one.name + ".old")
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)
