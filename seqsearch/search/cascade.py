"""A cascade: stages, cheapest first, each ranking what the one before kept; the last one decides.

Each stage but the last keeps a number of entries or those within a threshold. What they keep is chosen on development
queries with known answers, so that the whole loses no more of them than it may, at the least time. How much the stage
before counts in the last ranking is chosen there too.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import ParameterError

KEEPS_BY = ("count", "threshold")
_LADDER = 24  # values of each stage that are looked at when keeps are chosen
BLENDS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Weights of the stage before that are tried in the last ranking, in units that make both spread alike."""


class Stage(Protocol):
    """One way to compare a query with entries of the database."""

    @property
    def name(self) -> str:
        """What it is called in reports."""

    def scores(self, query: int, rows: IntArray) -> DoubleArray:
        """(m,) scores of a query, by its number, and the entries `rows`; the less, the more alike."""


@dataclass(frozen=True)
class Keep:
    """What a stage lets through: the best `count`, or all with a score of at most `threshold`; both None is all."""

    count: int | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.threshold is not None:
            raise ParameterError("a stage keeps a count or what is within a threshold, not both")
        if self.count is not None and self.count < 1:
            raise ParameterError(f"a stage keeps at least 1 entry, not {self.count}")

    def kept(self, scores: DoubleArray) -> IntArray:
        """Positions of the kept scores, best first; equal ones in the order they came."""
        order = np.argsort(scores, kind="stable")
        if self.count is not None:
            return order[: self.count]
        if self.threshold is not None:
            return order[: int(np.count_nonzero(scores <= self.threshold))]
        return order


@dataclass(frozen=True)
class StageReport:
    """What one stage did, over all queries: mean entries that came and were kept, seconds a query, and the share of
    queries whose known answer came in and did not get through (None without known answers).
    """

    name: str
    came: float
    kept: float
    seconds: float
    false_rejects: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class CascadeResult:
    """(Q, k) `rows` of the database, best first, -1 where fewer got through, and their `scores` by the last stage, inf
    there; `stages`: what each did; `false_rejects`: share of queries whose known answer did not reach the last ranking.
    """

    rows: IntArray
    scores: DoubleArray
    stages: tuple[StageReport, ...]
    false_rejects: float | None = None


class Cascade:
    """Stages and what each of them keeps; the last keeps all it is given, in order.

    `blend`: the last ranking goes by the last score plus so many times that of the stage before.
    """

    def __init__(self, stages: Sequence[Stage], keeps: Sequence[Keep], blend: float = 0.0) -> None:
        if not stages or len(keeps) != len(stages) - 1:
            raise ParameterError(f"{len(stages)} stages want {max(0, len(stages) - 1)} keeps, not {len(keeps)}")
        self.stages, self.keeps, self.blend = tuple(stages), tuple(keeps), blend

    def run(self, queries: int, size: int, k: int, *, correct: AnyArray | None = None) -> CascadeResult:
        """Rank the entries 0..size - 1 for queries 0..queries - 1. `correct`, (Q,): the known answers, -1 for none."""
        if k < 1:
            raise ParameterError(f"k must be at least 1, not {k}")
        known = np.full(queries, -1, np.int64) if correct is None else np.asarray(correct, np.int64)
        tally = _Tally(len(self.stages), queries)
        rows, scores = np.full((queries, k), -1, np.int64), np.full((queries, k), np.inf)
        for query in range(queries):
            left, before, found = self.narrowed(query, size, int(known[query]), tally)
            order = np.argsort(found + self.blend * before, kind="stable")[:k]
            rows[query, : len(order)], scores[query, : len(order)] = left[order], found[order]
        reports = tuple(
            tally.report(number, stage.name, correct is not None) for number, stage in enumerate(self.stages)
        )
        lost = None if correct is None else sum(report.false_rejects or 0.0 for report in reports)
        return CascadeResult(rows, scores, reports, lost)

    def narrowed(
        self, query: int, size: int, known: int = -1, tally: _Tally | None = None
    ) -> tuple[IntArray, DoubleArray, DoubleArray]:
        """Entries that reach the last stage, their scores by the stage before (0 where there is none) and by it."""
        left, before, found = np.arange(size), np.zeros(size), np.zeros(size)
        for number, stage in enumerate(self.stages):
            start = time.perf_counter()
            came, before = left, found
            found = np.asarray(stage.scores(query, left), np.float64)
            if number < len(self.keeps):
                best = self.keeps[number].kept(found)
                left, found = left[best], found[best]
            if tally is not None:
                tally.add(number, query, came, left, known, time.perf_counter() - start)
        return left, before, found


class _Tally:
    """Counts of a run, by stage and query."""

    def __init__(self, stages: int, queries: int) -> None:
        self.came, self.kept, self.seconds, self.lost = (np.zeros((stages, queries)) for _ in range(4))

    def add(self, stage: int, query: int, came: IntArray, kept: IntArray, known: int, seconds: float) -> None:
        at = stage, query
        self.came[at], self.kept[at], self.seconds[at] = len(came), len(kept), seconds
        self.lost[at] = known in came and known not in kept

    def report(self, stage: int, name: str, told: bool) -> StageReport:
        came, kept, seconds, lost = (
            float(table[stage].mean()) if table.shape[1] else 0.0
            for table in (self.came, self.kept, self.seconds, self.lost)
        )
        return StageReport(name, came, kept, seconds, lost if told else None)


# -- choosing what to keep, on development queries ------------------------------------------------------------------


