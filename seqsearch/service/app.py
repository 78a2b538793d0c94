"""The application: routes, what stands before them, and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from .. import __version__
from ..errors import SeqsearchError
from . import health_routes, job_routes, judging_routes, record_routes, search_routes, views
from .documented import document
from .guard import Guard
from .problems import Problem, problem_of
from .running import Service
from .web import Answer

PAGE = Path(__file__).with_name("page")
ROUTERS = (
    *(search_routes.router, judging_routes.router, record_routes.router, job_routes.router, views.router),
    health_routes.router,
)
"""A module of routes adds its router here; before the page, which takes what is left."""
_METHODS = ("GET", "POST", "PUT", "DELETE")
_CODES = {404: "not_found", 405: "not_allowed"}


def create_app(service: Service) -> FastAPI:
    """The application that asks `service`; it closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="seqsearch",
        version=__version__,
        description="Nearest neighbours of sequences, each with its exact distance.",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    app.add_middleware(Guard, service=service)

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return Answer(error.to_json(), error.status, error.headers)

    @app.exception_handler(SeqsearchError)
    async def _known(request: Request, error: Exception) -> Response:
        told = problem_of(error, service.shelf.names)
        if told is None:
            raise error
        return await _problem(request, told)

    app.exception_handler(MemoryError)(_known)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part)[:40] for part in first["loc"])
        return await _problem(request, Problem(422, "bad_parameter", f"{place}: {first['msg']}"[:300]))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status, headers = error.status_code, dict(error.headers or {})
        if status == 404 and (allowed := _allowed(app, request)):
            status, headers = 405, {"Allow": ", ".join(allowed)}
        message = "the method is not allowed here" if status == 405 else str(error.detail)[:200]
        answer = await _problem(request, Problem(status, _CODES.get(status, "refused"), message))
        answer.headers.update(headers)
        return answer

    return app


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """The methods of the routes of that path: the page, which comes last, would take it for a file of its own."""
    routes = [route for route in app.routes if not isinstance(route, Mount)]
    scopes = [{**request.scope, "method": method} for method in _METHODS if method != request.method]
    return [scope["method"] for scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)]
