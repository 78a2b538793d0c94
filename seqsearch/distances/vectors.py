"""Vector instructions for numba: 512 pairs of sequences in the bits of one register.

Numba has no vector type, so these functions emit LLVM's own `<8 x i64>`, which LLVM lowers to whatever the processor
has (one AVX-512 register, two of AVX2, four of SSE or NEON). Each takes flat uint64 arrays and positions in them
counted in words; a *vector* is 8 words one after the other, bit l of word w belongs to lane 64 w + l. Nothing is
bounds-checked.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..emitting import BYTE, INT, WORD, Emitter, Typed, emitted

VECTOR = 8
LANES = 64 * VECTOR
TILE = 4
ROWS_A_COUNT = 7

_VEC = ir.VectorType(WORD, VECTOR)
_BYTES = ir.VectorType(BYTE, 64)
_ONES = ir.Constant(_VEC, [-1] * VECTOR)
_ZEROS = ir.Constant(_VEC, [0] * VECTOR)


def cell(b: ir.IRBuilder, match: ir.Value, vp: ir.Value, vn: ir.Value, hp: ir.Value, hn: ir.Value) -> list[ir.Value]:
    """One cell of the dynamic programme for all lanes: [vp, vn, hp, hn] after it.

    The differences to the left and upper neighbour are +1 where vp or hp is set, -1 where vn or hn is (Myers 1999).
    """
    zero = b.or_(b.or_(match, vn), hn)
    down_p = b.or_(vn, b.not_(b.or_(zero, vp)))
    down_n = b.and_(vp, zero)
    right_p = b.or_(hn, b.not_(b.or_(zero, hp)))
    right_n = b.and_(hp, zero)
    return [right_p, right_n, down_p, down_n]


def _swept(state: Type, table: Type, matches: Type, active: Type | None = None) -> Typed:
    ends = [types.int64] * 2
    signature = types.void(state, table, matches, *ends, *([active, *ends] if active is not None else []))

    def emit(e: Emitter) -> None:
        b = e.b
        base, slots, found = e.place(0), e.place(1), e.place(2)
        hp, hn, on = [], [], []
        for t in range(TILE):
            if active is not None:
                on.append(e.read(e.place(5, b.add(e.args[6], b.mul(e.args[7], e.number(t)))), _VEC))
            hp.append(e.variable(on[t] if active is not None else _ONES))
            hn.append(e.variable(_ZEROS))
        with e.loop(e.args[3], e.args[4]) as row:
            here = e.step(base, b.mul(row, e.number(2 * VECTOR)))
            vp, vn = e.read(here, _VEC), e.read(e.step(here, VECTOR), _VEC)
            match = e.step(found, b.load(e.step(slots, row)))
            for t in range(TILE):
                eq = e.read(e.step(match, t * VECTOR), _VEC)
                p, n, dp, dn = cell(b, eq, vp, vn, b.load(hp[t]), b.load(hn[t]))
                if active is not None:  # a lane whose sequence has ended keeps its last column
                    off = b.not_(on[t])
                    vp = b.or_(b.and_(on[t], p), b.and_(off, vp))
                    vn = b.or_(b.and_(on[t], n), b.and_(off, vn))
                    dp, dn = b.and_(dp, on[t]), b.and_(dn, on[t])
                else:
                    vp, vn = p, n
                b.store(dp, hp[t])
                b.store(dn, hn[t])
            e.write(vp, here)
            e.write(vn, e.step(here, VECTOR))

    return signature, emit


@emitted
def sweep(state: Type, table: Type, matches: Type, first: object, last: object) -> Typed:
    """TILE columns over rows first..last - 1.

    state: vp and vn of each row, 2 vectors; table: (m,) int64, where the row's symbol has its TILE match vectors in
    `matches`.
    """
    return _swept(state, table, matches)


@emitted
def sweep_masked(
    state: Type, table: Type, matches: Type, first: object, last: object, active: Type, at: object, step: object
) -> Typed:
    """`sweep` that leaves lanes alone in the columns t where their bit in `active`, at word at + t * step, is off."""
    return _swept(state, table, matches, active)


@emitted
def match_symbol(planes: Type, at: object, bits: object, code: object, found: Type, to: object) -> Typed:
    """found[to:+8] = the lanes whose symbol, spelled in `bits` planes from word `at` on, is `code`."""

    def emit(e: Emitter) -> None:
        b = e.b
        _, at, bits, code, _, to = e.args
        differs = e.variable(_ZEROS)
        with e.loop(e.number(0), bits) as index:
            plane = e.read(e.place(0, b.add(at, b.mul(index, e.number(VECTOR)))), _VEC)
            bit = b.and_(b.lshr(code, index), e.number(1))
            b.store(b.or_(b.load(differs), b.xor(plane, e.spread(b.neg(bit), _VEC))), differs)
        e.write(b.not_(b.load(differs)), e.place(4, to))

    return types.void(planes, types.int64, types.int64, types.int64, found, types.int64), emit


@emitted
def bits_of_bytes(column: Type, at: object, bit: object) -> Typed:
    """A uint64 with bit `bit` of each of the 64 bytes column[at:at + 64]."""

    def emit(e: Emitter) -> ir.Value:
        b = e.b
        mask = e.spread(b.trunc(b.shl(e.number(1), e.args[2]), BYTE), _BYTES)
        found = b.and_(e.read(e.place(0, e.args[1]), _BYTES), mask)
        return b.bitcast(b.icmp_unsigned("!=", found, ir.Constant(_BYTES, [0] * 64)), WORD)

    return types.uint64(column, types.int64, types.int64), emit


def full_adder(b: ir.IRBuilder, x: ir.Value, y: ir.Value, z: ir.Value) -> tuple[ir.Value, ir.Value]:
    """(sum, carry) of three bits in every lane."""
    return b.xor(b.xor(x, y), z), b.or_(b.and_(x, y), b.and_(z, b.or_(x, y)))


def count_seven(b: ir.IRBuilder, bits: list[ir.Value]) -> tuple[ir.Value, ir.Value, ir.Value]:
    """How many of seven bits are set, as three planes, in every lane."""
    s1, c1 = full_adder(b, bits[0], bits[1], bits[2])
    s2, c2 = full_adder(b, bits[3], bits[4], bits[5])
    one, c3 = full_adder(b, s1, s2, bits[6])
    two, four = full_adder(b, c1, c2, c3)
    return one, two, four


@emitted
def count_rows(state: Type, steps: object, sums: Type, planes: object) -> Typed:
    """Add, in every lane, the vp and the inverted vn bits of ROWS_A_COUNT * steps rows to the number in `sums`.

    `sums`: `planes` (at least 3) vectors, the lowest bit first.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        base, total = e.place(0), e.place(2)
        carry = e.variable(_ZEROS)
        with e.loop(e.number(0), e.args[1]) as index:
            rows = e.step(base, b.mul(index, e.number(2 * VECTOR * ROWS_A_COUNT)))
            up = [e.read(e.step(rows, 2 * VECTOR * r), _VEC) for r in range(ROWS_A_COUNT)]
            down = [b.not_(e.read(e.step(rows, 2 * VECTOR * r + VECTOR), _VEC)) for r in range(ROWS_A_COUNT)]
            for counted in (count_seven(b, up), count_seven(b, down)):
                b.store(_ZEROS, carry)
                for p, plane in enumerate(counted):
                    here = e.step(total, p * VECTOR)
                    digit, over = full_adder(b, e.read(here, _VEC), plane, b.load(carry))
                    e.write(digit, here)
                    b.store(over, carry)
                with e.loop(e.number(3), e.args[3]) as plane:
                    here = e.step(total, b.mul(plane, e.number(VECTOR)))
                    old, over = e.read(here, _VEC), b.load(carry)
                    e.write(b.xor(old, over), here)
                    b.store(b.and_(old, over), carry)

    return types.void(state, types.int64, sums, types.int64), emit


