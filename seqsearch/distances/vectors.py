"""Vector instructions for numba: 512 pairs of sequences in the bits of one register.

Numba has no vector type, so these functions emit LLVM's own `<8 x i64>`, which LLVM lowers to whatever the processor
has (one AVX-512 register, two of AVX2, four of SSE or NEON). Each takes flat uint64 arrays and positions in them
counted in words; a *vector* is 8 words one after the other, bit l of word w belongs to lane 64 w + l. Nothing is
bounds-checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.core.cgutils
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

cgutils: Any = numba.core.cgutils  # without type hints


def emitted(typing: Callable[..., Any]) -> Any:
    """A function for kernels to call, from its typing function, which returns a signature and what emits its code."""
    return intrinsic(typing)


VECTOR = 8
LANES = 64 * VECTOR
TILE = 4

_WORD = ir.IntType(64)
_BYTE = ir.IntType(8)
_VEC = ir.VectorType(_WORD, VECTOR)
_ONES = ir.Constant(_VEC, [-1] * VECTOR)
_ZEROS = ir.Constant(_VEC, [0] * VECTOR)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """The address of word `at` of a flat array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [at], inbounds=True)


def _load(builder: Any, pointer: Any) -> Any:
    vector = builder.load(builder.bitcast(pointer, _VEC.as_pointer()))
    vector.align = 8
    return vector


def _store(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, builder.bitcast(pointer, _VEC.as_pointer())).align = 8


def _step(builder: Any, pointer: Any, words: int) -> Any:
    return builder.gep(pointer, [ir.Constant(_WORD, words)], inbounds=True)


def _cell(b: Any, match: Any, vp: Any, vn: Any, hp: Any, hn: Any) -> tuple[Any, Any, Any, Any]:
    """One cell of the dynamic programme for all lanes: (vp, vn, hp, hn) after it.

    The differences to the left and upper neighbour are +1 where vp or hp is set, -1 where vn or hn is (Myers 1999).
    """
    zero = b.or_(b.or_(match, vn), hn)
    down_p = b.or_(vn, b.not_(b.or_(zero, vp)))
    down_n = b.and_(vp, zero)
    right_p = b.or_(hn, b.not_(b.or_(zero, hp)))
    right_n = b.and_(hp, zero)
    return right_p, right_n, down_p, down_n


def _sweep(masked: bool) -> Any:
    def typing(
        typing_context: Any,
        state: Any,
        table: Any,
        matches: Any,
        active: Any,
        active_at: Any,
        active_step: Any,
        first: Any,
        last: Any,
    ) -> Any:
        signature = types.void(state, table, matches, active, types.int64, types.int64, types.int64, types.int64)

        def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
            state_v, table_v, matches_v, active_v, at, step, first_v, last_v = args
            zero = ir.Constant(_WORD, 0)
            base = _pointer(context, b, sig.args[0], state_v, zero)
            slots = _pointer(context, b, sig.args[1], table_v, zero)
            found = _pointer(context, b, sig.args[2], matches_v, zero)
            on = []
            hp, hn = [], []
            for t in range(TILE):
                hp.append(cgutils.alloca_once(b, _VEC))
                hn.append(cgutils.alloca_once(b, _VEC))
                if masked:
                    offset = b.add(at, b.mul(step, ir.Constant(_WORD, t)))
                    on.append(_load(b, _pointer(context, b, sig.args[3], active_v, offset)))
                b.store(on[t] if masked else _ONES, hp[t])
                b.store(_ZEROS, hn[t])
            with cgutils.for_range_slice(b, first_v, last_v, ir.Constant(_WORD, 1), _WORD) as (row, _):
                here = b.gep(base, [b.mul(row, ir.Constant(_WORD, 2 * VECTOR))], inbounds=True)
                vp, vn = _load(b, here), _load(b, _step(b, here, VECTOR))
                match = b.gep(found, [b.load(b.gep(slots, [row], inbounds=True))], inbounds=True)
                for t in range(TILE):
                    eq = _load(b, _step(b, match, t * VECTOR))
                    p, n, dp, dn = _cell(b, eq, vp, vn, b.load(hp[t]), b.load(hn[t]))
                    if masked:  # a lane whose sequence has ended keeps its last column
                        off = b.not_(on[t])
                        vp = b.or_(b.and_(on[t], p), b.and_(off, vp))
                        vn = b.or_(b.and_(on[t], n), b.and_(off, vn))
                        dp, dn = b.and_(dp, on[t]), b.and_(dn, on[t])
                    else:
                        vp, vn = p, n
                    b.store(dp, hp[t])
                    b.store(dn, hn[t])
                _store(b, vp, here)
                _store(b, vn, _step(b, here, VECTOR))
            return context.get_dummy_value()

        return signature, generate

    return typing


