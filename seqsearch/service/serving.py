"""Running the application with uvicorn: until it is told to stop, or beside something else in this process."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from ..errors import ServiceError, StrPath
from .app import create_app
from .hosted import Hosted, Shelf
from .running import Service

_HANGING = 1.5  # times the limit of a request: what is given to those that run when it stops
_STARTING = 30.0
_SWITCH = 0.001  # seconds for which a thread may keep others from the interpreter: what a request may wait for another


def serve(service: Service, host: str, port: int) -> None:
    """Answer until SIGINT or SIGTERM, then finish what runs. Exits with 1 where the port is taken."""
    service.warm()
    sys.setswitchinterval(_SWITCH)
    gc.collect()
    gc.freeze()  # what is loaded stays: to walk over it again and again takes longer than a search
    uvicorn.Server(_config(service, host, port)).run()


@contextmanager
def served(*indexes: StrPath, writable: bool = False) -> Iterator[str]:
    """Serve indexes from a thread of this process, on a free port of this machine; its address. Raises as
    `SequenceIndex.open`, and ServiceError where it does not start."""
    shelf = Shelf([Hosted.open(path, writable=writable) for path in indexes])
    with running(Service(shelf)) as url:
        yield url


@contextmanager
def running(service: Service) -> Iterator[str]:
    """Serve a service from a thread of this process, on a free port of this machine; its address."""
    server = uvicorn.Server(_config(service, "127.0.0.1", 0))
    thread = threading.Thread(target=server.run, name="seqsearch-serving", daemon=True)
    thread.start()
    end = time.monotonic() + _STARTING
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise ServiceError("the service does not start")
        time.sleep(0.002)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _config(service: Service, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=round(_HANGING * service.limits.seconds),
        limit_concurrency=4 * service.limits.waiting,
        ws="none",
    )
