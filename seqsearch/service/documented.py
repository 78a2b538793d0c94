"""The bodies of requests, as OpenAPI has them: read by hand, so that they may be FASTA as well as JSON."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from .asking import FASTA_TYPES

_REFERENCE = "#/components/schemas/{model}"
_MODELS: dict[str, type[BaseModel]] = {}


def body(model: type[BaseModel], *, fasta: bool = True) -> dict[str, Any]:
    """What a route says of its body; `fasta`: it may be a file of sequences, with the rest in the query string."""
    _MODELS[model.__name__] = model
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}}
    if fasta:
        content[FASTA_TYPES[0]] = {"schema": {"type": "string", "example": ">read1\nTACGGAGGATCCGAGCG\n"}}
    return {"requestBody": {"required": True, "content": content}}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the models of all bodies."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name, model in _MODELS.items():
            own = model.model_json_schema(ref_template=_REFERENCE)
            schemas |= own.pop("$defs", {}) | {name: own}
        app.openapi_schema = made
    return app.openapi_schema
