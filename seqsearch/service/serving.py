"""Running the application with uvicorn until it is told to stop."""

from __future__ import annotations

import uvicorn

from .app import create_app
from .running import Service

_HANGING = 1.5  # times the limit of a request: what is given to those that run when it stops


def serve(service: Service, host: str, port: int) -> None:
    """Answer until SIGINT or SIGTERM, then finish what runs. Raises OSError for a port that is taken."""
    config = uvicorn.Config(
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
    uvicorn.Server(config).run()
