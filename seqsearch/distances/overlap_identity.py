"""Overlaps of the highest identity among candidates, without aligning all of them.

Let an overlap begin on the diagonal d and have c columns, of which at most (1 - p) c are edits, gaps among them. With
L the letters of either sequence from edge to edge along d, it has no more matches than L, no fewer columns, and so at
most (1 - p) / p L edits: it stays within so many diagonals of d. Its matches lie in one run more than it has edits, so
that the two share at least (1 - q (1 - p)) L - (q - 1) q-grams there. And its score is at most L: a pair that is known
to score S has its best overlap where L is S or more. Where no diagonal has all that, the identity is below p.
"""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..jit import kernel
from . import overlap_seeds as seeding
from .arguments import Columns
from .overlap_groups import Candidates, candidates_of, measure, measure_within
from .overlap_paths import shapes_of
from .overlap_words import LANES, Asked, Found, Room, asked_of, found_for, room_for

_ROUNDED = 1e-9  # of identities
_CLOSE = 48  # of a query's letters one part: how many diagonals beyond those where most is shared are looked at


@kernel()
def _bounds(query: Asked, candidates: Candidates, told: Found) -> AnyArray:
    """What the identities are at most, if `told` is right; -1 for no overlap.

    One with score s that ends behind i and j letters has min(i, j) columns or more, so it is 1/2 + s / (2 min(i, j)).
    """
    scores = np.minimum(query.size, candidates.lengths) - told.distances
    ends = np.maximum(np.minimum(told.query_ends, told.target_ends), 1)
    return np.where(scores > 0, 0.5 + scores / (2.0 * ends), -1.0)


@kernel()
def _try(
    codes: AnyArray,
    query: Asked,
    candidates: Candidates,
    tried: IntArray,
    told: Found,
    least: float,
    best: AnyArray,
    own: AnyArray,
    room: Room,
    tape: AnyArray,
) -> AnyArray:
    """Put the identities of the candidates `tried` into `own`, where they are not below the highest so far, `best`,
    ascending, and cover no less than `least`. Returns a tape as `shapes_of` does.

    Those that may be highest come first, and paths are followed until no other can enter.
    """
    m, bounds = query.size, _bounds(query, candidates, told)
    order = tried[np.argsort(-bounds[tried], kind="mergesort")]
    for first in range(0, len(order), LANES):
        some = order[first : first + LANES]
        some = some[(bounds[some] >= best[0]) & (bounds[some] > 0)]
        if not len(some):
            break
        i, j, lengths = told.query_ends[some], told.target_ends[some], candidates.lengths[some]
        shorter = np.minimum(m, lengths)
        scores = shorter - told.distances[some]
        found = Found(told.distances[some], i, j)
        shapes, tape = shapes_of(codes, query, candidates.text, candidates.starts[some], scores, found, room, tape)
        for at in range(len(some)):
            columns, inside = shapes[2, at], shapes[0 if m <= lengths[at] else 1, at]
            identity = (columns + scores[at]) / (2 * columns)  # of c columns (c + s) / 2 are matches
            if inside / shorter[at] >= least:
                own[some[at]] = identity
                if identity > best[0]:
                    best[0] = identity
                    best.sort()
    return tape


@kernel()
def may_be_as_identical(
    counts: AnyArray, known: int, counted: bool, q: int, m: int, n: int, score: int, identity: float, least: float
) -> bool:
    """Whether sequences of m and n letters that score at least `score` may have a best overlap of that identity, over
    0, which covers `least` of the shorter one; by the q-grams that they share: `known` in all, and if these were
    `counted`, on each 2^SHIFT diagonals."""
    kept, gaps = 1 - q * (1 - identity), (1 - identity) / identity  # of L
    shorter = min(m, n)
    shortest = max(float(score), least * shorter / (1 + gaps))  # L
    if shortest > shorter:
        return False
    if kept <= 0 or q == 0:
        return True
    if known < kept * shortest - (q - 1):
        return False
    if not counted:
        return True
    sums = np.zeros(len(counts) + 1, np.int64)
    for b in range(len(counts)):
        sums[b + 1] = sums[b] + counts[b]
    wide = (1 << seeding.SHIFT) - 1
    for b in range(len(counts)):
        first = (b << seeding.SHIFT) - m
        one, other = min(m, n - first) - max(0, -first), min(m, n - first - wide) - max(0, -first - wide)
        longest = min(shorter, max(one, other) + wide)
        if longest < shortest:
            continue
        reach = int(gaps * longest) + 1
        low, high = max(0, first - reach + m), min(first + wide + reach + m, (len(counts) << seeding.SHIFT) - 1)
        there = sums[(high >> seeding.SHIFT) + 1] - sums[low >> seeding.SHIFT]
        if there >= kept * max(shortest, float(min(one, other))) - (q - 1):
            return True
    return False


