"""What a search answers: columns of rows and exact distances that read like lists of hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from ..arrays import DoubleArray, IntArray
from ..sequences import Strings


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: the `id` of a stored sequence, its exact `distance` to the query, its `rank` from 1."""

    id: str
    distance: float
    rank: int


class Hits(Sequence[Hit]):
    """The hits of one query, nearest first (ties in the order they were stored)."""

    __slots__ = ("_distances", "_ids", "query")

    def __init__(self, query: str, ids: list[str], distances: DoubleArray) -> None:
        self.query = query
        self._ids = ids
        self._distances = distances

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> list[Hit]: ...
    def __getitem__(self, index: int | slice) -> Hit | list[Hit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        return Hit(self._ids[at], float(self._distances[at]), at + 1)

    def __repr__(self) -> str:
        return f"Hits({self.query!r}, {self[:3]!r}{' ...' if len(self) > 3 else ''})"


class Results(Sequence[Hits]):
    """The answers to Q queries.

    `rows`: (Q, k) stored rows, -1 padded; `distances`: (Q, k) exact distances, inf padded; `budget`: what was asked of
    the candidate index.
    """

    def __init__(
        self, queries: Strings, stored: Strings, rows: IntArray, distances: DoubleArray, budget: str = ""
    ) -> None:
        self.queries = queries
        self.rows = rows
        self.distances = distances
        self.budget = budget
        self._stored = stored

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Hits: ...
    @overload
    def __getitem__(self, index: slice) -> list[Hits]: ...
    def __getitem__(self, index: int | slice) -> Hits | list[Hits]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        found = self.rows[at]
        found = found[found >= 0]
        return Hits(self.queries[at], [self._stored[row] for row in found.tolist()], self.distances[at, : len(found)])

    def __iter__(self) -> Iterator[Hits]:
        for at in range(len(self)):
            yield self[at]

    def __repr__(self) -> str:
        return f"Results(queries={len(self)}, k={self.rows.shape[1]}, budget={self.budget!r})"
