"""The one interface of everything that is measured."""

from __future__ import annotations

import importlib.util
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from seqsearch.arrays import IntArray
from seqsearch.sequences import Sequences

from .tasks import Task


@dataclass(frozen=True)
class Budget:
    """One setting of a search: `label` for tables and plots, `values` for the algorithm."""

    label: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """`rows`: (Q, C) of the database in the algorithm's own order, -1 padded; `notes` become columns of the row."""

    rows: IntArray
    notes: dict[str, Any] = field(default_factory=dict)


class Algorithm(ABC):
    """Build in one process, load and search in another.

    `series`: its name in tables; `kinds`: the tasks it can do; `modules` and `programs`: what has to be installed;
    `share`: how many of the queries it is asked, the others being its own to look at;
    `part`: the part of the benchmark its rows belong to; `mode`: "warm" for batches in a process that has loaded, or
    "process" for a whole process from closed files; `built_by`: the algorithm whose built files it searches.
    """

    series: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ("tokens",)
    modules: ClassVar[tuple[str, ...]] = ()
    programs: ClassVar[tuple[str, ...]] = ()
    package: ClassVar[str] = ""
    part: ClassVar[str] = "speed"
    mode: ClassVar[str] = "warm"
    built_by: ClassVar[str | None] = None
    adds: ClassVar[bool] = False
    repeats: ClassVar[int] = 3
    share: ClassVar[float] = 1.0

    def __init__(self, threads: int, k: int) -> None:
        self.threads = threads
        self.k = k

    def lacking(self, task: Task) -> str | None:
        """Why it cannot take part, None when it can."""
        if task.kind not in self.kinds:
            return f"does not search {task.kind}"
        for module in self.modules:
            if importlib.util.find_spec(module) is None:
                return f"the Python module {module} is not installed"
        for program in self.programs:
            if shutil.which(program) is None:
                return f"the program {program} is not installed"
        return self.unfit(task)

    def unfit(self, task: Task) -> str | None:
        """Why this task is none for it."""
        return None

    def version(self) -> str:
        return version(self.package) if self.package else ""

    @abstractmethod
    def build(self, task: Task, folder: Path) -> None:
        """Make what `load` needs: on disk in `folder`, or, where the library has no files, in memory only."""

    def load(self, task: Task, folder: Path) -> None:
        """Get ready to search. Builds again where there are no files."""
        self.build(task, folder)

    def reopened(self, task: Task, folder: Path) -> bool:
        """Open once more, when files and code are warm; False where there is no file to open."""
        return False

    def told(self) -> dict[str, Any]:
        """More columns of a build, after `build`."""
        return {}

    def add(self, sequences: Sequences, folder: Path) -> None:
        """Add to what `load` opened, durably, and find it from then on."""
        raise NotImplementedError

    def finds(self, sequences: Sequences) -> float | None:
        """The share of some of these, which were added, that a search finds itself; None where that is not known."""
        return None

    @abstractmethod
    def budgets(self, task: Task) -> list[Budget]:
        """What is measured, cheapest first."""

    def prepare(self, task: Task, part: slice, folder: Path) -> Any:
        """That part of the queries in the form the library takes them; not timed."""
        return task.queries[part]

    @abstractmethod
    def search(self, prepared: Any, budget: Budget) -> Any:
        """Answer them; this is timed."""

    def found(self, answer: Any) -> Found:
        """What was answered; not timed."""
        return Found(answer)
