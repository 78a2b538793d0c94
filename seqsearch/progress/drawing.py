"""Progress drawn on stderr: bars on a terminal; elsewhere a line for every finished task, more of long ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import Progress, Task

EVERY = 10.0
"""Seconds between two lines about one task."""
LONG = 1.0
"""Seconds from which a finished task is worth a line."""
_AT_ONCE = 0.1  # seconds within which a task says what was done before it began


def drawn() -> Progress:
    """Bars where stderr is a terminal, lines elsewhere."""
    return Bars() if sys.stderr.isatty() else Lines()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
        _tell(text)


class _Line:
    """A task whose progress is told every `EVERY` seconds."""

    def __init__(self, description: str, total: int | None) -> None:
        self.description, self.total = description, total
        self.done, self.before, self.text = 0, 0, ""
        self.start = self.told = time.perf_counter()

    def advance(self, steps: int = 1) -> None:
        self.done += steps
        now = time.perf_counter()
        if now - self.start < _AT_ONCE:  # done by an interrupted run: it says nothing about the pace
            self.before = self.done
        if now - self.told >= EVERY:
            self.told = now
            _tell(self.status(now - self.start))

    def say(self, text: str) -> None:
        self.text = text

    def status(self, seconds: float) -> str:
        """How far it is, how fast it goes, and how long it will take from here at that pace."""
        rate = (self.done - self.before) / max(seconds, _AT_ONCE)
        pace = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
        if not self.total:
            parts = [f"{self.done:,}", pace, self.text]
        else:
            left = clock((self.total - self.done) / rate) + " left" if rate else ""
            share = f"{self.done / self.total:.0%}"
            parts = [share, f"{self.done:,} of {self.total:,}", pace, left, self.text]
        return f"{self.description}: {', '.join(part for part in parts if part)}"

    def end(self) -> str:
        """What was done, and in which time; nothing of what took less than `LONG`."""
        seconds = time.perf_counter() - self.start
        if seconds < LONG:
            return ""
        parts = [f"{self.description}:", f"{self.done:,}" if self.done else "", f"in {seconds:.1f} s", self.text]
        return " ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Lines:
    """A line every ten seconds, and one when a task is finished, for logs and pipes."""

    @contextmanager
    def task(self, description: str, total: int | None = None) -> Iterator[Task]:
        line = _Line(description, total)
        yield line
        if ended := line.end():
            _tell(ended)

    def note(self, text: str) -> None:
        _tell(text)
