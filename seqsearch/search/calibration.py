"""How much recall a budget buys on the user's own data, and which budget to take for the recall that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ..arrays import JSON, DoubleArray
from .budget import Budget, Group, Grouped, Point, controlled, curve_of
from .group_choice import GroupChoice
from .intervals import Interval

STALE_SHARE = 0.2
SURER = 2.0  # times the cost of a budget that is expected to reach a recall, which one that surely does is worth
USUAL = 0.9  # share of the calibration queries that found their nearest within the usual distance
FEWEST_TO_COMPARE = 20  # queries below which nothing is said about how unusual they are
_SURELY = 3.0  # standard errors


@dataclass(frozen=True)
class Calibration:
    """The measured curve: `queries` held-out sequences against `size` stored ones; `target`: the recall by default.

    `costs`: of one comparison by each stage after the first, and `exact_cost` of comparing a query with everything, in
    candidates proposed; `interval`: where verification may stop; `usual`: the distance within which nine of ten of the
    queries found their nearest. `truth`: "nearest", the exact neighbours, or "pairs", the entry known to belong to each
    query; of pairs, `weight` is that of their budgets. `lossless`: why every search compares with everything, "" where
    candidates may be proposed. `groups`: the curves of queries by how far their first candidate is predicted, nearest
    first; none in indexes of older versions. `mixing`: see `Reorder`, and `ordered`: where verification may stop of
    candidates that it has put in order, None of each where nothing does.
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
    mixing: float | None = None
    ordered: Interval | None = None

    def choose(self, recall: float, k: int, size: int | None = None) -> tuple[Budget | None, Point | None]:
        """The cheapest budget that surely meets `recall` for k neighbours, or None when none does.

        Surely: by Wilson's lower bound, or, where no budget reaches it by that or only one of more than twice the cost,
        by `controlled`.

        The second value is the measured point behind it, or the best there is. For a k that was not measured the next
        larger measured one stands in; beyond the largest, its budgets grow in proportion. Of pairs, budgets grow with
        the database (`size` entries now), and the widest of those that lose least stands in where none does.
        """
        stand_in, curve = curve_of(self.points, k)
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
        """The budgets of all groups whose lower bound meets `recall` there, as one, which cost least together: that of
        the nearest group for which there is one, of the candidates that are proposed to all, with those of the others.
        None where there are no groups, or none has one.

        A group without one, or with one that costs more than comparing with all of `size` sequences, is compared with
        everything, and so is what is farther than any query of the calibration.
        """
        if not self.groups:
            return None
        everything = np.inf if self.exact_cost is None else self.exact_cost * size / max(1, self.size)
        best = GroupChoice(self.groups, recall, k, self.costs, everything).best()
        if best is None:
            return None
        factor = max(1.0, k / curve_of(self.groups[0].points, k)[0])
        budgets = [None if point is None else self._budget(point, factor) for point in best.points]
        nearest = next(budget for budget in budgets if budget is not None)
        first = self._budget(best.first, factor)
        reaches = tuple(group.reach for group in self.groups if group.united == 1)
        grouped = Grouped(reaches, (*budgets, None), best.measured, self.groups[0].rank)
        return replace(nearest, candidates=first.candidates, ef=first.ef, lists=first.lists, groups=grouped)

    def _budget(self, point: Point, factor: float) -> Budget:
        candidates = int(np.ceil(point.candidates * factor))
        ef = None if point.ef is None else max(candidates, int(np.ceil(point.ef * factor)))
        lists = None if point.lists is None else int(np.ceil(point.lists * factor))
        interval = self.ordered if point.kept else self.interval
        stop = interval.at(point.alpha) if interval is not None and point.alpha is not None else None
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
        if self.mixing is not None:
            document |= {"mixing": self.mixing}
        if self.ordered is not None:
            document |= {"ordered": self.ordered.to_json()}
        if len(self.costs) > 1 or self.truth == "pairs":
            document["costs"] = list(self.costs)
        if self.truth == "pairs":
            document |= {"truth": self.truth, "weight_before": self.weight}
        return document

    @classmethod
    def from_json(cls, document: JSON) -> Calibration:
        interval, ordered = (
            None if (known := document.get(name)) is None else Interval.from_json(known)
            for name in ("interval", "ordered")
        )
        return cls(
            target=document["target"],
            queries=document["queries"],
            size=document["size"],
            points=tuple(Point.from_json(point) for point in document["points"]),
            costs=tuple(document.get("costs", (document.get("weight", 1.0),))),
            interval=interval,
            exact_cost=document.get("exact_cost"),
            usual=document.get("usual"),
            truth=document.get("truth", "nearest"),
            weight=document.get("weight_before", 0.0),
            lossless=document.get("lossless", ""),
            groups=tuple(Group.from_json(group) for group in document.get("groups", ())),
            mixing=document.get("mixing"),
            ordered=ordered,
        )
