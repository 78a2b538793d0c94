"""How much work a search may be: what its stages keep, and what a budget was measured to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, IntArray
from .intervals import Stop


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

    def proposes_within(self, other: Budget) -> bool:
        """Whether what the first stage proposes is the first of what it does within another."""
        return self.candidates <= other.candidates and (self.ef, self.lists) == (other.ef, other.lists)

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
        if self.groups is None:
            return f"{most}{self} verified a query"
        first = f"the first {self.groups.nearest} of " if self.groups.nearest < self.keeps[-1] else ""
        return f"{most}{first}{self} verified a query{self.groups}"


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

    @property
    def nearest(self) -> int:
        """How many candidates are compared with a query of the nearest group that has a budget, at most."""
        return next(budget.keeps[-1] for budget in self.budgets if budget is not None)

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

    `alpha`: of the stop, None for all candidates; `verified`: mean number of candidates compared exactly, in which each
    query weighs as much as its comparisons take; `kept`: by the stages between the first and the last; `proposing`:
    what it costs to propose, in candidates of a graph, where that is neither `ef` nor `candidates`.
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
        return self.proposing_cost + self.verifying_cost(costs)

    @property
    def proposing_cost(self) -> float:
        """What the first stage costs, in candidates proposed."""
        return self.proposing if self.proposing is not None else self.ef or self.candidates

    def verifying_cost(self, costs: tuple[float, ...]) -> float:
        """What the stages after it cost."""
        compared = [self.candidates, *self.kept]
        if self.verified is not None:
            compared[-1] = self.verified  # type: ignore[call-overload]  # a mean
        costs = costs[max(0, len(costs) - len(compared)) :]  # without those of stages that are left out
        return sum(c * n for c, n in zip(costs, compared, strict=False))

    def proposes_within(self, other: Point) -> bool:
        """See `Budget.proposes_within`."""
        return self.candidates <= other.candidates and (self.ef, self.lists) == (other.ef, other.lists)

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
    `controlled`). `united`: of how many groups it is, up to this reach, which all of their queries prove together; 1 of
    one by itself.
    """

    reach: float
    queries: int
    points: tuple[Point, ...]
    united: int = 1
    rank: int = 1

    def to_json(self) -> JSON:
        document = {"reach": self.reach, "queries": self.queries, "points": [point.to_json() for point in self.points]}
        document |= {"united": self.united} if self.united > 1 else {}
        return document | ({"rank": self.rank} if self.rank > 1 else {})

    @classmethod
    def from_json(cls, document: JSON) -> Group:
        points = tuple(Point.from_json(point) for point in document["points"])
        rank = int(document.get("rank", 1))  # 1 in indexes of older versions
        united = int(document.get("united", 2 if document.get("together") else 1))  # "together": two, of before
        return cls(float(document["reach"]), int(document["queries"]), points, united, rank)


def controlled(recall: float, queries: int) -> float:
    """The recall that a budget is expected to have on one more query, where it had a mean of `recall` on `queries`
    exchangeable ones: conformal risk control (Angelopoulos et al., arXiv:2208.02814) of the loss 1 - recall, whose
    expectation is at most n / (n + 1) (1 - recall) + 1 / (n + 1).
    """
    return recall * queries / (queries + 1)


def curve_of(points: Sequence[Point], k: int) -> tuple[int, list[Point]]:
    """The points of the k that stands in for this one: the next larger measured one, or the largest; which that is."""
    measured = sorted({point.k for point in points})
    if not measured:
        return k, []
    stand_in = next((m for m in measured if m >= k), measured[-1])
    return stand_in, [point for point in points if point.k == stand_in]
