"""Which budgets a calibration tries, and when more of them can tell nothing new."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..ann import CandidateIndex
from ..errors import MismatchError
from .budget import Budget
from .pipeline import Pipeline, Stage
from .stages import Propose, ProposeParts, ProposeShared, Reorder

GAIN, WORTH = 0.0001, 0.05  # of recall, and of what was missed, that is worth another budget
MANY, WORTH_OF_MANY = 400, 0.15  # candidates from which on a step has to find more of it: these take long to measure
NARROWING = 4
"""One of so many candidates is compared where `evaluate` shows what that finds."""
_WIDER = range(20, 201)
"""Candidates for which greater efforts than the usual are tried: in a large graph of near duplicates it is the walk
that misses neighbours, and a wider one finds them for less than more candidates, which have to be verified, would."""
WINDOWS = (50, 100, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 4800, 6400)
"""The ladder of windows, of which many lead to the same row."""
MOST_SHARED = 601  # candidates by what sequences share: more of them find hardly anything, and every one is compared
COMPARED = (10, 15, 20, 30, 50, 60, 75, 90, 100, 125, 150, 175, 200, 250, 300, 400, 500, 600, 800, 1200, 1600)
"""How many of the candidates are compared where something puts them in an order, which tells a step for little."""
LADDER = (10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200)


def ladder_of(first: Stage, size: int, *, wider: bool = False) -> list[Budget]:
    """The ladder of budgets for what proposes among `size` others; `wider`: with every effort that is worth trying.

    Raises MismatchError where nothing does.
    """
    if isinstance(first, ProposeShared):
        return [Budget(count) for count in LADDER if count < min(size, MOST_SHARED)]
    if isinstance(first, ProposeParts):
        return window_budgets(first.index, wider=wider)
    if not isinstance(first, Propose):
        raise MismatchError("this index has no embeddings: its first stage compares hash sequences")
    return budgets_for(first.index, size, wider=wider)


def ladder_to_climb(pipeline: Pipeline, size: int) -> list[Budget]:
    """The ladder that `evaluate` climbs: where something orders candidates, many of them also with a share compared."""
    ladder = ladder_of(pipeline.stages[0], size)
    if not any(isinstance(stage, Reorder) and stage.orders for stage in pipeline.stages):
        return ladder
    return [
        each
        for budget in ladder
        for each in (replace(budget, kept=(budget.candidates // NARROWING,)), budget)
        if not each.kept or budget.candidates >= MANY
    ]


def budgets_for(index: CandidateIndex, size: int, *, wider: bool = False) -> list[Budget]:
    """The ladder of budgets for an index of `size` others; `wider`: with every effort that is worth trying.

    Otherwise each number of candidates comes with the usual effort, or, where none is usual, effort grows with it.
    """
    counts = [count for count in LADDER if count < size] + ([size] if size <= LADDER[-1] else [])
    if not index.effort:
        return [Budget(count) for count in counts]
    return [
        Budget.of(count, index.effort, effort)
        for number, count in enumerate(counts)
        for effort in _efforts(index, count, number / max(1, len(counts) - 1), wider)
    ]


def window_budgets(index: CandidateIndex, *, wider: bool = False) -> list[Budget]:
    """The ladder of budgets for windows, of which many lead to the same row; `wider`: with every effort that is worth
    trying, else with one that grows with it."""
    counts = [count for count in WINDOWS if count < len(index)]
    if not index.effort:
        return [Budget(count) for count in counts]
    return [
        Budget.of(count, index.effort, effort)
        for number, count in enumerate(counts)
        for effort in (
            _window_efforts(index, count) if wider else _efforts(index, count, number / max(1, len(counts) - 1), wider)
        )
    ]


def _window_efforts(index: CandidateIndex, count: int) -> list[int]:
    """Those of an index, and less: what a narrow look misses is mostly like what it finds."""
    efforts = index.efforts(count)
    return sorted({*efforts, max(1, efforts[0] // 2), max(1, efforts[0] // 4)})


def _efforts(index: CandidateIndex, count: int, place: float, wider: bool) -> tuple[int, ...]:
    """Of the efforts for `count` candidates, which are at `place`, 0 to 1, of a ladder, those to be tried."""
    usual, efforts = index.usual_effort(count), index.efforts(count)
    if wider and (usual is None or count in _WIDER):
        return efforts
    if usual is not None:
        return (usual,)
    return (efforts[round(place * (len(efforts) - 1))],)


@dataclass
class Ladder:
    """The budgets of a calibration in turn, fewer candidates first, without those that can tell nothing new: a higher
    effort for as many candidates where the last higher one found nothing more, and more candidates of an effort where
    the last step to more found nothing more.
    """

    budgets: list[Budget]

    def __post_init__(self) -> None:
        self._found: dict[int | None, tuple[float, ...]] = {}  # recalls at the last count tried with an effort
        self._spent: set[int | None] = set()  # efforts that more candidates do not help
        self._count, self._done = 0, False
        self._best: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.budgets)

    def takes(self, budget: Budget) -> bool:
        """Whether it is worth measuring; budgets are asked about in turn."""
        if budget.candidates != self._count:
            self._count, self._best, self._done = budget.candidates, (), False
        return not self._done and _effort_of(budget) not in self._spent

    def found(self, budget: Budget, recalls: tuple[float, ...]) -> None:
        """What it found of each part of the queries, of each k that is no more than its candidates."""
        effort = _effort_of(budget)
        worth = WORTH if budget.candidates < MANY else WORTH_OF_MANY
        self._done = bool(self._best) and not _gained(self._best, recalls, worth)
        before = self._found.get(effort, ())
        if effort is not None and len(before) == len(recalls) and not _gained(before, recalls, worth):
            self._spent.add(effort)
        self._best = self._found[effort] = recalls


def _effort_of(budget: Budget) -> int | None:
    return budget.ef if budget.lists is None else budget.lists


def _gained(before: tuple[float, ...], recalls: tuple[float, ...], worth: float) -> bool:
    """Whether a step found a part of what was missed that is worth another: for any k, of any part of the queries."""
    return any(after - first > max(GAIN, worth * (1 - first)) for first, after in zip(before, recalls, strict=False))
