"""Recall against exact truth and speed, budget by budget: what `evaluate` measures."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..distances import Neighbours, recall_at
from ..distances.neighbours import thresholds
from ..errors import ParameterError
from ..progress import Progress
from .budget import Budget
from .calibrator import budgets_for
from .pipeline import Queries
from .state import State

LATENCY_QUERIES = 200


@dataclass(frozen=True)
class SweepRow:
    """One budget measured: the names are those of `evaluate --format json`."""

    candidates: int
    ef: int | None
    recall: float
    candidate_recall: float
    qps: float
    p50_ms: float
    p99_ms: float
    lists: int | None = None


def swept(
    state: State, queries: Queries, k: int, truth: Neighbours | None, budgets: list[Budget] | None, progress: Progress
) -> list[SweepRow]:
    """One row a budget; without `budgets` the ladder is climbed until everything is found."""
    state.encoder.require(queries.sequences)
    if state.calibration.lossless:
        raise ParameterError(f"there is no budget to evaluate: {state.calibration.lossless}; every search is exact")
    if truth is None:
        truth, _ = state.exact.lossless.neighbours(queries.sequences, k, progress=progress)
    ladder = budgets
    if ladder is None:
        ladder = [b for b in budgets_for(state.proposals, len(state)) if b.candidates >= k]
    rows: list[SweepRow] = []
    with progress.task("sweeping budgets") as task:
        for budget in ladder:
            rows.append(_row(state, queries, truth, k, budget))
            task.advance()
            if budgets is None and rows[-1].recall >= 1:
                break
    return rows


def _row(state: State, queries: Queries, truth: Neighbours, k: int, budget: Budget) -> SweepRow:
    """`truth`: exact neighbours of `queries`, (Q, >= k)."""
    search = state.pipeline.staged
    start = time.perf_counter()
    found = search(queries, k, budget)
    batch_seconds = time.perf_counter() - start
    latencies = []
    for at in range(min(LATENCY_QUERIES, len(queries))):
        start = time.perf_counter()
        search(queries[at : at + 1], k, budget)
        latencies.append(1000 * (time.perf_counter() - start))
    return SweepRow(
        candidates=budget.candidates,
        ef=budget.ef,
        recall=float(recall_at(found.distances, truth.distances, k).mean()),
        candidate_recall=_candidate_recall(state, queries, truth, k, budget),
        qps=len(queries) / batch_seconds,
        p50_ms=float(np.quantile(latencies, 0.5)),
        p99_ms=float(np.quantile(latencies, 0.99)),
        lists=budget.lists,
    )


def _candidate_recall(state: State, queries: Queries, truth: Neighbours, k: int, budget: Budget) -> float:
    """Share of the k nearest that are among the candidates, by the candidates' own exact distances."""
    rows = state.pipeline.kept(queries, budget).rows
    exact = state.exact.distances(queries.sequences, rows, thresholds(truth.distances, k))
    return float(recall_at(np.sort(exact, axis=1), truth.distances, k).mean())
