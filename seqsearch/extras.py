"""Packages that only some uses need: imported when they are used, and named with their extra where they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import MissingExtraError

CLUSTER, FRAMES, SERVE, SKLEARN = "cluster", "frames", "serve", "sklearn"


def imported(module: str, extra: str) -> ModuleType:
    """A module of a package of an extra. Raises MissingExtraError, which says what to install."""
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(package, extra) from None
