"""L-BFGS for convex functions of many variables (Nocedal and Wright, Numerical optimization, 2006, algorithm 7.5).

scipy's is written for bounds, keeps many threads of the linear algebra library waiting, and took more time than the
functions that are minimised here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...arrays import DoubleArray

KEPT = 8  # pairs of steps and changes of slope
_ENOUGH = 1e-4  # of the decrease that the slope promises
_HALVINGS = 30
_FLAT = 1e-10  # curvature that says nothing

Slope = tuple[float, DoubleArray]


def least(function: Callable[[DoubleArray], Slope], start: DoubleArray, *, steps: int, gain: float) -> DoubleArray:
    """(V,) variables where the value of `function`, which gives its slope too, is nearly least.

    It ends after so many `steps`, or where two in a row gain less than that share of the value each.
    """
    at, (value, slope) = start.copy(), function(start)
    moved: list[DoubleArray] = []
    bent: list[DoubleArray] = []
    poor = 0
    for _ in range(steps):
        way = -_turned(slope, moved, bent)
        steep = _dot(slope, way)
        if not steep < 0:
            break
        size = 1.0 if moved else min(1.0, 1.0 / max(float(np.abs(slope).sum()), 1e-300))
        for _ in range(_HALVINGS):
            there = at + size * way
            lower, next_slope = function(there)
            if lower <= value + _ENOUGH * size * steep:
                break
            size /= 2
        else:
            break
        step, change = there - at, next_slope - slope
        if _dot(step, change) > _FLAT * _dot(change, change):
            moved, bent = [*moved[1 - KEPT :], step], [*bent[1 - KEPT :], change]
        poor = poor + 1 if value - lower <= gain * max(abs(value), abs(lower), 1e-300) else 0
        at, value, slope = there, lower, next_slope
        if poor == 2:
            break
    return at


def _turned(slope: DoubleArray, moved: list[DoubleArray], bent: list[DoubleArray]) -> DoubleArray:
    """The slope times the inverse of the curvature that was seen on the way."""
    found = slope.copy()
    shares = []
    for step, change in zip(reversed(moved), reversed(bent), strict=True):
        share = _dot(step, found) / _dot(change, step)
        shares.append(share)
        found -= share * change
    if moved:
        found *= _dot(moved[-1], bent[-1]) / _dot(bent[-1], bent[-1])
    for step, change, share in zip(moved, bent, reversed(shares), strict=True):
        found += (share - _dot(change, found) / _dot(change, step)) * step
    return found


def _dot(a: DoubleArray, b: DoubleArray) -> float:
    return float(np.einsum("i,i->", a, b))
