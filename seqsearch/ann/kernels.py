"""The loops of the exact scan and of the exact re-ranking.

A scan takes inner products in float32, block by block, which gives each pair an approximate key and a bound on its
error. Only pairs whose key could still be among the nearest are computed again in float64 from the difference of the
two vectors. The answer is therefore exact, though nearly all the work is a float32 matrix product. A key grows with
the distance: the squared Euclidean distance, the city-block distance, or sinh^2(d / 2) in hyperbolic space.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel

EUCLIDEAN, SQUARED, COSINE, MANHATTAN, HYPERBOLIC = range(5)
CODES = {"euclidean": EUCLIDEAN, "squared": SQUARED, "cosine": COSINE, "manhattan": MANHATTAN, "hyperbolic": HYPERBOLIC}

CACHE = 128 * 1024
"""Bytes of vectors in a block, which stays in the second-level cache while all queries of a thread meet it."""

SMALLEST_ROOM = 2e-10
"""The least value of 1 - |x|^2: that of `geometry.OUTERMOST`."""


class Metric(NamedTuple):
    """A geometry, as one of `CODES`, and the relative error of a float32 score (see `relative_error`)."""

    code: int
    slack: float


class Points(NamedTuple):
    """What is scanned: vectors (n, D), their squared norms, the rows they go by, which to look at, (n,) each."""

    vectors: FloatArray
    squares: DoubleArray
    rows: IntArray
    usable: BoolArray

    def at(self, places: AnyArray | slice) -> Points:
        """Some of them."""
        return Points._make(column[places] for column in self)


class Nearest(NamedTuple):
    """The k nearest found so far, by (distance, row): lines (k,) or (Q, k), padded with infinity and -1.

    A parallel kernel hands them on and never writes to them itself: numba drops such a write as dead code.
    """

    distances: FloatArray
    rows: IntArray


@kernel(inline=True)
def distance_of(code: int, key: float) -> np.float32:
    """The distance that belongs to a key; vectors of cosine geometry come normalised."""
    if code == EUCLIDEAN:
        return np.float32(np.sqrt(key))
    if code == COSINE:
        return np.float32(key * 0.5)
    if code == HYPERBOLIC:
        return np.float32(2.0 * np.arcsinh(np.sqrt(key)))
    return np.float32(key)


@kernel(inline=True)
def largest_key(code: int, distance: np.float32) -> float:
    """A key that no pair at `distance` or nearer (after rounding to float32) exceeds."""
    far = float(distance) * (1.0 + 2.5e-7) + 1e-37
    if code == EUCLIDEAN:
        return far * far
    if code == COSINE:
        return 2.0 * far
    if code == HYPERBOLIC:
        half = np.sinh(0.5 * far)
        return half * half * (1.0 + 1e-9) if half < 1e150 else np.inf
    return far


@kernel(inline=True)
def exact_key(code: int, u: FloatArray, v: FloatArray, room: float) -> float:
    """The key in float64. u, v: (D,); room = (1 - |u|^2)(1 - |v|^2), used by hyperbolic space only."""
    total = 0.0
    if code == MANHATTAN:
        for d in range(u.shape[0]):
            total += abs(np.float64(u[d]) - np.float64(v[d]))
        return total
    for d in range(u.shape[0]):
        difference = np.float64(u[d]) - np.float64(v[d])
        total += difference * difference
    return total / room if code == HYPERBOLIC else total


@kernel(inline=True)
def insert(distances: FloatArray, rows: IntArray, distance: np.float32, row: int) -> bool:
    """Put (distance, row) into two sorted lines of one length, the last falls out; False if it was behind the last."""
    at = distances.shape[0] - 1
    if distance > distances[at] or (distance == distances[at] and rows[at] >= 0 and row > rows[at]):
        return False
    while at > 0 and (
        distances[at - 1] > distance or (distances[at - 1] == distance and (rows[at - 1] > row or rows[at - 1] < 0))
    ):
        distances[at] = distances[at - 1]
        rows[at] = rows[at - 1]
        at -= 1
    distances[at] = distance
    rows[at] = row
    return True


@kernel(inline=True)
def room_of(square: float) -> float:
    """1 - |x|^2 from |x|^2, held above 0."""
    return max(1.0 - square, SMALLEST_ROOM)


@kernel(inline=True)
def _lowest_key(code: int, score: np.float32, squares: float, room: float, slack: float) -> float:
    """A key that the pair cannot be below, given the float32 score and the relative error `slack`."""
    if code == MANHATTAN:
        lowest = float(score) * (1.0 - slack)
    else:
        lowest = squares - 2.0 * np.float64(score) - slack * squares
        if code == HYPERBOLIC:
            lowest /= room
    return lowest if lowest < np.inf else -np.inf  # a float32 product that overflowed says nothing


@kernel(inline=True, fastmath=True)
def _inner_products(queries: FloatArray, vectors: FloatArray, scores_out: FloatArray) -> None:
    """(4, D), (B, D) -> (4, B): four products share each load of a vector."""
    for i in range(vectors.shape[0]):
        a = b = c = e = np.float32(0.0)
        for d in range(vectors.shape[1]):
            value = vectors[i, d]
            a += queries[0, d] * value
            b += queries[1, d] * value
            c += queries[2, d] * value
            e += queries[3, d] * value
        scores_out[0, i], scores_out[1, i], scores_out[2, i], scores_out[3, i] = a, b, c, e


@kernel(inline=True, fastmath=True)
def _inner_product(query: FloatArray, vectors: FloatArray, scores_out: FloatArray) -> None:
    """(D,), (B, D) -> (B,)"""
    for i in range(vectors.shape[0]):
        a = np.float32(0.0)
        for d in range(vectors.shape[1]):
            a += query[d] * vectors[i, d]
        scores_out[i] = a


@kernel(inline=True, fastmath=True)
def _city_blocks(query: FloatArray, vectors: FloatArray, scores_out: FloatArray) -> None:
    """(D,), (B, D) -> (B,) sums of absolute differences."""
    for i in range(vectors.shape[0]):
        a = np.float32(0.0)
        for d in range(vectors.shape[1]):
            a += abs(query[d] - vectors[i, d])
        scores_out[i] = a


@kernel()
def _scores(code: int, queries: FloatArray, vectors: FloatArray, scores_out: FloatArray) -> None:
    """(<= 4, D), (B, D) -> (<= 4, B) in float32, summed in any order: inner products, or city-block distances."""
    if code == MANHATTAN:
        for q in range(queries.shape[0]):
            _city_blocks(queries[q], vectors, scores_out[q])
    elif queries.shape[0] == 4:
        _inner_products(queries, vectors, scores_out)
    else:
        for q in range(queries.shape[0]):
            _inner_product(queries[q], vectors, scores_out[q])


@kernel()
def _offer(
    metric: Metric, scores: FloatArray, query: FloatArray, query_square: float, points: Points, best: Nearest
) -> None:
    """Bring the line (k,) of one query (D,) up to date with a block, given its float32 scores (B,)."""
    bound = largest_key(metric.code, best.distances[-1])
    query_room = room_of(query_square)
    for i in range(points.vectors.shape[0]):
        if not points.usable[i]:
            continue
        room = query_room * room_of(points.squares[i]) if metric.code == HYPERBOLIC else 1.0
        if _lowest_key(metric.code, scores[i], query_square + points.squares[i], room, metric.slack) > bound:
            continue
        distance = distance_of(metric.code, exact_key(metric.code, query, points.vectors[i], room))
        if insert(best.distances, best.rows, distance, points.rows[i]):
            bound = largest_key(metric.code, best.distances[-1])


@kernel(inline=True)
def _part(points: Points, at: int, end: int) -> Points:
    return Points(points.vectors[at:end], points.squares[at:end], points.rows[at:end], points.usable[at:end])


@kernel()
def scan_part(metric: Metric, queries: FloatArray, query_squares: DoubleArray, points: Points, best: Nearest) -> None:
    """Bring lines (Q, k) of the nearest up to date with all points, on one thread."""
    block = max(16, CACHE // (4 * points.vectors.shape[1]))
    scores = np.empty((4, block), dtype=np.float32)
    for at in range(0, points.vectors.shape[0], block):
        some = _part(points, at, min(at + block, points.vectors.shape[0]))
        size = some.vectors.shape[0]
        for q in range(0, queries.shape[0], 4):
            few = min(4, queries.shape[0] - q)
            _scores(metric.code, queries[q : q + few], some.vectors, scores[:, :size])
            for j in range(few):
                line = Nearest(best.distances[q + j], best.rows[q + j])
                _offer(metric, scores[j], queries[q + j], query_squares[q + j], some, line)


@kernel(parallel=True)
def scan_queries(
    tasks: int, metric: Metric, queries: FloatArray, query_squares: DoubleArray, points: Points, best: Nearest
) -> None:
    """`scan_part` in threads, each with a share of the queries."""
    share = (queries.shape[0] + tasks - 1) // tasks
    share = (share + 3) // 4 * 4
    for task in numba.prange(tasks):
        q = min(task * share, queries.shape[0])
        end = min(q + share, queries.shape[0])
        lines = Nearest(best.distances[q:end], best.rows[q:end])
        scan_part(metric, queries[q:end], query_squares[q:end], points, lines)


@kernel(parallel=True)
def scan_vectors(
    tasks: int, metric: Metric, queries: FloatArray, query_squares: DoubleArray, points: Points, best: Nearest
) -> None:
    """`scan_part` in threads, each with a share of the vectors; for few queries."""
    share = (points.vectors.shape[0] + tasks - 1) // tasks
    distances = np.full((tasks, best.distances.shape[0], best.distances.shape[1]), np.inf, dtype=np.float32)
    rows = np.full((tasks, best.rows.shape[0], best.rows.shape[1]), -1, dtype=np.int64)
    for task in numba.prange(tasks):
        at = min(task * share, points.vectors.shape[0])
        end = min(at + share, points.vectors.shape[0])
        scan_part(metric, queries, query_squares, _part(points, at, end), Nearest(distances[task], rows[task]))
    merge(distances, rows, best)


@kernel()
def merge(distances: FloatArray, rows: IntArray, best: Nearest) -> None:
    """Bring lines (Q, k) up to date with those of several tasks, (tasks, Q, k)."""
    for task in range(rows.shape[0]):
        for q in range(rows.shape[1]):
            for place in range(rows.shape[2]):
                if rows[task, q, place] < 0:
                    break
                insert(best.distances[q], best.rows[q], distances[task, q, place], rows[task, q, place])


@kernel()
def square_norms(vectors: FloatArray, out: DoubleArray) -> None:
    """(n, D) -> (n,) |x|^2 in float64."""
    for i in range(vectors.shape[0]):
        total = 0.0
        for d in range(vectors.shape[1]):
            value = np.float64(vectors[i, d])
            total += value * value
        out[i] = total


@kernel(parallel=True)
def rerank(
    code: int,
    queries: FloatArray,
    vectors: FloatArray,
    query_squares: DoubleArray,
    squares: DoubleArray,
    nodes: IntArray,
    distances_out: FloatArray,
) -> None:
    """True distances (Q, C) of candidate places `nodes` (Q, C) in vectors (n, D); infinity where the place is -1."""
    for q in numba.prange(queries.shape[0]):
        query_room = room_of(query_squares[q])
        for c in range(nodes.shape[1]):
            node = nodes[q, c]
            distances_out[q, c] = np.inf
            if node >= 0:
                room = query_room * room_of(squares[node]) if code == HYPERBOLIC else 1.0
                distances_out[q, c] = distance_of(code, exact_key(code, queries[q], vectors[node], room))


def relative_error(dim: int) -> float:
    """A bound on the error of twice a float32 inner product of `dim` terms, relative to |u|^2 + |v|^2.

    And of a sum of absolute differences, relative to the sum: (dim + 8) roundings of 2^-24 each, in whatever order
    (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), doubled.
    """
    return (dim + 8) * 2.0**-23


def squares_of(vectors: AnyArray) -> DoubleArray:
    """(n, D) -> (n,) squared norms in float64."""
    out = np.empty(len(vectors), dtype=np.float64)
    square_norms(vectors, out)
    return out
