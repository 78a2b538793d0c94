"""Lossless nearest neighbours under the overlap distance.

Let a query of m letters have lost g of its q-grams: a target of n has them nowhere. A q-gram is not lost that lies in
the overlap and between two edits. So each letter of the query outside the overlap has cost it at most one q-gram, each
that is substituted or has no partner q, and each letter of the target without partner q - 1. Where the query is the
shorter one, such letters cost 1, 2 and 1 of the distance: it is at least g / (q - 1). Where it is the longer one, m - n
of its letters more than of the target's are outside or without partner, which cost nothing, and the roles are changed:
the distance is at least (g - (m - n)) / (q - 1).

Targets that share the most q-grams are compared first: the k-th of their distances says how far to look. Those that the
bound then leaves are measured 512 at a time, side by side (overlap_lanes.py), packed for the occasion, or 8 where they
are few (overlap_words.py).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..jit import kernel
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import in_blocks, numba_threads
from . import lanes
from .arguments import Columns, allowed_rows, columns_of
from .coding import Coding
from .edit_kernels import enter, place
from .gram_lists import Grams
from .neighbours import Neighbours, Pruning, unfilled, whole_neighbours
from .overlap_groups import distances_to, nearest_kernel
from .overlap_lanes import Work, group_scores, lane_distance, work_for
from .overlap_words import asked_of, found_for, room_for
from .shared_grams import SharedGrams, lost_of
from .vectors import LANES
from .wildcards import Wildcards

_QUERIES_A_STEP = 256
_FAR = np.iinfo(np.int32).max  # farther than any distance
_BOUND = "absent q-grams"
_ENTERED, _MEASURED = range(2)
_SPARE = 16  # of a guess of the k-th distance
_LIKELY, _MORE = 4, 28  # that are compared first: so many times k, and so many more
_MANY = 16  # times as many targets as these, from which on that pays
_SOME = 128  # that are measured 8 at a time


class Targets(NamedTuple):
    """`codes`, `offsets`: of all; `members`: the rows that are searched, ascending; `bits` of a code."""

    codes: AnyArray
    offsets: IntArray
    members: IntArray
    bits: int


class OverlapNeighbours:
    """Targets made ready for lossless search: `search` may be called many times.

    `allowed`, (len(targets),) bool, leaves targets out; `wildcards`: of their alphabet, where letters meet by these.
    Memory: at most 4 bytes a symbol of the targets.
    """

    def __init__(
        self, targets: Sequences, allowed: BoolArray | None = None, wildcards: Wildcards | None = None
    ) -> None:
        numba_threads()
        self.targets, self._wildcards = targets, wildcards
        self._members = allowed_rows(allowed, len(targets))
        self._shared = SharedGrams(targets, allowed, wildcards)
        self._coding = Coding.of(targets)
        self._packed = Targets(self._coding.codes(targets), targets.offsets, self._members, self._coding.bits)

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the bound ruled out; see `Searcher`."""
        self.targets.require_same_kind(queries)
        rows, distances = unfilled(len(queries), k, -1)
        tally = np.zeros((len(queries), 2), np.int64)
        limits = np.full(len(queries), _FAR) if within is None else np.minimum(within, _FAR).astype(np.int64)
        numba_threads()
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES_A_STEP):
                part = queries[first : first + _QUERIES_A_STEP]
                step = slice(first, first + len(part))
                limits[step] = np.minimum(limits[step], self._reach(part, k))
                coded = self._coding.codes(part) if self._wildcards is None else self._wildcards.query(part).data
                found = rows[step], distances[step], tally[step]
                known = columns_of(part), coded, self._packed, self._shared.grams, limits[step]
                in_blocks(len(part), 1, partial(search_kernel, *known, *found))
                task.advance(len(part))
        pairs = len(queries) * len(self._members)
        entered, measured = tally.sum(axis=0).tolist()
        return whole_neighbours(rows, distances), Pruning(pairs, entered, {_BOUND: pairs - measured})

    def _reach(self, queries: Sequences, k: int) -> IntArray:
        """(Q,) a distance within which there are k targets."""
        likely, data = _LIKELY * k + _MORE, self.targets.data
        if _MANY * likely > len(self._members) or data.dtype != np.uint8:
            return np.full(len(queries), _FAR, np.int64)
        rows, _ = self._shared.nearest(queries, likely)
        found = np.empty(rows.shape, np.int64)
        asked = columns_of(queries) if self._wildcards is None else self._wildcards.query(queries)
        in_blocks(len(queries), 1, partial(nearest_kernel, asked, columns_of(self.targets), rows, k, found))
        reach: IntArray = np.partition(found, k - 1, axis=1)[:, k - 1]
        return reach


