"""Candidates compared where a query is expected on them: in bands of packed letters, or in unpacked stretches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Neighbours
from ..distances.infix_bands import REACH, reach_of
from ..distances.windowed import WindowedDistance
from ..sequences import Sequences
from ..sequences.packed import PackedSequences
from .gathering import GATHERED
from .pipeline import Parts, Ranked
from .relatives import Walk, relatives_of

_BYTE = 4  # letters: bands and stretches begin with one
_SPARE = 8  # of the letters of a query, a part: what insertions may move its end by
_WANDERS = REACH // 4  # letters that the pieces of a query may disagree by within a band
_EDGE = 10  # letters that insertions and deletions may take of either side of the bands
_SURE = 8  # letters that a place may be off by, for one band to do
_QUERIES = 256  # whose bands are looked up at a time


WIDE, NARROWER = 10, 16
"""So many of the nearest, at least, lead to their relatives, and so many times less than there are candidates."""
_TURNS = 4  # at most, that those which came in lead to theirs


@dataclass
class _Best:
    """The nearest rows of some queries so far, (Q, k), -1 padded, where the query begins on them, and how far they are;
    `fresh`: those that have led nowhere yet."""

    rows: IntArray
    begins: IntArray
    near: DoubleArray
    fresh: BoolArray

    @classmethod
    def none(cls, queries: int, k: int, within: DoubleArray | None) -> _Best:
        """Nothing yet; what is farther than `within`, (queries,), will not come in."""
        shape = (queries, k)
        near = np.full(shape, np.inf) if within is None else np.repeat(within[:, None] + 1, k, axis=1)  # whole edits
        return cls(np.full(shape, -1), np.zeros(shape, np.int64), near, np.zeros(shape, np.bool_))

    def __getitem__(self, some: IntArray) -> _Best:
        return _Best(self.rows[some], self.begins[some], self.near[some], self.fresh[some])

    def put(self, some: IntArray, other: _Best) -> None:
        """Those of some queries."""
        for own, new in ((self.rows, other.rows), (self.begins, other.begins), (self.near, other.near)):
            own[some] = new
        self.fresh[:] = False
        self.fresh[some] = other.fresh


def nearest_by_parts(
    distance: WindowedDistance,
    queries: Sequences,
    targets: Sequences,
    live: BoolArray,
    before: Ranked,
    k: int,
    within: DoubleArray | None = None,
) -> tuple[Neighbours, int]:
    """The k nearest of candidates, and of the relatives of those that are near, by what is there of them; and how many
    were compared. No distance is less than the true one, and each is this one unless the part lies elsewhere on the
    row.

    `before`: rows, (Q, C), -1 padded, with their parts; `live`, (rows,): those that may be answered; what is farther
    than `within`, (Q,), is left out, and leads nowhere.
    """
    found, compared = Neighbours.none(len(queries), k), 0
    for some, best, led in _by_parts(distance, queries, targets, live, before, k, within):
        found.rows[some], found.distances[some] = best.rows, np.where(best.rows >= 0, best.near, np.inf)
        compared += int(np.count_nonzero(before.rows[some] >= 0))
        compared += sum(int(np.count_nonzero(rows >= 0)) for _, rows in led)
    return found, compared


def compared_by_parts(
    distance: WindowedDistance, queries: Sequences, targets: Sequences, live: BoolArray, before: Ranked, k: int
) -> IntArray:
    """(Q, C) the rows that `nearest_by_parts` compares, -1 padded: candidates, and the relatives that they led to."""
    blocks = []
    for some, _, led in _by_parts(distance, queries, targets, live, before, k):
        wide = [before.rows[some]]
        for left, rows in led:
            wide.append(np.full((len(wide[0]), rows.shape[1]), -1, np.int64))
            wide[-1][left] = rows
        blocks.append(np.concatenate(wide, axis=1))
    most = max((block.shape[1] for block in blocks), default=before.rows.shape[1])
    padded = [np.pad(block, ((0, 0), (0, most - block.shape[1])), constant_values=-1) for block in blocks]
    return np.concatenate([np.zeros((0, most), np.int64), *padded])


_Led = list[tuple[IntArray, IntArray]]
"""Turn by turn, queries that were led on, (q,), and the rows that they were led to, (q, C), -1 padded."""


def _by_parts(
    distance: WindowedDistance,
    queries: Sequences,
    targets: Sequences,
    live: BoolArray,
    before: Ranked,
    k: int,
    within: DoubleArray | None = None,
) -> Iterator[tuple[slice, _Best, _Led]]:
    """A few queries at a time, their best, and where these have led."""
    assert before.parts is not None
    for start in range(0, len(queries), _QUERIES):
        some = slice(start, start + _QUERIES)
        asked, rows, parts = queries[some], before.rows[some], before.parts[some]
        radii = None if within is None else within[some]
        best = _offered(distance, asked, targets, rows, parts, _Best.none(len(rows), k, radii))
        walk = parts.walk
        yield some, best, [] if walk is None else _walked(distance, asked, targets, live, rows, walk, best)


def _walked(
    distance: WindowedDistance,
    queries: Sequences,
    targets: Sequences,
    live: BoolArray,
    known: IntArray,
    walk: Walk,
    best: _Best,
) -> _Led:
    """Go on from the best to their relatives, as long as these come in among them."""
    left, led = np.arange(len(known)), []
    for _ in range(_TURNS):
        own = best[left]
        rows, begins = relatives_of(walk[left], live, known, np.where(own.fresh, own.rows, -1), own.begins)
        if not rows.shape[1]:
            break
        led.append((left, rows))
        near = _offered(distance, queries[left], targets, rows, Parts(begins, begins, 0), own)
        best.put(left, near)
        going = near.fresh.any(axis=1)
        left, known = left[going], np.concatenate([known[going], rows[going]], axis=1)
        if not len(left):
            break
    return led


def _offered(
    distance: WindowedDistance, queries: Sequences, targets: Sequences, rows: IntArray, parts: Parts, best: _Best
) -> _Best:
    """The best among those so far and these candidates, (Q, C) rows."""
    packed = isinstance(targets, PackedSequences) and targets.is_packed and not distance.wildcards
    k = best.rows.shape[1]
    found, near = np.tile(-2 - np.arange(k), (len(rows), 1)), best.near.copy()  # below -1: those there were
    there = rows >= 0
    known = np.zeros(there.shape, np.int64)
    known[there] = targets.lengths_of(rows[there])
    lengths = queries.lengths[:, None]
    begins = (parts.first + parts.last) // 2
    banded: BoolArray = np.zeros(there.shape, np.bool_)
    if packed:
        assert isinstance(targets, PackedSequences)
        bands = 1 if parts.reach <= _SURE else 2
        reach = reach_of(bands)
        room = known - lengths - reach
        base = np.clip(begins - reach // 2, 0, np.maximum(room, 0)) // _BYTE * _BYTE
        inside = (begins - base >= _EDGE) & (base + reach - begins >= _EDGE)
        banded = there & (room >= 0) & (parts.last - parts.first <= _WANDERS) & inside
        for letters, bases in targets.bands(rows, base, banded):
            behind = distance.nearest_in_bands(queries, letters, bases, found, near, bands)
            np.copyto(begins, base + behind, where=bases >= 0)
    left = there & ~banded
    if left.any():
        slack = parts.reach + lengths // _SPARE
        first = np.clip(parts.first - slack, 0, known) // _BYTE * _BYTE
        ends = np.clip(parts.last + lengths + slack, first, known)
        _in_stretches(distance, queries, targets, Stretches(rows, first, ends, left), found, near)
    return _merged(best, found, near, rows, begins)


def _merged(best: _Best, found: IntArray, near: DoubleArray, rows: IntArray, begins: IntArray) -> _Best:
    """The best after candidates, (Q, C) rows, came to them; `found`: which of these, or -2 less the place before."""
    old, candidate = np.maximum(-2 - found, 0), np.minimum(np.maximum(found, 0), max(0, rows.shape[1] - 1))
    new = found >= 0

    def of(before: IntArray, now: IntArray) -> IntArray:
        picked: IntArray = np.take_along_axis(before, old, axis=1)
        return np.where(new, np.take_along_axis(now, candidate, axis=1), picked) if now.shape[1] else picked

    return _Best(of(best.rows, rows), of(best.begins, begins), near, new)


def nearest_wholly(
    distance: WindowedDistance, queries: Sequences, targets: Sequences, most: Neighbours, k: int
) -> Neighbours:
    """The k nearest of candidates, (Q, C), C >= k, which are as far as is known `most`, each compared as a whole."""
    rows = most.rows
    found, near = np.full((len(rows), k), -1, np.int64), np.repeat(most.distances[:, k - 1 : k] + 1, k, axis=1)
    there = rows >= 0
    ends = np.zeros(there.shape, np.int64)
    ends[there] = targets.lengths_of(rows[there])
    if there.any():
        _in_stretches(distance, queries, targets, Stretches(rows, np.zeros_like(ends), ends, there), found, near)
    met = found >= 0
    picked = np.take_along_axis(rows, np.maximum(found, 0), axis=1)
    return Neighbours(np.where(met, picked, -1), np.where(met, near, np.inf))


@dataclass(frozen=True)
class Stretches:
    """Candidates, (Q, C) each: their rows, from where to where on these, and a mask of those that count."""

    rows: IntArray
    begins: IntArray
    ends: IntArray
    there: BoolArray


def _in_stretches(
    distance: WindowedDistance,
    queries: Sequences,
    targets: Sequences,
    left: Stretches,
    found: IntArray,
    near: DoubleArray,
) -> None:
    """Offer candidates, of which there are some, to the nearest that were found so far."""
    longest = int((left.ends - left.begins)[left.there].max())
    step = max(1, min(_QUERIES, int(GATHERED / max(1, longest * left.rows.shape[1]))))
    for start in range(0, len(queries), step):
        some = slice(start, start + step)
        letters, starts, stops = _unpacked(
            targets, left.rows[some], left.begins[some], left.ends[some], left.there[some]
        )
        distance.nearest_parts(queries[some], letters, starts, stops, found[some], near[some])


def _unpacked(
    targets: Sequences, rows: IntArray, begins: IntArray, ends: IntArray, there: BoolArray
) -> tuple[AnyArray, IntArray, IntArray]:
    """Letters, and where in these each stretch begins and ends, (q, C), -1 where there is none."""
    starts = np.full(there.shape, -1, np.int64)
    stops = starts.copy()
    met, first, lengths = rows[there], begins[there], (ends - begins)[there]
    if isinstance(targets, PackedSequences):
        letters, offsets = targets.stretches(met, first, lengths)
        starts[there], stops[there] = offsets[:-1], offsets[1:]
        return letters, starts, stops
    starts[there] = targets.offsets[met] + first
    stops[there] = starts[there] + lengths
    return targets.data, starts, stops
