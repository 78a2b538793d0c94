"""The HTTP interface is what its OpenAPI document says: requests made of the document, answers held against it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import Receive, Scope, Send

from seqsearch.service.app import create_app
from tests.service.conftest import service_of, with_jobs

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


EXAMPLES = 2
FEWEST = 20  # operations
WRONG = ("/search", "/records", "/jobs")


@pytest.fixture(scope="module")
def schema(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("contract")
    shutil.copytree(folders["genes"], place / "refs.ss")
    service = with_jobs(service_of(place / "refs.ss", writable=True), place / "jobs")
    app = create_app(service)

    async def kept_open(scope: Scope, receive: Receive, send: Send) -> None:
        """The application, which does not end after each request, as that of a test does."""
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for what in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{what}.complete"})

    yield schemathesis.openapi.from_asgi("/openapi.json", kept_open)
    service.close()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_requests_made_of_the_document(schema: Any, mode: GenerationMode) -> None:
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= FEWEST
    if mode is GenerationMode.NEGATIVE:  # which takes long to make
        operations = [one for one in operations if one.path.endswith(WRONG) and one.method == "post"]
        assert len(operations) == len(WRONG)
    for operation in operations:

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def asked(case: schemathesis.Case) -> None:
            if case.path_parameters and "name" in case.path_parameters:
                case.path_parameters["name"] = "refs"  # others are not found
            case.call_and_validate(checks=CHECKS, headers={"Host": "localhost"})

        asked()
