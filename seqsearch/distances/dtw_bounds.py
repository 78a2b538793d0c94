"""Lossless nearest neighbours under classic DTW: lower bounds from cheap to dear, then EAPrunedDTW with a cutoff.

LB_Kim (Kim, Park and Chu 2001; here the first and last cell, which lie on every path), LB_Keogh (Keogh and
Ratanamahatana 2005: what stands outside of the band's envelope) and LB_Improved (Lemire 2009: what the projection onto
the envelope leaves on the other side). All are summed over features, which keeps them below the distance, and hold for
unequal lengths, because every row meets the envelope of the columns in its reach at least once. For the cosine, 1 -
x.y is half the squared Euclidean distance of unit frames, so half the bound for squared differences holds.
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import DoubleArray, IntArray
from ..jit import kernel
from .dtw_kernels import ABSOLUTE, COSINE, INF, local_cost, pruned, reach
from .edit_kernels import place

# The bounds are summed in another order than the distances: a bound must be above the cutoff by more than rounding.
_ROUNDING = 1e-9


@kernel()
def envelope(
    x: DoubleArray, count: int, before: int, after: int, low: DoubleArray, high: DoubleArray, queue: IntArray
) -> None:
    """low[j, f], high[j, f] = least and greatest x[i, f] for i in j - before .. j + after, j < count.

    Windows that miss x take its nearest end. `queue`: scratch of 2 len(x) places. Monotone queues (Lemire 2006),
    O(len(x) + count).
    """
    m = x.shape[0]
    least, most = queue[:m], queue[m : 2 * m]
    for f in range(x.shape[1]):
        least_from = least_to = most_from = most_to = 0
        entered = 0
        for j in range(count):
            end = min(m - 1, max(0, j + after))
            while entered <= end:
                value = x[entered, f]
                while least_to > least_from and x[least[least_to - 1], f] >= value:
                    least_to -= 1
                least[least_to] = entered
                least_to += 1
                while most_to > most_from and x[most[most_to - 1], f] <= value:
                    most_to -= 1
                most[most_to] = entered
                most_to += 1
                entered += 1
            begin = min(max(0, j - before), m - 1)
            while least[least_from] < begin:
                least_from += 1
            while most[most_from] < begin:
                most_from += 1
            low[j, f] = x[least[least_from], f]
            high[j, f] = x[most[most_from], f]


@kernel(fastmath=True)
def outside(y: DoubleArray, low: DoubleArray, high: DoubleArray, squared: bool) -> float:
    """How far y stands outside of the envelope, squared or not, summed over all frames and features: flat arrays."""
    total = 0.0
    if squared:
        for j in range(y.shape[0]):
            over = max(y[j] - high[j], low[j] - y[j])
            over = over if over > 0.0 else 0.0
            total += over * over
    else:
        for j in range(y.shape[0]):
            over = max(y[j] - high[j], low[j] - y[j])
            total += over if over > 0.0 else 0.0
    return total


@kernel(inline=True)
def kim(x: DoubleArray, y: DoubleArray, local: int) -> float:
    """The cost of the first and last cell."""
    m, n = x.shape[0], y.shape[0]
    first = local_cost(x, 0, y, 0, local)
    return first if m == 1 and n == 1 else first + local_cost(x, m - 1, y, n - 1, local)


@kernel()
def improvement(
    x: DoubleArray, y: DoubleArray, low: DoubleArray, high: DoubleArray, before: int, after: int, squared: bool,
    projected: DoubleArray, low_of: DoubleArray, high_of: DoubleArray, queue: IntArray,
) -> float:  # fmt: skip
    """What LB_Improved adds to LB_Keogh(y, envelope of x): LB_Keogh(x, envelope of y clipped to the envelope of x)."""
    n = y.shape[0]
    for j in range(n):
        for f in range(y.shape[1]):
            projected[j, f] = min(max(y[j, f], low[j, f]), high[j, f])
    m = x.shape[0]
    envelope(projected[:n], m, before, after, low_of, high_of, queue)
    return outside(x.reshape(-1), low_of[:m].reshape(-1), high_of[:m].reshape(-1), squared)


@kernel(parallel=True)
def exact_kernel(
    queries: DoubleArray, query_offsets: IntArray, targets: DoubleArray, target_offsets: IntArray, allowed: IntArray,
    local: int, window: float, slope: float, rows: IntArray, distances: DoubleArray, tally: IntArray,
) -> None:  # fmt: skip
    """The k nearest among `allowed`, rows sorted by length; rows are -1 and distances inf before.

    tally, (Q, 5): pairs ruled out by LB_Kim, LB_Keogh, LB_Improved, given up above the cutoff, and entered.
    """
    k = rows.shape[1]
    count = allowed.shape[0]
    features = queries.shape[1]
    squared = local != ABSOLUTE
    scale = 0.5 if local == COSINE else 1.0
    longest = 0
    for i in range(count):
        longest = max(longest, target_offsets[allowed[i] + 1] - target_offsets[allowed[i]])
    for q in numba.prange(query_offsets.shape[0] - 1):
        x = queries[query_offsets[q] : query_offsets[q + 1]]
        m = x.shape[0]
        size = max(m, longest)
        low, high = np.empty((size, features)), np.empty((size, features))
        low_of, high_of = np.empty((size, features)), np.empty((size, features))
        projected = np.empty((size, features))
        queue = np.empty(2 * size, np.int64)
        above, here = np.empty(longest + 2), np.empty(longest + 2)
        kims, bounds = np.empty(count), np.empty(count)
        length = -1
        for i in range(count):
            y = targets[target_offsets[allowed[i]] : target_offsets[allowed[i] + 1]]
            n = y.shape[0]
            if n != length:
                length = n
                before, after = reach(m, n, window)
                envelope(x, n, after, before, low, high, queue)
            kims[i] = kim(x, y, local)
            bounds[i] = scale * outside(y.reshape(-1), low[:n].reshape(-1), high[:n].reshape(-1), squared)
        best = np.maximum(kims, bounds)
        held = 0
        # Two rounds: the most promising ones give a cutoff, so that only what is below it needs an order.
        promising = min(count, 8 * k + 24)
        limit = np.partition(best, promising - 1)[promising - 1] if count > 0 else INF
        length = -1
        for half in range(2):
            cutoff = distances[q, k - 1]
            chosen = np.flatnonzero(best <= limit) if half == 0 else np.flatnonzero(best > limit)
            if half == 1:
                chosen = chosen[best[chosen] <= cutoff * (1.0 + _ROUNDING)]
                for i in range(count):
                    if best[i] > limit and best[i] > cutoff * (1.0 + _ROUNDING):
                        tally[q, 0 if kims[i] > cutoff * (1.0 + _ROUNDING) else 1] += 1
            for at in np.argsort(best[chosen], kind="mergesort"):
                i = chosen[at]
                cutoff = distances[q, k - 1]
                most = cutoff * (1.0 + _ROUNDING)
                if best[i] > most:
                    tally[q, 0 if kims[i] > most else 1] += 1
                    continue
                row = allowed[i]
                y = targets[target_offsets[row] : target_offsets[row + 1]]
                n = y.shape[0]
                if held == k:
                    before, after = reach(m, n, window)
                    if n != length:
                        length = n
                        envelope(x, n, after, before, low, high, queue)
                    more = improvement(x, y, low, high, before, after, squared, projected, low_of, high_of, queue)
                    if bounds[i] + scale * more > most:
                        tally[q, 2] += 1
                        continue
                found = pruned(x, y, local, window, slope, cutoff, above, here)
                if found < cutoff or held < k or (found == cutoff and row < rows[q, k - 1]):
                    held = place(rows[q], distances[q], held, row, found)
                    tally[q, 4] += 1
                else:
                    tally[q, 3] += 1
