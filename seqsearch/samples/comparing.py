"""Distances of all pairs of samples, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays import FloatArray, IntArray
from ..errors import ParameterError
from ..jit import kernel, prange
from ..progress import SILENT, Progress
from ..threads import numba_threads

_TILE = 32  # vectors that stay in the cache while others pass
_ROWS = 256  # samples whose distances to all others are in memory at a time


@kernel(parallel=True, fastmath=True)
def _manhattan(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """out[i, j] = sum of |a[i] - b[j]|."""
    tiles = (len(a) + _TILE - 1) // _TILE
    for tile in prange(tiles):
        for start in range(0, len(b), _TILE):
            for i in range(tile * _TILE, min(len(a), (tile + 1) * _TILE)):
                for j in range(start, min(len(b), start + _TILE)):
                    total = np.float32(0.0)
                    for d in range(a.shape[1]):
                        total += abs(a[i, d] - b[j, d])
                    out[i, j] = total


def manhattan(a: FloatArray, b: FloatArray) -> FloatArray:
    """(n, m) float32 sums of absolute differences of (n, D) and (m, D) vectors."""
    out = np.empty((len(a), len(b)), np.float32)
    numba_threads()
    _manhattan(np.ascontiguousarray(a, np.float32), np.ascontiguousarray(b, np.float32), out)
    return out


def euclidean(a: FloatArray, b: FloatArray) -> FloatArray:
    """(n, m) float32 lengths of differences."""
    squares = (a.astype(np.float64) ** 2).sum(1)[:, None] + (b.astype(np.float64) ** 2).sum(1)
    between = np.sqrt(np.maximum(squares - 2 * a.astype(np.float64) @ b.T.astype(np.float64), 0.0))
    found: FloatArray = between.astype(np.float32)
    return found


def blocks(vectors: FloatArray, method: str, progress: Progress = SILENT) -> Iterator[tuple[slice, FloatArray]]:
    """Rows of the matrix of all distances, (rows, S) at a time."""
    between = manhattan if method == "tree" else euclidean
    with progress.task("comparing samples", len(vectors)) as task:
        for start in range(0, len(vectors), _ROWS):
            part = slice(start, min(start + _ROWS, len(vectors)))
            yield part, between(vectors[part], vectors)
            task.advance(part.stop - start)


def nearest(vectors: FloatArray, k: int, method: str, progress: Progress = SILENT) -> tuple[IntArray, FloatArray]:
    """(S, k) the nearest other samples of each, by (distance, row), and their distances; fewer columns where there are
    no more. Raises ParameterError for a k below 1."""
    if k < 1:
        raise ParameterError(f"k must be at least 1, not {k}")
    count = min(k, len(vectors) - 1)
    rows, distances = np.empty((len(vectors), count), np.int64), np.empty((len(vectors), count), np.float32)
    for part, between in blocks(vectors, method, progress):
        between[np.arange(len(between)), np.arange(part.start, part.stop)] = np.inf
        order = np.argsort(between, axis=1, kind="stable")[:, :count]
        rows[part], distances[part] = order, np.take_along_axis(between, order, axis=1)
    return rows, distances
