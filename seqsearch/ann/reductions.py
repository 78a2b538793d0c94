"""From a geometry to the squared Euclidean distance that the graph works in.

A native geometry orders points as the graph does, up to a formula. The others let the graph propose more than was
asked for and order the proposals by the true distance:

    manhattan    the vectors as they are; the two orders agree well, not fully
    hyperbolic   "lorentz": nearest in hyperbolic space = largest -p_0 q_0 + p_1 q_1 + ... (see `geometry.lorentz`), a
    search by
                 inner product; one coordinate more, sqrt(R^2 - |p|^2) for stored points and 0 for queries, makes it a
                 search by Euclidean distance (Bachrach and others, RecSys 2014). "poincare": the vectors as they are
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, DoubleArray, FloatArray
from ..errors import ParameterError
from ..geometry import lorentz
from . import kernels

NATIVE = frozenset({"euclidean", "squared", "cosine"})
REDUCTIONS = {"manhattan": ("plain",), "hyperbolic": ("lorentz", "poincare")}


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
        """(n, D) -> (n,): vectors that R^2 does not cover; the graph misplaces them."""
        if self.name != "lorentz":
            return np.zeros(len(vectors), dtype=np.bool_)
        outside: BoolArray = _lorentz_squares(vectors) > self.reach2
        return outside

    def stored(self, vectors: FloatArray) -> FloatArray:
        """(n, D) -> (n, graph_dim) as put into the graph."""
        if self.name != "lorentz":
            return vectors
        points = lorentz(vectors.astype(np.float64))
        missing = np.sqrt(np.maximum(self.reach2 - (points * points).sum(-1), 0.0))
        return np.concatenate([points, missing[:, None]], axis=1).astype(np.float32)

    def asked(self, queries: FloatArray) -> FloatArray:
        """(Q, D) -> (Q, graph_dim) as asked of the graph."""
        if self.name != "lorentz":
            return queries
        points = lorentz(queries.astype(np.float64))
        points[:, 0] *= -1
        # only the direction of a query matters to the order; at the length R the float32 differences keep most digits
        points *= (np.sqrt(max(self.reach2, 1.0)) / np.linalg.norm(points, axis=1))[:, None]
        return np.concatenate([points, np.zeros((len(points), 1))], axis=1).astype(np.float32)

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
