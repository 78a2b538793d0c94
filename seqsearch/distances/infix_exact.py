"""Lossless nearest neighbours under the infix distance.

The q-grams that a target lacks bound its distance from below (gram_lists.py). Targets come in the order of that bound,
and are measured a vector at a time (infix_kernels.py) until the bound passes the k-th distance found. Where that leaves
many, the bound is taken of every block in which a part may begin: of the targets that are left only the blocks that may
hold a near part are measured, or all of a group of 512 at once (infix_lanes.py) where most may - of the query's first
letters only at first: what these cost and what the others lack is often more than the k-th distance.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..jit import kernel, popcount
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import in_blocks, numba_threads
from . import lanes
from .arguments import Columns, allowed_rows, columns_of
from .coding import Coding
from .edit_kernels import place
from .edit_rerank import Query, query_of
from .gram_lists import (
    BLOCK,
    Blocks,
    Form,
    Grams,
    blocks_of,
    buckets_of,
    digits_of,
    grams_of,
    lacking,
    lacking_at_most,
    lacking_blocks,
    lacking_exactly,
)
from .infix_kernels import distances_to, lanes_for
from .infix_lanes import group_distances, work_for
from .infix_vectors import SPARED
from .neighbours import Neighbours, Pruning, unfilled, whole_neighbours
from .vectors import LANES, VECTOR
from .wildcards import Wildcards

_QUERIES_A_STEP = 256
_FAR = np.iinfo(np.int32).max  # farther than any distance
_PATIENCE = 256  # targets that are measured as a whole before blocks are looked at
_SPARSE = 1536  # targets that are measured by themselves before whole groups are
_DENSE = 128  # targets of a group that are left, from which all of it is measured
_MISSED = 3  # groups of which prefixes leave many, before longer ones are measured, or none
_BOUND = "absent q-grams"
_U0, _U1 = np.uint64(0), np.uint64(1)


class Waiting(NamedTuple):
    """Texts to be measured together, as many as a vector has lanes: of which rows, and where they begin and end."""

    rows: IntArray
    starts: IntArray
    ends: IntArray
    found: IntArray


class Nearest(NamedTuple):
    """The k nearest so far, -1 before; `state`: how many texts wait, how many have entered and how many were measured;
    `limit`: nothing farther enters.
    """

    rows: IntArray
    distances: IntArray
    state: IntArray
    limit: int


_WAITING, _ENTERED, _MEASURED = range(3)


class InfixNeighbours:
    """Targets made ready for lossless search: `search` may be called many times.

    `allowed`, (len(targets),) bool, leaves targets out; `wildcards`: of their alphabet, where letters meet by these.
    Memory: at most 4 bytes a symbol of the targets, about one of
    long DNA that has q-grams in common.
    """

    def __init__(
        self, targets: Sequences, allowed: BoolArray | None = None, wildcards: Wildcards | None = None
    ) -> None:
        numba_threads()
        self.targets, self._wildcards = targets, wildcards
        rows = allowed_rows(allowed, len(targets))
        rows = rows[np.argsort(targets.lengths_of(rows), kind="stable")]
        self._members = rows
        self._grams, self._blocks = grams_of(targets, rows, wildcards), blocks_of(targets, rows, wildcards)
        self._coding = Coding.of(targets)
        lanes_of = np.full(len(self._blocks.counts) * LANES if self._blocks.q else 0, -1, np.int64)
        lanes_of[: len(rows)] = rows[: len(lanes_of)]
        self._groups = lanes.pack(self._coding.codes(targets), targets.offsets, lanes_of, self._coding.bits)

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the bound ruled out; see `Searcher`."""
        self.targets.require_same_kind(queries)
        rows, distances = unfilled(len(queries), k, -1)
        tally = np.zeros((len(queries), 3), np.int64)
        limits = np.full(len(queries), _FAR) if within is None else np.minimum(within, _FAR).astype(np.int64)
        numba_threads()
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES_A_STEP):
                part = queries[first : first + _QUERIES_A_STEP]
                step = slice(first, first + len(part))
                found = rows[step], distances[step], tally[step]
                known = columns_of(self.targets), self._members, self._grams, self._blocks, self._groups
                letters, coded = self._letters(part)
                work = partial(search_kernel, columns_of(part), letters, coded, *known, limits[step], *found)
                in_blocks(len(part), 1, work)
                task.advance(len(part))
        pairs = len(queries) * len(self._members)
        _, entered, measured = tally.sum(axis=0).tolist()
        return whole_neighbours(rows, distances), Pruning(pairs, entered, {_BOUND: pairs - measured})

    def _letters(self, queries: Sequences) -> tuple[AnyArray, AnyArray]:
        """The letters of queries as targets have them, and as groups have them: sets of these with wildcards."""
        if self._wildcards is None:
            return queries.data, self._coding.codes(queries)
        sets = self._wildcards.query(queries).data
        return sets, sets


