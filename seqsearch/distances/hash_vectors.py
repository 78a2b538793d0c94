"""The recursion of DTW on hash sequences as vector instructions: one database sequence a lane, 16 lanes.

The cost of a cell, the bits in which two hashes differ, is computed in the recursion itself: exclusive or, population
count. A lane holds the cost of the best path and the number of its cells, both int32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.types import Type

from ..emitting import INT, Emitter, Typed, emitted

HASH_LANES = 16
BLOCK_ROWS = 4

_LANES = ir.VectorType(INT, HASH_LANES)


def _sweep(rows: int) -> Callable[..., Typed]:
    def typing(
        state: Type, codes: Any, query: Type, edge: Type, row: object, first: object, last: object, penalty: object
    ) -> Typed:
        width = codes.dtype.bitwidth

        def emit(e: Emitter) -> None:
            b = e.b
            word = ir.IntType(width)
            hashes = ir.VectorType(word, HASH_LANES)
            penalties = e.spread(e.args[7], _LANES)
            ones = ir.Constant(_LANES, [1] * HASH_LANES)
            asked = [e.spread(e.read(e.place(2, b.add(e.args[4], e.number(r))), word), hashes) for r in range(rows)]
            # Slots of the edge: cost and cells of each row in the column before, then of the row above.
            edges = [e.place(3, slot * HASH_LANES) for slot in range(2 * rows + 2)]
            held = [e.variable(e.read(place, _LANES)) for place in edges]
            with e.loop(e.args[5], e.args[6]) as column:
                at = b.mul(column, e.number(2 * HASH_LANES))
                cost_here, cells_here = e.place(0, at), e.place(0, b.add(at, e.number(HASH_LANES)))
                up, up_cells = e.read(cost_here, _LANES), e.read(cells_here, _LANES)
                diagonal, diagonal_cells = b.load(held[2 * rows]), b.load(held[2 * rows + 1])
                b.store(up, held[2 * rows])
                b.store(up_cells, held[2 * rows + 1])
                code = e.read(e.place(1, b.mul(column, e.number(HASH_LANES))), hashes)
                for r in range(rows):
                    differing = e.instruction(f"llvm.ctpop.v{HASH_LANES}i{width}", hashes, b.xor(code, asked[r]))
                    if width != 32:
                        differing = b.trunc(differing, _LANES) if width > 32 else b.zext(differing, _LANES)
                    left, left_cells = b.load(held[2 * r]), b.load(held[2 * r + 1])
                    best, cells = diagonal, diagonal_cells
                    for other, other_cells in ((up, up_cells), (left, left_cells)):
                        dearer = b.add(other, penalties)
                        better = b.icmp_signed("<", dearer, best)
                        best = b.select(better, dearer, best)
                        cells = b.select(better, other_cells, cells)
                    best, cells = b.add(best, differing), b.add(cells, ones)
                    b.store(best, held[2 * r])
                    b.store(cells, held[2 * r + 1])
                    diagonal, diagonal_cells, up, up_cells = left, left_cells, best, cells
                e.write(up, cost_here)
                e.write(up_cells, cells_here)
            for variable, place in zip(held, edges, strict=True):
                e.write(b.load(variable), place)

        return types.void(state, codes, query, edge, types.int64, types.int64, types.int64, types.int32), emit

    return typing


# sweep_block(state, codes, query, edge, row, first, last, penalty): BLOCK_ROWS rows of the query from `row` on, over
# the columns first..last - 1. state: cost and cells, 16 lanes each, of the row above for every column, replaced by
# those of the last row; codes: 16 lanes a column; edge: int32, cost and cells of each row before `first`, then of the
# row above there.
sweep_block = emitted(_sweep(BLOCK_ROWS))
sweep_row = emitted(_sweep(1))
