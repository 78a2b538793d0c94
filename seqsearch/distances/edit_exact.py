"""Lossless nearest neighbours under the edit distance, in bulk.

Targets are packed 512 to a group, like with like (profiles.py). For a query, bounds go from cheap to dear: the lengths
and the box of k-mer counts of a whole group, then length and k-mer counts of each target, then the banded programme
with the running k-th distance as cutoff: of one target at a time where few are left (edit_kernels.py), else of all 512
at once (lanes.py). Groups come in the order of their mean counts' distance to the query's, so that the cutoff falls
early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from ..arrays import AnyArray, BoolArray, ByteArray, IntArray
from ..errors import ParameterError
from ..jit import kernel
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import numba_threads
from . import edit_kernels, lanes, profiles
from .arguments import allowed_rows
from .coding import Coding
from .neighbours import Neighbours, require_count, whole_neighbours
from .vectors import LANES, VECTOR, outside

# Below this number of targets left in a group they are verified one by one.
_FEW = 8
_QUERIES_A_STEP = 256
_FIRST_CUTOFF = 24
# Targets of neighbouring lengths that are sorted by likeness together.
_GROUPS_A_SLAB = 16


@dataclass(frozen=True)
class Pruning:
    """What became of all pairs of a lossless search.

    `pairs`: queries times targets. Each was ruled out by exactly one bound, or verified: `group_length` and `length`,
    by the lengths of a group or of a target; `group_kmers` and `kmers`, by k-mer counts; `cutoff`: verified and found
    to be above the k-th distance of that moment; `entered`: verified and at that moment one of the k nearest.
    """

    pairs: int
    group_length: int
    group_kmers: int
    length: int
    kmers: int
    cutoff: int
    entered: int

    @property
    def verified(self) -> int:
        """Pairs whose distance was looked at."""
        return self.cutoff + self.entered

    def __str__(self) -> str:
        named = (
            ("length of a group", self.group_length),
            ("k-mer counts of a group", self.group_kmers),
            ("length", self.length),
            ("k-mer counts", self.kmers),
            ("cutoff", self.cutoff),
        )
        parts = ", ".join(f"{name} {count / max(self.pairs, 1):.2%}" for name, count in named)
        return f"{self.pairs:,} pairs: ruled out by {parts}; entered {self.entered:,}"


class EditNeighbours:
    """Targets made ready for lossless search: `search` may be called many times.

    `allowed`, (len(targets),) bool, leaves targets out. Memory: about 5 bits a symbol for DNA with IUPAC
    codes (3 without), and the k-mer counts, 64 or 256 bytes a target.
    """

    def __init__(self, targets: Sequences, allowed: BoolArray | None = None) -> None:
        numba_threads()
        self.targets = targets
        rows = allowed_rows(allowed, len(targets))
        self._coding = Coding.of(targets)
        self._codes = self._coding.codes(targets)
        mean = float(targets.lengths[rows].mean()) if len(rows) else 0.0
        self._q, self._base, self._buckets = kmer_form(targets, mean)
        counts = self._counts(self._codes, targets.offsets, rows)
        groups = self._groups_of(counts, targets.lengths[rows])
        members = np.full((len(groups), LANES), -1, np.int64)
        for g, group in enumerate(groups):
            members[g, : len(group)] = np.sort(group)
        flat = members.ravel()
        self._low = np.empty((len(groups), self._buckets), np.uint8)
        self._high = np.empty_like(self._low)
        self._middle = np.empty_like(self._low)
        profiles.boxes_kernel(counts, flat, LANES, self._low, self._middle, self._high)
        self._counts_of_lane = counts[np.maximum(flat, 0)]
        packed = np.where(flat >= 0, rows[np.maximum(flat, 0)], -1) if len(rows) else flat
        self._groups = lanes.pack(self._codes, targets.offsets, packed, self._coding.bits)

    @staticmethod
    def _groups_of(counts: ByteArray, lengths: IntArray) -> list[IntArray]:
        """Members of each group: of about one length, which keeps bands narrow, and among those, like with like."""
        by_length = np.argsort(lengths, kind="stable")
        spread = int(lengths.max(initial=0) - lengths.min(initial=0))
        slab = len(lengths) if spread == 0 else _GROUPS_A_SLAB * LANES
        parts = (by_length[first : first + slab] for first in range(0, len(lengths), max(slab, 1)))
        return [part[group] for part in parts for group in profiles.alike(counts[part], LANES)]

    def _counts(self, codes: AnyArray, offsets: IntArray, rows: IntArray) -> ByteArray:
        counts = np.zeros((len(rows), self._buckets), np.uint8)
        profiles.counts_kernel(codes, offsets, rows, self._q, self._base, counts)
        return counts

    def search(
        self, queries: Sequences, k: int, *, within: IntArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, ties to the smallest row, and what the bounds ruled out.

        `within`, (Q,): only those at this distance at most, so that it is the cutoff from the start.
        Raises MismatchError when the queries are of another kind or alphabet.
        """
        self.targets.require_same_kind(queries)
        require_count(k)
        rows = np.full((len(queries), k), -1, np.int64)
        distances = np.full((len(queries), k), -1, np.int64)
        tally = np.zeros((len(queries), 6), np.int64)
        limits = np.full(len(queries), np.iinfo(np.int64).max) if within is None else np.asarray(within, np.int64)
        numba_threads()
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES_A_STEP):
                part = queries[first : first + _QUERIES_A_STEP]
                step = slice(first, first + len(part))
                self._search_part(part, limits[step], rows[step], distances[step], tally[step])
                task.advance(len(part))
        pairs = len(queries) * int((self._groups.rows >= 0).sum())
        return whole_neighbours(rows, distances), Pruning(pairs, *map(int, tally.sum(axis=0)))

    def _search_part(
        self, queries: Sequences, limits: IntArray, rows: IntArray, distances: IntArray, tally: IntArray
    ) -> None:
        codes = self._coding.codes(queries)
        counts = self._counts(codes, queries.offsets, np.arange(len(queries)))
        groups = self._groups
        search_kernel(
            codes,
            queries.offsets,
            counts,
            self._codes,
            self.targets.offsets,
            groups.rows,
            groups.lengths,
            groups.shortest,
            groups.longest,
            groups.planes,
            groups.starts,
            groups.columns,
            groups.bits,
            self._low,
            self._high,
            self._middle,
            self._counts_of_lane,
            2 * self._q,
            limits,
            rows,
            distances,
            tally,
        )


