"""The one thread that searches: what waits together is searched together, and nobody waits for all of a long request.

A request is a group, what is asked in which way of which index, and its queries. The engine takes the request that has
waited longest, and with it others of the same group, as many queries as it answers in about `TURN`; what is left of a
long request goes to the end of the line. So a short one waits for a few turns, whatever others ask.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from ..search import Answers
from ..sequences import Sequences
from .problems import Problem

TURN = 0.03
"""Seconds that a turn should take: what a short request may have to wait for a long one."""
_MOST = 4096
_KNOWN = 256  # groups whose pace is remembered
_PATIENCE = 8  # turns after which what can wait has one, too


class Group(Protocol, Hashable):
    """Requests that are equal in this may be answered together."""

    @property
    def first(self) -> int:
        """Queries of its first turn, of which nothing is known yet."""

    def answer(self, parts: list[Sequences]) -> list[Answers]:
        """The answers to the queries of several requests, each as if it had come alone."""


@dataclass(eq=False)
class Task:
    """A request in line. `done` holds answers to its first `at` queries."""

    group: Group
    queries: Sequences
    deadline: float
    future: Future[list[Answers]]
    came: float
    at: int = 0
    hits: int = 0
    done: list[Answers] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.queries) - self.at

    def take(self, count: int) -> Sequences:
        """The next queries."""
        whole = self.at == 0 and count >= len(self.queries)
        return self.queries if whole else self.queries[self.at : self.at + count]


@dataclass(frozen=True)
class Turn:
    """What happened in one: for those who watch."""

    requests: int
    queries: int
    seconds: float


class Engine:
    """`waiting`: requests that may stand in line; more are sent away. `watch` is told of every turn. `most`: hits that
    are gathered for one."""

    def __init__(
        self, waiting: int = 256, watch: Callable[[Turn], None] = lambda turn: None, most: int = 1 << 24
    ) -> None:
        self._most = most
        self._line: deque[Task] = deque()
        self._later: deque[Task] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._waiting = waiting
        self._watch = watch
        self._turns = 0
        self._pace: OrderedDict[Group, float] = OrderedDict()  # seconds a query
        self._usual = 0.001
        self._thread = threading.Thread(target=self._run, name="seqsearch-engine", daemon=True)
        self._thread.start()

    def submit(self, group: Group, queries: Sequences, seconds: float, *, later: bool = False) -> Future[list[Answers]]:
        """Answers to queries, in parts that follow each other; `later`: what nobody waits for.

        Raises Problem 429 where too many wait already.
        """
        future: Future[list[Answers]] = Future()
        now = time.monotonic()
        with self._changed:
            if self._stopping:
                raise Problem(503, "stopping", "the service stops", retry_after=5)
            if not later and len(self._line) >= self._waiting:
                raise self._busy()
            if not len(queries):
                future.set_result([])
                return future
            line = self._later if later else self._line
            line.append(Task(group, queries, now + seconds, future, now))
            self._changed.notify()
        return future

    def _busy(self) -> Problem:
        left = sum(task.left for task in self._line) * self._usual
        return Problem(
            429,
            "busy",
            f"{len(self._line)} requests wait already",
            "try again later, or send several queries in one request",
            max(1, ceil(left)),
        )

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._line)

    @property
    def alive(self) -> bool:
        """Whether somebody answers."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Answer what stands in line, and end; what nobody waits for is left."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line or self._later or self._stopping)
                if self._stopping and not self._line:
                    for task in self._later:
                        task.future.cancel()
                    return
                self._turns += 1
                late = self._turns % _PATIENCE == 0 and self._later
                line = self._later if late or not self._line else self._line
                chosen = self._chosen(line)
            if not chosen:
                continue
            start = time.perf_counter()
            try:
                self._answer(chosen)
                self._learn(chosen, time.perf_counter() - start)
            except Exception as error:  # a mistake of ours: this thread is the only one
                for task, _ in chosen:
                    _fail(task, error)
            with self._changed:
                line.extend(task for task, _ in chosen if task.left and not task.future.done())

    def _chosen(self, line: deque[Task]) -> list[tuple[Task, Sequences]]:
        """The next in line, and others of its group, as many queries as fit into a turn."""
        chosen: list[tuple[Task, Sequences]] = []
        passed: list[Task] = []
        group, room, now = None, 1, time.monotonic()
        while line and room > 0:
            task = line.popleft()
            if task.future.cancelled():
                continue
            if now > task.deadline:
                _fail(task, Problem(503, "timeout", "the time for this request is over", "ask for less at a time", 1))
                continue
            if group is None:
                group, room = task.group, self._room(task.group)
            if task.group != group:
                passed.append(task)
                continue
            part = task.take(room)
            chosen.append((task, part))
            room -= len(part)
        line.extendleft(reversed(passed))
        return chosen

    def _room(self, group: Group) -> int:
        pace = self._pace.get(group)
        return group.first if pace is None else max(1, min(_MOST, int(TURN / pace)))

    def _learn(self, chosen: list[tuple[Task, Sequences]], seconds: float) -> None:
        group, count = chosen[0][0].group, sum(len(part) for _, part in chosen)
        pace = seconds / count
        known = self._pace.pop(group, pace)
        self._pace[group] = self._usual = min(pace, (pace + known) / 2)
        while len(self._pace) > _KNOWN:
            self._pace.popitem(last=False)
        self._watch(Turn(len(chosen), count, seconds))

    def _answer(self, chosen: list[tuple[Task, Sequences]]) -> None:
        group = chosen[0][0].group
        try:
            answers = group.answer([part for _, part in chosen])
        except Exception as error:
            if len(chosen) == 1:
                _fail(chosen[0][0], error)
                return
            for each in chosen:  # so that nobody is told of the mistakes of others
                self._answer([each])
            return
        for (task, part), answer in zip(chosen, answers, strict=True):
            task.at += len(part)
            task.done.append(answer)
            task.hits += answer.rows.size
            if task.hits > self._most:
                told = f"there are more than {self._most:,} hits"
                _fail(task, Problem(413, "too_many_hits", told, "ask for fewer queries, or a smaller distance"))
            elif not task.left and task.future.set_running_or_notify_cancel():
                task.future.set_result(task.done)


def _fail(task: Task, error: Exception) -> None:
    task.at = len(task.queries)
    if not task.future.done() and task.future.set_running_or_notify_cancel():
        task.future.set_exception(error)
