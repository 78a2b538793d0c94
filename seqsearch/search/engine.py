"""The two steps of every search: the candidate index proposes, the exact distance verifies."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..ann import CandidateIndex, Candidates
from ..arrays import AnyArray, BoolArray
from ..distances import Distance, Neighbours, recall_at
from ..encoders.model import Model
from ..sequences import Sequences
from .calibration import Budget

QUERY_BATCH = 4096  # queries embedded and searched at once: bounds the memory of candidate lists


@dataclass(frozen=True)
class Engine:
    """One committed state of an index, ready to answer.

    `targets`: the sequences of all rows, deleted ones too, so that a row is a position; `candidates` holds the live
    rows only.
    """

    model: Model
    candidates: CandidateIndex
    distance: Distance
    targets: Sequences

    def propose(self, vectors: AnyArray, budget: Budget, allowed: BoolArray | None = None) -> Candidates:
        """The candidates of embedded queries, (Q, C), best first."""
        return self.candidates.search(vectors, budget.candidates, ef=budget.ef, allowed=allowed)

    def find(self, queries: Sequences, k: int, budget: Budget, allowed: BoolArray | None = None) -> Neighbours:
        """The k nearest verified candidates of each query."""
        parts = [
            self._find(queries[start : start + QUERY_BATCH], k, budget, allowed)
            for start in range(0, len(queries), QUERY_BATCH)
        ]
        if not parts:
            return Neighbours(np.zeros((0, k), np.int64), np.zeros((0, k)))
        return Neighbours(np.concatenate([p.rows for p in parts]), np.concatenate([p.distances for p in parts]))

    def _find(self, queries: Sequences, k: int, budget: Budget, allowed: BoolArray | None) -> Neighbours:
        proposed = self.propose(self.model.vectors(queries), budget, allowed)
        stop = None if budget.stop is None else budget.stop.bounds(proposed.distances)
        return self.distance.rerank(queries, self.targets, proposed.rows, k, stop=stop)


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


LATENCY_QUERIES = 200


def sweep_row(engine: Engine, queries: Sequences, truth: Neighbours, k: int, budget: Budget) -> SweepRow:
    """Recall, candidate recall and speed of one budget. `truth`: exact neighbours of `queries`, (Q, >= k)."""
    start = time.perf_counter()
    found = engine.find(queries, k, budget)
    batch_seconds = time.perf_counter() - start
    latencies = []
    for at in range(min(LATENCY_QUERIES, len(queries))):
        start = time.perf_counter()
        engine.find(queries[at : at + 1], k, budget)
        latencies.append(1000 * (time.perf_counter() - start))
    return SweepRow(
        candidates=budget.candidates,
        ef=budget.ef,
        recall=float(recall_at(found.distances, truth.distances, k).mean()),
        candidate_recall=_candidate_recall(engine, queries, truth, k, budget),
        qps=len(queries) / batch_seconds,
        p50_ms=float(np.quantile(latencies, 0.5)),
        p99_ms=float(np.quantile(latencies, 0.99)),
    )


def _candidate_recall(engine: Engine, queries: Sequences, truth: Neighbours, k: int, budget: Budget) -> float:
    """Share of the k nearest that are among the candidates, by the candidates' own exact distances."""
    rows = engine.propose(engine.model.vectors(queries), budget).rows
    there = np.flatnonzero(rows.ravel() >= 0)
    owners = there // rows.shape[1]
    kth = truth.distances[:, :k].max(axis=1, initial=0, where=np.isfinite(truth.distances[:, :k]))
    exact = engine.distance.pairs(queries, owners, engine.targets, rows.ravel()[there], kth[owners])
    distances = np.full(rows.size, np.inf)
    distances[there] = exact
    ordered = np.sort(distances.reshape(rows.shape), axis=1)
    return float(recall_at(ordered, truth.distances, k).mean())
