"""How two sequences align: the columns of a path, from wherever it begins."""

from __future__ import annotations

from dataclasses import dataclass


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

    @property
    def query_span(self) -> tuple[int, int]:
        """The first and the last symbol of the query in the path, counted from 1."""
        return self.before[0] + 1, self.before[0] + self.count("=XI")

    @property
    def target_span(self) -> tuple[int, int]:
        """The first and the last symbol of the target in the path, counted from 1."""
        return self.before[1] + 1, self.before[1] + self.count("=XD")
