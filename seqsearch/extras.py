"""Packages that only some uses need: imported when they are used, and named with their extra where they are missing.

Without any of them neighbours are found, sequences added and verified, novelty scored (docs/installing.md).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .errors import MissingExtraError

CHECK, CLUSTER, FRAMES, HNSWLIB, LARGE, PLOT = "check", "cluster", "frames", "hnswlib", "large", "plot"
SAMPLES, SERVE, SKLEARN, TRAIN = "samples", "serve", "sklearn", "train"
OF = {"torch": TRAIN, "optuna": TRAIN, "scipy": TRAIN, "matplotlib": PLOT, "faiss": LARGE, "hnswlib": HNSWLIB}
"""The extra of packages that many places need."""

_hidden: frozenset[str] = frozenset()


def imported(module: str, extra: str) -> ModuleType:
    """A module of a package of an extra. Raises MissingExtraError, which says what to install."""
    package = module.partition(".")[0]
    if package in _hidden:
        raise MissingExtraError(package, extra)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise MissingExtraError(package, extra) from None


def installed(package: str) -> bool:
    """Whether a package that is not needed, but used where it is there, can be imported."""
    try:
        return package not in _hidden and importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # hidden by whoever embeds us
        return False


def require(package: str, what: str = "this") -> None:
    """Raise MissingExtraError, before anything is done in vain, where a package of `OF` is not installed; `what`: that
    needs it."""
    if not installed(package):
        raise MissingExtraError(package, OF[package], what)


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """As if these were not installed, in this process, where they were not imported yet or can be done without."""
    global _hidden
    before, _hidden = _hidden, _hidden | set(packages)
    try:
        yield
    finally:
        _hidden = before
