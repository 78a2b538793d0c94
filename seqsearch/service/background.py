"""Work that takes long, done once however many ask for it, while they come back for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE = 0.15
"""Seconds that somebody waits before coming back."""


class Background(Generic[T]):
    """Pieces of work by name, each on a thread of its own that no end of the process waits for."""

    def __init__(self) -> None:
        self._running: dict[str, Future[T]] = {}
        self._changing = threading.Lock()

    def result(self, name: str, work: Callable[[], T], patience: float = PATIENCE) -> T | None:
        """What `work` gives, begun if nobody has; None where that takes longer than `patience` seconds: ask again. Who
        asks after it is done has it done anew. Raises what the work raises."""
        with self._changing:
            running = self._running.get(name)
            if running is None:
                running = self._running[name] = Future()
                threading.Thread(target=_done, args=(running, work), name=f"seqsearch-{name}", daemon=True).start()
        try:
            made = running.result(patience)
        except TimeoutError:
            if not running.done():
                return None
            raise
        finally:
            if running.done():
                with self._changing:
                    if self._running.get(name) is running:
                        del self._running[name]
        return made


def _done(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
