"""Levenshtein's edit distance: insertions, deletions and substitutions of one token cost 1 each."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..sequences import Sequence, Sequences
from ..threads import numba_threads
from . import edit_kernels, edit_pairs, edit_rerank, lanes
from .arguments import candidate_rows, columns_of, pair_arguments, stop_bounds
from .distance import LEAST_COST, Ranker
from .edit_exact import EditNeighbours
from .edit_paths import path_between
from .gram_ranking import GramRanker
from .lane_matrix import lane_matrix
from .neighbours import Neighbours, whole_neighbours
from .paths import AlignedPath
from .wildcards import WildcardDistance, shortest_path

# In candidates proposed by the graph, measured on 16S genes: a column of the narrowest band, which holds so many edits,
# and a cell where 512 sequences are compared at once; on place names and words: ruling a sequence out by its length and
# k-mer counts.
_COLUMN, _NARROW, _HIGHER, _WHOLE = 0.003, 15, 0.7, 5.0
_LANE_CELL = 4e-6
# Letters of the usual sequence from which on candidates are ranked before they are verified, and what one takes, with
# its place among those proposed: a twenty-fifth of a verification on whole genes, a seventieth on rRNA.
_RANKED, _RANKED_LETTER = 400, 0.0012
_FEW, _FEW_COLUMNS = 16, 4000  # V4: 5 ms a query, 80 to make ready and as much to unpack; whole genes: 260 and 600
_BOUND = 0.006
# The same of whole searches by proof, on seven sets of tokens (docs/building.md): within a factor of 2.
_COUNTED, _BAND_CELL = 0.017, 2e-5


class EditDistance(WildcardDistance):
    """The edit distance between token sequences, on the columns themselves, over all cores.

    `wildcards`: see `WildcardDistance`; it is no metric then, as A meets N, N meets C, and A does not meet C.
    """

    name = "edit"
    ranked_by = "q-grams"
    kind = "tokens"
    metric = True
    whole_numbers = True
    alignable = True

    def __init__(self, *, wildcards: bool = False) -> None:
        super().__init__(wildcards=wildcards)
        self.metric = not self.wildcards

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        return lane_matrix(self, lanes.matrix_kernel, a, b)

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        found = np.empty(len(first))
        numba_threads()
        asked, rows = self.asked_rows(a, first)
        starts = edit_pairs.shared(rows)
        if starts is None:
            edit_kernels.pairs_kernel(asked, rows, columns_of(b), second, limits, found)
        else:
            edit_pairs.pairs_of_runs(asked, rows, columns_of(b), second, limits, starts, found)
        return found

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        self.require(queries, targets)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        found = edit_rerank.rerank(self.asked(queries), columns_of(targets), wanted, stop_bounds(stop, wanted), k)
        return whole_neighbours(*found)

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> EditNeighbours:
        """The targets packed and counted once, for many searches."""
        self.require(targets)
        return EditNeighbours(targets, allowed, self.known(targets))

    def ranks(self, targets: Sequences) -> bool:
        """Where verifying takes long enough."""
        return self._usual_length(targets) >= _RANKED

    def ranker(self, targets: Sequences) -> Ranker:
        return GramRanker(targets, self._usual_length(targets))

    def ranking_cost(self, lengths: IntArray) -> float:
        return max(LEAST_COST, float(lengths.mean()) * _RANKED_LETTER)

    def _usual_length(self, targets: Sequences) -> float:
        return targets.steps / max(1, len(targets))

    def few(self, lengths: IntArray) -> int:
        return min(_FEW, round(_FEW_COLUMNS / max(1.0, float(lengths.mean())))) if len(lengths) else 0

    def align(self, query: Sequence, target: Sequence) -> AlignedPath:
        """A shortest path."""
        known = self.known(query)
        return path_between(query.data, target.data) if known is None else shortest_path(known, query.data, target.data)

    @property
    def aligner(self) -> EditDistance | None:
        return self if self.wildcards else None

    def bit_scores(self, scores: AnyArray) -> None:
        """Edits have none."""

    def e_values(self, scores: AnyArray, lengths: AnyArray, total: int) -> None:
        """Edits have none."""

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """Columns of the dynamic programme, dearer in higher bands, of which fewer fit in a vector, and where these are
        much of all cells, so that none end early. Within a factor of 1.5 for V4, whole genes, rRNA and proteins."""
        length, higher = max(1.0, float(lengths.mean())), float(max(1.0, reach / _NARROW) ** _HIGHER)
        return max(LEAST_COST, length * higher * (1 + _WHOLE * reach / length) * _COLUMN)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        return others * (_BOUND + float(np.mean(lengths.astype(np.float64) ** 2)) * _LANE_CELL)

    def proof_cost(self, lengths: IntArray, reach: float, compared: float) -> float:
        """Counts of k-mers, and the rows of a band as wide as the distance, of hundreds of targets at once."""
        length = float(lengths.mean())
        return _COUNTED + compared * length * min(length, reach) * _BAND_CELL
