"""Temperature scaling: one number that makes probabilities as sure as they are right."""

from __future__ import annotations

import math

import numpy as np

from ...arrays import AnyArray, DoubleArray, IntArray
from ...extras import TRAIN, imported

_COLDEST, _HOTTEST = 0.1, 10.0
FEWEST = 10  # examples below which nothing can be said


def log_loss(scores: AnyArray, true: IntArray, temperature: float = 1.0, weights: DoubleArray | None = None) -> float:
    """Mean -log probability of the true of K classes, from (m, K) scores; `weights`, (m,), if some count more."""
    given = np.asarray(scores, np.float64) / temperature
    highest = given.max(axis=1)
    total = highest + np.log(np.exp(given - highest[:, None]).sum(axis=1))
    return float(np.average(total - given[np.arange(len(given)), true], weights=weights))


def fitted_temperature(scores: AnyArray, true: IntArray, weights: DoubleArray | None = None) -> float:
    """The temperature in [0.1, 10] of the least log loss on (m, K) scores; 1 with fewer than `FEWEST` examples.

    Guo et al., On calibration of modern neural networks, ICML 2017. The loss is convex in 1 / temperature, so the one
    minimum is found whichever way.
    """
    if len(true) < FEWEST:
        return 1.0
    found = imported("scipy.optimize", TRAIN).minimize_scalar(
        lambda log: log_loss(scores, true, math.exp(log), weights),
        bounds=(math.log(_COLDEST), math.log(_HOTTEST)),
        method="bounded",
    )
    return math.exp(float(found.x))
