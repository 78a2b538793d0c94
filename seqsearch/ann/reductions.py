"""From a geometry to the squared Euclidean distance that the graph is built by.

A native geometry orders points as the graph does, up to a formula. In the others the graph is built over reduced
vectors and walked by the true distance (see `walk`), so that the reduction only has to put near points near each other:

    manhattan    "plain": the vectors as they are
    hyperbolic   "tangent": the logarithm map at the centre, artanh(|x|) x / |x|, true to distances from the centre and
                 roomy at the rim; the best measured (see benchmarks/ann.py)
"""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray
from ..geometry import OUTERMOST
from .kernels import squares_of

REDUCTIONS = {
    "euclidean": "native",
    "squared": "native",
    "cosine": "native",
    "manhattan": "plain",
    "hyperbolic": "tangent",
}


def is_native(geometry: str) -> bool:
    """Whether the graph's own distance is all that is needed."""
    return REDUCTIONS[geometry] == "native"


def reduced(geometry: str, vectors: FloatArray) -> FloatArray:
    """(n, D) as put into the graph."""
    return log_map(vectors) if REDUCTIONS[geometry] == "tangent" else vectors


def native_distances(geometry: str, squared: FloatArray) -> FloatArray:
    """Distances of a native geometry from squared Euclidean ones."""
    if geometry == "euclidean":
        return np.sqrt(squared)
    return squared / np.float32(2) if geometry == "cosine" else squared


def log_map(vectors: FloatArray) -> FloatArray:
    """The logarithm map of the Poincare ball at its centre, up to a factor of 2: (n, D) -> (n, D)."""
    norms = np.sqrt(squares_of(vectors))
    scale = np.ones_like(norms)
    moved = norms > 1e-6
    scale[moved] = np.arctanh(np.minimum(norms[moved], OUTERMOST)) / norms[moved]
    tangents: FloatArray = (vectors * scale[:, None]).astype(np.float32)
    return tangents
