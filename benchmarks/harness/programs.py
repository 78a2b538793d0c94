"""Sequence search programs, as whole processes (Debian packages vsearch and mmseqs2)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np

from seqsearch.arrays import IntArray
from seqsearch.sequences import write_fasta

from .algorithm import Algorithm, Budget, Found
from .datasets import numbered
from .processes import run
from .tasks import SequenceTask, Task


class Program(Algorithm):
    """Reads FASTA, writes a table of query and target; both are row numbers."""

    mode = "process"
    repeats = 2
    alphabets: tuple[str, ...] = ("dna",)

    def unfit(self, task: Task) -> str | None:
        return None if task.alphabet in self.alphabets else f"does not search {task.alphabet}"

    def fasta(self, task: Task, folder: Path) -> Path:
        assert isinstance(task, SequenceTask)
        path = folder / "database.fasta"
        write_fasta(path, numbered(task.database))
        return path

    def prepare(self, task: Task, part: slice, folder: Path) -> Path:
        assert isinstance(task, SequenceTask)
        path, asked = folder / "asked.fasta", numbered(task.queries[part])
        write_fasta(path, asked)
        self.count = len(asked)
        return path

    def found(self, answer: Path) -> Found:
        return Found(_table(answer, self.count))


class Vsearch(Program):
    """--usearch_global, whose hits are ranked by identity."""

    series = "vsearch"
    programs = ("vsearch",)

    def version(self) -> str:
        said = subprocess.run(["vsearch", "--version"], capture_output=True, text=True).stderr
        return said.split("_", 1)[0].split("v")[-1]

    def build(self, task: Task, folder: Path) -> None:
        source = self.fasta(task, folder)
        run("vsearch", "--makeudb_usearch", source, "--output", folder / "database.udb", "--threads", self.threads)
        source.unlink()

    def load(self, task: Task, folder: Path) -> None:
        self.folder = folder

    def budgets(self, task: Task) -> list[Budget]:
        pairs = ((10, 32), (50, 128), (200, 500))
        return [Budget(f"maxaccepts {a}", {"accepts": a, "rejects": r}) for a, r in pairs]

    def search(self, prepared: Path, budget: Budget) -> Path:
        table = prepared.with_suffix(".vsearch.tsv")
        run(
            "vsearch",
            "--usearch_global",
            prepared,
            "--db",
            self.folder / "database.udb",
            "--id",
            0.5,
            "--threads",
            self.threads,
            "--maxaccepts",
            budget.values["accepts"],
            "--maxrejects",
            budget.values["rejects"],
            "--userout",
            table,
            "--userfields",
            "query+target",
        )
        return table


class MMseqs(Program):
    """mmseqs search at its greatest sensitivity, whose hits are ranked by E-value."""

    series = "mmseqs2"
    programs = ("mmseqs",)
    alphabets = ("dna", "protein")
    repeats = 1

    def version(self) -> str:
        return subprocess.run(["mmseqs", "version"], capture_output=True, text=True).stdout.strip()

    def build(self, task: Task, folder: Path) -> None:
        source = self.fasta(task, folder)
        kind = 2 if task.alphabet == "dna" else 1
        # no createindex: for DNA that is a table of 8.6 GB, and searching without it is as fast
        run("mmseqs", "createdb", source, folder / "db", "--dbtype", kind, "-v", 1)
        source.unlink()

    def load(self, task: Task, folder: Path) -> None:
        self.folder, self.kind = folder, 3 if task.alphabet == "dna" else 1

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget(f"max-seqs {most}", {"most": most}) for most in (300, 1000)]

    def search(self, prepared: Path, budget: Budget) -> Path:
        table, scratch = prepared.with_suffix(".mmseqs.tsv"), self.folder / "scratch"
        run(
            "mmseqs",
            "easy-search",
            prepared,
            self.folder / "db",
            table,
            scratch,
            "--search-type",
            self.kind,
            "-s",
            7.5,
            "--max-seqs",
            budget.values["most"],
            "-e",
            1e6,
            "--strand",
            1,
            "--format-output",
            "query,target",
            "--threads",
            self.threads,
            "-v",
            1,
        )
        shutil.rmtree(scratch, ignore_errors=True)
        return table


def _table(path: Path, queries: int) -> IntArray:
    """(queries, most hits) rows in the order of the table, a target once."""
    pairs = np.loadtxt(path, np.int64, ndmin=2) if path.stat().st_size else np.zeros((0, 2), np.int64)
    lists: list[dict[int, None]] = [{} for _ in range(queries)]
    for query, target in pairs.tolist():
        lists[query][target] = None
    rows = np.full((queries, max(1, *map(len, lists))), -1, np.int64)
    for query, hits in enumerate(lists):
        rows[query, : len(hits)] = list(hits)
    return rows
