"""What a service is made of, whoever asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from ..search import Answers
from ..sequences import Sequences
from .engine import Engine, Group
from .hosted import Hosted, Shelf
from .jobs import JobRunner
from .limits import Limits
from .metrics import Metrics
from .problems import Problem
from .tokens import Tokens

T = TypeVar("T")
_SLOW = 2  # threads for what takes long, beside the engine
_QUEUE = 32  # of which as many may wait


@dataclass
class Service:
    """`shelf`: the indexes; `hosts`: names under which it may be asked, empty for any."""

    shelf: Shelf
    limits: Limits = field(default_factory=Limits)
    tokens: Tokens = field(default_factory=Tokens)
    hosts: frozenset[str] = frozenset()
    metrics: Metrics = field(default_factory=Metrics)
    log: Callable[[str], None] = lambda line: None
    ready: bool = True
    jobs: JobRunner | None = None

    def __post_init__(self) -> None:
        self.engine = Engine(self.limits.waiting, self.metrics.turn)
        self._slow = ThreadPoolExecutor(_SLOW, "seqsearch-slow")
        self._slow_waiting = 0
        self._writer = ThreadPoolExecutor(1, "seqsearch-writer")
        self._writers_waiting = 0

    def hosted(self, name: str) -> Hosted:
        """An index by name. Raises Problem 404."""
        found = self.shelf.get(name)
        if found is None:
            known = ", ".join(each.name for each in self.shelf.values())
            raise Problem(404, "unknown_index", f"no index {name[:80]!r}", f"there are: {known}")
        return found

    async def answered(self, group: Group, queries: Sequences) -> list[Answers]:
        """What the engine says. Raises Problem: 429 where too many wait, 503 where it takes too long."""
        future = self.engine.submit(group, queries, self.limits.seconds)
        return await self._in_time(asyncio.wrap_future(future))

    async def slowly(self, work: Callable[[], T]) -> T:
        """What takes long, beside the engine. Raises Problem 429 where too much of it waits."""
        if self._slow_waiting >= _QUEUE:
            raise Problem(429, "busy", f"{self._slow_waiting} long requests wait already", retry_after=5)
        self._slow_waiting += 1
        try:
            return await self._in_time(asyncio.get_running_loop().run_in_executor(self._slow, work))
        finally:
            self._slow_waiting -= 1

    async def soon(self, work: Callable[[], T], seconds: float) -> T:
        """As `slowly`, or TimeoutError after so many seconds: the work goes on then, for the next who asks."""
        done = asyncio.ensure_future(self.slowly(work))
        done.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return await asyncio.wait_for(asyncio.shield(done), seconds)

    def warm(self) -> None:
        """Load what searches need, and begin to measure what p-values are made of."""
        for hosted in self.shelf.values():
            hosted.warm()
            if hosted.measures_soon:
                self._slow.submit(hosted.known_scores)

    async def writing(self, work: Callable[[], T]) -> T:
        """What changes an index, one after the other; it is not given up when it takes long, for nobody would know then
        what was done. Raises Problem 429 where too many wait."""
        if self._writers_waiting >= _QUEUE:
            raise Problem(429, "busy", f"{self._writers_waiting} changes wait already", retry_after=2)
        self._writers_waiting += 1
        done = asyncio.get_running_loop().run_in_executor(self._writer, work)
        done.add_done_callback(self._written)
        return await asyncio.shield(done)

    def _written(self, done: asyncio.Future[T]) -> None:
        self._writers_waiting -= 1
        if not done.cancelled():
            done.exception()  # which nobody may have waited for

    async def _in_time(self, waited: asyncio.Future[T]) -> T:
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await waited
        except TimeoutError:
            told = f"this took longer than {self.limits.seconds:g} seconds"
            raise Problem(503, "timeout", told, "ask for less at a time, or send a job: POST /v1/jobs", 1) from None

    def close(self) -> None:
        """Finish what runs, and let go of the indexes."""
        self.ready = False
        if self.jobs is not None:
            self.jobs.stop()
        self.engine.stop()
        self._writer.shutdown()
        self._slow.shutdown(cancel_futures=True)
        self.shelf.close()
