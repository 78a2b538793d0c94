"""From a family's name and settings to its torch network."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import ParameterError
from .encoder import Encoder
from .families import family_named
from .inputs import InputSpec


def build_encoder(name: str, spec: InputSpec, settings: dict[str, Any]) -> Encoder:
    """A network of that family with fresh weights. Raises ParameterError for an untrained family or odd settings."""
    family = family_named(name, "series" if spec.alphabet is None else "tokens")
    if not family.trained:
        raise ParameterError(f"encoder {family.name!r} has nothing to train")
    if spec.reading is not None and not family.steps:
        raise ParameterError(f"encoder {family.name!r} does not read words: choose one that reads step by step")
    network = getattr(importlib.import_module(f".{family.module}", __package__), family.network)
    try:
        encoder: Encoder = network(spec, **settings)
    except TypeError as error:
        raise ParameterError(f"encoder {family.name!r}: {error}") from None
    return encoder
