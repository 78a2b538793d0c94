"""Lossless nearest neighbours under the edit distance, in bulk.

Targets are packed 512 to a group, like with like (profiles.py). For a query, bounds go from cheap to dear: the lengths
and the box of k-mer counts of a whole group, then length and k-mer counts of each target, then the banded programme
with the running k-th distance as cutoff: of one target at a time where few are left (edit_kernels.py), else of all 512
at once (lanes.py). Groups come in the order of their mean counts' distance to the query's, so that the cutoff falls
early.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, BoolArray, ByteArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..jit import kernel
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import in_blocks, numba_threads
from . import edit_kernels, lanes, profiles
from .arguments import allowed_rows
from .coding import Coding
from .neighbours import Neighbours, Pruning, unfilled, whole_neighbours
from .vectors import LANES, VECTOR, outside
from .wildcards import Wildcards

_FEW, _FEW_STEPS = 24, 40  # targets of a group that are compared one by one, one more for so many letters
_QUERIES_A_STEP = 256
_BLOCK, _MANY = 4, 64  # queries that a thread takes at a time, one by one where there are not so many
_FIRST = 64  # neighbours that are looked for among the nearest by counts first
_FIRST_CUTOFF = 24
_FAR = np.iinfo(np.int32).max  # farther than any edit distance


_BOUNDS = ("length of a group", "k-mer counts of a group", "length", "k-mer counts")
_CUTOFF, _ENTERED = len(_BOUNDS), len(_BOUNDS) + 1  # places of a tally after those of the bounds


class Profiles(NamedTuple):
    """k-mer counts of the targets: `low`, `middle`, `high`, (G, buckets): the least, mean and greatest of each group;
    `lanes`, (G * 512, buckets): of each target. `grams_an_edit`: by how much one edit changes a sum of counts at most;
    `spared`, (G * 512,): q-grams with wildcards, which are not counted; `most_spared`, (G,): the most of a group.
    """

    low: ByteArray
    middle: ByteArray
    high: ByteArray
    lanes: ByteArray
    grams_an_edit: int
    spared: IntArray
    most_spared: IntArray


class Asked(NamedTuple):
    """Q queries: `codes` as the targets are coded, or as sets of these, flat, with `offsets`, their k-mer `counts`, (Q,
    buckets), `spared`, (Q,), as of `Profiles`, and `limits`, (Q,): nothing farther than that enters.
    """

    codes: AnyArray
    offsets: IntArray
    counts: ByteArray
    spared: IntArray
    limits: IntArray


class Found(NamedTuple):
    """`rows`, `distances`: (Q, k), -1 before; `tally`: (Q, 6) pairs by what became of them."""

    rows: IntArray
    distances: IntArray
    tally: IntArray


class EditNeighbours:
    """Targets made ready for lossless search: `search` may be called many times.

    `allowed`, (len(targets),) bool, leaves targets out; `wildcards`: of their alphabet, where letters meet by these.
    Memory: about 5 bits a symbol for DNA with IUPAC
    codes (3 without), and the k-mer counts, 64 or 256 bytes a target.
    """

    def __init__(
        self, targets: Sequences, allowed: BoolArray | None = None, wildcards: Wildcards | None = None
    ) -> None:
        numba_threads()
        self.targets, self._wildcards = targets, wildcards
        rows = allowed_rows(allowed, len(targets))
        self._coding = Coding.of(targets)
        self._codes = self._coding.codes(targets)
        mean = float(targets.lengths[rows].mean()) if len(rows) else 0.0
        self._q, self._base, self._buckets = kmer_form(targets, mean)
        counts = self._counts(self._codes, targets.offsets, rows)
        groups = profiles.alike_in_length(counts, targets.lengths[rows], LANES)
        members = np.full((len(groups), LANES), -1, np.int64)
        for g, group in enumerate(groups):
            members[g, : len(group)] = np.sort(group)
        flat = members.ravel()
        low, middle, high = (np.empty((len(groups), self._buckets), np.uint8) for _ in range(3))
        profiles.boxes_kernel(counts, flat, LANES, low, middle, high)
        spared = np.where(flat >= 0, self._spared(self._codes, targets.offsets, rows)[np.maximum(flat, 0)], 0)
        most = spared.reshape(-1, LANES).max(axis=1, initial=0)
        self._profiles = Profiles(low, middle, high, counts[np.maximum(flat, 0)], 2 * self._q, spared, most)
        packed = np.where(flat >= 0, rows[np.maximum(flat, 0)], -1) if len(rows) else flat
        self._groups = lanes.pack(self._codes, targets.offsets, packed, self._coding.bits)

    def _counts(self, codes: AnyArray, offsets: IntArray, rows: IntArray) -> ByteArray:
        counts = np.zeros((len(rows), self._buckets), np.uint8)
        letters = 0 if self._wildcards is None else self._wildcards.letters
        profiles.counts_kernel(codes, offsets, rows, self._q, self._base, letters, counts)
        return counts

    def _spared(self, codes: AnyArray, offsets: IntArray, rows: IntArray) -> IntArray:
        """(m,) q-grams that are not counted."""
        found = np.zeros(max(len(rows), 1), np.int64)
        if self._wildcards is not None:
            profiles.ambiguous_kernel(codes, offsets, rows, self._q, self._wildcards.letters, found)
        return found

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the bounds ruled out; see `Searcher`.

        `within` is the cutoff from the start.
        """
        self.targets.require_same_kind(queries)
        rows, distances = unfilled(len(queries), k, -1)
        tally = np.zeros((len(queries), _ENTERED + 1), np.int64)
        limits = np.full(len(queries), _FAR) if within is None else np.minimum(within, _FAR).astype(np.int64)
        numba_threads()
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES_A_STEP):
                part = queries[first : first + _QUERIES_A_STEP]
                step = slice(first, first + len(part))
                codes, everyone = self._coding.codes(part), np.arange(len(part))
                counts = self._counts(codes, part.offsets, everyone)
                spared = self._spared(codes, part.offsets, everyone)
                letters = codes if self._wildcards is None else self._wildcards.query(part).data
                asked = Asked(letters, part.offsets, counts, spared, limits[step])
                answers = Found(rows[step], distances[step], tally[step])
                known = self._codes, self.targets.offsets, self._groups, self._profiles
                in_blocks(len(part), _BLOCK if len(part) > _MANY else 1, partial(search_kernel, asked, *known, answers))
                task.advance(len(part))
        pairs = len(queries) * int((self._groups.rows >= 0).sum())
        became = tally.sum(axis=0).tolist()
        pruning = Pruning(pairs, became[_ENTERED], dict(zip(_BOUNDS, became, strict=False)))
        return whole_neighbours(rows, distances), pruning


