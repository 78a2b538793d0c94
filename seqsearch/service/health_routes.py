"""Routes for those who watch the service."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from .problems import Problem
from .web import Answer, service_of

router = APIRouter()


@router.get("/healthz", summary="Is it alive?")
async def healthz() -> Answer:
    """It is, if it answers."""
    return Answer({"status": "ok"})


@router.get("/readyz", summary="Does it take requests?")
async def readyz(request: Request) -> Answer:
    """Not before its indexes are loaded, and not once it stops."""
    if not service_of(request).ready:
        raise Problem(503, "not_ready", "the service starts or stops", retry_after=1)
    return Answer({"status": "ready"})


@router.get("/metrics", summary="For Prometheus")
async def metrics(request: Request) -> Response:
    """Requests, how long they took, how many were searched together, and how many wait."""
    service = service_of(request)
    service.metrics.waiting.set(service.engine.waiting)
    for hosted in service.shelf.values():
        service.metrics.sequences.labels(hosted.name).set(await asyncio.to_thread(len, hosted.index))
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
