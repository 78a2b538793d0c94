"""Lists where faiss is not installed: the same codes in the same lists, looked through by numba, and k-means by numpy.

Distances are those of the codes, to the last digit of float32; faiss rounds the tables of 4-bit parts to bytes, which
puts near equals in another order. A query takes three to four times as long as with faiss, which
looks up 32 codes at once.
"""

from __future__ import annotations

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, ByteArray, FloatArray, IntArray
from ..jit import kernel
from .ivf_codes import CENTROIDS, Coder

ROUNDS = 8
PER_LIST = 256
"""So many vectors tell the centre of a list as well as more do."""

_ROOM = 1 << 24  # distances to centres in memory at a time
_QUERIES = 8  # at least, that another thread is woken for


class OwnLists:
    """See `ivf_scan.Lists`. Codes stay where they are: lists hold the numbers of entries alone."""

    def __init__(self, coder: Coder, centres: FloatArray) -> None:
        self.coder = coder
        self._entries: list[IntArray] = []
        self._codes: tuple[AnyArray, AnyArray] = (np.zeros((0, 4 * coder.words), np.uint8),) * 2
        self._flat: tuple[IntArray, IntArray] | None = None
        self.route(centres)

    @property
    def room(self) -> int:
        """See `ivf_scan.Lists.room`: there is no end."""
        return 2**62

    def route(self, centres: FloatArray) -> None:
        """See `ivf_scan.Lists.route`."""
        self._centres = np.ascontiguousarray(centres)
        more = len(centres) - len(self._entries)
        self._entries += [np.zeros(0, dtype=np.int64)] * more

    def put(self, numbers: IntArray, entries: IntArray, bounds: IntArray, codes: tuple[AnyArray, AnyArray]) -> None:
        """See `ivf_scan.Lists.put`."""
        for i, number in enumerate(numbers.tolist()):
            self._entries[number] = entries[bounds[i] : bounds[i + 1]]
        self._codes, self._flat = codes, None

    def counted(self, entries: int) -> None:
        """See `ivf_scan.Lists.counted`: nothing depends on it."""

    def search(
        self, queries: FloatArray, count: int, lists: int, wanted: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """See `ivf_scan.Lists.search`."""
        if self._flat is None:
            sizes = np.array([len(entries) for entries in self._entries])
            self._flat = np.concatenate(self._entries), np.concatenate([[0], np.cumsum(sizes)])
        entries = np.full((len(queries), count), -1, dtype=np.int64)
        distances = np.full((len(queries), count), np.inf, dtype=np.float32)
        queries, mask = np.ascontiguousarray(queries), np.zeros(0, np.bool_) if wanted is None else wanted
        size = max(_QUERIES, -(-len(queries) // threads.numba_threads()))
        bits = 0 if self.coder.bits is None else self.coder.bits
        flat, books, codes, probes = self._flat, self.coder.books, self._codes, min(lists, len(self._centres))

        def look(first: int, last: int) -> None:
            for at in range(first, last, block := max(1, _ROOM // len(self._centres))):
                part = slice(at, min(last, at + block))
                near = self._nearest(queries[part], probes)
                _look(bits, queries[part], near, *flat, books, *codes, mask, entries[part], distances[part])

        threads.in_blocks(len(queries), size, look)
        return entries, distances

    def _nearest(self, queries: FloatArray, probes: int) -> IntArray:
        """(Q, probes) lists of the nearest centres, in any order."""
        away = _away(queries, self._centres)
        if probes == away.shape[1]:
            return np.broadcast_to(np.arange(probes), away.shape).copy()
        return np.ascontiguousarray(np.argpartition(away, probes - 1, axis=1)[:, :probes])

    def nearest_lists(self, vectors: FloatArray) -> IntArray:
        """See `ivf_scan.Lists.nearest_lists`."""
        return nearest(vectors, self._centres)


def nearest(vectors: FloatArray, centres: FloatArray) -> IntArray:
    """(n, D) -> (n,): the nearest of (L, D) centres to each."""
    found, block = np.empty(len(vectors), dtype=np.int64), max(1, _ROOM // len(centres))
    for at in range(0, len(vectors), block):
        found[at : at + block] = _away(vectors[at : at + block], centres).argmin(axis=1)
    return found


def _away(vectors: FloatArray, centres: FloatArray) -> FloatArray:
    """(n, L) squared distances less the squared norm of each vector."""
    away: FloatArray = vectors @ (-2 * centres.T)
    away += (centres * centres).sum(axis=1)
    return away


def centres_of(vectors: FloatArray, count: int, seed: int) -> FloatArray:
    """(n, D) -> (count, D): k-means by Lloyd's algorithm, count <= n. A centre that is nearest to none goes to a vector
    of those whose own loses most."""
    generator = np.random.default_rng([seed, 7])
    most = PER_LIST * count
    some = vectors if len(vectors) <= most else vectors[np.sort(generator.choice(len(vectors), most, replace=False))]
    centres = some[np.sort(generator.choice(len(some), count, replace=False))].copy()
    for _ in range(ROUNDS):
        of = nearest(some, centres)
        order, sizes = np.argsort(of, kind="stable"), np.bincount(of, minlength=count)
        full = np.flatnonzero(sizes)
        starts = (np.cumsum(sizes) - sizes)[full]
        centres[full] = np.add.reduceat(some[order], starts, axis=0) / sizes[full, None]
        empty = np.flatnonzero(sizes == 0)
        if len(empty):
            lost = np.bincount(of, ((some - centres[of]) ** 2).sum(axis=1), minlength=count)[full]
            worst = np.resize(np.argsort(-lost, kind="stable"), len(empty))
            centres[empty] = some[order[starts[worst] + generator.integers(sizes[full][worst])]]
    return centres


@kernel(inline=True)
def _is_worse(distance: np.float32, entry: int, than: np.float32, other: int) -> bool:
    if distance == than:
        return entry > other
    return bool(distance > than)


@kernel(inline=True)
def _sink(distances: FloatArray, entries: IntArray, at: int, size: int, distance: np.float32, entry: int) -> None:
    """Put a pair at place `at` of a heap whose worst pair is first, or below."""
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _is_worse(distances[right], entries[right], distances[child], entries[child]):
            child = right
        if not _is_worse(distances[child], entries[child], distance, entry):
            break
        distances[at], entries[at] = distances[child], entries[child]
        at = child
    distances[at], entries[at] = distance, entry


@kernel()
def _table_of(bits: int, query: FloatArray, books: FloatArray, table: FloatArray) -> None:
    """What each code of a part, or a byte, is away from one query: (parts * 16,); of bytes 2 rows, (2 D,)."""
    if bits == 8:
        dim = query.shape[0]
        for d in range(dim):
            step = books[1, d] / np.float32(255.0)
            table[d] = query[d] - books[0, d] - np.float32(0.5) * step
            table[dim + d] = step
        return
    size = np.int64(4 // bits)
    for part in range(books.shape[0]):
        for c in range(CENTROIDS):
            total = np.float32(0.0)
            for j in range(size):
                difference = query[part * size + j] - books[part, c * size + j]
                total += difference * difference
            table[part * CENTROIDS + c] = total


@kernel(inline=True, fastmath=True)
def _of_parts(code: ByteArray, table: FloatArray) -> np.float32:
    even, odd = np.float32(0.0), np.float32(0.0)
    for pair in range(code.shape[0]):
        half = np.int64(code[pair])
        even += table[2 * CENTROIDS * pair + (half & 15)]
        odd += table[2 * CENTROIDS * pair + CENTROIDS + (half >> 4)]
    return even + odd


@kernel(inline=True, fastmath=True)
def _of_bytes(code: ByteArray, table: FloatArray) -> np.float32:
    total, dim = np.float32(0.0), code.shape[0]
    for d in range(dim):
        difference = table[d] - np.float32(code[d]) * table[dim + d]
        total += difference * difference
    return total


@kernel(inline=True, fastmath=True)
def _of_floats(vector: FloatArray, query: FloatArray) -> np.float32:
    total = np.float32(0.0)
    for d in range(query.shape[0]):
        difference = query[d] - vector[d]
        total += difference * difference
    return total


@kernel()
def _look(
    bits: int,
    queries: FloatArray,
    near: IntArray,
    entries: IntArray,
    starts: IntArray,
    books: FloatArray,
    base: ByteArray,
    tail: ByteArray,
    wanted: BoolArray,
    entries_out: IntArray,
    distances_out: FloatArray,
) -> None:
    """The nearest entries of the lists `near` (Q, P) of each query, by (distance, entry); bits: 0 for floats."""
    first, most = base.shape[0], entries_out.shape[1]
    table = np.empty(max(2 * queries.shape[1], books.shape[0] * CENTROIDS), dtype=np.float32)
    for q in range(queries.shape[0]):
        if bits > 0:
            _table_of(bits, queries[q], books, table)
        heap, names, size = distances_out[q], entries_out[q], 0
        for p in range(near.shape[1]):
            for place in range(starts[near[q, p]], starts[near[q, p] + 1]):
                entry = entries[place]
                if wanted.shape[0] > 0 and not wanted[entry]:
                    continue
                code = base[entry] if entry < first else tail[entry - first]
                if bits == 0:
                    away = _of_floats(code.view(np.float32), queries[q])
                elif bits == 8:
                    away = _of_bytes(code, table)
                else:
                    away = _of_parts(code, table)
                if size < most:
                    at = size
                    while at > 0 and _is_worse(away, entry, heap[(at - 1) // 2], names[(at - 1) // 2]):
                        heap[at], names[at] = heap[(at - 1) // 2], names[(at - 1) // 2]
                        at = (at - 1) // 2
                    heap[at], names[at] = away, entry
                    size += 1
                elif _is_worse(heap[0], names[0], away, entry):
                    _sink(heap, names, 0, size, away, entry)
        while size > 1:  # the worst goes last
            size -= 1
            last, name = heap[size], names[size]
            heap[size], names[size] = heap[0], names[0]
            _sink(heap, names, 0, size, last, name)
