"""The distances of all pairs by a kernel that compares one query with 512 targets side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..sequences import Sequences
from ..threads import numba_threads
from . import lanes
from .arguments import Columns
from .coding import Coding
from .distance import Distance
from .vectors import LANES
from .wildcards import WildcardDistance

WORTHWHILE = 64
"""From this number of targets on, some lanes may stay empty and the vector form is still the faster."""


def lane_matrix(
    distance: WildcardDistance,
    kernel: Callable[[AnyArray, IntArray, lanes.Groups, DoubleArray], object],
    a: Sequences,
    b: Sequences,
) -> DoubleArray:
    """`distance.matrix(a, b)` by its `kernel`, the larger set as targets where they may change places, those of like
    lengths side by side; pair by pair where targets are too few."""
    distance.require(a, b)
    if distance.symmetric and len(a) > len(b):
        return np.ascontiguousarray(lane_matrix(distance, kernel, b, a).T)
    if len(b) < WORTHWHILE:
        return Distance.matrix(distance, a, b)
    wildcards = distance.known(b)
    order = np.full(-(-len(b) // LANES) * LANES, -1, np.int64)
    order[: len(b)] = np.argsort(b.lengths, kind="stable")
    coding = Coding.of(b)
    groups = lanes.pack(coding.codes(b), b.offsets, order, coding.bits)
    found = np.empty((len(a), len(b)))
    numba_threads()
    asked = Columns(coding.codes(a), a.offsets) if wildcards is None else wildcards.query(a)
    kernel(*asked, groups, found)
    return found
