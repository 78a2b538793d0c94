"""One handle, many threads: searches share it, changes have it alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Any number of threads share it, or one holds it alone. Whoever waits to be alone goes before new sharers, so that
    searches without end never keep a change waiting. A thread that shares may share again; it may not ask to be alone.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0
        self._alone = False
        self._waiting = 0
        self._own = threading.local()

    def shared(self) -> Shared:
        """A context in which it is held with others."""
        return Shared(self)

    def _share(self) -> None:
        depth = self._depth
        if not depth:
            with self._changed:
                if self._alone or self._waiting:
                    self._changed.wait_for(lambda: not self._alone and not self._waiting)
                self._sharing += 1
        self._own.depth = depth + 1

    def _unshare(self) -> None:
        depth = self._own.depth = self._depth - 1
        if not depth:
            with self._changed:
                self._sharing -= 1
                if self._waiting:
                    self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold it alone, once all who share it are done. RuntimeError in a thread that shares it itself."""
        if self._depth:
            raise RuntimeError("a thread that is searching cannot change what it searches")
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._alone and not self._sharing)
            finally:
                self._waiting -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()

    @property
    def is_shared_here(self) -> bool:
        """Whether this thread shares it now."""
        return self._depth > 0

    @property
    def _depth(self) -> int:
        depth: int = getattr(self._own, "depth", 0)
        return depth


class Shared:
    """The context of `SharedLock.shared`: a generator would take as long as the lock, several times a query."""

    __slots__ = ("_lock",)

    def __init__(self, lock: SharedLock) -> None:
        self._lock = lock

    def begin(self) -> None:
        """Hold it with others from now on."""
        self._lock._share()

    def end(self) -> None:
        """Let go of it."""
        self._lock._unshare()

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()
