"""What a search is asked for, and the budget that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from ..ann import CandidateIndex
from ..arrays import DoubleArray
from ..errors import ParameterError
from .budget import Budget
from .calibration import Calibration
from .guarantees import GROUP, MARGINAL, NONE, PROVED, require_guarantee

EVERYTHING = "compared with everything"
"""How the reason of a search begins that has no budget."""


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
