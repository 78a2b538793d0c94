"""The parent: prepares tasks, runs every phase in a child process, scores what was found, and keeps the rows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch.arrays import IntArray
from seqsearch.distances import recall_at
from seqsearch.evaluation import as_json_lines

from .algorithm import Algorithm
from .ranks import candidate_recall
from .registry import ALGORITHMS
from .tasks import SequenceTask, Task

HERE = Path(__file__).resolve().parents[1]
Row = dict[str, Any]


class Ledger:
    """Rows in a file, each written as soon as it is known; what is there already is not measured again."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path is not None and path.exists() else []
        self.rows: list[Row] = [json.loads(line) for line in lines if line.strip()]

    def has(self, data: str, series: str) -> bool:
        return any(row["data"] == data and row["series"] == series and "skipped" not in row for row in self.rows)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()}
        print("  ".join(f"{name}={value}" for name, value in shown.items() if value is not None), flush=True)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(as_json_lines([row]))

    def forget(self, data: str, series: str) -> None:
        """Leave out what an earlier run measured."""
        kept = [row for row in self.rows if (row["data"], row["series"].removesuffix(RERANKED)) != (data, series)]
        if len(kept) < len(self.rows):
            self.rows = kept
            if self.path is not None:
                self.path.write_text(as_json_lines(kept), "utf-8")


RERANKED = ", re-ranked"


@dataclass(frozen=True)
class Settings:
    """`work`: where tasks and built indexes are kept; `seconds`: time of one cell, `most`: of one child process;
    `adds`: measure adding as well."""

    work: Path
    threads: int = 2
    queries: int = 1000
    seconds: float = 60.0
    most: float = 7200.0
    rebuild: bool = False
    adds: bool = False


def measure(task: Task, names: list[str], settings: Settings, ledger: Ledger, *, again: bool = False) -> None:
    """Every algorithm of `names` on `task`; one that cannot take part, or fails, becomes a row that says why."""
    rebuilt = set()  # several algorithms search what one of them built
    for name in names:
        kind = ALGORITHMS[name]
        if task.kind not in kind.kinds:
            continue
        if again:
            ledger.forget(task.name, kind.series)
        elif ledger.has(task.name, kind.series):
            continue
        ledger.forget(task.name, kind.series)
        builder = kind.built_by or name
        own = replace(settings, rebuild=settings.rebuild and builder not in rebuilt)
        rebuilt.add(builder)
        for row in rows_of(task, name, kind(settings.threads, task.k), own):
            ledger.add(row)


def rows_of(task: Task, name: str, algorithm: Algorithm, settings: Settings) -> Iterator[Row]:
    """Build where nothing is built, search, and score."""
    common: Row = {"part": algorithm.part, "data": task.name, "n": task.size, "k": task.k, "series": algorithm.series}
    reason = algorithm.lacking(task)
    if reason is not None:
        yield {**common, "skipped": reason}
        return
    try:
        built = _built(task, algorithm.built_by or name, settings)
        folder = _place(task, algorithm.built_by or name, settings)
        added = _added(task, name, folder, settings) if settings.adds and algorithm.adds else {}
        told, rows = _searched(task, name, folder, settings)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        yield {**common, "skipped": f"failed: {error}"}
        return
    common |= {"mode": algorithm.mode, "threads": settings.threads}
    cells = told.pop("cells")
    costs = {**built, **told, **added}
    for cell, found in zip(cells, rows, strict=True):
        cell.pop("number")
        yield from scored(task, {**common, **cell, **costs}, found, settings.threads)


def scored(task: Task, row: Row, found: IntArray, used: int) -> Iterator[Row]:
    """The row with its recall as the algorithm ranks; a second one for all its hits, verified and put in order.

    The time of that is what it takes our own kernels, which are the fastest there are: it favours the peer.
    """
    truth = task.reach(len(found))
    distances = task.verified(found)
    row |= {"candidate_recall": candidate_recall(distances, truth, task.k)}
    yield row | {"recall": float(recall_at(distances, truth, task.k).mean())}
    if found.shape[1] <= task.k or not isinstance(task, SequenceTask):
        return
    asked = task.queries[: len(found)]
    task.distance.rerank(asked[:2], task.database, found[:2], task.k)
    start, spent = time.perf_counter(), time.process_time()
    better = task.distance.rerank(asked, task.database, found, task.k)
    seconds = len(found) / row["qps"] + time.perf_counter() - start
    cpu_us = row.get("cpu_us", 0.0) + 1e6 * (time.process_time() - spent) / len(found)
    reached = float(recall_at(better, truth, task.k).mean())
    yield row | {
        "series": row["series"] + RERANKED,
        "qps": len(found) / seconds,
        "cpu_us": cpu_us,
        "recall": reached,
        "candidate_recall": reached,
    }


def _place(task: Task, name: str, settings: Settings) -> Path:
    return settings.work / task.name / name


def _built(task: Task, name: str, settings: Settings) -> Row:
    folder = _place(task, name, settings)
    told = folder.with_suffix(".build.json")
    if settings.rebuild or not told.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".add.json").unlink(missing_ok=True)
        _child("build", task, name, folder, told, settings)
    row: Row = json.loads(told.read_text("utf-8"))
    return row


def _added(task: Task, name: str, folder: Path, settings: Settings) -> Row:
    told = _place(task, name, settings).with_suffix(".add.json")
    if not told.exists():
        _child("add", task, name, folder, told, settings)
    row: Row = json.loads(told.read_text("utf-8"))
    return row


def _searched(task: Task, name: str, folder: Path, settings: Settings) -> tuple[Row, list[IntArray]]:
    told = _place(task, name, settings).with_suffix(".search.json")
    _child("search", task, name, folder, told, settings)
    row: Row = json.loads(told.read_text("utf-8"))
    rows = []
    for cell in row["cells"]:
        path = told.with_suffix(f".{cell['number']}.npy")
        rows.append(np.load(path))
        path.unlink()
    told.unlink()
    return row, rows


def _child(phase: str, task: Task, name: str, folder: Path, result: Path, settings: Settings) -> None:
    """Raises RuntimeError with the end of what the child said, or TimeoutExpired."""
    result.parent.mkdir(parents=True, exist_ok=True)
    source = task.folder if isinstance(task, SequenceTask) else task.path
    arguments = [phase, source, name, folder, result, settings.threads, settings.queries, settings.seconds]
    used = str(settings.threads)
    paths = [str(HERE), str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": used,
        "NUMBA_NUM_THREADS": used,
    }
    done = subprocess.run(
        [sys.executable, "-m", "harness.child", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=settings.most,
    )
    if done.returncode:
        result.with_suffix(".err").write_text(done.stderr, "utf-8")
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise RuntimeError(last)