def kmer_form(targets: Sequences, mean: float) -> tuple[int, int, int]:
    """(q, base, buckets) of the counts that suit the alphabet and the mean length."""
    if targets.alphabet is None:
        raise ParameterError("k-mers are counted of tokens, not of series")
    if targets.alphabet.name in ("dna", "rna"):
        return (3, 4, 64) if mean < 500 else (4, 4, 256)
    return (2, 0, 64) if mean < 100 else (2, 0, 256)


@kernel(parallel=True)
def search_kernel(
    queries: AnyArray,
    query_offsets: IntArray,
    query_counts: ByteArray,
    targets: AnyArray,
    target_offsets: IntArray,
    lane_rows: IntArray,
    lane_lengths: IntArray,
    shortest: IntArray,
    longest: IntArray,
    planes: AnyArray,
    starts: IntArray,
    columns: IntArray,
    bits: int,
    low: ByteArray,
    high: ByteArray,
    middle: ByteArray,
    lane_counts: ByteArray,
    grams_an_edit: int,
    limits: IntArray,
    rows: IntArray,
    distances: IntArray,
    tally: IntArray,
) -> None:
    """Fill rows and distances, (Q, k), -1 before, and tally, (Q, 6), in the order of `Pruning`'s fields after pairs.

    `limits`, (Q,): nothing farther than that enters.
    """
    groups = columns.shape[0]
    k = rows.shape[1]
    width = low.shape[1]
    flat_query, flat_low, flat_high = query_counts.reshape(-1), low.reshape(-1), high.reshape(-1)
    flat_lanes, flat_middle = lane_counts.reshape(-1), middle.reshape(-1)
    for q in numba.prange(query_offsets.shape[0] - 1):
        m = query_offsets[q + 1] - query_offsets[q]
        gaps = np.empty(groups, np.int64)
        bounds = np.empty(groups, np.int64)
        far = np.empty(groups, np.int64)
        for g in range(groups):
            gaps[g] = max(0, max(shortest[g] - m, m - longest[g]))
            away = outside(flat_low, g * width, flat_high, g * width, flat_query, q * width, width // 64)
            bounds[g] = max(gaps[g], (away + grams_an_edit - 1) // grams_an_edit)
            far[g] = outside(flat_middle, g * width, flat_middle, g * width, flat_query, q * width, width // 64)
        order = np.argsort(far)
        pattern = edit_kernels.pattern_of(queries, query_offsets[q], query_offsets[q + 1])
        band = edit_kernels.scratch(m, longest.max() if groups else 0)
        codes, table = lanes.symbols_of(queries, query_offsets[q], query_offsets[q + 1])
        state, matches, sums = lanes.scratch(m, codes.shape[0])
        left = np.empty(LANES, np.int64)
        held = 0
        for at in range(groups):
            g = order[at]
            reach = min(limits[q], max(m, longest[g]))
            cutoff = distances[q, k - 1] if held == k else reach
            if bounds[g] > cutoff:
                for lane in range(g * LANES, (g + 1) * LANES):
                    tally[q, 0 if gaps[g] > cutoff else 1] += lane_rows[lane] >= 0
                continue
            few = 0
            most = cutoff * grams_an_edit
            for lane in range(g * LANES, (g + 1) * LANES):
                if lane_rows[lane] < 0:
                    continue
                if abs(lane_lengths[lane] - m) > cutoff:
                    tally[q, 2] += 1
                elif (
                    outside(flat_lanes, lane * width, flat_lanes, lane * width, flat_query, q * width, width // 64)
                    > most
                ):
                    tally[q, 3] += 1
                else:
                    left[few] = lane
                    few += 1
            if few == 0:
                continue
            digits = 0
            if few > _FEW:
                wanted = k - held
                cutoff = cutoff if held == k else min(cutoff, _FIRST_CUTOFF)
                while True:
                    digits = lanes.group_distances(
                        codes,
                        table,
                        planes,
                        starts[g],
                        columns[g],
                        bits,
                        shortest[g],
                        longest[g],
                        cutoff,
                        state,
                        matches,
                        sums,
                    )
                    if cutoff >= reach or held == k:
                        break
                    near = 0
                    for i in range(few if digits > 0 else 0):
                        lane = left[i] - g * LANES
                        near += int((lanes.at_most(sums, digits, lane >> 6, cutoff + m) >> np.uint64(lane & 63)) & 1)
                    if near >= wanted:
                        break
                    cutoff = min(2 * cutoff, reach)
                if digits == 0:
                    tally[q, 4] += few
                    continue
            word = -1
            near_lanes: Any = np.uint64(0)
            for i in range(few):
                lane = left[i]
                row = lane_rows[lane]
                worst = distances[q, k - 1] if held == k else cutoff
                if held == k and row > rows[q, k - 1]:
                    worst -= 1
                if digits > 0:
                    if (lane >> 6) != word:
                        word = lane >> 6
                        near_lanes = lanes.at_most(sums, digits, word - g * VECTOR, cutoff + m)
                    if not (near_lanes >> np.uint64(lane & 63)) & np.uint64(1):
                        found = worst + 1
                    else:
                        found = lanes.lane_value(sums, digits, lane - g * LANES) - m
                else:
                    start = target_offsets[row]
                    n = target_offsets[row + 1] - start
                    if held < k and worst >= max(m, longest[g]):
                        found = edit_kernels.distance_to(m, pattern, targets, start, n, band)
                    elif worst >= 0:
                        found = edit_kernels.within(m, pattern, targets, start, n, worst, band)
                    else:
                        found = worst + 1
                if found <= worst:
                    held = edit_kernels.place(rows[q], distances[q], held, row, found)
                    tally[q, 5] += 1
                else:
                    tally[q, 4] += 1
