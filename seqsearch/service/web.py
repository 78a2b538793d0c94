"""What the routes share: bodies, answers, and how they find the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from ..sequences import Sequences
from .asking import FASTA_TYPES, Asked, sequences_of
from .hosted import Hosted
from .problems import Problem
from .running import Service

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")
_SMALL = 1 << 16  # bytes
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "remedy": {"type": "string"}},
        }
    },
}
_TOLD = {
    400: "It cannot be read.",
    401: "A token is needed.",
    403: "This token may read, not write.",
    404: "There is none of that name.",
    408: "It came too slowly.",
    409: "It does not fit what is there.",
    413: "It is too much at once.",
    415: "It is of an unknown type.",
    422: "It can be read, but makes no sense here.",
    429: "Too many wait already: Retry-After says when to come back.",
    503: "Not just now: Retry-After says when to come back.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": told, "content": {"application/json": {"schema": PROBLEM}}}
    for status, told in _TOLD.items()
}


class Answer(Response):
    """JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return orjson.dumps(content, option=_OPTIONS)


def service_of(request: Request) -> Service:
    """The service that was asked."""
    service: Service = request.app.state.service
    return service


def hosted_of(request: Request, name: str) -> Hosted:
    """An index by name. Raises Problem 404."""
    return service_of(request).hosted(name)


def require_write(request: Request) -> None:
    """Raise Problem 403 for a token that may only read."""
    if request.scope.get("state", {}).get("role") != "write":
        raise Problem(403, "read_only_token", "this token may read, not write")


async def body_of(request: Request) -> bytes:
    """The body. Raises Problem 413, and 408 for one that comes too slowly."""
    try:
        async with asyncio.timeout(service_of(request).limits.seconds):
            return await request.body()
    except TimeoutError:
        raise Problem(408, "too_slow", "the request came too slowly") from None


async def beside(request: Request, work: Callable[[], T]) -> T:
    """What is made of a body: of a large one in a thread, so that others are heard meanwhile."""
    length = request.headers.get("content-length", "")
    small = length.isdigit() and int(length) <= _SMALL
    return work() if small else await asyncio.to_thread(work)


async def queries_of(request: Request, asked: Asked, hosted: Hosted) -> Sequences:
    """The queries of a request. Raises as `sequences_of`."""
    return await beside(request, lambda: sequences_of(asked, hosted, service_of(request).limits))


async def asked_of(request: Request, model: type[Model], *, fasta: bool = True) -> Model:
    """A body of JSON; or, with `fasta`, one of sequences, with the rest of the request in the query string.

    Raises Problem 415, 400 for what is no JSON, 422 for what does not fit.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await body_of(request)
    try:
        if kind == "application/json":
            return await beside(request, lambda: model.model_validate_json(content))
        if fasta and kind in FASTA_TYPES:
            return model.model_validate({**options_of(request.query_params, model), "fasta": _text(content)})
    except ValidationError as error:
        raise invalid(error) from None
    known = ("application/json", *(FASTA_TYPES if fasta else ()))
    raise Problem(415, "unknown_type", f"the type of the body is {kind[:80] or 'not given'!r}", f"send {known[0]}")


def options_of(given: Mapping[str, str], model: type[BaseModel]) -> dict[str, object]:
    """The query string as fields of a model; lists are written with commas."""
    lists = {name for name, field in model.model_fields.items() if "list[str]" in str(field.annotation)}
    return {name: value.split(",") if name in lists else value for name, value in given.items()}


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, "no_text", f"byte {error.start + 1} is no UTF-8 text") from None


def invalid(error: ValidationError) -> Problem:
    """The first thing that is wrong in a body."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part)[:40] for part in first["loc"][:6])
    if first["type"] == "json_invalid":
        return Problem(400, "no_json", f"the body is no JSON: {first['msg'][:200]}")
    return Problem(422, "bad_parameter", f"{place}: {first['msg'][:300]}" if place else first["msg"][:300])
