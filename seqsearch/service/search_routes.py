"""Routes that look at indexes and search them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Request

from ..arrays import JSON
from ..errors import MismatchError, ParameterError
from ..search import Answers
from ..sequences import Sequences
from . import answering
from .asking import SearchAsked, sequences_of
from .documented import body
from .hosted import Hosted
from .web import PROBLEMS, Answer, asked_of, hosted_of, service_of

router = APIRouter(prefix="/v1", responses=PROBLEMS)
_INLINE = 256  # hits that are written at once, without a thread


@router.get("/indexes", summary="The indexes there are")
async def indexes(request: Request) -> Answer:
    """Each with its name, how many sequences it holds, its distance and kind, and whether they have labels."""
    shelf = service_of(request).shelf
    return Answer({"indexes": await asyncio.to_thread(lambda: [each.described() for each in shelf.values()])})


@router.get("/indexes/{name}/info", summary="What an index holds and how well it finds it")
async def info(request: Request, name: str) -> Answer:
    """As `seqsearch info --format json`, with the measured curve of recall over budgets."""
    return Answer(await asyncio.to_thread(hosted_of(request, name).info))


@router.post(
    "/indexes/{name}/search", summary="The nearest stored sequences of each query", openapi_extra=body(SearchAsked)
)
async def search(request: Request, name: str) -> Answer:
    """Every hit has its exact distance; `guarantee` says whether the hits are the nearest by proof, or how they were
    found. Requests that arrive together are searched together."""
    start = time.perf_counter()
    service, hosted = service_of(request), hosted_of(request, name)
    asked = await asked_of(request, SearchAsked)
    question = asked.search(hosted, service.limits)
    queries = sequences_of(asked, hosted, service.limits)
    parts = await service.answered(question, queries)
    few = sum(part.distances.size for part in parts) <= _INLINE and not asked.alignment
    written = _written(parts, asked) if few else await asyncio.to_thread(_written, parts, asked)
    if asked.novelty:
        written["warnings"] += await _with_p_values(request, hosted, queries, parts, written["results"])
    written["took_ms"] = round(1000 * (time.perf_counter() - start), 2)
    return Answer(written)


def _written(parts: list[Answers], asked: SearchAsked) -> JSON:
    message, warnings = answering.message_of(parts)
    results = answering.results_json(parts, asked.columns, asked.alignment)
    return {"results": results, "message": message, "warnings": warnings}


async def _with_p_values(
    request: Request, hosted: Hosted, queries: Sequences, parts: list[Answers], results: list[dict[str, Any]]
) -> list[str]:
    """Put a p-value into each result, null where none is known; and say why."""
    nearest = answering.nearest(parts)
    try:
        values = await service_of(request).slowly(lambda: hosted.p_values(queries, nearest))
    except (ParameterError, MismatchError) as error:
        values, why = [None] * len(results), [f"no p-values: {error}"]
    else:
        why = []
    for result, value in zip(results, values, strict=True):
        result["p_value"] = None if value is None else float(f"{value:.4g}")
    return why
