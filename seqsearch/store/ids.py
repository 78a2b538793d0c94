"""From id to row: sorted 64-bit hashes in memory, 16 bytes a row, made from the id columns when first needed.

Kept out of LMDB on purpose: what is derived cannot disagree with the records. A hit is a proposal only; the caller
compares the strings, so two ids with one hash cost time and never an answer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..arrays import IntArray
from ..sequences import Strings

Hashes = npt.NDArray[np.uint64]

_BLOCK = 1 << 17
_RANDOM = np.random.Generator(np.random.PCG64(20))
_OF_BYTE = _RANDOM.integers(1, 2**63, 256, np.uint64) * np.uint64(2) + np.uint64(1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def hash_ids(ids: Strings) -> Hashes:
    """(n,) polynomial hashes modulo 2**64 over a random value for each byte value."""
    out = np.zeros(len(ids), np.uint64)
    for start in range(0, len(ids), _BLOCK):
        bounds = ids.offsets[start : start + _BLOCK + 1]
        lengths = np.diff(bounds)
        longest = int(lengths.max())
        if longest == 0:
            continue
        powers = np.cumprod(np.full(longest, _MULTIPLIER, np.uint64))
        filled = np.flatnonzero(lengths)
        starts = (bounds[:-1] - bounds[0])[filled]
        positions = np.arange(int(bounds[-1] - bounds[0])) - np.repeat(starts, lengths[filled])
        terms = _OF_BYTE[ids.data[bounds[0] : bounds[-1]]] * powers[positions]
        out[start + filled] = np.add.reduceat(terms, starts)
    return out


class IdIndex:
    """Sorted runs of (hash, row). A new run is merged with the last one while that is not longer, so there are few."""

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, IntArray]] = []

    def __len__(self) -> int:
        return sum(len(hashes) for hashes, _ in self._runs)

    def add(self, hashes: Hashes, rows: IntArray) -> None:
        """Put rows in; their hashes may be there already."""
        if not len(hashes):
            return
        order = np.argsort(hashes, kind="stable")
        hashes, rows = hashes[order], rows[order]
        while self._runs and len(self._runs[-1][0]) <= 2 * len(hashes):
            other_hashes, other_rows = self._runs.pop()
            hashes, rows = np.concatenate([other_hashes, hashes]), np.concatenate([other_rows, rows])
            order = np.argsort(hashes, kind="stable")
            hashes, rows = hashes[order], rows[order]
        self._runs.append((hashes, rows))

    def find(self, hashes: Hashes) -> tuple[IntArray, IntArray]:
        """(query, row) pairs whose hashes are equal, ordered by query then row."""
        queries: list[IntArray] = [np.zeros(0, np.int64)]
        rows: list[IntArray] = [np.zeros(0, np.int64)]
        for sorted_hashes, run_rows in self._runs:
            first = np.searchsorted(sorted_hashes, hashes, side="left")
            counts = np.searchsorted(sorted_hashes, hashes, side="right") - first
            hit = np.flatnonzero(counts)
            within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts[hit]) - counts[hit], counts[hit])
            queries.append(np.repeat(hit, counts[hit]))
            rows.append(run_rows[np.repeat(first[hit], counts[hit]) + within])
        all_queries, all_rows = np.concatenate(queries), np.concatenate(rows)
        order = np.lexsort((all_rows, all_queries))
        return all_queries[order], all_rows[order]
