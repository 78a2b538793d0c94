"""Candidates compared where a query is expected on them: in bands of packed letters, or in unpacked stretches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances.infix_bands import REACH
from ..distances.windowed import WindowedDistance
from ..sequences import Sequences
from ..sequences.packed import PackedSequences
from .gathering import GATHERED
from .pipeline import Parts

_BYTE = 4  # letters: bands and stretches begin with one
_SPARE = 8  # of the letters of a query, a part: what insertions may move its end by
_WANDERS = REACH // 4  # letters that the pieces of a query may disagree by within a band
_QUERIES = 256  # whose bands are looked up at a time


def nearest_by_parts(
    distance: WindowedDistance, queries: Sequences, targets: Sequences, rows: IntArray, parts: Parts, k: int
) -> IntArray:
    """(Q, k) the nearest of rows, (Q, C), -1 padded, by what is there of them: no distance is less than the
    true one, and each is this one unless the part lies elsewhere on the row."""
    found, near = np.full((len(rows), k), -1, np.int64), np.full((len(rows), k), np.inf)
    packed = isinstance(targets, PackedSequences) and targets.is_packed and not distance.wildcards
    for start in range(0, len(rows), _QUERIES):
        some = slice(start, start + _QUERIES)
        there = rows[some] >= 0
        known = np.zeros(there.shape, np.int64)
        known[there] = targets.lengths_of(rows[some][there])
        asked, lengths = queries[some], queries.lengths[some][:, None]
        banded: BoolArray = np.zeros(there.shape, np.bool_)
        if packed:
            assert isinstance(targets, PackedSequences)
            own, room = parts[some], known - lengths - REACH
            banded = there & (room >= 0) & (own.last - own.first <= _WANDERS)
            base = np.clip((own.first + own.last - REACH) // 2, 0, np.maximum(room, 0)) // _BYTE * _BYTE
            for letters, bases in targets.bands(rows[some], base, banded):
                distance.nearest_in_bands(asked, letters, bases, found[some], near[some])
        left = Stretches(rows[some], known, there & ~banded, parts[some])
        _in_stretches(distance, asked, targets, left, found[some], near[some])
    return np.where(found >= 0, np.take_along_axis(rows, np.maximum(found, 0), axis=1), -1)


@dataclass(frozen=True)
class Stretches:
    """Candidates, (Q, C) each: their rows, the lengths of these, a mask of those that count, and where they are."""

    rows: IntArray
    lengths: IntArray
    there: BoolArray
    parts: Parts


def _in_stretches(
    distance: WindowedDistance,
    queries: Sequences,
    targets: Sequences,
    left: Stretches,
    found: IntArray,
    near: DoubleArray,
) -> None:
    """Offer candidates to the nearest that were found so far."""
    if not left.there.any():
        return
    lengths, parts = queries.lengths[:, None], left.parts
    slack = parts.reach + lengths // _SPARE
    begins = np.clip(parts.first - slack, 0, left.lengths) // _BYTE * _BYTE
    ends = np.clip(parts.last + lengths + slack, begins, left.lengths)
    step = max(1, int(GATHERED / max(1, int((ends - begins)[left.there].max()) * left.rows.shape[1])))
    for start in range(0, len(queries), step):
        some = slice(start, start + step)
        letters, starts, stops = _unpacked(targets, left.rows[some], begins[some], ends[some], left.there[some])
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
