"""Asking copies of shards: one of each, and another one where that is slow or dead."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CorruptIndexError, ParameterError, SeqsearchError, UnavailableShardError
from ..extras import CLUSTER, imported
from .transport import Call, CopyState

HEDGE = 0.5  # seconds after which another copy is asked, too
TIMEOUT = 30.0  # seconds after which a copy is taken for dead
_LOOK = 0.1  # seconds between two looks for a copy that is being fetched


@dataclass
class Replica:
    """One copy of shard `number`: its `actor`, whether it is `away`, not to be asked before it was loaded anew, and the
    host and process that it was last met in."""

    number: int
    actor: Any
    away: bool = True
    place: tuple[str, int] = ("", 0)


class Asker:
    """Asks `replicas`, the copies of each shard, and changes nothing. It can be sent to other processes of the cluster:
    there it knows the shards as they were, and which copies were away.

    `fetches`: whether copies that are away are fetched anew, so that one may be waited for.
    `changes`: how many each shard has seen; `places`: what messages call the shards; `hedge` and `timeout`: seconds
    after which another copy is asked, and after which a copy is away.
    """

    def __init__(
        self,
        replicas: list[list[Replica]],
        changes: list[int],
        places: list[str],
        hedge: float = HEDGE,
        timeout: float = TIMEOUT,
    ) -> None:
        self.replicas, self.changes, self.places = replicas, changes, places
        self.hedge, self.timeout = hedge, timeout
        self.fetches, self._turn = False, 0

    @property
    def shards(self) -> int:
        return len(self.places)

    def copies(self) -> list[CopyState]:
        return [CopyState(one.number, one.away, *one.place) for group in self.replicas for one in group]

    def ask(self, calls: Sequence[Call], *, partial: bool = False) -> list[Any]:
        ray = imported("ray", CLUSTER)
        asked = [_Asked(ray, self, call) for call in calls]  # all at once
        with contextlib.suppress(Exception):  # what is slow or fails is looked at one by one
            together: list[Any] = ray.get([one.first for one in asked], timeout=self.hedge)
            return together
        answers: list[Any] = []
        for one in asked:
            try:
                answers.append(one.answer() if partial else one.answer_in_time())
            except UnavailableShardError:
                if not partial:
                    raise
                answers.append(None)
        return answers

    def change(self, calls: Sequence[Call]) -> list[Any]:
        raise ParameterError("shards are changed by the process that opened them")

    def refresh(self) -> bool:
        """What is changed through the process that started the copies, they know at once."""
        return False

    def close(self) -> None:
        """Copies belong to the process that started them."""

    def turn(self) -> int:
        """A number that grows: whose turn it is among copies."""
        self._turn += 1
        return self._turn


class _Asked:
    """One call under way: sent to one copy, and to another where that one is slow or dead."""

    def __init__(self, ray: Any, asker: Asker, call: Call) -> None:
        self._ray, self._at, self._call = ray, asker, call
        self._changes = asker.changes[call.number]
        self._left = self._ready()
        self._sent: dict[Any, Replica] = {}
        self._send()
        self.first = next(iter(self._sent), None)

    def _send(self) -> bool:
        if not self._left:
            return False
        replica = self._left.pop(0)
        call = self._call
        self._sent[replica.actor.ask.remote(call.method, call.arguments, call.options, self._changes)] = replica
        return True

    def answer_in_time(self) -> Any:
        """As `answer`; where no copy is there, one is waited for that is being fetched anew."""
        end = time.monotonic() + self._at.timeout
        while True:
            try:
                return self.answer()
            except UnavailableShardError:
                if not self._at.fetches or time.monotonic() > end:
                    raise
                while not (ready := self._ready()):
                    if time.monotonic() > end:
                        raise
                    time.sleep(_LOOK)
                self._left, self._sent = ready, {}
                self._send()

    def _ready(self) -> list[Replica]:
        """The copies that may be asked, beginning with the one whose turn it is."""
        first = self._at.turn()
        ready = [replica for replica in self._at.replicas[self._call.number] if not replica.away]
        return [ready[(first + at) % len(ready)] for at in range(len(ready))]

    def answer(self) -> Any:
        """What the first copy says that can. Raises what the shard raised, UnavailableShardError."""
        ray, end = self._ray, time.monotonic() + self._at.timeout
        while self._sent:
            wait = self._at.hedge if self._left else max(0.0, end - time.monotonic())
            done, _ = ray.wait(list(self._sent), num_returns=1, timeout=wait)
            if not done:
                if time.monotonic() < end and self._send():
                    continue
                if time.monotonic() >= end or not self._left:
                    break
            for answer in done:
                replica = self._sent.pop(answer)
                try:
                    made = ray.get(answer)
                except Exception as error:
                    cause = cause_of(error)
                    if isinstance(cause, SeqsearchError) and not isinstance(cause, CorruptIndexError):
                        raise cause from None
                    if isinstance(cause, (ValueError, TypeError, KeyError)):
                        raise cause from None
                    replica.away = True
                    self._send()
                else:
                    for late in self._sent.values():  # not heard within the time another took: looked after
                        late.away = late.away or time.monotonic() >= end
                    return made
        for late in self._sent.values():
            late.away = True
        place = self._at.places[self._call.number]
        raise UnavailableShardError(f"{place}: no copy of this shard answers: partial=True (--partial) leaves it out")


def cause_of(error: Exception) -> BaseException:
    """What an actor raised, of what Ray raises for it."""
    return getattr(error, "cause", None) or error
