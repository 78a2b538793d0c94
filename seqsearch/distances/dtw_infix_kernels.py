"""Time warping between a query and any part of a target, whatever its length, in numba.

D[i, j] = c(i, j) + min(D[i - 1, j - 1], D[i - 1, j], D[i, j - 1]) with D[-1, j] = 0: a path may begin in any column,
and ends where D[m - 1, j] is least (subsequence DTW: Müller 2007, "Information Retrieval for Music and Motion", chapter
4; SPRING: Sakurai, Faloutsos and Yamamuro 2007). Cells of an anti-diagonal do not depend on each other, so that the
compiler vectorises them.

The bound (after FTW: Sakurai, Yoshikawa and Faloutsos 2005): `block` columns of a target become one, whose cost is the
least that any frame between its least and its greatest values would have. A path visits at least one cell of each row
and column that it crosses, so the same recursion over blocks is never above the distance of a part that ends there, and
backwards it says where such a part may begin. What is left is compared frame by frame. Forwards the bound is computed
in float32, twice as many cells at a time: blocks and queries are widened, and sums shrunk, by what that may round.

Frames are turned: (F, steps), a feature after the other; those of a query also run backwards.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from . import dtw_infix_lanes as lanes
from .dtw_kernels import ABSOLUTE, COSINE, INF

GAP, GAP_ABSOLUTE = 3, 4  # costs of a frame and a block, beside those of two frames
_TRIES = 16  # at promising blocks of a target
_WORTHWHILE = 0.7  # of the columns of a target: where more are left, all are swept at once
_SINGLE = float(lanes.SINGLE)  # what float32 may round, twice over
_PIECE = 8  # times as long as a query: stretches that are looked at side by side
_FAR = 1e12
_ROUNDING = 1e-9  # bounds are summed in another order than distances


class Turned(NamedTuple):
    """Targets, a feature after the other: `frames` (F, sum T) and where each begins; `low`, `high` (F, blocks), the
    least and greatest values of `block` frames of one target, and where the blocks of each begin; `floor`, `ceiling`:
    these times `scale` as float32, rounded outwards. `packed_floor`, `packed_ceiling`: those of one feature, stretches
    of each target side by side, and in `tiles` where it begins there; see dtw_infix_sections.py.
    """

    frames: DoubleArray
    offsets: IntArray
    low: DoubleArray
    high: DoubleArray
    floor: FloatArray
    ceiling: FloatArray
    scale: float
    starts: IntArray
    block: int
    tiles: IntArray
    packed_floor: FloatArray
    packed_ceiling: FloatArray


@kernel(parallel=True)
def blocks_kernel(
    frames: DoubleArray, offsets: IntArray, starts: IntArray, block: int, low: DoubleArray, high: DoubleArray
) -> None:
    """Fill `low` and `high` of all targets."""
    for row in numba.prange(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        for f in range(frames.shape[0]):
            for b in range(starts[row + 1] - starts[row]):
                least, most = INF, -INF
                for j in range(begin + b * block, min(end, begin + (b + 1) * block)):
                    least = min(least, frames[f, j])
                    most = max(most, frames[f, j])
                low[f, starts[row] + b], high[f, starts[row] + b] = least, most


@kernel()
def backwards(x: DoubleArray) -> DoubleArray:
    """The frames (m, F) of a query as (F, m), the last one first."""
    return np.ascontiguousarray(x[::-1].T)


@kernel(inline=True)
def coarse(local: int) -> int:
    """The cost of a frame and a block that is never above `local`, but for the factor of `scale_of`."""
    return GAP_ABSOLUTE if local == ABSOLUTE else GAP


@kernel(inline=True)
def scale_of(local: int) -> float:
    """1 - x.y is half the squared distance of unit frames, and more where one of them is all zeros."""
    return 0.5 if local == COSINE else 1.0


@kernel(inline=True)
def _gap(x: float, low: float, high: float, cost: int) -> float:
    over = max(x - high, low - x)
    over = over if over > 0.0 else 0.0
    return over if cost == GAP_ABSOLUTE else over * over


@kernel(inline=True)
def _costs(x: DoubleArray, y: DoubleArray, local: int, first: bool, found: DoubleArray) -> None:
    """Add (or put, of the first feature) what cells cost; all (cells,)."""
    if local == COSINE:
        for c in range(found.shape[0]):
            found[c] = (0.0 if first else found[c]) + x[c] * y[c]
    elif local == ABSOLUTE:
        for c in range(found.shape[0]):
            found[c] = (0.0 if first else found[c]) + abs(x[c] - y[c])
    else:
        for c in range(found.shape[0]):
            difference = x[c] - y[c]
            found[c] = (0.0 if first else found[c]) + difference * difference


@kernel(inline=True)
def _step(left: AnyArray, up: AnyArray, corner: AnyArray, here: AnyArray) -> None:
    """One anti-diagonal, added to the costs in `here`; all (cells,)."""
    for c in range(here.shape[0]):
        best = left[c] if left[c] < up[c] else up[c]
        best = corner[c] if corner[c] < best else best
        here[c] += best


@kernel(inline=True)
def _cells(
    x: DoubleArray,
    y: DoubleArray,
    local: int,
    left: DoubleArray,
    up: DoubleArray,
    corner: DoubleArray,
    here: DoubleArray,
) -> None:
    """One anti-diagonal of series of one feature, squared or absolute; all (cells,)."""
    if local == ABSOLUTE:
        for c in range(here.shape[0]):
            best = left[c] if left[c] < up[c] else up[c]
            best = corner[c] if corner[c] < best else best
            here[c] = best + abs(x[c] - y[c])
    else:
        for c in range(here.shape[0]):
            best = left[c] if left[c] < up[c] else up[c]
            best = corner[c] if corner[c] < best else best
            here[c] = best + (x[c] - y[c]) * (x[c] - y[c])


@kernel()
def sweep(x: DoubleArray, frames: DoubleArray, first: int, local: int, work: DoubleArray, ends: DoubleArray) -> None:
    """ends[j] = D[m - 1, first + j]: the least cost of a path that begins in column `first` or later and ends there.

    `x`: (F, m), from `backwards`; `frames`: (F, columns); `work`: (3, >= m + 1). Row i stands at place m - 1 - i, so
    that columns run alongside; place m is the row before the first, where every path is free to begin.
    """
    m, count, single = x.shape[1], ends.shape[0], x.shape[0] == 1 and local != COSINE
    work[:] = INF
    work[:, m] = 0.0
    old, last, now = work[0], work[1], work[2]
    for s in range(m + count - 1):
        begin, end = m - 1 - min(m - 1, s), m - max(0, s - count + 1)
        column = first + s - m + 1
        here = now[begin:end]
        left, up, corner = last[begin:end], last[begin + 1 : end + 1], old[begin + 1 : end + 1]
        if single:
            _cells(x[0, begin:end], frames[0, column + begin : column + end], local, left, up, corner, here)
        else:
            for f in range(x.shape[0]):
                _costs(x[f, begin:end], frames[f, column + begin : column + end], local, f == 0, here)
            if local == COSINE:  # of equal frames it may be rounded to less than nothing
                for c in range(here.shape[0]):
                    here[c] = max(0.0, 1.0 - here[c])
            _step(left, up, corner, here)
        if s >= m - 1:
            ends[s - m + 1] = now[0]
        old, last, now = last, now, old


@kernel(inline=True)
def _gaps(
    low: FloatArray, high: FloatArray, floor: FloatArray, ceiling: FloatArray, cost: int, first: bool, found: FloatArray
) -> None:
    """Add (or put, of the first feature) what frames from `low` to `high` are away from blocks; all (cells,)."""
    zero = np.float32(0.0)
    if cost == GAP_ABSOLUTE:
        for c in range(found.shape[0]):
            over = max(low[c] - ceiling[c], floor[c] - high[c])
            found[c] = (zero if first else found[c]) + (over if over > zero else zero)
    else:
        for c in range(found.shape[0]):
            over = max(low[c] - ceiling[c], floor[c] - high[c])
            over = over if over > zero else zero
            found[c] = (zero if first else found[c]) + over * over


@kernel(inline=True)
def _gap_cells(
    low: FloatArray,
    high: FloatArray,
    floor: FloatArray,
    ceiling: FloatArray,
    left: FloatArray,
    up: FloatArray,
    corner: FloatArray,
    here: FloatArray,
) -> None:
    """One anti-diagonal of frames and blocks of one feature, squared; all (cells,)."""
    zero = np.float32(0.0)
    for c in range(here.shape[0]):
        best = left[c] if left[c] < up[c] else up[c]
        best = corner[c] if corner[c] < best else best
        over = max(low[c] - ceiling[c], floor[c] - high[c])
        over = over if over > zero else zero
        here[c] = best + over * over


@kernel()
def _fill_bounds(low: FloatArray, high: FloatArray, targets: Turned, zero: int, cost: int, least: DoubleArray) -> None:
    """least[b] = the sums of the recursion, backwards frames from `low` to `high`, over the blocks from `zero` on."""
    features, m = low.shape
    count, single = least.shape[0], features == 1 and cost == GAP
    work = np.full((3, m + 1), INF, np.float32)
    work[:, m] = 0.0
    old, last, now = work[0], work[1], work[2]
    for s in range(m + count - 1):
        begin, end = m - 1 - min(m - 1, s), m - max(0, s - count + 1)
        column = zero + s - m + 1
        here = now[begin:end]
        left, up, corner = last[begin:end], last[begin + 1 : end + 1], old[begin + 1 : end + 1]
        if single:
            floor = targets.floor[0, column + begin : column + end]
            ceiling = targets.ceiling[0, column + begin : column + end]
            _gap_cells(low[0, begin:end], high[0, begin:end], floor, ceiling, left, up, corner, here)
        else:
            for f in range(features):
                floor = targets.floor[f, column + begin : column + end]
                ceiling = targets.ceiling[f, column + begin : column + end]
                _gaps(low[f, begin:end], high[f, begin:end], floor, ceiling, cost, f == 0, here)
            _step(left, up, corner, here)
        if s >= m - 1:
            least[s - m + 1] = now[0]
        old, last, now = last, now, old


@kernel()
def widened(x: DoubleArray, scale: float) -> tuple[FloatArray, FloatArray]:
    """(F, m) what the frames of a query are at least, and at most, when they are scaled."""
    low, high = np.empty(x.shape, np.float32), np.empty(x.shape, np.float32)
    for f in range(x.shape[0]):
        for p in range(x.shape[1]):
            # Far outside of all targets is far enough: nothing overflows, and no gap becomes wider.
            value = min(max(x[f, p] * scale, -_FAR), _FAR)
            low[f, p] = value - _SINGLE * abs(value)
            high[f, p] = value + _SINGLE * abs(value)
    return low, high


@kernel()
def bounds_of(x: DoubleArray, targets: Turned, row: int, local: int, least: DoubleArray) -> None:
    """least[b] = a lower bound of the distances of all parts that end in block b of a target: `sweep` over blocks."""
    features, m = x.shape
    count, cost, zero = least.shape[0], coarse(local), targets.starts[row]
    low, high = widened(x, targets.scale)
    longest = count
    if features == 1 and lanes.are_worthwhile(count, m, targets.block):
        longest = lanes.columns_of(count, m, targets.block)
        floor, ceiling = targets.floor[0, zero : zero + count], targets.ceiling[0, zero : zero + count]
        found = np.empty(count, np.float32)
        lanes.fill_bounds(low[0, ::-1].copy(), high[0, ::-1].copy(), floor, ceiling, targets.block, cost == GAP, found)
        least[:] = found
    else:
        _fill_bounds(low, high, targets, zero, cost, least)
    # No path has more cells than that, and each addition, and each cost, may be rounded up.
    shrunk = max(0.0, 1.0 - _SINGLE * (m + longest + features + 4))
    unit = targets.scale if cost == GAP_ABSOLUTE else targets.scale * targets.scale
    for b in range(count):
        least[b] *= shrunk * scale_of(local) / unit


@kernel()
def _earliest(x: DoubleArray, targets: Turned, run: tuple[int, int, int], cost: int, limit: float) -> int:
    """The earliest block in which a path of at most `limit` may begin that ends in blocks run[1]..run[2] and does not
    leave block run[0] behind; -1 where there is none.
    """
    m = x.shape[1]
    column = np.full(m, INF)  # from place p, row m - 1 - p, to the end
    found = -1
    for b in range(run[2], run[0] - 1, -1):
        alive = False
        after, after_before = INF, INF
        for p in range(m):
            best = min(after, column[p], after_before)
            if p == 0 and b >= run[1]:
                best = 0.0
            after_before = column[p]
            after = INF
            if best <= limit:
                after = best
                for f in range(x.shape[0]):
                    after += _gap(x[f, p], targets.low[f, b], targets.high[f, b], cost)
                if after <= limit:
                    alive = True
                else:
                    after = INF
            column[p] = after
        if column[m - 1] <= limit:
            found = b
        if not alive and b <= run[1]:
            break
    return found


@kernel()
def swept_run(
    x: DoubleArray, targets: Turned, row: int, local: int, first: int, last: int, most: float
) -> tuple[float, int]:
    """(distance, end) of the nearest part that ends in blocks first..last of a target, of equal ones the one that ends
    first; inf and 0 where none is at most at `most`."""
    start, stop, zero, block = targets.offsets[row], targets.offsets[row + 1], targets.starts[row], targets.block
    earliest = _earliest(x, targets, (zero, zero + first, zero + last), coarse(local), most / scale_of(local))
    if earliest < 0:
        return INF, 0
    begin, end = (earliest - zero) * block, min(stop - start, (last + 1) * block)
    ends = np.empty(end - begin)
    sweep(x, targets.frames, start + begin, local, np.empty((3, x.shape[1] + 1)), ends)
    at = int(np.argmin(ends))
    return ends[at], begin + at + 1


@kernel()
def _columns_left(least: DoubleArray, most: float, block: int, m: int) -> int:
    """About how many columns are looked at where the runs of blocks that are left are swept one by one."""
    runs, blocks, before = 0, 0, False
    for b in range(len(least)):
        here = least[b] <= most
        blocks += here
        runs += here and not before
        before = here
    return blocks * block + runs * 3 * m


@kernel()
def near_part(x: DoubleArray, targets: Turned, row: int, local: int, least: DoubleArray) -> tuple[float, int]:
    """(distance, end) of a part that ends in the most promising block, or just before, and is not much longer than the
    query: the nearest of all is no farther."""
    return _part_in(x, targets, row, local, int(np.argmin(least)))


@kernel()
def _part_in(x: DoubleArray, targets: Turned, row: int, local: int, b: int) -> tuple[float, int]:
    """(distance, end) of a part that ends in block b, or just before, and is not much longer than the query."""
    m, block = x.shape[1], targets.block
    start, stop = targets.offsets[row], targets.offsets[row + 1]
    begin, end = max(0, b - 1 - 2 * m // block) * block, min(stop - start, (b + 1) * block)
    ends = np.empty(end - begin)
    sweep(x, targets.frames, start + begin, local, np.empty((3, m + 1)), ends)
    at = int(np.argmin(ends))
    return ends[at], begin + at + 1


@kernel()
def _finer(x: DoubleArray, targets: Turned, row: int, local: int, least: DoubleArray, most: float) -> DoubleArray:
    """The bounds of blocks, of series of one feature, those of at most `most` again, frame by frame."""
    m, block = x.shape[1], targets.block
    start, stop = targets.offsets[row], targets.offsets[row + 1]
    pieces, held = np.empty((len(least), 2), np.int64), 0
    longest, b = max(1, _PIECE * m // block), 0
    while b < len(least):
        first = b
        while b < len(least) and least[b] <= most and b < first + longest:
            b += 1
        if b > first:
            pieces[held] = first, b
            held += 1
        else:
            b += 1
    pieces = pieces[:held]
    if held <= 1:
        return least
    low, high = widened(x, targets.scale)
    low, high = low[:, ::-1].copy(), high[:, ::-1].copy()
    better, unit = least.copy(), targets.scale if local == ABSOLUTE else targets.scale * targets.scale
    order = np.argsort(pieces[:, 0] - pieces[:, 1], kind="mergesort")
    for some in range(0, held, lanes.LANES):
        chosen = pieces[order[some : some + lanes.LANES]]
        begins, lengths = chosen[:, 0] * block, (chosen[:, 1] - chosen[:, 0]) * block
        found = np.empty((lanes.LANES, lengths.max()), np.float32)
        frames = targets.frames[0, start:stop]
        lanes.fill_frames(low[0], high[0], frames, targets.scale, begins, lengths, local != ABSOLUTE, found)
        shrunk = max(0.0, 1.0 - _SINGLE * (m + lengths.max() + lanes.before_of(m, 1) + 5)) / unit
        for piece in range(len(chosen)):
            for at in range(chosen[piece, 0], chosen[piece, 1]):
                place = (at - chosen[piece, 0]) * block
                bound = np.float64(found[piece, place : place + block].min()) * shrunk
                better[at] = max(better[at], bound)
    return better


@kernel()
def _promising(least: DoubleArray) -> IntArray:
    """The blocks with the least of those bounds that are below both neighbours', the least first: a few of them."""
    found, held = np.empty(_TRIES, np.int64), 0
    for b in range(len(least)):
        if held == _TRIES and least[b] >= least[found[held - 1]]:
            continue
        if (b > 0 and least[b - 1] < least[b]) or (b + 1 < len(least) and least[b + 1] <= least[b]):
            continue
        at = min(held, _TRIES - 1)
        held = at + 1
        while at > 0 and least[found[at - 1]] > least[b]:
            found[at] = found[at - 1]
            at -= 1
        found[at] = b
    return found[:held]


