"""The loops of the exact scan and of the exact re-ranking.

A scan multiplies blocks in float32 (BLAS), which gives each pair an approximate key and a bound on its error. Only
pairs whose key could still be among the nearest are computed again in float64 from the difference of the two vectors.
The answer is therefore exact, though nearly all the work is a float32 matrix product. A key grows with the distance:
the squared Euclidean distance, the city-block distance, or sinh^2(d / 2) in hyperbolic space.
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel

EUCLIDEAN, SQUARED, COSINE, MANHATTAN, HYPERBOLIC = range(5)
CODES = {
    "euclidean": EUCLIDEAN,
    "squared": SQUARED,
    "cosine": COSINE,
    "manhattan": MANHATTAN,
    "hyperbolic": HYPERBOLIC,
}

SMALLEST_ROOM = 2e-10
"""The least value of 1 - |x|^2: that of `geometry.OUTERMOST`."""


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
        return float(score) * (1.0 - slack)
    lowest = squares - 2.0 * np.float64(score) - slack * squares
    return lowest / room if code == HYPERBOLIC else lowest


@kernel(parallel=True)
def offer(
    code: int,
    scores: FloatArray,
    queries: FloatArray,
    vectors: FloatArray,
    query_squares: DoubleArray,
    squares: DoubleArray,
    rows: IntArray,
    usable: BoolArray,
    slack: float,
    distances_out: FloatArray,
    rows_out: IntArray,
) -> None:
    """Offer a block of vectors (B, D) to the lines of nearest rows (Q, k) of queries (Q, D).

    scores: (Q, B) inner products, or city-block distances in Manhattan geometry, in float32.
    """
    for q in numba.prange(queries.shape[0]):
        bound = largest_key(code, distances_out[q, -1])
        query_square = query_squares[q]
        query_room = room_of(query_square)
        for i in range(vectors.shape[0]):
            if not usable[i]:
                continue
            room = query_room * room_of(squares[i]) if code == HYPERBOLIC else 1.0
            if _lowest_key(code, scores[q, i], query_square + squares[i], room, slack) > bound:
                continue
            distance = distance_of(code, exact_key(code, queries[q], vectors[i], room))
            if insert(distances_out[q], rows_out[q], distance, rows[i]):
                bound = largest_key(code, distances_out[q, -1])


@kernel(parallel=True)
def mark_within(
    code: int,
    scores: FloatArray,
    queries: FloatArray,
    vectors: FloatArray,
    query_squares: DoubleArray,
    squares: DoubleArray,
    usable: BoolArray,
    slack: float,
    radius: np.float32,
    distances_out: FloatArray,
) -> None:
    """Fill distances_out (Q, B) with the distances of at most `radius`, infinity elsewhere. Arguments as in `offer`."""
    bound = largest_key(code, radius)
    for q in numba.prange(queries.shape[0]):
        query_room = room_of(query_squares[q])
        for i in range(vectors.shape[0]):
            distances_out[q, i] = np.inf
            if not usable[i]:
                continue
            room = query_room * room_of(squares[i]) if code == HYPERBOLIC else 1.0
            if _lowest_key(code, scores[q, i], query_squares[q] + squares[i], room, slack) > bound:
                continue
            distance = distance_of(code, exact_key(code, queries[q], vectors[i], room))
            if distance <= radius:
                distances_out[q, i] = distance


@kernel(inline=True, fastmath=True)
def _city_block(u: FloatArray, v: FloatArray) -> np.float32:
    total = np.float32(0.0)
    for d in range(u.shape[0]):
        total += abs(u[d] - v[d])
    return total


@kernel(parallel=True)
def city_blocks(queries: FloatArray, vectors: FloatArray, scores_out: FloatArray) -> None:
    """(Q, D), (B, D) -> (Q, B) city-block distances in float32, summed in any order."""
    for q in numba.prange(queries.shape[0]):
        for i in range(vectors.shape[0]):
            scores_out[q, i] = _city_block(queries[q], vectors[i])


@kernel(parallel=True)
def square_norms(vectors: FloatArray, out: DoubleArray) -> None:
    """(n, D) -> (n,) |x|^2 in float64."""
    for i in numba.prange(vectors.shape[0]):
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
    """A bound on the error of a float32 inner product of `dim` terms, relative to |u|^2 + |v|^2 (and of a sum of
    absolute differences, relative to the sum): (dim + 8) roundings of 2^-24 each (Higham, 2002, section 3.1), doubled."""
    return (dim + 8) * 2.0**-23


def squares_of(vectors: AnyArray) -> DoubleArray:
    """(n, D) -> (n,) squared norms in float64."""
    out = np.empty(len(vectors), dtype=np.float64)
    square_norms(vectors, out)
    return out
