"""Compressed vectors: a product quantizer of 4-bit parts, bytes a dimension, or the floats as they are.

A part is one, two or four neighbouring dimensions, which 16 centroids stand for (Jegou, Douze and Schmid, "Product
quantization for nearest neighbor search", 2011): 4, 2 or 1 bits a dimension. Part 2 i lies in the low half of byte i,
part 2 i + 1 in the high half. The parts are of the vectors themselves, not of what is left of them beside the centre of
a list: a code belongs to its vector alone, whatever list it moves to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from .. import threads
from ..arrays import AnyArray, ByteArray, FloatArray, IntArray
from ..errors import ParameterError
from ..jit import kernel
from .rows import BIGGEST

PART_DIMS = {4: 1, 2: 2, 1: 4}
"""Bits a dimension -> dimensions of a part."""

CENTROIDS = 16
ROUNDS = 12
ENOUGH = 20_000
"""So many vectors tell the centroids of a part as well as more do."""

MARGIN = 0.05
"""Bytes reach so much farther than the vectors that they were learned from, on each side."""

CODINGS = (1, 2, 4, 8, None)


def require_bits(bits: int | None) -> None:
    """ParameterError for a number of bits that there is no coding of."""
    if bits not in CODINGS or isinstance(bits, bool):
        raise ParameterError(f"bits is the number of bits a dimension, 1, 2, 4 or 8, or None for floats, not {bits!r}")


def padded_dim(dim: int, bits: int | None) -> int:
    """The dimensions of a coded vector, zeros behind: parts come by eights, so that codes are whole words."""
    step = 8 * PART_DIMS.get(bits or 0, 1)
    return -(-dim // step) * step


@dataclass(frozen=True)
class Coder:
    """Vectors (n, D) of a padded D <-> codes (n, W), words of 32 bits.

    `books`: of parts the centroids, (D / d, 16 d); of bytes (2, D), the lowest values and the widths; of floats (0, 0).
    """

    bits: int | None
    dim: int
    books: FloatArray

    @property
    def parts(self) -> int:
        """How many parts a vector has."""
        return self.dim // PART_DIMS[self.bits] if self.bits in PART_DIMS else self.dim

    @property
    def words(self) -> int:
        """Words of a code."""
        return words_of(self.dim, self.bits)

    @classmethod
    def learned(cls, vectors: FloatArray, bits: int | None, seed: int) -> Coder:
        """From vectors (n, D), n > 0; the same for one seed, whatever the number of threads."""
        dim = vectors.shape[1]
        if bits is None:
            return cls(bits, dim, np.zeros((0, 0), dtype=np.float32))
        if bits == 8:
            low, high = vectors.min(axis=0), vectors.max(axis=0)
            return cls(bits, dim, np.stack([low - MARGIN * (high - low), (1 + 2 * MARGIN) * (high - low)]))
        generator = np.random.default_rng(seed)
        if len(vectors) > ENOUGH:
            vectors = vectors[np.sort(generator.choice(len(vectors), ENOUGH, replace=False))]
        size = PART_DIMS[bits]
        books = np.zeros((dim // size, CENTROIDS * size), dtype=np.float32)
        threads.numba_threads()
        _learn(np.ascontiguousarray(vectors.T), size, generator.random((len(books), CENTROIDS)), ROUNDS, books)
        return cls(bits, dim, books)

    def encode(self, vectors: FloatArray) -> AnyArray:
        """(n, D) -> (n, W) uint32."""
        if self.bits is None:
            return np.ascontiguousarray(vectors).view(np.uint32)
        codes = np.empty((len(vectors), 4 * self.words), dtype=np.uint8)
        threads.numba_threads()
        if self.bits == 8:
            _bytes_of(vectors, self.books, codes)
        else:
            _parts_of(vectors, PART_DIMS[self.bits], self.books, codes)
        return codes.view(np.uint32)

    def decode(self, codes: AnyArray) -> FloatArray:
        """(n, W) uint32 -> (n, D): what the codes stand for."""
        if self.bits is None:
            return np.ascontiguousarray(codes).view(np.float32)
        vectors = np.empty((len(codes), self.dim), dtype=np.float32)
        plain = np.ascontiguousarray(codes).view(np.uint8)
        for i in range(0, len(codes), 1 << 16):
            decode_all(self.bits, self.books, plain[i : i + (1 << 16)], vectors[i : i + (1 << 16)])
        return vectors

    def sound(self) -> str:
        """What is wrong with the books, "" when nothing is."""
        size = PART_DIMS.get(self.bits or 0, 1)
        wanted = (0, 0) if self.bits is None else (2, self.dim) if self.bits == 8 else (self.parts, CENTROIDS * size)
        if self.books.shape != wanted:
            return "the codebooks have another shape"
        if not (np.abs(self.books) <= 2 * BIGGEST).all():  # false for what is no number
            return "a codebook holds a value that cannot be"
        if self.bits == 8 and (self.books[1] < 0).any():
            return "a codebook holds a negative width"
        return ""


def words_of(dim: int, bits: int | None) -> int:
    """Words of the code of a padded vector."""
    return dim if bits is None else dim * bits // 32


@kernel(inline=True)
def decode_one(bits: int, books: FloatArray, code: ByteArray, out: FloatArray) -> None:
    """One code (bytes,) of parts or bytes -> (D,)."""
    if bits == 8:
        for d in range(out.shape[0]):
            out[d] = books[0, d] + (np.float32(code[d]) + np.float32(0.5)) / np.float32(255.0) * books[1, d]
        return
    size = np.int64(4 // bits)
    for part in range(books.shape[0]):
        half = np.int64(code[part >> 1])
        index = (half >> 4) if part & 1 else (half & 15)
        for j in range(size):
            out[part * size + j] = books[part, index * size + j]


@kernel()
def decode_all(bits: int, books: FloatArray, codes: ByteArray, out: FloatArray) -> None:
    """Codes (n, bytes) of parts or bytes -> (n, D)."""
    for i in range(codes.shape[0]):
        decode_one(bits, books, codes[i], out[i])


@kernel(inline=True)
def _nearest_centroid(book: FloatArray, size: int, point: FloatArray) -> int:
    """Which of the centroids (16 d,) is nearest to a point (d,), the first of equals."""
    best, at = np.float32(np.inf), 0
    for c in range(CENTROIDS):
        total = np.float32(0.0)
        for j in range(size):
            difference = point[j] - book[c * size + j]
            total += difference * difference
        if total < best:
            best, at = total, c
    return at


@kernel(parallel=True)
def _parts_of(vectors: FloatArray, size: int, books: FloatArray, codes: ByteArray) -> None:
    for i in numba.prange(vectors.shape[0]):
        for pair in range(books.shape[0] // 2):
            at = 2 * pair * size
            low = _nearest_centroid(books[2 * pair], size, vectors[i, at : at + size])
            high = _nearest_centroid(books[2 * pair + 1], size, vectors[i, at + size : at + 2 * size])
            codes[i, pair] = low | high << 4


@kernel(parallel=True)
def _bytes_of(vectors: FloatArray, books: FloatArray, codes: ByteArray) -> None:
    for i in numba.prange(vectors.shape[0]):
        for d in range(vectors.shape[1]):
            share = (vectors[i, d] - books[0, d]) / books[1, d] if books[1, d] > 0 else np.float32(0.0)
            codes[i, d] = np.uint8(min(max(share, np.float32(0.0)), np.float32(1.0)) * np.float32(255.0))


@kernel(parallel=True)
def _learn(columns: FloatArray, size: int, draws: AnyArray, rounds: int, books: FloatArray) -> None:
    """k-means of each part, begun as k-means++ (Arthur and Vassilvitskii, 2007). columns: (D, n); draws: (parts, 16),
    uniform; books: (parts, 16 d), filled in."""
    for part in numba.prange(books.shape[0]):
        points = columns[part * size : (part + 1) * size].T.copy()
        _begin(points, draws[part], books[part])
        for _ in range(rounds):
            _improve(points, books[part])


@kernel()
def _begin(points: FloatArray, draws: AnyArray, book: FloatArray) -> None:
    count, size = points.shape
    away = np.full(count, np.inf)
    chosen = min(int(draws[0] * count), count - 1)
    for c in range(CENTROIDS):
        for j in range(size):
            book[c * size + j] = points[chosen, j]
        total = 0.0
        for i in range(count):
            gap = 0.0
            for j in range(size):
                difference = np.float64(points[i, j]) - np.float64(points[chosen, j])
                gap += difference * difference
            away[i] = min(away[i], gap)
            total += away[i]
        if c + 1 < CENTROIDS and total > 0:
            left = draws[c + 1] * total
            chosen = 0
            while chosen < count - 1 and left >= away[chosen]:
                left -= away[chosen]
                chosen += 1


@kernel()
def _improve(points: FloatArray, book: FloatArray) -> None:
    """One round of Lloyd's algorithm; a centroid that no point is nearest to stays."""
    count, size = points.shape
    sums, sizes = np.zeros(CENTROIDS * size), np.zeros(CENTROIDS, dtype=np.int64)
    for i in range(count):
        c = _nearest_centroid(book, size, points[i])
        sizes[c] += 1
        for j in range(size):
            sums[c * size + j] += points[i, j]
    for c in range(CENTROIDS):
        if sizes[c]:
            for j in range(size):
                book[c * size + j] = np.float32(sums[c * size + j] / sizes[c])


def sample_of(count: int, most: int, generator: np.random.Generator) -> IntArray:
    """At most `most` of the numbers below `count`, ascending."""
    if count <= most:
        return np.arange(count)
    return np.sort(generator.choice(count, most, replace=False))
