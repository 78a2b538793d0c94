"""What a candidate index answers, and what every kind of it can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..errors import StrPath

Kind = Literal["exact", "hnsw", "hamming"]
Health = dict[str, int | float | bool | str | None]
Parameters = Mapping[str, int | float | str | bool | None]


@dataclass(frozen=True)
class Candidates:
    """The nearest rows of Q queries, each line sorted by (distance, row)."""

    rows: IntArray
    """(Q, C), -1 where there are no more."""
    distances: FloatArray
    """(Q, C), infinity where there are no more."""

    @classmethod
    def none(cls, queries: int, count: int) -> Self:
        """Nothing found: (queries, count) of padding."""
        return cls(np.full((queries, count), -1, dtype=np.int64), np.full((queries, count), np.inf, dtype=np.float32))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class WithinRadius:
    """All rows within a radius of Q queries: query q owns offsets[q]:offsets[q + 1], sorted by (distance, row)."""

    offsets: IntArray
    """(Q + 1,)"""
    rows: IntArray
    distances: FloatArray

    def __len__(self) -> int:
        return len(self.offsets) - 1


class CandidateIndex(Protocol):
    """Rows (whole numbers chosen by the caller, unique, best dense from 0) and their vectors or codes."""

    @property
    def kind(self) -> Kind: ...

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """Take in vectors (n, D) or packed codes (n, bits / 8) under the given rows (n,).

        MismatchError for a wrong shape; ParameterError for a row that is negative, repeated or already there, and for a
        vector that is not finite (hyperbolic: not inside the ball). After an error the index is what it was before.
        """

    def remove(self, rows: IntArray) -> None:
        """Forget rows; UnknownIdError when one is not there, and then none is forgotten."""

    def search(
        self, queries: AnyArray, count: int, *, ef: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """The nearest `count` rows of each query, always min(count, matching rows) of them.

        `allowed` is a mask over row numbers (rows beyond its end do not match). `ef` is the effort of a graph search;
        kinds that are exact ignore it.
        """

    def within(self, queries: AnyArray, radius: float, *, allowed: BoolArray | None = None) -> WithinRadius:
        """All rows at a distance of at most `radius`. ParameterError where the kind cannot promise all."""

    def __len__(self) -> int:
        """Live rows."""

    def rows(self) -> IntArray:
        """The live rows, ascending."""

    def health(self, *, sample: int = 1000, seed: int = 0) -> Health:
        """Measure what the index finds; kinds that are exact say so at once. JSON-able."""

    def save(self, path: StrPath) -> None:
        """Write everything to one file, through a temporary name beside it."""

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read what `save` wrote. CorruptIndexError for every file that `save` cannot have written."""
