"""The exact scan: every answer is the true one, at the price of looking at every vector."""

from __future__ import annotations

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..errors import ParameterError
from ..geometry import geometry_named
from ..threads import ForkSafeLock
from . import scan
from .candidates import Candidates, FlatIndex
from .kernels import Points, squares_of
from .rows import RowMap, checked_count, checked_vectors, grown

SPARSE = 0.25
"""Below this part of matching vectors, they are gathered before a scan; above, the others are skipped on the way."""


class ExactIndex(FlatIndex):
    """All vectors in one array, scanned in blocks. Cosine geometry stores them normalised.

    A search takes the columns as they are once, and a change puts others in their place: searches wait for nobody.
    """

    kind = "exact"

    def __init__(self, *, geometry: str, dim: int) -> None:
        if type(dim) is not int or not 1 <= dim < 2**24:
            raise ParameterError(f"vectors have at least 1 dimension, not {dim}")
        self.geometry = geometry_named(geometry).name
        self.dim = dim
        self._lock = ForkSafeLock()
        self._map = RowMap()
        self._room = Points(np.zeros((0, dim), np.float32), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.bool_))
        self._points = self._room  # of the room the part in use; what it holds is never changed

    def __len__(self) -> int:
        return self._map.live

    def __repr__(self) -> str:
        return f"ExactIndex({len(self)} rows, geometry={self.geometry!r}, dim={self.dim})"

    @property
    def nests(self) -> bool:
        """See `CandidateIndex.nests`."""
        return True

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        with self._lock:
            return self._map.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`."""
        with self._lock:
            new_rows = self._map.new(rows)
            ready = scan.prepared(self.geometry, checked_vectors(vectors, self.dim, len(new_rows)))
            first = len(self._points.rows)
            end = first + len(new_rows)
            self._room = Points._make(grown(column, end) for column in self._room)
            new = Points(ready, squares_of(ready), new_rows, np.ones(len(new_rows), dtype=np.bool_))
            columns: tuple[AnyArray, ...] = self._room
            for column, values in zip(columns, new, strict=True):
                column[first:end] = values
            self._map.put(new_rows, np.arange(first, end))
            self._points = self._room.at(slice(0, end))

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. The space is reclaimed when a quarter is unused."""
        with self._lock:
            gone = self._map.known(rows)
            self._room = self._room._replace(usable=self._room.usable.copy())
            self._room.usable[self._map.places(gone)] = False
            self._map.drop(gone)
            self._points = self._points._replace(usable=self._room.usable[: len(self._points.rows)])
            if self._map.live < 0.75 * len(self._points.rows):
                self._compact()

    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; always exact, ties by the smallest row."""
        ready = scan.prepared(self.geometry, checked_vectors(queries, self.dim))
        points = self._points if allowed is None else _matching(self._points, allowed)
        return scan.nearest(self.geometry, ready, points, checked_count(count))

    def contents(self) -> tuple[JSON, IntArray, AnyArray]:
        """See `FlatIndex.contents`."""
        with self._lock:
            self._compact()
            return {"geometry": self.geometry, "dim": self.dim}, self._points.rows, self._points.vectors

    def _compact(self) -> None:
        keep = np.flatnonzero(self._points.usable)
        if len(keep) < len(self._points.rows):
            self._points = self._room = self._points.at(keep)
            self._map.put(self._points.rows, np.arange(len(keep)))


def _matching(points: Points, allowed: BoolArray) -> Points:
    """The points that a filter lets through, or all of them with fewer to look at."""
    usable = points.usable & (points.rows < len(allowed))
    usable[usable] = allowed[points.rows[usable]]
    if np.count_nonzero(usable) < SPARSE * len(usable):
        return points.at(usable)
    return points._replace(usable=usable)