@kernel(inline=True)
def _cutoff(nearest: Nearest) -> int:
    """Nothing farther can enter."""
    k = len(nearest.rows)
    return min(nearest.distances[k - 1], nearest.limit) if nearest.state[_ENTERED] >= k else nearest.limit


@kernel(inline=True)
def _may_enter(nearest: Nearest, row: int, bound: int) -> bool:
    """Whether a row that is no nearer than `bound` may enter."""
    cutoff = _cutoff(nearest)
    k = len(nearest.rows)
    if bound != cutoff or nearest.state[_ENTERED] < k or nearest.distances[k - 1] > cutoff:
        return bound <= cutoff
    return bool(row < nearest.rows[k - 1])


@kernel()
def _measure(query: Query, text: AnyArray, waiting: Waiting, nearest: Nearest) -> None:
    """Measure what waits, and enter what is near enough."""
    rows, starts, ends, found = waiting
    state = nearest.state
    count, k = state[_WAITING], len(nearest.rows)
    distances_to(query, text, starts[:count], ends[:count], _cutoff(nearest), found[:count])
    for i in range(count):
        if _may_enter(nearest, rows[i], found[i]):
            place(nearest.rows, nearest.distances, min(k, state[_ENTERED]), rows[i], found[i])
            state[_ENTERED] += 1
    state[_MEASURED] += count
    state[_WAITING] = 0


@kernel(inline=True)
def _wait(query: Query, text: AnyArray, waiting: Waiting, nearest: Nearest, row: int, start: int, end: int) -> None:
    """One more text, which is measured with the others once there are enough of them."""
    rows, starts, ends, _ = waiting
    at = nearest.state[_WAITING]
    rows[at], starts[at], ends[at] = row, start, end
    nearest.state[_WAITING] = at + 1
    if at + 1 == len(rows):
        _measure(query, text, waiting, nearest)


@kernel(inline=True)
def _lowest(bits: np.uint64) -> int:
    """The place of the lowest bit that is set."""
    return int(popcount((bits & (~bits + _U1)) - _U1))


@kernel()
def _near_blocks(lacks: AnyArray, digits: int, word: int, lane: int, cutoff: int, count: int) -> tuple[int, int]:
    """The first and the last of so many blocks of a lane that lack no more than the cutoff; -1 where none does."""
    first = last = -1
    for b in range(count):
        if (lacking_at_most(lacks, digits, b * VECTOR + word, cutoff) >> np.uint64(lane)) & _U1:
            first = b if first < 0 else first
            last = b
    return first, last


@kernel()
def _as_group(
    query: lanes.Query, groups: lanes.Groups, group: int, begin: int, end: int, near: AnyArray, nearest: Nearest
) -> None:
    """Measure all of a group at once, in columns begin..end - 1, and enter those of the lanes `near`."""
    work = work_for(query)
    group_distances(query, groups, group, begin, end, work)
    state, k = nearest.state, len(nearest.rows)
    for w in range(VECTOR):
        state[_MEASURED] += int(popcount(near[w]))
        bits = near[w] & lanes.at_most(work.values, work.digits, w, min(_cutoff(nearest), len(query.table)))
        while bits:
            lane = w * 64 + _lowest(bits)
            bits &= bits - _U1
            row, found = groups.rows[group * LANES + lane], lanes.lane_value(work.values, work.digits, lane)
            if _may_enter(nearest, row, found):
                place(nearest.rows, nearest.distances, min(k, state[_ENTERED]), row, found)
                state[_ENTERED] += 1