def kmer_form(targets: Sequences, mean: float) -> tuple[int, int, int]:
    """(q, base, buckets) of the counts that suit the alphabet and the mean length."""
    if targets.alphabet is None:
        raise ParameterError("k-mers are counted of tokens, not of series")
    if targets.alphabet.name in ("dna", "rna"):
        return (3, 4, 64) if mean < 500 else (4, 4, 256)
    return (2, 0, 64) if mean < 100 else (2, 0, 256)


@kernel()
def search_kernel(
    asked: Asked,
    targets: AnyArray,
    target_offsets: IntArray,
    groups: lanes.Groups,
    counts: Profiles,
    answers: Found,
    first: int,
    last: int,
) -> None:
    """Fill the answers of queries `first` to `last` - 1: the k nearest among the targets in the groups."""
    queries, query_offsets, _, spared, limits = asked
    rows, distances, tally = answers
    size = groups.columns.shape[0]
    k = rows.shape[1]
    width = counts.low.shape[1]
    most_grams = counts.grams_an_edit
    flat_query, flat_low, flat_high = asked.counts.reshape(-1), counts.low.reshape(-1), counts.high.reshape(-1)
    flat_lanes, flat_middle = counts.lanes.reshape(-1), counts.middle.reshape(-1)
    for q in range(first, last):
        m = query_offsets[q + 1] - query_offsets[q]
        gaps = np.empty(size, np.int64)
        bounds = np.empty(size, np.int64)
        far = np.empty(size, np.int64)
        for g in range(size):
            gaps[g] = max(0, max(groups.shortest[g] - m, m - groups.longest[g]))
            away = outside(flat_low, g * width, flat_high, g * width, flat_query, q * width, width // 64)
            away -= spared[q] + counts.most_spared[g]
            bounds[g] = max(gaps[g], (away + most_grams - 1) // most_grams)
            far[g] = outside(flat_middle, g * width, flat_middle, g * width, flat_query, q * width, width // 64)
        order = np.argsort(far)
        pattern = edit_kernels.pattern_of(queries, query_offsets[q], query_offsets[q + 1])
        band = edit_kernels.scratch(m, groups.longest.max() if size else 0)
        query = lanes.query_of(queries, query_offsets[q], query_offsets[q + 1])
        work = lanes.scratch_for(query)
        left, away_of = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
        held = 0
        for at in range(size):
            g = order[at]
            longest = groups.longest[g]
            reach = min(limits[q], max(m, longest))
            cutoff = distances[q, k - 1] if held == k else reach
            if bounds[g] > cutoff:
                for lane in range(g * LANES, (g + 1) * LANES):
                    tally[q, 0 if gaps[g] > cutoff else 1] += groups.rows[lane] >= 0
                continue
            few = 0
            for lane in range(g * LANES, (g + 1) * LANES):
                if groups.rows[lane] < 0:
                    continue
                if abs(groups.lengths[lane] - m) > cutoff:
                    tally[q, 2] += 1
                    continue
                away = outside(flat_lanes, lane * width, flat_lanes, lane * width, flat_query, q * width, width // 64)
                if away - spared[q] - counts.spared[lane] > cutoff * most_grams:
                    tally[q, 3] += 1
                else:
                    left[few] = lane
                    away_of[few] = away
                    few += 1
            told = limits[q] < max(m, longest)
            if not told and held < k and k - held <= _FIRST and few > _FIRST:
                # the nearest by their counts say how far the others may be, for less than passes that try cutoffs
                by_counts = np.argsort(away_of[:few])
                for i in by_counts[: k - held]:
                    row = groups.rows[left[i]]
                    start, n = target_offsets[row], groups.lengths[left[i]]
                    found = edit_kernels.distance_to(pattern, targets, start, n, band)
                    held = edit_kernels.place(rows[q], distances[q], held, row, found)
                    tally[q, _ENTERED] += 1
                    left[i] = -1
                kept = 0
                for i in range(few):
                    if left[i] >= 0:
                        left[kept] = left[i]
                        kept += 1
                few = kept
                cutoff = distances[q, k - 1] if held == k else reach
            if few == 0:
                continue
            digits = 0
            if few > max(_FEW, m // _FEW_STEPS):
                wanted = k - held
                cutoff = cutoff if told or held == k else min(cutoff, _FIRST_CUTOFF)
                while True:
                    digits = lanes.group_distances(query, groups, g, cutoff, work)
                    if cutoff >= reach or held == k:
                        break
                    near = 0
                    for i in range(few if digits > 0 else 0):
                        lane = left[i] - g * LANES
                        bits = lanes.at_most(work.sums, digits, lane >> 6, cutoff + m)
                        near += int((bits >> np.uint64(lane & 63)) & 1)
                    if near >= wanted:
                        break
                    cutoff = min(2 * cutoff, reach)
                if digits == 0:
                    tally[q, _CUTOFF] += few
                    continue
            word = -1
            near_lanes = np.uint64(0)
            for i in range(few):
                lane = left[i]
                row = groups.rows[lane]
                worst = distances[q, k - 1] if held == k else cutoff
                if held == k and row > rows[q, k - 1]:
                    worst -= 1
                if digits > 0:
                    if (lane >> 6) != word:
                        word = lane >> 6
                        near_lanes = lanes.at_most(work.sums, digits, word - g * VECTOR, cutoff + m)
                    if not (near_lanes >> np.uint64(lane & 63)) & np.uint64(1):
                        found = worst + 1
                    else:
                        found = lanes.lane_value(work.sums, digits, lane - g * LANES) - m
                else:
                    start = target_offsets[row]
                    n = target_offsets[row + 1] - start
                    if held < k and worst >= max(m, longest):
                        found = edit_kernels.distance_to(pattern, targets, start, n, band)
                    elif worst >= 0:
                        found = edit_kernels.within(pattern, targets, start, n, worst, band)
                    else:
                        found = worst + 1
                if found <= worst:
                    held = edit_kernels.place(rows[q], distances[q], held, row, found)
                    tally[q, _ENTERED] += 1
                else:
                    tally[q, _CUTOFF] += 1
