"""The infix distance: the least edit distance between the query and any part of the target, whose ends are free."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, ByteArray, DoubleArray, IntArray
from ..sequences import Sequence, Sequences
from ..threads import numba_threads
from . import infix_lanes
from .arguments import Columns, columns_of, pair_arguments
from .distance import LEAST_COST
from .edit_paths import path_between
from .infix_bands import nearest_in_bands
from .infix_exact import InfixNeighbours
from .infix_kernels import pairs_kernel, spans_kernel
from .infix_parts import nearest_parts
from .lane_matrix import lane_matrix
from .paths import AlignedPath
from .scoring_lanes import grouped
from .wildcards import shortest_path
from .windowed import WindowedDistance

# In candidates proposed by the graph: a column of 64 cells where 16 targets go side by side, and a target whose q-grams
# are counted.
_COLUMN = 0.001
_BOUND = 0.002


class InfixDistance(WindowedDistance):
    """The edits that make a query equal to the part of a target that is nearest to it (edlib's mode HW).

    For reads against genes: what the target has before and after costs nothing. It is not symmetric - the query comes
    first - at most the length of the query, and 0 for an empty one. `spans` says which part that is: of several the
    one that ends first, and of those the longest. `wildcards`: see `WildcardDistance`; `window`, `stride`: see
    `WindowedDistance`.
    """

    name = "infix"
    kind = "tokens"
    whole_numbers = True
    alignable = True
    symmetric = False
    partial = True

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        return lane_matrix(self, infix_lanes.matrix_kernel, a, b)

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        ordered, found = np.empty(len(first)), np.empty(len(first))
        numba_threads()
        order, groups = grouped(first, b.lengths_of(second))
        asked, rows = self.asked_rows(a, first)
        pairs_kernel(asked, rows[order], columns_of(b), second[order], groups, limits[order], ordered)
        found[order] = ordered
        return found

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> InfixNeighbours:
        """The q-grams of the targets listed once, for many searches."""
        self.require(targets)
        return InfixNeighbours(targets, allowed, self.known(targets))

    def spans(self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray) -> tuple[IntArray, IntArray]:
        """(m,) where the nearest part of b[b_rows[i]] begins and ends, as a slice."""
        self.require(a, b)
        first, second, _ = pair_arguments(a_rows, len(a), b_rows, len(b), None)
        begins, ends = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
        numba_threads()
        asked, rows = self.asked_rows(a, first)
        spans_kernel(asked, rows, columns_of(b), second, begins, ends)
        return begins, ends

    def nearest_parts(
        self,
        queries: Sequences,
        text: AnyArray,
        starts: IntArray,
        ends: IntArray,
        found: IntArray,
        distances: DoubleArray,
    ) -> None:
        numba_threads()
        nearest_parts(self.asked(queries), text, starts, ends, found, distances)

    def nearest_in_bands(
        self,
        queries: Sequences,
        packed: ByteArray,
        bases: IntArray,
        found: IntArray,
        distances: DoubleArray,
        bands: int = 2,
    ) -> AnyArray:
        numba_threads()
        behind = np.zeros(bases.shape, np.uint8)
        nearest_in_bands(columns_of(queries), packed, bases, bands, found, distances, behind)
        return behind

    def align(self, query: Sequence, target: Sequence) -> AlignedPath:
        """A shortest path between the query and the nearest part of the target."""
        known = self.known(query)
        if known is None:
            begin, end = _span(query.data, target.data)
            return AlignedPath(path_between(query.data, target.data[begin:end]).runs, (0, begin))
        begin, end = _span(known.masks[query.data], target.data)
        return AlignedPath(shortest_path(known, query.data, target.data[begin:end]).runs, (0, begin))

    @property
    def aligner(self) -> InfixDistance:
        return self

    def bit_scores(self, scores: AnyArray) -> None:
        """Edits have none."""

    def e_values(self, scores: AnyArray, lengths: AnyArray, total: int) -> None:
        """Edits have none."""

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """Columns of the dynamic programme, some words each, of targets some times as long as the queries."""
        mean = float(lengths.mean())
        return max(LEAST_COST, mean * (1 + mean // 64) * _COLUMN)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        return others * _BOUND * float(lengths.mean())


def _span(query: AnyArray, target: AnyArray) -> tuple[int, int]:
    begins, ends, zero = np.empty(1, np.int64), np.empty(1, np.int64), np.zeros(1, np.int64)
    one, other = (Columns(data, np.array([0, len(data)])) for data in (query, target))
    spans_kernel(one, zero, other, zero, begins, ends)
    return int(begins[0]), int(ends[0])
