"""How shards are asked: in this process one after the other, or through something that has them elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..distances import Distance
from ..errors import StrPath
from .shard import Shard


@dataclass(frozen=True)
class Call:
    """A method of `Shard` by name, of the shard `number`, and what it is given."""

    number: int
    method: str
    arguments: tuple[object, ...] = ()
    options: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class CopyState:
    """A copy of the shard `number`: the `host` and process (`pid`) that had it when it was loaded, and whether it is
    `away`: not asked before it was fetched anew."""

    number: int
    away: bool
    host: str
    pid: int


class Transport(Protocol):
    """Has the shards of one folder, and asks them."""

    @property
    def shards(self) -> int:
        """How many there are."""

    def ask(self, calls: Sequence[Call], *, partial: bool = False) -> list[Any]:
        """What the calls give, in order. What a shard raises is raised; `partial`: a shard that cannot be asked gives
        None, otherwise it is an UnavailableShardError.
        """

    def change(self, calls: Sequence[Call]) -> list[Any]:
        """As `ask`, of methods that change a shard: in all its copies, and durable in each when this returns."""

    def refresh(self) -> bool:
        """See what others have changed in the folder of the shards; True when there was something."""

    def copies(self) -> list[CopyState]:
        """The copies of all shards."""

    def close(self) -> None:
        """Let go of the shards."""


class InProcess:
    """Shards opened here, asked one after the other: each search has all threads."""

    def __init__(self, paths: Sequence[StrPath], distance: Distance | None = None) -> None:
        self._shards: list[Shard] = []
        try:
            for path in paths:
                self._shards.append(Shard(path, distance))
        except BaseException:
            self.close()
            raise

    @property
    def shards(self) -> int:
        return len(self._shards)

    def ask(self, calls: Sequence[Call], *, partial: bool = False) -> list[Any]:
        return [getattr(self._shards[call.number], call.method)(*call.arguments, **call.options) for call in calls]

    def change(self, calls: Sequence[Call]) -> list[Any]:
        return self.ask(calls)

    def refreshed(self) -> list[bool]:
        """See what others have changed; which shards."""
        return [shard.refresh() for shard in self._shards]

    def refresh(self) -> bool:
        return any(self.refreshed())

    def copies(self) -> list[CopyState]:
        return [CopyState(number, False, socket.gethostname(), os.getpid()) for number in range(self.shards)]

    def close(self) -> None:
        for shard in self._shards:
            shard.close()
