"""One LMDB environment a file and process: short transactions, map growth, and errors in the words of the tree.

LMDB forbids opening a file twice in one process, so every `Store` on a file shares one `Environment`, counted. It is
opened read-only until somebody writes: a reader can then never create or change anything.

A forked child must not use what it inherited: every use there raises ForkError, and the child opens the index anew. It
lets go of the inherited environment without closing it: LMDB would strike the transactions that threads of the parent
are in from the table of readers that both share, and a writer reuse the pages that they read.
"""

from __future__ import annotations

import collections
import errno
import fcntl
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import lmdb

from ..errors import (
    CorruptIndexError,
    ForkError,
    IndexClosedError,
    IndexLockedError,
    NotAnIndexError,
    StorageFullError,
    StoreError,
)
from ..files import NO_SPACE
from ..threads import ForkSafeLock
from .files import WRITER_LOCK
from .structure import Value, check_file, check_trees, give_back_tail

Result = TypeVar("Result")
Transaction = Any  # lmdb has no types
Identity = tuple[int, int]  # device and inode: a path may come to name another file

MAX_READERS = 1022
_ATTEMPTS = 20
_FIRST_MAP = 1 << 20
_DAMAGED = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
    lmdb.IncompatibleError,
    lmdb.BadTxnError,
)
_ALREADY_OPEN = "is already open in this process"  # by what `Environment.let_go` could not let go
_SHORT_WRITE = os.strerror(errno.EIO)
_FULL = [os.strerror(code) for code in NO_SPACE]

_open: dict[Identity, Environment] = {}
_dropped: collections.deque[Environment] = collections.deque()
_registry_lock = ForkSafeLock()


