"""How much recall a budget buys on the user's own data, and which budget to take for the recall that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Literal, Self, TypedDict

import numpy as np

from ..ann import CandidateIndex
from ..arrays import JSON, AnyArray, DoubleArray, IntArray
from ..errors import ParameterError
from .guarantees import GROUP, MARGINAL, NONE, PROVED, require_guarantee
from .intervals import Interval, Stop

STALE_SHARE = 0.2
ALIKE = 1.1  # times the cost of the cheapest budget of a group at which the one that finds most is taken
SURER = 2.0  # times the cost of a budget that is expected to reach a recall, which one that surely does is worth
USUAL = 0.9  # share of the calibration queries that found their nearest within the usual distance
FEWEST_TO_COMPARE = 20  # queries below which nothing is said about how unusual they are
_SURELY = 3.0  # standard errors
EVERYTHING = "compared with everything"
"""How the reason of a search begins that has no budget."""


@dataclass(frozen=True)
class Budget:
    """What the stages of a search keep: `candidates` by the first, and `kept` by those between it and the last; and how
    hard the first looks, where its kind takes an effort: `ef` of a graph, `lists` of compressed lists.

    `stop` ends a query's list earlier, where no candidate that is left can be expected to enter; `weight`: how often
    the scores of the stage before the last count in the final order (two kinds of series). `groups`: other budgets for
    queries whose first candidate is predicted farther away; this one is then what all are asked first. `by_share`:
    distances are taken as shares of the shorter sequence's letters, by every stage that can.
    """

    candidates: int
    ef: int | None = None
    stop: Stop | None = None
    kept: tuple[int, ...] = ()
    weight: float = 0.0
    lists: int | None = None
    groups: Grouped | None = None
    by_share: bool = False

    @classmethod
    def of(cls, candidates: int, name: str, effort: int | None) -> Self:
        """So many candidates by an effort, by what a kind of candidate index calls it; "": none is taken."""
        ef, lists = (effort if name == known else None for known in ("ef", "lists"))
        return cls(candidates, ef, lists=lists)

    def effort(self, name: str) -> int | None:
        """How hard to look, by what a kind of candidate index calls it: `CandidateIndex.effort`."""
        return {"ef": self.ef, "lists": self.lists}.get(name)

    def proposes_as(self, other: Budget) -> bool:
        """Whether the first stage does the same within both."""
        return (self.candidates, self.ef, self.lists) == (other.candidates, other.ef, other.lists)

    @cached_property
    def alone(self) -> Budget:
        """Without those of other groups."""
        return self if self.groups is None else replace(self, groups=None)

    @property
    def keeps(self) -> tuple[int, ...]:
        """Entries that each stage but the last lets through."""
        return (self.candidates, *self.kept)

    def __str__(self) -> str:
        graph = f" (ef {self.ef})" if self.ef is not None else ""
        graph += f" of {self.lists} lists" if self.lists is not None else ""
        kept = "".join(f", then {count}" for count in self.kept)
        return f"{self.candidates} candidates{graph}{kept}"

    def verified(self) -> str:
        """What is compared with a query, in words."""
        most = "at most " if self.stop is not None else ""
        return f"{most}{self} verified a query{'' if self.groups is None else self.groups}"


@dataclass(frozen=True)
class Grouped:
    """Budgets by how far the candidate of a `rank` of a query is predicted: `budgets[i]` of queries beyond
    `reaches[i - 1]` and within `reaches[i]`, which ascend; the last one is of what is beyond all. None compares with
    everything. `measured`: the recall of all of them together on the calibration queries, strangers among them.
    """

    reaches: tuple[float, ...]
    budgets: tuple[Budget | None, ...]
    measured: float | None = field(default=None, compare=False)
    rank: int = 1

    def of(self, scores: AnyArray) -> IntArray:
        """(Q,) the group of each query, by (Q, C) scores of its candidates, best first; one without any is beyond."""
        out: IntArray = np.searchsorted(np.asarray(self.reaches), at_rank(scores, self.rank), "left")
        return out

    def __str__(self) -> str:
        """What is done for the farthest of them."""
        others = list(dict.fromkeys(self.budgets[:-1]))[1:]
        farther = [f", up to {max(b.keeps[-1] for b in others if b)} for queries farther away"] if any(others) else []
        return "".join([*farther, ", all for the farthest"])


def at_rank(scores: AnyArray, rank: int) -> DoubleArray:
    """(Q,) the scores of the candidates of that rank, from 1, of (Q, C), best first: of the last where there are fewer,
    inf where there are none."""
    if not scores.shape[1]:
        return np.full(len(scores), np.inf)
    out: DoubleArray = scores[:, min(rank, scores.shape[1]) - 1].astype(np.float64)
    return out


@dataclass(frozen=True)
class Point:
    """One measured budget: mean recall of k neighbours over the calibration queries, and its lower bound.

    `alpha`: of the stop, None for all candidates; `verified`: mean number of candidates compared exactly; `kept`: by
    the stages between the first and the last; `proposing`: what it costs to propose, in candidates of a graph, where
    that is neither `ef` nor `candidates`.
    """

    k: int
    candidates: int
    ef: int | None
    recall: float
    lower: float
    alpha: float | None = None
    verified: float | None = None
    kept: tuple[int, ...] = ()
    lists: int | None = None
    proposing: float | None = None

    def cost(self, costs: tuple[float, ...]) -> float:
        """In candidates proposed; `costs`: of one comparison by each stage after the first, as often."""
        compared = [self.candidates, *self.kept]
        if self.verified is not None:
            compared[-1] = self.verified  # type: ignore[call-overload]  # a mean
        first = self.proposing if self.proposing is not None else self.ef or self.candidates
        costs = costs[max(0, len(costs) - len(compared)) :]  # without those of stages that are left out
        return first + sum(c * n for c, n in zip(costs, compared, strict=False))

    def to_json(self) -> JSON:
        document = asdict(self)
        document["doubt"] = document.pop("alpha")  # the name in indexes of format 1
        kept = list(document.pop("kept"))
        for name in ("lists", "proposing"):  # of kinds that have them
            if document[name] is None:
                del document[name]
        return document | ({"kept": kept} if kept else {})

    @classmethod
    def from_json(cls, document: JSON) -> Point:
        renamed = {"alpha" if name == "doubt" else name: value for name, value in document.items()}
        return cls(**{**renamed, "kept": tuple(renamed.get("kept", ()))})


@dataclass(frozen=True)
class Group:
    """The curve of those of the calibration queries, `queries` of them, whose candidate of a `rank` is predicted beyond
    the reach of the group before and within `reach`. Strangers are among them: queries whose nearest stored sequences
    count as not stored. The lower bounds of its points are those of conformal risk control, or below (see
    `controlled`). `together`: it is the two before it as one, which more queries prove.
    """

    reach: float
    queries: int
    points: tuple[Point, ...]
    together: bool = False
    rank: int = 1

    def to_json(self) -> JSON:
        document = {"reach": self.reach, "queries": self.queries, "points": [point.to_json() for point in self.points]}
        document |= {"together": True} if self.together else {}
        return document | ({"rank": self.rank} if self.rank > 1 else {})

    @classmethod
    def from_json(cls, document: JSON) -> Group:
        points = tuple(Point.from_json(point) for point in document["points"])
        rank = int(document.get("rank", 1))  # 1 in indexes of older versions
        return cls(float(document["reach"]), int(document["queries"]), points, bool(document.get("together")), rank)


def controlled(recall: float, queries: int) -> float:
    """The recall that a budget is expected to have on one more query, where it had a mean of `recall` on `queries`
    exchangeable ones: conformal risk control (Angelopoulos et al., arXiv:2208.02814) of the loss 1 - recall, whose
    expectation is at most n / (n + 1) (1 - recall) + 1 / (n + 1).
    """
    return recall * queries / (queries + 1)


@dataclass(frozen=True)
class Calibration:
    """The measured curve: `queries` held-out sequences against `size` stored ones; `target`: the recall by default.

    `costs`: of one comparison by each stage after the first, and `exact_cost` of comparing a query with everything, in
    candidates proposed; `interval`: where verification may stop; `usual`: the distance within which nine of ten of the
    queries found their nearest. `truth`: "nearest", the exact neighbours, or "pairs", the entry known to belong to each
    query; of pairs, `weight` is that of their budgets. `lossless`: why every search compares with everything, "" where
    candidates may be proposed. `groups`: the curves of queries by how far their first candidate is predicted, nearest
    first; none in indexes of older versions.
    """

    target: float
    queries: int
    size: int
    points: tuple[Point, ...] = field(default_factory=tuple)
    costs: tuple[float, ...] = (1.0,)
    interval: Interval | None = None
    exact_cost: float | None = None
    usual: float | None = None
    truth: Literal["nearest", "pairs"] = "nearest"
    weight: float = 0.0
    lossless: str = ""
    groups: tuple[Group, ...] = ()

    def choose(self, recall: float, k: int, size: int | None = None) -> tuple[Budget | None, Point | None]:
        """The cheapest budget that surely meets `recall` for k neighbours, or None when none does.

        Surely: by Wilson's lower bound, or, where no budget reaches it by that or only one of more than twice the cost,
        by `controlled`.

        The second value is the measured point behind it, or the best there is. For a k that was not measured the next
        larger measured one stands in; beyond the largest, its budgets grow in proportion. Of pairs, budgets grow with
        the database (`size` entries now), and the widest of those that lose least stands in where none does.
        """
        stand_in, curve = _curve(self.points, k)
        if not curve:
            return None, None
        enough = self._enough(curve, recall)
        pairs = self.truth == "pairs"
        best = max(curve, key=lambda p: (p.lower, p.recall, p.cost(self.costs) if pairs else -p.cost(self.costs)))
        if not enough and not pairs:
            return None, best
        cheapest = min(enough or [best], key=lambda p: (p.cost(self.costs), p.candidates, -p.recall))
        if pairs:
            return self._grown(cheapest, k, self.size if size is None else size), cheapest
        return self._budget(cheapest, max(1.0, k / stand_in)), cheapest

    def _enough(self, curve: list[Point], recall: float) -> list[Point]:
        """The points of a curve that surely reach a recall."""
        surely = [point for point in curve if point.lower >= recall]
        expected = [point for point in curve if controlled(point.recall, self.queries) >= recall]
        if self.truth == "pairs" or not expected:
            return surely
        least, cost = (min((p.cost(self.costs) for p in some), default=np.inf) for some in (expected, surely))
        return expected if cost > SURER * least else surely

    def choose_by_groups(self, recall: float, k: int, size: int) -> Budget | None:
        """The cheapest budget of each group whose lower bound meets `recall` there, as one: that of the nearest
        group for which there is one, with those of the others. None where there are no groups, or none has one.

        A group without one, or with one that costs more than comparing with all of `size` sequences, is compared with
        everything, and so is what is farther than any query of the calibration.
        """
        alone = [group for group in self.groups if not group.together]
        budgets = [self._of_group(group, recall, k, size) for group in alone]
        if self.groups and self.groups[-1].together:
            both = self._of_group(self.groups[-1], recall, k, size)
            apart = sum(n * self._spent(each, size) for n, each in zip(_sizes(alone[-2:]), budgets[-2:], strict=True))
            if both is not None and self._spent(both, size) * self.groups[-1].queries <= apart:
                budgets[-2:] = [both, both]
        first = next((budget for budget in budgets if budget is not None), None)
        if first is None:
            return None
        chosen = [None if budget is None else budget[0] for budget in budgets]
        queries = _sizes(alone)
        found = sum(n * (1.0 if one is None else one[2]) for n, one in zip(queries, budgets, strict=True))
        reaches = tuple(group.reach for group in alone)
        return replace(first[0], groups=Grouped(reaches, (*chosen, None), found / max(1, sum(queries)), alone[0].rank))

    def _of_group(self, group: Group, recall: float, k: int, size: int) -> tuple[Budget, float, float] | None:
        """The budget of a group, what it costs and what it found; None where everything is compared."""
        stand_in, curve = _curve(group.points, k)
        enough = [point for point in curve if point.lower >= recall]
        if not enough:
            return None
        cheapest = min(enough, key=lambda p: (p.cost(self.costs), p.candidates, -p.recall))
        if self.exact_is_cheaper(cheapest, size):
            return None
        most = ALIKE * cheapest.cost(self.costs)
        chosen = max((p for p in enough if p.cost(self.costs) <= most), key=lambda p: (p.lower, -p.cost(self.costs)))
        return self._budget(chosen, max(1.0, k / stand_in)), chosen.cost(self.costs), chosen.recall

    def _spent(self, budget: tuple[Budget, float, float] | None, size: int) -> float:
        """What a query of a group costs."""
        if budget is not None:
            return budget[1]
        return np.inf if self.exact_cost is None else self.exact_cost * size / max(1, self.size)

    def _budget(self, point: Point, factor: float) -> Budget:
        candidates = int(np.ceil(point.candidates * factor))
        ef = None if point.ef is None else max(candidates, int(np.ceil(point.ef * factor)))
        lists = None if point.lists is None else int(np.ceil(point.lists * factor))
        stop = self.interval.at(point.alpha) if self.interval is not None and point.alpha is not None else None
        kept = tuple(int(np.ceil(count * factor)) for count in point.kept)
        return Budget(candidates, ef, stop, kept, lists=lists)

    def _grown(self, point: Point, k: int, size: int) -> Budget:
        """What the stages keep of `size` entries, never fewer than k."""
        factor = max(1.0, size / max(1, self.size))
        candidates, *kept = (min(size, max(k, round(n * factor))) for n in (point.candidates, *point.kept))
        ef = None if point.ef is None else max(candidates, point.ef)
        lists = None if point.lists is None else int(np.ceil(point.lists * factor))
        return Budget(candidates, ef, None, tuple(kept), self.weight, lists)

    def exact_is_cheaper(self, point: Point, size: int) -> bool:
        """Whether comparing with all of `size` sequences takes less than the budget of a point."""
        if self.exact_cost is None:
            return False
        return point.cost(self.costs) > self.exact_cost * size / max(1, self.size)

    def out_of_distribution(self, nearest: DoubleArray) -> float | None:
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

    def to_json(self) -> JSON:
        document: JSON = {
            "target": self.target,
            "queries": self.queries,
            "size": self.size,
            "points": [point.to_json() for point in self.points],
            "weight": self.costs[-1],
            "interval": None if self.interval is None else self.interval.to_json(),
            "exact_cost": self.exact_cost,
            "usual": self.usual,
        }
        if self.lossless:
            document |= {"lossless": self.lossless}
        if self.groups:
            document |= {"groups": [group.to_json() for group in self.groups]}
        if len(self.costs) > 1 or self.truth == "pairs":
            document["costs"] = list(self.costs)
        if self.truth == "pairs":
            document |= {"truth": self.truth, "weight_before": self.weight}
        return document

    @classmethod
    def from_json(cls, document: JSON) -> Calibration:
        interval = document.get("interval")
        return cls(
            target=document["target"],
            queries=document["queries"],
            size=document["size"],
            points=tuple(Point.from_json(point) for point in document["points"]),
            costs=tuple(document.get("costs", (document.get("weight", 1.0),))),
            interval=None if interval is None else Interval.from_json(interval),
            exact_cost=document.get("exact_cost"),
            usual=document.get("usual"),
            truth=document.get("truth", "nearest"),
            weight=document.get("weight_before", 0.0),
            lossless=document.get("lossless", ""),
            groups=tuple(Group.from_json(group) for group in document.get("groups", ())),
        )


def _sizes(groups: Sequence[Group]) -> list[int]:
    return [group.queries for group in groups]


def _curve(points: Sequence[Point], k: int) -> tuple[int, list[Point]]:
    """The points of the k that stands in for this one: the next larger measured one, or the largest; which that is."""
    measured = sorted({point.k for point in points})
    if not measured:
        return k, []
    stand_in = next((m for m in measured if m >= k), measured[-1])
    return stand_in, [point for point in points if point.k == stand_in]


class BudgetOptions(TypedDict, total=False):
    """The fields of `Wanted` by name."""

    recall: float | None
    candidates: int | None
    ef: int | None
    lists: int | None
    exact: bool
    guarantee: str | None


@dataclass(frozen=True)
class Wanted:
    """How much work a search may be: a measured `recall` (None: the default), a number of `candidates` with an `ef` or
    a number of `lists`, or `exact`: a comparison with everything. `guarantee`: what each answer must rest on at least,
    "proved", which is `exact`, "group" (the default, where the calibration has groups), or "marginal": one budget for
    all. Raises ParameterError for numbers out of range, and two that exclude each other.
    """

    recall: float | None = None
    candidates: int | None = None
    ef: int | None = None
    exact: bool = False
    lists: int | None = None
    guarantee: str | None = None

    def __post_init__(self) -> None:
        require_guarantee(self.guarantee, recall=self.recall, candidates=self.candidates, exact=self.exact)
        if self.exact + (self.recall is not None) + (self.candidates is not None) > 1:
            raise ParameterError("recall, candidates and exact exclude each other")
        if self.recall is not None and not 0 < self.recall <= 1:
            raise ParameterError(f"recall must be above 0 and at most 1, not {self.recall}")
        given = {name: value for name in ("candidates", "ef", "lists") if (value := getattr(self, name)) is not None}
        for name, value in given.items():
            if value < 1:
                raise ParameterError(f"{name} must be at least 1, not {value}")
        if self.candidates is None and len(given):
            raise ParameterError(f"{' and '.join(given)} say nothing without candidates")

    @property
    def by_proof(self) -> bool:
        """Whether everything is to be compared."""
        return self.exact or self.guarantee == PROVED

    def budget(self, calibration: Calibration, kind: type[CandidateIndex] | None, size: int, k: int) -> Choice:
        """The budget for k neighbours among `size` sequences in an index of that kind (None: of none), and why.

        Raises ParameterError for an effort that the kind does not take.
        """
        if self.by_proof:
            return Choice(None, EVERYTHING)
        if calibration.lossless:
            if self.candidates is not None:
                raise ParameterError(f"candidates cannot be asked for: {calibration.lossless}")
            return Choice(None, f"{EVERYTHING}: {calibration.lossless}")
        if self.candidates is not None:
            name = "" if kind is None else kind.effort
            asked = Budget.of(max(self.candidates, k), name, self._effort(kind, self.candidates))
            return Choice(asked, f"{asked.verified()}, as asked; recall not measured", guarantee=NONE)
        target = calibration.target if self.recall is None else self.recall
        chosen, point = calibration.choose(target, k, size)
        stale = ("the index has changed by more than a fifth since it was calibrated",) * calibration.is_stale(size)
        if point is None:
            return Choice(None, f"{EVERYTHING}: there was too little data to measure a recall")
        if self.guarantee != MARGINAL and calibration.groups:
            grouped = calibration.choose_by_groups(target, k, size)
            if grouped is not None:
                share = 0.0 if grouped.groups is None else grouped.groups.measured or 0.0
                return Choice(grouped, _told(grouped, target, share), stale, GROUP)
        elif self.guarantee == GROUP:
            why = "the recall was not measured by groups of queries: seqsearch calibrate INDEX does"
            return Choice(None, f"{EVERYTHING}: {why}", stale)
        if chosen is None:
            known = f"best {point.recall:.4f}, at least {point.lower:.4f} by {calibration.queries} queries"
            return Choice(None, f"{EVERYTHING}: no fewer candidates surely have a recall of {target} ({known})", stale)
        if calibration.exact_is_cheaper(point, size):
            return Choice(None, f"{EVERYTHING}: cheaper than the {chosen} that recall {target} takes", stale)
        if calibration.truth == "pairs" and point.lower < target:
            unsure = (
                f"recall {target} is not sure: {calibration.queries} known pairs are too few, or too much is pruned"
            )
            return Choice(chosen, _told(chosen, target, point.recall), (*stale, unsure), NONE)
        return Choice(chosen, _told(chosen, target, point.recall), stale, MARGINAL)

    def _effort(self, kind: type[CandidateIndex] | None, candidates: int) -> int | None:
        """What is given, or what is usual for so many candidates."""
        for name, given in (("ef", self.ef), ("lists", self.lists)):
            if given is not None and (kind is None or kind.effort != name):
                taken = (
                    f"{kind.kind!r} takes {kind.effort or 'no effort'}" if kind is not None else "none takes no effort"
                )
                raise ParameterError(f"a candidate index of kind {taken}, not {name}")
            if given is not None:
                return given
        return None if kind is None else kind.usual_effort(candidates)


@dataclass(frozen=True)
class Choice:
    """The `budget` of a search (None: everything is compared), the `reason` in words, what to beware of, and what
    answers within the budget rest on."""

    budget: Budget | None
    reason: str
    warnings: tuple[str, ...] = ()
    guarantee: str = PROVED


def _told(chosen: Budget, target: float, measured: float) -> str:
    return f"{chosen.verified()}; measured recall {measured:.4f} (asked {target})"


def unusual(calibration: Calibration, nearest: DoubleArray) -> str | None:
    """A warning where queries with these distances to their nearest, (Q,), are not like those that the recall was
    measured on."""
    share = calibration.out_of_distribution(nearest)
    if share is None:
        return None
    return (
        f"{share:.0%} of these queries are farther from everything stored than nine of ten of those the recall was "
        "measured on, so it may be lower: calibrate with queries like these"
    )