@kernel()
def _beside_suffix(
    prefix: lanes.Query,
    groups: lanes.Groups,
    group: int,
    begin: int,
    end: int,
    lacks: AnyArray,
    digits: int,
    count: int,
    cutoff: int,
    near: AnyArray,
) -> int:
    """Keep in `near` the lanes of a group that may be within the cutoff of a query: the distance is no less than that
    of its prefix, in columns begin..end - 1, and what its suffix lacks, from the best of `count` blocks on (`lacks`,
    see `lacking_blocks`). Returns how many these are."""
    work, left = work_for(prefix), 0
    group_distances(prefix, groups, group, begin, end, work)
    for w in range(VECTOR):
        kept = before = _U0
        for distance in range(min(cutoff, len(prefix.table)) + 1 if near[w] else 0):
            up_to = lanes.at_most(work.values, work.digits, w, distance)
            bits, before = up_to & ~before & near[w], up_to
            if bits == _U0:
                continue
            some = _U0
            for b in range(count):
                some |= lacking_at_most(lacks, digits, b * VECTOR + w, cutoff - distance)
            kept |= bits & some
        near[w] = kept
        left += int(popcount(kept))
    return left


@kernel()
def _by_blocks(
    query: Query,
    codes: AnyArray,
    coded: AnyArray,
    targets: Columns,
    members: IntArray,
    blocks: Blocks,
    groups: lanes.Groups,
    planes: AnyArray,
    digits: int,
    done: IntArray,
    waiting: Waiting,
    nearest: Nearest,
) -> None:
    """Look at all that were not measured: those that lack more than done[0] q-grams as a whole, or just as many and
    come from word done[1] on. `codes`: the query, and `coded` as the groups are; `planes`, `digits`: what it lacks.
    """
    text, offsets = targets
    form = Form(blocks.q, blocks.base, blocks.bits, blocks.letters)
    m = len(codes)
    buckets = np.empty(m, np.int64)
    count = buckets_of(codes, 0, m, form, buckets)
    own = digits_of(form.q, m)
    width = (SPARED + own) * VECTOR
    lacks = np.empty(blocks.starts[-1] * width, np.uint64)
    alive = np.zeros(len(blocks.counts) * VECTOR, np.uint64)
    cutoff = _cutoff(nearest)
    span = 1 + (BLOCK - 1 + max(m + min(cutoff, m) - form.q, 0)) // BLOCK
    for g in range(len(blocks.counts)):
        anything = _U0
        for word in range(g * VECTOR, (g + 1) * VECTOR):
            before = done[0] if word < done[1] else done[0] - 1
            alive[word] = lacking_at_most(planes, digits, word, cutoff) & ~lacking_at_most(planes, digits, word, before)
            there = min(max(len(members) - 64 * word, 0), 64)  # lanes of the last word that hold a target
            if there < 64:
                alive[word] &= (_U1 << np.uint64(there)) - _U1
            anything |= alive[word]
        if anything != _U0:
            here = lacks[blocks.starts[g] * width : blocks.starts[g + 1] * width]
            lacking_blocks(blocks, g, buckets[:count], min(span, blocks.counts[g]), own, here)
    for least in range(1 << own):
        if least > _cutoff(nearest):
            break
        for word in range(len(alive)):
            if alive[word] == _U0 or nearest.state[_MEASURED] >= _SPARSE:
                continue
            g, w = word // VECTOR, word % VECTOR
            here = lacks[blocks.starts[g] * width : blocks.starts[g + 1] * width]
            bits = _U0
            for b in range(blocks.counts[g]):
                bits |= lacking_exactly(here, own, b * VECTOR + w, least)
            bits &= alive[word]
            alive[word] &= ~bits
            while bits:
                lane = _lowest(bits)
                bits &= bits - _U1
                at = word * 64 + lane
                if at < len(members) and _may_enter(nearest, members[at], least):
                    row = members[at]
                    start, end = offsets[row], offsets[row + 1]
                    first, last = _near_blocks(here, own, w, lane, _cutoff(nearest), (end - start - 1) // BLOCK + 1)
                    if first >= 0:
                        stop = min(end, start + (last + 1) * BLOCK + m + _cutoff(nearest))
                        _wait(query, text, waiting, nearest, row, start + first * BLOCK, stop)
    _measure(query, text, waiting, nearest)
    if nearest.state[_MEASURED] < _SPARSE:
        return
    turned, near = lanes.query_of(coded, 0, m), np.empty(VECTOR, np.uint64)
    size = m // 3 if _cutoff(nearest) <= m // 6 else m // 2  # far ones take more letters to tell
    missed = 0  # groups of which it left many, beyond those of which it did not
    prefix, of_suffix = lanes.query_of(coded, 0, size), np.empty(blocks.counts.max() * width, np.uint64)
    for g in range(len(blocks.counts)):
        here = lacks[blocks.starts[g] * width : blocks.starts[g + 1] * width]
        cutoff, left, first, last = min(_cutoff(nearest), m), 0, blocks.counts[g], -1
        near[:] = _U0
        for w in range(VECTOR):
            if alive[g * VECTOR + w] == _U0:
                continue
            for b in range(blocks.counts[g]):
                bits = lacking_at_most(here, own, b * VECTOR + w, cutoff) & alive[g * VECTOR + w]
                if bits:
                    near[w] |= bits
                    first, last = min(first, b), max(last, b)
            left += int(popcount(near[w]))
        if left >= _DENSE // 2 and size >= form.q and missed < _MISSED:
            span = 1 + (BLOCK - 1 + max(m + cutoff - form.q, 0)) // BLOCK
            lacking_blocks(blocks, g, buckets[size:count], min(span, blocks.counts[g]), own, of_suffix)
            end = (last + 1) * BLOCK + size + cutoff
            left = _beside_suffix(prefix, groups, g, first * BLOCK, end, of_suffix, own, blocks.counts[g], cutoff, near)
            missed += 1 if left >= _DENSE // 4 else -1
            if missed == _MISSED and size < m // 2:
                size, missed = m // 2, 0
                prefix = lanes.query_of(coded, 0, size)
        if left >= _DENSE:
            _as_group(turned, groups, g, first * BLOCK, (last + 1) * BLOCK + m + cutoff, near, nearest)
            continue
        for w in range(VECTOR if left else 0):
            bits = near[w]
            while bits:
                lane = _lowest(bits)
                bits &= bits - _U1
                at = (g * VECTOR + w) * 64 + lane
                if at < len(members):
                    row = members[at]
                    start, end = offsets[row], offsets[row + 1]
                    first, last = _near_blocks(here, own, w, lane, cutoff, (end - start - 1) // BLOCK + 1)
                    if first >= 0:
                        stop = min(end, start + (last + 1) * BLOCK + m + cutoff)
                        _wait(query, text, waiting, nearest, row, start + first * BLOCK, stop)


@kernel()
def _nearest_of(
    codes: AnyArray,
    letters: AnyArray,
    coded: AnyArray,
    targets: Columns,
    members: IntArray,
    grams: Grams,
    blocks: Blocks,
    groups: lanes.Groups,
    nearest: Nearest,
) -> None:
    """The nearest members of one query: its `codes`, its `letters` as texts have them, and `coded` as groups have."""
    text, bounds = targets
    m = len(codes)
    query = query_of(letters, 0, m)
    digits = digits_of(grams.q, m)
    planes = lacking(grams, codes, 0, m, digits, grams.q)
    size = lanes_for(m)
    waiting = Waiting(
        np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    )
    state = nearest.state
    cut = blocks.q > 0 and m >= blocks.q
    for count in range(1 << digits):
        if count > _cutoff(nearest):
            break
        word = 0
        while word < (len(members) + 63) >> 6 and not (cut and state[_MEASURED] >= _PATIENCE):
            bits = lacking_exactly(planes, digits, word, count)
            while bits:
                at = 64 * word + _lowest(bits)
                bits &= bits - _U1
                if at < len(members) and _may_enter(nearest, members[at], count):
                    row = members[at]
                    _wait(query, text, waiting, nearest, row, bounds[row], bounds[row + 1])
            word += 1
        if cut and state[_MEASURED] >= _PATIENCE:
            done = np.array([count, word])
            _by_blocks(query, codes, coded, targets, members, blocks, groups, planes, digits, done, waiting, nearest)
            break
    _measure(query, text, waiting, nearest)


@kernel()
def search_kernel(
    queries: Columns,
    letters: AnyArray,
    coded: AnyArray,
    targets: Columns,
    members: IntArray,
    grams: Grams,
    blocks: Blocks,
    groups: lanes.Groups,
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
        nearest = Nearest(rows[q], distances[q], tally[q], limits[q])
        start, end = offsets[q], offsets[q + 1]
        codes, own, turned = data[start:end], letters[start:end], coded[start:end]
        _nearest_of(codes, own, turned, targets, members, grams, blocks, groups, nearest)
