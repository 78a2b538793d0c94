"""The overlap distance: two sequences that both may hang over at both ends, as partial genes do."""

from __future__ import annotations

from functools import cache, partial

import numba
import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..jit import kernel
from ..sequences import Sequence, Sequences
from ..threads import in_blocks, numba_threads
from . import overlap_groups, overlap_identity, overlap_lanes, overlap_paths
from . import scoring_kernels as scoring
from .arguments import Columns, candidate_rows, columns_of, pair_arguments
from .distance import LEAST_COST, nearest_of
from .lane_matrix import lane_matrix
from .neighbours import Identical, Neighbours, require_count
from .overlap_exact import OverlapNeighbours
from .paths import AlignedPath, path_of_steps
from .scoring_lanes import grouped, grouped_kernel
from .shared_grams import SharedGrams
from .vectors import LANES
from .wildcards import WildcardDistance, scheme_of

_CELL = 0.0001  # in candidates proposed by the graph, where 32 targets go side by side
_BY_PROOF = 0.05  # of a comparison, for each sequence that is compared or ruled out by proof: measured on rRNA genes
_CODES = 256  # of the alphabets whose letters are bytes
_FEW = 3  # pairs with one sequence from which on lanes pay
_A_TASK = 64  # pairs with one sequence
_MANY = 160  # from which on lanes of bits are the faster, even where most stay empty


