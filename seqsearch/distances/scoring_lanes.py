"""Alignment scores of one query and 32 targets at once, a target in each lane of a vector (Rognes 2011, SWIPE).

The table is filled column by column of the targets; a step is one symbol of the query for all lanes, in 16-bit numbers
that stop at their ends. Pairs whose scores may not fit are left to the scalar kernel.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import AnyArray, DoubleArray, IntArray
from ..emitting import Emitter, Typed, emitted
from ..jit import kernel
from .arguments import Columns
from .scoring_kernels import GLOBAL, LOCAL, SEMI, Scheme, score_of

LANES = 32
_SHORT = ir.IntType(16)
_VEC = ir.VectorType(_SHORT, LANES)
_LEAST, _MOST = -32768, 30_000
_NO_SYMBOL = -16_384  # scored with a lane that has ended: nothing follows from there


@emitted
def _column(state: Type, slots: Type, profile: Type, costs: Type, edges: Type, best: Type, rows: object) -> Typed:
    """One column of all lanes.

    `state`: of each row the scores of the column before and of gaps in the query that end there, 2 vectors; `slots`:
    (rows,) int64, where in `profile` the symbol of the row has its vector of scores; `costs`: of the first symbol of a
    gap, of the others, and the least score of a cell; `edges`: the scores above the first row, of the column before
    and, less the first symbol of a gap, of this one; `best`: a vector, the most of any cell so far.
    """

    def emit(e: Emitter) -> None:
        b = e.b

        def spread(which: int, at: int) -> ir.Value:
            return e.spread(e.read(e.place(which, at), _SHORT), _VEC)

        def most(x: ir.Value, y: ir.Value) -> ir.Value:
            return e.instruction(f"llvm.smax.v{LANES}i16", _VEC, x, y)

        def less(x: ir.Value, y: ir.Value) -> ir.Value:
            return e.instruction(f"llvm.ssub.sat.v{LANES}i16", _VEC, x, y)

        first, extend, floor = (spread(3, at) for at in range(3))
        diagonal, under = e.variable(spread(4, 0)), e.variable(spread(4, 1))
        highest = e.variable(e.read(e.place(5), _VEC))
        with e.loop(e.number(0), e.args[6]) as row:
            here = e.place(0, b.mul(row, e.number(2 * LANES)))
            before, beside = e.read(here, _VEC), e.read(e.step(here, LANES), _VEC)
            beside = most(less(beside, extend), less(before, first))
            pair = e.read(e.place(2, b.load(e.place(1, row))), _VEC)
            both = e.instruction(f"llvm.sadd.sat.v{LANES}i16", _VEC, b.load(diagonal), pair)
            cell = most(most(most(both, floor), beside), b.load(under))
            e.write(cell, here)
            e.write(beside, e.step(here, LANES))
            b.store(before, diagonal)
            b.store(most(less(b.load(under), extend), less(cell, first)), under)
            b.store(most(b.load(highest), cell), highest)
        e.write(b.load(highest), e.place(5))

    return types.void(state, slots, profile, costs, edges, best, types.int64), emit


@kernel()
def _scored(scheme: Scheme, x: AnyArray, b: Columns, rows: IntArray, found: DoubleArray) -> None:
    """found[l] = the score of x and b[rows[l]], for at most LANES rows."""
    scores, first, extend, mode = scheme
    y, offsets = b
    m, count = len(x), len(rows)
    starts, lengths = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    for lane in range(count):
        starts[lane] = offsets[rows[lane]]
        lengths[lane] = offsets[rows[lane] + 1] - starts[lane]
    symbols = np.unique(x)
    slot_of = np.zeros(scores.shape[0], np.int64)
    for slot in range(len(symbols)):
        slot_of[symbols[slot]] = slot * LANES
    slots = np.empty(m, np.int64)
    state = np.zeros(2 * LANES * m, np.int16)
    for i in range(m):
        slots[i] = slot_of[x[i]]
        for lane in range(LANES):
            if mode == GLOBAL:
                state[2 * LANES * i + lane] = -(first + i * extend)
            state[2 * LANES * i + LANES + lane] = _LEAST
    costs = np.array([first, extend, 0 if mode == LOCAL else _LEAST], np.int16)
    best = np.full(LANES, 0 if mode == LOCAL else _LEAST, np.int16)
    ends = np.full(LANES, _LEAST, np.int64)
    edges = np.zeros(2, np.int16)
    profile = np.full(len(symbols) * LANES, _NO_SYMBOL, np.int16)
    last = 2 * LANES * (m - 1)
    for j in range(lengths.max()):
        for lane in range(count):
            alive = j < lengths[lane]
            column = scores[y[starts[lane] + j]] if alive else scores[0]
            for slot in range(len(symbols)):
                profile[slot * LANES + lane] = column[symbols[slot]] if alive else _NO_SYMBOL
        edges[0] = -(first + (j - 1) * extend) if mode == GLOBAL and j else 0
        edges[1] = (-(first + j * extend) if mode == GLOBAL else 0) - first
        _column(state, slots, profile, costs, edges, best, m)
        if mode == LOCAL:
            continue
        for lane in range(count):
            if j < lengths[lane] and mode == SEMI:
                ends[lane] = max(ends[lane], state[last + lane])
            if j == lengths[lane] - 1:
                if mode == GLOBAL:
                    ends[lane] = state[last + lane]
                for i in range(m if mode == SEMI else 0):
                    ends[lane] = max(ends[lane], state[2 * LANES * i + lane])
    for lane in range(count):
        found[lane] = best[lane] if mode == LOCAL else ends[lane]


@kernel(parallel=True)
def grouped_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, groups: IntArray, scheme: Scheme, found: DoubleArray
) -> None:
    """found[i] = the score of a[a_rows[i]] and b[b_rows[i]].

    Group g, pairs groups[g]:groups[g + 1] and at most LANES of them, has one row of a, and its longest row of b last.
    """
    x, x_offsets = a
    _, y_offsets = b
    steepest = np.abs(scheme.scores).max()
    for g in numba.prange(len(groups) - 1):
        start, end = groups[g], groups[g + 1]
        row = a_rows[start]
        query = x[x_offsets[row] : x_offsets[row + 1]]
        longest = y_offsets[b_rows[end - 1] + 1] - y_offsets[b_rows[end - 1]]
        both = len(query) + longest
        if (
            end - start > 2
            and max(both * scheme.extend + 3 * scheme.first, min(len(query), longest) * steepest) < _MOST
        ):
            _scored(scheme, query, b, b_rows[start:end], found[start:end])
            continue
        for pair in range(start, end):
            j = b_rows[pair]
            found[pair] = score_of(scheme, query, b.data[y_offsets[j] : y_offsets[j + 1]])


def grouped(a_rows: IntArray, b_lengths: IntArray, most: int = LANES) -> tuple[IntArray, IntArray]:
    """An order of pairs, (m,), and where groups of at most `most` of them begin and end in it, (g + 1,)."""
    order = np.lexsort((b_lengths, a_rows))
    rows = a_rows[order]
    begins = np.flatnonzero(np.diff(rows, prepend=-1))
    place = np.arange(len(rows)) - np.repeat(begins, np.diff(begins, append=len(rows)))
    return order, np.append(np.flatnonzero(place % most == 0), len(rows))
