"""The exact scan: every answer is the true one, at the price of looking at every vector."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ..errors import ParameterError, StrPath
from ..geometry import GEOMETRIES, geometry_named
from . import files, scan
from .candidates import CandidateIndex, Candidates
from .rows import RowMap, checked_count, checked_vectors, grown

SPARSE = 0.25
"""Below this part of matching vectors, they are gathered before a scan; above, the others are skipped on the way."""


class ExactIndex(CandidateIndex):
    """All vectors in one array, scanned in blocks. Cosine geometry stores them normalised."""

    kind = "exact"

    def __init__(self, *, geometry: str, dim: int) -> None:
        if dim < 1:
            raise ParameterError(f"vectors have at least 1 dimension, not {dim}")
        self.geometry = geometry_named(geometry).name
        self.dim = dim
        self._map = RowMap()
        self._used = 0
        self._vectors: FloatArray = np.zeros((0, dim), dtype=np.float32)
        self._squares: DoubleArray = np.zeros(0, dtype=np.float64)
        self._rows: IntArray = np.zeros(0, dtype=np.int64)
        self._live: BoolArray = np.zeros(0, dtype=np.bool_)

    def __len__(self) -> int:
        return self._map.live

    def __repr__(self) -> str:
        return f"ExactIndex({len(self)} rows, geometry={self.geometry!r}, dim={self.dim})"

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        return self._map.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`."""
        new_rows = self._map.new(rows)
        new = scan.prepared(self.geometry, checked_vectors(vectors, self.dim, len(new_rows)))
        first, self._used = self._used, self._used + len(new_rows)
        self._vectors = grown(self._vectors, self._used)
        self._squares = grown(self._squares, self._used)
        self._rows = grown(self._rows, self._used)
        self._live = grown(self._live, self._used)
        part = slice(first, self._used)
        self._vectors[part], self._squares[part] = new, scan.squares(new)
        self._rows[part], self._live[part] = new_rows, True
        self._map.put(new_rows, np.arange(first, self._used))

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. The space is reclaimed when a quarter is unused."""
        gone = self._map.known(rows)
        self._live[self._map.places(gone)] = False
        self._map.drop(gone)
        if self._map.live < 0.75 * self._used:
            self._compact()

    def search(
        self, queries: AnyArray, count: int, *, ef: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; `ef` has no meaning here."""
        ready = scan.prepared(self.geometry, checked_vectors(queries, self.dim))
        return scan.nearest(self.geometry, ready, *self._matching(allowed), checked_count(count))

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        self._compact()
        part = slice(0, self._used)
        fields = {"geometry": self.geometry, "dim": self.dim}
        files.write(path, self.kind, fields, {"rows": self._rows[part], "vectors": self._vectors[part]})

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """See `CandidateIndex.load`."""
        fields, arrays = files.read(path, cls.kind)
        index = cls(**_fields(path, fields))
        rows, vectors = arrays.get("rows"), arrays.get("vectors")
        if rows is None or vectors is None or rows.dtype != np.int64 or vectors.dtype != np.float32:
            raise files.corrupt(path, "an array is missing or has another type")
        try:
            index.add(rows, vectors)
        except ValueError as error:
            raise files.corrupt(path, str(error)) from error
        return index

    def _matching(self, allowed: BoolArray | None) -> tuple[FloatArray, DoubleArray, IntArray, BoolArray]:
        """Vectors, squares, rows and the mask of those to look at."""
        part = slice(0, self._used)
        if allowed is None:
            return self._vectors[part], self._squares[part], self._rows[part], self._live[part]
        places = np.sort(self._map.places(self._map.matching(allowed)))
        if len(places) < SPARSE * self._used:
            usable = np.ones(len(places), dtype=np.bool_)
            return self._vectors[places], self._squares[places], self._rows[places], usable
        usable = np.zeros(self._used, dtype=np.bool_)
        usable[places] = True
        return self._vectors[part], self._squares[part], self._rows[part], usable

    def _compact(self) -> None:
        keep = np.flatnonzero(self._live[: self._used])
        if len(keep) == self._used:
            return
        self._vectors, self._squares, self._rows = self._vectors[keep], self._squares[keep], self._rows[keep]
        self._live = np.ones(len(keep), dtype=np.bool_)
        self._used = len(keep)
        self._map.put(self._rows, np.arange(self._used))


def _fields(path: StrPath, fields: dict[str, Any]) -> dict[str, Any]:
    geometry, dim = fields.get("geometry"), fields.get("dim")
    if geometry not in GEOMETRIES or type(dim) is not int or not 1 <= dim < 2**24:
        raise files.corrupt(path, "its fields do not describe an exact index")
    return {"geometry": geometry, "dim": dim}
