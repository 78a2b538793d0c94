"""Targets in the order of the q-grams that they share with a query: candidates for sequences that may hang over.

A query of m letters that has lost g of its q-grams to a target of n is lacking g - max(m - n, 0) of those that the
shorter one of the two could share with the other. That is the order of the overlap distance, roughly: an edit costs up
to q of them, a letter outside the overlap 1. Of 300 partial rRNA genes of 2,900 nt the nearest of 9,827 others is
among the first 50 for all, and .986 of the ten nearest are; principal components of k-mer counts, which know no ends,
have .67 of the nearest there.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..emitting import WORD, Emitter, Typed, emitted
from ..jit import kernel
from ..sequences import Sequences
from ..threads import in_blocks, numba_threads
from .arguments import allowed_rows, columns_of
from .gram_lists import Form, Grams, buckets_of, digits_of, grams_of
from .neighbours import unfilled
from .vectors import VECTOR, count_seven, full_adder
from .wildcards import Wildcards

_AT_ONCE = 7  # q-grams
_VECTORS = 16  # of targets whose counts lie in the nearest cache
_VEC = ir.VectorType(WORD, VECTOR)


@emitted
def _count_absent(bitmaps: Type, starts: Type, at: object, planes: Type, vectors: object, digits: object) -> Typed:
    """Count, for each of so many `vectors` of targets, which lack the _AT_ONCE q-grams whose bits begin at starts[i] +
    at. `planes`: `digits` vectors for each of them, lowest bit first."""

    def emit(e: Emitter) -> None:
        b = e.b
        bases = [b.add(b.load(e.place(1, i)), e.args[2]) for i in range(_AT_ONCE)]
        carry = e.variable(ir.Constant(_VEC, [0] * VECTOR))
        with e.loop(e.number(0), e.args[4]) as vector:
            by = b.mul(vector, e.number(VECTOR))
            absent = [b.not_(e.read(e.place(0, b.add(base, by)), _VEC)) for base in bases]
            into = b.mul(by, e.args[5])
            b.store(ir.Constant(_VEC, [0] * VECTOR), carry)
            counted = count_seven(b, absent)
            for p, plane in enumerate(counted):
                here = e.place(3, b.add(into, e.number(p * VECTOR)))
                digit, over = full_adder(b, e.read(here, _VEC), plane, b.load(carry))
                e.write(digit, here)
                b.store(over, carry)
            with e.loop(e.number(len(counted)), e.args[5]) as p:
                here = e.place(3, b.add(into, b.mul(p, e.number(VECTOR))))
                old, over = e.read(here, _VEC), b.load(carry)
                e.write(b.xor(old, over), here)
                b.store(b.and_(old, over), carry)

    return types.void(bitmaps, starts, types.int64, planes, types.int64, types.int64), emit


class Stored(NamedTuple):
    """`lengths` of the members, in the order that `grams` number them; `members`: their rows, ascending."""

    lengths: IntArray
    members: IntArray
    grams: Grams


class SharedGrams:
    """Targets whose q-grams are listed (`grams`), for many queries. `allowed`, (len(targets),), leaves targets out."""

    def __init__(
        self, targets: Sequences, allowed: BoolArray | None = None, wildcards: Wildcards | None = None
    ) -> None:
        numba_threads()
        members = allowed_rows(allowed, len(targets))
        self.grams = grams_of(targets, members, wildcards, rare=True)
        self._stored = Stored(targets.lengths_of(members), members, self.grams)

    def nearest(
        self, queries: Sequences, count: int, allowed: BoolArray | None = None, *, by_share: bool = False
    ) -> tuple[IntArray, DoubleArray]:
        """(Q, count) rows, -1 padded, that lack the fewest q-grams, and how many, inf padded; `by_share`: of those that
        the shorter one has, the least share. `allowed`, (rows,), leaves some of them out."""
        stored = self._stored
        rows, scores = unfilled(len(queries), count, -1)[0], np.full((len(queries), count), np.inf)
        mask = np.zeros(0, np.bool_) if allowed is None else allowed[stored.members]
        numba_threads()
        work = partial(_nearest_kernel, *columns_of(queries), stored, mask, by_share, rows, scores)
        in_blocks(len(queries), 1, work)
        return rows, scores


@kernel()
def lost_of(codes: AnyArray, grams: Grams) -> IntArray:
    """(words * 64,) how many q-grams of a query each target has nowhere; of targets beyond the last one any number."""
    slots, bitmaps, starts, lists, words, q, base, bits, letters = grams
    m = len(codes)
    lost = np.zeros(words * 64, np.int64)
    if m < q:
        return lost
    buckets = np.empty(m, np.int64)
    common, held = np.empty(m + _AT_ONCE, np.int64), 0
    listed = 0
    for j in range(buckets_of(codes, 0, m, Form(q, base, bits, letters), buckets)):
        slot = slots[buckets[j]]
        if slot >= 0:
            common[held] = slot * words
            held += 1
            continue
        listed += 1
        for at in range(starts[buckets[j]], starts[buckets[j] + 1]):
            lost[lists[at]] -= 1
    while held % _AT_ONCE:  # what all have
        common[held] = slots[len(slots) - 1] * words
        held += 1
    digits = max(digits_of(1, m), 3)
    planes = np.empty(_VECTORS * VECTOR * digits, np.uint64)
    for first in range(0, words // VECTOR, _VECTORS):
        vectors = min(_VECTORS, words // VECTOR - first)
        planes[:] = 0
        for at in range(0, held, _AT_ONCE):
            _count_absent(bitmaps, common[at : at + _AT_ONCE], first * VECTOR, planes, vectors, digits)
        for vector in range(vectors):
            for d in range(digits):
                for w in range(VECTOR):
                    plane = planes[(vector * digits + d) * VECTOR + w]
                    to = ((first + vector) * VECTOR + w) * 64
                    for lane in range(64):
                        lost[to + lane] += np.int64((plane >> np.uint64(lane)) & np.uint64(1)) << d
    return lost + listed


@kernel()
def _nearest_kernel(
    data: AnyArray,
    offsets: IntArray,
    stored: Stored,
    allowed: BoolArray,
    by_share: bool,
    rows: IntArray,
    scores: DoubleArray,
    first: int,
    last: int,
) -> None:
    """Fill the lines `first` to `last` - 1 of `rows` and `scores`, (Q, C)."""
    lengths, members, grams = stored
    for q in range(first, last):
        codes = data[offsets[q] : offsets[q + 1]]
        m = len(codes)
        lost = lost_of(codes, grams)
        lacking = np.empty(len(members))
        for at in range(len(members)):
            lacking[at] = max(0, lost[at] - max(m - lengths[at], 0))
            if by_share:
                lacking[at] /= max(min(m, lengths[at]), 1)
            if len(allowed) and not allowed[at]:
                lacking[at] = np.inf
        wanted = min(rows.shape[1], len(members))
        if not wanted:
            continue
        farthest = np.partition(lacking, wanted - 1)[wanted - 1]
        chosen, held = np.empty(wanted, np.int64), 0
        for place in np.flatnonzero(lacking < farthest):
            chosen[held] = place
            held += 1
        for place in np.flatnonzero(lacking == farthest)[: wanted - held]:
            chosen[held] = place
            held += 1
        order = np.argsort(lacking[chosen], kind="mergesort")
        for c in range(wanted):
            at = chosen[order[c]]
            if lacking[at] < np.inf:
                rows[q, c], scores[q, c] = members[at], lacking[at]
