"""Time warping in a band between a query and every part of a target that is as long as it, in numba.

After the UCR suite (Rakthanmanon and others 2012, "Searching and mining trillions of time series subsequences under
dynamic time warping"): each part is brought to mean 0 and deviation 1 where asked for, cheap bounds rule out nearly all
of them, and DTW with a cutoff compares the rest. The bounds, from cheap to dear:

- of the first and the last frame (LB_Kim), and of the means of some segments of the part beside the means of the
  query's envelope (LB_PAA: Keogh and Ratanamahatana 2005; with the envelope's means, by Jensen's inequality: Zhu and
  Shasha 2003): the greater of both, for many parts at once from running sums;
- LB_Keogh and LB_Improved of a part itself, as between whole series (dtw_bounds.py).

Running sums are rounded. What that may change is taken off the bounds (`Sums.slack`), and parts whose deviation is lost
in it are left to the exact comparison. A target that is shorter than the query is compared as a whole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..jit import kernel
from .dtw_bounds import Projection, envelope, improvement, outside, room
from .dtw_kernels import ABSOLUTE, COSINE, INF, Form, pruned_by, reach, to_one_scale, to_unit_frames

BLOCK = 64
"""Parts of which the least bound is kept."""
_CHUNK = 512  # parts whose sums are made together, at least
_SEGMENTS = 16
_ROUNDING = 1e-9  # bounds are summed in another order than distances
_EPSILON = 2.3e-16
_DEVIATION = 1e-4  # relative error that the deviation of a part may have in a bound
_CONSTANT = 1e-6  # of the mean: deviations below this may be rounding where a part is standardised


class Asked(NamedTuple):
    """A query `x` and its envelope `low`, `high`, all (m, F); `edges`, (S + 1,): where its segments begin, and the
    means of the envelope in each, (F, S).
    """

    x: DoubleArray
    low: DoubleArray
    high: DoubleArray
    edges: IntArray
    low_means: DoubleArray
    high_means: DoubleArray


class Sums(NamedTuple):
    """Of some parts: their frames less their `centre`, (F,), and running sums of these and of their squares, (F, frames
    + 1); `mean` and `scale`, 1 / deviation, of each part, (F, parts), 0 and 1 where nothing is standardised; `sure`,
    (parts,): 1 where a bound can be taken, else 0; `slack`, (F,): what rounding may change of what a bound compares.
    """

    centre: DoubleArray
    frames: DoubleArray
    sums: DoubleArray
    squares: DoubleArray
    mean: DoubleArray
    scale: DoubleArray
    sure: DoubleArray
    slack: DoubleArray


class Work(NamedTuple):
    """Scratch of `nearest_window`: one part, what its bounds need, rows of DTW and what is left after each, sums of a
    block, and its bounds."""

    part: DoubleArray
    projection: Projection
    above: DoubleArray
    here: DoubleArray
    rest: DoubleArray
    sums: Sums
    bounds: DoubleArray  # (3, BLOCK)


@kernel(inline=True)
def parts_of(n: int, m: int) -> int:
    """How many parts a target of n frames has for a query of m."""
    return max(1, n - m + 1)


@kernel(inline=True)
def chunk_of(m: int) -> int:
    """Parts whose sums are made together: a multiple of BLOCK, so many that few frames are summed twice."""
    return max(_CHUNK, (m + BLOCK - 1) // BLOCK * BLOCK)


@kernel()
def asked_of(x: DoubleArray, form: Form) -> Asked:
    """What the bounds need of a query."""
    m, features = x.shape
    before, after = reach(m, m, form.window)
    low, high = np.empty((m, features)), np.empty((m, features))
    envelope(x, m, after, before, low, high, np.empty(room(m, m, features)))
    count = min(m, _SEGMENTS)
    edges = np.empty(count + 1, np.int64)
    for s in range(count + 1):
        edges[s] = s * m // count
    low_means, high_means = np.empty((features, count)), np.empty((features, count))
    for f in range(features):
        for s in range(count):
            low_means[f, s] = low[edges[s] : edges[s + 1], f].mean()
            high_means[f, s] = high[edges[s] : edges[s + 1], f].mean()
    return Asked(x, low, high, edges, low_means, high_means)


@kernel()
def sums_for(features: int, count: int, m: int) -> Sums:
    """Room for the sums of so many parts."""
    wide, narrow = (features, count + m), (features, count)
    frames, sums, squares = np.empty(wide), np.empty(wide), np.empty(wide)
    mean, scale = np.empty(narrow), np.empty(narrow)
    return Sums(np.empty(features), frames, sums, squares, mean, scale, np.empty(count), np.empty(features))


@kernel()
def work_for(m: int, features: int) -> Work:
    """Scratch for a query of m frames."""
    size = (m, features)
    projection = Projection(np.empty(size), np.empty(size), np.empty(size), np.empty(room(m, m, features)))
    sums = sums_for(features, BLOCK, m)
    rows = np.empty(m + 2), np.empty(m + 2), np.empty(m)
    return Work(np.empty(size), projection, rows[0], rows[1], rows[2], sums, np.empty((3, BLOCK)))


@kernel()
def fill_sums(y: DoubleArray, first: int, count: int, m: int, standardise: bool, sums: Sums) -> None:
    """The sums of `count` parts of y, (n, F), the first of which begins in frame `first`."""
    centre, frames, running, squares, mean, scale, sure, slack = sums
    size = count + m - 1
    sure[:count] = 1.0
    for f in range(y.shape[1]):
        total = 0.0
        for j in range(size):
            total += y[first + j, f]
        middle = total / size
        centre[f] = middle
        most, sum_most, one, two = 0.0, 0.0, 0.0, 0.0
        running[f, 0] = squares[f, 0] = 0.0
        for j in range(size):
            value = y[first + j, f] - middle
            frames[f, j] = value
            most = max(most, abs(value))
            one += value
            two += value * value
            sum_most = max(sum_most, abs(one))
            running[f, j + 1], squares[f, j + 1] = one, two
        # Each of `size` additions is rounded: no running sum is farther off than this.
        error, error_of_squares = _EPSILON * size * sum_most, _EPSILON * size * two
        if not standardise:
            mean[f, :count], scale[f, :count] = 0.0, 1.0
            slack[f] = 2.0 * error / (m // min(m, _SEGMENTS)) + 4.0 * _EPSILON * abs(middle)
            continue
        doubtful = (2.0 * error_of_squares + 4.0 * most * error) / m / _DEVIATION
        for t in range(count):
            average = (running[f, t + m] - running[f, t]) / m
            variance = (squares[f, t + m] - squares[f, t]) / m - average * average
            # Below this a deviation is lost in rounding, here or when the part itself is standardised.
            known = variance > max(doubtful, (_CONSTANT * max(1.0, abs(average + middle))) ** 2)
            mean[f, t] = average
            scale[f, t] = 1.0 / math.sqrt(variance) if known else 0.0
            sure[t] = sure[t] if known else 0.0
        slack[f] = 4.0 * _DEVIATION * (1.0 + math.sqrt(m))


@kernel(inline=True)
def _add(values: DoubleArray, low: float, high: float, weight: float, local: int, found: DoubleArray) -> None:
    """Add what stands outside of low..high, so many times."""
    if local == ABSOLUTE:
        for t in range(found.shape[0]):
            over = max(values[t] - high, low - values[t])
            found[t] += weight * (over if over > 0.0 else 0.0)
    else:
        for t in range(found.shape[0]):
            over = max(values[t] - high, low - values[t])
            over = over if over > 0.0 else 0.0
            found[t] += weight * over * over


@kernel()
def fill_bounds(asked: Asked, sums: Sums, count: int, form: Form, standardise: bool, found: DoubleArray) -> None:
    """found[0, t] = a lower bound of the distance of each part; `found`: (3, >= count), the rest of it scratch."""
    x, _, _, edges, low_means, high_means = asked
    m, local = x.shape[0], form.local
    if local == COSINE and standardise:  # frames of a part get their length only once it is standardised
        found[0, :count] = 0.0
        return
    least, ends, values = found[0, :count], found[1, :count], found[2, :count]
    least[:] = 0.0
    ends[:] = 0.0
    for f in range(x.shape[1]):
        mean, scale, running = sums.mean[f, :count], sums.scale[f, :count], sums.sums[f]
        # What is not standardised lacks its centre, and so has to do what it is compared with.
        away, slack = 0.0 if standardise else sums.centre[f], sums.slack[f]
        for s in range(len(edges) - 1):
            begin, end = edges[s], edges[s + 1]
            before, after, share = running[begin : begin + count], running[end : end + count], 1.0 / (end - begin)
            for t in range(count):
                values[t] = ((after[t] - before[t]) * share - mean[t]) * scale[t]
            low, high = low_means[f, s] - slack - away, high_means[f, s] + slack - away
            _add(values, low, high, float(end - begin), local, least)
        for at in range(0, m, max(1, m - 1)):
            frames = sums.frames[f, at : at + count]
            for t in range(count):
                values[t] = (frames[t] - mean[t]) * scale[t]
            _add(values, x[at, f] - slack - away, x[at, f] + slack - away, 1.0, local, ends)
    factor = 0.5 if local == COSINE else 1.0
    for t in range(count):
        least[t] = sums.sure[t] * factor * max(least[t], ends[t])


@kernel()
def bounds_of(asked: Asked, y: DoubleArray, form: Form, standardise: bool, least: DoubleArray) -> None:
    """least[b] = a lower bound of the distances of BLOCK parts of y; (blocks,)."""
    m, chunk = len(asked.x), chunk_of(len(asked.x))
    if len(y) < m:
        least[:] = 0.0
        return
    sums, found = sums_for(y.shape[1], chunk, m), np.empty((3, chunk))
    for first in range(0, parts_of(len(y), m), chunk):
        count = min(chunk, parts_of(len(y), m) - first)
        fill_sums(y, first, count, m, standardise, sums)
        fill_bounds(asked, sums, count, form, standardise, found)
        least_of_blocks(found[0, :count], least[first // BLOCK :])


@kernel(inline=True)
def least_of_blocks(bounds: DoubleArray, least: DoubleArray) -> None:
    """least[b] = the least of each BLOCK of bounds."""
    for b in range((len(bounds) + BLOCK - 1) // BLOCK):
        least[b] = bounds[b * BLOCK : (b + 1) * BLOCK].min()


@kernel(inline=True)
def _made(y: DoubleArray, begin: int, end: int, local: int, standardise: bool, part: DoubleArray) -> DoubleArray:
    """A part of y, (n, F), as it is compared; `part` is scratch for it."""
    made = part[: end - begin]
    for t in range(end - begin):
        for f in range(y.shape[1]):
            made[t, f] = y[begin + t, f]
    if standardise:
        for f in range(y.shape[1]):
            to_one_scale(made[:, f])
        if local == COSINE:
            to_unit_frames(made)
    return made


@kernel(inline=True)
def _warped(x: DoubleArray, part: DoubleArray, form: Form, cutoff: float, rest: DoubleArray, work: Work) -> float:
    """DTW in the band, inf well above the cutoff; what a cosine's rounding takes from nothing is put back."""
    return max(0.0, pruned_by(x, part, form, cutoff * (1.0 + _ROUNDING) + 1e-12, rest, work.above, work.here))


