"""One phase of one algorithm in a process of its own, so that memory and warm caches are its own.

    python -m harness.child build|search|add TASK ALGORITHM FOLDER RESULT.json THREADS QUERIES SECONDS

Writes what it measured as JSON, and the rows that were found as .npy files beside it.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch import threads

from .algorithm import Algorithm, Budget
from .memory import AnonymousPeak, anonymous_bytes, forget_peak, peak_bytes
from .processes import USAGE
from .registry import ALGORITHMS
from .tasks import SequenceTask, Task, opened

PROBE = 10  # queries that tell how long all of them would take
SINGLES = 200
LEAST = 1.0  # seconds of batches: short ones are repeated more often


@dataclass(frozen=True)
class Took:
    """Seconds of the wall, and of all processors together, which other programs on the machine change less."""

    wall: float
    cpu: float


def build(algorithm: Algorithm, task: Task, folder: Path) -> dict[str, Any]:
    """Seconds, peak memory and files of a build; the database has been read before, to which `base_mb` belong.

    `build_anon_mb`, of which `base_anon_mb` were there before: the greatest without mapped files.
    """
    _ = task.database
    base, held = peak_bytes(), anonymous_bytes()
    start = Took(time.perf_counter(), time.process_time())
    with AnonymousPeak() as anonymous:
        algorithm.build(task, folder)
    took = Took(time.perf_counter() - start.wall, time.process_time() - start.cpu + USAGE.cpu)
    others = bool(algorithm.programs)
    return {
        "version": algorithm.version(),
        "build_s": took.wall,
        "build_cpu_s": took.cpu,
        "build_peak_mb": (USAGE.peak if others else peak_bytes()) / 1e6,
        "base_mb": base / 1e6,
        "build_anon_mb": (USAGE.anonymous if others else anonymous.bytes) / 1e6,
        "base_anon_mb": held / 1e6,
        "index_mb": _size(folder) / 1e6 or None,
        **algorithm.told(),
    }


def _size(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())  # sparse files have holes


def add(algorithm: Algorithm, task: Task, folder: Path) -> dict[str, Any]:
    """Seconds and memory of adding `task.more` to a copy of what was built, until a search sees it."""
    assert isinstance(task, SequenceTask)
    assert task.more is not None
    copy = folder.with_name(f"{folder.name}.adding")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    try:
        algorithm.load(task, copy)
        held, start = anonymous_bytes(), time.perf_counter()
        with AnonymousPeak() as anonymous:
            algorithm.add(task.more, copy)
        took = time.perf_counter() - start
        return {
            "added": len(task.more),
            "add_s": took,
            "add_anon_mb": anonymous.bytes / 1e6,
            "add_base_anon_mb": held / 1e6,
            "add_found": algorithm.finds(task.more),
            "grown_mb": _size(copy) / 1e6,
        }
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def search(
    algorithm: Algorithm, task: Task, folder: Path, result: Path, queries: int, seconds: float
) -> dict[str, Any]:
    """Every budget, within about `seconds` each.

    `load_s`: opening with the file cache as it is, `open_s`: once more; `search_anon_mb`: what the process holds after
    all searches without mapped files, of which `search_base_mb` were there before it was opened (Python, libraries).
    """
    held = anonymous_bytes()
    start = time.perf_counter()
    algorithm.load(task, folder)
    loaded = time.perf_counter() - start
    start = time.perf_counter()
    reopened = algorithm.reopened(task, folder)
    again = time.perf_counter() - start
    forget_peak()
    USAGE.reset()
    cells = []
    with AnonymousPeak() as anonymous:
        for number, budget in enumerate(algorithm.budgets(task)):
            cell, rows = measured(algorithm, task, budget, folder, queries, seconds)
            np.save(result.with_suffix(f".{number}.npy"), rows)
            candidates = budget.values.get("candidates")
            cells.append({"number": number, "label": budget.label, "candidates": candidates, **cell})
    others = algorithm.mode == "process"
    return {
        "load_s": loaded,
        "open_s": again if reopened else None,
        "search_peak_mb": (USAGE.peak if others else peak_bytes()) / 1e6,
        "search_anon_peak_mb": (USAGE.anonymous if others else anonymous.bytes) / 1e6,
        "search_anon_mb": (USAGE.anonymous if others else anonymous_bytes()) / 1e6,
        "search_base_mb": held / 1e6,
        "cells": cells,
    }


def measured(
    algorithm: Algorithm, task: Task, budget: Budget, folder: Path, queries: int, seconds: float
) -> tuple[dict[str, Any], Any]:
    """Speed of one budget and the rows found. The best of several batches counts, of programs too."""
    warm = algorithm.mode == "warm"
    count = min(queries, int(algorithm.share * len(task.queries)))
    probe = min(PROBE, count)
    few = algorithm.prepare(task, slice(0, probe), folder)
    if warm:
        algorithm.search(few, budget)
    each = _timed(algorithm, few, budget)[0].wall / probe
    if warm and each * count > seconds:  # of a whole process, a few queries say only how long its start takes
        count = max(probe, int(seconds / each))
    everything = algorithm.prepare(task, slice(0, count), folder)
    took, answer = _timed(algorithm, everything, budget)
    spent, times = took.wall, 1
    while spent + took.wall < seconds / 4 and (times < algorithm.repeats or (warm and spent < LEAST and times < 20)):
        again, answer = _timed(algorithm, everything, budget)
        took = Took(min(took.wall, again.wall), min(took.cpu, again.cpu))
        spent, times = spent + again.wall, times + 1
    found = algorithm.found(answer)
    cell = {"queries": count, "qps": count / took.wall, "cpu_us": 1e6 * took.cpu / count, **found.notes}
    if warm:
        cell |= _latencies(algorithm, task, budget, folder, seconds / 10)
    return cell, found.rows


def _timed(algorithm: Algorithm, prepared: Any, budget: Budget) -> tuple[Took, Any]:
    before = Took(USAGE.seconds, USAGE.cpu)
    start = Took(time.perf_counter(), time.process_time())
    answer = algorithm.search(prepared, budget)
    if algorithm.mode == "process":
        return Took(USAGE.seconds - before.wall, USAGE.cpu - before.cpu), answer
    return Took(time.perf_counter() - start.wall, time.process_time() - start.cpu), answer


def _latencies(algorithm: Algorithm, task: Task, budget: Budget, folder: Path, seconds: float) -> dict[str, float]:
    """Milliseconds of queries one by one, of as many as the time allows."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    for number in range(min(SINGLES, len(task.queries))):
        alone = algorithm.prepare(task, slice(number, number + 1), folder)
        start = time.perf_counter()
        algorithm.search(alone, budget)
        taken.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() > end:
            break
    p50, p99 = np.percentile(taken, [50, 99]).tolist()
    return {"p50_ms": p50, "p99_ms": p99}


def main() -> None:
    phase, task_folder, name, folder, result, used, queries, seconds = sys.argv[1:]
    threads.use(int(used))
    task = opened(Path(task_folder))
    algorithm = ALGORITHMS[name](int(used), task.k)
    target, place = Path(result), Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    if phase == "build":
        told = build(algorithm, task, place)
    elif phase == "add":
        told = add(algorithm, task, place)
    else:
        told = search(algorithm, task, place, target, int(queries), float(seconds))
    target.write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main()
