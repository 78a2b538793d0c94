"""Distances of vectors in float64, and the scan that rules most of them out by float32 products.

Every distance that is told comes from `between`, whose additions have one order: a pair has the same bits in a matrix,
in a list of candidates and in a search by proof.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..jit import kernel, prange
from .band_vectors import fetch

EUCLIDEAN, COSINE, INNER_PRODUCT = 0, 1, 2

_UNIT = 2.0**-24  # half of the distance of 1 to the next float32
_LEAST = 1e-37  # what products of float32 may lose below the least normal number, with room
_AHEAD = 12  # candidates that are asked for before their turn comes: each lies somewhere else in memory
_LINE, _FETCHED = 16, 256  # numbers of a line of the cache, and of a vector that is asked for
_WIDE_ROUNDING = 1e-13  # of float64 beside that


class Vectors(NamedTuple):
    """Series as they lie: vector i is data[offsets[i] * features:offsets[i + 1] * features]."""

    data: FloatArray
    offsets: IntArray
    features: int


class Rows(NamedTuple):
    """Vectors (n, D), and their norms (n,)."""

    vectors: FloatArray
    norms: DoubleArray

    def some(self, rows: slice | IntArray) -> Rows:
        """Those of some rows."""
        return Rows(self.vectors[rows], self.norms[rows])


class Nearest(NamedTuple):
    """What a scan fills, ascending: rows (Q, k), distances (Q, k); `limits` (Q,): of the distances that count; `tally`
    (Q, 2): pairs that were ruled out, and those that entered."""

    rows: IntArray
    distances: DoubleArray
    limits: DoubleArray
    tally: IntArray

    def some(self, rows: slice) -> Nearest:
        """Those of some queries, over the same memory."""
        return Nearest(self.rows[rows], self.distances[rows], self.limits[rows], self.tally[rows])


@kernel(inline=True)
def _product(x: FloatArray, y: FloatArray) -> float:
    """The inner product. Eight sums side by side, in an order of their own on every processor."""
    a = b = c = d = e = f = g = h = 0.0
    whole = x.shape[0] - x.shape[0] % 8
    for i in range(0, whole, 8):
        a += np.float64(x[i]) * np.float64(y[i])
        b += np.float64(x[i + 1]) * np.float64(y[i + 1])
        c += np.float64(x[i + 2]) * np.float64(y[i + 2])
        d += np.float64(x[i + 3]) * np.float64(y[i + 3])
        e += np.float64(x[i + 4]) * np.float64(y[i + 4])
        f += np.float64(x[i + 5]) * np.float64(y[i + 5])
        g += np.float64(x[i + 6]) * np.float64(y[i + 6])
        h += np.float64(x[i + 7]) * np.float64(y[i + 7])
    for i in range(whole, x.shape[0]):
        a += np.float64(x[i]) * np.float64(y[i])
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@kernel(inline=True)
def _squared(x: FloatArray, y: FloatArray) -> float:
    """The squared Euclidean distance, as `_product` adds."""
    a = b = c = d = 0.0
    whole = x.shape[0] - x.shape[0] % 4
    for i in range(0, whole, 4):
        p = np.float64(x[i]) - np.float64(y[i])
        q = np.float64(x[i + 1]) - np.float64(y[i + 1])
        r = np.float64(x[i + 2]) - np.float64(y[i + 2])
        s = np.float64(x[i + 3]) - np.float64(y[i + 3])
        a += p * p
        b += q * q
        c += r * r
        d += s * s
    for i in range(whole, x.shape[0]):
        p = np.float64(x[i]) - np.float64(y[i])
        a += p * p
    return (a + b) + (c + d)


@kernel(inline=True)
def _product_and_square(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """xy and yy, each as `_product` adds it, in one go."""
    a = b = c = d = e = f = g = h = 0.0
    s = t = u = v = w = z = p = q = 0.0
    whole = x.shape[0] - x.shape[0] % 8
    for i in range(0, whole, 8):
        y0, y1, y2, y3 = np.float64(y[i]), np.float64(y[i + 1]), np.float64(y[i + 2]), np.float64(y[i + 3])
        y4, y5, y6, y7 = np.float64(y[i + 4]), np.float64(y[i + 5]), np.float64(y[i + 6]), np.float64(y[i + 7])
        a += np.float64(x[i]) * y0
        b += np.float64(x[i + 1]) * y1
        c += np.float64(x[i + 2]) * y2
        d += np.float64(x[i + 3]) * y3
        e += np.float64(x[i + 4]) * y4
        f += np.float64(x[i + 5]) * y5
        g += np.float64(x[i + 6]) * y6
        h += np.float64(x[i + 7]) * y7
        s += y0 * y0
        t += y1 * y1
        u += y2 * y2
        v += y3 * y3
        w += y4 * y4
        z += y5 * y5
        p += y6 * y6
        q += y7 * y7
    for i in range(whole, x.shape[0]):
        a += np.float64(x[i]) * np.float64(y[i])
        s += np.float64(y[i]) * np.float64(y[i])
    return ((a + b) + (c + d)) + ((e + f) + (g + h)), ((s + t) + (u + v)) + ((w + z) + (p + q))


@kernel(inline=True)
def _cosine(product: float, of_x: float, of_y: float) -> float:
    return max(0.0, 1.0 - product / (of_x * of_y))


@kernel()
def between(code: int, x: FloatArray, y: FloatArray, of_x: float, of_y: float) -> float:
    """The distance of two vectors (D,); `of_x`, `of_y`: their norms, which only the cosine looks at.

    Euclidean: |x - y|; cosine: 1 - xy / (|x| |y|), not below 0; inner product: -xy.
    """
    if code == EUCLIDEAN:
        return float(np.sqrt(_squared(x, y)))
    product = _product(x, y)
    if code == COSINE:
        return _cosine(product, of_x, of_y)
    return 0.0 - product


@kernel(parallel=True)
def norms_kernel(vectors: FloatArray, norms: DoubleArray) -> None:
    """|x| of every row."""
    for i in prange(len(vectors)):
        norms[i] = np.sqrt(_product(vectors[i], vectors[i]))


@kernel(inline=True)
def _width(vectors: Vectors, row: int) -> int:
    return int((vectors.offsets[row + 1] - vectors.offsets[row]) * vectors.features)


@kernel(inline=True)
def _vector(vectors: Vectors, row: int, width: int) -> FloatArray:
    start = vectors.offsets[row] * vectors.features
    return vectors.data[start : start + width]


@kernel(inline=True)
def _fetch(vectors: Vectors, row: int, width: int) -> None:
    """Begin to bring a vector of `width` numbers into the cache; -1 is none."""
    if row >= 0:
        start = vectors.offsets[row] * vectors.features
        for at in range(start, start + min(width, _FETCHED), _LINE):
            fetch(vectors.data, at)


@kernel(inline=True)
def _norm(code: int, x: FloatArray) -> float:
    """|x| where the distance looks at it, else 1."""
    return np.sqrt(_product(x, x)) if code == COSINE else 1.0


@kernel(parallel=True)
def pairs_kernel(
    code: int, width: int, a: Vectors, a_rows: IntArray, b: Vectors, b_rows: IntArray, out: DoubleArray
) -> None:
    """(m,) distances of a[a_rows[i]], which has the `width`, and b[b_rows[i]]; NaN where that has another, or a norm of
    0 that is divided by."""
    for i in prange(len(a_rows)):
        out[i] = np.nan
        if _width(b, b_rows[i]) != width:
            continue
        x, y = _vector(a, a_rows[i], width), _vector(b, b_rows[i], width)
        of_x, of_y = _norm(code, x), _norm(code, y)
        if of_x > 0.0 and of_y > 0.0:
            out[i] = between(code, x, y, of_x, of_y)


@kernel(inline=True)
def _enter(rows: IntArray, distances: DoubleArray, row: int, distance: float) -> bool:
    """Put a row into a list that is sorted by (distance, row), unless it is beyond its end."""
    last = len(rows) - 1
    if distance > distances[last] or (distance == distances[last] and (rows[last] >= 0 and row > rows[last])):
        return False
    at = last
    while at > 0 and (distances[at - 1] > distance or (distances[at - 1] == distance and rows[at - 1] > row)):
        distances[at], rows[at] = distances[at - 1], rows[at - 1]
        at -= 1
    distances[at], rows[at] = distance, row
    return True


@kernel(inline=True)
def _fetch_first(targets: Vectors, candidates: IntArray, query: int, width: int) -> None:
    """Begin to bring in the first of the (Q, C) candidates of a query, if there is such a one."""
    if query < candidates.shape[0]:
        for c in range(min(_AHEAD, candidates.shape[1])):
            _fetch(targets, candidates[query, c], width)


@kernel(inline=True)
def _rerank(
    code: int,
    width: int,
    query: FloatArray,
    targets: Vectors,
    candidates: IntArray,
    stop: DoubleArray,
    rows: IntArray,
    distances: DoubleArray,
) -> int:
    """The nearest of (C,) candidates of one query; -1, or the candidate that cannot be compared."""
    of_query = _norm(code, query)
    for c in range(candidates.shape[0]):
        if c + _AHEAD < candidates.shape[0]:
            _fetch(targets, candidates[c + _AHEAD], width)
        if len(stop) and stop[c] > distances[-1]:
            break
        row = candidates[c]
        if row < 0:
            continue
        if _width(targets, row) != width:
            return int(row)
        target = _vector(targets, row, width)
        if code == COSINE:
            product, square = _product_and_square(query, target)
            if square == 0.0:
                return int(row)
            distance = _cosine(product, of_query, np.sqrt(square))
        else:
            distance = between(code, query, target, 1.0, 1.0)
        _enter(rows, distances, row, distance)
    return -1


@kernel(parallel=True)
def rerank_kernel(
    code: int,
    width: int,
    queries: Vectors,
    targets: Vectors,
    candidates: IntArray,
    stop: DoubleArray,
    found: tuple[IntArray, DoubleArray],
    wrong: IntArray,
) -> None:
    """The nearest of (Q, C) candidates; a list ends where `stop`, (Q, C) or (Q, 0), exceeds the k-th distance.

    `wrong`, (Q,): set to a candidate that has not the `width` of the queries, or a norm of 0 that is divided by.
    """
    rows, distances = found
    for q in prange(len(candidates)):
        _fetch_first(targets, candidates, q + 1, width)
        query = _vector(queries, q, width)
        wrong[q] = _rerank(code, width, query, targets, candidates[q], stop[q], rows[q], distances[q])


@kernel()
def rerank_few(
    code: int,
    width: int,
    queries: Vectors,
    targets: Vectors,
    candidates: IntArray,
    stop: DoubleArray,
    found: tuple[IntArray, DoubleArray],
    wrong: IntArray,
) -> None:
    """The same without other threads, to wake which would take longer."""
    rows, distances = found
    _fetch_first(targets, candidates, 0, width)
    for q in range(len(candidates)):
        _fetch_first(targets, candidates, q + 1, width)
        query = _vector(queries, q, width)
        wrong[q] = _rerank(code, width, query, targets, candidates[q], stop[q], rows[q], distances[q])


@kernel(parallel=True)
def scan_kernel(
    code: int, products: FloatArray, queries: Rows, targets: Rows, names: IntArray, doubt: float, found: Nearest
) -> None:
    """Targets of the ascending rows `names`, (n,), enter the nearest of each query.

    `products`, (Q, n): inner products in float32, off by at most `doubt` |x| |y| (see `doubt_of`). A pair whose
    distance is surely above the k-th, or above the limit, is ruled out by them; the others are compared in float64.
    """
    x, of_x, y, of_y = queries.vectors, queries.norms, targets.vectors, targets.norms
    rows, distances, limits, tally = found.rows, found.distances, found.limits, found.tally
    for q in prange(len(x)):
        best_rows, best, own = rows[q], distances[q], of_x[q]
        ruled_out = entered = 0
        limit = min(limits[q], best[-1])
        for j in range(len(y)):
            product, scale = np.float64(products[q, j]), own * of_y[j]
            most = product + doubt * scale + _LEAST
            if code == EUCLIDEAN:
                sums = own * own + of_y[j] * of_y[j]
                far = sums * (1.0 - _WIDE_ROUNDING) - 2.0 * most > limit * limit and limit >= 0.0
            elif code == COSINE:
                far = scale - most > (limit + _WIDE_ROUNDING) * scale
            else:
                far = 0.0 - most > limit
            if far and np.isfinite(product):
                ruled_out += 1
                continue
            distance = between(code, x[q], y[j], own, of_y[j])
            if distance <= limits[q] and _enter(best_rows, best, names[j], distance):
                entered += 1
                limit = min(limits[q], best[-1])
        tally[q, 0] += ruled_out
        tally[q, 1] += entered


def doubt_of(dim: int) -> float:
    """By how much an inner product of D float32 products may be off, as a part of |x| |y|, in any order of additions:
    D u / (1 - D u) (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), doubled."""
    lost = (dim + 2) * _UNIT
    return 2 * lost / (1 - lost) if lost < 0.5 else float("inf")