@kernel()
def _ruled_out(asked: Asked, part: DoubleArray, form: Form, most: float, projection: Projection) -> bool:
    """Whether LB_Keogh or LB_Improved is above `most`."""
    squared, scale = form.local != ABSOLUTE, 0.5 if form.local == COSINE else 1.0
    keogh = outside(part.reshape(-1), asked.low.reshape(-1), asked.high.reshape(-1), squared)
    if scale * keogh > most:
        return True
    band = reach(len(part), len(part), form.window)
    more = improvement(asked.x, part, asked.low, asked.high, band, squared, projection)
    return bool(scale * (keogh + more) > most)


@kernel()
def _fill_rest(asked: Asked, part: DoubleArray, form: Form, projection: Projection, rest: DoubleArray) -> None:
    """rest[i] = what every path still costs after row i, as LB_Improved adds it up, which has just been taken: of each
    row after i, and of each column that only these can meet."""
    m, local = len(part), form.local
    _, after = reach(m, m, form.window)
    total = 0.0
    for i in range(m - 1, -1, -1):
        rest[i] = total
        for f in range(part.shape[1]):
            total += _over(asked.x[i, f], projection.low[i, f], projection.high[i, f], local)
    total = 0.0
    for j in range(m - 1, after, -1):
        for f in range(part.shape[1]):
            total += _over(part[j, f], asked.low[j, f], asked.high[j, f], local)
        rest[j - 1 - after] += total
    rest[:m] *= 0.5 * (1.0 - _ROUNDING) if local == COSINE else 1.0 - _ROUNDING


