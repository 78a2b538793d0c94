"""The exact scan over an array of vectors: what `exact` is made of, and what the graph falls back to."""

from __future__ import annotations

import numpy as np

from .. import threads
from ..arrays import FloatArray
from ..errors import ParameterError
from ..geometry import normalised
from . import kernels
from .candidates import Candidates

SMALL = 2_000_000
"""Multiplications below which waking other threads costs more than it saves."""


def prepared(geometry: str, vectors: FloatArray) -> FloatArray:
    """Vectors as they are stored and compared: normalised for cosine; hyperbolic ones must lie inside the ball."""
    if geometry == "cosine":
        unit: FloatArray = normalised(vectors)
        return unit
    if geometry == "hyperbolic" and len(vectors):
        worst = int(np.argmax(kernels.squares_of(vectors)))
        norm = float(np.linalg.norm(vectors[worst].astype(np.float64)))
        if norm >= 1.0:
            raise ParameterError(f"vector {worst} has norm {norm:.9g}: points of hyperbolic space have norms below 1")
    return vectors


def nearest(geometry: str, queries: FloatArray, points: kernels.Points, count: int) -> Candidates:
    """The nearest `count` of the points to queries (Q, D), prepared both; exact."""
    found = Candidates.none(len(queries), count)
    if not len(queries) or not len(points.vectors):
        return found
    metric = kernels.Metric(kernels.CODES[geometry], kernels.relative_error(queries.shape[1]))
    asked = (metric, queries, kernels.squares_of(queries), points, kernels.Nearest(found.distances, found.rows))
    tasks = threads.numba_threads()
    if tasks == 1 or len(queries) * points.vectors.size < SMALL:
        kernels.scan_part(*asked)
    elif len(queries) >= 4 * tasks:
        kernels.scan_queries(tasks, *asked)
    else:
        kernels.scan_vectors(tasks, *asked)
    return found
