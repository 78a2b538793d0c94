"""Measuring the curve of recall over budgets: at build on sequences kept out, later on members or given queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ..ann import CandidateIndex
from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Distance, Neighbours, recall_at
from ..distances.neighbours import thresholds
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from .budget import USUAL, Budget, Calibration, Group, Point, at_rank
from .intervals import ALPHAS, Interval, Stop, predicted_of, stopped
from .known_pairs import KnownPairs
from .ladders import LADDER, Ladder, ladder_of
from .pipeline import Pipeline, Queries, Ranked, Trace, joined
from .proposals import Proposals
from .stages import Exact, Propose, ProposeParts, ProposeShared, Reorder
from .strangers import Removed, Strangers, grouped

Bounds = Callable[[DoubleArray], DoubleArray]
CONFIDENCE = 1.645  # standard errors: 95% one-sided
CALIBRATED_K = (1, 10, 50)
DIVIDING = 10
"""The rank of the candidate that tells how far a query is from everything: a copy of it that is stored, or a single
near relative, says nothing of how hard the others are to find."""
LOST_MORE = 1.5
"""So many times what strangers lose do far series of another source: heartbeats of patients left out
(docs/recall.md)."""
SURE = 0.9995  # a recall above which nobody needs a larger budget
PROVING, QUERIES = 5.0, (500, 2000)
DEAR = 5e10  # cells of a comparison of one query with everything, from which on fewer are asked for
PROVING_DEAR, QUERIES_DEAR = 2.0, (200, 2000)
FEWEST_TO_LEAVE_OUT = 1000  # sequences below which members are not asked as well
FEWEST_TO_NARROW, LEAST_NARROWING = 200, 2
"""Candidates from which on fewer of them are compared, where something orders them; at most one of so many."""
FEWEST_TO_STOP = 50  # candidates below which nothing is saved by stopping early
PARTS_K = (1, 10)
"""Of a distance to parts, for which more neighbours are dear to know."""
MOST_COMPARED = 2500  # entries a query, after which more are no longer tried: what they lead to grows with them
BANDED = 0.5  # of the cost of a comparison, where a part is looked for in a band


def calibrate(
    pipeline: Pipeline,
    queries: Sequences | Queries,
    target: float,
    *,
    allowed: BoolArray | None = None,
    exclude: IntArray | None = None,
    progress: Progress = SILENT,
) -> Calibration:
    """Measure the recall of every budget on `queries` against exact truth over the `allowed` rows (all live ones).

    `exclude`, (Q,): the row each query is itself, when the queries are members: it counts neither as a neighbour nor as
    a candidate. An index of one sequence has no other to be found, so nothing is measured.
    """
    queries = Queries.of(queries)
    size = int((pipeline.live if allowed is None else allowed).sum())
    others = size - (exclude is not None)
    if not len(queries) or others < 1:
        return Calibration(target, 0, size)
    first, last = pipeline.stages[0], pipeline.stages[-1]
    assert isinstance(first, Propose | ProposeParts | ProposeShared)
    assert isinstance(last, Exact)
    whole = isinstance(first, Propose)
    ks = tuple(k for k in (CALIBRATED_K if whole else PARTS_K) if k <= others) or (1,)
    few, lost = is_dear(queries.sequences.lengths, others, last.distance), counted(last.distance)
    removed = Removed.sizes(len(queries), others, max(ks), dear=few) if whole else None

    def nearest(who: IntArray, count: int) -> Neighbours:
        own = None if exclude is None else exclude[who]
        return pipeline.neighbours(queries[who], count, None, allowed=allowed, exclude=own, progress=progress)

    everyone = np.arange(len(queries))
    known = nearest(everyone, max(ks)) if removed is None else removed.nearest(nearest, max(ks))
    truth = Neighbours(known.rows[:, : max(ks)], known.distances[:, : max(ks)])
    strange = Strangers.of(known, removed, max(ks))
    asked, sequences = queries, queries.sequences

    def verify(who: IntArray, rows: IntArray, cutoffs: DoubleArray) -> DoubleArray:
        return last.pairs(sequences, who if strange is None else strange.owners[who], rows, cutoffs)

    budgets = ladder_of(first, others, wider=True)
    largest = max(budget.candidates for budget in budgets)
    proposals = Proposals(pipeline, queries, exclude, strange, largest)

    def search(budget: Budget) -> tuple[Neighbours, float]:
        trace = Trace()
        found = pipeline.staged(asked, max(ks), budget, allowed=allowed, exclude=exclude, trace=trace)
        return found, trace[last.name].compared / len(asked)

    cost = last.cost(sequences, truth) * (BANDED if isinstance(first, ProposeParts) else 1.0)
    reorder = next((stage for stage in pipeline.stages if isinstance(stage, Reorder)), None)
    costs = (cost,) if reorder is None else (reorder.cost(sequences, truth), cost)
    by_proof = last.distance.exhaustive_cost(sequences.lengths, others, cost)

    def curve(points: list[Point]) -> tuple[Point, ...]:
        if not isinstance(first, ProposeShared):
            points = [_with_cost(point, first.index) for point in points]
        return tuple(worthwhile(points, costs))

    def bounds_of(who: IntArray) -> Bounds:
        strange_ones = np.count_nonzero(who >= len(queries))
        return far_series_bounds if lost > 1 and 2 * strange_ones >= len(who) else group_bounds

    with progress.task("calibrating", len(budgets)) as task:
        ladder = Ladder(budgets)
        if whole:
            every, owners = truth, everyone
            if strange is not None:
                every, owners = joined([truth, strange.truth]), strange.owners
            ordering = (
                None if reorder is None else _Reordering(reorder, sequences if strange is None else sequences[owners])
            )
            beside = None if allowed is not None else Neighbours(known.rows[owners], known.distances[owners])
            measured = measure(
                every, proposals.of, verify, ladder, ks, task, known=beside, usual=len(queries), ordering=ordering
            )
            points, interval = curve(measured.points(everyone)), measured.interval
            groups = [
                Group(reach, len(who), curve(measured.points(who, bounds_of(who))), together, DIVIDING)
                for reach, who, together in ([] if strange is None else grouped(measured.first, target, lost))
            ]
        elif isinstance(first, ProposeShared):
            measured = measure(truth, proposals.of, verify, ladder, ks, task, may_stop=False)
            points, interval, groups = curve(measured.points(everyone)), None, []
        else:
            points, interval, groups = curve(measured_whole(truth, search, ladder, ks, task)), None, []
    return Calibration(
        target,
        len(queries),
        size,
        points,
        costs,
        interval,
        by_proof,
        float(np.quantile(truth.distances[:, 0], USUAL, method="higher")),
        groups=tuple(groups),
    )


def is_dear(lengths: IntArray, others: int, distance: Distance) -> bool:
    """Whether the nearest of a query are dear to know: where queries of these lengths, (m,), are compared with so many
    `others` of like lengths. By a rule of the data, so that one seed gives one index."""
    cells = others * float(np.mean(np.square(lengths.astype(np.float64)))) if len(lengths) else 0.0
    return distance.kind == "tokens" and not distance.partial and cells > DEAR


def counted(distance: Distance | None) -> float:
    """How often what far queries lose counts: see `LOST_MORE`."""
    return LOST_MORE if distance is not None and distance.kind == "series" and not distance.partial else 1.0


def enough_queries(recall: float, *, dear: bool = False, lost: float = 1.0) -> int:
    """How many queries a calibration for a recall needs: a fifth of the loss allowed is what one more would prove; half
    of it where they are `dear`. `lost`: how often what far ones lose counts."""
    proving, limits = (PROVING_DEAR, QUERIES_DEAR) if dear else (PROVING, QUERIES)
    return int(np.clip(np.ceil(proving * lost / max(1 - recall, 1e-9)), *limits))


def left_out(known: BoolArray, held: int, enough: int, rng: np.random.Generator) -> IntArray:
    """Members to be asked for their others beside the `held` queries that were kept out of the index, where these are
    fewer than `enough`: (m,) rows of the `known` ones, (rows,), ascending. None of a tiny set, where comparing with all
    is cheap.
    """
    rows = np.flatnonzero(known)
    more = min(enough - held, len(rows))
    if len(rows) + held < FEWEST_TO_LEAVE_OUT or more < 1:
        return np.zeros(0, np.int64)
    return np.sort(rng.choice(rows, more, replace=False)).astype(np.int64)


def members(live: BoolArray, most: int, seed: int) -> IntArray:
    """The rows, ascending, of up to `most` random members to be asked for their others."""
    rows = np.flatnonzero(live)
    rng = np.random.default_rng(seed)
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def held_out(size: int, most: int, rng: np.random.Generator) -> IntArray:
    """Rows to take out as calibration queries: a twentieth of the data, at most `most`, none of a tiny set."""
    if size < 40 or most < 1:
        return np.zeros(0, np.int64)
    return np.sort(rng.choice(size, min(most, max(20, size // 20)), replace=False)).astype(np.int64)


def _with_cost(point: Point, index: CandidateIndex) -> Point:
    """With what it costs to propose, where the effort is not that of a graph."""
    if point.lists is None:
        return point
    return replace(point, proposing=round(index.effort_cost(point.candidates, point.lists), 2))


def group_bounds(each: DoubleArray) -> DoubleArray:
    """The recalls that B budgets are expected to have on one more query like (B, Q) others of a group: those of
    conformal risk control, and no more than a standard error below their mean, since one of them is the cheapest of
    many.
    """
    queries = each.shape[1]
    bounds: DoubleArray = np.minimum(each.mean(axis=1) * queries / (queries + 1), lower_bounds(each, 1.0))
    return bounds


def far_series_bounds(each: DoubleArray) -> DoubleArray:
    """`group_bounds` of far series: others of another source lose more than those that have lost their nearest, since
    what was learned was learned of their like."""
    return 1 - LOST_MORE * (1 - group_bounds(each))


def lower_bound(each: DoubleArray, errors: float = CONFIDENCE) -> float:
    """That of one budget, (Q,) recalls: see `lower_bounds`."""
    return float(lower_bounds(each[None], errors)[0])


def lower_bounds(each: DoubleArray, errors: float = CONFIDENCE) -> DoubleArray:
    """(B,) 95% one-sided lower bounds of the means of (B, Q) recalls: Wilson's score bound (1927), which has a width
    even where every query found everything. `errors`: how many standard errors below.

    The number of trials is the number of independent finds that would vary as much as the queries do: at least Q.
    """
    mean, spread = each.mean(axis=1), each.var(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        finds = np.where(spread > 0, mean * (1 - mean) / spread, 1.0)
    trials = each.shape[1] * np.maximum(1.0, finds)
    z2 = errors**2
    width = errors * np.sqrt(mean * (1 - mean) / trials + z2 / (4 * trials**2))
    bounds: DoubleArray = (mean + z2 / (2 * trials) - width) / (1 + z2 / trials)
    return bounds


def worthwhile(points: list[Point], costs: tuple[float, ...]) -> list[Point]:
    """The points without those that cost more than another of the same k that finds as much, as surely."""
    kept = []
    for k in dict.fromkeys(point.k for point in points):
        recall = lower = -1.0
        for point in sorted((p for p in points if p.k == k), key=lambda p: (p.cost(costs), p.candidates, -p.recall)):
            if point.recall > recall or point.lower > lower:
                kept.append(point)
                recall, lower = max(recall, point.recall), max(lower, point.lower)
    return kept


def monotone(points: list[Point]) -> list[Point]:
    """The same points with bounds that never fall as the recall rises: of two budgets measured on one set of queries,
    the bound of the one that found less holds for the other as well.
    """
    out = list(points)
    for k in {point.k for point in points}:
        least = 0.0
        for at in sorted(
            (i for i, p in enumerate(points) if p.k == k), key=lambda i: (points[i].recall, points[i].lower)
        ):
            least = max(least, points[at].lower)
            out[at] = replace(points[at], lower=least)
    return out


# -- against exact neighbours ---------------------------------------------------------------------------------------

ProposeFor = Callable[[Budget], Ranked]
Verify = Callable[[IntArray, IntArray, DoubleArray], DoubleArray]


@dataclass(frozen=True)
class _Proposal:
    """What one budget proposed: (Q, C) scores, and the exact distances, inf for those too far to count."""

    budget: Budget
    scores: AnyArray
    distances: DoubleArray

    @cached_property
    def ordered(self) -> DoubleArray:
        """The distances of each query, nearest first, as many as are looked at."""
        most = max(CALIBRATED_K)
        if most < self.distances.shape[1]:
            return np.sort(np.partition(self.distances, most - 1, axis=1)[:, :most], axis=1)
        return np.sort(self.distances, axis=1)

    def recalls(self, truth: Neighbours, k: int, usual: int | None) -> list[float]:
        """The share of the k nearest that are among what was proposed, for the first `usual` queries and the others."""
        each = recall_at(self.ordered, truth.distances, k)
        return [
            float(part.mean()) for part in (each[:usual], each[len(each) if usual is None else usual :]) if len(part)
        ]

    def outcomes(self, truth: Neighbours, ks: tuple[int, ...], stops: list[Stop]) -> Iterator[_Outcome]:
        """What it finds of the k nearest, for each k: of all candidates, and with every stop."""
        ks = tuple(k for k in ks if self.budget.keeps[-1] >= k)
        for k in ks:
            yield _Outcome(self.budget, k, None, recall_at(self.ordered, truth.distances, k), None)
        for stop in stops if self.budget.candidates >= FEWEST_TO_STOP else ():
            least, reach = stop.classes
            for k in ks:
                nearest, compared = np.full((len(truth), k), np.inf), np.zeros(len(truth), np.int64)
                stopped(self.distances, self.scores, reach, least, nearest, compared)
                yield _Outcome(self.budget, k, stop.alpha, recall_at(nearest, truth.distances, k), compared)

    def narrowed(self, order: AnyArray | None, truth: Neighbours, ks: tuple[int, ...]) -> Iterator[_Outcome]:
        """What is found where only the first by an `order`, (Q, C) scores, are compared: some numbers of them."""
        if order is None:
            return
        counts = [count for count in LADDER if count <= self.budget.candidates // LEAST_NARROWING]
        first = np.argsort(order, axis=1, kind="stable")[:, : max(counts)]
        distances = np.take_along_axis(self.distances, first, axis=1)
        for count in counts:
            part = _Proposal(replace(self.budget, kept=(count,)), self.scores, distances[:, :count])
            yield from part.outcomes(truth, ks, [])


@dataclass(frozen=True)
class _Outcome:
    """What one budget, with a stop or without, finds of the k nearest of each query, (Q,) `each`, and how many
    candidates it compares for it, (Q,), None for all."""

    budget: Budget
    k: int
    alpha: float | None
    each: DoubleArray
    compared: IntArray | None

    def point(self, recall: float, lower: float, compared: float) -> Point:
        """With what it found of some queries, and surely finds, and how many candidates of each it compared."""
        verified, budget = None if self.compared is None else round(compared, 2), self.budget
        recall, lower = round(recall, 6), round(lower, 6)
        told = Point(self.k, budget.candidates, budget.ef, recall, lower, self.alpha, verified, lists=budget.lists)
        return replace(told, kept=budget.kept)


class _Verified:
    """Exact distances of pairs, each computed once, however many budgets propose it.

    What is farther than a query's last known neighbour is inf where that one is too far to matter: most of what is
    proposed is never compared.
    """

    def __init__(self, verify: Verify, farthest: DoubleArray, known: Neighbours | None) -> None:
        """`farthest`: (Q,) distances above which they do not matter; `known`: (Q, ...) the nearest of each query."""
        self._verify, self._farthest = verify, farthest
        self._known, self._complete = KnownPairs(len(farthest)), np.zeros(len(farthest), np.bool_)
        if known is not None:
            self._complete = known.distances[:, -1] > farthest
            owners, columns = np.nonzero(known.rows >= 0)
            order = np.lexsort((known.rows[owners, columns], owners))
            owners, columns = owners[order], columns[order]
            self._known.put(owners, known.rows[owners, columns], known.distances[owners, columns])

    def of(self, rows: IntArray) -> DoubleArray:
        """(Q, C) distances of proposed rows, inf where there is none; no budget proposes a row twice."""
        out = self._known.of(rows)
        unknown = np.isnan(out)
        out[unknown & self._complete[:, None]] = np.inf
        owners, columns = np.nonzero(unknown & ~self._complete[:, None])
        if not len(owners):
            return out
        order = np.argsort(owners << 40 | rows[owners, columns])
        owners, columns = owners[order], columns[order]
        fresh = rows[owners, columns]
        out[owners, columns] = exact = self._verify(owners, fresh, self._farthest[owners])
        self._known.put(owners, fresh, exact)
        return out


@dataclass(frozen=True)
class _Reordering:
    """A stage that reorders, of `queries`, (Q,)."""

    stage: Reorder
    queries: Sequences

    def scores(self, rows: IntArray) -> AnyArray | None:
        return self.stage.scores(self.queries, rows)

    def order(self, before: AnyArray, own: AnyArray) -> AnyArray:
        return self.stage.order(before, own)


class Ordering(Protocol):
    """What puts candidates in an order: `Reorder` of the queries of a calibration."""

    def scores(self, rows: IntArray) -> AnyArray | None:
        """(Q, C) of rows, inf for -1; None where nothing orders them."""

    def order(self, before: AnyArray, own: AnyArray) -> AnyArray:
        """See `Reorder.order`."""


class _Ordered:
    """Scores of candidates by which they are chosen to be compared, each computed once, as `_Verified`."""

    def __init__(self, ordering: Ordering, queries: int) -> None:
        self._ordering, self._known = ordering, KnownPairs(queries)

    def of(self, proposed: Ranked) -> AnyArray | None:
        """(Q, C) of proposed rows, inf where there is none; None where nothing orders them."""
        rows = proposed.rows
        out = self._known.of(rows)
        unknown = np.isnan(out)
        scores = self._ordering.scores(np.where(unknown, rows, -1))
        if scores is None:
            return None
        out[unknown] = scores[unknown]
        owners, columns = np.nonzero(unknown & (rows >= 0))
        order = np.argsort(owners << 40 | rows[owners, columns])
        owners, columns = owners[order], columns[order]
        if len(owners):
            self._known.put(owners, rows[owners, columns], out[owners, columns])
        return self._ordering.order(proposed.scores, out)


@dataclass(frozen=True)
class Measured:
    """What every budget finds for some queries, the `interval` behind those that stop early, and the scores by which
    queries are grouped, (Q,), of the candidates of the rank `DIVIDING` within the widest."""

    outcomes: list[_Outcome]
    interval: Interval | None
    first: DoubleArray

    def points(self, some: IntArray | None = None, bounds: Bounds | None = None) -> list[Point]:
        """The curve over all queries, or over some of them, with stops and without."""
        each, compared = self._found
        if some is not None:
            each, compared = np.take(each, some, axis=1), np.take(compared, some, axis=1)
        facts = each.mean(axis=1), (bounds or lower_bounds)(each), compared.mean(axis=1)
        told = zip(self.outcomes, *(fact.tolist() for fact in facts), strict=True)
        return monotone([outcome.point(*facts) for outcome, *facts in told])

    @cached_property
    def _found(self) -> tuple[DoubleArray, IntArray]:
        """(B, Q) what every outcome found of each query, and how many candidates it compared, where not all."""
        each, none = np.stack([outcome.each for outcome in self.outcomes]), np.zeros(len(self.first), np.int64)
        return each, np.stack([none if one.compared is None else one.compared for one in self.outcomes])


def measure(
    truth: Neighbours,
    propose: ProposeFor,
    verify: Verify,
    budgets: list[Budget] | Ladder,
    ks: tuple[int, ...],
    task: Task | None = None,
    *,
    known: Neighbours | None = None,
    usual: int | None = None,
    may_stop: bool = True,
    ordering: Ordering | None = None,
) -> Measured:
    """What the budgets find for the queries that `truth` belongs to, and the interval behind those that stop early.

    `propose(budget)` gives candidates; `verify(queries, rows, cutoffs)` the exact distances of pairs, (m,) each, of
    which those above their cutoff may be inf; `known`: the nearest of each query, as far as they are; `usual`: how many
    of the queries are, the first ones, None for all; `may_stop`: whether lists may end early; `ordering`: by which
    the first of the candidates are chosen to be compared. The ladder ends where every k is found as surely as anybody
    asks.
    """
    distances = _Verified(verify, thresholds(truth.distances, max(ks)), known)
    proposals: list[_Proposal] = []
    best: tuple[float, ...] = ()
    narrowed: list[_Outcome] = []
    ordered = None if ordering is None else _Ordered(ordering, len(truth))
    ladder = budgets if isinstance(budgets, Ladder) else None
    for budget in budgets.budgets if isinstance(budgets, Ladder) else budgets:
        if task is not None:
            task.advance()
        if ladder is not None and not ladder.takes(budget) and proposals:
            continue
        candidates = propose(budget)
        proposal = _Proposal(budget, candidates.scores, distances.of(candidates.rows))
        proposals.append(proposal)
        if ordered is not None and budget.candidates >= FEWEST_TO_NARROW:
            narrowed += proposal.narrowed(ordered.of(candidates), truth, ks)
        able = [k for k in ks if budget.candidates >= k]
        recalls = tuple(recall for k in able for recall in proposal.recalls(truth, k, usual))
        if recalls >= best:  # by the smallest k, which every budget has
            best, widest = recalls, candidates
        if ladder is not None:
            ladder.found(budget, recalls)
        if len(able) == len(ks) and all(recall >= SURE for recall in recalls):
            break
    first = at_rank(widest.scores, DIVIDING)
    there = truth.rows >= 0
    interval = Interval.fit(truth.distances[there], predicted_of(truth.rows, widest.rows, widest.scores)[there])
    stops = [] if interval is None or not may_stop else [interval.at(alpha) for alpha in ALPHAS]
    outcomes = [outcome for proposal in proposals for outcome in proposal.outcomes(truth, ks, stops)]
    return Measured([*outcomes, *narrowed], interval, first)


def measured_whole(
    truth: Neighbours,
    search: Callable[[Budget], tuple[Neighbours, float]],
    ladder: Ladder,
    ks: tuple[int, ...],
    task: Task,
) -> list[Point]:
    """The points of a curve by searches as they are made, where what is found leads on to more: `search(budget)` gives
    the nearest that it finds, and how many entries it compared a query."""
    points: list[Point] = []
    for budget in ladder.budgets:
        task.advance()
        if not ladder.takes(budget):
            continue
        found, compared = search(budget)
        measured = []
        for k in ks:
            each = recall_at(found.distances, truth.distances, k)
            recall, lower = round(float(each.mean()), 6), round(lower_bound(each), 6)
            point = Point(k, budget.candidates, budget.ef, recall, lower, lists=budget.lists)
            measured.append(replace(point, verified=round(compared, 2)))
        points += measured
        ladder.found(budget, tuple(point.recall for point in measured))
        if all(point.recall >= SURE for point in measured) or compared > MOST_COMPARED:
            break
    return monotone(points)
