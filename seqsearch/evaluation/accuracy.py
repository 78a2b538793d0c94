"""How well distances between embeddings stand in for exact distances of the same pairs.

Every function takes (m,) exact distances and (m,) predicted ones in the same unit unless it says otherwise, and raises
ParameterError when the shapes differ, nothing is there or a value is not finite.
"""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray
from ..errors import ParameterError


def percent_rmse(exact: AnyArray, predicted: AnyArray, length: float) -> float:
    """100 * sqrt(mean((exact / length - predicted)^2)): the error in percent of the length.

    `exact` in edits, `predicted` in edits a letter (what an embedding is trained to give), `length` the longest length
    of the set. Corso et al., Neural distance embeddings for biological sequences, NeurIPS 2021, whose printed formula
    lacks the mean that their code takes.
    """
    if not length > 0:
        raise ParameterError(f"length must be above 0, not {length}")
    true, given = _checked(exact, predicted)
    return float(100 * np.sqrt(np.mean((true / length - given) ** 2)))


def mean_absolute_error(exact: AnyArray, predicted: AnyArray) -> float:
    """mean |predicted - exact|, in the unit of the distances."""
    true, given = _checked(exact, predicted)
    return float(np.abs(given - true).mean())


def relative_error(exact: AnyArray, predicted: AnyArray) -> float:
    """mean |predicted - exact| / exact over the pairs that are apart; NaN when none is."""
    true, given = _checked(exact, predicted)
    apart = true > 0
    return float((np.abs(given - true)[apart] / true[apart]).mean()) if apart.any() else float("nan")


def distortion(exact: AnyArray, predicted: AnyArray) -> float:
    """max(predicted / exact) * max(exact / predicted) over the pairs that are apart, which no scale factor changes.

    1 is perfect; infinite when two different sequences share a point; NaN when no pair is apart. Linial, London &
    Rabinovich, The geometry of graphs and some of its algorithmic applications, Combinatorica 15 (1995).
    """
    true, given = _checked(exact, predicted)
    apart = true > 0
    if not apart.any():
        return float("nan")
    ratio = given[apart] / true[apart]
    return float(ratio.max() / ratio.min()) if ratio.min() > 0 else float("inf")


def spearman(exact: AnyArray, predicted: AnyArray) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN when either side is constant."""
    from scipy.stats import spearmanr

    true, given = _checked(exact, predicted)
    return float("nan") if _is_constant(true, given) else float(spearmanr(true, given).statistic)


def kendall(exact: AnyArray, predicted: AnyArray) -> float:
    """Kendall's tau-b, corrected for ties; NaN when either side is constant."""
    from scipy.stats import kendalltau

    true, given = _checked(exact, predicted)
    return float("nan") if _is_constant(true, given) else float(kendalltau(true, given).statistic)


def distance_errors(exact: AnyArray, predicted: AnyArray, length: float) -> dict[str, float]:
    """All of these as one row; `exact` in edits and `predicted` in edits a letter, as for `percent_rmse`.

    Absolute and relative error are in edits and over edits: the prediction is multiplied by `length`.
    """
    edits = np.asarray(predicted, np.float64) * length
    return {
        "pairs": len(edits),
        "percent_rmse": percent_rmse(exact, predicted, length),
        "mae": mean_absolute_error(exact, edits),
        "relative_error": relative_error(exact, edits),
        "spearman": spearman(exact, edits),
        "kendall": kendall(exact, edits),
        "distortion": distortion(exact, edits),
    }


def _is_constant(true: DoubleArray, given: DoubleArray) -> bool:
    return bool(np.ptp(true) == 0 or np.ptp(given) == 0)


def _checked(exact: AnyArray, predicted: AnyArray) -> tuple[DoubleArray, DoubleArray]:
    true, given = np.asarray(exact, np.float64), np.asarray(predicted, np.float64)
    if true.ndim != 1 or true.shape != given.shape:
        raise ParameterError(f"exact distances of shape {true.shape} and predicted of {given.shape} are no pairs")
    if not len(true):
        raise ParameterError("no pair of distances is there to be compared")
    for name, values in (("exact", true), ("predicted", given)):
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise ParameterError(f"the {name} distance of pair {wrong[0] + 1} is {values[wrong[0]]}")
    return true, given
