"""Vector instructions of the infix distance: the whole column of a pair a lane, and a bound of 512 pairs a register."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from ..emitting import BYTE, WORD, Emitter, Typed, emitted
from .band_vectors import LANE_BITS
from .vectors import TILE, VECTOR, cell

BEST, FIRST_WORD = 0, 1  # places in a state: the least of the last row so far, then three vectors a word of the column
POSITIVE, NEGATIVE, BOTTOM = range(3)
SPARED = 4  # planes that count the symbols to go before the next q-gram may count: q <= 16

_VEC = ir.VectorType(WORD, VECTOR)


@emitted
def sweep_infix(
    state: Any,
    codes: Any,
    columns: object,
    table: Any,
    symbols: Any,
    count: object,
    words: object,
    last: object,
    active: object,
    cutoff: object,
) -> Typed:
    """Some columns of the whole table, whose first row is 0; returns how many words of a column are `active` now.

    `state`: the vector BEST, then for each word POSITIVE, NEGATIVE (differences down the column) and BOTTOM, the value
    of its last row; `codes`: a byte a lane, the symbols of a column after those of the other; table[w * (count + 1) +
    s + 1]: where symbols[s], of `count`, stands in word w. The last of all `words` ends with its bit `last`. Words
    whose values are all above the cutoff in every lane are left out (Ukkonen 1985): BEST is exact up to it.
    """
    word_type = ir.IntType(state.dtype.bitwidth)
    lanes, bits = LANE_BITS // word_type.width, word_type.width
    vector = ir.VectorType(word_type, lanes)
    one, zeros = ir.Constant(vector, [1] * lanes), ir.Constant(vector, [0] * lanes)

    def emit(e: Emitter) -> ir.Value:
        b = e.b
        base, words, last = e.place(0), e.args[6], e.args[7]

        def spread(value: ir.Value) -> ir.Value:
            return e.spread(b.trunc(value, word_type) if bits < 64 else value, vector)

        def at(word: ir.Value) -> ir.Value:
            return e.step(base, b.mul(b.add(b.mul(word, e.number(3)), e.number(FIRST_WORD)), e.number(lanes)))

        def anywhere(mask: ir.Value) -> ir.Value:
            flags = ir.IntType(lanes)
            return b.icmp_unsigned("!=", b.bitcast(mask, flags), ir.Constant(flags, 0))

        cutoff, active = spread(e.args[9]), e.variable(e.args[8])
        far = b.add(cutoff, ir.Constant(vector, [bits] * lanes))
        best, matched, up, down = (e.variable(zeros) for _ in range(4))
        b.store(e.read(base, vector), best)
        with e.loop(e.number(0), e.args[2]) as column:
            code = e.read(e.step(e.place(1), b.mul(column, e.number(lanes))), ir.VectorType(BYTE, lanes))
            b.store(zeros, up)
            b.store(zeros, down)
            with e.loop(e.number(0), b.load(active)) as word:
                here = at(word)
                row = e.place(3, b.mul(word, b.add(e.args[5], e.number(1))))
                b.store(zeros, matched)
                with e.loop(e.number(0), e.args[5]) as index:
                    same = b.icmp_unsigned("==", code, e.spread(b.load(e.place(4, index)), code.type))
                    bits_there = e.spread(b.load(e.step(row, b.add(index, e.number(1)))), vector)
                    b.store(b.select(same, bits_there, b.load(matched)), matched)
                match, positive, negative = b.load(matched), e.read(here, vector), e.read(e.step(here, lanes), vector)
                in_up, in_down = b.load(up), b.load(down)
                beside = b.or_(match, negative)
                match = b.or_(match, in_down)
                zero = b.or_(b.xor(b.add(b.and_(match, positive), positive), positive), match)
                right_p, right_n = b.or_(negative, b.not_(b.or_(zero, positive))), b.and_(positive, zero)
                is_last = b.icmp_signed("==", word, b.sub(words, e.number(1)))
                top = spread(b.select(is_last, last, e.number(bits - 1)))
                out_p, out_n = b.and_(b.lshr(right_p, top), one), b.and_(b.lshr(right_n, top), one)
                bottom = e.step(here, BOTTOM * lanes)
                e.write(b.sub(b.add(e.read(bottom, vector), out_p), out_n), bottom)
                right_p, right_n = b.or_(b.shl(right_p, one), in_up), b.or_(b.shl(right_n, one), in_down)
                e.write(b.or_(right_n, b.not_(b.or_(beside, right_p))), here)
                e.write(b.and_(right_p, beside), e.step(here, lanes))
                b.store(out_p, up)
                b.store(out_n, down)
            done = b.load(active)
            lowest = at(b.sub(done, e.number(1)))
            value = e.read(e.step(lowest, BOTTOM * lanes), vector)
            all_there = b.icmp_signed("==", done, words)
            with b.if_then(all_there):
                held = b.load(best)
                b.store(b.select(b.icmp_unsigned("<", value, held), value, held), best)
            near = anywhere(b.icmp_unsigned("<=", value, cutoff))
            with b.if_then(b.and_(near, b.not_(all_there))):
                fresh = at(done)
                e.write(ir.Constant(vector, [-1] * lanes), fresh)
                e.write(zeros, e.step(fresh, lanes))
                ends = b.icmp_signed("==", b.add(done, e.number(1)), words)
                rows = b.select(ends, b.add(last, e.number(1)), e.number(bits))
                e.write(b.add(value, spread(rows)), e.step(fresh, BOTTOM * lanes))
                b.store(b.add(done, e.number(1)), active)
            with b.if_then(b.icmp_signed(">", done, e.number(1))):
                above = e.read(e.step(at(b.sub(done, e.number(2))), BOTTOM * lanes), vector)
                needed = b.or_(b.icmp_unsigned("<", value, far), b.icmp_unsigned("<=", above, cutoff))
                with b.if_then(b.not_(anywhere(needed))):
                    b.store(b.sub(done, e.number(1)), active)
        e.write(b.load(best), base)
        return b.load(active)

    place = types.int64
    taken = (state, codes, place, table, symbols, place, place, place, place, place)
    return types.int64(*taken), emit


@emitted
def spend(present: Any, start: object, planes: Any, vectors: object, digits: object, q: object, span: object) -> Typed:
    """One more q-gram of a query, from left to right: counts it in every lane where it is absent, unless it overlaps
    the one that was counted there last.

    `present`: a bit a lane from word `start` on, where a lane has what any of `span` vectors from its own on has;
    `planes`: for each of so many `vectors` SPARED planes of symbols still
    to go, then `digits` planes of the count, lowest bit first.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        ones, zeros = ir.Constant(_VEC, [-1] * VECTOR), ir.Constant(_VEC, [0] * VECTOR)
        width = b.mul(b.add(e.args[4], e.number(SPARED)), e.number(VECTOR))
        rest = b.sub(e.args[5], e.number(1))
        set_by = [e.spread(b.neg(b.and_(b.lshr(rest, e.number(p)), e.number(1))), _VEC) for p in range(SPARED)]
        carry = e.variable(zeros)
        with e.loop(e.number(0), e.args[3]) as vector:
            here = e.place(2, b.mul(vector, width))
            first = e.place(0, b.add(e.args[1], b.mul(vector, e.number(VECTOR))))
            b.store(zeros, carry)
            with e.loop(e.number(0), e.args[6]) as further:
                more = e.read(e.step(first, b.mul(further, e.number(VECTOR))), _VEC)
                b.store(b.or_(b.load(carry), more), carry)
            there = b.load(carry)
            spared = [e.read(e.step(here, p * VECTOR), _VEC) for p in range(SPARED)]
            busy = zeros
            for plane in spared:
                busy = b.or_(busy, plane)
            counted = b.and_(b.not_(there), b.not_(busy))
            borrow = busy
            for p, plane in enumerate(spared):
                e.write(b.or_(b.xor(plane, borrow), b.and_(counted, set_by[p])), e.step(here, p * VECTOR))
                borrow = b.and_(borrow, b.xor(plane, ones))
            b.store(counted, carry)
            with e.loop(e.number(0), e.args[4]) as digit:
                place = e.step(here, b.mul(b.add(digit, e.number(SPARED)), e.number(VECTOR)))
                old, over = e.read(place, _VEC), b.load(carry)
                e.write(b.xor(old, over), place)
                b.store(b.and_(old, over), carry)

    place = types.int64
    return types.void(present, place, planes, place, place, place, place), emit


