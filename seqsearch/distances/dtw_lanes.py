"""DTW of LANES pairs side by side, each a lane of vector registers: series of the same two lengths.

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
    """Pairs side by side: `x`, `y`, the numbers of their frames, one of each lane after the other; `cutoffs`, and the
    sums `found`, (LANES,); `state`: scratch, of LANES more places than frames in `y`."""

    x: DoubleArray
    y: DoubleArray
    cutoffs: DoubleArray
    found: DoubleArray
    state: DoubleArray


def _row(square: bool, several: bool) -> Callable[..., None]:
    """A part of a row of LANES recursions, of frames of `several` numbers or one."""

    @emitted
    def row(
        state: Type, x: Type, y: Type, at: object, first: object, last: object, goes_on: object, features: object
    ) -> Typed:
        """`state`, a vector a place: cell j of the row above at place j + 1, and then of this row, which is that of
        frame `at`; its columns `first` to `last` - 1. `goes_on`: what comes before them in this row was done already,
        and nothing leads on from the row above; otherwise nothing comes before them. `features`: numbers of a frame."""

        def emit(e: Emitter) -> None:
            b = e.b
            lanes = e.number(LANES)
            most, zero = (ir.Constant(_VEC, [value] * LANES) for value in (float("inf"), 0.0))

            def lesser(one: ir.Value, other: ir.Value) -> ir.Value:
                return b.select(b.fcmp_ordered("<", one, other), one, other)

            before = e.read(e.place(0, b.mul(e.args[4], lanes)), _VEC)
            left, diagonal = (e.variable(b.select(e.args[6], *pair)) for pair in ((before, most), (most, before)))
            width = b.mul(e.args[7], lanes) if several else lanes
            own = e.place(1, b.mul(e.args[3], width))
            frame = e.read(own, _VEC)

            def distance(one: ir.Value, other: ir.Value) -> ir.Value:
                gap = b.fsub(one, other)
                if square:
                    return b.fmul(gap, gap)
                return b.select(b.fcmp_ordered("<", gap, zero), b.fsub(zero, gap), gap)

            def cost_of(column: ir.Value) -> ir.Value:
                theirs = e.place(2, b.mul(column, width))
                if not several:
                    return distance(frame, e.read(theirs, _VEC))
                b.store(zero, total)
                with e.loop(e.number(0), e.args[7]) as feature:
                    step = b.mul(feature, lanes)
                    more = distance(e.read(e.step(own, step), _VEC), e.read(e.step(theirs, step), _VEC))
                    b.store(b.fadd(b.load(total), more), total)
                return b.load(total)

            total = e.variable(zero)
            with e.loop(e.args[4], e.args[5]) as column:
                cost = cost_of(column)
                here = e.place(0, b.mul(b.add(column, e.number(1)), lanes))
                up = e.read(here, _VEC)
                found = b.fadd(lesser(lesser(b.load(diagonal), up), b.load(left)), cost)
                e.write(found, here)
                b.store(found, left)
                b.store(up, diagonal)

        whole = types.int64
        return types.void(state, x, y, whole, whole, whole, types.boolean, whole), emit

    return row


_row_squared, _row_absolute = _row(True, False), _row(False, False)
_row_squared_of_several, _row_absolute_of_several = _row(True, True), _row(False, True)


@kernel(inline=True)
def are_possible(form: Form) -> bool:
    """Whether pairs can go side by side."""
    return form.local != COSINE and form.slope < 1.0


@kernel()
def lanes_for(longest: int, features: int) -> Lanes:
    """Room for series of up to `longest` steps."""
    size = longest * LANES
    x, y = np.empty(size * features), np.empty(size * features)
    return Lanes(x, y, np.full(LANES, INF), np.empty(LANES), np.empty(size + LANES))


@kernel(inline=True)
def lay(series: DoubleArray, lane: int, frames: DoubleArray) -> None:
    """Put a series, (T, F), into a lane of `Lanes.x` or `Lanes.y`."""
    at = lane
    for t in range(series.shape[0]):
        for f in range(series.shape[1]):
            frames[at] = series[t, f]
            at += LANES


@kernel(inline=True)
def _is_alive(lanes: Lanes, column: int) -> bool:
    """Whether the cell of any pair in a column is within its cutoff."""
    alive = False
    for lane in range(LANES):
        alive |= lanes.state[(column + 1) * LANES + lane] <= lanes.cutoffs[lane]
    return alive


@kernel(inline=True)
def _advance(lanes: Lanes, at: int, first: int, last: int, goes_on: bool, features: int, local: int) -> None:
    """`_row` by the local cost."""
    state, x, y = lanes.state, lanes.x, lanes.y
    if features == 1 and local == SQUARED:
        _row_squared(state, x, y, at, first, last, goes_on, features)
    elif features == 1:
        _row_absolute(state, x, y, at, first, last, goes_on, features)
    elif local == SQUARED:
        _row_squared_of_several(state, x, y, at, first, last, goes_on, features)
    else:
        _row_absolute_of_several(state, x, y, at, first, last, goes_on, features)


@kernel()
def side_by_side(lanes: Lanes, m: int, n: int, features: int, form: Form) -> None:
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
        begin, stop = first, min(last, dead + 1)
        if begin >= stop:
            found[:] = INF
            return
        while True:
            _advance(lanes, i, begin, stop, begin > first, features, form.local)
            if stop == last or not _is_alive(lanes, stop - 1):
                break
            begin, stop = stop, min(last, stop + _AHEAD)
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
