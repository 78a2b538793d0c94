"""The distances of all pairs of n things, condensed: entry i n - i (i + 1) / 2 + j - i - 1 is that of i < j.

That is scipy's order; but float32, a quarter of the memory of scipy's clustering, which copies float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray
from ..distances import Distance
from ..errors import ParameterError
from ..geometry import matrix
from ..progress import SILENT, Progress
from ..sequences import Sequences

_BYTES_A_PAIR = 4
_PAIRS = 1 << 22  # compared at a time


def require_memory(n: int, memory: float) -> None:
    """Raise ParameterError when the distances of n rows take more than `memory` bytes."""
    needed = _BYTES_A_PAIR * n * (n - 1) / 2
    if needed > memory:
        most = int((2 * memory / _BYTES_A_PAIR) ** 0.5)
        raise ParameterError(
            f"clustering {n:,} sequences takes {needed / 1e9:,.1f} GB of memory, above the limit of {memory / 1e9:,.1f}"
            f" GB, which is enough for {most:,}: cluster a sample, or raise the limit"
        )


def point_distances(
    points: AnyArray, geometry: str, *, scale: float = 1.0, power: float = 1.0, progress: Progress = SILENT
) -> FloatArray:
    """Condensed scale * d^power of (n, D) points."""

    def between(start: int, stop: int) -> DoubleArray:
        return scale * matrix(geometry, points[start:stop], points[start:]) ** power

    return _condensed(len(points), between, progress)


def require_symmetric(distance: Distance) -> None:
    """Raise ParameterError for a distance that depends on which of two sequences comes first."""
    if not distance.symmetric:
        raise ParameterError(
            f"a tree needs one distance of two sequences, and {distance.name} has two: choose a symmetric one, as edit"
        )


def exact_distances(sequences: Sequences, distance: Distance, progress: Progress = SILENT) -> FloatArray:
    """Condensed exact distances. Raises ParameterError as `require_symmetric`."""
    require_symmetric(distance)

    def between(start: int, stop: int) -> AnyArray:
        return distance.matrix(sequences[start:stop], sequences[start:])

    return _condensed(len(sequences), between, progress)


def square(condensed: AnyArray, n: int) -> DoubleArray:
    """(n, n) distances from condensed ones."""
    full = np.zeros((n, n))
    above: BoolArray = np.triu(np.ones((n, n), np.bool_), 1)
    full[above] = condensed
    return full + full.T


def _condensed(n: int, between: Callable[[int, int], AnyArray], progress: Progress) -> FloatArray:
    """From `between(start, stop)`: the (stop - start, n - start) distances of those rows to all from `start` on."""
    found = np.empty(n * (n - 1) // 2, np.float32)
    written = start = 0
    with progress.task("comparing all pairs", n) as task:
        while start < n:
            stop = min(n, start + max(1, _PAIRS // (n - start)))
            block = between(start, stop)
            for i in range(stop - start):
                row = block[i, i + 1 :]
                found[written : written + len(row)] = row
                written += len(row)
            task.advance(stop - start)
            start = stop
    return found