@emitted
def sweep_free(state: Any, table: Any, matches: Any, last: object, edge: Any) -> Typed:
    """TILE columns of 512 lanes over rows 0..last - 1 under a first row of zeros.

    `state`, `table`, `matches`: as of `vectors.sweep`; `edge`: to be filled with where each of the columns rises and
    where it falls in the last row, 2 vectors a column.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        base, slots, found = e.place(0), e.place(1), e.place(2)
        zeros = ir.Constant(_VEC, [0] * VECTOR)
        right = [(e.variable(zeros), e.variable(zeros)) for _ in range(TILE)]
        with e.loop(e.number(0), e.args[3]) as row:
            here = e.step(base, b.mul(row, e.number(2 * VECTOR)))
            vp, vn = e.read(here, _VEC), e.read(e.step(here, VECTOR), _VEC)
            match = e.step(found, b.load(e.step(slots, row)))
            for t, (hp, hn) in enumerate(right):
                eq = e.read(e.step(match, t * VECTOR), _VEC)
                vp, vn, up, down = cell(b, eq, vp, vn, b.load(hp), b.load(hn))
                b.store(up, hp)
                b.store(down, hn)
            e.write(vp, here)
            e.write(vn, e.step(here, VECTOR))
        for t, (hp, hn) in enumerate(right):
            e.write(b.load(hp), e.place(4, 2 * t * VECTOR))
            e.write(b.load(hn), e.place(4, (2 * t + 1) * VECTOR))

    return types.void(state, table, matches, types.int64, edge), emit


@emitted
def follow(edge: Any, planes: Any, at: object, step: object, values: Any, digits: object) -> Typed:
    """Move the values of the last row on by TILE columns, and keep the least of each lane.

    `edge`: what `sweep_free` left; `planes`: the lanes that have a symbol in column t, from word at + t * step on;
    `values`: `digits` planes of the least so far, lowest bit first, then as many of the value now.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        zeros = ir.Constant(_VEC, [0] * VECTOR)
        digits = e.args[5]
        rise, fall, less = (e.variable(zeros) for _ in range(3))
        for t in range(TILE):
            b.store(e.read(e.place(0, 2 * t * VECTOR), _VEC), rise)
            b.store(e.read(e.place(0, (2 * t + 1) * VECTOR), _VEC), fall)
            b.store(zeros, less)
            with e.loop(e.number(0), digits) as digit:
                least = e.read(e.place(4, b.mul(digit, e.number(VECTOR))), _VEC)
                here = e.place(4, b.mul(b.add(digit, digits), e.number(VECTOR)))
                old, up, down = e.read(here, _VEC), b.load(rise), b.load(fall)
                now = b.xor(b.xor(old, up), down)
                e.write(now, here)
                b.store(b.and_(old, up), rise)
                b.store(b.and_(b.not_(old), down), fall)
                differs = b.xor(now, least)
                b.store(b.or_(b.and_(differs, least), b.and_(b.not_(differs), b.load(less))), less)
            there = e.read(e.place(1, b.add(e.args[2], b.mul(e.args[3], e.number(t)))), _VEC)
            taken = b.and_(b.load(less), there)
            with e.loop(e.number(0), digits) as digit:
                into = e.place(4, b.mul(digit, e.number(VECTOR)))
                now = e.read(e.place(4, b.mul(b.add(digit, digits), e.number(VECTOR))), _VEC)
                least = e.read(into, _VEC)
                e.write(b.or_(b.and_(taken, now), b.and_(b.not_(taken), least)), into)

    place = types.int64
    return types.void(edge, planes, place, place, values, place), emit