@kernel()
def bounds_of(codes: AnyArray, targets: Targets, grams: Grams) -> IntArray:
    """(members,) what the distance of a query to each member is at least."""
    m, an_edit, lost = len(codes), max(grams.q - 1, 1), lost_of(codes, grams)
    bounds = np.zeros(len(targets.members), np.int64)
    for at in range(len(bounds)):
        row = targets.members[at]
        longer = max(m - (targets.offsets[row + 1] - targets.offsets[row]), 0)
        bounds[at] = max(lost[at] - longer + an_edit - 1, 0) // an_edit
    return bounds


@kernel()
def _measure(
    query: lanes.Query, targets: Targets, chosen: IntArray, cutoff: int, work: Work, estimates: IntArray
) -> None:
    """estimates[at] = the distance of the members `chosen`, no more than 512: exact up to the cutoff, else no less."""
    codes, offsets, members, bits = targets
    m = len(query.table)
    group = lanes.pack_one(codes, offsets, members[chosen], bits)
    group_scores(query, group, 0, cutoff, work)
    for lane in range(len(chosen)):
        estimates[chosen[lane]] = lane_distance(work, lane, m, group.lengths[lane])


@kernel()
def _least(estimates: IntArray, k: int) -> int:
    """The k-th least of them; _FAR where there are fewer."""
    if len(estimates) < k:
        return _FAR
    return int(np.partition(estimates, k - 1)[k - 1])


@kernel()
def _nearest_of(
    codes: AnyArray,
    coded: AnyArray,
    targets: Targets,
    grams: Grams,
    limit: int,
    rows: IntArray,
    distances: IntArray,
    tally: IntArray,
) -> None:
    """The nearest members of one query: its `codes`, and `coded` as the targets are.

    With a cutoff that is guessed from the bounds, and grows until there are k within it.
    """
    offsets, members = targets.offsets, targets.members
    m, k, codes_are_bytes = len(codes), len(rows), targets.codes.itemsize == 1
    if len(members) == 0:
        return
    bounds = bounds_of(codes, targets, grams)
    query = lanes.query_of(coded, 0, m)
    asked = asked_of(coded[: m if codes_are_bytes else 0])
    room = room_for(asked)
    lengths = offsets[members + 1] - offsets[members]
    work = work_for(query, lengths.max())
    estimates = np.full(len(members), _FAR)
    exact = -1  # estimates up to here are distances
    cutoff = min(limit, 2 * _least(bounds, min(k, len(bounds))) + _SPARE)
    while True:
        waiting = np.flatnonzero((bounds <= cutoff) & (estimates > exact))
        waiting = waiting[np.argsort(lengths[waiting], kind="mergesort")]
        for first in range(0, len(waiting), LANES):
            some = waiting[first : first + LANES]
            reach = min(cutoff, _least(estimates, k))  # nothing farther can enter
            some = some[bounds[some] <= reach]
            if codes_are_bytes and 0 < len(some) <= _SOME:
                begins, told = offsets[members[some]], found_for(len(some))
                distances_to(asked, targets.codes, begins, lengths[some], reach, room, told)
                estimates[some] = told.distances
            elif len(some):
                _measure(query, targets, some, reach, work, estimates)
        exact = cutoff
        reach = _least(estimates, k)
        if reach <= cutoff or cutoff >= min(limit, m):
            break
        cutoff = min(min(max(2 * cutoff, _SPARE), reach), limit)
    held = 0
    for at in np.flatnonzero(estimates <= min(exact, limit)):
        if held < k:
            held = place(rows, distances, held, members[at], estimates[at])
        else:
            enter(rows, distances, members[at], estimates[at])
        tally[_ENTERED] += 1
    tally[_MEASURED] += np.count_nonzero(estimates < _FAR)


@kernel()
def search_kernel(
    queries: Columns,
    coded: AnyArray,
    targets: Targets,
    grams: Grams,
    limits: IntArray,
    rows: IntArray,
    distances: IntArray,
    tally: IntArray,
    first: int,
    last: int,
) -> None:
    """Fill `rows` and `distances`, (Q, k), -1 before, of queries `first` to `last` - 1: the nearest of the members."""
    data, offsets = queries
    for q in range(first, last):
        start, end = offsets[q], offsets[q + 1]
        own = rows[q], distances[q], tally[q]
        _nearest_of(data[start:end], coded[start:end], targets, grams, limits[q], own[0], own[1], own[2])
