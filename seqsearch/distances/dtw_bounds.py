"""Lossless nearest neighbours under classic DTW: lower bounds from cheap to dear, then EAPrunedDTW with a cutoff.

LB_Kim (Kim, Park and Chu 2001; here the first and last cell, which lie on every path), LB_Keogh (Keogh and
Ratanamahatana 2005: what stands outside of the band's envelope) and LB_Improved (Lemire 2009: what the projection onto
the envelope leaves on the other side). All are summed over features, which keeps them below the distance, and hold for
unequal lengths, because every row meets the envelope of the columns in its reach at least once. For the cosine, 1 -
x.y is half the squared Euclidean distance of unit frames, so half the bound for squared differences holds.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns
from .dtw_kernels import ABSOLUTE, COSINE, INF, Form, local_cost, pruned, reach
from .dtw_lanes import FEWEST, LANES, Lanes, are_possible, lanes_for, lay, side_by_side
from .edit_kernels import place

# The bounds are summed in another order than the distances: a bound must be above the cutoff by more than rounding.
_ROUNDING = 1e-9
# Columns of a band within which LB_Improved takes longer than to compare a pair beside others.
_WIDE = 80
# So many targets of a few hundred steps stay in a core's cache.
_TARGETS_A_TASK = 64


class Bounds(NamedTuple):
    """`least`, (Q, n): the greater of LB_Kim and LB_Keogh of a query and a target; `by_kim`: whether it is LB_Kim."""

    least: DoubleArray
    by_kim: BoolArray


class Found(NamedTuple):
    """`rows`, `distances`: (Q, k), -1 and inf before, nothing above `limits`, (Q,); `tally`, (Q, 5): pairs ruled out by
    LB_Kim, LB_Keogh, LB_Improved, given up above the cutoff, and entered.
    """

    rows: IntArray
    distances: DoubleArray
    limits: DoubleArray
    tally: IntArray


class Projection(NamedTuple):
    """Scratch of `improvement`: y as projected and the envelope of that, of enough frames; `buffer` of `envelope`."""

    projected: DoubleArray
    low: DoubleArray
    high: DoubleArray
    buffer: DoubleArray


@kernel(inline=True)
def _slide(buffer: DoubleArray, width: int, features: int, found: DoubleArray) -> None:
    """found[j] = least of buffer[j], buffer[j + features], ..., `width` of them; flat arrays of frames.

    Windows are doubled, then two of them overlap: log2(width) passes that the compiler vectorises.
    """
    size = buffer.shape[0]
    span = 1
    while 2 * span <= width:
        step = span * features
        size -= step
        here, there = buffer[:size], buffer[step : step + size]
        for j in range(size):
            here[j] = here[j] if here[j] < there[j] else there[j]
        span *= 2
    step = (width - span) * features
    here, there = buffer[: found.shape[0]], buffer[step : step + found.shape[0]]
    for j in range(found.shape[0]):
        found[j] = here[j] if here[j] < there[j] else there[j]


@kernel()
def envelope(
    x: DoubleArray, count: int, before: int, after: int, low: DoubleArray, high: DoubleArray, buffer: DoubleArray
) -> None:
    """low[j, f], high[j, f] = least and greatest x[i, f] for i in j - before .. j + after, j < count.

    Every window meets x. `buffer`: scratch of (before + len(x) + after + count) * F places.
    """
    m, features = x.shape
    flat = x.reshape(-1)
    width = min(before, count - 1) + 1 + min(after, m - 1)
    lead = min(before, count - 1) * features
    size = max(lead + m * features, (count + width - 1) * features)
    padded = buffer[:size]
    for sign, end in ((1.0, low), (-1.0, high)):  # the greatest of x is the least of -x
        padded[:] = INF
        padded[lead : lead + m * features] = sign * flat
        found = end[:count].reshape(-1)
        _slide(padded, width, features, found)
        found *= sign


@kernel(fastmath=True)
def outside(y: DoubleArray, low: DoubleArray, high: DoubleArray, squared: bool) -> float:
    """How far y stands outside of the envelope, squared or not, summed over all frames and features: flat arrays."""
    total = 0.0
    for j in range(y.shape[0]):
        over = max(y[j] - high[j], low[j] - y[j])
        over = over if over > 0.0 else 0.0
        total += over * over if squared else over
    return total


@kernel(inline=True)
def kim(x: DoubleArray, y: DoubleArray, local: int) -> float:
    """The cost of the first and last cell."""
    m, n = x.shape[0], y.shape[0]
    first = local_cost(x, 0, y, 0, local)
    return first if m == 1 and n == 1 else first + local_cost(x, m - 1, y, n - 1, local)


@kernel()
def improvement(
    x: DoubleArray,
    y: DoubleArray,
    low: DoubleArray,
    high: DoubleArray,
    band: tuple[int, int],
    squared: bool,
    work: Projection,
) -> float:
    """What LB_Improved adds to LB_Keogh(y, envelope of x): LB_Keogh(x, envelope of y clipped to the envelope of x).

    `low`, `high`: the envelope of x; `band`: what `reach` says.
    """
    m, n = x.shape[0], y.shape[0]
    for j in range(n):
        for f in range(y.shape[1]):
            work.projected[j, f] = min(max(y[j, f], low[j, f]), high[j, f])
    envelope(work.projected[:n], m, band[0], band[1], work.low, work.high, work.buffer)
    return outside(x.reshape(-1), work.low[:m].reshape(-1), work.high[:m].reshape(-1), squared)


@kernel(inline=True)
def room(m: int, n: int, features: int) -> int:
    """Places that `envelope` needs of its buffer for series of up to m and n steps, whatever the band."""
    return 4 * (m + n + 1) * features


@kernel(parallel=True)
def bounds_kernel(queries: Columns, targets: Columns, allowed: IntArray, form: Form, bounds: Bounds) -> None:
    """Fill the bounds of each query and target allowed[i].

    Some targets after the other are held against all queries, so that they are read from memory once.
    """
    least, by_kim = bounds
    features = queries.data.shape[1]
    count = allowed.shape[0]
    squared = form.local != ABSOLUTE
    scale = 0.5 if form.local == COSINE else 1.0
    for task in numba.prange((count + _TARGETS_A_TASK - 1) // _TARGETS_A_TASK):
        begin = task * _TARGETS_A_TASK
        end = min(count, begin + _TARGETS_A_TASK)
        longest = 0
        for i in range(begin, end):
            longest = max(longest, targets.offsets[allowed[i] + 1] - targets.offsets[allowed[i]])
        low, high = np.empty((longest, features)), np.empty((longest, features))
        for q in range(queries.offsets.shape[0] - 1):
            x = queries.data[queries.offsets[q] : queries.offsets[q + 1]]
            m = x.shape[0]
            buffer = np.empty(room(m, longest, features))
            length = -1
            for i in range(begin, end):
                y = targets.data[targets.offsets[allowed[i]] : targets.offsets[allowed[i] + 1]]
                n = y.shape[0]
                if n != length:
                    length = n
                    before, after = reach(m, n, form.window)
                    envelope(x, n, after, before, low, high, buffer)
                first = kim(x, y, form.local)
                keogh = scale * outside(y.reshape(-1), low[:n].reshape(-1), high[:n].reshape(-1), squared)
                least[q, i] = max(first, keogh)
                by_kim[q, i] = first > keogh


@kernel(parallel=True)
def exact_kernel(
    queries: Columns, targets: Columns, allowed: IntArray, form: Form, bounds: Bounds, answers: Found
) -> None:
    """Fill the answers: the k nearest among `allowed`, rows sorted by length; `bounds`: from `bounds_kernel`."""
    rows, distances, limits, tally = answers
    least, by_kim = bounds
    longest = 0
    for row in allowed:
        longest = max(longest, targets.offsets[row + 1] - targets.offsets[row])
    for q in numba.prange(queries.offsets.shape[0] - 1):
        x = queries.data[queries.offsets[q] : queries.offsets[q + 1]]
        work = _work_for(x, longest, form)
        answer = Answer(rows[q], distances[q], limits[q], tally[q])
        _nearest(x, targets, allowed, form, least[q], by_kim[q], work, answer)


class Answer(NamedTuple):
    """One query's part of `Found`; the `limit` is a number."""

    rows: IntArray
    distances: DoubleArray
    limit: float
    tally: IntArray


