"""Routes for those who watch the service."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from .problems import Problem
from .web import PROBLEMS, Answer, service_of

router = APIRouter()
_PROBLEMS: dict[int | str, dict[str, Any]] = {status: PROBLEMS[status] for status in (400, 401, 503)}


@router.get("/healthz", summary="Is it alive?")
async def healthz() -> Answer:
    """It is, if it answers."""
    return Answer({"status": "ok"})


@router.get("/readyz", summary="Does it take requests?", responses=_PROBLEMS)
async def readyz(request: Request) -> Answer:
    """Not before its indexes are loaded, and not once it stops."""
    service = service_of(request)
    if not service.ready or not service.engine.alive:
        raise Problem(503, "not_ready", "the service starts or stops", retry_after=1)
    return Answer({"status": "ready"})


@router.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse, responses=_PROBLEMS)
async def metrics(request: Request) -> PlainTextResponse:
    """Requests, how long they took, how many were searched together, and how many wait."""
    service = service_of(request)
    service.metrics.waiting.set(service.engine.waiting)
    for hosted in service.shelf.values():
        service.metrics.sequences.labels(hosted.name).set(await asyncio.to_thread(len, hosted.index))
    return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")
