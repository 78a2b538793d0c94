"""From row numbers to places inside an index."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..errors import MismatchError, ParameterError, UnknownIdError

BIGGEST = 1e16
"""The largest value of a vector that is compressed: squares and sums of squares are far from the end of float32."""

ROW_LIMIT = 2**31
"""Row numbers stay below this: the map takes 4 bytes for each number up to the largest in use."""


class RowMap:
    """Row -> place (a slot, a node, a position), with the checks that every kind of index makes.

    Place + 1 is stored in an array that starts as zeros, so that numbers never used cost no memory until touched.
    """

    def __init__(self) -> None:
        self._place_plus_1: AnyArray = np.zeros(0, dtype=np.int32)
        self.live = 0

    def places(self, rows: IntArray) -> IntArray:
        """(n,) rows -> (n,) places, -1 for rows that are not there."""
        inside = (rows >= 0) & (rows < len(self._place_plus_1))
        places: IntArray = np.full(len(rows), -1, dtype=np.int64)
        places[inside] = self._place_plus_1[rows[inside]]
        places[inside] -= 1
        return places

    def put(self, rows: IntArray, places: IntArray) -> None:
        """Enter new rows (or move rows that are there)."""
        if not len(rows):
            return
        self._grow(int(rows.max()) + 1)
        self.live += int(np.count_nonzero(self._place_plus_1[rows] == 0))
        self._place_plus_1[rows] = places + 1

    def drop(self, rows: IntArray) -> None:
        """Forget rows that are there."""
        self._place_plus_1[rows] = 0
        self.live -= len(rows)

    def all(self) -> IntArray:
        """Rows that are there, ascending."""
        return np.flatnonzero(self._place_plus_1)

    def matching(self, allowed: BoolArray | None) -> IntArray:
        """Rows that are there and allowed, ascending."""
        if allowed is None:
            return self.all()
        shared = min(len(allowed), len(self._place_plus_1))
        return np.flatnonzero((self._place_plus_1[:shared] != 0) & allowed[:shared])

    def new(self, rows: AnyArray) -> IntArray:
        """`rows` as int64, once it is sure that they can be added."""
        wanted = _whole_numbers(rows)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= ROW_LIMIT):
            worst = wanted[(wanted < 0) | (wanted >= ROW_LIMIT)][0]
            raise ParameterError(f"row {worst} is outside 0..{ROW_LIMIT - 1}")
        if len(wanted) > 1 and not (np.diff(wanted) > 0).all():
            ordered = np.sort(wanted)
            repeated = ordered[1:][ordered[1:] == ordered[:-1]]
            if len(repeated):
                raise ParameterError(f"row {repeated[0]} is given twice")
        taken = wanted[self.places(wanted) >= 0]
        if len(taken):
            raise ParameterError(f"row {taken[0]} is already in the index")
        return wanted

    def known(self, rows: AnyArray) -> IntArray:
        """`rows` as int64, once it is sure that all of them are there; repeated rows count once."""
        wanted = np.unique(_whole_numbers(rows))
        missing = wanted[self.places(wanted) < 0]
        if len(missing):
            raise UnknownIdError(f"row {missing[0]} is not in the index")
        return wanted

    def _grow(self, size: int) -> None:
        if size > len(self._place_plus_1):
            larger = np.zeros(max(size, 2 * len(self._place_plus_1)), dtype=np.int32)
            larger[: len(self._place_plus_1)] = self._place_plus_1
            self._place_plus_1 = larger


def _whole_numbers(rows: AnyArray) -> IntArray:
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or (len(numbers) and not np.issubdtype(numbers.dtype, np.integer)):
        raise MismatchError(f"rows are whole numbers of shape (n,), not {numbers.dtype} of shape {numbers.shape}")
    return numbers.astype(np.int64)


def checked_count(count: int) -> int:
    """`count` itself, if at least 1."""
    if count < 1:
        raise ParameterError(f"at least 1 candidate must be asked for, not {count}")
    return count


def checked_vectors(vectors: AnyArray, dim: int, rows: int | None = None) -> FloatArray:
    """`vectors` as contiguous float32 (n, dim), once it is sure that they are finite and as many as `rows`."""
    array = np.asarray(vectors)
    if array.ndim != 2 or array.shape[1] != dim:
        raise MismatchError(f"vectors of shape (n, {dim}) are needed, not {array.shape}")
    if rows is not None and len(array) != rows:
        raise MismatchError(f"{rows} rows come with {len(array)} vectors")
    if array.dtype == np.float32:
        single: FloatArray = np.ascontiguousarray(array)
    else:
        with np.errstate(over="ignore"):
            single = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(single)
    if not finite.all():
        worst = int(np.argmin(finite.all(axis=1)))
        raise ParameterError(f"vector {worst} has a NaN or an infinite value")
    return single


def grown(array: AnyArray, size: int) -> AnyArray:
    """`array` itself when it has `size` places, else a copy with at least twice as many as before, zeros behind."""
    if size <= len(array):
        return array
    larger = np.zeros((max(size, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
