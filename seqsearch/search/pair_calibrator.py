"""Measuring how many known answers every budget finds: pairs of two kinds, where nobody knows what is nearest."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..distances import Neighbours
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .budget import Budget, Point
from .calibration import Calibration
from .pipeline import Keep, Pipeline, Queries, Ranked
from .stages import Exact

_STEPS = 24  # values of each stage that are looked at
WEIGHTS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Weights of the stage before that are tried in the last ranking, in units that make both spread alike."""


def calibrate_pairs(
    pipeline: Pipeline, queries: Sequences, correct: IntArray, target: float, most: int, progress: Progress = SILENT
) -> Calibration:
    """Measure how many of the known answers, rows `correct` (Q,), reach the last stage within every budget that lets at
    most `most` entries through to it.

    Of n answers, `through` reach it: a new query like these loses its answer with a chance of at most
    1 - through / (n + 1) (split conformal prediction, Vovk et al. 2005), apart from having looked at every budget of a
    ladder; that is the lower bound of a point. Among equal scores an answer counts as last: what is kept must not
    depend on the order of the database.
    """
    size, pruning = int(pipeline.live.sum()), pipeline.stages[:-1]
    none = Neighbours(np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0)))
    costs = tuple(stage.cost(queries, none) for stage in pipeline.stages[1:])
    if not pruning:
        return Calibration(target, len(queries), size, costs=costs, truth="pairs")
    asked = Queries(queries)
    with progress.task("calibrating"):
        everything = Keep(size, Budget(size, ef=size, lists=size), None)
        ranks = np.array([_rank(stage.rank(asked, None, everything), correct) for stage in pruning])
        points = []
        for counts in itertools.product(*_ladders(ranks, size, min(most, size))):
            through = int((ranks <= np.array(counts)[:, None]).all(axis=0).sum())
            share, sure = through / len(queries), through / (len(queries) + 1)
            candidates, *kept = counts
            points.append(Point(1, candidates, None, round(share, 6), round(sure, 6), kept=tuple(kept)))
        made = Calibration(target, len(queries), size, tuple(points), costs, truth="pairs")
        return replace(made, weight=_best_weight(pipeline, asked, correct, made))


def _rank(ranked: Ranked, correct: IntArray) -> IntArray:
    """(Q,) how many entries score as well as the correct one, itself included; infinity's worth where it is not."""
    own = np.where(ranked.rows == correct[:, None], ranked.scores, np.inf).min(axis=1)
    return np.where(np.isfinite(own), (ranked.scores <= own[:, None]).sum(axis=1), np.iinfo(np.int64).max)


def _ladders(ranks: IntArray, size: int, most: int) -> list[list[int]]:
    """For each stage some of the counts at which one more answer gets through, spread over all of them, and the most
    that it may keep, which is what is left where answers are too few to prune by."""
    ladders = []
    for number, row in enumerate(ranks):
        limit = most if number == len(ranks) - 1 else size
        steps = np.unique(np.append(np.minimum(row, limit), limit))
        picked = np.unique(np.linspace(0, len(steps) - 1, min(_STEPS, len(steps))).round().astype(int))
        ladders.append([int(value) for value in steps[picked]])
    return ladders


def _best_weight(pipeline: Pipeline, queries: Queries, correct: IntArray, measured: Calibration) -> float:
    """The weight with which the known answers rank best, by mean reciprocal rank; the least of equals."""
    last = pipeline.stages[-1]
    budget, _ = measured.choose(measured.target, 1)
    if not isinstance(last, Exact) or budget is None:
        return 0.0
    before = pipeline.kept(queries, budget)
    exact = last.distances(queries.sequences, before.rows)
    several = np.flatnonzero((before.rows >= 0).sum(axis=1) > 1)
    there = np.isfinite(exact[several])
    spreads = [_spread(scores, there) for scores in (before.scores[several], exact[several])]
    if not len(several) or not spreads[0]:
        return 0.0
    unit = spreads[1] / spreads[0]
    values = []
    for weight in WEIGHTS:
        with np.errstate(invalid="ignore"):
            mixed = np.where(np.isfinite(exact), exact + weight * unit * before.scores, np.inf)
        ranks = _rank(Ranked(before.rows, mixed), correct)
        values.append(float(np.where(ranks <= before.rows.shape[1], 1 / ranks, 0.0).sum()))
    return WEIGHTS[int(np.argmax(values))] * unit


def _spread(scores: DoubleArray, there: BoolArray) -> float:
    """The mean standard deviation of the lines."""
    return float(np.mean([np.std(line[mask]) for line, mask in zip(scores, there, strict=True)])) if len(there) else 0.0
