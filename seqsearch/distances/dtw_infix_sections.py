"""The nearest part of a long target under the infix form of DTW, from a section of the query.

A path of the whole query holds one of any section of its rows, which costs no more. So the section is followed through
the blocks of a target first, LANES stretches side by side, for a quarter of the cells; it is the one whose frames are
farthest from what targets hold, such as the spike of a beat. Where it ends within the limit - runs of tiles, TILE
blocks each - the whole query is followed, LANES runs side by side: from as far before as paths may begin, over the run,
and on for as long as anything is within the limit; rows where nothing is are left out (as EAPruned leaves out cells:
Herrmann and Webb 2021). First by blocks, then frame by frame where many are left; what then is left is swept.

Every part within the limit is met so: its section ends in a tile whose bound is within it, and the cells of its path
are bounded by sums that are no greater. Where there are so many runs that all columns are cheaper, all are looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import BoolArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from . import dtw_infix_kernels as parts
from . import dtw_infix_lanes as lanes
from .dtw_infix_kernels import Turned
from .dtw_infix_lanes import AWAY, DEAD, LANES, TILE
from .dtw_kernels import ABSOLUTE, COSINE, INF

_ROWS, _SHARE = 16, 4  # rows that are swept before it is asked whether any is alive; a section is this part of a query
_LEAST = 48  # frames of a query that has a section
_SAMPLE = 256  # blocks of the targets, to see what is rare
_LONGEST = 4  # tiles of a run
_ALONG = 12  # times as long as a query: how far a run is followed
_ROUNDING, _SINGLE = 1e-9, float(lanes.SINGLE)
_MOST = 1e13  # sums of scaled costs that float32 holds beside AWAY
_FEW = 2  # runs that are swept outright
_MANY = 64  # runs before which others are tried
_GATHERED = 2  # times as much as a stretch costs a run of the same columns


class Section(NamedTuple):
    """`low`, `high`, (m,): the frames of a query in order, widened; rows `first` to `last` - 1 are the section."""

    low: FloatArray
    high: FloatArray
    first: int
    last: int


class Runs(NamedTuple):
    """At most LANES runs of blocks or frames of one target, `begins` to `ends` - 1, (LANES,), in which a section ends;
    `firsts`, `lasts`: where whole paths end (-1: none does), of which the least costs `least`."""

    begins: IntArray
    ends: IntArray
    firsts: IntArray
    lasts: IntArray
    least: FloatArray


class Room(NamedTuple):
    """What a query is followed in: `state`, a vector a row; which chunks of rows are alive; see `dtw_infix_lanes`."""

    state: FloatArray
    live: BoolArray
    floors: FloatArray
    ceilings: FloatArray
    edge: FloatArray
    summary: FloatArray


@kernel()
def pack_kernel(blocks: FloatArray, starts: IntArray, tiles: IntArray, packed: FloatArray) -> None:
    """Fill `packed`: the stretches of each target side by side, a vector a block, AWAY behind the last one."""
    packed[:] = AWAY
    if len(packed) == 0:
        return
    for row in range(len(starts) - 1):
        zero, length = tiles[row] * TILE * LANES, (tiles[row + 1] - tiles[row]) * TILE
        for b in range(starts[row + 1] - starts[row]):
            packed[zero + b % length * LANES + b // length] = blocks[starts[row] + b]


@kernel(inline=True)
def may_be(features: int, m: int, local: int) -> bool:
    """Whether queries of m frames have sections."""
    return features == 1 and local != COSINE and m >= _LEAST


@kernel(inline=True)
def are_worthwhile(x: DoubleArray, targets: Turned, row: int, local: int) -> bool:
    """Whether a query (F, m) is looked for in a target by a section."""
    features, m = x.shape
    if not may_be(features, m, local):
        return False
    return lanes.are_worthwhile(targets.starts[row + 1] - targets.starts[row], m, targets.block)


@kernel(inline=True)
def _rows(m: int) -> int:
    return max(_ROWS, m // _SHARE // _ROWS * _ROWS)


@kernel()
def section_from(x: DoubleArray, targets: Turned, first: int) -> Section:
    """The section of a query, (1, m) backwards, that begins in some row."""
    low, high = parts.widened(x, targets.scale)
    return Section(low[0, ::-1].copy(), high[0, ::-1].copy(), first, first + _rows(x.shape[1]))


@kernel()
def section_of(x: DoubleArray, targets: Turned) -> Section:
    """The section of a query, (1, m) backwards, whose frames are farthest from some blocks of all targets."""
    low, high, _, rows = section_from(x, targets, 0)
    m, blocks = len(low), targets.floor.shape[1]
    apart = np.zeros(m)
    for b in range(0, blocks, max(1, blocks // _SAMPLE)):
        floor, ceiling = targets.floor[0, b], targets.ceiling[0, b]
        for i in range(m):
            apart[i] += max(low[i] - ceiling, floor - high[i], np.float32(0.0))
    best, first, total = -1.0, 0, 0.0
    for i in range(m):
        total += apart[i] - (apart[i - rows] if i >= rows else 0.0)
        if i >= rows - 1 and total > best:
            best, first = total, i - rows + 1
    return Section(low, high, first, first + rows)


@kernel(inline=True)
def _before(asked: Section, width: int) -> int:
    """Blocks of some width from which the rows up to the end of the section are followed, before where it may end."""
    return (lanes.before_of(asked.last, width) + TILE - 1) // TILE * TILE


@kernel(inline=True)
def _before_tiles(asked: Section, targets: Turned, row: int) -> int:
    longest = (targets.tiles[row + 1] - targets.tiles[row] - 1) * TILE
    before = lanes.before_of(asked.last - asked.first, targets.block)
    return int(min(longest, (before + TILE - 1) // TILE * TILE))


@kernel()
def fill_tiles(asked: Section, targets: Turned, row: int, local: int, least: FloatArray) -> None:
    """least[t * LANES + l] = the least sum of a path of the section that ends in tile t of stretch l: float32, not
    shrunk by what that may round."""
    low, high = asked.low[asked.first : asked.last], asked.high[asked.first : asked.last]
    begin, end = targets.tiles[row] * TILE * LANES, targets.tiles[row + 1] * TILE * LANES
    floor, ceiling = targets.packed_floor[begin:end], targets.packed_ceiling[begin:end]
    state, (edge, summary) = np.zeros(len(low) * LANES, np.float32), lanes.edge_of()
    for first in range(-_before_tiles(asked, targets, row), len(floor) // LANES, TILE):
        # Before a stretch is the end of the one a lane further left. What the first one finds there is of its own
        # target, so that more paths are bounded than there are.
        at = first * LANES if first >= 0 else len(floor) + first * LANES - 1
        edge[:] = 0.0
        here = slice(at, at + TILE * LANES)
        if local == ABSOLUTE:
            lanes.swept_absolute(state, low, high, len(low), floor[here], ceiling[here], edge, summary)
        else:
            lanes.swept_squared(state, low, high, len(low), floor[here], ceiling[here], edge, summary)
        if first >= 0:
            least[first // TILE * LANES : (first // TILE + 1) * LANES] = summary[:LANES]


@kernel(inline=True)
def _unit(targets: Turned, local: int) -> float:
    return targets.scale if local == ABSOLUTE else targets.scale * targets.scale


@kernel(inline=True)
def _cells_of_tiles(asked: Section, targets: Turned, row: int) -> int:
    """At most so many cells are on a path that `fill_tiles` bounds."""
    columns = _before_tiles(asked, targets, row) + (targets.tiles[row + 1] - targets.tiles[row]) * TILE
    return int(columns + asked.last - asked.first)


@kernel()
def least_of(asked: Section, targets: Turned, row: int, local: int, tiles: FloatArray) -> float:
    """A lower bound of the distance of all parts of a target; `tiles`: from `fill_tiles`."""
    shrunk = max(0.0, 1.0 - _SINGLE * (_cells_of_tiles(asked, targets, row) + 5))
    return np.float64(tiles.min()) * shrunk / _unit(targets, local)


@kernel()
def _single(most: float, cells: int) -> np.float32:
    """What sums of so many cells are at most, in float32, where they are at most `most`."""
    shrunk = 1.0 - _SINGLE * (cells + 8)
    if shrunk < 0.5 or not most < _MOST:
        return np.float32(np.inf)
    return np.float32(most / shrunk * (1.0 + 4.0 * _SINGLE))


@kernel(inline=True)
def _first_block(targets: Turned, row: int, tile: int) -> int:
    """Where a tile, an index into `least` of `fill_tiles`, begins."""
    return int(tile % LANES * (targets.tiles[row + 1] - targets.tiles[row]) + tile // LANES) * TILE


@kernel()
def near_part(x: DoubleArray, asked: Section, targets: Turned, row: int, local: int, tile: int) -> tuple[float, int]:
    """(distance, end) of a part whose section ends about a tile: the nearest of all is no farther."""
    m, block = x.shape[1], targets.block
    start, stop = targets.offsets[row], targets.offsets[row + 1]
    b = _first_block(targets, row, tile)
    begin = max(0, (b - 1) * block - 2 * asked.last)
    end = min(stop - start, (b + TILE) * block + 2 * (m - asked.last))
    ends = np.empty(end - begin)
    parts.sweep(x, targets.frames, start + begin, local, np.empty((3, m + 1)), ends)
    at = int(np.argmin(ends))
    return ends[at], begin + at + 1


@kernel()
def _gather(targets: Turned, row: int, by_frame: bool, runs: Runs, held: int, first: int, room: Room) -> None:
    """The blocks or frames from `first` after the begin of each run."""
    zero, count = targets.starts[row], targets.starts[row + 1] - targets.starts[row]
    if by_frame:
        zero, count = targets.offsets[row], targets.offsets[row + 1] - targets.offsets[row]
    floor, ceiling, frames = targets.floor[0, zero:], targets.ceiling[0, zero:], targets.frames[0, zero:]
    room.floors[:] = AWAY
    room.ceilings[:] = AWAY
    room.edge[:] = DEAD
    for lane in range(held):
        start = runs.begins[lane] + first
        for t in range(max(0, -start), min(TILE, count - start)):
            at = t * LANES + lane
            if by_frame:
                value = np.float32(frames[start + t] * targets.scale)
                room.floors[at] = value - lanes.SINGLE * abs(value)
                room.ceilings[at] = value + lanes.SINGLE * abs(value)
            else:
                room.floors[at], room.ceilings[at] = floor[start + t], ceiling[start + t]
        for t in range(min(TILE, runs.ends[lane] - start)):
            room.edge[(t + 1) * LANES + lane] = 0.0


@kernel(inline=True)
def _any(values: FloatArray, limit: np.float32) -> bool:
    found = False
    for lane in range(LANES):
        found |= values[lane] <= limit
    return found


@kernel(inline=True)
def _along(m: int, width: int) -> int:
    return _ALONG * m // width + 64


@kernel()
def _swept(
    asked: Section, local: int, floors: FloatArray, ceilings: FloatArray, reached: bool, limit: np.float32, room: Room
) -> tuple[bool, int]:
    """All rows through some blocks but for chunks of them that nothing within the limit reaches, from `room.edge` to
    the last row there; (whether that is reached, how many chunks are not left out)."""
    m, work = len(asked.low), 0
    for chunk in range(len(room.live)):
        if not reached and not room.live[chunk]:
            continue  # all of the edge is above the limit, and so is what the next chunk makes of it
        work += 1
        begin, end = chunk * _ROWS, min(m, (chunk + 1) * _ROWS)
        state, low, high = room.state[begin * LANES : end * LANES], asked.low[begin:end], asked.high[begin:end]
        if local == ABSOLUTE:
            lanes.swept_absolute(state, low, high, end - begin, floors, ceilings, room.edge, room.summary)
        else:
            lanes.swept_squared(state, low, high, end - begin, floors, ceilings, room.edge, room.summary)
        reached = _any(room.summary, limit) or _any(room.edge, limit)
        room.live[chunk] = _any(room.summary[LANES:], limit)
    return reached, work


@kernel()
def followed(
    asked: Section,
    targets: Turned,
    row: int,
    local: int,
    by_frame: bool,
    runs: Runs,
    held: int,
    most: float,
    room: Room,
) -> tuple[int, bool]:
    """Where whole paths end, of at most `most` (scaled), whose section ends in the runs. (work, whether all were
    followed to their ends); the work is chunks of rows that were swept.

    State before the first column: every row up to the end of the section has been reached for nothing, none behind it.
    """
    m, width = len(asked.low), 1 if by_frame else targets.block
    before, longest, work = _before(asked, width), 0, 0
    for lane in range(held):
        longest = max(longest, runs.ends[lane] - runs.begins[lane])
        runs.firsts[lane], runs.lasts[lane], runs.least[lane] = -1, -1, DEAD
    limit = _single(most, before + longest + _along(m, width) + m)
    room.state[: asked.last * LANES] = 0.0
    room.state[asked.last * LANES :] = DEAD
    for chunk in range(len(room.live)):
        room.live[chunk] = chunk * _ROWS < asked.last
    for first in range(-before, longest + _along(m, width), TILE):
        _gather(targets, row, by_frame, runs, held, first, room)
        reached, swept = _swept(asked, local, room.floors, room.ceilings, first < longest, limit, room)
        work += swept
        if reached:
            for lane in range(held):
                for t in range(TILE):
                    cost = room.edge[(t + 1) * LANES + lane]
                    if cost <= limit:
                        runs.lasts[lane] = runs.begins[lane] + first + t
                        if runs.firsts[lane] < 0:
                            runs.firsts[lane] = runs.lasts[lane]
                        runs.least[lane] = min(runs.least[lane], cost)
        if first + TILE >= longest and not room.live.any():
            return work, True
    return work, False


@kernel()
def _runs_of(tiles: FloatArray, limit: np.float32) -> tuple[IntArray, FloatArray]:
    """(R, 2) runs of tiles within the limit, the first and how many, in the order of stretches, and their least."""
    stretch, held = len(tiles) // LANES, 0
    count = 0
    for t in range(len(tiles)):
        count += tiles[t] <= limit
    found, least = np.empty((count, 2), np.int64), np.empty(count, np.float32)
    for lane in range(LANES if count else 0):
        for t in range(stretch):
            tile = t * LANES + lane
            if not tiles[tile] <= limit:
                continue
            if held and t and found[held - 1, 0] + LANES * found[held - 1, 1] == tile and found[held - 1, 1] < _LONGEST:
                found[held - 1, 1] += 1
                least[held - 1] = min(least[held - 1], tiles[tile])
            else:
                found[held, 0], found[held, 1], least[held] = tile, 1, tiles[tile]
                held += 1
    return found[:held], least[:held]


@kernel()
def _room_for(m: int) -> Room:
    edge, summary = lanes.edge_of()
    return Room(
        np.empty(m * LANES, np.float32),
        np.empty((m + _ROWS - 1) // _ROWS, np.bool_),
        lanes.tile(),
        lanes.tile(),
        edge,
        summary,
    )


@kernel()
def _no_runs() -> Runs:
    return Runs(
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.float32),
    )


@kernel()
def fill_within(
    asked: Section, targets: Turned, row: int, local: int, most: float, room: Room, least: DoubleArray
) -> None:
    """least[b] = a lower bound of the distances of all parts that end in block b of a target, where it is at most
    `most`, else inf: the whole query through all blocks, chunks of rows where nothing is within it left out."""
    m, unit = len(asked.low), _unit(targets, local)
    zero, length = targets.tiles[row] * TILE * LANES, (targets.tiles[row + 1] - targets.tiles[row]) * TILE
    floor = targets.packed_floor[zero : zero + length * LANES]
    ceiling = targets.packed_ceiling[zero : zero + length * LANES]
    before = min(length - TILE, (lanes.before_of(m, targets.block) + TILE - 1) // TILE * TILE)
    cells = length + before + m
    limit, shrunk = _single(most * unit, cells), max(0.0, 1.0 - _SINGLE * (cells + 5)) / unit
    least[:] = INF
    room.state[:] = 0.0
    room.live[:] = True
    for first in range(-before, length, TILE):
        at = first * LANES if first >= 0 else len(floor) + first * LANES - 1  # as in `fill_tiles`
        room.edge[:] = 0.0
        reached, _ = _swept(
            asked, local, floor[at : at + TILE * LANES], ceiling[at : at + TILE * LANES], True, limit, room
        )
        for t in range(TILE if reached and first >= 0 else 0):
            for lane in range(LANES):
                b = lane * length + first + t
                if b < len(least) and room.edge[(t + 1) * LANES + lane] <= limit:
                    least[b] = room.edge[(t + 1) * LANES + lane] * shrunk


@kernel()
def nearest_by_all(
    x: DoubleArray, asked: Section, targets: Turned, row: int, local: int, limit: float
) -> tuple[float, int]:
    """As `nearest_part`, by bounds of all blocks."""
    least = np.empty(targets.starts[row + 1] - targets.starts[row])
    fill_within(asked, targets, row, local, limit * (1.0 + _ROUNDING), _room_for(x.shape[1]), least)
    return parts.nearest_part(x, targets, row, local, least, limit)


@kernel()
def _dense(found: int, asked: Section, targets: Turned, row: int) -> bool:
    """Whether so many runs are more than a look at all columns."""
    columns = _before(asked, targets.block) + 2 * TILE + 2 * (len(asked.low) - asked.last) // targets.block
    stretch = (targets.tiles[row + 1] - targets.tiles[row]) * TILE
    return bool((found + LANES - 1) // LANES * columns * _GATHERED > stretch)


@kernel(inline=True)
def _held_by(runs: Runs, held: int, fine: Runs, block: int) -> int:
    """The runs in which a path ends, as those of frames."""
    left = 0
    for lane in range(held):
        if runs.firsts[lane] >= 0:
            fine.begins[left], fine.ends[left] = runs.begins[lane] * block, runs.ends[lane] * block
            left += 1
    return left


@kernel()
def nearest_part(
    x: DoubleArray, asked: Section, targets: Turned, row: int, local: int, tiles: FloatArray, limit: float, whole: bool
) -> tuple[float, int]:
    """(distance, end) of the nearest part of a target, of equal ones the one that ends first; inf and 0 where none is
    within the limit. `x`: (1, m) backwards; `tiles`: from `fill_tiles`. Unless `whole`: some near part, and that only
    where it takes long to find the nearest.
    """
    block, unit, cells = targets.block, _unit(targets, local), _cells_of_tiles(asked, targets, row)
    most = limit * (1.0 + _ROUNDING)
    if least_of(asked, targets, row, local, tiles) > most:
        return INF, 0
    best, best_end = INF, 0
    found, least = _runs_of(tiles, _single(most * unit, cells))
    if not whole and len(found) < _MANY:
        return best, best_end
    if len(found) >= _MANY:
        other, end = near_part(x, asked, targets, row, local, int(np.argmin(tiles)))
        if other <= limit:
            best, best_end, most = other, end, other * (1.0 + _ROUNDING)
            found, least = _runs_of(tiles, _single(most * unit, cells))
    if not most * unit < _MOST:
        return nearest_by_all(x, asked, targets, row, local, min(limit, best))
    order = np.argsort(least, kind="mergesort")
    least, left = least[order], len(order)
    if not whole and _dense(left, asked, targets, row):
        return best, best_end
    room, runs, fine = _room_for(x.shape[1]), _no_runs(), _no_runs()
    allowed = (targets.tiles[row + 1] - targets.tiles[row]) * len(room.live) // _GATHERED
    at = 0
    while at < left:
        if allowed < 0 or _dense(left - at, asked, targets, row):
            return nearest_by_all(x, asked, targets, row, local, min(limit, best))
        held = min(LANES, left - at)
        for lane in range(held):
            tile, count = found[order[at + lane]]
            runs.begins[lane] = _first_block(targets, row, tile)
            runs.ends[lane] = runs.begins[lane] + count * TILE
        at += held
        work, proved = followed(asked, targets, row, local, False, runs, held, most * unit, room)
        allowed -= work
        some = _held_by(runs, held, fine, block)
        if proved and some > _FEW and block > 1:
            work, proved = followed(asked, targets, row, local, True, fine, some, most * unit, room)
            allowed -= work
            held = some
            for lane in range(held):
                runs.least[lane], runs.firsts[lane] = fine.least[lane], fine.firsts[lane]
                if fine.firsts[lane] >= 0:
                    runs.firsts[lane], runs.lasts[lane] = fine.firsts[lane] // block, fine.lasts[lane] // block
        for lane in np.argsort(runs.least[:held], kind="mergesort"):
            if runs.firsts[lane] < 0 or runs.least[lane] > _single(most * unit, 3 * _along(x.shape[1], 1)):
                continue
            other, end = parts.swept_run(x, targets, row, local, runs.firsts[lane], runs.lasts[lane], most)
            if other <= limit and (other < best or (other == best and end < best_end)):
                best, best_end = other, end
                most = best * (1.0 + _ROUNDING)
        if not whole:
            return best, best_end
        if not proved:
            return nearest_by_all(x, asked, targets, row, local, min(limit, best))
        left = int(np.searchsorted(least, _single(most * unit, cells), side="right"))
    return best, best_end
