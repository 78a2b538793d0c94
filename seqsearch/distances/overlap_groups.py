"""Overlap distances of one query and many targets: 8 side by side (overlap_words.py), in bands that are narrow.

Candidates are measured in the diagonals that `overlap_seeds` proves, or ruled out by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from . import overlap_seeds as seeding
from .arguments import Columns
from .overlap_words import LANES, Asked, Found, Room, asked_of, distances_within, found_for, room_for

_FIRST = 24  # of a query's letters one part: the reach of the first look at candidates
_LEAST = 16  # letters of that
_A_COLUMN = 80  # rows that take as long as what a column takes besides, and what is too much of the first and last word
_CLOSE = 48  # of a query's letters one part: a distance within which bands are narrow
_EXPECTED = 3  # times the least distance that shared q-grams allow, within which it mostly is
FAR = np.iinfo(np.int32).max  # farther than any distance


@kernel()
def distances_to(
    query: Asked, text: AnyArray, starts: IntArray, lengths: IntArray, cutoff: int, room: Room, told: Found
) -> None:
    """Fill `told` for the query and text[starts[i]:][:lengths[i]]: exact up to the cutoff, else distances are no less
    than they are, nor than cutoff + 1.

    Such overlaps leave the diagonals from min(n - m, 0) - cutoff to max(n - m, 0) + cutoff nowhere: see
    `overlap_lanes.group_scores`.
    """
    longer = lengths - query.size
    bands = seeding.Bands(np.minimum(longer, 0), np.abs(longer))
    measure_within(query, text, starts, lengths, bands, cutoff, room, told)


@kernel()
def first_cutoff(m: int) -> int:
    """How far the first look at candidates reaches."""
    return max(_LEAST, m // _FIRST)


class Candidates(NamedTuple):
    """Of a query: where targets begin in a text, their lengths, and the q-grams that they share with it, of `seeds`."""

    text: AnyArray
    starts: IntArray
    lengths: IntArray
    seeds: seeding.Seeds
    shared: seeding.Shared


@kernel()
def candidates_of(codes: AnyArray, text: AnyArray, starts: IntArray, lengths: IntArray) -> Candidates:
    """The targets text[starts[i]:][:lengths[i]] as candidates of a query of these codes."""
    seeds = seeding.seeds_of(codes)
    return Candidates(text, starts, lengths, seeds, seeding.shared_of(seeds, len(codes), text, starts, lengths))


@kernel()
def promised(candidates: Candidates, m: int, wanted: int) -> int:
    """A cutoff within which the `wanted` nearest may be expected, by the q-grams that candidates share."""
    if candidates.seeds.q == 0:
        return first_cutoff(m)
    least = np.empty(len(candidates.starts), np.int64)
    for i in range(len(least)):
        least[i] = seeding.least_distance(candidates.shared.known[i], candidates.seeds.q, m, candidates.lengths[i])
    expected = int(_EXPECTED * np.partition(least, wanted - 1)[wanted - 1])
    return min(m, max(_LEAST, expected + _LEAST // 2))


@kernel()
def _cuts(m: int, bands: seeding.Bands, lengths: IntArray, order: IntArray, cutoff: int) -> IntArray:
    """Where to cut targets, in an order of ascending widths, into groups of at most LANES, that bands are narrow and
    have few columns: (g + 1,)."""
    count = len(order)
    cost, before = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    for end in range(1, count + 1):
        cost[end] = np.iinfo(np.int64).max
        width = bands.widths[order[end - 1]] + 2 * cutoff
        left, right = np.iinfo(np.int64).max, -cutoff
        for start in range(end - 1, max(0, end - LANES) - 1, -1):
            target = order[start]
            left = min(left, max(-bands.lows[target], -cutoff))
            right = max(right, min(lengths[target] - bands.lows[target], m + width - cutoff))
            whole = cost[start] + (_A_COLUMN + min(m, width)) * max(right - left, 1)
            if whole < cost[end]:
                cost[end], before[end] = whole, start
    cuts, end = np.empty(count + 1, np.int64), count
    held = 0
    while end > 0:
        cuts[held] = end
        held += 1
        end = before[end]
    cuts[held] = 0
    return cuts[: held + 1][::-1].copy()


@kernel()
def measure(query: Asked, candidates: Candidates, some: IntArray, cutoff: int, room: Room, told: Found) -> None:
    """Fill `told`, of as many as there are, with the distances of candidates `some` and where their overlaps end, as
    `distances_to` does: in the band that `overlap_seeds` proves; `FAR` for those that are proved to be farther."""
    text, starts, lengths, seeds, shared = candidates
    bands = seeding.bands_of(seeds, shared, some, query.size, text, starts, lengths, cutoff)
    measure_within(query, text, starts[some], lengths[some], bands, cutoff, room, told)


@kernel()
def measure_within(
    query: Asked,
    text: AnyArray,
    starts: IntArray,
    lengths: IntArray,
    bands: seeding.Bands,
    cutoff: int,
    room: Room,
    told: Found,
) -> None:
    """`measure`, no farther than the cutoff from the bands."""
    lanes, order = found_for(LANES), np.argsort(bands.widths, kind="mergesort")
    told.distances[: len(starts)] = FAR
    order = order[np.count_nonzero(bands.widths == seeding.NOWHERE) :]
    cuts = _cuts(query.size, bands, lengths, order, cutoff)
    for g in range(len(cuts) - 1):
        own = order[cuts[g] : cuts[g + 1]]
        band = bands.widths[own[-1]] + cutoff, cutoff
        distances_within(query, text, starts[own], lengths[own], -bands.lows[own], band, room, lanes)
        for lane in range(len(own)):
            told.distances[own[lane]] = lanes.distances[lane]
            told.query_ends[own[lane]] = lanes.query_ends[lane]
            told.target_ends[own[lane]] = lanes.target_ends[lane]


@kernel()
def reach_of(query: Asked, candidates: Candidates, wanted: int, room: Room, told: Found) -> int:
    """A distance that so many candidates may well be within: as it seems by how many q-grams they share where that is
    near, else one that they are within, by their overlaps where most of what they share lies."""
    m = query.size
    reach = promised(candidates, m, wanted)
    if candidates.seeds.q == 0 or reach <= m // _CLOSE:
        return reach
    text, starts, lengths, seeds, shared = candidates
    bands = seeding.likely_bands(seeds, shared, m, text, starts, lengths)
    measure_within(query, text, starts, lengths, bands, m // _CLOSE, room, told)
    return min(m, int(np.partition(told.distances[: len(starts)], wanted - 1)[wanted - 1]))


@kernel()
def nearest_kernel(
    queries: Columns, targets: Columns, candidates: IntArray, wanted: int, found: IntArray, first: int, last: int
) -> None:
    """Fill lines `first` to `last` - 1 of `found`, (Q, C), with the distances of rows `candidates`, -1 for none: those
    of the `wanted` nearest exact, of others no less than they are; `FAR` for none.

    With a cutoff that grows until there are so many within it.
    """
    data, offsets = queries
    text, bounds = targets
    for q in range(first, last):
        codes = data[offsets[q] : offsets[q + 1]]
        m, there = len(codes), np.flatnonzero(candidates[q] >= 0)
        found[q, :] = FAR
        if not len(there):
            continue
        query = asked_of(codes)
        room = room_for(query)
        starts = bounds[candidates[q][there]]
        own = candidates_of(codes, text, starts, bounds[candidates[q][there] + 1] - starts)
        values, waiting, told = np.full(len(there), FAR), np.arange(len(there)), found_for(len(there))
        k = min(wanted, len(there))
        cutoff = reach_of(query, own, k, room, told)
        while True:
            measure(query, own, waiting, cutoff, room, told)
            values[waiting] = told.distances[: len(waiting)]
            reach = int(np.partition(values, k - 1)[k - 1])
            if reach <= cutoff or cutoff >= m:
                break
            waiting = np.flatnonzero(values > cutoff)
            cutoff = min(2 * cutoff, reach, m)
        for at in range(len(there)):
            found[q, there[at]] = values[at]


@kernel(parallel=True)
def pairs_kernel(
    a: Columns,
    a_rows: IntArray,
    b: Columns,
    b_rows: IntArray,
    groups: IntArray,
    cutoffs: DoubleArray,
    found: DoubleArray,
) -> None:
    """found[i] = distance of a[a_rows[i]] and b[b_rows[i]], if at most cutoffs[i], else more than that.

    Group g, pairs groups[g]:groups[g + 1], has one row of a.
    """
    data, offsets = a
    text, bounds = b
    for g in numba.prange(len(groups) - 1):
        start, end = groups[g], groups[g + 1]
        codes = data[offsets[a_rows[start]] : offsets[a_rows[start] + 1]]
        if not len(codes):
            found[start:end] = 0
            continue
        query = asked_of(codes)
        begins = bounds[b_rows[start:end]]
        lengths = bounds[b_rows[start:end] + 1] - begins
        cutoff = int(min(float(len(codes)), cutoffs[start:end].max()))
        told = found_for(end - start)
        distances_to(query, text, begins, lengths, max(cutoff, 0), room_for(query), told)
        for at in range(end - start):
            found[start + at] = told.distances[at]