class OverlapDistance(WildcardDistance):
    """min(m, n) - S, where S, at least 0, is the most that matches less edits come to in any overlap of the two.

    An overlap is an alignment with free ends (semi-global): what hangs over costs nothing by itself. But a letter of
    the shorter sequence that is left outside counts 1, as it matches nothing, and an edit counts 2, as it also costs a
    match - so that a long overlap with some edits is nearer than a short one without. It is from 0, where one sequence
    is in the other, to min(m, n), where nothing is worth to be aligned; symmetric, and no metric. `wildcards`: see
    `WildcardDistance`.
    """

    name = "overlap"
    kind = "tokens"
    whole_numbers = True
    partial = True
    proposes = True

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        together = np.bincount(first, minlength=1)[first]
        closed = a.alphabet is not None and not a.alphabet.is_open
        found = np.empty(len(first))
        many = (together >= _MANY) & closed
        few = ~many & (together < _FEW) & np.isinf(limits)
        for mask, scored in ((many, self._side_by_side), (few, self._scored)):
            if mask.any():
                found[mask] = scored(a, first[mask], b, second[mask])
        if not (left := ~many & ~few).any():
            return found
        x, y = _bytes_where_possible(columns_of(a), columns_of(b))
        if x.data.dtype != np.uint8:
            found[left] = self._scored(a, first[left], b, second[left])
        else:
            found[left] = self._in_bytes(a, x, first[left], y, second[left], limits[left])
        return found

    def _in_bytes(
        self, a: Sequences, x: Columns, first: IntArray, y: Columns, second: IntArray, limits: DoubleArray
    ) -> DoubleArray:
        """The same, 8 pairs with one of `a` side by side, for letters that are bytes: `x` and `y`."""
        ordered, found = np.empty(len(first)), np.empty(len(first))
        numba_threads()
        order, groups = grouped(first, np.diff(y.offsets)[second], _A_TASK)
        asked, rows = self.asked_rows(a, first) if self.wildcards else (x, first)
        overlap_groups.pairs_kernel(asked, rows[order], y, second[order], groups, limits[order], ordered)
        found[order] = ordered
        found[found > limits] = np.inf  # those are bounds
        return found

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        self.require(queries, targets)
        require_count(k)
        x, y = _bytes_where_possible(columns_of(queries), columns_of(targets))
        if stop is not None or x.data.dtype != np.uint8:
            return super().rerank(queries, targets, candidates, k, stop=stop)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        found = np.empty(wanted.shape, np.int64)
        numba_threads()
        asked = self.asked(queries) if self.wildcards else x
        in_blocks(len(queries), 1, partial(overlap_groups.nearest_kernel, asked, y, wanted, k, found))
        return nearest_of(wanted, np.where(wanted >= 0, found.astype(np.float64), np.inf), k)

    def _side_by_side(self, a: Sequences, first: IntArray, b: Sequences, second: IntArray) -> DoubleArray:
        """The same, 512 pairs with one of `a` at once: for letters that are bytes."""
        assert a.alphabet is not None
        ordered, found = np.empty(len(first)), np.empty(len(first))
        numba_threads()
        order, groups = grouped(first, b.lengths_of(second), LANES)
        asked, rows = self.asked_rows(a, first)
        bits = (a.alphabet.size - 1).bit_length()
        overlap_lanes.pairs_kernel(asked, rows[order], columns_of(b), second[order], bits, groups, ordered)
        found[order] = ordered
        return found

    def _scored(self, a: Sequences, first: IntArray, b: Sequences, second: IntArray) -> DoubleArray:
        """The same, 32 pairs with one of `a` at once."""
        ordered, found = np.empty(len(first)), np.empty(len(first))
        numba_threads()
        x, y = _bytes_where_possible(columns_of(a), columns_of(b))
        order, groups = grouped(first, b.lengths_of(second))
        if x.data.dtype == np.uint8:
            grouped_kernel(x, first[order], y, second[order], groups, self._scheme(a), ordered)
        else:
            _scores_kernel(x, first[order], y, second[order], ordered)
        found[order] = np.maximum(ordered, 0)
        shorter = np.minimum(a.lengths_of(first), b.lengths_of(second))
        distances: DoubleArray = shorter - found
        return distances

    def most_identical(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, coverage: float
    ) -> Identical | None:
        self.require(queries, targets)
        x, y = _bytes_where_possible(columns_of(queries), columns_of(targets))
        if x.data.dtype != np.uint8:
            return None
        wanted = candidate_rows(candidates, len(queries), len(targets))
        identities, distances = np.full(wanted.shape, -1.0), np.full(wanted.shape, np.inf)
        numba_threads()
        asked = self.asked(queries) if self.wildcards else x
        kernel_of = partial(overlap_identity.identical_kernel, asked, y, wanted, k, coverage, identities, distances)
        in_blocks(len(queries), 1, kernel_of)
        return Identical.of(wanted, distances, identities, k)

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        return lane_matrix(self, overlap_lanes.matrix_kernel, a, b)

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> OverlapNeighbours:
        """The q-grams of the targets listed once, for many searches."""
        self.require(targets)
        return OverlapNeighbours(targets, allowed, self.known(targets))

    def proposer(self, targets: Sequences, allowed: BoolArray | None = None) -> SharedGrams:
        """By the q-grams that sequences share."""
        self.require(targets)
        return SharedGrams(targets, allowed, self.known(targets))

    def spans(self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray) -> tuple[IntArray, IntArray]:
        """(m,) where the overlap begins and ends in b[b_rows[i]], as a slice; (0, 0) where there is none."""
        self.require(a, b)
        first, second, _ = pair_arguments(a_rows, len(a), b_rows, len(b), None)
        begins, ends = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
        numba_threads()
        x, y = _bytes_where_possible(columns_of(a), columns_of(b))
        if x.data.dtype == np.uint8:
            asked, rows = self.asked_rows(a, first) if self.wildcards else (x, first)
            _byte_spans_kernel(asked, rows, y, second, begins, ends)
        else:
            _spans_kernel(x, first, y, second, begins, ends)
        return begins, ends

    def align(self, query: Sequence, target: Sequence) -> AlignedPath:
        """A best overlap, always the same one, with its score."""
        known = self.known(query)
        if known is None and query.data.dtype == np.uint8:
            score, i, j, steps = overlap_paths.path_of(query.data, target.data)
        elif known is None:
            score, i, j, steps = _path(query.data, target.data)
        else:
            score, i, j, steps = overlap_paths.path_of(known.masks[query.data], target.data)
        if score <= 0:
            return AlignedPath((), score=0)
        meets = None if known is None else known.meets
        return path_of_steps(steps, query.data, target.data, (int(i), int(j)), int(score), meets)

    def _scheme(self, sequences: Sequences | Sequence) -> scoring.Scheme:
        """What letters that are bytes score."""
        known = self.known(sequences)
        return _equal_letters() if known is None else scheme_of(known, 1, -1, scoring.SEMI)

    @property
    def aligner(self) -> OverlapDistance:
        return self

    def bit_scores(self, scores: AnyArray) -> None:
        """No statistics are known."""

    def e_values(self, scores: AnyArray, lengths: AnyArray, total: int) -> None:
        """No statistics are known."""

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """Cells of the dynamic programme."""
        return max(LEAST_COST, float(lengths.mean()) ** 2 * _CELL)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        return others * verification * _BY_PROOF