@kernel()
def _those_left(
    query: Asked, candidates: Candidates, waiting: IntArray, told: Found, least: float, identity: float
) -> IntArray:
    """Those of `waiting`, whose distances are no farther than `told` says, that may have such an identity."""
    text, starts, lengths, seeds, shared = candidates
    m, q = query.size, seeds.q
    left, held = np.empty(len(waiting), np.int64), 0
    for target in waiting:
        n = lengths[target]
        score = min(m, n) - told.distances[target]
        counts, known = shared.counts[target], shared.known[target]
        if not may_be_as_identical(counts, known, False, q, m, n, score, identity, least):
            continue
        counted = q > 0 and seeding.counted(seeds, shared, target, m, text, starts, lengths) >= 0
        if may_be_as_identical(counts, known, counted, q, m, n, score, identity, least):
            left[held] = target
            held += 1
    return left[:held]


@kernel()
def _exact(query: Asked, candidates: Candidates, some: IntArray, room: Room, told: Found) -> None:
    """Measure those whose distances are no farther than `told` says, into `told`."""
    here, cutoff = found_for(len(some)), told.distances[some].max()
    measure(query, candidates, some, cutoff, room, here)
    told.distances[some] = here.distances
    told.query_ends[some] = here.query_ends
    told.target_ends[some] = here.target_ends


@kernel()
def _most_identical(
    codes: AnyArray, text: AnyArray, starts: IntArray, lengths: IntArray, wanted: int, least: float, tape: AnyArray
) -> tuple[AnyArray, IntArray, AnyArray]:
    """Of one query and the targets text[starts[i]:][:lengths[i]] the identities of the `wanted` highest, -1 for others,
    and the distances of these; and a tape as of `shapes_of`.

    Where most of what they share lies says what each distance is at most, and which targets are looked at first; of the
    others only those that may be as identical.
    """
    query = asked_of(codes)
    room, those = room_for(query), candidates_of(codes, text, starts, lengths)
    told, best, own = found_for(len(starts)), np.full(wanted, -1.0), np.full(len(starts), -1.0)
    bands = seeding.sampled_bands(those.seeds, query.size, text, starts, lengths)
    measure_within(query, text, starts, lengths, bands, query.size // _CLOSE, room, told)
    order = np.argsort(-_bounds(query, those, told), kind="mergesort")
    while len(order):
        some = order[:1]
        if best[0] < 0:  # the next ones, and others that are as near
            reach = told.distances[order[: wanted - np.count_nonzero(best >= 0)]].max()
            some = order[told.distances[order] <= reach]
            order = order[told.distances[order] > reach]
        else:  # there are enough: what else may be as identical?
            left = _those_left(query, those, order, told, least, best[0] - _ROUNDED)
            left = left[np.argsort(told.distances[left], kind="mergesort")]
            some, order = left[:LANES], left[LANES:]
        if len(some):
            _exact(query, those, some, room, told)
            tape = _try(codes, query, those, some, told, least, best, own, room, tape)
    return np.where(own >= best[0], own, -1.0), told.distances, tape


@kernel()
def identical_kernel(
    queries: Columns,
    targets: Columns,
    candidates: IntArray,
    wanted: int,
    least: float,
    identities: DoubleArray,
    distances: DoubleArray,
    first: int,
    last: int,
) -> None:
    """Fill lines `first` to `last` - 1 of `identities` and `distances`, (Q, C): those of the rows `candidates`, -1 for
    none, which cover at least so much and are among the `wanted` of the highest identity; -1 for others.
    """
    data, offsets = queries
    text, bounds = targets
    tape = np.empty(0, np.uint64)
    for q in range(first, last):
        codes = data[offsets[q] : offsets[q + 1]]
        there = np.flatnonzero(candidates[q] >= 0)
        identities[q, :] = -1
        if not len(there) or not len(codes):
            continue
        starts = bounds[candidates[q][there]]
        lengths = bounds[candidates[q][there] + 1] - starts
        own, distance, tape = _most_identical(codes, text, starts, lengths, wanted, least, tape)
        for at in range(len(there)):
            identities[q, there[at]], distances[q, there[at]] = own[at], distance[at]
