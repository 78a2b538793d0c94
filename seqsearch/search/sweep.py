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
from .ladders import ladder_to_climb
from .pipeline import Limits, Queries
from .state import State
from .strands import PLUS, nearest_of

LATENCY_QUERIES = 200
_FEW = 16


@dataclass(frozen=True)
class SweepRow:
    """One budget measured: the names are those of `evaluate --format json`. `compared`: how many of the candidates an
    order of bounds leaves to be compared, None for all."""

    candidates: int
    ef: int | None
    recall: float
    candidate_recall: float
    qps: float
    p50_ms: float
    p99_ms: float
    lists: int | None = None
    compared: int | None = None


def swept(
    state: State,
    queries: Queries,
    k: int,
    truth: Neighbours | None,
    budgets: list[Budget] | None,
    progress: Progress,
    strand: str = PLUS,
) -> list[SweepRow]:
    """One row a budget; without `budgets` the ladder is climbed until everything is found."""
    state.encoder.require(queries.sequences)
    if state.calibration.lossless:
        raise ParameterError(f"there is nothing to evaluate: {state.calibration.lossless}; every search is exact")
    if truth is None:
        truth = nearest_of(strand, queries, lambda some, own: _proved(state, some, k, own, progress))
    ladder = budgets
    if ladder is None:
        ladder = [b for b in ladder_to_climb(state.pipeline, len(state)) if b.candidates >= k]
    rows: list[SweepRow] = []
    with progress.task("measuring numbers of candidates") as task:
        for budget in ladder:
            rows.append(_row(state, queries, truth, k, budget, strand))
            task.advance()
            if budgets is None and rows[-1].recall >= 1:
                break
    return rows


def _proved(state: State, queries: Queries, k: int, limits: Limits, progress: Progress) -> Neighbours:
    near = limits.get("near")
    within = None if near is None else near.distances[:, -1]
    return state.exact.lossless.neighbours(queries.sequences, k, within=within, progress=progress)[0]


def _row(state: State, queries: Queries, truth: Neighbours, k: int, budget: Budget, strand: str) -> SweepRow:
    """`truth`: exact neighbours of `queries`, (Q, >= k)."""

    def search(asked: Queries) -> Neighbours:
        return nearest_of(strand, asked, lambda some, own: state.pipeline.staged(some, k, budget, **own))

    for few in (queries[:1], queries[:_FEW]):  # what is loaded or compiled once is no part of the speed
        search(few)
    start = time.perf_counter()
    found = search(queries)
    batch_seconds = time.perf_counter() - start
    latencies = []
    for at in range(min(LATENCY_QUERIES, len(queries))):
        start = time.perf_counter()
        search(queries[at : at + 1])
        latencies.append(1000 * (time.perf_counter() - start))
    return SweepRow(
        candidates=budget.candidates,
        ef=budget.ef,
        recall=float(recall_at(found.distances, truth.distances, k).mean()),
        candidate_recall=_candidate_recall(state, queries, truth, k, budget, strand),
        qps=len(queries) / batch_seconds,
        p50_ms=float(np.quantile(latencies, 0.5)),
        p99_ms=float(np.quantile(latencies, 0.99)),
        lists=budget.lists,
        compared=budget.kept[-1] if budget.kept else None,
    )


def _candidate_recall(state: State, queries: Queries, truth: Neighbours, k: int, budget: Budget, strand: str) -> float:
    """Share of the k nearest that are among the candidates, relatives that these lead to among them, by their own exact
    distances."""

    def candidates(asked: Queries, _: Limits) -> Neighbours:
        rows = state.exact.compared(asked.sequences, state.pipeline.kept(asked, budget), k)
        exact = state.exact.distances(asked.sequences, rows, thresholds(truth.distances, k))
        order = np.argsort(exact, axis=1, kind="stable")
        return Neighbours(np.take_along_axis(rows, order, axis=1), np.take_along_axis(exact, order, axis=1))

    return float(recall_at(nearest_of(strand, queries, candidates).distances, truth.distances, k).mean())