@emitted
def outside(low: Type, low_at: object, high: Type, high_at: object, x: Type, x_at: object, chunks: object) -> Typed:
    """Sum over 64 * chunks bytes of how far x lies below `low` or above `high` (uint8 arrays, chunks <= 128).

    With low and high the same row this is the L1 distance.
    """
    shorts = ir.VectorType(ir.IntType(16), 32)
    ints = ir.VectorType(INT, 32)

    def emit(e: Emitter) -> ir.Value:
        b = e.b
        sums = e.variable(ir.Constant(shorts, [0] * 32))
        with e.loop(e.number(0), e.args[6]) as index:
            start = b.mul(index, e.number(64))
            lower, upper, value = (e.read(e.place(i, b.add(e.args[i + 1], start)), _BYTES) for i in (0, 2, 4))
            below, above = (
                e.instruction("llvm.usub.sat.v64i8", _BYTES, *pair) for pair in ((lower, value), (value, upper))
            )
            away = b.bitcast(b.or_(below, above), shorts)
            even = b.and_(away, ir.Constant(shorts, [255] * 32))
            odd = b.lshr(away, ir.Constant(shorts, [8] * 32))
            b.store(b.add(b.load(sums), b.add(even, odd)), sums)
        return b.zext(e.instruction("llvm.vector.reduce.add.v32i32", INT, b.zext(b.load(sums), ints)), WORD)

    return types.int64(low, types.int64, high, types.int64, x, types.int64, types.int64), emit
