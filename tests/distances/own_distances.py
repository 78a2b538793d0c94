"""Distances of one's own by one function: of texts, of codes by numba, of series with a parameter."""

from __future__ import annotations

import numba
import numpy as np

from seqsearch.arrays import JSON, AnyArray, FloatArray
from seqsearch.distances import CustomDistance, register


@register
class Letters(CustomDistance):
    """Letters that only one of the two has."""

    name = "letters"
    whole_numbers = True

    def between(self, a: str, b: str) -> float:
        return len(set(a) ^ set(b))


def _endpoints(a: AnyArray, b: AnyArray) -> float:
    return abs(np.int64(a[0]) - np.int64(b[0])) + abs(np.int64(a[-1]) - np.int64(b[-1]))


@register
class Endpoints(CustomDistance):
    """How far the first codes and the last codes are apart; compiled."""

    name = "endpoints"
    whole_numbers = True
    between = staticmethod(numba.njit(_endpoints))


@register
class Overlap(CustomDistance):
    """A share of how far the means of two series are apart."""

    name = "overlap-of-means"
    kind = "series"

    def __init__(self, *, share: float = 1.0) -> None:
        self.share = share

    def parameters(self) -> JSON:
        return {"share": self.share}

    def between(self, a: FloatArray, b: FloatArray) -> float:
        return self.share * float(np.abs(a.astype(float).mean(axis=0) - b.astype(float).mean(axis=0)).sum())
