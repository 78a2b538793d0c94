"""What an actor is: a copy of one shard on its machine."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from ..distances import Distance
from ..errors import CorruptIndexError
from ..store.files import WriterLock
from ..store.leftovers import lock_of
from .copies import Packed
from .shard import Shard

_PREFIX = "seqsearch-shard-"


class StaleCopyError(Exception):
    """A copy that has missed a change, or was never loaded."""


class Copy:
    """What an actor is: a copy of one shard on its machine, in a folder that is locked while the actor lives, so that
    the next one on the machine can remove it: an actor is killed without notice."""

    def __init__(self, threads: int) -> None:
        from ..threads import use

        use(threads)
        remove_orphans(Path(tempfile.gettempdir()))
        self._folder: Path | None = None
        self._lock: WriterLock | None = None
        self._shard: Shard | None = None
        self._changes = -1

    def load(self, packed: Packed | None, source: str, distance: Distance | None, changes: int) -> tuple[str, int]:
        """Take a copy of the folder `source`, or what is `packed`, and open it; where that is (see `here`)."""
        if self._shard is not None:
            self._shard.close()
        self._shard, self._changes = None, -1
        if self._folder is not None and self._lock is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)
            self._lock.release()
        own = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock, self._folder = WriterLock(own), own / "shard"
        self._folder.mkdir()
        (Packed.of(source) if packed is None else packed).unpack(self._folder)
        shard = Shard(self._folder, distance)
        problems = shard.index.verify(sample=0).problems
        if problems:
            shard.close()
            raise CorruptIndexError(problems[0])
        self._shard, self._changes = shard, changes
        return self.here()

    def ask(self, method: str, arguments: tuple[object, ...], options: dict[str, object], changes: int) -> Any:
        """What a method of the shard gives. Raises StaleCopyError unless it knows that many changes."""
        if self._shard is None or self._changes < changes:
            raise StaleCopyError
        return getattr(self._shard, method)(*arguments, **options)

    def change(self, method: str, arguments: tuple[object, ...], options: dict[str, object], changes: int) -> Any:
        """As `ask`, of a method that makes change number `changes`."""
        if self._shard is None or self._changes != changes - 1:
            raise StaleCopyError
        made = getattr(self._shard, method)(*arguments, **options)
        self._changes = changes
        return made

    def pack(self, changes: int) -> Packed:
        """The copy, for another one."""
        if self._folder is None or self._changes < changes:
            raise StaleCopyError
        return Packed.of(self._folder)

    def here(self) -> tuple[str, int]:
        """The host and the process: that the actor answers at all is what is asked."""
        return socket.gethostname(), os.getpid()


def remove_orphans(folder: Path) -> None:
    """Remove copies in a folder whose actors are dead. Those of other users are not looked into: there may be anything,
    such as a link in place of the lock."""
    for each in folder.glob(f"{_PREFIX}*"):
        if not _is_own(each):
            continue
        lock = lock_of(each)
        if lock is not None:
            shutil.rmtree(each, ignore_errors=True)
            lock.release()


def _is_own(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:  # removed just now
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