@kernel(inline=True)
def _over(value: float, low: float, high: float, local: int) -> float:
    over = max(value - high, low - value)
    over = over if over > 0.0 else 0.0
    return over if local == ABSOLUTE else over * over


@kernel()
def nearest_window(
    asked: Asked, y: DoubleArray, form: Form, standardise: bool, least: DoubleArray, limit: float, work: Work
) -> tuple[float, int]:
    """(distance, begin) of the nearest part of y, (n, F), of equal ones the first; inf and 0 where none is within the
    limit. `least`: from `bounds_of`.
    """
    m, n = len(asked.x), len(y)
    if n < m:
        found = _warped(asked.x, _made(y, 0, n, form.local, standardise, work.part), form, limit, work.rest[:0], work)
        return (found if found <= limit else INF), 0
    best, begin = INF, 0
    near = np.flatnonzero(least <= limit * (1.0 + _ROUNDING))
    for b in near[np.argsort(least[near], kind="mergesort")]:
        if least[b] > min(best, limit) * (1.0 + _ROUNDING):
            break
        best, begin = _nearest_of_block(asked, y, b, form, standardise, (best, begin), limit, work)
    return best, begin


@kernel()
def near_window(asked: Asked, y: DoubleArray, form: Form, standardise: bool, least: DoubleArray, work: Work) -> float:
    """The distance to the nearest part of the most promising block: the nearest of all is no farther."""
    if len(y) < len(asked.x):
        return nearest_window(asked, y, form, standardise, least, INF, work)[0]
    return _nearest_of_block(asked, y, int(np.argmin(least)), form, standardise, (INF, 0), INF, work)[0]


