"""Rows that share a vector share a node: the lists of rows of each node, and the way from a vector to its node."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..jit import kernel
from .candidates import Candidates
from .kernels import insert
from .rows import RowMap, grown

END = -1

SMALL = 4000
"""Nodes offered at once, below which waking other threads costs more than it saves."""


class RowGroups:
    """For each node its rows, ascending, as a linked list: head[node] -> next[row] -> ... -> -1.

    A node without rows has head -1. All in all a row takes 16 bytes.
    """

    def __init__(self) -> None:
        self.rows = RowMap()
        """The node of each row."""
        self.nodes = 0
        self.head: AnyArray = np.zeros(0, dtype=np.int32)
        self.tail: AnyArray = np.zeros(0, dtype=np.int32)
        self.next: AnyArray = np.zeros(0, dtype=np.int32)

    def __len__(self) -> int:
        """Rows."""
        return self.rows.live

    def reserve(self, nodes: int) -> None:
        """Make room for nodes 0..nodes - 1; new ones have no rows."""
        for name in ("head", "tail"):
            setattr(self, name, grown(getattr(self, name), nodes))
        self.head[self.nodes : nodes] = END
        self.tail[self.nodes : nodes] = END
        self.nodes = max(self.nodes, nodes)

    def add(self, nodes: IntArray, rows: IntArray) -> None:
        """Row rows[i], which is new, joins node nodes[i]."""
        if len(rows):
            self.reserve(int(nodes.max()) + 1)
            self.next = grown(self.next, int(rows.max()) + 1)
            _link(nodes, rows, self.head, self.tail, self.next)
            self.rows.put(rows, nodes)

    def remove(self, rows: IntArray) -> IntArray:
        """Forget rows; the nodes (n,) that they were of. UnknownIdError when one is not there, and then nothing is
        forgotten."""
        gone = self.rows.known(rows)
        nodes = self.rows.places(gone)
        _unlink(nodes, gone, self.head, self.tail, self.next)
        self.rows.drop(gone)
        return np.unique(nodes)

    def first_rows(self, allowed: BoolArray | None) -> AnyArray:
        """(nodes,) int32: the smallest matching row of each, -1 where none matches."""
        if allowed is None:
            return self.head[: self.nodes]
        rows = self.rows.matching(allowed)
        first = np.full(self.nodes, END, dtype=np.int32)
        first[self.rows.places(rows)[::-1]] = rows[::-1]  # of several assignments to one place the last stays
        return first

    def expand(self, nodes: IntArray, distances: FloatArray, allowed: BoolArray | None, found: Candidates) -> None:
        """Offer the (allowed) rows of nodes (Q, C) at distances (Q, C) to the answers found so far."""
        mask = np.zeros(0, dtype=np.bool_) if allowed is None else allowed
        offered = (nodes, distances, self.head, self.next, mask, allowed is not None, found.rows, found.distances)
        if nodes.size < SMALL:
            _expand_part(*offered)
        else:
            threads.numba_threads()
            _expand(*offered)

    def expand_first(self, hits: Candidates, count: int, allowed: BoolArray | None) -> Candidates:
        """The nearest `count` (allowed) rows, from the nearest nodes given by the smallest row of each."""
        found = Candidates.none(len(hits), count)
        nodes = self.rows.places(hits.rows.reshape(-1)).reshape(hits.rows.shape)
        self.expand(nodes, hits.distances, allowed, found)
        return found


@kernel()
def _link(nodes: IntArray, rows: IntArray, head: AnyArray, tail: AnyArray, after: AnyArray) -> None:
    for i in range(rows.shape[0]):
        node, row = nodes[i], rows[i]
        if head[node] < 0:
            head[node], tail[node], after[row] = row, row, END
        elif row > tail[node]:
            after[tail[node]], tail[node], after[row] = row, row, END
        elif row < head[node]:
            after[row], head[node] = head[node], row
        else:
            at = head[node]
            while after[at] < row:
                at = after[at]
            after[row], after[at] = after[at], row


@kernel()
def _unlink(nodes: IntArray, rows: IntArray, head: AnyArray, tail: AnyArray, after: AnyArray) -> None:
    for i in range(rows.shape[0]):
        node, row = nodes[i], rows[i]
        if head[node] == row:
            head[node] = after[row]
            if head[node] < 0:
                tail[node] = END
            continue
        at = head[node]
        while after[at] != row:
            at = after[at]
        after[at] = after[row]
        if tail[node] == row:
            tail[node] = at


@kernel()
def _expand_part(
    nodes: IntArray,
    distances: FloatArray,
    head: AnyArray,
    after: AnyArray,
    allowed: BoolArray,
    filtered: bool,
    rows_out: IntArray,
    distances_out: FloatArray,
) -> None:
    room = rows_out.shape[1]
    for q in range(nodes.shape[0]):
        filled = 0  # empty places behind these would else be walked over each time
        while filled < room and rows_out[q, filled] >= 0:
            filled += 1
        for c in range(nodes.shape[1]):
            node = nodes[q, c]
            if node < 0:
                continue
            row = head[node]
            while row >= 0:
                if not filtered or (row < allowed.shape[0] and allowed[row]):
                    end = min(filled + 1, room)
                    if not insert(distances_out[q, :end], rows_out[q, :end], distances[q, c], row):
                        break  # the rest of this node comes later still
                    filled = end
                row = after[row]


@kernel(parallel=True)
def _expand(
    nodes: IntArray,
    distances: FloatArray,
    head: AnyArray,
    after: AnyArray,
    allowed: BoolArray,
    filtered: bool,
    rows_out: IntArray,
    distances_out: FloatArray,
) -> None:
    for q in numba.prange(nodes.shape[0]):
        part = slice(q, q + 1)
        _expand_part(nodes[part], distances[part], head, after, allowed, filtered, rows_out[part], distances_out[part])


class NodeTable:
    """Vector (or code) -> node, by hash. Two vectors may have one hash, so what is found is compared."""

    def __init__(self) -> None:
        self._places: IntArray = np.full(16, END, dtype=np.int64)
        self._hashes: AnyArray = np.zeros(0, dtype=np.uint64)
        self._used = 0
        self._later: Callable[[], AnyArray] | None = None

    def append_later(self, items: Callable[[], AnyArray]) -> None:
        """`append` what `items` gives when the table is first needed: searching alone never needs it."""
        self._later = items

    def append(self, items: AnyArray) -> None:
        """Enter items (n, D) as the nodes that follow; of two nodes with one hash the first will be found."""
        self._settle()
        first, self._used = self._used, self._used + len(items)
        self._hashes = grown(self._hashes, self._used)
        self._hashes[first : self._used] = hashes_of(items)
        if 2 * self._used > len(self._places):
            self._places = np.full(4 << int(self._used).bit_length(), END, dtype=np.int64)
            first = 0
        _enter(self._hashes[: self._used], first, self._places)

    def assign(self, items: AnyArray, stored: Callable[[IntArray], AnyArray]) -> tuple[IntArray, IntArray]:
        """The node of each item (n, D), new ones numbered on in order of arrival; and the items that make a new node.

        `stored` gives the items of nodes that were entered before.
        """
        self._settle()
        nodes = _look_up(self._hashes, hashes_of(items), self._places)
        known = np.flatnonzero(nodes >= 0)
        if len(known):
            same = (stored(nodes[known]) == items[known]).all(axis=1)
            nodes[known[~same]] = END
        unknown = np.flatnonzero(nodes < 0)
        if not len(unknown):
            return nodes, unknown
        whole = np.ascontiguousarray(items[unknown])
        _, first, inverse = np.unique(
            whole.view(np.dtype((np.void, whole.itemsize * whole.shape[1])))[:, 0],
            return_index=True,
            return_inverse=True,
        )
        by_arrival = np.argsort(first)
        number = np.empty(len(first), dtype=np.int64)
        number[by_arrival] = np.arange(len(first)) + self._used
        nodes[unknown] = number[inverse.reshape(-1)]
        return nodes, unknown[first[by_arrival]]

    def _settle(self) -> None:
        if self._later is not None:
            items, self._later = self._later(), None
            self.append(items)


def hashes_of(items: AnyArray) -> AnyArray:
    """(n, D) of 4 or 8 bytes each -> (n,) uint64."""
    return _hashes(np.ascontiguousarray(items).view(np.uint32))


@kernel()
def _hashes(words: AnyArray) -> AnyArray:
    out = np.empty(words.shape[0], dtype=np.uint64)
    for i in range(words.shape[0]):
        value = np.uint64(0x9E3779B97F4A7C15)
        for d in range(words.shape[1]):
            value ^= np.uint64(words[i, d])
            value *= np.uint64(0xBF58476D1CE4E5B9)  # a multiplier of splitmix64
            value ^= value >> np.uint64(29)
        out[i] = value
    return out


@kernel()
def _enter(hashes: AnyArray, first: int, table: IntArray) -> None:
    mask = np.uint64(table.shape[0] - 1)
    for node in range(first, hashes.shape[0]):
        at = hashes[node] & mask
        while table[at] >= 0 and hashes[table[at]] != hashes[node]:
            at = (at + np.uint64(1)) & mask
        if table[at] < 0:
            table[at] = node


@kernel()
def _look_up(known: AnyArray, hashes: AnyArray, table: IntArray) -> IntArray:
    mask = np.uint64(table.shape[0] - 1)
    out = np.full(hashes.shape[0], END, dtype=np.int64)
    for i in range(hashes.shape[0]):
        at = hashes[i] & mask
        while table[at] >= 0:
            if known[table[at]] == hashes[i]:
                out[i] = table[at]
                break
            at = (at + np.uint64(1)) & mask
    return out
