"""The budgets of groups of queries, chosen together, for what is proposed to all of them is proposed once.

Every query is first asked for the candidates of one budget, whose scores tell its group. A group whose own budget
takes the first of these, by the same effort, need not look again; one whose budget takes more, or another effort, is
proposed to anew. So candidates that a few far queries need may be cheaper for all than another search for these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .budget import Group, Point, curve_of

ALIKE = 1.1  # times the cost of the cheapest budget of a group at which the one that finds most is taken


@dataclass(frozen=True)
class Chosen:
    """What is `first` proposed for all, and the point of each group, None where everything is compared; `measured`:
    the recall of all of them together."""

    first: Point
    points: tuple[Point | None, ...]
    measured: float


@dataclass(frozen=True)
class _Way:
    """A point for a group, None to compare with everything, and what a query costs beside what is first proposed."""

    point: Point | None
    cost: float

    @property
    def recall(self) -> float:
        return 1.0 if self.point is None else self.point.recall

    @property
    def lower(self) -> float:
        return 1.0 if self.point is None else self.point.lower

    def within(self, first: Point) -> bool:
        return self.point is not None and self.point.proposes_within(first)


@dataclass(frozen=True)
class GroupChoice:
    """Of `groups`, for k neighbours and a `recall`: a group may take the points whose lower bound reaches it. `costs`:
    of one comparison by each stage; `everything`: what comparing a query with all there is costs, inf if not known."""

    groups: tuple[Group, ...]
    recall: float
    k: int
    costs: tuple[float, ...]
    everything: float

    def best(self) -> Chosen | None:
        """The cheapest for all queries of the calibration together; None where no group has a budget."""
        enough = [self._enough(group) for group in self.groups]
        sizes = [group.queries for group in self.groups if group.united == 1]
        best: tuple[float, Point, list[_Way]] | None = None
        for first in _firsts(enough, self.costs):
            ways = self._ways(sizes, enough, first)
            total = sum(n * (first.proposing_cost + way.cost) for n, way in zip(sizes, ways, strict=True))
            if any(way.point is not None for way in ways) and (best is None or total < best[0]):
                best = total, first, ways
        if best is None:
            return None
        _, first, ways = best
        found = sum(n * way.recall for n, way in zip(sizes, ways, strict=True))
        return Chosen(first, tuple(way.point for way in ways), found / max(1, sum(sizes)))

    def _ways(self, sizes: list[int], enough: list[list[Point]], first: Point) -> list[_Way]:
        """One for each group: each its own, or several one that is proved by all of their queries together, whichever
        is cheapest: of the groups up to each, by what those up to a nearer one cost."""
        reaches = [group.reach for group in self.groups if group.united == 1]
        best: list[tuple[float, list[_Way]]] = [(math.inf, [])] * (len(sizes) + 1)
        best[0] = 0.0, []
        ways = [self._way(some, first) for some in enough]
        for group, way in sorted(zip(self.groups, ways, strict=True), key=lambda pair: (pair[0].reach, pair[0].united)):
            end = reaches.index(group.reach) + 1
            cost, before = best[end - group.united]
            cost += way.cost * sum(sizes[end - group.united : end])
            if cost < best[end][0] or not best[end][1]:
                best[end] = cost, [*before, *[way] * group.united]
        return best[-1][1]

    def _enough(self, group: Group) -> list[Point]:
        """The points that are surely enough for a group, and cost less than comparing with everything."""
        _, curve = curve_of(group.points, self.k)
        return [p for p in curve if p.lower >= self.recall and p.cost(self.costs) <= self.everything]

    def _way(self, enough: list[Point], first: Point) -> _Way:
        """What a group does after candidates were `first` proposed: of the points that cost about as little as the
        cheapest, the one that surely finds most; one that looks anew only where that does."""
        ways = [_Way(point, beside(point, first, self.costs)) for point in enough]
        cheapest = min(ways, key=lambda way: way.cost, default=None)
        if cheapest is None or cheapest.cost >= self.everything:
            return _Way(None, self.everything)
        most = ALIKE * (cheapest.cost + first.proposing_cost) - first.proposing_cost
        anew = not cheapest.within(first)
        alike = (way for way in ways if way.cost <= most and (anew or way.within(first)))
        return max(alike, key=lambda way: (way.lower, -way.cost))


def beside(point: Point, first: Point, costs: tuple[float, ...]) -> float:
    """What a query within the budget of a point costs beside what was `first` proposed for it."""
    return point.verifying_cost(costs) if point.proposes_within(first) else point.cost(costs)


def _firsts(enough: list[list[Point]], costs: tuple[float, ...]) -> Iterator[Point]:
    """What may be proposed first: the candidates and the effort of a point that is the cheapest of its effort to verify
    for some group, or the cheapest of all."""
    seen = set()
    for some in enough:
        cheapest: dict[tuple[int | None, int | None], Point] = {}
        for point in some:
            effort = point.ef, point.lists
            if effort not in cheapest or point.cost(costs) < cheapest[effort].cost(costs):
                cheapest[effort] = point
        for point in cheapest.values():
            proposal = point.candidates, point.ef, point.lists
            if proposal not in seen:
                seen.add(proposal)
                yield point
