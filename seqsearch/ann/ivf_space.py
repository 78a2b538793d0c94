"""From a geometry to the space in which vectors are coded, and back."""

from __future__ import annotations

import numba
import numpy as np

from .. import threads
from ..arrays import ByteArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from . import kernels
from .ivf_codes import Coder, decode_one
from .kernels import HYPERBOLIC, distance_of, exact_key, room_of
from .reductions import REDUCTIONS, is_native, native_distances, reduced

WIDER = 4
"""So many times what is asked for do lists give that do not order by the true distance."""

MORE = 32


class CodedSpace:
    """Prepared vectors of a geometry, (n, dim) <-> padded ones (n, D), whose squared distances lists know."""

    def __init__(self, geometry: str, coder: Coder, dim: int) -> None:
        self.geometry, self.coder, self.dim = geometry, coder, dim
        self.native = is_native(geometry)

    def fetch(self, count: int) -> int:
        """How many entries to take from the lists for `count` good ones."""
        return count if self.native else WIDER * count + MORE

    def restored(self, coded: FloatArray) -> FloatArray:
        """Coded vectors (n, D) as vectors (n, dim) of the geometry."""
        vectors = np.ascontiguousarray(coded[:, : self.dim])
        if REDUCTIONS[self.geometry] == "tangent":
            vectors = vectors.copy()
            _into_ball(vectors)
        return vectors

    def distances(
        self, queries: FloatArray, entries: IntArray, squared: FloatArray, codes: tuple[ByteArray, ByteArray]
    ) -> FloatArray:
        """(Q, C) distances of the geometry from queries (Q, dim) to entries (Q, C), -1 for none; `squared` is what the
        lists found."""
        if self.native:
            return native_distances(self.geometry, squared)
        threads.numba_threads()
        out = np.empty(entries.shape, dtype=np.float32)
        code, bits = kernels.CODES[self.geometry], self.coder.bits or 0
        of_queries = kernels.squares_of(queries)
        _distances(code, bits, self.coder.books, self.coder.dim, queries, of_queries, entries, *codes, out)
        return out


def coded(geometry: str, vectors: FloatArray, width: int) -> FloatArray:
    """Prepared vectors (n, dim) in the space that is coded, padded by zeros to (n, width)."""
    moved = reduced(geometry, vectors)
    if moved.shape[1] == width:
        return moved
    padded = np.zeros((len(moved), width), dtype=np.float32)
    padded[:, : moved.shape[1]] = moved
    return padded


@kernel()
def _into_ball(vectors: FloatArray) -> None:
    """The inverse of `reductions.log_map`, in place: tanh(|x|) x / |x|."""
    for i in range(vectors.shape[0]):
        _move_into_ball(vectors[i])


@kernel(inline=True)
def _move_into_ball(vector: FloatArray) -> float:
    """The same for one; its new squared norm."""
    total = 0.0
    for d in range(vector.shape[0]):
        total += np.float64(vector[d]) * np.float64(vector[d])
    norm = np.sqrt(total)
    if norm <= 1e-6:
        return total
    reached = np.tanh(norm)
    for d in range(vector.shape[0]):
        vector[d] = np.float32(vector[d] * (reached / norm))
    return float(reached * reached)


@kernel(parallel=True)
def _distances(
    geometry: int,
    bits: int,
    books: FloatArray,
    width: int,
    queries: FloatArray,
    of_queries: DoubleArray,
    entries: IntArray,
    base: ByteArray,
    tail: ByteArray,
    out: FloatArray,
) -> None:
    first, dim = base.shape[0], queries.shape[1]
    for q in numba.prange(entries.shape[0]):
        whole = np.empty(width, dtype=np.float32)
        vector = whole[:dim]
        for c in range(entries.shape[1]):
            entry = entries[q, c]
            if entry < 0:
                out[q, c] = np.inf
                continue
            plain = base[entry] if entry < first else tail[entry - first]
            if bits == 0:
                whole[:] = plain.view(np.float32)
            else:
                decode_one(bits, books, plain, whole)
            room = 1.0
            if geometry == HYPERBOLIC:
                room = room_of(of_queries[q]) * room_of(_move_into_ball(vector))
            out[q, c] = distance_of(geometry, exact_key(geometry, queries[q], vector, room))
