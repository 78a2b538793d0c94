"""seqsearch built in a stream by kind of candidate index, with the time of each step and what adding costs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqsearch import SequenceIndex
from seqsearch.progress import Task as Work
from seqsearch.sequences import Sequences

from .algorithm import Budget
from .ours import EFFORT, Seqsearch, SeqsearchAsked
from .tasks import SequenceTask, Task

BATCH = 65_536  # records a batch, as `read_batches` reads them
LISTS = (2, 4, 8, 16, 32, 64, 128, 256)
PROPOSED = (20, 50, 100, 200, 400)
PROBED = 100  # added sequences that are asked for themselves


class Steps:
    """A `Progress` that keeps the seconds of each task by its description."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def task(self, description: str, total: int | None = None) -> Iterator[Work]:
        start = time.perf_counter()
        try:
            yield _Unseen()
        finally:
            spent = time.perf_counter() - start
            self.seconds[description] = self.seconds.get(description, 0.0) + spent

    def note(self, text: str) -> None:
        """Nothing to keep."""


class _Unseen:
    def advance(self, steps: int = 1) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class Streamed(Seqsearch):
    """One kind of candidate index; what is stored arrives in batches.

    `model_of`: the encoder is that of one of these algorithms, where it is built, since training it again says nothing
    new; `steps` then has no training.
    """

    kinds = ("tokens",)
    adds = True
    options: ClassVar[dict[str, Any]] = {}
    model_of: ClassVar[tuple[str, ...]] = ()

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, SequenceTask)
        stored = task.database
        parts = (stored[start : start + BATCH] for start in range(0, len(stored), BATCH))
        options = {"effort": os.environ.get(EFFORT, "normal"), **task.build_options, **self.options}
        self.steps, path, model = Steps(), folder / "index.ss", None
        trained = [there for name in self.model_of if (there := folder.parent / name / path.name).exists()]
        if trained:
            with SequenceIndex.open(trained[0]) as index:
                model = index.model
        with SequenceIndex.build(path, parts, overwrite=True, model=model, progress=self.steps, **options) as index:
            self.facts = index.info()

    def told(self) -> dict[str, Any]:
        return {"steps": self.steps.seconds, "bytes": self.facts["bytes"], "parts": self.facts["bytes_by_part"]}

    def reopened(self, task: Task, folder: Path) -> bool:
        self.index.close()
        self.load(task, folder)
        return True

    def budgets(self, task: Task) -> list[Budget]:
        with self.index.state() as state:
            most = getattr(state.candidates, "lists", None)
        if most is None:
            return super().budgets(task)
        pairs = [(lists, count) for count in PROPOSED for lists in LISTS if count / 32 <= lists <= most]
        pairs = [(lists, count) for lists, count in pairs if count < task.size]
        return [Budget(f"{count}, lists {lists}", {"candidates": count, "lists": lists}) for lists, count in pairs]

    def add(self, sequences: Sequences, folder: Path) -> None:
        self.index.add(sequences)

    def finds(self, sequences: Sequences) -> float:
        asked = sequences[np.linspace(0, len(sequences) - 1, min(PROBED, len(sequences))).astype(np.int64)]
        return float((self.index.search(asked, 1).distances[:, 0] == 0).mean())


class Ivf4(Streamed):
    """Compressed lists, 4 bits a dimension: 64 bytes a sequence."""

    series = "seqsearch ivf, 4 bits"
    options: ClassVar[dict[str, Any]] = {"index": "ivf", "index_parameters": {"bits": 4}}
    model_of = ("seqsearch",)


class Ivf2(Streamed):
    """Compressed lists, 2 bits a dimension: 32 bytes a sequence."""

    series = "seqsearch ivf, 2 bits"
    options: ClassVar[dict[str, Any]] = {"index": "ivf", "index_parameters": {"bits": 2}}
    model_of = ("seqsearch-ivf4", "seqsearch")


class Graph(Streamed):
    series = "seqsearch hnsw"
    options: ClassVar[dict[str, Any]] = {"index": "hnsw"}
    model_of = ("seqsearch-ivf4", "seqsearch")


class Ivf4Asked(SeqsearchAsked):
    series = "seqsearch ivf, 4 bits, --recall"
    kinds = ("tokens",)
    built_by = "seqsearch-ivf4"
