"""16-bit codes by direct address: every code is a place in a table, and its neighbours are the places one flip away."""

from __future__ import annotations

import numpy as np

from .. import threads
from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..errors import ParameterError
from ..hashing import as_uint16, checked, from_uint16
from ..threads import ForkSafeLock
from .bit_kernels import CODES, CodeTable, Flips, bucket_sort, copy_answers, nearest_codes, shell_table
from .candidates import Candidates, FlatIndex
from .kernels import Nearest
from .rows import RowMap, checked_count

_ONES: AnyArray = np.array([mask.bit_count() for mask in range(CODES)], dtype=np.uint8)
_MASKS: AnyArray = np.argsort(_ONES, kind="stable").astype(np.int32)
FLIPS = Flips(_MASKS, np.searchsorted(_ONES[_MASKS], np.arange(18)).astype(np.int32))

MANY = 1 << 15
"""From so many queries in one call, all 65,536 answers are worked out first and then looked up."""


class Buckets:
    """Rows sorted by (code, row), and where each code begins: 6 bytes a row and 256 KiB. Never changes."""

    def __init__(self, codes: AnyArray, rows: AnyArray) -> None:
        """codes (n,) of rows (n,); rows with one code ascend."""
        size = len(rows)
        self.places = CodeTable(np.empty(CODES + 1, np.int32), np.empty(size, np.int32), np.empty(size, np.uint16))
        bucket_sort(codes.astype(np.int64), rows.astype(np.int64), self.places)
        self._answers: Nearest | None = None
        self._shells: IntArray | None = None

    def nearest(self, codes: AnyArray, count: int) -> Candidates:
        """The nearest `count` rows of codes (Q,) int64."""
        rows = np.empty((len(codes), count), dtype=np.int64)
        best = Nearest(np.empty((len(codes), count), dtype=np.float32), rows)
        if len(codes) >= MANY:
            answers = self.answers(count)
            threads.numba_threads()
            copy_answers(codes, answers, best.rows, best.distances)
        else:
            threads.numba_threads()
            nearest_codes(codes, self.places, FLIPS, best)
        return Candidates(best.rows, best.distances)

    def answers(self, count: int) -> Nearest:
        """The answers to all codes: rows int32 and distances (65,536, k), with k >= count."""
        known = self._answers
        if known is None or known.rows.shape[1] < count:
            known = Nearest(np.empty((CODES, count), np.float32), np.empty((CODES, count), np.int32))
            threads.numba_threads()
            nearest_codes(np.arange(CODES, dtype=np.int64), self.places, FLIPS, known)
            self._answers = known
        return known

    @property
    def shells(self) -> IntArray:
        """(17, 65,536): [r, c] = rows at distance r from code c; worked out once, in some 20 ms."""
        if self._shells is None:
            self._shells = shell_table(np.diff(self.places.offsets).astype(np.int64))
        return self._shells

    def matching(self, allowed: BoolArray) -> Buckets:
        """A table of the rows that a filter lets through."""
        _, rows, codes = self.places
        keep = rows < len(allowed)
        keep[keep] = allowed[rows[keep]]
        return Buckets(codes[keep], rows[keep])


class Hamming16Index(FlatIndex):
    """Exact Hamming neighbours of 16-bit codes, ties by the smallest row.

    After a change the next search makes the table anew: some 5 ms for a million rows. Searches of one table wait for
    nobody.
    """

    kind = "hamming"
    needs_bits = True
    counts_by_distance = True

    def __init__(self, *, bits: int = 16) -> None:
        if bits != 16:
            raise ParameterError(f"codes by direct address have 16 bits, not {bits}")
        self.bits = bits
        self._map = RowMap()  # the place of a row is its code
        self._table: Buckets | None = None
        self._lock = ForkSafeLock()

    def __len__(self) -> int:
        return self._map.live

    def __repr__(self) -> str:
        return f"Hamming16Index({len(self)} rows)"

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        with self._lock:
            return self._map.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`; vectors: (n, 2) uint8."""
        with self._lock:
            new_rows = self._map.new(rows)
            codes = _codes(vectors)
            if len(codes) != len(new_rows):
                raise ParameterError(f"{len(new_rows)} rows come with {len(codes)} codes")
            self._map.put(new_rows, codes)
            self._table = None

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`."""
        with self._lock:
            self._map.drop(self._map.known(rows))
            self._table = None

    @property
    def table(self) -> Buckets:
        """The table of all live rows."""
        with self._lock:
            if self._table is None:
                rows = self._map.all()
                self._table = Buckets(self._map.places(rows), rows)
            return self._table

    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; always exact. A filter makes a table of the matching rows first."""
        table = self.table if allowed is None else self.table.matching(allowed)
        return table.nearest(_codes(queries), checked_count(count))

    def distance_counts(self, queries: AnyArray) -> IntArray:
        """See `CandidateIndex.distance_counts`; (Q, 2) codes -> (Q, 17), one look-up each."""
        counts: IntArray = self.table.shells[:, _codes(queries)].T
        return counts

    def contents(self) -> tuple[JSON, IntArray, AnyArray]:
        """See `FlatIndex.contents`."""
        with self._lock:
            rows = self._map.all()
            return {"bits": self.bits}, rows, from_uint16(self._map.places(rows).astype(np.uint16))


def _codes(vectors: AnyArray) -> IntArray:
    """(n, 2) bytes -> (n,) int64."""
    return as_uint16(checked(np.asarray(vectors), 16)).astype(np.int64)
