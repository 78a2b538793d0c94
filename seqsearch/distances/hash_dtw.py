"""DTW between sequences of binary hashes, distances included: no stored matrix, two rolling rows, 16 targets at once.

The matching form (Raffel 2016, "Learning-based methods for comparing sequences", chapters 4 and 5): the cost of a cell
is the Hamming distance of two hashes, D[i, j] = c(i, j) + min(D[i-1, j-1], D[i-1, j] + penalty, D[i, j-1] + penalty),
free start on the first row or column, free end from step K = int(gully * shorter) on (K is at most the last step). The
score is the cost of the best path over the number of its cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import EmptySequenceError, MismatchError, ParameterError
from ..jit import kernel
from ..sequences import offsets_of, ranges_to_indices
from ..threads import numba_threads
from .arguments import Columns
from .hash_vectors import BLOCK_ROWS, HASH_LANES, sweep_block, sweep_row

_WIDTHS = {8 * np.dtype(t).itemsize: np.dtype(t) for t in (np.uint16, np.uint32, np.uint64)}


@dataclass(frozen=True)
class HashSequences:
    """n sequences of hashes, one after the other.

    `codes`: (sum T,) uint16, uint32 or uint64; `offsets`: (n + 1,) int64.
    """

    codes: AnyArray
    offsets: IntArray

    @classmethod
    def of(cls, codes: AnyArray, offsets: IntArray) -> HashSequences:
        """From codes of 16, 32 or 64 bits, or packed bytes (sum T, 2, 4 or 8) as `hashing` packs them.

        Raises ParameterError for another form, EmptySequenceError for a sequence without a hash.
        """
        flat = np.ascontiguousarray(codes)
        if flat.dtype == np.uint8 and flat.ndim == 2 and 8 * flat.shape[1] in _WIDTHS:
            flat = flat.view(_WIDTHS[8 * flat.shape[1]]).ravel()
        if flat.ndim != 1 or flat.dtype not in _WIDTHS.values():
            raise ParameterError(f"hashes of shape {flat.shape}, {flat.dtype}, are not of 16, 32 or 64 bits")
        bounds = np.ascontiguousarray(offsets, np.int64)
        if len(bounds) < 1 or bounds[0] != 0 or bounds[-1] != len(flat):
            raise ParameterError(f"offsets do not run from 0 to the {len(flat)} hashes there are")
        if (np.diff(bounds) < 1).any():
            raise EmptySequenceError("the sequence is empty", record=int(np.argmax(np.diff(bounds) < 1)) + 1)
        return cls(flat, bounds)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: IntArray) -> HashSequences:
        """The sequences of `rows`, in that order."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        return HashSequences(self.codes[ranges_to_indices(starts, lengths)], offsets_of(lengths))

    @property
    def bits(self) -> int:
        """Bits of a hash."""
        return 8 * self.codes.dtype.itemsize


class HashDTW:
    """The score of hash sequences; the less, the more alike.

    `penalty`: cost of a step that is not diagonal, a whole number of bits >= 0 (Raffel: 4 for 16 bits, 15 for 32);
    `gully`: the share of the shorter sequence that must be covered, in 0..1.
    """

    def __init__(self, *, penalty: int, gully: float = 0.9) -> None:
        if penalty < 0 or penalty != int(penalty) or penalty >= 1 << 20:
            raise ParameterError(f"penalty must be a whole number of bits from 0 on, not {penalty}")
        if not 0 <= gully <= 1:
            raise ParameterError(f"gully must be a share from 0 to 1, not {gully}")
        self.penalty, self.gully = int(penalty), float(gully)

    def __repr__(self) -> str:
        return f"HashDTW(penalty={self.penalty}, gully={self.gully})"

    def scores(self, queries: HashSequences, targets: HashSequences) -> DoubleArray:
        """(Q, n) cost of the best path over its cells. Raises MismatchError when the hashes differ in bits."""
        if queries.bits != targets.bits:
            raise MismatchError(f"hashes of {queries.bits} bits cannot be compared with hashes of {targets.bits}")
        found = np.empty((len(queries), len(targets)))
        if found.size:
            numba_threads()
            asked = Columns(queries.codes, queries.offsets)
            scores_kernel(asked, packed(targets), self.penalty, self.gully, found)
        return found


class Packed(NamedTuple):
    """Targets by length, 16 to a group.

    `lanes`, (G * 16,): the row of each lane, the last one repeated to fill its group; `lengths`: of their sequences;
    `codes` of group g from starts[g] on, 16 lanes a column.
    """

    lanes: IntArray
    lengths: IntArray
    codes: AnyArray
    starts: IntArray


