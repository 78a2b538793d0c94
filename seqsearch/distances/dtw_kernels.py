"""Classic dynamic time warping of single pairs, in numba.

D[i, j] = c(i, j) + min(D[i - 1, j - 1], D[i - 1, j], D[i, j - 1]), from D[0, 0] = c(0, 0) to D[m - 1, n - 1] (Sakoe and
Chiba 1978), all in float64. Two ways to the same sums: along anti-diagonals, whose cells do not depend on each other,
so that the compiler vectorises them; and row by row with a cutoff, leaving out cells that no path below the cutoff can
cross (EAPrunedDTW: Herrmann and Webb 2021, "Early abandoning and pruning for elastic distances including dynamic time
warping").

Series stand one after the other in (sum T, F) float64 arrays; a cosine's frames have length 1 already (`prepared`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from ..arrays import DoubleArray, IntArray
from ..jit import kernel

SQUARED, ABSOLUTE, COSINE = 0, 1, 2
INF = np.inf
_NOTHING = np.zeros(0)


class Form(NamedTuple):
    """`local` cost of two frames; `window`: share of the shorter series, negative: no band; `slope`: 0 for none."""

    local: int
    window: float
    slope: float


@kernel(inline=True)
def local_cost(x: DoubleArray, i: int, y: DoubleArray, j: int, local: int) -> float:
    """c between frame i of x and frame j of y: squared Euclidean, Manhattan, or 1 - cosine."""
    total = 0.0
    if local == SQUARED:
        for f in range(x.shape[1]):
            difference = x[i, f] - y[j, f]
            total += difference * difference
        return total
    if local == ABSOLUTE:
        for f in range(x.shape[1]):
            total += abs(x[i, f] - y[j, f])
        return total
    for f in range(x.shape[1]):
        total += x[i, f] * y[j, f]
    return 1.0 - total


@kernel(inline=True)
def reach(m: int, n: int, window: float) -> tuple[int, int]:
    """(before, after): row i may meet columns i - before .. i + after, in a Sakoe-Chiba band.

    The band reaches int(window * min(m, n)) steps beyond the diagonals through both corners; negative: no band.
    """
    if window < 0.0:
        return m, n
    radius = int(window * min(m, n))
    return max(0, m - n) + radius, max(0, n - m) + radius


@kernel(inline=True)
def _itakura_low(i: int, m: int, n: int, slope: float) -> int:
    u = i / (m - 1)
    return math.floor(max(u / slope, 1.0 - slope * (1.0 - u)) * (n - 1) + 1e-9)


@kernel(inline=True)
def columns_of_row(i: int, m: int, n: int, before: int, after: int, slope: float) -> tuple[int, int]:
    """The columns first..last - 1 that row i may meet, in the band and, if slope >= 1, in Itakura's parallelogram.

    The parallelogram (Itakura 1975) lies between lines of slope `slope` and 1 / slope through both corners of the unit
    square that the two series span; a cell that it touches belongs to it, and so does a step that joins two rows.
    """
    first = max(0, i - before)
    last = min(n, i + after + 1)
    if slope >= 1.0 and m > 1 and n > 1:
        u = i / (m - 1)
        high = min(slope * u, 1.0 - (1.0 - u) / slope) * (n - 1)
        stop = math.ceil(high - 1e-9) + 1
        if i < m - 1:
            stop = max(stop, _itakura_low(i + 1, m, n, slope))
        first = max(first, _itakura_low(i, m, n, slope))
        last = min(last, stop)
    return first, last


@kernel()
def pruned_by(
    x: DoubleArray, y: DoubleArray, form: Form, cutoff: float, rest: DoubleArray, above: DoubleArray, here: DoubleArray
) -> float:
    """The DTW sum of x and y, inf when it is above the cutoff. `above`, `here`: scratch of at least n + 1 places;
    `rest`, (m,) or nothing: no path costs less after it has left row i.

    Cell j of a row stands at place j + 1. `start`: the first column a path below the cutoff can still use; `dead`: from
    this column on the row above is above the cutoff.
    """
    m, n = x.shape[0], y.shape[0]
    local, window, slope = form
    before, after = reach(m, n, window)
    start = 0
    dead = 1
    above[0] = 0.0
    for i in range(m):
        first, last = columns_of_row(i, m, n, before, after, slope)
        limit = cutoff - rest[i] if len(rest) else cutoff
        start = max(start, first)
        here[start] = INF
        end = start
        j = start
        left = INF
        while j < min(dead, last):
            best = min(above[j], left)
            if i > 0:
                best = min(best, above[j + 1])
            left = best + local_cost(x, i, y, j, local)
            here[j + 1] = left
            if left <= limit:
                end = j + 1
            elif j == start:
                start += 1
                here[start] = INF
                left = INF
            j += 1
        if j < last:
            # Above is dead from here on: one step down the diagonal, then only along the row.
            if i > 0 and j == dead:
                left = min(left, above[j]) + local_cost(x, i, y, j, local)
                here[j + 1] = left
                if left <= limit:
                    end = j + 1
                j += 1
            while j < last and left <= limit:
                left += local_cost(x, i, y, j, local)
                here[j + 1] = left
                if left <= limit:
                    end = j + 1
                j += 1
        if end == start:
            return INF
        dead = end
        above, here = here, above
    return float(above[n]) if dead == n else INF


@kernel(inline=True)
def pruned(x: DoubleArray, y: DoubleArray, form: Form, cutoff: float, above: DoubleArray, here: DoubleArray) -> float:
    """`pruned_by` the cutoff alone."""
    return float(pruned_by(x, y, form, cutoff, _NOTHING, above, here))


@kernel(inline=True)
def _diagonal_cells(
    x: DoubleArray,
    reverse_y: DoubleArray,
    local: int,
    two_ago: DoubleArray,
    left: DoubleArray,
    up: DoubleArray,
    here: DoubleArray,
) -> None:
    """One anti-diagonal of series of one feature; all (cells,), `reverse_y` so that cells run alongside those of x."""
    if local == SQUARED:
        for c in range(here.shape[0]):
            difference = x[c] - reverse_y[c]
            best = left[c] if left[c] < up[c] else up[c]
            best = two_ago[c] if two_ago[c] < best else best
            here[c] = best + difference * difference
    else:
        for c in range(here.shape[0]):
            best = left[c] if left[c] < up[c] else up[c]
            best = two_ago[c] if two_ago[c] < best else best
            here[c] = best + abs(x[c] - reverse_y[c])


@kernel()
def by_diagonals(x: DoubleArray, y: DoubleArray, form: Form, reverse_y: DoubleArray, buffers: DoubleArray) -> float:
    """The DTW sum of two series of one feature, squared or absolute, in a band or none.

    `reverse_y`: scratch of n places, `buffers`: (3, >= m + 1). Cell (i, s - i) of anti-diagonal s stands at place i +
    1.
    """
    m, n = x.shape[0], y.shape[0]
    before, after = reach(m, n, form.window)
    for j in range(n):
        reverse_y[n - 1 - j] = y[j, 0]
    flat = x[:, 0]
    buffers[:] = INF
    old, last, now = buffers[0], buffers[1], buffers[2]
    old[0] = 0.0  # the corner before the first cell
    for s in range(m + n - 1):
        low = max(0, s - n + 1, (s - after + 1) // 2)
        high = min(m - 1, s, (s + before) // 2)
        cells = high - low + 1
        if cells > 0:
            start = n - 1 - s + low
            _diagonal_cells(
                flat[low : low + cells],
                reverse_y[start : start + cells],
                form.local,
                old[low : low + cells],
                last[low + 1 : low + 1 + cells],
                last[low : low + cells],
                now[low + 1 : low + 1 + cells],
            )
            now[low] = INF
            if high + 2 < now.shape[0]:
                now[high + 2] = INF
        else:
            now[max(0, low - 1) : min(now.shape[0], high + 4)] = INF
        old, last, now = last, now, old
    return float(last[m])


@kernel(inline=True)
def dtw(x: DoubleArray, y: DoubleArray, form: Form, cutoff: float, scratch: DoubleArray) -> float:
    """The DTW sum of x (m, F) and y (n, F), inf when above the cutoff; `scratch`: (4, >= max(m, n) + 2)."""
    if x.shape[1] == 1 and form.local != COSINE and form.slope < 1.0 and cutoff == INF:
        return by_diagonals(x, y, form, scratch[3], scratch[:3])
    return pruned(x, y, form, cutoff, scratch[0], scratch[1])


@kernel(parallel=True)
def prepare_kernel(data: DoubleArray, offsets: IntArray, standardise: bool, unit: bool) -> None:
    """In place: each feature of a series to mean 0 and deviation 1, then each frame to length 1, where asked for."""
    for row in numba.prange(offsets.shape[0] - 1):
        series = data[offsets[row] : offsets[row + 1]]
        if standardise:
            for f in range(series.shape[1]):
                to_one_scale(series[:, f])
        if unit:
            to_unit_frames(series)


@kernel()
def to_unit_frames(series: DoubleArray) -> None:
    """In place: each frame to length 1, but for frames of zeros."""
    for t in range(series.shape[0]):
        norm = 0.0
        for f in range(series.shape[1]):
            norm += series[t, f] * series[t, f]
        norm = math.sqrt(norm)
        if norm > 0.0:
            for f in range(series.shape[1]):
                series[t, f] /= norm


@kernel()
def to_one_scale(values: DoubleArray) -> None:
    """In place: to mean 0 and deviation 1; a constant, whose rounding noise is not a shape, to zeros."""
    mean = 0.0
    for t in range(values.shape[0]):
        mean += values[t]
    mean /= values.shape[0]
    spread = 0.0
    for t in range(values.shape[0]):
        values[t] -= mean
        spread += values[t] * values[t]
    deviation = math.sqrt(spread / values.shape[0])
    if deviation > 1e-9 * max(1.0, abs(mean)):
        values /= deviation
    else:
        values[:] = 0.0
