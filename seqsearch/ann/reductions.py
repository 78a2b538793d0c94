"""From a geometry to the squared Euclidean distance that the graph is built by.

A native geometry orders points as the graph does, up to a formula. In the others the graph is built over reduced
vectors and walked by the true distance (see `walk`), so that the reduction only has to put near points near each other:

    manhattan    "plain": the vectors as they are
    hyperbolic   "tangent": the logarithm map at the centre, artanh(|x|) x / |x|, true to distances from the centre and
                 roomy at the rim; the best measured (see benchmarks/ann.py)
                 "lorentz": nearest in hyperbolic space = largest -p_0 q_0 + p_1 q_1 + ... (see `geometry.lorentz`), a
                 search by inner product; one coordinate more, sqrt(R^2 - |p|^2) for stored points, makes it a search by
                 Euclidean distance (Bachrach and others, RecSys 2014)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, DoubleArray, FloatArray
from ..errors import ParameterError
from ..geometry import OUTERMOST, lorentz
from . import kernels

NATIVE = frozenset({"euclidean", "squared", "cosine"})
REDUCTIONS = {"manhattan": ("plain",), "hyperbolic": ("tangent", "lorentz")}


@dataclass
class Reduction:
    """How vectors of one geometry enter a graph."""

    geometry: str
    name: str
    dim: int
    reach2: float = 0.0
    """R^2 of "lorentz": the largest |p|^2 there was when the graph was built."""

    @classmethod
    def of(cls, geometry: str, dim: int, name: str | None = None) -> Reduction:
        """The reduction called `name`, or the usual one; ParameterError when the geometry has no such reduction."""
        known = REDUCTIONS.get(geometry, ("native",))
        if name is not None and name not in known:
            raise ParameterError(f"{geometry} geometry has the reductions {', '.join(known)}, not {name!r}")
        return cls(geometry, name or known[0], dim)

    @property
    def native(self) -> bool:
        """Whether the graph's own distance is all that is needed."""
        return self.geometry in NATIVE

    @property
    def graph_dim(self) -> int:
        return self.dim + 2 if self.name == "lorentz" else self.dim

    def widen(self, vectors: FloatArray) -> None:
        """Choose R^2 for a graph that begins with these vectors."""
        if self.name == "lorentz" and len(vectors):
            self.reach2 = float(_lorentz_squares(vectors).max())

    def beyond(self, vectors: FloatArray) -> BoolArray:
        """(n, D) -> (n,): vectors that the R^2 of "lorentz" does not cover: the graph misplaces them."""
        if self.name != "lorentz":
            return np.zeros(len(vectors), dtype=np.bool_)
        outside: BoolArray = _lorentz_squares(vectors) > self.reach2
        return outside

    def stored(self, vectors: FloatArray) -> FloatArray:
        """(n, D) -> (n, graph_dim) as put into the graph."""
        if self.name == "tangent":
            return log_map(vectors)
        if self.name != "lorentz":
            return vectors
        points = lorentz(vectors.astype(np.float64))
        missing = np.sqrt(np.maximum(self.reach2 - (points * points).sum(-1), 0.0))
        return np.concatenate([points, missing[:, None]], axis=1).astype(np.float32)

    def distances(self, squared: FloatArray) -> FloatArray:
        """Distances of a native geometry from squared Euclidean ones."""
        if self.geometry == "euclidean":
            return np.sqrt(squared)
        return squared / np.float32(2) if self.geometry == "cosine" else squared


def _lorentz_squares(vectors: FloatArray) -> DoubleArray:
    """|p|^2 = 2 p_0^2 - 1 of the hyperboloid coordinates p."""
    norm2 = kernels.squares_of(vectors)
    time = (1 + norm2) / np.maximum(1 - norm2, kernels.SMALLEST_ROOM)
    squares: DoubleArray = 2 * time * time - 1
    return squares


def log_map(vectors: FloatArray) -> FloatArray:
    """The logarithm map of the Poincare ball at its centre, up to a factor of 2: (n, D) -> (n, D)."""
    norms = np.sqrt(kernels.squares_of(vectors))
    scale = np.ones_like(norms)
    moved = norms > 1e-6
    scale[moved] = np.arctanh(np.minimum(norms[moved], OUTERMOST)) / norms[moved]
    tangents: FloatArray = (vectors * scale[:, None]).astype(np.float32)
    return tangents
