"""Shards on a Ray cluster: an actor for each copy of each, with files of its own, so that exact distances are computed
beside the data.

The folder of the shards is the truth. A change is made there first, durably, and then in every copy; a copy that missed
one is away until it was fetched anew, and refuses questions until then: each carries the number of changes that its
answer has to know of. Ray schedules, starts again what died, and carries bytes; nothing of that is done here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..distances import Distance
from ..errors import CorruptIndexError, ParameterError, SeqsearchError, StrPath, UnavailableShardError
from ..extras import CLUSTER, imported
from .copies import Packed
from .shard import Shard
from .transport import Call, CopyState, InProcess

HEDGE = 0.5  # seconds after which another copy is asked, too
TIMEOUT = 30.0  # seconds after which a copy is taken for dead
_LOADING = 600.0  # seconds that fetching and opening a copy may take
_LOOK = 0.5  # seconds between two looks after copies that are away
_SHARE = 0.01  # of a processor that an actor asks Ray for: copies are spread, not counted


class StaleCopyError(Exception):
    """A copy that has missed a change, or was never loaded."""


class Copy:
    """What an actor is: a copy of one shard on its machine."""

    def __init__(self, threads: int) -> None:
        from ..threads import use

        use(threads)
        self._folder: Path | None = None
        self._shard: Shard | None = None
        self._changes = -1

    def load(self, packed: Packed | None, source: str, distance: Distance | None, changes: int) -> tuple[str, int]:
        """Take a copy of the folder `source`, or what is `packed`, and open it; where that is (see `here`)."""
        if self._shard is not None:
            self._shard.close()
        self._shard, self._changes = None, -1
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = Path(tempfile.mkdtemp(prefix="seqsearch-shard-"))
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


@dataclass
class _Replica:
    """One copy of shard `number`: its `actor`, whether it is `away`, not to be asked before it was loaded anew, and the
    host and process that it was last met in."""

    number: int
    actor: Any
    away: bool = True
    place: tuple[str, int] = ("", 0)


class RayTransport:
    """Shards at `places`, `replicas` copies of each, on the cluster at `address`: "auto", "host:port" or "ray://...",
    or "local:N", one of N processors that ends with this process.

    Raises MissingExtraError, ParameterError, UnavailableShardError where not one copy of a shard can be loaded.
    """

    def __init__(
        self,
        places: Sequence[StrPath],
        distance: Distance | None,
        *,
        address: str,
        replicas: int = 1,
        hedge: float = HEDGE,
        timeout: float = TIMEOUT,
    ) -> None:
        if replicas < 1:
            raise ParameterError(f"replicas must be at least 1, not {replicas}")
        self._ray = imported("ray", CLUSTER)
        self._started = connect(self._ray, address)
        self._places, self._distance = [str(Path(place).resolve()) for place in places], distance
        self._hedge, self._timeout = hedge, timeout
        self._truth = InProcess(places, distance)
        self._changes = [0] * len(places)
        self._next = 0
        self._changing, self._closed = threading.RLock(), threading.Event()
        self._replicas = [self._placed(number, replicas) for number in range(len(places))]
        self._load_all()
        self._keeper = threading.Thread(target=self._keep, name="seqsearch-copies", daemon=True)
        self._keeper.start()

    @property
    def shards(self) -> int:
        return len(self._places)

    def copies(self) -> list[CopyState]:
        return [CopyState(one.number, one.away, *one.place) for group in self._replicas for one in group]

    # -- copies --------------------------------------------------------------------------------------------------

    def _placed(self, number: int, replicas: int) -> list[_Replica]:
        """Actors for the copies of a shard, on different machines where there are enough."""
        ray, util = self._ray, imported("ray.util", CLUSTER)
        group = util.placement_group([{"CPU": _SHARE}] * replicas, strategy="SPREAD")
        strategies = imported("ray.util.scheduling_strategies", CLUSTER)
        cpus, machines = int(ray.cluster_resources().get("CPU", 1)), max(1, len(ray.nodes()))
        threads = max(1, cpus // machines // max(1, -(-len(self._places) * replicas // machines)))
        actor = ray.remote(Copy)
        made = []
        for bundle in range(replicas):
            place = strategies.PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)
            options = {"num_cpus": _SHARE, "max_restarts": -1, "max_task_retries": 0, "scheduling_strategy": place}
            made.append(_Replica(number, actor.options(**options).remote(threads)))
        return made

    def _load_all(self) -> None:
        """Load every copy, all at once, each from the folder where its machine sees that."""
        every = [replica for group in self._replicas for replica in group]
        calls = [self._loading(replica) for replica in every]
        for replica, answer in zip(every, calls, strict=True):
            with contextlib.suppress(Exception):  # tried again by the keeper, and told below where it is the last
                replica.place = self._ray.get(answer, timeout=_LOADING)
                replica.away = False
        for number, group in enumerate(self._replicas):
            if all(replica.away for replica in group):
                self._restore(group[0])  # raises what is wrong
                if group[0].away:
                    self.close()
                    raise UnavailableShardError(f"{self._places[number]}: no copy can be loaded")

    def _loading(self, replica: _Replica, packed: object = None) -> Any:
        place = self._places[replica.number]
        return replica.actor.load.remote(packed, place, self._distance, self._changes[replica.number])

    def _restore(self, replica: _Replica) -> None:
        """Fetch a copy anew: from the folder, through the object store where its machine does not see it, or from
        another copy where the folder is damaged."""
        ray, number = self._ray, replica.number
        with self._changing:
            last: Exception | None = None
            for packed in self._sources(number):
                try:
                    replica.place = ray.get(self._loading(replica, packed), timeout=_LOADING)
                    replica.away = False
                    return
                except Exception as error:
                    last = error
            if last is not None and isinstance(cause := _cause(last), SeqsearchError):
                raise cause

    def _sources(self, number: int) -> Iterator[object]:
        """Where a copy may come from: None is the folder as its own machine sees it."""
        yield None
        if Path(self._places[number]).is_dir():
            yield self._ray.put(Packed.of(self._places[number]))
        for peer in self._replicas[number]:
            if not peer.away:
                yield peer.actor.pack.remote(self._changes[number])

    def _keep(self) -> None:
        """Look after copies that are away: those that answer again are fetched anew."""
        while not self._closed.wait(_LOOK):
            for group in self._replicas:
                for replica in group:
                    if replica.away and not self._closed.is_set():
                        with contextlib.suppress(Exception):
                            self._ray.get(replica.actor.here.remote(), timeout=self._timeout)
                            self._restore(replica)

    # -- asking --------------------------------------------------------------------------------------------------

    def ask(self, calls: Sequence[Call], *, partial: bool = False) -> list[Any]:
        asked = [_Asked(self, call) for call in calls]  # all at once
        answers: list[Any] = []
        for one in asked:
            try:
                answers.append(one.answer())
            except UnavailableShardError:
                if not partial:
                    raise
                answers.append(None)
        return answers

    def change(self, calls: Sequence[Call]) -> list[Any]:
        with self._changing:
            made = self._truth.change(calls)  # durable before any copy knows
            sent = []
            for call in calls:
                self._changes[call.number] += 1
                for replica in self._replicas[call.number]:
                    if not replica.away:
                        numbered = call.method, call.arguments, call.options, self._changes[call.number]
                        sent.append((replica, replica.actor.change.remote(*numbered)))
            for replica, answer in sent:
                try:
                    self._ray.get(answer, timeout=self._timeout)
                except Exception:
                    replica.away = True
            return made

    def close(self) -> None:
        self._closed.set()
        for group in self._replicas:
            for replica in group:
                with contextlib.suppress(Exception):
                    self._ray.kill(replica.actor)
        self._truth.close()
        if self._started:
            self._ray.shutdown()

    def turn(self) -> int:
        """A number that grows: whose turn it is among copies."""
        self._next += 1
        return self._next


class _Asked:
    """One call under way: sent to one copy, and to another where that one is slow or dead."""

    def __init__(self, transport: RayTransport, call: Call) -> None:
        self._at, self._call = transport, call
        self._changes = transport._changes[call.number]
        group = transport._replicas[call.number]
        first = transport.turn()
        ready = [replica for replica in group if not replica.away]
        self._left = [ready[(first + at) % len(ready)] for at in range(len(ready))]
        self._sent: dict[Any, _Replica] = {}
        self._send()

    def _send(self) -> bool:
        if not self._left:
            return False
        replica = self._left.pop(0)
        call = self._call
        self._sent[replica.actor.ask.remote(call.method, call.arguments, call.options, self._changes)] = replica
        return True

    def answer(self) -> Any:
        """What the first copy says that can. Raises what the shard raised, UnavailableShardError."""
        ray, end = self._at._ray, time.monotonic() + self._at._timeout
        while self._sent:
            wait = self._at._hedge if self._left else max(0.0, end - time.monotonic())
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
                    cause = _cause(error)
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
        place = self._at._places[self._call.number]
        raise UnavailableShardError(f"{place}: no copy of this shard answers: partial=True (--partial) leaves it out")


def _cause(error: Exception) -> BaseException:
    """What an actor raised, of what Ray raises for it."""
    return getattr(error, "cause", None) or error


def connect(ray: Any, address: str) -> bool:
    """Join a cluster, or start one; whether it was started here. Raises ParameterError."""
    if ray.is_initialized():
        return False
    if address.startswith("local:"):
        count = address.removeprefix("local:")
        if not count.isdecimal() or int(count) < 1:
            raise ParameterError(f"ray {address!r}: local:N starts N processors, N at least 1")
        ray.init(num_cpus=int(count), include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        return True
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError) as error:
        raise ParameterError(f"ray {address!r}: no cluster answers there: {error}") from None
    return True
