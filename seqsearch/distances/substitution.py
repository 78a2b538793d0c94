"""Alignment under a substitution matrix with affine gaps: for proteins, and for DNA where substitutions differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import threads
from ..arrays import JSON, AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Sequence, Sequences
from . import scoring_kernels as kernels
from .arguments import allowed_rows, columns_of, pair_arguments
from .distance import Distance
from .matrices import matrix_named
from .paths import AlignedPath, path_of_steps
from .scoring_lanes import grouped, grouped_kernel
from .tables import TableNeighbours

MODES = {"global": kernels.GLOBAL, "semi-global": kernels.SEMI, "local": kernels.LOCAL}
NORMALISATIONS: dict[str, Callable[[DoubleArray, DoubleArray], DoubleArray]] = {
    "mean": lambda x, y: (x + y) / 2,
    "query": lambda x, y: x,
    "shorter": np.minimum,
    "longer": np.maximum,
}
_CELL = 0.001  # a cell in candidates proposed by the graph, measured on proteins


class AlignmentDistance(Distance):
    """1 - S(a, b) / S: how far the score of the best alignment falls short of what the sequences score with themselves.

    `matrix`: a name of `MATRICES`; `mode`: "global" from end to end, "semi-global" with free gaps at all four
    ends, or "local" for the best parts; a gap of length n costs `gap_open` + n `gap_extend` (None: those that BLAST
    takes for the matrix, 11 and 1 for BLOSUM62). `normalise` says what S is: the "mean" of S(a, a) and S(b, b), the one
    of the "query" (neighbours are then in the order of their scores), of the "shorter" (the less: a part of a sequence
    is at 0 of the whole) or of the "longer". An ambiguous letter that scores below 0 with itself counts 0 there. No
    distance is below 0; it is at most 1 in local mode, may exceed 1 in the others, and is 0 between equal sequences
    without such letters. No metric. Raises ParameterError for a value there is not.
    """

    name = "alignment"
    kind = "tokens"

    def __init__(
        self,
        *,
        matrix: str = "blosum62",
        mode: str = "local",
        gap_open: int | None = None,
        gap_extend: int | None = None,
        normalise: str = "mean",
    ) -> None:
        self.matrix_of_scores = matrix_named(matrix)
        for what, value, table in (("mode", mode, MODES), ("normalise", normalise, NORMALISATIONS)):
            if value not in table:
                raise ParameterError(f"{what} must be one of {', '.join(table)}, not {value!r}")
        usual = self.matrix_of_scores.gaps
        costs = [usual[at] if given is None else given for at, given in enumerate((gap_open, gap_extend))]
        for what, cost in zip(("gap_open", "gap_extend"), costs, strict=True):
            if isinstance(cost, bool) or not isinstance(cost, int) or not 0 <= cost <= 1000:
                raise ParameterError(f"{what} must be a whole number from 0 to 1000, not {cost!r}")
        self.mode, self.normalise = mode, normalise
        self.gap_open, self.gap_extend = costs

    def parameters(self) -> JSON:
        gaps = {"gap_open": self.gap_open, "gap_extend": self.gap_extend}
        return {"matrix": self.matrix_of_scores.name, "mode": self.mode, **gaps, "normalise": self.normalise}

    def require(self, *sets: Sequences) -> None:
        """As `Distance.require`; and MismatchError for an alphabet that the matrix does not score."""
        super().require(*sets)
        self.matrix_of_scores.by_code(sets[0].alphabet)

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        found = self.scores(a, a_rows, b, b_rows)
        whole = np.maximum(NORMALISATIONS[self.normalise](self._own(a, a_rows), self._own(b, b_rows)), 1.0)
        distances: DoubleArray = np.maximum(1 - found / whole, 0.0)
        return distances

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> TableNeighbours:
        self.require(targets)
        chosen = allowed_rows(allowed, len(targets))
        some = targets if allowed is None else targets[chosen]
        return TableNeighbours(self, targets, chosen, lambda queries: self.matrix(queries, some))

    def scores(self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray) -> DoubleArray:
        """(m,) scores of the best alignments of a[a_rows[i]] and b[b_rows[i]], whole numbers."""
        self.require(a, b)
        first, second, _ = pair_arguments(a_rows, len(a), b_rows, len(b), None)
        ordered, found = np.empty(len(first)), np.empty(len(first))
        threads.numba_threads()
        order, groups = grouped(first, b.lengths_of(second))
        scheme = self._scheme(a)
        grouped_kernel(columns_of(a), first[order], columns_of(b), second[order], groups, scheme, ordered)
        found[order] = ordered
        return found

    def align(self, query: Sequence, target: Sequence) -> AlignedPath:
        """A best alignment of two sequences, always the same one; it takes a byte for each pair of symbols."""
        scheme = self._scheme(query)
        score, i, j, steps = kernels.path_of(scheme, query.data, target.data)
        return path_of_steps(steps, query.data, target.data, (int(i), int(j)), int(score))

    @property
    def aligner(self) -> AlignmentDistance:
        return self

    @property
    def statistics(self) -> tuple[float, float] | None:
        """(lambda, K) of Karlin and Altschul that were published for these gaps; None: unknown, or not local."""
        gaps = self.gap_open, self.gap_extend
        return self.matrix_of_scores.statistics.get(gaps) if self.mode == "local" else None

    def bit_scores(self, scores: AnyArray) -> DoubleArray | None:
        """(lambda S - ln K) / ln 2 of scores S; None where `statistics` has none."""
        if self.statistics is None:
            return None
        steepness, factor = self.statistics
        return np.asarray((steepness * np.asarray(scores) - np.log(factor)) / np.log(2), np.float64)

    def e_values(self, scores: AnyArray, lengths: AnyArray, total: int) -> DoubleArray | None:
        """How many alignments of such scores chance brings: K m n exp(-lambda S); None where `statistics` has none.

        `lengths`: m, symbols of the queries, in the shape of `scores` or broadcast to it; `total`: n, symbols of all
        sequences searched. Neither is shortened for the ends of sequences, so that it errs on the side of caution.
        """
        if self.statistics is None:
            return None
        steepness, factor = self.statistics
        return np.asarray(factor * np.asarray(lengths) * float(total) * np.exp(-steepness * np.asarray(scores)))

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """Cells of the dynamic programme."""
        return max(super().verification_cost(lengths, reach), float(lengths.mean()) ** 2 * _CELL)

    def _scheme(self, sequences: Sequences | Sequence) -> kernels.Scheme:
        scores = self.matrix_of_scores.by_code(sequences.alphabet)
        return kernels.Scheme(scores, self.gap_open + self.gap_extend, self.gap_extend, MODES[self.mode])

    def _own(self, sequences: Sequences, rows: IntArray) -> DoubleArray:
        """(m,) scores of `rows` with themselves."""
        found = np.empty(len(rows))
        scores = self.matrix_of_scores.by_code(sequences.alphabet)
        kernels.own_kernel(columns_of(sequences), np.ascontiguousarray(rows, np.int64), scores, found)
        return found
