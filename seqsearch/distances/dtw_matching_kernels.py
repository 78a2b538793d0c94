"""The matching form of dynamic time warping, in numba: penalty, free start and end, normalised scores.

Raffel 2016, "Learning-based methods for comparing sequences", chapter 4: D[0, :] = C[0, :] and D[:, 0] = C[:, 0], not
accumulated; D[i, j] = C[i, j] + min(D[i-1, j-1], D[i-1, j] + penalty, D[i, j-1] + penalty), of equal ones the diagonal,
then (i-1, j). A path ends at the cheapest cell of the last column from row K on or of the last row from column K on, K
= int(gully * min(m, n)) and at most min(m, n) - 1; of equal ones the first in that order.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import ByteArray, DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns, Found
from .dtw_kernels import COSINE, INF, SQUARED
from .edit_kernels import place

RAW, PER_STEP, PER_STEP_AND_MEAN = 0, 1, 2
_DIAGONAL, _UP, _LEFT = 0, 1, 2
_ROUNDING = 1e-9


class Form(NamedTuple):
    """`local` cost of two frames; `penalty`, negative: the median cost of a pair; `gully`; `normalise`: RAW, ..."""

    local: int
    penalty: float
    gully: float
    normalise: int


@kernel()
def costs_of(x: DoubleArray, y: DoubleArray, local: int, costs: DoubleArray) -> None:
    """costs[i, j], (m, n): local cost of frame i of x and frame j of y, the features added in their order."""
    m, n = x.shape[0], y.shape[0]
    turned = y.T.copy()
    for i in range(m):
        line = costs[i]
        line[:] = 0.0
        for f in range(x.shape[1]):
            value, other = x[i, f], turned[f]
            if local == SQUARED:
                for j in range(n):
                    line[j] += (value - other[j]) * (value - other[j])
            elif local == COSINE:
                for j in range(n):
                    line[j] += value * other[j]
            else:
                for j in range(n):
                    line[j] += abs(value - other[j])
        if local == COSINE:
            for j in range(n):
                line[j] = 1.0 - line[j]


@kernel(inline=True)
def free_from(m: int, n: int, gully: float) -> int:
    """K, the first step on which a path may end."""
    return min(int(gully * min(m, n)), min(m, n) - 1)


@kernel()
def bound_per_step(costs: DoubleArray, penalty: float, gully: float) -> float:
    """A lower bound of the cost of any path over its number of cells.

    A path either starts on the first row and visits every row 0..i up to its end, i >= K, or starts on the first column
    and visits every column 0..j, j >= K. Each row (column) is met once at no less than its least cost, and every
    further cell follows a step that is not diagonal and costs the penalty.
    """
    m, n = costs.shape
    free = free_from(m, n, gully)
    columns = np.full(n, INF)
    least = penalty
    total = 0.0
    for i in range(m):
        row = INF
        for j in range(n):
            row = min(row, costs[i, j])
            columns[j] = min(columns[j], costs[i, j])
        total += row
        if i >= free:
            least = min(least, total / (i + 1))
    total = 0.0
    for j in range(n):
        total += columns[j]
        if j >= free:
            least = min(least, total / (j + 1))
    return least


@kernel()
def fill(
    costs: DoubleArray, penalty: float, gully: float, came: ByteArray, above: DoubleArray
) -> tuple[float, int, int]:
    """(cost of the best path, its last row and column); `came`, (m, n): the step into each cell; `above`: n places."""
    m, n = costs.shape
    free = free_from(m, n, gully)
    best, best_i, best_j = INF, m - 1, n - 1
    for i in range(m):
        if i == 0:
            above[:n] = costs[0]
        else:
            corner = above[0]
            left = costs[i, 0]
            above[0] = left
            for j in range(1, n):
                up = above[j] + penalty
                least = corner
                step = _DIAGONAL
                if up < least:
                    least, step = up, _UP
                if left + penalty < least:
                    least, step = left + penalty, _LEFT
                corner = above[j]
                left = costs[i, j] + least
                above[j] = left
                came[i, j] = step
        if i >= free and above[n - 1] < best:
            best, best_i, best_j = above[n - 1], i, n - 1
    for j in range(free, n):
        if above[j] < best:
            best, best_i, best_j = above[j], m - 1, j
    return best, best_i, best_j


@kernel()
def walk_back(came: ByteArray, i: int, j: int, path: IntArray) -> int:
    """Write the path backwards, (>= m + n, 2), from its last cell (i, j); returns its number of cells."""
    steps = 0
    while True:
        path[steps, 0], path[steps, 1] = i, j
        steps += 1
        if i == 0 or j == 0:
            return steps
        step = came[i, j]
        if step != _LEFT:
            i -= 1
        if step != _UP:
            j -= 1


@kernel()
def score_of(costs: DoubleArray, total: float, path: IntArray, steps: int, form: int) -> float:
    """The cost of a path, as it is, over its cells, or over its cells and the mean cost of its bounding submatrix."""
    if form == RAW:
        return total
    mean = 1.0
    if form == PER_STEP_AND_MEAN:
        last_i, last_j = path[0, 0], path[0, 1]
        first_i, first_j = path[steps - 1, 0], path[steps - 1, 1]
        mean = costs[first_i : last_i + 1, first_j : last_j + 1].mean()
        if mean == 0.0:  # nothing there costs anything but the penalties
            mean = 1.0
    return float(total / (steps * mean))


@kernel()
def match(x: DoubleArray, y: DoubleArray, form: Form, cutoff: float) -> tuple[float, float, float, IntArray]:
    """(score, cost, penalty used, path backwards).

    The score is inf and the path empty where the bound says that it is above the cutoff.
    """
    m, n = x.shape[0], y.shape[0]
    costs = np.empty((m, n))
    costs_of(x, y, form.local, costs)
    step = form.penalty if form.penalty >= 0.0 else float(np.median(costs))
    path = np.empty((m + n, 2), np.int64)
    if cutoff < INF:
        bound = bound_per_step(costs, step, form.gully)
        if form.normalise == RAW:
            bound *= free_from(m, n, form.gully) + 1
        elif form.normalise == PER_STEP_AND_MEAN:
            most = costs.max()
            bound = bound / most if most > 1.0 else bound
        if bound > cutoff + _ROUNDING * abs(cutoff):
            return INF, INF, step, path[:0]
    came = np.zeros((m, n), np.uint8)
    total, i, j = fill(costs, step, form.gully, came, np.empty(n))
    steps = walk_back(came, i, j, path)
    return score_of(costs, total, path, steps, form.normalise), total, step, path[:steps]


@kernel(parallel=True)
def pairs_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, form: Form, cutoffs: DoubleArray, found: DoubleArray
) -> None:
    """found[i] = score of a[a_rows[i]] and b[b_rows[i]], inf where it is above cutoffs[i]. All (m,)."""
    for i in numba.prange(a_rows.shape[0]):
        x = a.data[a.offsets[a_rows[i]] : a.offsets[a_rows[i] + 1]]
        y = b.data[b.offsets[b_rows[i]] : b.offsets[b_rows[i] + 1]]
        score = match(x, y, form, cutoffs[i])[0]
        found[i] = score if score <= cutoffs[i] else INF


@kernel(parallel=True)
def rerank_kernel(
    queries: Columns, targets: Columns, candidates: IntArray, stop: DoubleArray, form: Form, found: Found
) -> None:
    """As `dtw_many.rerank_kernel`."""
    rows, distances = found
    k = rows.shape[1]
    has_stop = stop.shape[0] > 0
    for q in numba.prange(queries.offsets.shape[0] - 1):
        x = queries.data[queries.offsets[q] : queries.offsets[q + 1]]
        held = 0
        for c in range(candidates.shape[1]):
            row = candidates[q, c]
            if row < 0:
                continue
            if has_stop and held == k and stop[q, c] > distances[q, k - 1]:
                break
            y = targets.data[targets.offsets[row] : targets.offsets[row + 1]]
            cutoff = distances[q, k - 1] if held == k else INF
            score, total, _, _ = match(x, y, form, cutoff)
            if total < INF and (held < k or score < cutoff or (score == cutoff and row < rows[q, k - 1])):
                held = place(rows[q], distances[q], held, row, score)
