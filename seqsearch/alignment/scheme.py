"""What an alignment of two rows scores: letters by a substitution matrix, gaps by how many and how long they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import DoubleArray
from ..distances.matrices import matrix_named
from ..errors import MismatchError, ParameterError
from ..sequences import PROTEIN, Alphabet

_LARGEST = 1000.0
_GAPS = {"dnafull": (20, 2)}
"""Others than the usual 10 + n: profiles do not tell every gap that a pair of rows opens, and where gaps are cheap they
open too many. Of six the one that agreed best with Greengenes' own alignment, on groups that no benchmark uses."""


@dataclass(frozen=True, eq=False)
class Scheme:
    """`scores`: (codes, codes) of two letters; a gap of n costs `gap_open` + n `gap_extend`, at the ends too."""

    name: str
    scores: DoubleArray
    gap_open: float
    gap_extend: float

    def __str__(self) -> str:
        return f"{self.name}, gaps of n letters {self.gap_open:g} + n * {self.gap_extend:g}"


def scheme_for(
    alphabet: Alphabet | None, matrix: str | None = None, gap_open: float | None = None, gap_extend: float | None = None
) -> Scheme:
    """The scheme of a matrix, by default dnafull or blosum62 as the alphabet is; gaps cost 20 + 2 n under dnafull, what
    is usual under others, or as asked.

    Raises MismatchError for sequences that no matrix scores, ParameterError.
    """
    if alphabet is None or alphabet.is_open:
        there = "series" if alphabet is None else alphabet.name
        raise MismatchError(f"a multiple alignment is of dna, rna or protein, not of {there}")
    chosen = matrix_named(matrix if matrix is not None else "blosum62" if alphabet == PROTEIN else "dnafull")
    usual = _GAPS.get(chosen.name, chosen.gaps)
    costs = [cost if asked is None else asked for cost, asked in zip(usual, (gap_open, gap_extend), strict=True)]
    for what, cost in zip(("gap_open", "gap_extend"), costs, strict=True):
        if not 0 <= cost <= _LARGEST:
            raise ParameterError(f"{what} must be from 0 to {_LARGEST:g}, not {cost!r}")
    return Scheme(chosen.name, chosen.by_code(alphabet).astype(np.float64), float(costs[0]), float(costs[1]))
