"""Rows that share a vector share a node: the lists of rows of each node, and the way from a vector to its node."""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..jit import kernel
from .kernels import insert
from .rows import grown

END = -1


class Groups:
    """For each node its rows, ascending, as a linked list: head[node] -> next[row] -> ... -> -1."""

    def __init__(self) -> None:
        self.nodes = 0
        self.head: IntArray = np.zeros(0, dtype=np.int64)
        self.tail: IntArray = np.zeros(0, dtype=np.int64)
        self.size: IntArray = np.zeros(0, dtype=np.int64)
        self.next: IntArray = np.zeros(0, dtype=np.int64)

    def reserve(self, nodes: int, rows: int) -> None:
        """Make room for nodes 0..nodes - 1 and row numbers 0..rows - 1; new nodes have no rows."""
        for name in ("head", "tail", "size"):
            setattr(self, name, grown(getattr(self, name), nodes))
        self.head[self.nodes : nodes] = END
        self.tail[self.nodes : nodes] = END
        self.nodes = max(self.nodes, nodes)
        self.next = grown(self.next, rows)

    def add(self, nodes: IntArray, rows: IntArray) -> None:
        """Row rows[i] joins node nodes[i]."""
        if len(rows):
            self.reserve(int(nodes.max()) + 1, int(rows.max()) + 1)
            _link(nodes, rows, self.head, self.tail, self.size, self.next)

    def remove(self, nodes: IntArray, rows: IntArray) -> None:
        """Row rows[i] leaves node nodes[i]."""
        _unlink(nodes, rows, self.head, self.tail, self.size, self.next)

    def expand(
        self, nodes: IntArray, distances: FloatArray, allowed: BoolArray | None, found: AnyArray, found_at: AnyArray
    ) -> None:
        """Offer the (allowed) rows of nodes (Q, C) at distances (Q, C) to the lines (Q, k) of rows and distances."""
        mask = np.zeros(0, dtype=np.bool_) if allowed is None else allowed
        _expand(nodes, distances, self.head, self.next, mask, allowed is not None, found, found_at)


@kernel()
def _link(nodes: IntArray, rows: IntArray, head: IntArray, tail: IntArray, size: IntArray, after: IntArray) -> None:
    for i in range(rows.shape[0]):
        node, row = nodes[i], rows[i]
        size[node] += 1
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
def _unlink(nodes: IntArray, rows: IntArray, head: IntArray, tail: IntArray, size: IntArray, after: IntArray) -> None:
    for i in range(rows.shape[0]):
        node, row = nodes[i], rows[i]
        size[node] -= 1
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


@kernel(parallel=True)
def _expand(
    nodes: IntArray,
    distances: FloatArray,
    head: IntArray,
    after: IntArray,
    allowed: BoolArray,
    filtered: bool,
    rows_out: IntArray,
    distances_out: FloatArray,
) -> None:
    for q in numba.prange(nodes.shape[0]):
        for c in range(nodes.shape[1]):
            node = nodes[q, c]
            if node < 0:
                continue
            row = head[node]
            while row >= 0:
                if not filtered or (row < allowed.shape[0] and allowed[row]):  # noqa: SIM102 (numba reads it faster)
                    if not insert(distances_out[q], rows_out[q], distances[q, c], row):
                        break  # the rest of this node comes later still
                row = after[row]


class VectorTable:
    """Vector -> node, by hash; the caller compares the vectors, for two may have one hash."""

    def __init__(self) -> None:
        self._nodes: IntArray = np.full(16, END, dtype=np.int64)
        self._hashes: AnyArray = np.zeros(0, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._hashes)

    def append(self, hashes: AnyArray) -> None:
        """Enter nodes len(self), len(self) + 1, ...; of two nodes with one hash the first is found."""
        first = len(self._hashes)
        self._hashes = np.concatenate([self._hashes, hashes])
        if 2 * len(self._hashes) > len(self._nodes):
            self._nodes = np.full(4 << len(self._hashes).bit_length(), END, dtype=np.int64)
            first = 0
        _enter(self._hashes, first, self._nodes)

    def find(self, hashes: AnyArray) -> IntArray:
        """(n,) hashes -> (n,) nodes, -1 where there is none."""
        return _look_up(self._hashes, hashes, self._nodes)


def hashes_of(vectors: FloatArray) -> AnyArray:
    """(n, D) float32 -> (n,) uint64; -0.0 and 0.0 hash alike."""
    return _hashes((vectors + np.float32(0.0)).view(np.uint32))


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