# sweep(state, table, matches, active, active_at, active_step, first, last): TILE columns over rows first..last - 1.
# state: vp and vn of each row, 2 vectors; table: (m,) int64, where the row's symbol has its TILE match vectors in
# `matches`. The masked form leaves lanes alone in the columns where their `active` bit is off.
sweep = emitted(_sweep(masked=False))
sweep_masked = emitted(_sweep(masked=True))


@emitted
def match_symbol(typing_context: Any, planes: Any, at: Any, bits: Any, code: Any, found: Any, found_at: Any) -> Any:
    """found[found_at:+8] = the lanes whose symbol, spelled in `bits` planes from word `at` on, is `code`."""
    signature = types.void(planes, types.int64, types.int64, types.int64, found, types.int64)

    def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
        planes_v, at_v, bits_v, code_v, found_v, found_at_v = args
        differs = cgutils.alloca_once_value(b, _ZEROS)
        with cgutils.for_range(b, bits_v) as loop:
            place = b.add(at_v, b.mul(loop.index, ir.Constant(_WORD, VECTOR)))
            plane = _load(b, _pointer(context, b, sig.args[0], planes_v, place))
            bit = b.and_(b.lshr(code_v, loop.index), ir.Constant(_WORD, 1))
            spread = b.insert_element(ir.Constant(_VEC, ir.Undefined), b.neg(bit), ir.Constant(ir.IntType(32), 0))
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), VECTOR), [0] * VECTOR)
            everywhere = b.shuffle_vector(spread, ir.Constant(_VEC, ir.Undefined), lanes)
            b.store(b.or_(b.load(differs), b.xor(plane, everywhere)), differs)
        _store(b, b.not_(b.load(differs)), _pointer(context, b, sig.args[4], found_v, found_at_v))
        return context.get_dummy_value()

    return signature, generate


