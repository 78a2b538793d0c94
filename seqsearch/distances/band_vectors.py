"""The banded recursion of the edit distance as vector instructions: a pair of sequences a lane.

The band of a pair is held in one word of 16, 32 or 64 bits, or in several of 64, and slides down by a row a column
(edit_kernels.py has the same recursion of single pairs). `LANE_BITS` bits are moved at once: 64 pairs whose bands are
16 rows high, 32 of 32 rows, 16 of 64 rows or more.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from ..emitting import BYTE, INT, Emitter, Typed, emitted

LANE_BITS = 1024
COLUMNS = 16  # of a block that `turn` turns
ENDED = 255  # for the symbol after the last of a lane
POSITIVE, NEGATIVE, WATCHED, SCORE = range(4)


@emitted
def copy_block(text: Any, start: object, block: Any, at: object) -> Typed:
    """block[at:+COLUMNS] = text[start:+COLUMNS], bytes."""

    def emit(e: Emitter) -> None:
        e.write(e.read(e.place(0, e.args[1]), ir.VectorType(BYTE, COLUMNS)), e.place(2, e.args[3]))

    return types.void(text, types.int64, block, types.int64), emit


@emitted
def fetch(text: Any, start: object) -> Typed:
    """Begin to bring text[start:] into the cache."""

    def emit(e: Emitter) -> None:
        address = e.b.bitcast(e.place(0, e.args[1]), BYTE.as_pointer())
        e.instruction("llvm.prefetch.p0i8", ir.VoidType(), address, *(ir.Constant(INT, n) for n in (0, 3, 1)))

    return types.void(text, types.int64), emit


@emitted
def turn(block: Any, codes: Any, lane: object, lanes: object) -> Typed:
    """codes[c * lanes + lane + i] = block[COLUMNS * i + c] for 16 lanes i and COLUMNS columns c, all bytes."""
    row = ir.VectorType(BYTE, COLUMNS)
    low, high = ([start + n // 2 + COLUMNS * (n % 2) for n in range(COLUMNS)] for start in (0, COLUMNS // 2))
    masks = [ir.Constant(ir.VectorType(INT, COLUMNS), order) for order in (low, high)]

    def emit(e: Emitter) -> None:
        b = e.b
        rows = [
            e.read(e.place(0, b.add(b.mul(e.args[2], e.number(COLUMNS)), e.number(COLUMNS * i))), row)
            for i in range(COLUMNS)
        ]
        for _ in range(COLUMNS.bit_length() - 1):
            pairs = [(rows[i], rows[i + COLUMNS // 2]) for i in range(COLUMNS // 2)]
            rows = [b.shuffle_vector(x, y, mask) for x, y in pairs for mask in masks]
        for c, column in enumerate(rows):
            e.write(column, e.place(1, b.add(b.mul(e.args[3], e.number(c)), e.args[2])))

    return types.void(block, codes, types.int64, types.int64), emit


@emitted
def sweep_band(
    state: Any, codes: Any, columns: object, table: Any, at: object, stride: object, symbols: Any, count: object
) -> Typed:
    """Some columns of bands of one word.

    `state`: the vectors POSITIVE, NEGATIVE (differences along a column), WATCHED (the bit of the diagonal on which the
    distance is followed) and SCORE; `codes`: a byte a lane, the symbols of a column after those of the other; one that
    is ENDED leaves the score as it is. table[at + c * stride + s + 1]: where symbols[s], of `count`, stands in the band
    in column c.
    """
    lanes, vector, ones = _vectors(state)

    def emit(e: Emitter) -> None:
        b = e.b
        base, found = e.place(0), e.place(1)
        held = [e.variable(e.read(e.step(base, part * lanes), vector)) for part in range(4)]
        watched = b.load(held[WATCHED])
        one = ir.Constant(vector, [1] * lanes)
        matched = e.variable(ones)
        with e.loop(e.number(0), e.args[2]) as column:
            code = e.read(e.step(found, b.mul(column, e.number(lanes))), ir.VectorType(BYTE, lanes))
            _match(e, matched, code, e.place(3, b.add(e.args[4], b.mul(column, e.args[5]))), e.place(6), e.args[7])
            match = b.load(matched)
            positive, negative = b.load(held[POSITIVE]), b.load(held[NEGATIVE])
            total = b.add(b.and_(match, positive), positive)
            zero = b.or_(b.or_(b.xor(total, positive), match), negative)
            _count(b, held[SCORE], b.and_(zero, watched), vector)
            up, down = b.or_(negative, b.not_(b.or_(zero, positive))), b.and_(zero, positive)
            slid = b.lshr(zero, one)
            b.store(b.or_(down, b.not_(b.or_(slid, up))), held[POSITIVE])
            b.store(b.and_(slid, up), held[NEGATIVE])
        for part in (POSITIVE, NEGATIVE, SCORE):
            e.write(b.load(held[part]), e.step(base, part * lanes))

    place = types.int64
    return types.void(state, codes, place, table, place, place, symbols, place), emit


@emitted
def sweep_bands(
    state: Any,
    codes: Any,
    columns: object,
    table: Any,
    at: object,
    stride: object,
    symbols: Any,
    count: object,
    words: object,
) -> Typed:
    """`sweep_band` of bands of several words, the lowest rows in the last.

    `state`: vector SCORE, then three vectors a word from vector 4 on: POSITIVE, NEGATIVE, WATCHED, after as many that
    are scratch. In the table the next word of a column is as many rows further on as a word has bits.
    """
    lanes, vector, _ = _vectors(state)

    def emit(e: Emitter) -> None:
        b = e.b
        base, found, words = e.place(0), e.place(1), e.args[8]
        bits = vector.element.width
        zeros, one = ir.Constant(vector, [0] * lanes), ir.Constant(vector, [1] * lanes)
        last = ir.Constant(vector, [bits - 1] * lanes)
        score = e.step(base, SCORE * lanes)
        carry, late_up, late_down, late_zero, stays, matched, counted = (e.variable(zeros) for _ in range(7))

        def slide(into: ir.Value, zero: ir.Value) -> None:
            """Write the word before, which gets its last bit from `zero` of this one."""
            slid = b.or_(b.lshr(b.load(late_zero), one), b.shl(zero, last))
            up = b.load(late_up)
            e.write(b.or_(b.load(late_down), b.not_(b.or_(slid, up))), into)
            e.write(b.and_(slid, up), e.step(into, lanes))

        with e.loop(e.number(0), e.args[2]) as column:
            for each in (carry, late_up, late_down, late_zero, stays):
                b.store(zeros, each)
            code = e.read(e.step(found, b.mul(column, e.number(lanes))), ir.VectorType(BYTE, lanes))
            with e.loop(e.number(0), words) as index:
                before = e.step(base, b.mul(b.add(b.mul(index, e.number(3)), e.number(4)), e.number(lanes)))
                here = e.step(before, 3 * lanes)
                positive, negative = e.read(here, vector), e.read(e.step(here, lanes), vector)
                row = b.add(column, b.mul(index, e.number(bits)))
                _match(e, matched, code, e.place(3, b.add(e.args[4], b.mul(row, e.args[5]))), e.place(6), e.args[7])
                match = b.load(matched)
                added = b.and_(match, positive)
                half = b.add(added, positive)
                total = b.add(half, b.load(carry))
                over = b.or_(b.icmp_unsigned("<", half, added), b.icmp_unsigned("<", total, half))
                b.store(b.zext(over, vector), carry)
                zero = b.or_(b.or_(b.xor(total, positive), match), negative)
                b.store(b.or_(b.load(stays), b.and_(zero, e.read(e.step(here, 2 * lanes), vector))), stays)
                slide(before, zero)
                b.store(b.or_(negative, b.not_(b.or_(zero, positive))), late_up)
                b.store(b.and_(zero, positive), late_down)
                b.store(zero, late_zero)
            slide(e.step(base, b.mul(b.add(b.mul(words, e.number(3)), e.number(4)), e.number(lanes))), zeros)
            b.store(e.read(score, vector), counted)
            _count(b, counted, b.load(stays), vector)
            e.write(b.load(counted), score)

    place = types.int64
    return types.void(state, codes, place, table, place, place, symbols, place, place), emit


def _vectors(state: Any) -> tuple[int, ir.VectorType, ir.Constant]:
    """Lanes, the vector of them, and one of all bits, for words like those of `state`."""
    word = ir.IntType(state.dtype.bitwidth)
    lanes = LANE_BITS // word.width
    vector = ir.VectorType(word, lanes)
    return lanes, vector, ir.Constant(vector, [-1] * lanes)


def _match(e: Emitter, matched: ir.Value, code: ir.Value, row: ir.Value, symbols: ir.Value, count: ir.Value) -> None:
    """Store to `matched` the word of each lane's symbol in a row of match words: all bits where it is ENDED."""
    b, vector = e.b, matched.type.pointee
    ended = b.icmp_unsigned("==", code, ir.Constant(code.type, [ENDED] * vector.count))
    b.store(b.sext(ended, vector), matched)
    with e.loop(e.number(0), count) as index:
        same = b.icmp_unsigned("==", code, e.spread(b.load(e.step(symbols, index)), code.type))
        word = e.spread(b.load(e.step(row, b.add(index, e.number(1)))), vector)
        b.store(b.select(same, word, b.load(matched)), matched)


def _count(b: ir.IRBuilder, score: ir.Value, stays: ir.Value, vector: ir.Type) -> None:
    """Add 1 to the score of each lane whose diagonal does not stay at its value."""
    moved = b.icmp_unsigned("==", stays, ir.Constant(vector, [0] * vector.count))
    b.store(b.sub(b.load(score), b.sext(moved, vector)), score)
