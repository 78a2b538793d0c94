"""Routes for what is seen of an index: its map, how far neighbours are, and some of what it holds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from ..arrays import JSON, DoubleArray
from ..errors import MismatchError, ParameterError
from ..evaluation.plots.histograms import bin_edges
from ..search.novelty import KnownScores
from ..sequences import Sequences
from .answering import series_json
from .asking import Asked, sequences_of
from .background import PATIENCE
from .documented import body
from .hosted import Hosted
from .maps import maps_of, nothing_packed, packed
from .problems import Problem, without_paths
from .web import PROBLEMS, Answer, asked_of, hosted_of, service_of

router = APIRouter(prefix="/v1/indexes/{name}", responses=PROBLEMS)
Method = Literal["auto", "pca", "tsne"]
Row = Annotated[int, Query(ge=0, le=2**40, description="The number of a row.")]
_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_LATER: dict[str, Any] = {"description": "It is being made: ask again in a moment."}
_EXAMPLES = 3
_TURNS = 20  # that a request for places waits for a map
_READ = 120  # letters of a text that are told of a point


class PlaceAsked(Asked):
    """Queries, and ids of stored sequences, to be found on the map."""

    method: Method = "auto"
    ids: list[str] = Field(default_factory=list, max_length=10_000)


@router.get(
    "/map",
    summary="Every stored sequence as a point of the plane",
    response_class=Response,
    responses={200: _BYTES, 202: _LATER},
)
async def drawn_map(
    request: Request,
    name: str,
    method: Annotated[Method, Query(description="auto: by t-SNE where the index keeps such a map.")] = "auto",
    by: Annotated[str | None, Query(max_length=200, description="label, length, a column ...")] = None,
    rank: Annotated[int | None, Query(ge=1, le=100, description="Of a lineage such as a; b; c.")] = None,
    part: Annotated[Literal["all", "colours"], Query(description="colours: without the places.")] = "all",
) -> Response:
    """The length of a JSON head in 4 bytes, little-endian; the head; and the blocks that it names, each filled up to a
    multiple of 4 bytes: places (n, 2) float32, rows uint32 where these are not 0 to n - 1, and groups uint8, numbers of
    its names, or numbers float32. It is drawn once, and kept in the index where that can be written."""
    maps = maps_of(hosted_of(request, name))

    def made() -> bytes | None:
        try:
            found = maps.draw(method)
        except MismatchError as error:
            return nothing_packed(without_paths(str(error), service_of(request).shelf.names))
        if found is None:
            return None
        colours = maps.coloured(found, method, by, rank)
        return None if colours is None else packed(found, *colours, places=part == "all")

    content = await asyncio.to_thread(made)
    if content is None:
        return _later()
    return Response(content, media_type="application/octet-stream")


@router.post("/map/place", summary="Where queries lie on the map", openapi_extra=body(PlaceAsked, fasta=False))
async def place(request: Request, name: str) -> Answer:
    """`queries`: a place each; `targets`: of the ids, null for those that are not there."""
    service, hosted = service_of(request), hosted_of(request, name)
    asked = await asked_of(request, PlaceAsked, fasta=False)
    queries = sequences_of(asked, hosted, service.limits)
    for _ in range(_TURNS):
        found = await asyncio.to_thread(maps_of(hosted).place, asked.method, queries, asked.ids)
        if found is not None:
            break
        await asyncio.sleep(PATIENCE)
    else:
        raise Problem(503, "drawing", "the map is being drawn", "ask again in a moment", 1)
    return Answer(found)


@router.get("/map/point", summary="What a point of the map is")
async def point(request: Request, name: str, row: Row) -> Answer:
    """Its id, label, description and length, and of a text how it begins."""
    return Answer(await asyncio.to_thread(_point, hosted_of(request, name), row))


@router.get("/map/record", summary="The sequence behind a point of the map")
async def record(request: Request, name: str, row: Row) -> Answer:
    """As a query: `id`, and `sequence` or `values`."""
    hosted = hosted_of(request, name)
    return Answer({"record": await asyncio.to_thread(lambda: _as_queries(_row(hosted, row))[0])})


@router.get("/examples", summary="Some of what is stored")
async def examples(request: Request, name: str, seed: Annotated[int, Query(ge=0, le=2**31)] = 0) -> Answer:
    """Up to three stored sequences, drawn by `seed`, as queries."""
    hosted = hosted_of(request, name)

    def some() -> JSON:
        with hosted.one.state() as state:
            rows = np.flatnonzero(state.live)
            rng = np.random.default_rng(seed)
            drawn = rng.choice(rows, min(_EXAMPLES, len(rows)), replace=False) if len(rows) else rows
            return {"examples": _as_queries(state.targets[drawn])}

    return Answer(await asyncio.to_thread(some))


@router.get("/histogram", summary="How far stored sequences are from their nearest", responses={202: _LATER})
async def histogram(
    request: Request,
    name: str,
    fpr: Annotated[float, Query(gt=0, lt=1, description="Share of known sequences beyond the threshold.")] = 0.01,
) -> Response:
    """Bins from `edges[i]` to `edges[i + 1]` with `counts[i]` of `known` stored sequences, each judged as if it were
    not stored; a query beyond `threshold` is novel at `fpr` (null: too few are known). `why`: nothing is known. The
    first request measures it."""
    service, hosted = service_of(request), hosted_of(request, name)
    try:
        known = await asyncio.to_thread(maps_of(hosted).known_scores)
    except (ParameterError, MismatchError) as error:
        nothing = KnownScores.of(np.zeros(0), "", 0, "", {})
        return Answer(_binned(nothing, fpr) | {"why": without_paths(str(error), service.shelf.names)})
    return _later() if known is None else Answer(_binned(known, fpr))


def _later() -> Response:
    return Response(status_code=202, headers={"Retry-After": "1"})


def _row(hosted: Hosted, row: int) -> Sequences:
    """(1,) the record of a row. Raises Problem 404."""
    with hosted.one.state() as state:
        if row >= len(state.live) or not state.live[row]:
            raise Problem(404, "unknown_row", f"no sequence is stored in row {row}")
        return state.targets[np.array([row])]


def _point(hosted: Hosted, row: int) -> JSON:
    found = _row(hosted, row)
    one = found[0]
    text = one.text[:_READ] if found.alphabet is not None and found.alphabet.name.startswith("text") else ""
    told = {"id": one.id, "label": one.label or "", "description": one.description or ""}
    return {**told, "length": len(one), "text": text}


def _as_queries(sequences: Sequences) -> list[JSON]:
    if sequences.alphabet is not None:
        return [{"id": one.id, "sequence": one.text} for one in sequences]
    return [{"id": one.id, "values": series_json(one.data)} for one in sequences]


def _binned(known: KnownScores, fpr: float) -> JSON:
    scores: DoubleArray = known.scores[np.isfinite(known.scores)]
    edges = bin_edges(scores) if len(scores) else np.zeros(0)
    counts = np.histogram(scores, edges)[0].tolist() if len(scores) else []
    threshold = known.threshold(fpr)
    return {
        "edges": edges.tolist(),
        "counts": counts,
        "known": len(known),
        "source": known.source,
        "fpr": fpr,
        "threshold": threshold if np.isfinite(threshold) else None,
        "why": "",
    }