class Scratch(NamedTuple):
    """`state`, `edge`: of the sweeps; `costs`, `cells`, (16,) int32: of the best path of each lane so far."""

    state: AnyArray
    edge: AnyArray
    costs: AnyArray
    cells: AnyArray


def packed(targets: HashSequences) -> Packed:
    """The targets by length, 16 to a group."""
    order = np.argsort(np.diff(targets.offsets), kind="stable")
    groups = -(-len(order) // HASH_LANES)
    lanes = np.concatenate([order, np.full(groups * HASH_LANES - len(order), order[-1])])
    lengths = np.diff(targets.offsets)[lanes]
    starts = offsets_of(lengths.reshape(groups, HASH_LANES).max(axis=1) * HASH_LANES)
    found = Packed(lanes, lengths, np.zeros(int(starts[-1]), targets.codes.dtype), starts)
    _pack_kernel(targets.codes, targets.offsets, found)
    return found


@kernel(parallel=True)
def _pack_kernel(source: AnyArray, offsets: IntArray, found: Packed) -> None:
    lanes, lengths, codes, starts = found
    for g in numba.prange(starts.shape[0] - 1):
        for lane in range(HASH_LANES):
            at = g * HASH_LANES + lane
            for j in range(lengths[at]):
                codes[starts[g] + j * HASH_LANES + lane] = source[offsets[lanes[at]] + j]


@kernel(inline=True)
def last_free(m: int, n: int, gully: float) -> int:
    """K: from this step on a path may end on the last row or column."""
    return min(int(gully * min(m, n)), min(m, n) - 1)


@kernel()
def _ends_of_columns(row: int, rows: int, column: int, m: int, lengths: IntArray, gully: float, work: Scratch) -> None:
    """Keep the cheapest cell of the last column, of the lanes whose last column this is."""
    _, edge, costs, cells = work
    for lane in range(HASH_LANES):
        if lengths[lane] == column:
            free = last_free(m, column, gully)
            for r in range(rows):
                if row + r >= free and edge[2 * r * HASH_LANES + lane] < costs[lane]:
                    costs[lane] = edge[2 * r * HASH_LANES + lane]
                    cells[lane] = edge[(2 * r + 1) * HASH_LANES + lane]


@kernel()
def group_scores(
    query: AnyArray, codes: AnyArray, lengths: IntArray, penalty: int, gully: float, work: Scratch
) -> None:
    """Costs and cells of the best path of the query and each lane of a group; lengths ascend."""
    state, edge, costs, cells = work
    m = query.shape[0]
    step = np.int32(penalty)
    state[: 2 * HASH_LANES * lengths[HASH_LANES - 1]] = 0
    costs[:] = 2**31 - 1
    row = 0
    while row < m:
        rows = BLOCK_ROWS if m - row >= BLOCK_ROWS else 1
        edge[:] = 0
        first = 0
        for lane in range(HASH_LANES):
            last = lengths[lane]
            if last == first:
                continue
            if rows == BLOCK_ROWS:
                sweep_block(state, codes, query, edge, row, first, last, step)
            else:
                sweep_row(state, codes, query, edge, row, first, last, step)
            _ends_of_columns(row, rows, last, m, lengths, gully, work)
            first = last
        row += rows
    for lane in range(HASH_LANES):
        for j in range(last_free(m, lengths[lane], gully), lengths[lane]):
            at = 2 * HASH_LANES * j + lane
            if state[at] < costs[lane]:
                costs[lane] = state[at]
                cells[lane] = state[at + HASH_LANES]


@kernel()
def scratch_for(longest: int) -> Scratch:
    """Enough for a group whose longest sequence has that many hashes."""
    return Scratch(
        np.empty(2 * HASH_LANES * longest, np.int32),
        np.empty((2 * BLOCK_ROWS + 2) * HASH_LANES, np.int32),
        np.empty(HASH_LANES, np.int32),
        np.ones(HASH_LANES, np.int32),
    )


@kernel(parallel=True)
def scores_kernel(queries: Columns, targets: Packed, penalty: int, gully: float, found: DoubleArray) -> None:
    """found[q, row] = cost over cells of query q and the target in that row."""
    groups = targets.starts.shape[0] - 1
    for task in numba.prange((queries.offsets.shape[0] - 1) * groups):
        q, g = task // groups, task % groups
        lengths = targets.lengths[g * HASH_LANES : (g + 1) * HASH_LANES]
        work = scratch_for(lengths[HASH_LANES - 1])
        query = queries.data[queries.offsets[q] : queries.offsets[q + 1]]
        group_scores(query, targets.codes[targets.starts[g] : targets.starts[g + 1]], lengths, penalty, gully, work)
        for lane in range(HASH_LANES):
            found[q, targets.lanes[g * HASH_LANES + lane]] = work.costs[lane] / work.cells[lane]
