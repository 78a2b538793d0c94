"""What budgets find of known neighbours: each pair is compared once, however many budgets propose it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import Neighbours, recall_at
from ..distances.neighbours import thresholds
from ..progress import Task
from ..sequences import Sequences
from .budget import Budget, Point, at_rank
from .curves import Bounds, lower_bound, lower_bounds, monotone
from .intervals import ALPHAS, Interval, Stop, predicted_of
from .known_pairs import KnownPairs
from .ladders import Ladder
from .outcomes import Narrowing, Outcome, Proposal
from .pipeline import Ranked
from .stages import Reorder

DIVIDING = 10
"""The rank of the candidate that tells how far a query is from everything: a copy of it that is stored, or a single
near relative, says nothing of how hard the others are to find."""
SURE = 0.9995  # a recall above which nobody needs a larger budget
MOST_COMPARED = 2500  # entries a query, after which more are no longer tried: what they lead to grows with them

ProposeFor = Callable[[Budget], Ranked]
Verify = Callable[[IntArray, IntArray, DoubleArray], DoubleArray]


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
class Reordering:
    """A stage that puts candidates in an order, for the queries of a calibration, (Q,)."""

    stage: Reorder
    queries: Sequences

    @property
    def dear(self) -> bool:
        """Whether a score takes longer than looking it up."""
        return self.stage.alone

    def scores(self, rows: IntArray) -> AnyArray | None:
        """See `Reorder.scores`."""
        return self.stage.scores(self.queries, rows)

    def order(self, before: AnyArray, own: AnyArray) -> AnyArray:
        """See `Reorder.order`."""
        return self.stage.order(before, own)


class _Ordered:
    """Scores of candidates by which they are chosen to be compared; where they are `dear`, each is computed once, as
    `_Verified`."""

    def __init__(self, ordering: Reordering) -> None:
        self._ordering, self._known = ordering, KnownPairs(len(ordering.queries))

    def of(self, proposed: Ranked) -> AnyArray | None:
        """(Q, C) of what was proposed, inf where there is none; None where nothing orders them."""
        own = self._looked_up(proposed.rows) if self._ordering.dear else self._ordering.scores(proposed.rows)
        return None if own is None else self._ordering.order(proposed.scores, own)

    def _looked_up(self, rows: IntArray) -> AnyArray | None:
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
        return out


@dataclass(frozen=True)
class Measured:
    """What every budget finds for some queries, the `interval` behind those that stop early, and the scores by which
    queries are grouped, (Q,), of the candidates of the rank `DIVIDING` within the widest; `ordered`: the interval of
    candidates that something has put in order."""

    outcomes: list[Outcome]
    interval: Interval | None
    first: DoubleArray
    ordered: Interval | None = None

    def points(
        self, some: IntArray | None = None, bounds: Bounds | None = None, weights: DoubleArray | None = None
    ) -> list[Point]:
        """The curve over all queries, or over some of them, with stops and without. `weights`, (Q,): how much a
        comparison with each of all queries counts."""
        each, compared = self._found
        weights = np.ones(each.shape[1]) if weights is None else weights
        if some is not None:
            each, compared, weights = np.take(each, some, axis=1), np.take(compared, some, axis=1), weights[some]
        lower = lower_bounds(each) if bounds is None else bounds.lower(each)
        facts = each.mean(axis=1), lower, np.average(compared, axis=1, weights=weights)
        told = zip(self.outcomes, *(fact.tolist() for fact in facts), strict=True)
        points = monotone([outcome.point(*facts) for outcome, *facts in told])
        if bounds is None:
            return points
        least = np.round(bounds.least(each), 6).tolist()
        return [replace(point, lower=min(point.lower, most)) for point, most in zip(points, least, strict=True)]

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
    ordering: Reordering | None = None,
) -> Measured:
    """What the budgets find for the queries that `truth` belongs to, and the interval behind those that stop early.

    `propose(budget)` gives candidates; `verify(queries, rows, cutoffs)` the exact distances of pairs, (m,) each, of
    which those above their cutoff may be inf; `known`: the nearest of each query, as far as they are; `usual`: how many
    of the queries are, the first ones, None for all; `may_stop`: whether lists may end early; `ordering`: by which
    the first of the candidates are chosen to be compared. The ladder ends where every k is found as surely as anybody
    asks.
    """
    distances = _Verified(verify, thresholds(truth.distances, max(ks)), known)
    narrowing = Narrowing(None if ordering is None else _Ordered(ordering), ks)
    proposals: list[Proposal] = []
    best: tuple[float, ...] = ()
    ladder = budgets if isinstance(budgets, Ladder) else None
    for budget in budgets.budgets if isinstance(budgets, Ladder) else budgets:
        if task is not None:
            task.advance()
        if ladder is not None and not ladder.takes(budget) and proposals:
            continue
        candidates = propose(budget)
        proposal = Proposal(budget, candidates.scores, distances.of(candidates.rows), truth)
        proposals.append(proposal)
        order = narrowing.take(proposal, candidates)
        able = [k for k in ks if budget.candidates >= k]
        recalls = tuple(recall for k in able for recall in proposal.recalls(k, usual))
        if recalls >= best:  # by the smallest k, which every budget has
            best, widest, widest_order = recalls, candidates, order
        if ladder is not None:
            ladder.found(budget, recalls)
        if len(able) == len(ks) and all(recall >= SURE for recall in recalls):
            break
    interval = _interval(truth, widest.rows, widest.scores)
    in_order = None if widest_order is None else _interval(truth, widest.rows, widest_order)
    stops, of_order = (_stops(each if may_stop else None) for each in (interval, in_order))
    outcomes = [outcome for proposal in proposals for outcome in proposal.outcomes(ks, stops)]
    outcomes += [*narrowing.outcomes, *narrowing.stopped(of_order)]
    return Measured(outcomes, interval, at_rank(widest.scores, DIVIDING), in_order)


def _stops(interval: Interval | None) -> list[Stop]:
    return [] if interval is None else [interval.at(alpha) for alpha in ALPHAS]


def _interval(truth: Neighbours, rows: IntArray, scores: AnyArray) -> Interval | None:
    """Behind stops by the (Q, C) `scores` of what was proposed."""
    there = truth.rows >= 0
    return Interval.fit(truth.distances[there], predicted_of(truth.rows, rows, scores)[there])


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
