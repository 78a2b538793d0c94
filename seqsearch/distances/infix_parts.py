"""The infix distance to stretches of targets: what verifies candidates whose place in the target is known, about."""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from .arguments import Columns
from .edit_rerank import query_of
from .infix_kernels import distances_to, lanes_for


@kernel()
def enter(distances: DoubleArray, places: IntArray, distance: float, place: int) -> None:
    """Put one in where it belongs among the nearest so far, ascending; of equals the first stays ahead."""
    at = len(distances) - 1
    if distance >= distances[at]:
        return
    while at and distances[at - 1] > distance:
        distances[at], places[at] = distances[at - 1], places[at - 1]
        at -= 1
    distances[at], places[at] = distance, place


@kernel(parallel=True)
def nearest_parts(
    queries: Columns, text: AnyArray, starts: IntArray, ends: IntArray, found: IntArray, distances: DoubleArray
) -> None:
    """Offer the stretches text[starts[q, c]:ends[q, c]], (Q, C), to the nearest of each query so far: which of the C,
    `found` (Q, k), and at what distance.

    A start of -1 is none. Stretches go side by side, and those that come later have to be nearer than the k-th so far,
    so a list in a good order costs less than another.
    """
    data, offsets = queries
    for q in numba.prange(len(offsets) - 1):
        query = query_of(data, offsets[q], offsets[q + 1])
        m = offsets[q + 1] - offsets[q]
        size = max(lanes_for(m), 1)
        values, lanes = np.empty(size, np.int64), np.empty(size, np.int64)
        begins, finishes = np.empty(size, np.int64), np.empty(size, np.int64)
        held = 0
        for c in range(starts.shape[1]):
            if starts[q, c] >= 0:
                lanes[held], begins[held], finishes[held] = c, starts[q, c], ends[q, c]
                held += 1
            if held < size and not (held and c == starts.shape[1] - 1):
                continue
            cutoff = int(min(distances[q, -1], float(m)))
            distances_to(query, text, begins[:held], finishes[:held], cutoff, values[:held])
            for lane in range(held):
                if values[lane] <= cutoff:
                    enter(distances[q], found[q], float(values[lane]), lanes[lane])
            held = 0
