"""The local outlier factor (Breunig, Kriegel, Ng and Sander, LOF: identifying density-based local outliers, 2000).

How much thinner the data lie around a query than around its neighbours: about 1 inside a cluster of any density.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ... import threads
from ...arrays import DoubleArray, IntArray
from ...jit import kernel, prange

CONTINUOUS_FLOOR = 1e-10
WHOLE_FLOOR = 0.5  # half of the smallest distance between two sequences that differ
Lists = Callable[[IntArray], tuple[IntArray, DoubleArray]]
"""(m,) stored rows -> (m, K) rows and distances of each one's nearest others, -1 and infinity padded."""


def local_outlier_factor(
    rows: IntArray, distances: DoubleArray, own: IntArray, lists: Lists, floor: float = CONTINUOUS_FLOOR
) -> DoubleArray:
    """(Q,) factors from the (Q, k) nearest stored rows, -1 padded, and their distances.

    `own`, (Q,): the row that a query is itself, -1 for one that is not stored: it counts in nobody's neighbourhood, so
    that a member is judged as if it were not there. `lists` gives k + 1 neighbours, one to spare for that. Mean
    reachabilities below `floor` count as `floor`: densities of duplicates stay finite. 1 where nothing can be compared
    (neighbours without others), infinity without neighbours.
    """
    near = np.unique(rows[rows >= 0])
    beyond, _ = lists(near)
    known = np.unique(np.concatenate([near, beyond[beyond >= 0]]))
    list_rows, list_distances = lists(known)
    out = np.empty(len(rows))
    threads.numba_threads()
    places = _places(known, list_rows)
    _factors(_places(known, rows), distances, own, list_rows, places, list_distances, rows.shape[1], floor, out)
    return out


def _places(known: IntArray, rows: IntArray) -> IntArray:
    """Where `rows` stand in the ascending `known`, -1 for those that do not."""
    if not len(known):
        return np.full(rows.shape, -1)
    at = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return np.where(known[at] == rows, at, -1)


@kernel(parallel=True)
def _factors(
    near: IntArray,
    distances: DoubleArray,
    own: IntArray,
    lists: IntArray,
    places: IntArray,
    away: DoubleArray,
    k: int,
    floor: float,
    out: DoubleArray,
) -> None:
    """`near`, (Q, k): places in the table of m rows, whose neighbours are `lists`, (m, K) rows at `places`, (m, K), of
    the table (-1: not in it) and at distances `away`, (m, K), infinity padded.
    """
    for q in prange(near.shape[0]):
        here, count = 0.0, 0
        there, compared = 0.0, 0
        for j in range(near.shape[1]):
            place = near[q, j]
            if place < 0:
                break
            here += max(distances[q, j], _k_distance(place, own[q], lists, away, k))
            count += 1
            density = _density(place, own[q], lists, places, away, k, floor)
            if density > 0:
                there += density
                compared += 1
        if count == 0:
            out[q] = np.inf
        elif compared == 0:
            out[q] = 1.0
        else:
            out[q] = there / compared * max(here / count, floor)


@kernel()
def _k_distance(place: int, own: int, lists: IntArray, away: DoubleArray, k: int) -> float:
    """Distance to the k-th nearest other than `own`, or to the last there is; 0 where there is none."""
    last, held = 0.0, 0
    for j in range(lists.shape[1]):
        if held == k or lists[place, j] < 0:
            break
        if lists[place, j] != own:
            last = away[place, j]
            held += 1
    return last


@kernel()
def _density(place: int, own: int, lists: IntArray, places: IntArray, away: DoubleArray, k: int, floor: float) -> float:
    """One over the mean reachability of the k nearest other than `own`; 0 where there is none."""
    total, held = 0.0, 0
    for j in range(lists.shape[1]):
        if held == k or lists[place, j] < 0:
            break
        if lists[place, j] != own:
            total += max(away[place, j], _k_distance(places[place, j], own, lists, away, k))
            held += 1
    return 1.0 / max(total / held, floor) if held else 0.0
