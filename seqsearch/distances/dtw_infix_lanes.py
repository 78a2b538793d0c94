"""Bounds of a long target under the infix form of DTW, LANES stretches of it side by side, in float32.

Stretch l has the blocks l * S to (l + 1) * S - 1, and before them some more, where its recursion begins as if every row
had been reached for nothing: no path costs less, so that the bounds hold, and those of paths that cross no more blocks
than these are as good as without stretches. In one stretch the cells of an anti-diagonal would go side by side, which
are as many as a query has frames, and lie elsewhere each time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import DoubleArray, FloatArray, IntArray
from ..emitting import Emitter, Typed, emitted
from ..jit import kernel

LANES, TILE = 16, 8
_FLOAT = ir.FloatType()
_VEC = ir.VectorType(_FLOAT, LANES)
SINGLE = np.float32(1.2e-7)  # what float32 may round, twice over
AWAY = np.float32(1e15)  # where a stretch has no block: its square can be summed
DEAD = np.float32(1e30)  # the cost of what no path reaches
_BEFORE = 2  # times as many frames as a query has, before a stretch


def _swept(square: bool) -> Callable[..., None]:
    """TILE blocks of LANES stretches, some rows of a query."""

    @emitted
    def swept(
        state: Type, low: Type, high: Type, rows: object, floor: Type, ceiling: Type, edge: Type, least: Type
    ) -> Typed:
        """`state`, a vector a row: the last column before these, and then of these; `low`, `high`, (rows,): frames,
        widened; `floor`, `ceiling`: a vector a block; `edge`: the row before these, a vector a block and before them
        one of the block before, and then the last row of these; `least`, two vectors: the least of that row, and of
        the last column. All float32."""

        def emit(e: Emitter) -> None:
            b = e.b
            nothing = ir.Constant(_VEC, [0.0] * LANES)
            corner, *above = [e.variable(e.read(e.place(6, t * LANES), _VEC)) for t in range(TILE + 1)]
            alive = e.variable(ir.Constant(_VEC, [float(DEAD)] * LANES))
            floors = [e.read(e.place(4, t * LANES), _VEC) for t in range(TILE)]
            ceilings = [e.read(e.place(5, t * LANES), _VEC) for t in range(TILE)]

            def most(x: ir.Value, y: ir.Value) -> ir.Value:
                return b.select(b.fcmp_ordered(">", x, y), x, y)

            def least(x: ir.Value, y: ir.Value) -> ir.Value:
                return b.select(b.fcmp_ordered("<", x, y), x, y)

            with e.loop(e.number(0), e.args[3]) as row:
                least_of_frame = e.spread(b.load(e.place(1, row)), _VEC)
                most_of_frame = e.spread(b.load(e.place(2, row)), _VEC)
                here = e.place(0, b.mul(row, e.number(LANES)))
                left = e.read(here, _VEC)
                before, diagonal = left, b.load(corner)
                for t, place in enumerate(above):
                    over = most(b.fsub(least_of_frame, ceilings[t]), b.fsub(floors[t], most_of_frame))
                    over = most(over, nothing)
                    cost = b.fmul(over, over, flags=("contract",)) if square else over
                    up = b.load(place)
                    best = least(least(diagonal, up), left)
                    left = b.fadd(cost, best, flags=("contract",))
                    b.store(left, place)
                    diagonal = up
                e.write(left, here)
                b.store(before, corner)
                b.store(least(b.load(alive), left), alive)
            ends = [b.load(place) for place in above]
            for t, end in enumerate((b.load(corner), *ends)):
                e.write(end, e.place(6, t * LANES))
            e.write(functools.reduce(least, ends), e.place(7, 0))
            e.write(b.load(alive), e.place(7, LANES))

        return types.void(state, low, high, types.int64, floor, ceiling, edge, least), emit

    return swept


swept_squared = _swept(True)
swept_absolute = _swept(False)


@kernel(inline=True)
def before_of(m: int, block: int) -> int:
    """Blocks before a stretch, for queries of m frames."""
    return _BEFORE * m // block + 1


@kernel(inline=True)
def are_worthwhile(count: int, m: int, block: int) -> bool:
    """Whether stretches of so many blocks, all in all, are longer than what comes before them."""
    return count >= LANES * before_of(m, block)


@kernel(inline=True)
def columns_of(count: int, m: int, block: int) -> int:
    """Blocks that one stretch is swept over."""
    return before_of(m, block) + (count + LANES - 1) // LANES


@kernel()
def fill_bounds(
    low: FloatArray,
    high: FloatArray,
    floor: FloatArray,
    ceiling: FloatArray,
    block: int,
    square: bool,
    least: FloatArray,
) -> None:
    """least[b] = a lower bound of the cost of all paths through the rows that end in block b: float32 sums.

    `low`, `high`, (m,): the frames of a query in order, widened; `floor`, `ceiling`, (blocks,): of a target; `least`,
    (blocks,).
    """
    m, count = len(low), len(floor)
    before = before_of(m, block)
    length = (count + LANES - 1) // LANES
    state = np.zeros(m * LANES, np.float32)
    floors, ceilings, (edge, summary) = tile(), tile(), edge_of()
    for first in range(-before, length, TILE):
        for lane in range(LANES):
            start = lane * length + first
            for t in range(TILE):
                if 0 <= start + t < count:
                    floors[t * LANES + lane], ceilings[t * LANES + lane] = floor[start + t], ceiling[start + t]
                else:
                    floors[t * LANES + lane], ceilings[t * LANES + lane] = AWAY, AWAY
        edge[:] = 0.0
        if square:
            swept_squared(state, low, high, m, floors, ceilings, edge, summary)
        else:
            swept_absolute(state, low, high, m, floors, ceilings, edge, summary)
        for lane in range(LANES):
            start = lane * length + first
            for t in range(max(0, -first), min(TILE, length - first)):
                if start + t < count:
                    least[start + t] = edge[(t + 1) * LANES + lane]


@kernel(inline=True)
def tile() -> FloatArray:
    """Room for a number of each block of each stretch."""
    return np.empty(TILE * LANES, np.float32)


@kernel(inline=True)
def edge_of() -> tuple[FloatArray, FloatArray]:
    """Room for what is swept from row to row, and for the least of it."""
    return np.empty((TILE + 1) * LANES, np.float32), np.empty(2 * LANES, np.float32)


@kernel()
def fill_frames(
    low: FloatArray,
    high: FloatArray,
    frames: DoubleArray,
    scale: float,
    begins: IntArray,
    lengths: IntArray,
    square: bool,
    least: FloatArray,
) -> None:
    """As `fill_bounds`, frame by frame, of at most LANES stretches of a target that begin anywhere: least[l, j] of the
    paths that end in frame begins[l] + j; (LANES, lengths.max()). `frames`, (T,), times `scale` are compared."""
    m, count, length = len(low), len(frames), lengths.max()
    state = np.zeros(m * LANES, np.float32)
    floors, ceilings, (edge, summary) = tile(), tile(), edge_of()
    for first in range(-before_of(m, 1), length, TILE):
        for lane in range(LANES):
            start = begins[lane] + first if lane < len(begins) else count
            for t in range(TILE):
                at = t * LANES + lane
                if 0 <= start + t < count:
                    value = np.float32(frames[start + t] * scale)
                    floors[at], ceilings[at] = value - SINGLE * abs(value), value + SINGLE * abs(value)
                else:
                    floors[at], ceilings[at] = AWAY, AWAY
        edge[:] = 0.0
        if square:
            swept_squared(state, low, high, m, floors, ceilings, edge, summary)
        else:
            swept_absolute(state, low, high, m, floors, ceilings, edge, summary)
        for lane in range(len(begins)):
            for t in range(max(0, -first), min(TILE, lengths[lane] - first)):
                least[lane, first + t] = edge[(t + 1) * LANES + lane]
