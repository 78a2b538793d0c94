"""From id to row: sorted 64-bit hashes, 16 bytes an id.

Two ids with one hash are as rare as chance allows: 2**-64 a pair, so among a million ids one pair with odds of 3 in
10**8.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ..arrays import AnyArray, IntArray
from .strings import Strings

Hashes = npt.NDArray[np.uint64]

_BLOCK = 1 << 17  # ids hashed at a time
_LONGEST = 1024  # bytes with a table of their own; those after them share it, times a power of an odd number
_ODD = np.uint64(0x9E3779B97F4A7C15)


@cache
def _table(size: int) -> Hashes:
    """(size, 256): a random number for each byte at each position, the first rows the same whatever the size."""
    return np.random.default_rng(0x5EED1D5).integers(0, 2**64, (size, 256), np.uint64)


def hash_ids(ids: Strings) -> Hashes:
    """(n,) hashes by simple tabulation: Carter & Wegman, J. Comput. Syst. Sci. 18 (1979)."""
    hashes = np.zeros(len(ids), np.uint64)
    for start in range(0, len(ids), _BLOCK):
        bounds = ids.offsets[start : start + _BLOCK + 1]
        lengths = np.diff(bounds)
        longest = int(lengths.max())
        table = _table(min(max(32, 1 << longest.bit_length()), _LONGEST))
        places = np.arange(int(bounds[-1] - bounds[0])) - np.repeat(bounds[:-1] - bounds[0] - 1, lengths)
        letters = ids.data[bounds[0] : bounds[-1]]
        if longest < len(table):
            terms = table[places, letters]
        else:
            powers = _ODD ** np.arange(longest // _LONGEST + 1, dtype=np.uint64)  # 1 for what has a table of its own
            terms = table[places % _LONGEST, letters] * powers[places // _LONGEST]
        own = table[0, np.minimum(lengths, 255)]
        filled = np.flatnonzero(lengths)
        if len(filled):
            own[filled] ^= np.bitwise_xor.reduceat(terms, (bounds[:-1] - bounds[0])[filled])
        hashes[start : start + len(lengths)] = own
    return hashes


def numbered(column: Strings) -> tuple[list[str], IntArray]:
    """The distinct strings of a column, sorted, and (n,) which of them each row is: by their hashes, without an object
    a row."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *map(hash_ids, column.parts)])
    _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    names = list(column.take(first))
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), np.int64)
    place[order] = np.arange(len(names))
    return [names[at] for at in order], place[numbers]


def rows_of_equal(hashes: Hashes) -> IntArray:
    """The places of hashes (n,) that come more than once, ascending."""
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    return np.unique(np.concatenate([order[same], order[same + 1]]))


class IdIndex:
    """Sorted runs of (hash, row). A new run is merged with the last one while that is not longer, so there are few.

    A hit is a proposal: who holds the strings compares them, who does not takes the odds above.
    """

    def __init__(self) -> None:
        self._fixed: list[tuple[Hashes, AnyArray, int]] = []
        self._runs: list[tuple[Hashes, IntArray]] = []

    def __len__(self) -> int:
        return sum(len(hashes) for hashes, _, _ in self._all_runs())

    def _all_runs(self) -> list[tuple[Hashes, AnyArray, int]]:
        """Hashes, rows, and what the rows count from."""
        return [*self._fixed, *((hashes, rows, 0) for hashes, rows in self._runs)]

    def add_fixed(self, hashes: Hashes, rows: AnyArray, first: int) -> None:
        """Look also into a run that lies elsewhere (in a mapped file), in order of its hashes; its rows count from
        `first`. It is neither copied nor merged with others."""
        self._fixed.append((hashes, rows, first))

    def add(self, hashes: Hashes, rows: IntArray) -> None:
        """Put rows in; their hashes may be there already."""
        order = np.argsort(hashes, kind="stable")
        self._add_sorted(hashes[order], rows[order])

    def _add_sorted(self, hashes: Hashes, rows: IntArray) -> None:
        if not len(hashes):
            return
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
        for sorted_hashes, run_rows, before in self._all_runs():
            first = np.searchsorted(sorted_hashes, hashes, side="left")
            counts = np.searchsorted(sorted_hashes, hashes, side="right") - first
            hit = np.flatnonzero(counts)
            within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts[hit]) - counts[hit], counts[hit])
            queries.append(np.repeat(hit, counts[hit]))
            rows.append(run_rows[np.repeat(first[hit], counts[hit]) + within].astype(np.int64) + before)
        all_queries, all_rows = np.concatenate(queries), np.concatenate(rows)
        order = np.lexsort((all_rows, all_queries))
        return all_queries[order], all_rows[order]

    def first_uses(self, ids: Strings, numbers: IntArray) -> IntArray:
        """(n,) the number under which each id was put in before, 0 where it is new; puts the new ones in.

        `numbers`: (n,) ascending, from 1.
        """
        hashes = hash_ids(ids)
        order = np.argsort(hashes, kind="stable")
        hashes, ordered = hashes[order], numbers[order]
        fresh = np.ones(len(hashes), np.bool_)
        fresh[1:] = hashes[1:] != hashes[:-1]
        before = ordered[fresh][np.cumsum(fresh) - 1]
        before[fresh] = 0
        for run, rows in self._runs:
            at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            known = run[at] == hashes
            before[known] = rows[at[known]]
        self._add_sorted(hashes[before == 0], ordered[before == 0])
        earlier = np.empty(len(hashes), np.int64)
        earlier[order] = before
        return earlier
