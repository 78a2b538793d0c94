"""Vector instructions of the overlap distance: the scores of 512 pairs a register, a pair a bit.

A cell of the table is told by its differences to the upper and the left neighbour (BitPAl: Loving, Hernandez and
Benson 2014), which are -1, 0, 1 or 2 where a match counts 1 and an edit -1. They are kept as that plus 1, in two bits:
a *step* is a pair of vectors, the low bits first. With u the difference along the row above and v that down the column
before, a = max(1 or -1, u - 1, v - 1) is what the cell has more than its upper left neighbour, and the new ones are
a - u and a - v.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..emitting import WORD, Emitter, Typed, emitted
from .vectors import TILE, VECTOR

STEP = 2 * VECTOR
"""Words of a step."""

_VEC = ir.VectorType(WORD, VECTOR)
_ONES = ir.Constant(_VEC, [-1] * VECTOR)
_ZEROS = ir.Constant(_VEC, [0] * VECTOR)


def _cell(
    b: ir.IRBuilder, match: ir.Value, down: tuple[ir.Value, ir.Value], right: tuple[ir.Value, ir.Value]
) -> tuple[tuple[ir.Value, ir.Value], tuple[ir.Value, ir.Value]]:
    """The steps down and right after a cell."""
    (v0, v1), (u0, u1) = down, right
    most = b.or_(match, b.or_(b.and_(u1, u0), b.and_(v1, v0)))  # a = 1
    some = b.and_(b.or_(u1, v1), b.not_(most))  # a = 0
    not_u, not_v = b.not_(u0), b.not_(v0)
    new_down = b.xor(some, not_u), b.xor(b.xor(most, u1), b.and_(some, not_u))
    new_right = b.xor(some, not_v), b.xor(b.xor(most, v1), b.and_(some, not_v))
    return new_down, new_right


def _swept(state: Type, table: Type, matches: Type, edge: Type, active: Type | None = None) -> Typed:
    further = [active, types.int64, types.int64] if active is not None else []
    signature = types.void(state, table, matches, types.int64, types.int64, edge, *further)

    def emit(e: Emitter) -> None:
        b = e.b
        base, slots, found = e.place(0), e.place(1), e.place(2)
        right, on = [], []
        for t in range(TILE):
            whole = b.icmp_signed("==", e.args[3], e.number(0))
            right.append((e.variable(b.select(whole, _ONES, _ZEROS)), e.variable(_ZEROS)))
            if active is not None:
                on.append(e.read(e.place(6, b.add(e.args[7], b.mul(e.args[8], e.number(t)))), _VEC))
        with e.loop(e.args[3], e.args[4]) as row:
            here = e.step(base, b.mul(row, e.number(STEP)))
            down = e.read(here, _VEC), e.read(e.step(here, VECTOR), _VEC)
            match = e.step(found, b.load(e.step(slots, row)))
            for t, (u0, u1) in enumerate(right):
                same = e.read(e.step(match, t * VECTOR), _VEC)
                new, across = _cell(b, same, down, (b.load(u0), b.load(u1)))
                if active is not None:  # a lane whose sequence has ended keeps its last column
                    off = b.not_(on[t])
                    new = tuple(
                        b.or_(b.and_(on[t], fresh), b.and_(off, old)) for fresh, old in zip(new, down, strict=True)
                    )
                down = new
                b.store(across[0], u0)
                b.store(across[1], u1)
            e.write(down[0], here)
            e.write(down[1], e.step(here, VECTOR))
        for t, (u0, u1) in enumerate(right):
            e.write(b.load(u0), e.place(5, t * STEP))
            e.write(b.load(u1), e.place(5, t * STEP + VECTOR))

    return signature, emit


@emitted
def sweep_scores(state: Type, table: Type, matches: Type, first: object, last: object, edge: Type) -> Typed:
    """TILE columns of 512 lanes over rows first..last - 1: under a row of zeros where `first` is 0, else under one that
    falls by 1 a column.

    `state`: the step down of each row; `table`, `matches`: as of `vectors.sweep`; `edge`: to be filled with the steps
    right in the last of these rows.
    """
    return _swept(state, table, matches, edge)


@emitted
def sweep_scores_masked(
    state: Type,
    table: Type,
    matches: Type,
    first: object,
    last: object,
    edge: Type,
    active: Type,
    at: object,
    step: object,
) -> Typed:
    """`sweep_scores` that leaves lanes alone in the columns t where their bit in `active`, at word at + t * step, is
    off.
    """
    return _swept(state, table, matches, edge, active)


@emitted
def climb(
    steps: Any,
    start: object,
    count: object,
    active: Any,
    at: object,
    stride: object,
    value: Any,
    most: Any,
    digits: object,
) -> Typed:
    """Follow a value over `count` steps, from word `start` on, and keep the most of each lane.

    `active`: the lanes whose value counts after step t, from word at + t * stride on; `value`, which never falls below
    0, and `most`: `digits` planes, lowest bit first.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        digits = e.args[8]
        add, carry, borrow, more = (e.variable(_ZEROS) for _ in range(4))
        with e.loop(e.number(0), e.args[2]) as index:
            here = e.place(0, b.add(e.args[1], b.mul(index, e.number(STEP))))
            b.store(e.read(here, _VEC), add)  # of the two bits of the step the one whose turn it is
            high = e.read(e.step(here, VECTOR), _VEC)
            b.store(_ZEROS, carry)
            b.store(_ONES, borrow)
            b.store(_ZEROS, more)
            with e.loop(e.number(0), digits) as digit:
                into = e.place(6, b.mul(digit, e.number(VECTOR)))
                highest = e.read(e.place(7, b.mul(digit, e.number(VECTOR))), _VEC)
                old, other, over, less = e.read(into, _VEC), b.load(add), b.load(carry), b.load(borrow)
                total = b.xor(b.xor(old, other), over)
                b.store(b.or_(b.and_(old, other), b.and_(over, b.or_(old, other))), carry)
                now = b.xor(total, less)
                b.store(b.and_(b.not_(total), less), borrow)
                e.write(now, into)
                differs = b.xor(now, highest)
                b.store(b.or_(b.and_(differs, now), b.and_(b.not_(differs), b.load(more))), more)
                first = b.icmp_signed("==", digit, e.number(0))
                b.store(b.select(first, high, _ZEROS), add)
            there = e.read(e.place(3, b.add(e.args[4], b.mul(e.args[5], index))), _VEC)
            taken = b.and_(b.load(more), there)
            with e.loop(e.number(0), digits) as digit:
                into = e.place(7, b.mul(digit, e.number(VECTOR)))
                now = e.read(e.place(6, b.mul(digit, e.number(VECTOR))), _VEC)
                highest = e.read(into, _VEC)
                e.write(b.or_(b.and_(taken, now), b.and_(b.not_(taken), highest)), into)

    place = types.int64
    return types.void(steps, place, place, active, place, place, value, most, place), emit