@cache
def _equal_letters() -> scoring.Scheme:
    """A match counts 1, an edit -1, for letters that are bytes."""
    scores = np.full((_CODES, _CODES), -1, np.int32)
    np.fill_diagonal(scores, 1)
    return scoring.Scheme(scores, 1, 1, scoring.SEMI)


def _bytes_where_possible(x: Columns, y: Columns) -> tuple[Columns, Columns]:
    """Both with their symbols numbered by a byte, where they have no more than that."""
    if x.data.dtype == np.uint8:
        return x, y
    symbols = np.unique(np.concatenate([np.unique(x.data), np.unique(y.data)]))
    if len(symbols) > _CODES:
        return x, y
    coded = (np.searchsorted(symbols, each.data).astype(np.uint8) for each in (x, y))
    return Columns(next(coded), x.offsets), Columns(next(coded), y.offsets)


@kernel()
def _own_scores(x: AnyArray, y: AnyArray) -> tuple[scoring.Scheme, AnyArray, AnyArray]:
    """What two sequences of any symbols score, and both with their symbols numbered."""
    symbols = np.unique(np.concatenate((x, y)))
    scores = np.full((len(symbols), len(symbols)), -1, np.int32)
    for code in range(len(symbols)):
        scores[code, code] = 1
    scheme = scoring.Scheme(scores, 1, 1, scoring.SEMI)
    return scheme, np.searchsorted(symbols, x), np.searchsorted(symbols, y)


@kernel(parallel=True)
def _scores_kernel(a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, found: DoubleArray) -> None:
    """found[i] = the score of a[a_rows[i]] and b[b_rows[i]], of any symbols."""
    data, offsets = a
    text, bounds = b
    for pair in numba.prange(len(found)):
        x = data[offsets[a_rows[pair]] : offsets[a_rows[pair] + 1]]
        y = text[bounds[b_rows[pair]] : bounds[b_rows[pair] + 1]]
        scheme, p, q = _own_scores(x, y)
        found[pair] = scoring.score_of(scheme, p, q)


@kernel()
def _path(x: AnyArray, y: AnyArray) -> tuple[int, int, int, AnyArray]:
    """A best overlap, as `scoring_kernels.path_of` tells it."""
    scheme, p, q = _own_scores(x, y)
    return scoring.path_of(scheme, p, q)


@kernel(parallel=True)
def _spans_kernel(a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, begins: IntArray, ends: IntArray) -> None:
    """Where the overlaps begin and end in the targets b[b_rows[i]]; 0 where there is none."""
    data, offsets = a
    text, bounds = b
    for pair in numba.prange(len(begins)):
        x = data[offsets[a_rows[pair]] : offsets[a_rows[pair] + 1]]
        y = text[bounds[b_rows[pair]] : bounds[b_rows[pair] + 1]]
        begins[pair], ends[pair] = _span(_path(x, y))


@kernel(parallel=True)
def _byte_spans_kernel(
    a: Columns, a_rows: IntArray, b: Columns, b_rows: IntArray, begins: IntArray, ends: IntArray
) -> None:
    """The same of letters that are bytes, or sets of them in a."""
    data, offsets = a
    text, bounds = b
    for pair in numba.prange(len(begins)):
        x = data[offsets[a_rows[pair]] : offsets[a_rows[pair] + 1]]
        y = text[bounds[b_rows[pair]] : bounds[b_rows[pair] + 1]]
        begins[pair], ends[pair] = _span(overlap_paths.path_of(x, y))


@kernel()
def _span(path: tuple[int, int, int, AnyArray]) -> tuple[int, int]:
    """Where a path, as of `_path`, begins and ends in the target; 0 where it scores nothing."""
    score, _, begin, steps = path
    if score <= 0:
        return 0, 0
    used = 0
    for step in steps:
        used += step != 3
    return begin, begin + used
