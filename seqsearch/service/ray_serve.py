"""The service on several machines: Ray Serve runs it in as many processes as are asked for, behind one address.

Every process is a whole service, with its own engine and limits, that asks the copies of the shards which one process
has started; they share no state, as nothing is written through them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from ..distributed import ShardedIndex
from ..distributed.asking_copies import Asker
from ..distributed.manifest import Manifest
from ..distributed.on_ray import RayTransport, connect
from ..errors import ParameterError, StrPath
from ..extras import CLUSTER, imported
from .app import create_app
from .hosted import Hosted, Shelf, name_of
from .limits import Limits
from .running import Service
from .tokens import Tokens

APPLICATION = "seqsearch"


@dataclass(frozen=True)
class Shared:
    """Shards as a process of the service finds them: copies that another process has started."""

    name: str
    path: str
    manifest: Manifest
    asker: Asker

    def hosted(self) -> Hosted:
        """To be asked, not changed."""
        return Hosted(self.name, ShardedIndex(Path(self.path), self.manifest, self.asker), False)


@dataclass(frozen=True)
class Builder:
    """Makes the application in each process."""

    limits: Limits = field(default_factory=Limits)
    tokens: Tokens = field(default_factory=Tokens)
    hosts: frozenset[str] = frozenset()
    shared: tuple[Shared, ...] = ()

    def __call__(self) -> FastAPI:
        return create_app(Service(Shelf([one.hosted() for one in self.shared]), self.limits, self.tokens, self.hosts))


@contextlib.contextmanager
def serving(
    paths: Sequence[StrPath],
    address: str,
    builder: Builder,
    *,
    processes: int = 2,
    replicas: int = 1,
    host: str = "127.0.0.1",
    port: int = 8080,
) -> Iterator[Callable[[], None]]:
    """Serve shards on the cluster at `address`: `processes` of the service that `builder` makes, `replicas` copies of
    each shard. What is yielded looks whether others have changed a folder, and has the copies fetched anew.

    Raises ParameterError, MissingExtraError, and as `ShardedIndex.open`.
    """
    if processes < 1:
        raise ParameterError(f"processes must be at least 1, not {processes}")
    serve: Any = imported("ray.serve", CLUSTER)
    started = connect(imported("ray", CLUSTER), address)
    with contextlib.ExitStack() as opened:
        if started:
            opened.callback(imported("ray", CLUSTER).shutdown)
        indexes = [opened.enter_context(ShardedIndex.open(path, ray=address, replicas=replicas)) for path in paths]
        opened.callback(serve.shutdown)
        serve.start(http_options={"host": host, "port": port})
        made = replace(builder, shared=tuple(map(_shared, indexes)))

        def application() -> (
            FastAPI
        ):  # a function, which Ray Serve calls in each process: an object would be one itself
            return made()

        app = serve.deployment(serve.ingress(application)()).options(num_replicas=processes)
        serve.run(app.bind(), name=APPLICATION, route_prefix="/")

        def look() -> None:
            for index in indexes:
                index.refresh()

        yield look


def _shared(index: ShardedIndex) -> Shared:
    transport = index.transport
    assert isinstance(transport, RayTransport)
    return Shared(name_of(index.path), index.path, index.manifest, transport.asker())


def serve_forever(look: Callable[[], None], every: float = 1.0) -> None:
    """Look after the folders until the process is told to stop."""
    while True:
        time.sleep(every)
        look()
