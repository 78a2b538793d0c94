"""Which budget a search takes, and why."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ParameterError
from .calibration import Budget, Calibration


def chosen_budget(
    calibration: Callable[[], Calibration],
    takes_effort: bool,
    size: int,
    k: int,
    *,
    recall: float | None,
    candidates: int | None,
    ef: int | None,
    exact: bool,
) -> tuple[Budget | None, str]:
    """The budget for k neighbours in an index of `size` sequences (None: compare with everything), and a line that says
    why. `takes_effort`: see `CandidateIndex`.

    `recall`: the cheapest budget measured to reach it, by default that of the calibration; `candidates` and `ef`: as
    asked; `exact`: everything. Raises ParameterError for numbers out of range, and two that exclude each other.
    """
    if exact + (recall is not None) + (candidates is not None) > 1:
        raise ParameterError("recall, candidates and exact exclude each other")
    if recall is not None and not 0 < recall <= 1:
        raise ParameterError(f"recall must be above 0 and at most 1, not {recall}")
    if exact:
        return None, "exact"
    if candidates is not None:
        if candidates < 1 or (ef is not None and ef < 1):
            raise ParameterError("candidates and ef must be at least 1")
        effort = (ef if ef is not None else max(candidates, 32)) if takes_effort else None
        budget = Budget(max(candidates, k), effort)
        return budget, f"{budget}, as asked"
    measured = calibration()
    target = measured.target if recall is None else recall
    chosen, point = measured.choose(target, k)
    stale = "; the index has changed by more than a fifth since it was calibrated" * measured.is_stale(size)
    if chosen is not None and point is not None:
        if measured.exact_is_cheaper(point, size):
            return None, f"exact: cheaper than the {chosen} that recall {target} takes{stale}"
        return chosen, f"{chosen} for recall {target} (measured {point.recall:.4f}){stale}"
    if point is None:
        return None, "exact: there was too little data to calibrate"
    return None, f"exact: no measured budget reaches recall {target} (best {point.recall:.4f}){stale}"
