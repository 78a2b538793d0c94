"""Codes of 32 to 1,024 bits: every distinct code is compared, by XOR and a count of ones, eight words at a time."""

from __future__ import annotations

import threading

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import ParameterError, StrPath
from ..hashing import as_words, checked
from . import bit_kernels, files
from .candidates import CandidateIndex, Candidates, Parameters
from .groups import Groups, NodeTable, smallest_rows
from .hamming16 import Hamming16Index, add_from_file
from .rows import RowMap, checked_count

SMALL = 200_000
"""Words compared below which waking other threads costs more than it saves."""


class HammingScanIndex(CandidateIndex):
    """Exact Hamming neighbours, ties by the smallest row. Rows with one code share a place in the scan.

    Words lie in columns (word, code), so that one instruction counts the ones of several codes.
    """

    kind = "hamming"
    needs_bits = True

    def __init__(self, *, bits: int) -> None:
        if type(bits) is not int or not 8 <= bits <= 1024 or bits % 8:
            raise ParameterError(f"bits is a multiple of 8 from 8 to 1024, not {bits!r}")
        self.bits = bits
        self._lock = threading.RLock()
        self._forget()

    @classmethod
    def make(
        cls, *, geometry: str | None, dim: int | None, bits: int | None, parameters: Parameters, seed: int
    ) -> CandidateIndex:
        """See `CandidateIndex.make`; codes of 16 bits have a class of their own, found by direct address."""
        if bits == 16:
            return Hamming16Index.make(geometry=geometry, dim=dim, bits=bits, parameters=parameters, seed=seed)
        return super().make(geometry=geometry, dim=dim, bits=bits, parameters=parameters, seed=seed)

    def _forget(self) -> None:
        self._map = RowMap()
        self._groups = Groups()
        self._table = NodeTable()
        self._words: AnyArray = np.zeros(((self.bits + 63) // 64, 0), dtype=np.uint64)

    def __len__(self) -> int:
        return self._map.live

    def __repr__(self) -> str:
        return f"HammingScanIndex({len(self)} rows, {self._groups.nodes} codes, bits={self.bits})"

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        return self._map.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`; vectors: (n, bits / 8) uint8."""
        with self._lock:
            new_rows = self._map.new(rows)
            words = self._checked(vectors)
            if len(words) != len(new_rows):
                raise ParameterError(f"{len(new_rows)} rows come with {len(words)} codes")
            if len(words):
                nodes = self._nodes_for(words)
                self._groups.add(nodes, new_rows)
                self._map.put(new_rows, nodes)

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. Codes without rows are passed over, and dropped when they are half of all."""
        with self._lock:
            gone = self._map.known(rows)
            nodes = self._map.places(gone)
            self._groups.remove(nodes, gone)
            self._map.drop(gone)
            total = self._groups.nodes
            if np.count_nonzero(self._groups.size[:total]) < total // 2:
                self._rebuild()

    def search(
        self, queries: AnyArray, count: int, *, ef: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; always exact."""
        with self._lock:
            words = self._checked(queries)
            found = Candidates.none(len(words), checked_count(count))
            first = self._first_rows(allowed)
            if not len(first) or not len(words):
                return found
            hits = Candidates.none(len(words), min(count, len(first)))
            self._scan(words, first, hits)
            nodes = self._map.places(hits.rows.reshape(-1)).reshape(hits.rows.shape)
            self._groups.expand(nodes, hits.distances, allowed, found.rows, found.distances)
            return found

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        with self._lock:
            rows = self.rows()
            files.write(path, self.kind, {"bits": self.bits}, {"rows": rows, "codes": self._codes(rows)})

    @classmethod
    def load(cls, path: StrPath) -> CandidateIndex:
        """See `CandidateIndex.load`; gives a `Hamming16Index` where that fits."""
        fields, arrays = files.read(path, cls.kind)
        if fields.get("bits") == 16:
            return Hamming16Index.load(path)
        try:
            index = cls(bits=fields["bits"])
        except (KeyError, ParameterError) as error:
            raise files.corrupt(path, str(error)) from error
        add_from_file(index, path, arrays)
        return index

    def _checked(self, codes: AnyArray) -> AnyArray:
        """(n, bits / 8) bytes -> (n, W) words."""
        return as_words(checked(np.asarray(codes), self.bits))

    def _codes(self, rows: IntArray) -> AnyArray:
        words = np.ascontiguousarray(self._words[:, self._map.places(rows)].T).astype("<u8")
        return np.ascontiguousarray(words.view(np.uint8).reshape(len(rows), 8 * len(self._words))[:, : self.bits // 8])

    def _own(self, nodes: IntArray) -> AnyArray:
        """(n,) nodes -> (n, W) words."""
        return np.ascontiguousarray(self._words[:, nodes].T)

    def _nodes_for(self, words: AnyArray) -> IntArray:
        """The node of each code (n, W), new ones entered."""
        nodes, fresh = self._table.assign(words, self._own)
        if len(fresh):
            first = self._groups.nodes
            total = first + len(fresh)
            if total > self._words.shape[1]:
                wider = np.zeros((len(self._words), max(total, 2 * self._words.shape[1])), dtype=np.uint64)
                wider[:, :first] = self._words[:, :first]
                self._words = wider
            self._words[:, first:total] = words[fresh].T
            self._table.append(words[fresh])
            self._groups.reserve(total, 0)
        return nodes

    def _first_rows(self, allowed: BoolArray | None) -> IntArray:
        """(codes,): the smallest matching row of each, -1 where none matches."""
        if allowed is None:
            return self._groups.head[: self._groups.nodes]
        rows = self._map.matching(allowed)
        return smallest_rows(rows, self._map.places(rows), self._groups.nodes)

    def _scan(self, words: AnyArray, first: IntArray, hits: Candidates) -> None:
        tasks = threads.numba_threads()
        if tasks == 1 or len(words) * len(first) * words.shape[1] < SMALL:
            bit_kernels.scan_codes_part(words, self._words, 0, len(first), first, hits.distances, hits.rows)
        elif len(words) >= tasks:
            bit_kernels.scan_codes(tasks, words, self._words, first, hits.distances, hits.rows)
        else:
            bit_kernels.scan_shares(tasks, words, self._words, first, hits.distances, hits.rows)

    def _rebuild(self) -> None:
        rows = self.rows()
        codes = self._codes(rows)
        self._forget()
        self.add(rows, codes)
