"""Measuring the curve of recall over budgets: at build on sequences kept out, later on members or given queries."""

from __future__ import annotations

import numpy as np

from ..ann import Candidates
from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Neighbours
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .calibration import CALIBRATED_K, USUAL, Budget, Calibration, budgets_for, measure
from .engine import Engine

_COLUMN = 0.003  # a column of 64 cells in candidates proposed by the graph: measured on 16S genes
_CELL = 0.001  # a cell of dynamic time warping, likewise
_LEAST_WEIGHT = 0.1
_LANE_CELL = 4e-6  # a cell of edit distance where 512 sequences are compared at once, likewise
_BOUND = 0.006  # ruling a sequence out by its length and k-mer counts: measured on place names and words
_UNPRUNED = 0.05  # series that lower bounds leave to be compared


def calibrate(
    engine: Engine,
    queries: Sequences,
    allowed: BoolArray,
    target: float,
    progress: Progress = SILENT,
    *,
    own: IntArray | None = None,
) -> Calibration:
    """Measure the recall of every budget on `queries` against exact truth over the `allowed` rows.

    `own`, (Q,): the row each query is itself, when the queries are members: it counts neither as a neighbour nor as a
    candidate. An index of one sequence has no other to be found, so nothing is measured.
    """
    others = int(allowed.sum()) - (own is not None)
    if not len(queries) or others < 1:
        return Calibration(target, 0, int(allowed.sum()))
    ks = tuple(k for k in CALIBRATED_K if k <= others) or (1,)
    truth = exact_others(engine, queries, max(ks), allowed, own, progress)
    vectors = engine.model.vectors(queries)

    def propose(budget: Budget) -> Candidates:
        return propose_others(engine, vectors, budget, own)

    def verify(who: IntArray, rows: IntArray, cutoffs: DoubleArray) -> DoubleArray:
        return engine.distance.pairs(queries, who, engine.targets, rows, cutoffs)

    with progress.task("calibrating"):
        budgets = budgets_for(others, engine.candidates.takes_effort, wider=True)
        points, interval = measure(truth, propose, verify, budgets, ks)
    weight = verification_weight(engine, queries, truth)
    nearest = truth.distances[:, 0]
    return Calibration(
        target,
        len(queries),
        int(allowed.sum()),
        tuple(points),
        weight,
        interval,
        exact_search_cost(engine, queries, others, weight),
        float(np.quantile(nearest, USUAL, method="higher")),
    )


def verification_weight(engine: Engine, queries: Sequences, truth: Neighbours) -> float:
    """What it costs to verify one candidate, in candidates proposed. A rough rule that depends on the data alone, so
    that one seed gives one index: columns of the dynamic programme, 64 cells each for an edit distance.
    """
    length = float(queries.lengths.mean())
    if engine.distance.kind == "series":
        return max(_LEAST_WEIGHT, length * length * _CELL)
    known = truth.distances[np.isfinite(truth.distances)]
    reach = float(np.median(known)) if len(known) else 0.0
    return max(_LEAST_WEIGHT, length * (1 + reach // 64) * _COLUMN)


def exact_search_cost(engine: Engine, queries: Sequences, others: int, weight: float) -> float:
    """What it costs to compare a query with `others` sequences, in candidates proposed: a rough rule as above."""
    if engine.distance.kind == "series":
        return others * weight * _UNPRUNED
    return others * (_BOUND + float(np.mean(queries.lengths.astype(np.float64) ** 2)) * _LANE_CELL)


def members(engine: Engine, live: BoolArray, most: int, seed: int) -> tuple[Sequences, IntArray]:
    """Up to `most` random members to be asked for their others, and their rows, ascending."""
    rows = np.flatnonzero(live)
    rng = np.random.default_rng(seed)
    chosen = rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
    return engine.targets[chosen], chosen


def exact_others(
    engine: Engine, queries: Sequences, k: int, allowed: BoolArray, own: IntArray | None, progress: Progress
) -> Neighbours:
    """The k nearest of each query by proof, its own row left out."""
    extra = int(own is not None)
    found = engine.distance.exact(queries, engine.targets, k + extra, allowed=allowed, progress=progress)
    return found if own is None else without_own(found, own)


def without_own(found: Neighbours, own: IntArray) -> Neighbours:
    """(Q, k + 1) neighbours to (Q, k): each query's own row left out, or its last where that is not among them."""
    kept = _others(found.rows, own)
    shape = (len(own), found.rows.shape[1] - 1)
    return Neighbours(found.rows[kept].reshape(shape), found.distances[kept].reshape(shape))


def propose_others(engine: Engine, vectors: AnyArray, budget: Budget, own: IntArray | None) -> Candidates:
    """(Q, C) candidates within the budget, the query's own row left out."""
    if own is None:
        return engine.propose(vectors, budget)
    wider = Budget(budget.candidates + 1, None if budget.ef is None else budget.ef + 1)
    found = engine.propose(vectors, wider)
    kept = _others(found.rows, own)
    shape = (len(found), -1)
    return Candidates(found.rows[kept].reshape(shape), found.distances[kept].reshape(shape))


def _others(rows: IntArray, own: IntArray) -> BoolArray:
    """(Q, C) mask that leaves out each query's own row, or its last column where that is not among them."""
    kept: BoolArray = rows != own[:, None]
    kept[kept.all(axis=1), -1] = False
    return kept
