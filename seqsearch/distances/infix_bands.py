"""The infix distance within a band: a query against letters packed at two bits, near a place where it is expected.

The recursion is that of Hyyrö (2003) for a band of 64 rows that slides down by a row a column, with the parts changed:
columns are the letters of the query, rows those of the target, and the first column is zero, for the part may begin on
any of the first 64 rows. One band, or two, the second `BESIDE` further on, are followed for each candidate, as far as
insertions and deletions do not lead out of them; what is found is never below the infix distance of the packed letters.
Which rows match is computed from the two planes of bits of the letters, for 16 bands at once.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types

from ..arrays import AnyArray, ByteArray, DoubleArray, IntArray
from ..emitting import WORD, Emitter, Typed, emitted
from ..jit import kernel
from .arguments import Columns
from .band_vectors import LANE_BITS, fetch
from .infix_parts import enter

HEIGHT = 64  # rows of a band
BESIDE = 48  # letters between the two bands of a candidate: they share some, so that what is in between is in one
REACH = HEIGHT + BESIDE
"""How many letters behind its base a part may begin."""


def reach_of(bands: int) -> int:
    """The same of one band or two."""
    return HEIGHT + (bands - 1) * BESIDE


LANES = LANE_BITS // HEIGHT
_VEC = ir.VectorType(WORD, LANES)
_STEPS = ((1, 0x3333333333333333), (2, 0x0F0F0F0F0F0F0F0F), (4, 0x00FF00FF00FF00FF), (8, 0x0000FFFF0000FFFF))
_HALF, _EVEN = 0xFFFFFFFF, 0x5555555555555555
_CANONICAL = 4


@emitted
def read_words(packed: Any, start: object, words: Any, at: object, count: object) -> Typed:
    """words[at + i * LANES] = the i-th of `count` words of the bytes packed[start:]."""

    def emit(e: Emitter) -> None:
        b = e.b
        with e.loop(e.number(0), e.args[4]) as i:
            address = b.bitcast(e.place(0, b.add(e.args[1], b.mul(i, e.number(8)))), WORD.as_pointer())
            loaded = b.load(address)
            loaded.align = 1
            b.store(loaded, e.place(2, b.add(e.args[3], b.mul(i, e.number(LANES)))))

    place = types.int64
    return types.void(packed, place, words, place, place), emit


@emitted
def sweep_planes(words: Any, blocks: object, letters: Any, count: object, found: Any) -> Typed:
    """`found`, (2 * LANES): the least distance of LANES bands, then how many letters behind its begin each has it.

    `words`: twice as many vectors as there are `blocks` of 64 letters, packed; they are changed. `letters`, (3 * m):
    of each of the `count` letters of the query the two bits, and whether it is one of the four, spread over a word.
    """

    def emit(e: Emitter) -> None:
        b = e.b
        zeros, one = ir.Constant(_VEC, [0] * LANES), ir.Constant(_VEC, [1] * LANES)

        def everywhere(value: int) -> ir.Value:
            return ir.Constant(_VEC, [value] * LANES)

        def plane(value: ir.Value, shift: int) -> ir.Value:
            """Every second bit, in the lower half."""
            value = b.and_(b.lshr(value, everywhere(shift)) if shift else value, everywhere(_EVEN))
            for by, mask in _STEPS:
                value = b.and_(b.or_(value, b.lshr(value, everywhere(by))), everywhere(mask))
            return b.and_(b.or_(value, b.lshr(value, everywhere(16))), everywhere(_HALF))

        def row(at: ir.Value) -> ir.Value:
            return e.place(0, b.mul(at, e.number(LANES)))

        with e.loop(e.number(0), e.args[1]) as block:
            first = b.mul(block, e.number(2))
            second = b.add(first, e.number(1))
            low, high = e.read(row(first), _VEC), e.read(row(second), _VEC)
            e.write(b.or_(plane(low, 0), b.shl(plane(high, 0), everywhere(32))), row(first))
            e.write(b.or_(plane(low, 1), b.shl(plane(high, 1), everywhere(32))), row(second))
        positive, negative, score = (e.variable(zeros) for _ in range(3))
        with e.loop(e.number(0), e.args[3]) as column:
            block, inside = b.lshr(column, e.number(6)), b.and_(column, e.number(63))
            shift, back = e.spread(inside, _VEC), e.spread(b.sub(e.number(63), inside), _VEC)
            differs = zeros
            at = b.mul(column, e.number(3))
            for p in range(2):
                here = b.add(b.mul(block, e.number(2)), e.number(p))
                near, far = e.read(row(here), _VEC), e.read(row(b.add(here, e.number(2))), _VEC)
                window = b.or_(b.lshr(near, shift), b.shl(b.shl(far, one), back))
                letter = e.spread(b.load(e.place(2, b.add(at, e.number(p)))), _VEC)
                differs = b.or_(differs, b.xor(window, letter))
            known = e.spread(b.load(e.place(2, b.add(at, e.number(2)))), _VEC)
            match = b.and_(b.not_(differs), known)
            vp, vn = b.load(positive), b.load(negative)
            zero = b.or_(b.or_(b.xor(b.add(b.and_(match, vp), vp), vp), match), vn)
            hp, hn = b.or_(vn, b.not_(b.or_(zero, vp))), b.and_(zero, vp)
            b.store(b.sub(b.add(b.load(score), one), b.lshr(zero, everywhere(63))), score)
            moved = b.lshr(zero, one)
            b.store(b.or_(hn, b.not_(b.or_(moved, hp))), positive)
            b.store(b.and_(moved, hp), negative)
        value, least, lowest = e.variable(b.load(score)), e.variable(b.load(score)), e.variable(everywhere(HEIGHT - 1))
        rise = e.variable(b.shl(b.load(positive), one))
        fall = e.variable(b.shl(b.load(negative), one))
        with e.loop(e.number(1), e.number(HEIGHT)) as above:
            up, down = b.load(rise), b.load(fall)
            step = b.sub(b.lshr(down, everywhere(63)), b.lshr(up, everywhere(63)))
            now = b.add(b.load(value), step)
            b.store(now, value)
            best = b.load(least)
            lower = b.icmp_signed("<", now, best)
            b.store(b.select(lower, now, best), least)
            row_there = e.spread(b.sub(e.number(HEIGHT - 1), above), _VEC)
            b.store(b.select(lower, row_there, b.load(lowest)), lowest)
            b.store(b.shl(up, one), rise)
            b.store(b.shl(down, one), fall)
        e.write(b.load(least), e.place(4))
        e.write(b.load(lowest), e.place(4, LANES))

    place = types.int64
    return types.void(words, place, letters, place, found), emit


@kernel(parallel=True)
def nearest_in_bands(
    queries: Columns,
    packed: ByteArray,
    bases: IntArray,
    bands: int,
    found: IntArray,
    distances: DoubleArray,
    behind: AnyArray,
) -> None:
    """The k nearest of candidates, (Q, C), a query, beside those already `found`: which of the C, (Q, k), and how far.

    bases[q, c]: the byte of `packed` in which the bands of the candidate begin, one or two `bands`, -1 for one that is
    left out. All letters of bands must be of the target, up to m + `reach_of(bands)` behind the base. `behind`, (Q, C):
    how many letters behind its base each is nearest, give or take insertions and deletions.
    """
    data, offsets = queries
    for q in numba.prange(len(offsets) - 1):
        start, m = offsets[q], offsets[q + 1] - offsets[q]
        letters = np.empty(3 * m, np.uint64)
        for i in range(m):
            code = np.uint64(data[start + i])
            letters[3 * i] = np.uint64(0) - (code & np.uint64(1))
            letters[3 * i + 1] = np.uint64(0) - ((code >> np.uint64(1)) & np.uint64(1))
            letters[3 * i + 2] = ~np.uint64(0) if code < np.uint64(_CANONICAL) else np.uint64(0)
        blocks = (m + HEIGHT + 63) // 64 + 1
        words = np.zeros(2 * blocks * LANES, np.uint64)
        spill = np.zeros(16 * blocks, np.uint8)
        values, held, places = np.empty(2 * LANES, np.int64), 0, np.empty(LANES, np.int64)
        for c in range(bases.shape[1]):
            if bases[q, c] >= 0:
                places[held] = c
                held += 1
                fetch(packed, bases[q, c])
            if held < LANES // bands and not (held and c == bases.shape[1] - 1):
                continue
            for lane in range(bands * held):
                base = bases[q, places[lane // bands]] + lane % bands * (BESIDE // _CANONICAL)
                left = len(packed) - base
                if left >= 16 * blocks:
                    read_words(packed, base, words, lane, 2 * blocks)
                else:
                    spill[:left] = packed[base:]
                    spill[left:] = 0
                    read_words(spill, 0, words, lane, 2 * blocks)
            sweep_planes(words, blocks, letters, m, values)
            for i in range(held):
                lane = bands * i
                if bands == 2 and values[lane + 1] < values[lane]:
                    lane += 1
                behind[q, places[i]] = values[LANES + lane] + lane % bands * BESIDE
                enter(distances[q], found[q], float(values[lane]), places[i])
            held = 0
