"""How two sequences align: the columns of a path, from wherever it begins."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ..arrays import AnyArray, BoolArray, ByteArray

_LETTERS = {1: "M", 2: "D", 3: "I"}


@dataclass(frozen=True)
class AlignedPath:
    """Runs of columns, ("=", 12), ("X", 1), ("I", 2), ...: equal, different, and a gap in the target or the query.

    `before`: symbols of the query and of the target that come before the first column; `score` of the path, None where
    it has none.
    """

    runs: tuple[tuple[str, int], ...]
    before: tuple[int, int] = (0, 0)
    score: int | None = None

    @property
    def cigar(self) -> str:
        """As in SAM, with = and X: I is in the query only, D in the target only."""
        return "".join(f"{length}{letter}" for letter, length in self.runs)

    def count(self, letters: str) -> int:
        """Columns of these kinds."""
        return sum(length for letter, length in self.runs if letter in letters)

    @property
    def columns(self) -> int:
        return self.count("=XID")

    @property
    def gap_openings(self) -> int:
        return sum(letter in "ID" for letter, _ in self.runs)

    @property
    def identity(self) -> float:
        """Equal columns over all columns, from 0 to 1; 0 where nothing is aligned."""
        return self.count("=") / max(self.columns, 1)

    def coverage(self, query: int, target: int) -> float:
        """The share of the letters of the shorter sequence, of both lengths, that lies in the path."""
        shorter = min(query, target)
        inside = self.count("=XI") if query <= target else self.count("=XD")
        return inside / max(shorter, 1)

    @property
    def query_span(self) -> tuple[int, int]:
        """The first and the last symbol of the query in the path, counted from 1."""
        return self.before[0] + 1, self.before[0] + self.count("=XI")

    @property
    def target_span(self) -> tuple[int, int]:
        """The first and the last symbol of the target in the path, counted from 1."""
        return self.before[1] + 1, self.before[1] + self.count("=XD")


def path_of_steps(
    steps: ByteArray,
    query: AnyArray,
    target: AnyArray,
    before: tuple[int, int],
    score: int,
    meets: BoolArray | None = None,
) -> AlignedPath:
    """From the steps of `scoring_kernels.path_of`, a column each: 1 both, 2 the target only, 3 the query only.

    `meets`, (codes, codes): which letters count as equal, where more than equal ones do.
    """
    i, j = before
    letters = []
    for step in steps.tolist():
        same = step == 1 and bool(query[i] == target[j] if meets is None else meets[query[i], target[j]])
        letters.append("=" if same else "X" if step == 1 else _LETTERS[step])
        i, j = i + (step != 2), j + (step != 3)
    runs = tuple((letter, len(list(group))) for letter, group in itertools.groupby(letters))
    return AlignedPath(runs, before, score)
