"""The exact scan over an array of vectors: what `exact` is made of, and what the graph falls back to."""

from __future__ import annotations

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ..errors import ParameterError
from ..geometry import normalised
from . import kernels
from .candidates import Candidates, WithinRadius

QUERY_BLOCK = 256
VECTOR_BLOCK = 16384

SMALL = 2_000_000
"""Multiplications below which waking other threads costs more than it saves."""


def prepared(geometry: str, vectors: FloatArray) -> FloatArray:
    """Vectors as they are stored and compared: normalised for cosine; hyperbolic ones must lie inside the ball."""
    if geometry == "cosine":
        unit: FloatArray = normalised(vectors)
        return unit
    if geometry == "hyperbolic" and len(vectors):
        worst = int(np.argmax(squares(vectors)))
        norm = float(np.linalg.norm(vectors[worst].astype(np.float64)))
        if norm >= 1.0:
            raise ParameterError(f"vector {worst} has norm {norm:.9g}: points of hyperbolic space have norms below 1")
    return vectors


def squares(vectors: AnyArray) -> DoubleArray:
    """(n, D) -> (n,) squared norms in float64."""
    return kernels.squares_of(vectors)


def nearest(
    geometry: str,
    queries: FloatArray,
    vectors: FloatArray,
    vector_squares: DoubleArray,
    rows: IntArray,
    usable: BoolArray,
    count: int,
) -> Candidates:
    """The nearest `count` of vectors (n, D), named by rows (n,), to queries (Q, D), prepared both; exact."""
    found = Candidates.none(len(queries), count)
    if not len(queries) or not len(vectors):
        return found
    code, slack = kernels.CODES[geometry], kernels.relative_error(queries.shape[1])
    arguments = (
        code,
        queries,
        squares(queries),
        vectors,
        vector_squares,
        rows,
        usable,
        slack,
        found.distances,
        found.rows,
    )
    tasks = threads.numba_threads()
    if tasks == 1 or len(queries) * vectors.size < SMALL:
        kernels.scan_part(*arguments)
    elif len(queries) >= 4 * tasks:
        kernels.scan_queries(tasks, *arguments)
    else:
        kernels.scan_vectors(tasks, *arguments)
    return found


def within(
    geometry: str,
    queries: FloatArray,
    vectors: FloatArray,
    vector_squares: DoubleArray,
    rows: IntArray,
    usable: BoolArray,
    radius: float,
) -> WithinRadius:
    """All of vectors (n, D) at a distance (rounded to float32) of at most `radius`; exact."""
    code, slack = kernels.CODES[geometry], kernels.relative_error(queries.shape[1])
    query_squares = squares(queries)
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    threads.numba_threads()
    for at in range(0, len(vectors), VECTOR_BLOCK):
        of_vectors = slice(at, min(at + VECTOR_BLOCK, len(vectors)))
        for start in range(0, len(queries), QUERY_BLOCK):
            of_queries = slice(start, min(start + QUERY_BLOCK, len(queries)))
            distances = np.empty((of_queries.stop - start, of_vectors.stop - at), dtype=np.float32)
            kernels.mark_within(
                code,
                queries[of_queries],
                query_squares[of_queries],
                vectors[of_vectors],
                vector_squares[of_vectors],
                usable[of_vectors],
                slack,
                np.float32(radius),
                distances,
            )
            query, place = np.nonzero(np.isfinite(distances))
            parts.append((query + start, rows[of_vectors][place], distances[query, place]))
    return gathered(len(queries), parts)


def gathered(queries: int, parts: list[tuple[IntArray, IntArray, FloatArray]]) -> WithinRadius:
    """Hits (query, row, distance) in any order -> sorted by (query, distance, row)."""
    query = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    row = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    distance = np.concatenate([part[2] for part in parts]) if parts else np.zeros(0, dtype=np.float32)
    order = np.lexsort((row, distance, query))
    offsets = np.searchsorted(query[order], np.arange(queries + 1))
    return WithinRadius(offsets.astype(np.int64), row[order], distance[order])
