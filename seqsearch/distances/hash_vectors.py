"""The recursion of DTW on hash sequences as vector instructions: one database sequence a lane, 16 lanes.

The cost of a cell, the bits in which two hashes differ, is computed in the recursion itself: exclusive or, population
count. A lane holds the cost of the best path and the number of its cells, both int32.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from .vectors import cgutils, emitted

HASH_LANES = 16
BLOCK_ROWS = 4

_INT = ir.IntType(32)
_WORD = ir.IntType(64)
_LANES = ir.VectorType(_INT, HASH_LANES)


def _vector(context: Any, b: Any, array_type: Any, array: Any, at: Any, kind: Any) -> Any:
    """A pointer to the vector of type `kind` at position `at`, counted in elements of the flat array."""
    data = context.make_array(array_type)(context, b, array).data
    return b.bitcast(b.gep(data, [at], inbounds=True), kind.as_pointer())


def _read(b: Any, pointer: Any, size: int) -> Any:
    loaded = b.load(pointer)
    loaded.align = size
    return loaded


def _write(b: Any, value: Any, pointer: Any, size: int) -> None:
    b.store(value, pointer).align = size


def _spread(b: Any, value: Any, kind: Any) -> Any:
    one = b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_INT, 0))
    lanes = ir.Constant(ir.VectorType(_INT, HASH_LANES), [0] * HASH_LANES)
    return b.shuffle_vector(one, ir.Constant(kind, ir.Undefined), lanes)


def _sweep(rows: int) -> Any:
    def typing(
        typing_context: Any,
        state: Any,
        codes: Any,
        query: Any,
        row: Any,
        first: Any,
        last: Any,
        penalty: Any,
        edge: Any,
    ) -> Any:
        signature = types.void(state, codes, query, types.int64, types.int64, types.int64, types.int32, edge)
        width = codes.dtype.bitwidth

        def generate(context: Any, b: Any, sig: Any, args: Any) -> Any:
            state_v, codes_v, query_v, row_v, first_v, last_v, penalty_v, edge_v = args
            word = ir.IntType(width)
            hashes = ir.VectorType(word, HASH_LANES)
            count = cgutils.get_or_insert_function(
                b.module, ir.FunctionType(hashes, [hashes]), f"llvm.ctpop.v{HASH_LANES}i{width}"
            )

            def number(value: int) -> Any:
                return ir.Constant(_WORD, value)

            def edge_at(slot: int) -> Any:
                return _vector(context, b, sig.args[7], edge_v, number(slot * HASH_LANES), _LANES)

            penalties = _spread(b, penalty_v, _LANES)
            ones = ir.Constant(_LANES, [1] * HASH_LANES)
            queries = []
            for r in range(rows):
                pointer = _vector(context, b, sig.args[2], query_v, b.add(row_v, number(r)), word)
                queries.append(_spread(b, _read(b, pointer, width // 8), hashes))
            # Slots of the edge: cost and cells of each row in the column before, then of the row above.
            held = [cgutils.alloca_once_value(b, _read(b, edge_at(slot), 4)) for slot in range(2 * rows + 2)]
            with cgutils.for_range_slice(b, first_v, last_v, number(1), _WORD) as (column, _):
                at = b.mul(column, number(2 * HASH_LANES))
                cost_here = _vector(context, b, sig.args[0], state_v, at, _LANES)
                cells_here = _vector(context, b, sig.args[0], state_v, b.add(at, number(HASH_LANES)), _LANES)
                up, up_cells = _read(b, cost_here, 4), _read(b, cells_here, 4)
                diagonal, diagonal_cells = b.load(held[2 * rows]), b.load(held[2 * rows + 1])
                b.store(up, held[2 * rows])
                b.store(up_cells, held[2 * rows + 1])
                code_at = b.mul(column, number(HASH_LANES))
                code = _read(b, _vector(context, b, sig.args[1], codes_v, code_at, hashes), width // 8)
                for r in range(rows):
                    differing = b.call(count, [b.xor(code, queries[r])])
                    if width > 32:
                        differing = b.trunc(differing, _LANES)
                    elif width < 32:
                        differing = b.zext(differing, _LANES)
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
                _write(b, up, cost_here, 4)
                _write(b, up_cells, cells_here, 4)
            for slot in range(2 * rows + 2):
                _write(b, b.load(held[slot]), edge_at(slot), 4)
            return context.get_dummy_value()

        return signature, generate

    return typing


# sweep_block(state, codes, query, row, first, last, penalty, edge): BLOCK_ROWS rows of the query from `row` on, over
# the columns first..last - 1. state: cost and cells, 16 lanes each, of the row above for every column, replaced by
# those of the last row; codes: 16 lanes a column; edge: int32, cost and cells of each row before `first`, then of the
# row above there.
sweep_block = emitted(_sweep(BLOCK_ROWS))
sweep_row = emitted(_sweep(1))
