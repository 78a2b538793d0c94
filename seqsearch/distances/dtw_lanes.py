"""DTW of LANES pairs side by side, each a lane of vector registers: series of one feature, of the same two lengths.

The cells are those of `dtw_kernels.pruned`, with the same additions in float64, so that the sums are the same to the
last bit. They go row by row; what every pair is above its cutoff in is left out, as there (EAPrunedDTW).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import DoubleArray
from ..emitting import Emitter, Typed, emitted
from ..jit import kernel
from .dtw_kernels import COSINE, INF, SQUARED, Form, reach

LANES = 8
FEWEST = 3
"""Pairs below which they are faster one after the other."""
_AHEAD = 8  # columns that are looked at together where nothing is known from the row above
_VEC = ir.VectorType(ir.DoubleType(), LANES)


class Lanes(NamedTuple):
    """Pairs side by side: `x`, `y`, frames of both, one of each lane after the other; `cutoffs`, and the sums `found`,
    (LANES,); `state`: scratch, of LANES more places than `y`."""

    x: DoubleArray
    y: DoubleArray
    cutoffs: DoubleArray
    found: DoubleArray
    state: DoubleArray


def _row(square: bool) -> Callable[..., None]:
    """A part of a row of LANES recursions."""

    @emitted
    def row(state: Type, x: Type, y: Type, at: object, first: object, last: object, goes_on: object) -> Typed:
        """`state`, a vector a place: cell j of the row above at place j + 1, and then of this row, which is that of
        frame `at`; its columns `first` to `last` - 1. `goes_on`: what comes before them in this row was done already,
        and nothing leads on from the row above; otherwise nothing comes before them."""

        def emit(e: Emitter) -> None:
            b = e.b
            lanes = e.number(LANES)
            most, zero = (ir.Constant(_VEC, [value] * LANES) for value in (float("inf"), 0.0))

            def lesser(one: ir.Value, other: ir.Value) -> ir.Value:
                return b.select(b.fcmp_ordered("<", one, other), one, other)

            before = e.read(e.place(0, b.mul(e.args[4], lanes)), _VEC)
            left, diagonal = (e.variable(b.select(e.args[6], *pair)) for pair in ((before, most), (most, before)))
            frame = e.read(e.place(1, b.mul(e.args[3], lanes)), _VEC)
            with e.loop(e.args[4], e.args[5]) as column:
                place = b.mul(column, lanes)
                here = e.place(0, b.add(place, lanes))
                up = e.read(here, _VEC)
                cost = b.fsub(frame, e.read(e.place(2, place), _VEC))
                if square:
                    cost = b.fmul(cost, cost)
                else:
                    cost = b.select(b.fcmp_ordered("<", cost, zero), b.fsub(zero, cost), cost)
                found = b.fadd(lesser(lesser(b.load(diagonal), up), b.load(left)), cost)
                e.write(found, here)
                b.store(found, left)
                b.store(up, diagonal)

        return types.void(state, x, y, types.int64, types.int64, types.int64, types.boolean), emit

    return row


_row_squared, _row_absolute = _row(True), _row(False)


@kernel(inline=True)
def are_possible(features: int, form: Form) -> bool:
    """Whether series of so many features can go side by side."""
    return features == 1 and form.local != COSINE and form.slope < 1.0


@kernel()
def lanes_for(longest: int) -> Lanes:
    """Room for series of up to `longest` steps."""
    size = longest * LANES
    return Lanes(np.empty(size), np.empty(size), np.full(LANES, INF), np.empty(LANES), np.empty(size + LANES))


@kernel(inline=True)
def lay(series: DoubleArray, lane: int, frames: DoubleArray) -> None:
    """Put a series, (T, 1), into a lane of `Lanes.x` or `Lanes.y`."""
    for t in range(series.shape[0]):
        frames[t * LANES + lane] = series[t, 0]


@kernel(inline=True)
def _is_alive(lanes: Lanes, column: int) -> bool:
    """Whether the cell of any pair in a column is within its cutoff."""
    alive = False
    for lane in range(LANES):
        alive |= lanes.state[(column + 1) * LANES + lane] <= lanes.cutoffs[lane]
    return alive


@kernel(inline=True)
def _advance(lanes: Lanes, at: int, first: int, last: int, goes_on: bool, local: int) -> None:
    """`_row` by the local cost."""
    if local == SQUARED:
        _row_squared(lanes.state, lanes.x, lanes.y, at, first, last, goes_on)
    else:
        _row_absolute(lanes.state, lanes.x, lanes.y, at, first, last, goes_on)


@kernel()
def side_by_side(lanes: Lanes, m: int, n: int, form: Form) -> None:
    """Fill `lanes.found`: the DTW sum of each pair, of m and n frames, inf where it is above its cutoff.

    A cell that is above the cutoff of every pair may keep what an earlier row left there, which was above it, too.
    """
    state, found = lanes.state, lanes.found
    before, after = reach(m, n, form.window)
    state[: (n + 1) * LANES] = INF
    state[:LANES] = 0.0
    start, dead = 0, 0
    for i in range(m):
        first, last = max(start, i - before), min(n, i + after + 1)
        stop = min(last, dead + 1)
        if first >= stop:
            found[:] = INF
            return
        _advance(lanes, i, first, stop, False, form.local)
        while stop < last and _is_alive(lanes, stop - 1):
            more = min(last, stop + _AHEAD)
            _advance(lanes, i, stop, more, True, form.local)
            stop = more
        if i == 0:
            state[:LANES] = INF
        start, dead = first, stop
        while dead > start and not _is_alive(lanes, dead - 1):
            dead -= 1
        while start < dead and not _is_alive(lanes, start):
            start += 1
        if start == dead:
            found[:] = INF
            return
    for lane in range(LANES):
        total = state[n * LANES + lane] if dead == n else INF
        found[lane] = total if total <= lanes.cutoffs[lane] else INF
