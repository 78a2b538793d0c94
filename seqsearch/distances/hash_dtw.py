"""DTW between sequences of binary hashes, distances included: no stored matrix, two rolling rows, 16 targets at once.

The matching form (Raffel 2016, "Learning-based methods for comparing sequences", chapters 4 and 5): the cost of a cell
is the Hamming distance of two hashes, D[i, j] = c(i, j) + min(D[i-1, j-1], D[i-1, j] + penalty, D[i, j-1] + penalty),
free start on the first row or column, free end from step K = int(gully * shorter) on (K is at most the last step). The
score is the cost of the best path over the number of its cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import EmptySequenceError, MismatchError, ParameterError
from ..jit import kernel
from ..sequences import offsets_of, ranges_to_indices
from ..threads import numba_threads
from .edit_kernels import place
from .hash_vectors import BLOCK_ROWS, HASH_LANES, sweep_block, sweep_row
from .neighbours import Neighbours, require_count

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

    @classmethod
    def from_arrays(cls, sequences: list[AnyArray]) -> HashSequences:
        """From (T,) code arrays of one type."""
        return cls.of(np.concatenate(sequences), offsets_of([len(s) for s in sequences]))  # type: ignore[arg-type]

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
        if found.size == 0:
            return found
        numba_threads()
        lanes, codes, starts = packed(targets)
        scores_kernel(
            queries.codes, queries.offsets, targets.offsets, lanes, codes, starts, self.penalty, self.gully, found
        )
        return found

    def nearest(
        self, queries: HashSequences, targets: HashSequences, k: int, *, queries_a_step: int = 64
    ) -> Neighbours:
        """The k least scores of each query; ties go to the smallest row."""
        require_count(k)
        rows = np.full((len(queries), k), -1, np.int64)
        distances = np.full((len(queries), k), np.inf)
        for first in range(0, len(queries), queries_a_step):
            last = min(len(queries), first + queries_a_step)
            bounds = queries.offsets[first : last + 1]
            part = HashSequences(queries.codes[bounds[0] : bounds[-1]], bounds - bounds[0])
            least_kernel(self.scores(part, targets), rows[first:last], distances[first:last])
        return Neighbours(rows, distances)


def packed(targets: HashSequences) -> tuple[IntArray, AnyArray, IntArray]:
    """(lanes, codes, starts): targets by length, 16 to a group.

    lanes, (G * 16,): the row of each lane, the last one repeated to fill its group; codes of group g from starts[g] on,
    16 lanes a column.
    """
    order = np.argsort(np.diff(targets.offsets), kind="stable")
    groups = -(-len(order) // HASH_LANES)
    lanes = np.concatenate([order, np.full(groups * HASH_LANES - len(order), order[-1])])
    longest = np.diff(targets.offsets)[lanes].reshape(groups, HASH_LANES).max(axis=1)
    starts = offsets_of(longest * HASH_LANES)
    codes = np.zeros(int(starts[-1]), targets.codes.dtype)
    _pack_kernel(targets.codes, targets.offsets, lanes, codes, starts)
    return lanes, codes, starts


@kernel(parallel=True)
def _pack_kernel(source: AnyArray, offsets: IntArray, lanes: IntArray, codes: AnyArray, starts: IntArray) -> None:
    for g in numba.prange(starts.shape[0] - 1):
        for lane in range(HASH_LANES):
            row = lanes[g * HASH_LANES + lane]
            for j in range(offsets[row + 1] - offsets[row]):
                codes[starts[g] + j * HASH_LANES + lane] = source[offsets[row] + j]


@kernel(inline=True)
def last_free(m: int, n: int, gully: float) -> int:
    """K: from this step on a path may end on the last row or column."""
    return min(int(gully * min(m, n)), min(m, n) - 1)


@kernel()
def _ends_of_columns(
    edge: AnyArray,
    row: int,
    rows: int,
    column: int,
    m: int,
    lengths: IntArray,
    gully: float,
    costs: AnyArray,
    cells: AnyArray,
) -> None:
    """Keep the cheapest cell of the last column, of the lanes whose last column this is."""
    for lane in range(HASH_LANES):
        if lengths[lane] == column:
            free = last_free(m, column, gully)
            for r in range(rows):
                if row + r >= free and edge[2 * r * HASH_LANES + lane] < costs[lane]:
                    costs[lane] = edge[2 * r * HASH_LANES + lane]
                    cells[lane] = edge[(2 * r + 1) * HASH_LANES + lane]


@kernel()
def group_scores(
    query: AnyArray,
    start: int,
    m: int,
    codes: AnyArray,
    lengths: IntArray,
    penalty: int,
    gully: float,
    state: AnyArray,
    edge: AnyArray,
    costs: AnyArray,
    cells: AnyArray,
) -> None:
    """costs, cells, (16,) int32: of the best path of query[start:start + m] and each lane; lengths ascend."""
    step = np.int32(penalty)
    longest = lengths[HASH_LANES - 1]
    state[: 2 * HASH_LANES * longest] = 0
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
                sweep_block(state, codes, query, start + row, first, last, step, edge)
            else:
                sweep_row(state, codes, query, start + row, first, last, step, edge)
            _ends_of_columns(edge, row, rows, last, m, lengths, gully, costs, cells)
            first = last
        row += rows
    for lane in range(HASH_LANES):
        for j in range(last_free(m, lengths[lane], gully), lengths[lane]):
            at = 2 * HASH_LANES * j + lane
            if state[at] < costs[lane]:
                costs[lane] = state[at]
                cells[lane] = state[at + HASH_LANES]


@kernel(parallel=True)
def scores_kernel(
    queries: AnyArray,
    query_offsets: IntArray,
    target_offsets: IntArray,
    lanes: IntArray,
    codes: AnyArray,
    starts: IntArray,
    penalty: int,
    gully: float,
    found: DoubleArray,
) -> None:
    groups = starts.shape[0] - 1
    for task in numba.prange((query_offsets.shape[0] - 1) * groups):
        q, g = task // groups, task % groups
        rows = lanes[g * HASH_LANES : (g + 1) * HASH_LANES]
        lengths = np.empty(HASH_LANES, np.int64)
        for lane in range(HASH_LANES):
            lengths[lane] = target_offsets[rows[lane] + 1] - target_offsets[rows[lane]]
        state = np.empty(2 * HASH_LANES * lengths[HASH_LANES - 1], np.int32)
        edge = np.empty((2 * BLOCK_ROWS + 2) * HASH_LANES, np.int32)
        costs, cells = np.empty(HASH_LANES, np.int32), np.ones(HASH_LANES, np.int32)
        m = query_offsets[q + 1] - query_offsets[q]
        part = codes[starts[g] : starts[g + 1]]
        group_scores(queries, query_offsets[q], m, part, lengths, penalty, gully, state, edge, costs, cells)
        for lane in range(HASH_LANES):
            found[q, rows[lane]] = costs[lane] / cells[lane]


@kernel(parallel=True)
def least_kernel(scores: DoubleArray, rows: IntArray, distances: DoubleArray) -> None:
    """The k least of each line of scores, ties to the smallest row."""
    k = rows.shape[1]
    for q in numba.prange(scores.shape[0]):
        held = 0
        for row in range(scores.shape[1]):
            if held < k or scores[q, row] < distances[q, k - 1]:
                held = place(rows[q], distances[q], held, row, scores[q, row])
