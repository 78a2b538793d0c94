"""Progress on stderr: bars on a terminal, a line for every finished task elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..progress import Progress, Task


def progress_for(quiet: bool = False) -> Progress:
    """Bars where stderr is a terminal, lines elsewhere, nothing when `quiet`."""
    from ..progress import SILENT

    if quiet:
        return SILENT
    return Bars() if sys.stderr.isatty() else Lines()


class _Bar:
    def __init__(self, bars: object, task_id: int) -> None:
        self._bars = bars
        self._task = task_id

    def advance(self, steps: int = 1) -> None:
        self._bars.advance(self._task, steps)  # type: ignore[attr-defined]

    def say(self, text: str) -> None:
        self._bars.update(self._task, note=text)  # type: ignore[attr-defined]


class Bars:
    """A rich bar for every task."""

    @contextmanager
    def task(self, description: str, total: int | None = None) -> Iterator[Task]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        with RichProgress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
        ) as bars:
            task_id = bars.add_task(description, total=total, note="")
            yield _Bar(bars, task_id)
            if total is None:
                bars.update(task_id, total=bars.tasks[0].completed)

    def note(self, text: str) -> None:
        click.echo(text, err=True)


class _Count:
    def __init__(self) -> None:
        self.done = 0
        self.text = ""

    def advance(self, steps: int = 1) -> None:
        self.done += steps

    def say(self, text: str) -> None:
        self.text = text


class Lines:
    """One line when a task is finished, for logs and pipes."""

    @contextmanager
    def task(self, description: str, total: int | None = None) -> Iterator[Task]:
        count = _Count()
        start = time.perf_counter()
        yield count
        seconds = time.perf_counter() - start
        if seconds >= 1:
            parts = [f"{description}:", f"{count.done:,}" if count.done else "", f"in {seconds:.1f} s", count.text]
            click.echo(" ".join(part for part in parts if part), err=True)

    def note(self, text: str) -> None:
        click.echo(text, err=True)
