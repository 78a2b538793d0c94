"""seqsearch through its public API, as a whole process, and by proof."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import seqsearch
from seqsearch import SequenceIndex
from seqsearch.search import Results
from seqsearch.sequences import TEXT, write_fasta

from .algorithm import Algorithm, Budget, Found
from .datasets import numbered
from .processes import run
from .tasks import SequenceTask, Task

CANDIDATES = (10, 20, 30, 50, 100, 200, 400, 800, 1600)
WIDER = (30, 50, 75, 100)  # with an ef of four times as many
RECALLS = (0.90, 0.95, 0.99)
EFFORT = "SEQSEARCH_BENCH_EFFORT"  # of training; an environment variable reaches the child processes
PROGRAM = [sys.executable, "-c", "from seqsearch.cli import main; main()"]


class Seqsearch(Algorithm):
    """As `seqsearch build` makes it without options, searched in warm batches."""

    series = "seqsearch"
    kinds = ("tokens", "series")

    def version(self) -> str:
        return f"{seqsearch.__version__}, effort {os.environ.get(EFFORT, 'normal')}"

    def build(self, task: Task, folder: Path) -> None:
        assert isinstance(task, SequenceTask)
        path = folder / "index.ss"
        effort = os.environ.get(EFFORT, "normal")
        SequenceIndex.build(path, task.database, overwrite=True, effort=effort, **task.build_options).close()

    def load(self, task: Task, folder: Path) -> None:
        self.path = folder / "index.ss"
        self.index = SequenceIndex.open(self.path)
        with self.index.state():
            pass

    def budgets(self, task: Task) -> list[Budget]:
        usual = [Budget(str(c), {"candidates": c}) for c in CANDIDATES if c < task.size]
        if self.index.info()["index"] != "hnsw":
            return usual
        wider = [Budget(f"{c}, ef {4 * c}", {"candidates": c, "ef": 4 * c}) for c in WIDER if c < task.size]
        return usual + wider

    def search(self, prepared: Any, budget: Budget) -> Results:
        return self.index.search(prepared, self.k, **budget.values)

    def found(self, answer: Results) -> Found:
        return Found(answer.rows)


class SeqsearchExact(Seqsearch):
    """All by proof, no embedding."""

    series = "seqsearch --exact"
    built_by = "seqsearch"
    repeats = 1

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget("lossless", {"exact": True})]


class SeqsearchAsked(Seqsearch):
    """The recall that is asked for, against the one that comes."""

    series = "seqsearch --recall"
    part = "asked"
    built_by = "seqsearch"

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget(f"{recall:g}", {"recall": recall}) for recall in RECALLS]

    def search(self, prepared: Any, budget: Budget) -> Results:
        self.asked = budget.values["recall"]
        return super().search(prepared, budget)

    def found(self, answer: Results) -> Found:
        return Found(answer.rows, {"recall_asked": self.asked, "said": answer.budget})


class SeqsearchCalibrated(SeqsearchAsked):
    """The same after `seqsearch calibrate --queries`, with the half of the queries that is not asked."""

    series = "seqsearch --recall, calibrated on queries"
    share = 0.5

    def load(self, task: Task, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as place:  # files that are open stay readable when their names are gone
            path = Path(place) / "index.ss"
            shutil.copytree(folder / "index.ss", path)
            self.index = SequenceIndex.open(path)
            self.index.calibrate(task.queries[len(task.queries) // 2 :])
            with self.index.state():
                pass


class SeqsearchProcess(Seqsearch):
    """`seqsearch search` from a closed index, start of Python, reading and printing included."""

    series = "seqsearch search (process)"
    kinds = ("tokens",)
    mode = "process"
    built_by = "seqsearch"

    def load(self, task: Task, folder: Path) -> None:
        self.path = folder / "index.ss"
        with SequenceIndex.open(self.path) as index:
            self.rows = {name: row for row, name in enumerate(index.sequences.ids)}

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget(str(c), {"candidates": c}) for c in (30, 100, 400) if c < task.size]

    def prepare(self, task: Task, part: slice, folder: Path) -> Path:
        assert isinstance(task, SequenceTask)
        asked = numbered(task.queries[part])
        self.count = len(asked)
        if asked.alphabet == TEXT:  # FASTA holds none
            path = folder / "asked.tsv"
            rows = [f"{name}\t{asked[row].text}" for row, name in enumerate(asked.ids)]
            path.write_text("\n".join(["id\tsequence", *rows, ""]), "utf-8")
        else:
            path = folder / "asked.fasta"
            write_fasta(path, asked)
        return path

    def search(self, prepared: Path, budget: Budget) -> str:
        command = [*PROGRAM, "search", str(self.path), str(prepared), "-k", str(self.k), "-q"]
        command += ["--threads", str(self.threads), "--candidates", str(budget.values["candidates"])]
        return run(*command)

    def found(self, answer: str) -> Found:
        rows = np.full((self.count, self.k), -1, np.int64)
        for line in answer.splitlines()[1:]:
            query, rank, target, _ = line.split("\t")
            rows[int(query), int(rank) - 1] = self.rows[target]
        return Found(rows)