class Environment:
    """A counted LMDB environment. `read` and `write` exclude each other between the threads of this process."""

    all_of_process: ClassVar[weakref.WeakSet[Environment]] = weakref.WeakSet()

    def __init__(
        self, path: Path, *, durable: bool = True, map_limit: int | None = None, shown: Path | None = None
    ) -> None:
        self.path = path
        self._shown = path.parent if shown is None else shown  # the index in messages
        self.users = 0
        self.writers = 0
        self._lost = False  # by a fork
        self._durable = durable
        self._map_limit = map_limit
        self._writable = False
        self._proved = False
        self.walked: tuple[int, list[Value]] = (-1, [])  # the values there were when the file was proved, for `take`
        self._shared_lock: int | None = None
        self._lock = ForkSafeLock()
        self._env: lmdb.Environment | None = None
        Environment.all_of_process.add(self)

    # -- opening -------------------------------------------------------------------------------------------------

    def open(self, *, writable: bool) -> None:
        """Open, or reopen with the right to write. Raises NotAnIndexError, CorruptIndexError, StoreError."""
        with self._lock:
            if self._env is not None and (self._writable or not writable):
                return
            self._shut()
            first = self._durable and not self._proved
            if first:
                patiently(lambda: check_file(self.path))
            try:
                self._env = self._opened(writable)
                if first:
                    self.prove()
            except lmdb.Error as error:
                self._shut()
                if _ALREADY_OPEN in str(error):
                    raise ForkError(
                        f"{self._shown}: a thread was reading this index when the process was forked: "
                        'start processes by "spawn" or "forkserver"'
                    ) from error
                raise self.translate(error) from error
            except BaseException:
                self._shut()
                raise
            self._writable = writable
            if not writable or self._durable:
                self._forget_dead_readers(self._env)

    def _opened(self, writable: bool) -> lmdb.Environment:
        if not writable and not self.path.exists():
            raise NotAnIndexError(f"{self.path}: no such file")
        map_size = max(_FIRST_MAP, self.path.stat().st_size if self.path.exists() else 0)
        if self._map_limit is not None:
            map_size = min(map_size, self._map_limit)
        try:
            return self._lmdb(map_size, writable, lock=True)
        except lmdb.Error as error:
            if writable or not _is_forbidden(error):
                raise
            self._keep_writers_out()
            return self._lmdb(map_size, writable, lock=False)

    def _lmdb(self, map_size: int, writable: bool, *, lock: bool) -> lmdb.Environment:
        return lmdb.open(
            os.fspath(self.path),
            subdir=False,
            map_size=map_size,
            readonly=not writable,
            create=writable,
            max_readers=MAX_READERS,
            sync=self._durable,
            metasync=self._durable,
            mode=0o644,
            lock=lock,
        )

    def _keep_writers_out(self) -> None:
        """Somebody who may not write to the folder cannot register as a reader: hold off writers instead."""
        try:
            handle = os.open(self.path.with_name(WRITER_LOCK), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return  # no writer has ever been here, or it may not be read either
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise IndexLockedError(
                f"{self.path.parent}: somebody is writing to this index, and without the right to write to its folder "
                "it can be read only while nobody does"
            ) from None
        self._shared_lock = handle

    def prove(self) -> None:
        """Walk the pages of the last commit before LMDB itself does; the transaction keeps them in place meanwhile."""
        for _ in range(_ATTEMPTS):
            transaction = self._begin(self._usable())
            try:
                values = check_trees(self.path, transaction.id())
                if values is not None:
                    self._proved = True
                    self.walked = transaction.id(), values
                    return
            finally:
                transaction.abort()
        raise StoreError(f"{self.path}: commits come too fast to read it")

    def take_walked(self, transaction: Transaction) -> list[Value] | None:
        """The values of the commit of a transaction, where `prove` has just seen it; they are handed over once."""
        (known, values), self.walked = self.walked, (-1, [])
        return values if known == transaction.id() else None

    def _forget_dead_readers(self, env: lmdb.Environment) -> None:
        """Slots of killed readers would keep old pages from being reused for ever."""
        try:
            env.reader_check()
        except lmdb.Error:  # a read-only folder: the table cannot be cleaned, and need not be
            return

    def _shut(self) -> None:
        if self._env is not None:
            self._env.close()
            self._env = None
        if self._shared_lock is not None:
            os.close(self._shared_lock)
            self._shared_lock = None

    def close(self) -> None:
        """Let go; the last user closes the file."""
        _dropped.append(self)
        _let_go_of_dropped()

    def _leave(self) -> None:
        with _registry_lock, self._lock:
            self.users -= 1
            if self.users <= 0:
                self._shut()
                for identity in [key for key, shared in _open.items() if shared is self]:
                    del _open[identity]

    def let_go(self) -> None:
        """Forget what was inherited, in a child."""
        self._lost, self._env = True, None
        if self._shared_lock is not None:
            os.close(self._shared_lock)
            self._shared_lock = None

    def is_file(self, path: Path) -> bool:
        """True when `path` names the file that is open here."""
        try:
            return _open.get(_identity(path)) is self
        except NotAnIndexError:  # a compaction removed it a moment ago
            return False

    # -- transactions --------------------------------------------------------------------------------------------

    def _usable(self) -> lmdb.Environment:
        if self._lost:
            raise ForkError(f"{self._shown}: the index was opened before a fork: open it again in this process")
        if self._env is None:
            raise IndexClosedError(f"{self._shown}: the index is closed")
        return self._env

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A read transaction over the last commit, values as memory views that die with it."""
        with self._lock:
            env = self._usable()
            try:
                transaction = self._begin(env)
                try:
                    yield transaction
                finally:
                    transaction.abort()
            except lmdb.Error as error:
                raise self.translate(error) from error

    def _begin(self, env: lmdb.Environment) -> Transaction:
        while True:
            try:
                return env.begin(buffers=True)
            except lmdb.MapResizedError:  # another process let the map grow
                env.set_mapsize(0)

    def write(self, work: Callable[[Transaction], Result], room: int = 0) -> Result:
        """Run `work` in one transaction and commit it; when the map is full, let it grow and run `work` again.

        `room`: bytes about to be written, to grow ahead of need. Raises StorageFullError with nothing changed.
        """
        with self._lock:
            env = self._usable()
            try:
                self._make_room(env, room)
            except lmdb.Error as error:
                raise self.translate(error) from error
            while True:
                try:
                    with env.begin(write=True, buffers=True) as transaction:
                        done = [work(transaction)]
                    return done[0]  # only once the commit, at the end of the block, has gone well
                except lmdb.MapResizedError:
                    env.set_mapsize(0)
                except lmdb.MapFullError as error:
                    if not self._grow(env, env.info()["map_size"] // 2):
                        raise self.translate(error) from error
                except lmdb.Error as error:
                    self._reopen()
                    raise self.translate(error) from error

    def _make_room(self, env: lmdb.Environment, room: int) -> None:
        info, page = env.info(), env.stat()["psize"]
        needed = (info["last_pgno"] + 1) * page + room + room // 8 + (1 << 18)
        if needed > info["map_size"]:
            self._grow(env, needed - info["map_size"])

    def _grow(self, env: lmdb.Environment, more: int) -> bool:
        """Make the map larger by at least `more` bytes, within the limit. The file itself grows only as it is used."""
        self._forget_dead_readers(env)
        size = int(env.info()["map_size"])
        wanted = -(-(size + max(more, size // 2, _FIRST_MAP)) // 65536) * 65536
        if self._map_limit is not None:
            wanted = min(wanted, self._map_limit)
        if wanted <= size:
            return False
        env.set_mapsize(wanted)
        return True

    def _reopen(self) -> None:
        """After a failed commit LMDB may refuse further work on the environment: start from the file again."""
        try:
            self._shut()
            give_back_tail(self.path)
            self._env = self._opened(self._writable)
        except (lmdb.Error, StoreError, OSError):
            self._env = None

    def unmap(self) -> None:
        """Open the file anew: the pages of it that were read count as memory of this process until then."""
        with self._lock:
            self._usable()
            try:
                self._shut()
                self._env = self._opened(self._writable)
            except lmdb.Error as error:
                raise self.translate(error) from error

    def sync(self) -> None:
        """Force everything to disk (for an environment that does not do so at each commit)."""
        with self._lock:
            try:
                self._usable().sync(True)
            except lmdb.Error as error:
                raise self.translate(error) from error

    def translate(self, error: lmdb.Error) -> StoreError:
        """An LMDB error in the words of the tree, naming the index."""
        where = self._shown
        if isinstance(error, (lmdb.MapFullError, lmdb.DiskError)) or any(text in str(error) for text in _FULL):
            return StorageFullError(f"{where}: no space left, the index is as it was before: {error}")
        if _SHORT_WRITE in str(error):  # what LMDB makes of a write that was cut short, which is how a disk fills up
            return StorageFullError(
                f"{where}: no space left (or a disk that fails), the index is as it was before: {error}"
            )
        if isinstance(error, _DAMAGED):
            return CorruptIndexError(f"{where}: {self.path.name} is damaged: {error}")
        if isinstance(error, lmdb.ReadersFullError):
            return StoreError(f"{where}: {MAX_READERS} processes and threads are reading already")
        return StoreError(f"{where}: {self.path.name}: {error}")


def patiently(check: Callable[[], None]) -> None:
    """Run a check that reads what another process may be writing just now: only a failure that lasts counts."""
    for _ in range(2):
        try:
            return check()
        except CorruptIndexError:
            time.sleep(0.02)
    return check()


class Held:
    """A file that stays open for as long as this object lives: what it holds can be read though the index was compacted
    or closed meanwhile."""

    def __init__(self, held: Environment) -> None:
        with _registry_lock:
            held.users += 1
        self._environment = held
        # only noted here: who collects garbage may be in the middle of anything, and hold any lock
        weakref.finalize(self, _dropped.append, held).atexit = False

    def read(self) -> AbstractContextManager[Transaction]:
        """See `Environment.read`."""
        return self._environment.read()


def _let_go_of_dropped() -> None:
    while _dropped:
        try:
            dropped = _dropped.popleft()
        except IndexError:  # another thread took it
            return
        dropped._leave()


def environment(path: Path, *, writable: bool) -> Environment:
    """The environment of that file in this process, opened and proved sound when nobody has it open yet."""
    _let_go_of_dropped()
    with _registry_lock:
        identity = _identity(path)
        shared = _open.get(identity)
        if shared is None:
            shared = Environment(path)
        shared.open(writable=writable)
        shared.users += 1
        _open[identity] = shared
        return shared


def _after_fork() -> None:
    _open.clear()
    _dropped.clear()
    for shared in Environment.all_of_process:
        shared.let_go()


os.register_at_fork(after_in_child=_after_fork)


def _is_forbidden(error: lmdb.Error) -> bool:
    return isinstance(error, lmdb.ReadonlyError) or any(
        os.strerror(code) in str(error) for code in (errno.EACCES, errno.EROFS, errno.EPERM)
    )


def _identity(path: Path) -> Identity:
    try:
        status = path.stat()
    except OSError as error:
        raise NotAnIndexError(f"{path}: {error.strerror}") from error
    return status.st_dev, status.st_ino
