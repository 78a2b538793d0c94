"""What long work tells whoever is watching: nobody, bars and lines on stderr (`drawing`), or a `Progress` of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ..errors import ParameterError


class Task(Protocol):
    """One piece of long work."""

    def advance(self, steps: int = 1) -> None:
        """`steps` more units are done."""

    def say(self, text: str) -> None:
        """Show a short note beside the bar, such as a loss."""


class Progress(Protocol):
    """Somebody who watches."""

    def task(self, description: str, total: int | None = None) -> AbstractContextManager[Task]:
        """A context manager around one task; `total` None means the amount is not known ahead."""

    def note(self, text: str) -> None:
        """A line worth keeping after the bars are gone."""


class _SilentTask:
    def advance(self, steps: int = 1) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class Silent:
    """Nobody watches: the default of every library function."""

    @contextmanager
    def task(self, description: str, total: int | None = None) -> Iterator[Task]:
        yield _SilentTask()

    def note(self, text: str) -> None:
        pass


SILENT = Silent()

Watching = Progress | bool
"""What the argument `progress` of public functions takes: True draws bars or lines on stderr, False is silent."""


def watched(progress: Watching) -> Progress:
    """Whoever watches. Raises ParameterError for what is neither a bool nor has the methods of `Progress`."""
    if progress is True:
        from .drawing import drawn

        return drawn()
    if progress is False:
        return SILENT
    if not (callable(getattr(progress, "task", None)) and callable(getattr(progress, "note", None))):
        raise ParameterError(f"progress is True, False or an object with the methods task and note, not {progress!r}")
    return progress
