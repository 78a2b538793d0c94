"""Routes for jobs: more queries than one request holds, answered when there is time."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import Field, ValidationError

from ..search.exporting import usual
from .asking import FASTA_TYPES, SearchAsked
from .documented import body
from .hosted import Hosted
from .job_formats import TYPES, lines, parquet, shown_columns
from .jobs import QUERIES, Job, JobRunner
from .problems import Problem
from .web import PROBLEMS, Answer, asked_of, invalid, options_of, service_of

router = APIRouter(prefix="/v1/jobs", responses=PROBLEMS)


class JobAsked(SearchAsked):
    """A search of an index, with as many queries as there are."""

    index: str = Field(examples=["refs"])


def _runner(request: Request) -> JobRunner:
    found = service_of(request).jobs
    if found is None:
        raise Problem(404, "no_jobs", "this service takes no jobs", "seqsearch serve --jobs DIR")
    return found


def _job(request: Request, job_id: str) -> Job:
    found = _runner(request).folder.get(job_id)
    if found is None:
        raise Problem(404, "unknown_job", "there is no such job")
    return found


@router.post("", summary="Ask without waiting", status_code=202, openapi_extra=body(JobAsked))
async def submit(request: Request) -> Answer:
    """The job is on disk when this answers, and is answered even if the service is restarted. A body of FASTA may be as
    long as the service allows; index, k and the rest are in the query string then."""
    runner, service = _runner(request), service_of(request)
    if runner.waiting >= service.limits.jobs:
        raise Problem(429, "busy", f"{runner.waiting} jobs wait already", "try again later", 60)
    folder = await asyncio.to_thread(runner.folder.new)
    try:
        asked = await _received(request, folder)
        hosted = service.hosted(asked.index)
        asked.search(hosted, service.limits)
        options = asked.model_dump(exclude={"queries", "fasta", "records", "alignment", "novelty"})
        options["shown"] = asked.columns or _usual(hosted, asked)
        options["usual"] = not asked.columns
        options["body"] = "text" if asked.queries is None and asked.fasta == "" else "json"
        job = await asyncio.to_thread(runner.folder.keep, folder, options)
    finally:
        if folder.is_dir():
            await asyncio.to_thread(shutil.rmtree, folder, True)
    runner.add(job)
    return Answer(runner.status(job), 202, {"Location": f"/v1/jobs/{job.id}"})


def _usual(hosted: Hosted, asked: JobAsked) -> tuple[str, ...]:
    """The columns of hits where none are named."""
    return usual(asked.strand == "both", hosted.index.finds_parts)


async def _received(request: Request, folder: Path) -> JobAsked:
    """What is asked; the queries are in the folder then."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FASTA_TYPES:
        try:
            asked = JobAsked.model_validate({**options_of(request.query_params, JobAsked), "fasta": ""})
        except ValidationError as error:
            raise invalid(error) from None
        seconds = service_of(request).limits.seconds
        with open(folder / QUERIES, "wb") as file:
            chunks = request.stream().__aiter__()
            while True:
                try:
                    async with asyncio.timeout(seconds):
                        chunk = await anext(chunks, None)
                except TimeoutError:
                    raise Problem(408, "too_slow", "the request came too slowly") from None
                if chunk is None:
                    return asked
                await asyncio.to_thread(file.write, chunk)
    asked = await asked_of(request, JobAsked, fasta=False)
    if (asked.queries is None) == (asked.fasta is None):
        raise Problem(422, "no_queries", "give queries or fasta")
    content = asked.model_dump_json(include={"queries", "fasta"})
    await asyncio.to_thread((folder / QUERIES).write_text, content, "utf-8")
    return asked


@router.get("/{job_id}", summary="What became of it")
async def job(request: Request, job_id: str) -> Answer:
    """queued, running (with the queries that are answered), done or failed."""
    found = _job(request, job_id)
    return Answer(await asyncio.to_thread(_runner(request).status, found))


@router.delete("/{job_id}", summary="Forget it", status_code=204)
async def forget(request: Request, job_id: str) -> Response:
    """Its result is gone; one that runs is given up."""
    await asyncio.to_thread(_runner(request).remove, _job(request, job_id))
    return Response(status_code=204)


@router.get(
    "/{job_id}/result",
    summary="The hits",
    response_class=Response,
    responses={200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in TYPES.values()}}},
)
async def result(
    request: Request, job_id: str, format: Annotated[Literal["tsv", "blast6", "json", "parquet"], Query()] = "tsv"
) -> Response:
    """As `seqsearch search` writes them; JSON is one object a line."""
    found = _job(request, job_id)
    summary = await asyncio.to_thread(lambda: found.summary)
    if summary is None:
        raise Problem(409, "not_done", "the job is not done", "ask for it again in a while", 1)
    if summary["status"] == "failed":
        raise Problem(409, "failed", summary["error"]["message"])
    columns = shown_columns(summary, found.request, format)
    if format == "parquet":
        return FileResponse(await asyncio.to_thread(parquet, found.result, columns), media_type=TYPES[format])
    return StreamingResponse(lines(found.result, format, columns), media_type=TYPES[format])
