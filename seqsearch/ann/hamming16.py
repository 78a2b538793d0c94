"""16-bit codes by direct address: every code is a place in a table, and its neighbours are the places one flip away."""

from __future__ import annotations

import threading
from typing import Self

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import ParameterError, StrPath
from ..hashing import as_uint16, checked, from_uint16
from . import bit_kernels, files
from .candidates import CandidateIndex, Candidates
from .rows import RowMap, checked_count

CODES = bit_kernels.CODES
ONES: AnyArray = np.array([bin(mask).count("1") for mask in range(CODES)], dtype=np.uint8)
MASKS: AnyArray = np.argsort(ONES, kind="stable").astype(np.int32)
"""All XOR masks, by the number of their ones."""
SHELLS: AnyArray = np.searchsorted(ONES[MASKS], np.arange(18)).astype(np.int32)
"""Masks with r ones begin at SHELLS[r]."""

MANY = 1 << 15
"""From so many queries in one call, all 65,536 answers are worked out first and then looked up."""


class Table:
    """Rows sorted by (code, row), and where each code begins: 6 bytes a row and 256 KiB."""

    def __init__(self, codes: AnyArray, rows: IntArray) -> None:
        """codes (n,) of rows (n,), which ascend."""
        self.offsets: AnyArray = np.empty(CODES + 1, dtype=np.int32)
        self.rows: AnyArray = np.empty(len(rows), dtype=np.int32)
        self.codes: AnyArray = np.empty(len(rows), dtype=np.uint16)
        bit_kernels.bucket_sort(codes, rows, self.offsets, self.rows, self.codes)
        self._answers: tuple[AnyArray, AnyArray] | None = None
        self._shells: IntArray | None = None

    def nearest(self, codes: AnyArray, count: int) -> Candidates:
        """The nearest `count` rows of codes (Q,) int64."""
        rows = np.empty((len(codes), count), dtype=np.int64)
        distances = np.empty((len(codes), count), dtype=np.float32)
        threads.numba_threads()
        if len(codes) >= MANY:
            bit_kernels.copy_answers(codes, *self.answers(count), rows, distances)
        else:
            bit_kernels.nearest_codes(codes, self.offsets, self.rows, self.codes, MASKS, SHELLS, rows, distances)
        return Candidates(rows, distances)

    def nearest_one(self, code: int, count: int) -> tuple[AnyArray, AnyArray]:
        """Rows and distances of one code, as many as there are up to `count`; the shortest way to an answer."""
        rows, distances = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float32)
        found = bit_kernels.nearest_code(code, self.offsets, self.rows, self.codes, MASKS, SHELLS, rows, distances)
        return rows[:found], distances[:found]

    def answers(self, count: int) -> tuple[AnyArray, AnyArray]:
        """The answers to all codes: rows (65,536, k) int32 and distances (65,536, k) float32, with k >= count."""
        if self._answers is None or self._answers[0].shape[1] < count:
            rows = np.empty((CODES, count), dtype=np.int32)
            distances = np.empty((CODES, count), dtype=np.float32)
            threads.numba_threads()
            everything = np.arange(CODES, dtype=np.int64)
            bit_kernels.nearest_codes(everything, self.offsets, self.rows, self.codes, MASKS, SHELLS, rows, distances)
            self._answers = rows, distances
        return self._answers

    @property
    def shells(self) -> IntArray:
        """(17, 65,536): [r, c] = rows at distance r from code c; worked out once, in some 20 ms."""
        if self._shells is None:
            self._shells = bit_kernels.shell_table(np.diff(self.offsets).astype(np.int64))
        return self._shells


class Hamming16Index(CandidateIndex):
    """Exact Hamming neighbours of 16-bit codes, ties by the smallest row.

    After a change the next search makes the table anew: some 5 ms for a million rows.
    """

    kind = "hamming"
    needs_bits = True
    counts_by_distance = True
    bits = 16

    def __init__(self, *, bits: int = 16) -> None:
        if bits != 16:
            raise ParameterError(f"codes by direct address have 16 bits, not {bits}")
        self._map = RowMap()  # the place of a row is its code
        self._table: Table | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._map.live

    def __repr__(self) -> str:
        return f"Hamming16Index({len(self)} rows)"

    def rows(self) -> IntArray:
        """The live rows, ascending."""
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
    def table(self) -> Table:
        """The table of all live rows."""
        with self._lock:
            if self._table is None:
                self._table = self._table_of(self._map.all())
            return self._table

    def search(
        self, queries: AnyArray, count: int, *, ef: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; always exact. A filter makes a table of the matching rows first."""
        return self._matching(allowed).nearest(_codes(queries), checked_count(count))

    def distance_counts(self, queries: AnyArray) -> IntArray:
        """See `CandidateIndex.distance_counts`; (Q, 2) codes -> (Q, 17), one look-up each."""
        counts: IntArray = self.table.shells[:, _codes(queries)].T
        return counts

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        rows = self.rows()
        codes = from_uint16(self._map.places(rows).astype(np.uint16))
        files.write(path, self.kind, {"bits": 16}, {"rows": rows, "codes": codes})

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """See `CandidateIndex.load`."""
        fields, arrays = files.read(path, cls.kind)
        index = cls()
        if fields.get("bits") != 16:
            raise files.corrupt(path, f"its codes have {fields.get('bits')!r} bits, not 16")
        add_from_file(index, path, arrays)
        return index

    def _matching(self, allowed: BoolArray | None) -> Table:
        return self.table if allowed is None else self._table_of(self._map.matching(allowed))

    def _table_of(self, rows: IntArray) -> Table:
        return Table(self._map.places(rows), rows)


def add_from_file(index: CandidateIndex, path: StrPath, arrays: dict[str, AnyArray]) -> None:
    """Add the rows and codes of a file; CorruptIndexError where they cannot be added."""
    rows, codes = arrays.get("rows"), arrays.get("codes")
    if rows is None or codes is None or rows.dtype != np.int64:
        raise files.corrupt(path, "an array is missing or has another type")
    try:
        index.add(rows, codes)
    except ValueError as error:
        raise files.corrupt(path, str(error)) from error


def _codes(vectors: AnyArray) -> IntArray:
    """(n, 2) bytes -> (n,) int64."""
    return as_uint16(checked(np.asarray(vectors), 16)).astype(np.int64)