@kernel()
def _nearest_of_block(
    asked: Asked,
    y: DoubleArray,
    block: int,
    form: Form,
    standardise: bool,
    nearest: tuple[float, int],
    limit: float,
    work: Work,
) -> tuple[float, int]:
    """The nearest (distance, begin), of that before and the parts of one block, as `nearest_window`."""
    m, first = len(asked.x), block * BLOCK
    count = min(BLOCK, len(y) - m + 1 - first)
    best, best_begin = nearest
    most = min(best, limit) * (1.0 + _ROUNDING)
    fill_sums(y, first, count, m, standardise, work.sums)
    fill_bounds(asked, work.sums, count, form, standardise, work.bounds)
    for t in range(count):
        if work.bounds[0, t] > most:
            continue
        part = _made(y, first + t, first + t + m, form.local, standardise, work.part)
        rest = work.rest[:0]
        if most < INF:
            if _ruled_out(asked, part, form, most, work.projection):
                continue
            rest = work.rest
            _fill_rest(asked, part, form, work.projection, rest)
        found = _warped(asked.x, part, form, min(best, limit), rest, work)
        if found <= limit and (found < best or (found == best and first + t < best_begin)):
            best, best_begin, most = found, first + t, found * (1.0 + _ROUNDING)
    return best, best_begin