@dataclass(frozen=True)
class Development:
    """What pruning stages said of queries with known answers: (stages, Q) the `ranks`, from 1, and `scores` of the
    answers over the whole database of `size` entries, and the `shares`, a table of all scores by (stage, Q, size)
    sorted, which says how many a threshold would keep. `seconds`, (stages + 1,): of comparing one entry, the last
    stage included.
    """

    ranks: IntArray
    scores: DoubleArray
    ordered: DoubleArray
    seconds: DoubleArray
    size: int


def developed(stages: Sequence[Stage], queries: int, size: int, correct: IntArray, *, sample: int = 32) -> Development:
    """Run every pruning stage over the whole database, and the last one over `sample` entries to know its price."""
    pruning = stages[:-1]
    ranks = np.zeros((len(pruning), queries), np.int64)
    scores = np.zeros((len(pruning), queries))
    ordered = np.zeros((len(pruning), queries, size))
    seconds = np.zeros(len(stages))
    everything = np.arange(size)
    for number, stage in enumerate(pruning):
        for query in range(queries):
            start = time.perf_counter()
            found = np.asarray(stage.scores(query, everything), np.float64)
            seconds[number] += (time.perf_counter() - start) / (queries * size)
            own = found[correct[query]]
            # among equal scores the answer counts as last: what is kept must not depend on the order of the database
            ranks[number, query], scores[number, query] = np.count_nonzero(found <= own), own
            ordered[number, query] = np.sort(found)
    few = everything[:: max(1, size // sample)][:sample]
    start = time.perf_counter()
    for query in range(min(queries, 8)):
        stages[-1].scores(query, few)
    seconds[-1] = (time.perf_counter() - start) / (max(1, min(queries, 8)) * len(few))
    return Development(ranks, scores, ordered, seconds, size)


def chosen_keeps(seen: Development, *, recall: float = 0.95, by: str = "count", most: int | None = None) -> list[Keep]:
    """The cheapest keeps that let at least `recall` of answers reach the last stage.

    `by`: "count" keeps the best so many, "threshold" all within a score. `most`: entries that may reach the last
    stage. Of n development answers, ceil((n + 1) recall) must get through: then a new query like these loses its answer
    with a chance of at most 1 - recall (split conformal prediction, Vovk et al. 2005), apart from having looked at
    every combination of a ladder of values. With too few queries to say so, only `most` prunes. Where `most` forbids
    what is asked for, the keeps are those that lose least. Raises ParameterError where no threshold obeys `most`.
    """
    if by not in KEEPS_BY:
        raise ParameterError(f"keeps go by {' or '.join(KEEPS_BY)}, not {by!r}")
    if not 0 < recall <= 1:
        raise ParameterError(f"recall must be above 0 and at most 1, not {recall}")
    stages, queries = seen.ranks.shape
    limit = seen.size if most is None else min(most, seen.size)
    needed = math.ceil((queries + 1) * recall)
    if by == "count" and needed > queries:
        return [Keep(count=seen.size)] * (stages - 1) + [Keep(count=limit)]
    values = seen.ranks.astype(np.float64) if by == "count" else seen.scores
    ladders = [_ladder(row) for row in values]
    if by == "count":
        ladders[-1] = sorted({min(value, limit) for value in ladders[-1]})
    best: tuple[tuple[float, float], tuple[float, ...]] | None = None
    for combination in itertools.product(*ladders):
        through = np.count_nonzero((values <= np.array(combination)[:, None]).all(axis=0))
        left = _left(seen, combination, by)
        if left[-1] > limit:
            continue
        missing = max(0, min(needed, queries) - through)
        order = float(missing), float(np.dot(seen.seconds, [seen.size, *left]))
        if best is None or order < best[0]:
            best = order, combination
    if best is None:
        raise ParameterError(f"no threshold lets at most {limit} entries through to the last stage")
    if by == "threshold":
        return [Keep(threshold=value) for value in best[1]]
    return [Keep(count=int(value)) for value in best[1]]


def chosen_blend(cascade: Cascade, queries: int, size: int, correct: IntArray) -> float:
    """The blend with which the known answers rank best, by mean reciprocal rank; the least of equals."""
    reached = [cascade.narrowed(query, size) for query in range(queries)]
    spreads = np.array([[np.std(before), np.std(found)] for _, before, found in reached if len(found) > 1])
    if not len(spreads) or not spreads[:, 0].any():
        return 0.0
    unit = float(spreads[:, 1].mean() / spreads[:, 0].mean())
    values = []
    for blend in BLENDS:
        value = 0.0
        for (rows, before, found), answer in zip(reached, correct.tolist(), strict=True):
            mixed = found + blend * unit * before
            value += float((1 / (mixed <= mixed[rows == answer][:, None]).sum(axis=1)).sum())
        values.append(value)
    return BLENDS[int(np.argmax(values))] * unit


def _ladder(values: DoubleArray) -> list[float]:
    """Some of the values at which one more answer gets through, spread over all of them."""
    steps = np.unique(values)
    picked = np.unique(np.linspace(0, len(steps) - 1, min(_LADDER, len(steps))).round().astype(int))
    return [float(value) for value in steps[picked]]


def _left(seen: Development, combination: tuple[float, ...], by: str) -> list[float]:
    """Mean entries that each pruning stage leaves."""
    left, least = [], float(seen.size)
    for number, value in enumerate(combination):
        if by == "count":
            least = min(least, value)
        else:
            # a stage sees what the one before left; as if both judged independently
            share = np.mean([np.searchsorted(row, value, side="right") for row in seen.ordered[number]]) / seen.size
            least *= float(share)
        left.append(least)
    return left