@kernel()
def nearest_part(
    x: DoubleArray, targets: Turned, row: int, local: int, least: DoubleArray, limit: float
) -> tuple[float, int]:
    """(distance, end) of the nearest part of a target, of equal ones the one that ends first; inf and 0 where none is
    within the limit. `least`: from `bounds_of`.
    """
    m, block = x.shape[1], targets.block
    start, stop = targets.offsets[row], targets.offsets[row + 1]
    most = limit * (1.0 + _ROUNDING)
    if least.min() > most:
        return INF, 0
    best, best_end = near_part(x, targets, row, local, least)
    if best <= limit:
        most = best * (1.0 + _ROUNDING)
    else:
        best, best_end = INF, 0
    if _columns_left(least, most, block, m) > (stop - start) * _WORTHWHILE:
        for b in _promising(least):  # the first one was not what it promised
            other, other_end = _part_in(x, targets, row, local, b)
            if other <= limit and other < best:
                best, best_end = other, other_end
                most = best * (1.0 + _ROUNDING)
                if _columns_left(least, most, block, m) <= (stop - start) * _WORTHWHILE:
                    break
    if x.shape[0] == 1 and local != COSINE:
        least = _finer(x, targets, row, local, least, most)
    near = np.flatnonzero(least <= most)
    count = len(least)
    left = np.zeros(count, np.bool_)
    left[near] = True
    if _columns_left(least, most, block, m) > (stop - start) * _WORTHWHILE:
        ends = np.empty(stop - start)
        sweep(x, targets.frames, start, local, np.empty((3, m + 1)), ends)
        at = int(np.argmin(ends))
        return (ends[at], at + 1) if ends[at] <= limit else (INF, 0)
    for b in near[np.argsort(least[near], kind="mergesort")]:
        if not left[b] or least[b] > most:
            continue
        first = last = b
        while first > 0 and left[first - 1] and least[first - 1] <= most:
            first -= 1
        while last + 1 < count and left[last + 1] and least[last + 1] <= most:
            last += 1
        left[first : last + 1] = False
        found, end = swept_run(x, targets, row, local, first, last, most)
        if found <= limit and (found < best or (found == best and end < best_end)):
            best, best_end = found, end
            most = best * (1.0 + _ROUNDING)
    return best, best_end