class Work(NamedTuple):
    """Scratch for one query: the envelope of it, `low` and `high`; `projection`; `above` and `here` of `pruned`;
    `lanes`, with the query in each; `waiting`, (LANES,): which targets are to be compared side by side."""

    low: DoubleArray
    high: DoubleArray
    projection: Projection
    above: DoubleArray
    here: DoubleArray
    lanes: Lanes
    waiting: IntArray


@kernel()
def _work_for(x: DoubleArray, longest: int, form: Form) -> Work:
    """Room for targets of up to `longest` steps."""
    m, features = x.shape
    size = max(m, longest)
    low, high = np.empty((size, features)), np.empty((size, features))
    buffer = np.empty(room(m, longest, features))
    projection = Projection(np.empty((size, features)), np.empty((size, features)), np.empty((size, features)), buffer)
    together = are_possible(form)
    lanes = lanes_for(size if together else 0, features)
    if together:
        for lane in range(LANES):
            lay(x, lane, lanes.x)
    waiting = np.empty(LANES if together else 1, np.int64)
    return Work(low, high, projection, np.empty(longest + 2), np.empty(longest + 2), lanes, waiting)


@kernel()
def _nearest(
    x: DoubleArray,
    targets: Columns,
    allowed: IntArray,
    form: Form,
    best: DoubleArray,
    by_kim: BoolArray,
    work: Work,
    answer: Answer,
) -> None:
    """The answer of one query, whose bounds are `best`, (count,), which is LB_Kim where `by_kim`."""
    k, count, m = answer.rows.shape[0], allowed.shape[0], x.shape[0]
    squared = form.local != ABSOLUTE
    scale = 0.5 if form.local == COSINE else 1.0
    held, some = 0, 0
    # Two rounds: the most promising ones give a cutoff, so that only what is below it needs an order.
    promising = min(count, 8 * k + 24)
    limit = np.partition(best, promising - 1)[promising - 1] if count > 0 else INF
    length = -1
    for half in range(2):
        most = min(answer.limit, answer.distances[k - 1]) * (1.0 + _ROUNDING)
        if half == 0:
            chosen = np.flatnonzero(best <= limit)
        else:
            chosen = np.flatnonzero((best > limit) & (best <= most))
            for i in range(count):
                if best[i] > limit and best[i] > most:
                    answer.tally[0 if by_kim[i] else 1] += 1
        for at in np.argsort(best[chosen], kind="mergesort"):
            i = chosen[at]
            cutoff = min(answer.limit, answer.distances[k - 1])
            most = cutoff * (1.0 + _ROUNDING)
            if best[i] > most:
                answer.tally[0 if by_kim[i] else 1] += 1
                continue
            row = allowed[i]
            y = targets.data[targets.offsets[row] : targets.offsets[row + 1]]
            n = y.shape[0]
            band = reach(m, n, form.window)
            if cutoff < INF and (work.waiting.shape[0] == 1 or band[0] + band[1] >= _WIDE):
                if n != length:
                    length = n
                    envelope(x, n, band[1], band[0], work.low, work.high, work.projection.buffer)
                low, high = work.low[:n], work.high[:n]
                keogh = outside(y.reshape(-1), low.reshape(-1), high.reshape(-1), squared)
                more = improvement(x, y, work.low, work.high, band, squared, work.projection)
                if scale * (keogh + more) > most:
                    answer.tally[2] += 1
                    continue
            if some > 0 and targets.offsets[work.waiting[0] + 1] - targets.offsets[work.waiting[0]] != n:
                held = _compare(x, targets, form, work, some, held, answer)
                some = 0
            work.waiting[some] = row
            some += 1
            if some == work.waiting.shape[0]:
                held = _compare(x, targets, form, work, some, held, answer)
                some = 0
        held = _compare(x, targets, form, work, some, held, answer)
        some = 0