@emitted
def bits_of_bytes(typing_context: Any, column: Any, at: Any, bit: Any) -> Any:
    """A uint64 with bit `bit` of each of the 64 bytes column[at:at + 64]."""
    signature = types.uint64(column, types.int64, types.int64)
    bytes64 = ir.VectorType(_BYTE, 64)

    def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
        column_v, at_v, bit_v = args
        pointer = _pointer(context, b, sig.args[0], column_v, at_v)
        loaded = b.load(b.bitcast(pointer, bytes64.as_pointer()))
        loaded.align = 1
        one = b.trunc(b.shl(ir.Constant(_WORD, 1), bit_v), _BYTE)
        first = b.insert_element(ir.Constant(bytes64, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        mask = b.shuffle_vector(first, ir.Constant(bytes64, ir.Undefined), lanes)
        hit = b.icmp_unsigned("!=", b.and_(loaded, mask), ir.Constant(bytes64, [0] * 64))
        return b.bitcast(hit, _WORD)

    return signature, generate


def _full_adder(b: Any, x: Any, y: Any, z: Any) -> tuple[Any, Any]:
    """(sum, carry) of three bits in every lane."""
    return b.xor(b.xor(x, y), z), b.or_(b.and_(x, y), b.and_(z, b.or_(x, y)))


def _count_seven(b: Any, bits: list[Any]) -> tuple[Any, Any, Any]:
    """How many of seven bits are set, as three planes, in every lane."""
    s1, c1 = _full_adder(b, bits[0], bits[1], bits[2])
    s2, c2 = _full_adder(b, bits[3], bits[4], bits[5])
    one, c3 = _full_adder(b, s1, s2, bits[6])
    two, four = _full_adder(b, c1, c2, c3)
    return one, two, four


ROWS_A_COUNT = 7


@emitted
def count_rows(typing_context: Any, state: Any, steps: Any, sums: Any, planes: Any) -> Any:
    """Add, in every lane, the vp and the inverted vn bits of ROWS_A_COUNT * steps rows to the number in `sums`.

    `sums`: `planes` (at least 3) vectors, the lowest bit first.
    """
    signature = types.void(state, types.int64, sums, types.int64)

    def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
        state_v, steps_v, sums_v, planes_v = args
        zero = ir.Constant(_WORD, 0)
        base = _pointer(context, b, sig.args[0], state_v, zero)
        total = _pointer(context, b, sig.args[2], sums_v, zero)
        carry = cgutils.alloca_once(b, _VEC)
        with cgutils.for_range(b, steps_v) as loop:
            rows = b.gep(base, [b.mul(loop.index, ir.Constant(_WORD, 2 * VECTOR * ROWS_A_COUNT))], inbounds=True)
            up = [_load(b, _step(b, rows, 2 * VECTOR * r)) for r in range(ROWS_A_COUNT)]
            down = [b.not_(_load(b, _step(b, rows, 2 * VECTOR * r + VECTOR))) for r in range(ROWS_A_COUNT)]
            for counted in (_count_seven(b, up), _count_seven(b, down)):
                b.store(_ZEROS, carry)
                for p, plane in enumerate(counted):
                    here = _step(b, total, p * VECTOR)
                    digit, over = _full_adder(b, _load(b, here), plane, b.load(carry))
                    _store(b, digit, here)
                    b.store(over, carry)
                with cgutils.for_range_slice(b, ir.Constant(_WORD, 3), planes_v, ir.Constant(_WORD, 1), _WORD) as (
                    p,
                    _,
                ):
                    here = b.gep(total, [b.mul(p, ir.Constant(_WORD, VECTOR))], inbounds=True)
                    old, over = _load(b, here), b.load(carry)
                    _store(b, b.xor(old, over), here)
                    b.store(b.and_(old, over), carry)
        return context.get_dummy_value()

    return signature, generate


@emitted
def outside(typing_context: Any, low: Any, low_at: Any, high: Any, high_at: Any, x: Any, x_at: Any, chunks: Any) -> Any:
    """Sum over 64 * chunks bytes of how far x lies below `low` or above `high` (uint8 arrays, chunks <= 128).

    With low and high the same row this is the L1 distance.
    """
    signature = types.int64(low, types.int64, high, types.int64, x, types.int64, types.int64)
    bytes64 = ir.VectorType(_BYTE, 64)
    short = ir.IntType(16)
    shorts = ir.VectorType(short, 32)
    ints = ir.VectorType(ir.IntType(32), 32)

    def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
        def chunk(which: int, index: Any) -> Any:
            place = b.add(args[2 * which + 1], b.mul(index, ir.Constant(_WORD, 64)))
            pointer = _pointer(context, b, sig.args[2 * which], args[2 * which], place)
            loaded = b.load(b.bitcast(pointer, bytes64.as_pointer()))
            loaded.align = 1
            return loaded

        minus = cgutils.get_or_insert_function(
            b.module, ir.FunctionType(bytes64, [bytes64, bytes64]), "llvm.usub.sat.v64i8"
        )
        add_up = cgutils.get_or_insert_function(
            b.module, ir.FunctionType(ir.IntType(32), [ints]), "llvm.vector.reduce.add.v32i32"
        )
        sums = cgutils.alloca_once_value(b, ir.Constant(shorts, [0] * 32))
        with cgutils.for_range(b, args[6]) as loop:
            lower, upper, value = chunk(0, loop.index), chunk(1, loop.index), chunk(2, loop.index)
            away = b.bitcast(b.or_(b.call(minus, [lower, value]), b.call(minus, [value, upper])), shorts)
            even = b.and_(away, ir.Constant(shorts, [255] * 32))
            odd = b.lshr(away, ir.Constant(shorts, [8] * 32))
            b.store(b.add(b.load(sums), b.add(even, odd)), sums)
        return b.zext(b.call(add_up, [b.zext(b.load(sums), ints)]), _WORD)

    return signature, generate
