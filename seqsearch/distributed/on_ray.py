"""Shards on a Ray cluster: an actor for each copy of each, with files of its own, so that exact distances are computed
beside the data.

The folder of the shards is the truth. A change is made there first, durably, and then in every copy; a copy that missed
one is away until it was fetched anew, and refuses questions until then: each carries the number of changes that its
answer has to know of. Ray schedules, starts again what died, and carries bytes; nothing of that is done here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..distances import Distance
from ..errors import ParameterError, SeqsearchError, StrPath, UnavailableShardError
from ..extras import CLUSTER, imported
from .asking_copies import HEDGE, TIMEOUT, Asker, Replica, cause_of
from .copies import Packed
from .copy_actor import Copy
from .transport import Call, InProcess

_LOADING = 600.0  # seconds that fetching and opening a copy may take
_LOOK = 0.5  # seconds between two looks after copies that are away
_SHARE = 0.01  # of a processor that an actor asks Ray for: copies are spread, not counted


class RayTransport(Asker):
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
        self._distance = distance
        self._truth = InProcess(places, distance)
        super().__init__([], [0] * len(places), [str(Path(place).resolve()) for place in places], hedge, timeout)
        self.fetches = True
        self._changing, self._closed = threading.RLock(), threading.Event()
        self.replicas = [self._placed(number, replicas) for number in range(len(places))]
        self._load_all()
        self._keeper = threading.Thread(target=self._keep, name="seqsearch-copies", daemon=True)
        self._keeper.start()

    # -- copies --------------------------------------------------------------------------------------------------

    def _placed(self, number: int, replicas: int) -> list[Replica]:
        """Actors for the copies of a shard, on different machines where there are enough."""
        ray, util = self._ray, imported("ray.util", CLUSTER)
        hosts = sum(node["Alive"] and node["Resources"].get("CPU", 0) >= _SHARE for node in ray.nodes())
        apart = "STRICT_SPREAD" if hosts >= replicas else "SPREAD"
        group = util.placement_group([{"CPU": _SHARE}] * replicas, strategy=apart)
        strategies = imported("ray.util.scheduling_strategies", CLUSTER)
        cpus, machines = int(ray.cluster_resources().get("CPU", 1)), max(1, len(ray.nodes()))
        threads = max(1, cpus // machines // max(1, -(-len(self.places) * replicas // machines)))
        actor = ray.remote(Copy)
        made = []
        for bundle in range(replicas):
            place = strategies.PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)
            options = {"num_cpus": _SHARE, "max_restarts": -1, "max_task_retries": 0, "scheduling_strategy": place}
            made.append(Replica(number, actor.options(**options).remote(threads)))
        return made

    def _load_all(self) -> None:
        """Load every copy, all at once, each from the folder where its machine sees that."""
        every = [replica for group in self.replicas for replica in group]
        calls = [self._loading(replica) for replica in every]
        for replica, answer in zip(every, calls, strict=True):
            with contextlib.suppress(Exception):  # tried again by the keeper, and told below where it is the last
                replica.place = self._ray.get(answer, timeout=_LOADING)
                replica.away = False
        for number, group in enumerate(self.replicas):
            if all(replica.away for replica in group):
                self._restore(group[0])  # raises what is wrong
                if group[0].away:
                    self.close()
                    raise UnavailableShardError(f"{self.places[number]}: no copy can be loaded")

    def _loading(self, replica: Replica, packed: object = None) -> Any:
        place = self.places[replica.number]
        return replica.actor.load.remote(packed, place, self._distance, self.changes[replica.number])

    def _restore(self, replica: Replica) -> None:
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
            if last is not None and isinstance(cause := cause_of(last), SeqsearchError):
                raise cause

    def _sources(self, number: int) -> Iterator[object]:
        """Where a copy may come from: None is the folder as its own machine sees it."""
        yield None
        if Path(self.places[number]).is_dir():
            yield self._ray.put(Packed.of(self.places[number]))
        for peer in self.replicas[number]:
            if not peer.away:
                yield peer.actor.pack.remote(self.changes[number])

    def _keep(self) -> None:
        """Look after copies that are away: those that answer again are fetched anew."""
        while not self._closed.wait(_LOOK):
            for group in self.replicas:
                for replica in group:
                    if replica.away and not self._closed.is_set():
                        with contextlib.suppress(Exception):
                            self._ray.get(replica.actor.here.remote(), timeout=self.timeout)
                            self._restore(replica)

    def change(self, calls: Sequence[Call]) -> list[Any]:
        with self._changing:
            made: list[Any] = []
            sent: list[tuple[Replica, Any]] = []
            try:
                for call in calls:
                    try:
                        made += self._truth.change([call])  # durable before any copy knows
                    except BaseException:
                        self._outdate(call.number)  # of which nobody knows how far it came
                        raise
                    self.changes[call.number] += 1
                    for replica in self.replicas[call.number]:
                        if not replica.away:
                            numbered = call.method, call.arguments, call.options, self.changes[call.number]
                            sent.append((replica, replica.actor.change.remote(*numbered)))
            finally:
                for replica, answer in sent:
                    try:
                        self._ray.get(answer, timeout=self.timeout)
                    except Exception:
                        replica.away = True
            return made

    def _outdate(self, number: int) -> None:
        """The folder of a shard is another than its copies know: they are away until they were fetched anew."""
        self.changes[number] += 1
        for replica in self.replicas[number]:
            replica.away = True

    def refresh(self) -> bool:
        """Where others have changed the folder of a shard, its copies are fetched anew: one before this returns."""
        with self._changing:
            changed = self._truth.refreshed()
            for number in range(self.shards):
                if changed[number]:
                    self._outdate(number)
                    self._restore(self.replicas[number][0])
            return any(changed)

    def close(self) -> None:
        self._closed.set()
        for group in self.replicas:
            for replica in group:
                with contextlib.suppress(Exception):
                    self._ray.kill(replica.actor)
        self._truth.close()
        if self._started:
            self._ray.shutdown()

    def asker(self) -> Asker:
        """What other processes of the cluster ask the same copies by."""
        return Asker(self.replicas, self.changes, self.places, self.hedge, self.timeout)


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