@kernel()
def _compare(x: DoubleArray, targets: Columns, form: Form, work: Work, some: int, held: int, answer: Answer) -> int:
    """Compare the first `some` of those that are waiting, of one length; how many are held then."""
    k, lanes = answer.rows.shape[0], work.lanes
    cutoff = min(answer.limit, answer.distances[k - 1])
    if some >= FEWEST:
        for lane in range(LANES):
            row = work.waiting[min(lane, some - 1)]
            lay(targets.data[targets.offsets[row] : targets.offsets[row + 1]], lane, lanes.y)
        lanes.cutoffs[:] = cutoff
        row = work.waiting[0]
        side_by_side(lanes, x.shape[0], targets.offsets[row + 1] - targets.offsets[row], x.shape[1], form)
    else:
        for at in range(some):
            row = work.waiting[at]
            y = targets.data[targets.offsets[row] : targets.offsets[row + 1]]
            lanes.found[at] = pruned(x, y, form, cutoff, work.above, work.here)
    for at in range(some):
        row, found = work.waiting[at], lanes.found[at]
        last = answer.distances[k - 1]
        if found <= answer.limit and (held < k or found < last or (found == last and row < answer.rows[k - 1])):
            held = place(answer.rows, answer.distances, held, row, found)
            answer.tally[4] += 1
        else:
            answer.tally[3] += 1
    return held
