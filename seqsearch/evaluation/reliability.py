"""Whether a promised probability is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray
from ..errors import ParameterError


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of similar confidence: their mean `expected` probability, the share `observed` true, how many."""

    expected: float
    observed: float
    count: int


def reliability(probabilities: AnyArray, outcomes: AnyArray, bins: int = 10) -> list[ReliabilityBin]:
    """The non-empty ones of `bins` equal intervals of [0, 1], ascending.

    `probabilities`: (m,) of what was predicted; `outcomes`: (m,) true where it came. Raises ParameterError.
    """
    given, came = np.asarray(probabilities, np.float64), np.asarray(outcomes).astype(np.float64)
    if given.ndim != 1 or given.shape != came.shape or not len(given) or bins < 1:
        raise ParameterError(f"probabilities of shape {given.shape} do not fit outcomes of {came.shape} in {bins} bins")
    if not ((given >= 0) & (given <= 1)).all():
        raise ParameterError(f"{given[~((given >= 0) & (given <= 1))][0]} is not a probability")
    which = np.minimum((given * bins).astype(np.int64), bins - 1)
    counts = np.bincount(which, minlength=bins)
    expected, observed = (np.bincount(which, values, minlength=bins) for values in (given, came))
    return [
        ReliabilityBin(float(expected[at] / counts[at]), float(observed[at] / counts[at]), int(counts[at]))
        for at in np.flatnonzero(counts)
    ]


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """mean |observed - expected| over the predictions. Naeini, Cooper & Hauskrecht, AAAI 2015."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.observed - b.expected) for b in bins) / total