@kernel()
def begin_of(x: DoubleArray, targets: Turned, row: int, local: int, distance: float, end: int) -> int:
    """Where the shortest part begins that ends before frame `end` of a target and is at that distance: backwards from
    there, leaving out cells that no such path can cross.
    """
    m, start = x.shape[1], targets.offsets[row]
    limit = distance * (1.0 + _ROUNDING) + 1e-12
    column = np.full(m, INF)
    for j in range(end - 1, -1, -1):
        after, after_before = INF, INF
        for p in range(m):
            best = min(after, column[p], after_before)
            if p == 0 and j == end - 1:
                best = 0.0
            after_before = column[p]
            after = INF
            if best <= limit:
                after = best + _cell(x, p, targets.frames, start + j, local)
                after = after if after <= limit else INF
            column[p] = after
        if column[m - 1] <= limit:
            return j
    return 0


@kernel(inline=True)
def _cell(x: DoubleArray, p: int, frames: DoubleArray, j: int, local: int) -> float:
    """The cost of one cell, as `sweep` has it."""
    total = 0.0
    for f in range(x.shape[0]):
        if local == COSINE:
            total += x[f, p] * frames[f, j]
        elif local == ABSOLUTE:
            total += abs(x[f, p] - frames[f, j])
        else:
            total += (x[f, p] - frames[f, j]) * (x[f, p] - frames[f, j])
    return max(0.0, 1.0 - total) if local == COSINE else total
