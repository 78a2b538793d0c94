"""Distances of strings equal to those of rapidfuzz: weighted edits, indel, OSA, Damerau-Levenshtein, Jaro-Winkler.

Every token is a symbol; texts are compared by code point. rapidfuzz compares whole batches in C++, without the GIL.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import threads
from ..arrays import JSON, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Sequences
from .arguments import allowed_rows, pair_arguments
from .distance import Distance
from .spelled import Spelled, spelled, spelled_rows
from .tables import TableNeighbours

_ALONE = 4096  # pairs that are compared sooner than threads start

# In candidates proposed by the graph, measured on 20,000 names: a pair by itself, and in a whole table; a column
# of 64 cells where cells are bits, and a cell where they are not.
_PAIR, _ENTRY, _COLUMN, _CELL = 2.0, 0.1, 0.01, 0.015


class FuzzyDistance(Distance):
    """A distance that rapidfuzz counts. `measure`: its name there; `_by_cells`: whether it fills cells one by one."""

    kind = "tokens"
    measure: ClassVar[str]
    _by_cells: ClassVar[bool] = False

    def _arguments(self) -> JSON:
        """Keyword arguments of rapidfuzz's function."""
        return {}

    def _scored(self, pairs: int) -> dict[str, Any]:
        """What a batch is counted by. rapidfuzz is imported here: other distances do without."""
        from rapidfuzz import distance

        scorer = getattr(distance, self.measure).distance
        workers = threads.count() if pairs > _ALONE else 1
        return {"scorer": scorer, "scorer_kwargs": self._arguments(), "dtype": np.float64, "workers": workers}

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        first, second, _ = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        from rapidfuzz import process

        texts, others = spelled_rows(a, first), spelled_rows(b, second)
        found: DoubleArray = process.cpdist(texts, others, **self._scored(len(first)))
        return found

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        self.require(a, b)
        return self._table(spelled(a), spelled(b))

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> TableNeighbours:
        """The targets decoded once, for many searches."""
        self.require(targets)
        chosen = allowed_rows(allowed, len(targets))
        texts = spelled(targets if allowed is None else targets[chosen])
        return TableNeighbours(self, targets, chosen, lambda queries: self._table(spelled(queries), texts))

    def _table(self, a: Spelled, b: Spelled) -> DoubleArray:
        if not a or not b:
            return np.zeros((len(a), len(b)))
        from rapidfuzz import process

        table: DoubleArray = process.cdist(a, b, **self._scored(len(a) * len(b)))
        return table

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """A pair, and its columns or cells."""
        length = float(lengths.mean())
        return _PAIR + (length * length * _CELL if self._by_cells else length * (1 + length // 64) * _COLUMN)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        """Texts of a table are decoded once, and its entries take no call of Python."""
        return others * (verification - _PAIR + _ENTRY)


class WeightedEditDistance(FuzzyDistance):
    """The edit distance with whole weights: what it costs to turn the first sequence, the query, into the second.

    `insertion`: of a symbol that the second has more; `deletion`: of one that the first has more; `substitution`: where
    it is above the two together, these are cheaper. A metric where the weights are above 0 and `insertion` equals
    `deletion`; otherwise it depends on which one is the query. Raises ParameterError for a weight that is no whole
    number from 0 to 1,000,000.
    """

    name = "weighted-edit"
    whole_numbers = True
    measure = "Levenshtein"
    _by_cells = True

    def __init__(self, *, insertion: int = 1, deletion: int = 1, substitution: int = 1) -> None:
        weights = {"insertion": insertion, "deletion": deletion, "substitution": substitution}
        for name, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= 1_000_000:
                raise ParameterError(f"the {name} weight must be a whole number from 0 to 1000000, not {weight!r}")
        self.insertion, self.deletion, self.substitution = insertion, deletion, substitution
        self.metric = insertion == deletion and min(weights.values()) > 0

    def parameters(self) -> JSON:
        return {"insertion": self.insertion, "deletion": self.deletion, "substitution": self.substitution}

    def _arguments(self) -> JSON:
        return {"weights": (self.insertion, self.deletion, self.substitution)}


class IndelDistance(FuzzyDistance):
    """Insertions and deletions of one symbol, 1 each: |a| + |b| - 2 · the longest common subsequence."""

    name = "indel"
    metric = True
    whole_numbers = True
    measure = "Indel"


class OSADistance(FuzzyDistance):
    """Optimal string alignment: edits, and a swap of two neighbours counts as one, in places that are not edited again.

    No metric: CA is at 3 of ABC, though AC is at 1 of both.
    """

    name = "osa"
    whole_numbers = True
    measure = "OSA"


class DamerauLevenshteinDistance(FuzzyDistance):
    """Edits and swaps of two neighbours, which may be edited again (Damerau 1964, Lowrance and Wagner 1975)."""

    name = "damerau-levenshtein"
    metric = True
    whole_numbers = True
    measure = "DamerauLevenshtein"
    _by_cells = True


class JaroWinklerDistance(FuzzyDistance):
    """1 minus Jaro and Winkler's similarity, from 0 to 1: for names.

    `prefix_weight`: what each of the first four symbols in common is worth, from 0 (Jaro's similarity) to 0.25; as in
    Winkler (1990) the prefix counts where Jaro's similarity is above 0.7. Raises ParameterError for another weight.
    """

    name = "jaro-winkler"
    measure = "JaroWinkler"

    def __init__(self, *, prefix_weight: float = 0.1) -> None:
        if not 0 <= prefix_weight <= 0.25:
            raise ParameterError(f"prefix_weight must be from 0 to 0.25, not {prefix_weight}")
        self.prefix_weight = float(prefix_weight)

    def parameters(self) -> JSON:
        return {"prefix_weight": self.prefix_weight}

    def _arguments(self) -> JSON:
        return self.parameters()
