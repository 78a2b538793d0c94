"""What a curve of measured budgets surely gives: lower bounds of recall, and the points that are worth keeping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import DoubleArray, IntArray
from .budget import Point
from .strangers import Members

CONFIDENCE = 1.645  # standard errors: 95% one-sided
STEP, LEAST_STEP = 0.05, 0.0003  # of what was missed, or might be, that another point of a curve has to find; of all
LOST_MORE = 1.5
"""So many times what strangers lose do far series of another source: heartbeats of patients left out
(docs/recall.md)."""


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


@dataclass(frozen=True)
class Bounds:
    """What budgets surely find of the queries of a group, by what each found of them, (B, Q): `far` series lose more.

    `parts`, (q,) places of queries each, and whether they are far: of none may less be found than is asked of all, so
    that none pays for another.
    """

    far: bool = False
    parts: tuple[tuple[IntArray, bool], ...] = ()

    @classmethod
    def of(cls, members: Members, is_far: Callable[[IntArray], bool]) -> Bounds:
        """Of a group of queries of a calibration."""
        who = members.who
        parts = members.parts if len(members.parts) > 1 else ()
        return cls(is_far(who), tuple((np.searchsorted(who, part), is_far(part)) for part in parts))

    def lower(self, each: DoubleArray) -> DoubleArray:
        """(B,) of all queries."""
        return far_series_bounds(each) if self.far else group_bounds(each)

    def least(self, each: DoubleArray) -> DoubleArray:
        """(B,) what the part finds that finds least, inf where there are none."""
        out = np.full(len(each), np.inf)
        for places, far in self.parts:
            lost = 1 - each[:, places].mean(axis=1)
            out = np.minimum(out, 1 - (LOST_MORE if far else 1.0) * lost)
        return out


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
    """The points without those that cost more than another of the same k that finds as much, as surely, or nearly; the
    last of them, which finds most, as it is."""
    kept = []
    for k in dict.fromkeys(point.k for point in points):
        recall = lower = -1.0
        best: Point | None = None
        for point in sorted((p for p in points if p.k == k), key=lambda p: (p.cost(costs), p.candidates, -p.recall)):
            if _gains(point.recall, recall) or _gains(point.lower, lower):
                kept.append(point)
                recall, lower = max(recall, point.recall), max(lower, point.lower)
                best = None
            elif point.recall > recall or point.lower > lower:
                better = best is None or (point.lower, point.recall) > (best.lower, best.recall)
                best = point if better else best
        kept += [] if best is None else [best]
    return kept


def _gains(now: float, was: float) -> bool:
    return now > was + max(LEAST_STEP, STEP * (1 - was))


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
