"""The layers of the fast networks as kernels run them: sums of the rows of tables, held in registers.

A table lies in chunks of `CHUNK` columns, a chunk of all rows after the other: the sums over a chunk fit in registers
(four of AVX-512), and it stays in the second cache while the features of one sequence after the other are summed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..arrays import AnyArray, FloatArray, IntArray
from ..emitting import WORD, Emitter, Typed, emitted
from ..jit import kernel

CHUNK = 64
_LINE = 64  # bytes

_SUMS = ir.VectorType(ir.FloatType(), CHUNK)
_FUSED = ("contract",)  # a product and a sum may be one instruction; their order stays


class Layers(NamedTuple):
    """x -> x L, or x -> x L + relu(x W + `shift`) V, for features x (M,) and points (D,).

    `first`: L and W side by side, (C, M, CHUNK); `shift`: (H,), empty where there is no second layer; `second`: V,
    (C', H, CHUNK); columns beyond the last are 0.
    """

    first: FloatArray
    shift: FloatArray
    second: FloatArray
    dim: int


def linear_layers(table: AnyArray) -> Layers:
    """x -> x `table`, (M, D)."""
    return Layers(_chunks(table), np.zeros(0, np.float32), np.zeros((0, 0, CHUNK), np.float32), table.shape[1])


def residual_layers(linear: AnyArray, widen: AnyArray, shift: AnyArray, narrow: AnyArray) -> Layers:
    """x -> x `linear` + relu(x `widen` + `shift`) `narrow`, of shapes (M, D), (M, H), (H,), (H, D)."""
    first = np.concatenate([linear, widen], axis=1)
    return Layers(_chunks(first), np.ascontiguousarray(shift, np.float32), _chunks(narrow), linear.shape[1])


def _chunks(table: AnyArray) -> FloatArray:
    """(M, W) -> (ceil(W / CHUNK), M, CHUNK)."""
    rows, width = table.shape
    count = -(-width // CHUNK)
    chunks = _aligned(count * rows * CHUNK).reshape(count, rows, CHUNK)
    for c in range(count):
        part = table[:, c * CHUNK : (c + 1) * CHUNK]
        chunks[c, :, : part.shape[1]] = part
    return chunks


def _aligned(size: int) -> FloatArray:
    """Zeros that begin with a line of the cache: a vector that lies across two takes twice as long to load."""
    room = np.zeros(size + _LINE // 4, np.float32)
    first = -room.ctypes.data % _LINE // 4
    return room[first : first + size]


class Lists(NamedTuple):
    """Features of some sequences: those of sequence i, and their weights, from ends[i] to ends[i + 1]."""

    features: AnyArray
    weights: FloatArray
    ends: IntArray


@emitted
def _add_rows(
    table: Type, at: object, features: Type, weights: Type, first: object, last: object, sums: Type, to: object
) -> Typed:
    """sums[to:+CHUNK] += weights[j] * table[at + CHUNK * features[j]:+CHUNK] for j from `first` to `last` - 1."""

    def emit(e: Emitter) -> None:
        b = e.b
        rows, listed, weighed = e.place(0, e.args[1]), e.place(2), e.place(3)
        place = e.place(6, e.args[7])
        total = e.variable(e.read(place, _SUMS))
        with e.loop(e.args[4], e.args[5]) as j:
            feature = b.zext(b.load(e.step(listed, j)), WORD)
            row = e.read(e.step(rows, b.mul(feature, e.number(CHUNK))), _SUMS)
            weight = e.spread(b.load(e.step(weighed, j)), _SUMS)
            b.store(b.fadd(b.load(total), b.fmul(weight, row, flags=_FUSED), flags=_FUSED), total)
        e.write(b.load(total), place)

    place, flat = types.int64, [table, types.int64, features, weights]
    return types.void(*flat, place, place, sums, place), emit


@kernel()
def forward(lists: Lists, layers: Layers, out: FloatArray) -> None:
    """The points of some sequences to `out`, (n, D). Each is the same sum in the same order whatever the others are."""
    features, weights, ends = lists
    first, shift, second, dim = layers
    count, chunks, size = len(ends) - 1, first.shape[0], first.shape[1]
    wide = np.zeros((count, chunks * CHUNK), np.float32)
    for c in range(chunks):
        for i in range(count):
            to = (i * chunks + c) * CHUNK
            _add_rows(first, c * size * CHUNK, features, weights, ends[i], ends[i + 1], wide, to)
    hidden, chunks = len(shift), second.shape[0]
    active = np.empty(hidden + 1, np.int32)
    values = np.empty(hidden + 1, np.float32)
    points = np.empty(chunks * CHUNK, np.float32)
    for i in range(count):
        if hidden == 0:
            out[i] = wide[i, :dim]
            continue
        used = 0
        for j in range(hidden):
            value = wide[i, dim + j] + shift[j]
            active[used] = j
            values[used] = value
            used += int(value > 0)
        points[:] = 0
        points[:dim] = wide[i, :dim]
        for c in range(chunks):
            _add_rows(second, c * hidden * CHUNK, active, values, 0, used, points, c * CHUNK)
        out[i] = points[:dim]
