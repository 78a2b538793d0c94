"""How much recall a budget buys on the user's own data, and which budget to take for the recall he asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..ann import Candidates
from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import Neighbours, recall_at
from .stopping import DOUBTS, Interval, Stop, predicted_of, stopped

CONFIDENCE = 1.645  # standard errors: 95% one-sided
CALIBRATED_K = (1, 10, 50)
STALE_SHARE = 0.2
SURE = 0.9995  # a recall above which nobody needs a larger budget
USUAL = 0.9  # share of the calibration queries that found their nearest within the usual distance
FEWEST_TO_COMPARE = 20  # queries below which nothing is said about how unusual they are
_SURELY = 3.0  # standard errors
FEWEST_TO_STOP = 50  # candidates below which nothing is saved by stopping early


@dataclass(frozen=True)
class Budget:
    """`candidates` to verify for each query, found with effort `ef` of the graph (None: kinds without a graph).

    `stop`: ends a query's list earlier, where no candidate that is left can be expected to enter.
    """

    candidates: int
    ef: int | None = None
    stop: Stop | None = None

    def __str__(self) -> str:
        graph = f", ef {self.ef}" if self.ef is not None else ""
        early = f", as far as {1 - self.stop.doubt:.1%} of the neighbours reach" if self.stop is not None else ""
        return f"{self.candidates} candidates{graph}{early}"


@dataclass(frozen=True)
class Point:
    """One measured budget: mean recall of k neighbours over the held-out queries, and its 95% lower bound.

    `doubt`: of the stop, None for all candidates; `verified`: mean number of candidates compared exactly.
    """

    k: int
    candidates: int
    ef: int | None
    recall: float
    lower: float
    doubt: float | None = None
    verified: float | None = None

    def cost(self, weight: float) -> float:
        """In candidates proposed: verifying one costs `weight` times as much as proposing it."""
        return (self.ef or self.candidates) + weight * (self.candidates if self.verified is None else self.verified)


@dataclass(frozen=True)
class Calibration:
    """The measured curve: `queries` held-out sequences against `size` stored ones; `target`: the recall by default.

    `weight`: what it costs to verify a candidate, and `exact_cost` to compare a query with everything, in candidates
    proposed; `interval`: where verification may stop; `usual`: the distance within which nine of ten of the held-out
    queries found their nearest.
    """

    target: float
    queries: int
    size: int
    points: tuple[Point, ...] = field(default_factory=tuple)
    weight: float = 1.0
    interval: Interval | None = None
    exact_cost: float | None = None
    usual: float | None = None

    def choose(self, recall: float, k: int) -> tuple[Budget | None, Point | None]:
        """The cheapest budget whose lower bound meets `recall` for k neighbours, or None when none does.

        The second value is the measured point behind it, or the best there is. For a k that was not measured the next
        larger measured one stands in; beyond the largest, its budgets grow in proportion.
        """
        measured = sorted({point.k for point in self.points})
        if not measured:
            return None, None
        stand_in = next((m for m in measured if m >= k), measured[-1])
        curve = [point for point in self.points if point.k == stand_in]
        enough = [point for point in curve if point.lower >= recall]
        if not enough:
            return None, max(curve, key=lambda p: (p.lower, p.recall))
        cheapest = min(enough, key=lambda p: (p.cost(self.weight), p.candidates, -p.recall))
        return self._budget(cheapest, max(1.0, k / stand_in)), cheapest

    def _budget(self, point: Point, factor: float) -> Budget:
        candidates = int(np.ceil(point.candidates * factor))
        ef = None if point.ef is None else max(candidates, int(np.ceil(point.ef * factor)))
        stop = self.interval.at(point.doubt) if self.interval is not None and point.doubt is not None else None
        return Budget(candidates, ef, stop)

    def exact_is_cheaper(self, point: Point, size: int) -> bool:
        """Whether comparing with all of `size` sequences takes less than the budget of a point."""
        if self.exact_cost is None:
            return False
        return point.cost(self.weight) > self.exact_cost * size / max(1, self.size)

    def strangers(self, nearest: DoubleArray) -> float | None:
        """The share of queries whose `nearest` (Q,) is farther than is usual, where that is surely more than it was
        among the queries that the recall was measured on; None where they are alike, or too few to tell.
        """
        if self.usual is None or len(nearest) < FEWEST_TO_COMPARE:
            return None
        share = float((nearest > self.usual).mean())
        expected = 1 - USUAL
        surely = expected + _SURELY * np.sqrt(expected * (1 - expected) / len(nearest))
        return share if share > max(2 * expected, surely) else None

    def is_stale(self, size: int) -> bool:
        """True when the index has grown or shrunk by more than a fifth since."""
        return abs(size - self.size) > STALE_SHARE * max(1, self.size)

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "queries": self.queries,
            "size": self.size,
            "points": [asdict(point) for point in self.points],
            "weight": self.weight,
            "interval": None if self.interval is None else self.interval.to_json(),
            "exact_cost": self.exact_cost,
            "usual": self.usual,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Calibration:
        points = tuple(Point(**point) for point in document["points"])
        interval = document.get("interval")
        return cls(
            document["target"],
            document["queries"],
            document["size"],
            points,
            document.get("weight", 1.0),
            None if interval is None else Interval.from_json(interval),
            document.get("exact_cost"),
            document.get("usual"),
        )


def budgets_for(size: int, takes_effort: bool, *, wider: bool = False) -> list[Budget]:
    """The ladder of budgets for an index of `size` sequences, with efforts where its kind takes them; `wider`: with
    greater efforts beside the usual."""
    ladder = [10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200]
    counts = [count for count in ladder if count < size] + ([size] if size <= ladder[-1] else [])
    if not takes_effort:
        return [Budget(count) for count in counts]
    # in a large graph of near duplicates it is the walk that misses neighbours: a wider one finds them for less than
    # more candidates, which have to be verified, would
    return [
        Budget(count, width * max(count, 32))
        for count in counts
        for width in ((1, 2, 4) if wider and 20 <= count <= 200 else (1,))
    ]


def _thresholds(truth: DoubleArray, k: int) -> DoubleArray:
    """(Q,) true distance of the k-th neighbour, or of the last there is."""
    there = np.isfinite(truth[:, :k]).sum(axis=1)
    return np.asarray(truth[np.arange(len(truth)), np.maximum(there, 1) - 1])


def lower_bound(each: DoubleArray) -> float:
    """The 95% one-sided lower bound of the mean of (Q,) recalls: Wilson's score bound (1927), which has a width even
    where every query found everything.

    The number of trials is the number of independent finds that would vary as much as the queries do: at least Q.
    """
    mean, spread = float(each.mean()), float(each.var())
    trials = len(each) * max(1.0, mean * (1 - mean) / spread if spread > 0 else 1.0)
    z2 = CONFIDENCE**2
    width = CONFIDENCE * np.sqrt(mean * (1 - mean) / trials + z2 / (4 * trials**2))
    return float((mean + z2 / (2 * trials) - width) / (1 + z2 / trials))


Propose = Callable[[Budget], Candidates]
Verify = Callable[[AnyArray, AnyArray, DoubleArray], DoubleArray]


@dataclass(frozen=True)
class _Proposal:
    """What one budget proposed, and the exact distances of it: (Q, C), inf for those too far to count."""

    budget: Budget
    candidates: Candidates
    distances: DoubleArray

    @cached_property
    def ordered(self) -> DoubleArray:
        """The distances of each query, nearest first."""
        return np.sort(self.distances, axis=1)


def measure(
    truth: Neighbours, propose: Propose, verify: Verify, budgets: list[Budget], ks: tuple[int, ...]
) -> tuple[list[Point], Interval | None]:
    """The points of a curve for the queries that `truth` belongs to, and the interval behind those that stop early.

    `propose(budget)` gives candidates; `verify(queries, rows, cutoffs)` the exact distances of pairs, (m,) each, of
    which those above their cutoff may be inf. A pair is verified once, however many budgets propose it. The ladder ends
    where every k is found as surely as anybody asks.
    """
    farthest = _thresholds(truth.distances, max(ks))
    seen: dict[str, AnyArray] = {"pairs": np.zeros(0, np.int64), "distances": np.zeros(0)}
    points: list[Point] = []
    proposals: list[_Proposal] = []
    for budget in budgets:
        candidates = propose(budget)
        proposal = _Proposal(budget, candidates, _verified(candidates.rows, verify, farthest, seen))
        proposals.append(proposal)
        measured = [_point(proposal, truth, k, None) for k in ks if budget.candidates >= k]
        points += measured
        if len(measured) == len(ks) and all(point.recall >= SURE for point in measured):
            break
    widest = proposals[-1].candidates
    there = truth.rows >= 0
    interval = Interval.fit(truth.distances[there], predicted_of(truth.rows, widest.rows, widest.distances)[there])
    if interval is not None:
        for proposal in proposals:
            if proposal.budget.candidates >= FEWEST_TO_STOP:
                stops = [interval.at(doubt) for doubt in DOUBTS]
                points += [_point(proposal, truth, k, s) for k in ks if proposal.budget.candidates >= k for s in stops]
    return points, interval


def _point(proposal: _Proposal, truth: Neighbours, k: int, stop: Stop | None) -> Point:
    budget, verified = proposal.budget, None
    if stop is None:
        nearest = proposal.ordered
    else:
        nearest = np.full((len(proposal.distances), k), np.inf)
        compared = np.zeros(len(nearest), np.int64)
        stopped(proposal.distances, stop.bounds(proposal.candidates.distances), nearest, compared)
        verified = round(float(compared.mean()), 2)
    each = recall_at(nearest, truth, k)
    return Point(
        k,
        budget.candidates,
        budget.ef,
        round(float(each.mean()), 6),
        round(lower_bound(each), 6),
        None if stop is None else stop.doubt,
        verified,
    )


def _verified(rows: AnyArray, verify: Verify, farthest: DoubleArray, seen: dict[str, AnyArray]) -> DoubleArray:
    """(Q, C) distances of proposed rows, inf where there is none; new pairs are verified and remembered in `seen`."""
    owners = np.broadcast_to(np.arange(len(rows))[:, None], rows.shape)
    there = rows >= 0
    pairs = owners[there] << 40 | rows[there]
    fresh = np.setdiff1d(pairs, seen["pairs"], assume_unique=True)
    who = fresh >> 40
    exact = verify(who, fresh & ((1 << 40) - 1), farthest[who])
    order = np.argsort(np.concatenate([seen["pairs"], fresh]))
    seen["pairs"] = np.concatenate([seen["pairs"], fresh])[order]
    seen["distances"] = np.concatenate([seen["distances"], exact])[order]
    out = np.full(rows.shape, np.inf)
    out[there] = seen["distances"][np.searchsorted(seen["pairs"], pairs)]
    return out


def held_out(size: int, most: int, rng: np.random.Generator) -> IntArray:
    """Rows to take out as calibration queries: a twentieth of the data, at most `most`, none of a tiny set."""
    if size < 40 or most < 1:
        return np.zeros(0, np.int64)
    return np.sort(rng.choice(size, min(most, max(20, size // 20)), replace=False)).astype(np.int64)
