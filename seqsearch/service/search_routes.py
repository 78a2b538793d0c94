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
from .asking import SearchAsked
from .documented import body
from .hosted import Hosted
from .limits import Limits
from .problems import Problem
from .questions import no_farther
from .web import PROBLEMS, Answer, asked_of, hosted_of, queries_of, service_of

router = APIRouter(prefix="/v1", responses=PROBLEMS)
PATHS = frozenset(("identity", "coverage", "cigar", "score", "evalue", "bitscore", "target_start", "target_end"))
"""Columns that an alignment has to be looked for."""
_MOST_CELLS = 1 << 32
_SOON = 2.0
"""Seconds that a search waits for p-values, where what members score has not been measured yet."""
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
    queries = await queries_of(request, asked, hosted)
    parts = await service.answered(question, queries)
    if asked.max_distance is not None and asked.exact != "within":
        parts = [no_farther(part, asked.max_distance) for part in parts]
    _require_few(parts, asked, service.limits)
    few = sum(part.distances.size for part in parts) <= _INLINE and not asked.alignment and not asked.columns
    written = _written(parts, asked) if few else await asyncio.to_thread(_written, parts, asked)
    if asked.novelty:
        written["warnings"] += await _with_p_values(request, hosted, queries, parts, written["results"])
    written["took_ms"] = round(1000 * (time.perf_counter() - start), 2)
    return Answer(written) if few else await asyncio.to_thread(Answer, written)


def _written(parts: list[Answers], asked: SearchAsked) -> JSON:
    message, warnings = answering.message_of(parts)
    results = answering.results_json(parts, asked.columns, asked.alignment)
    written: JSON = {"results": results, "message": message, "warnings": warnings}
    if asked.records:
        written["records"] = answering.records_json(parts, results)
        if (letters := answering.letters_of(parts)) is not None:
            written["letters"] = letters
    return written


def _require_few(parts: list[Answers], asked: SearchAsked, limits: Limits) -> None:
    """Raise Problem where there are more hits than one answer may hold, or too much to align."""
    count = cells = 0
    for part in parts:
        table = part.table()
        count += len(table)
        if part.asked is not None and (asked.alignment or not PATHS.isdisjoint(asked.columns or ())):
            cells += int((part.asked.lengths[table.owners] * part.targets.lengths_of(table.rows)).sum())
    if cells > _MOST_CELLS:
        told = f"the alignments of these hits have {cells:,} cells, at most {_MOST_CELLS:,} are looked for at once"
        raise Problem(413, "too_many_hits", told, "ask for fewer queries or neighbours at a time")
    if count > limits.hits:
        told = f"there are {count:,} hits, one answer holds {limits.hits:,}"
        raise Problem(413, "too_many_hits", told, "ask for fewer queries at a time, or a smaller distance")


async def _with_p_values(
    request: Request, hosted: Hosted, queries: Sequences, parts: list[Answers], results: list[dict[str, Any]]
) -> list[str]:
    """Put a p-value into each result, null where none is known; and say why."""
    nearest = answering.nearest(parts)
    values: list[float | None] = [None] * len(results)
    try:
        values = await service_of(request).soon(lambda: hosted.p_values(queries, nearest), _SOON)
    except (ParameterError, MismatchError) as error:
        why = [f"no p-values: {error}"]
    except TimeoutError:
        why = ["no p-values yet: what members score is being measured, ask again in a while"]
    else:
        why = []
    for result, value in zip(results, values, strict=True):
        result["p_value"] = None if value is None else float(f"{value:.4g}")
    return why
