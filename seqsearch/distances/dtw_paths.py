"""The path behind a dynamic time warping, in numba."""

from __future__ import annotations

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..jit import kernel
from .dtw_kernels import INF, Form, columns_of_row, local_cost, reach


@kernel()
def path_of(x: DoubleArray, y: DoubleArray, form: Form) -> IntArray:
    """(P, 2) the cells of a best path from the first frames of x (m, F) and y (n, F) to their last ones, of equal steps
    back the diagonal one, then the one in x. The whole table is in memory.
    """
    m, n = x.shape[0], y.shape[0]
    before, after = reach(m, n, form.window)
    table = np.full((m + 1, n + 1), INF)
    table[0, 0] = 0.0
    for i in range(m):
        first, last = columns_of_row(i, m, n, before, after, form.slope)
        for j in range(first, last):
            best = min(table[i, j], table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = best + local_cost(x, i, y, j, form.local)
    cells = np.empty((m + n, 2), np.int64)
    i, j, steps = m - 1, n - 1, 0
    while True:
        cells[steps, 0], cells[steps, 1] = i, j
        steps += 1
        if i == 0 and j == 0:
            return cells[:steps][::-1].copy()
        corner, up, left = table[i, j], table[i, j + 1], table[i + 1, j]
        if corner <= up and corner <= left:
            i, j = i - 1, j - 1
        elif up <= left:
            i -= 1
        else:
            j -= 1
