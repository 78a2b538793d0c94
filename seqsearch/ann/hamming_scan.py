"""Codes of 8 to 1,024 bits: every distinct code is compared, by XOR and a count of ones, eight words at a time."""

from __future__ import annotations

import numpy as np

from .. import threads
from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..errors import ParameterError
from ..hashing import as_words, checked
from ..threads import ForkSafeLock
from .bit_kernels import scan_codes, scan_codes_part, scan_shares
from .candidates import CandidateIndex, Candidates, FlatIndex, Parameters
from .groups import NodeTable, RowGroups
from .hamming16 import Hamming16Index
from .kernels import Nearest
from .rows import checked_count

SMALL = 200_000
"""Words compared below which waking other threads costs more than it saves."""


class HammingScanIndex(FlatIndex):
    """Exact Hamming neighbours, ties by the smallest row. Rows with one code share a place in the scan.

    Words lie in columns (word, code), so that one instruction counts the ones of several codes. Searches of one index
    take turns with each other and with changes.
    """

    kind = "hamming"
    needs_bits = True

    def __init__(self, *, bits: int) -> None:
        if type(bits) is not int or not 8 <= bits <= 1024 or bits % 8:
            raise ParameterError(f"bits is a multiple of 8 from 8 to 1024, not {bits!r}")
        self.bits = bits
        self._lock = ForkSafeLock()
        self._forget()

    @classmethod
    def make(cls, parameters: Parameters, seed: int = 0) -> CandidateIndex:
        """See `CandidateIndex.make`; codes of 16 bits have a class of their own, found by direct address."""
        return Hamming16Index.make(parameters) if parameters.get("bits") == 16 else super().make(parameters)

    def _forget(self) -> None:
        self._groups = RowGroups()
        self._table = NodeTable()
        self._words: AnyArray = np.zeros(((self.bits + 63) // 64, 0), dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._groups)

    def __repr__(self) -> str:
        return f"HammingScanIndex({len(self)} rows, {self._groups.nodes} codes, bits={self.bits})"

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        with self._lock:
            return self._groups.rows.all()

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`; vectors: (n, bits / 8) uint8."""
        with self._lock:
            new_rows = self._groups.rows.new(rows)
            words = self._checked(vectors)
            if len(words) != len(new_rows):
                raise ParameterError(f"{len(new_rows)} rows come with {len(words)} codes")
            if len(words):
                self._groups.add(self._nodes_for(words), new_rows)

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. Codes without rows are passed over, and dropped when they are half of all."""
        with self._lock:
            self._groups.remove(rows)
            total = self._groups.nodes
            if np.count_nonzero(self._groups.head[:total] >= 0) < total // 2:
                _, left, codes = self.contents()
                self._forget()
                self.add(left, codes)

    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; always exact."""
        with self._lock:
            words = self._checked(queries)
            first = self._groups.first_rows(allowed)
            if not len(first) or not len(words):
                return Candidates.none(len(words), checked_count(count))
            hits = Candidates.none(len(words), min(checked_count(count), len(first)))
            self._scan(words, first, Nearest(hits.distances, hits.rows))
            return self._groups.expand_first(hits, count, allowed)

    def contents(self) -> tuple[JSON, IntArray, AnyArray]:
        """See `FlatIndex.contents`."""
        with self._lock:
            rows = self.rows()
            words = np.ascontiguousarray(self._words[:, self._groups.rows.places(rows)].T).astype("<u8")
            bytes_of = words.view(np.uint8).reshape(len(rows), 8 * len(self._words))
            return {"bits": self.bits}, rows, np.ascontiguousarray(bytes_of[:, : self.bits // 8])

    def _checked(self, codes: AnyArray) -> AnyArray:
        """(n, bits / 8) bytes -> (n, W) words."""
        return as_words(checked(np.asarray(codes), self.bits))

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
            self._groups.reserve(total)
        return nodes

    def _scan(self, words: AnyArray, first: IntArray, best: Nearest) -> None:
        tasks = threads.numba_threads()
        if tasks == 1 or len(words) * len(first) * words.shape[1] < SMALL:
            scan_codes_part(words, self._words, 0, len(first), first, best)
        elif len(words) >= tasks:
            scan_codes(tasks, words, self._words, first, best)
        else:
            scan_shares(tasks, words, self._words, first, best)
