"""Finding relatives: points of whole targets say who is like whom, q-grams that they share how they are shifted."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from ..ann import make_index, parameters_for
from ..ann.ivf import IvfIndex
from ..arrays import AnyArray, IntArray
from ..encoders.model import Model
from ..jit import kernel
from ..progress import SILENT, Progress
from ..sequences import Sequences, offsets_of
from ..threads import numba_threads
from .relatives import FARTHEST, Relatives

_BITS = 4  # of a dimension, while relatives are looked for
_EFFORT = 16  # lists that are looked into
_BLOCK = 4096  # rows embedded, or asked for, at a time
_SAMPLED = 64  # q-grams of a target, about, that are remembered
_GRAM = 24  # bits of a q-gram, about
_SHARED = 2  # q-grams that relatives share at least
_MOST = 64  # shared q-grams that are looked at
_MIX = np.uint64(0xD6E8FEB86659FD93)  # an odd multiplier that mixes well (Steele and Vigna, 2021)


def found_relatives(
    model: Model,
    rows: IntArray,
    total: int,
    most: int,
    sequences: Callable[[IntArray], Sequences],
    progress: Progress = SILENT,
) -> Relatives:
    """The `most` relatives of each of `rows`, ascending, among these, of `total` rows; whose `sequences` are given."""
    out = Relatives.none(total, most)
    if len(rows) < 2:
        return out
    parameters = parameters_for(IvfIndex.kind, len(rows), {"bits": _BITS})
    index = make_index(IvfIndex.kind, geometry=model.geometry, dim=model.dim, parameters=parameters, seed=0)
    drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[: index.training_rows])
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(rows), _BLOCK)]
    with progress.task("looking for relatives", 2 * len(blocks)) as task:
        if len(rows) > index.training_rows // 2:
            index.train(model.embed(sequences(rows[drawn])))
        sketched, share = [], 0.0
        for block in blocks:
            some = sequences(rows[block])
            index.add(rows[block], model.embed(some))
            share = share or min(1.0, _SAMPLED / max(1.0, float(some.lengths.mean())))
            sketched.append(sketches(some, share))
            task.advance()
        sketch = _joined(sketched)
        numba_threads()
        for block in blocks:
            found = index.search(model.embed(sequences(rows[block])), most + 1, effort=_EFFORT).rows
            numbers = np.searchsorted(rows, np.maximum(found, 0))
            moved = np.full(found.shape, FARTHEST + 1, np.int64)
            numba_threads()
            _shifts(*sketch, np.arange(len(rows))[block], np.where(found >= 0, numbers, -1), moved)
            good = (np.abs(moved) <= FARTHEST) & (found != rows[block, None])
            order = np.argsort(~good, axis=1, kind="stable")[:, :most]
            kept = np.take_along_axis(good, order, axis=1)
            width = order.shape[1]
            out.rows[rows[block], :width] = np.where(kept, np.take_along_axis(found, order, axis=1), -1)
            out.shifts[rows[block], :width] = np.where(kept, np.take_along_axis(moved, order, axis=1), 0)
            task.advance()
    return out


def shifts_to(sequences: Sequences, others: IntArray, targets: Callable[[IntArray], Sequences]) -> IntArray:
    """How far rows `others`, (m, C), -1 for none, are shifted against (m,) sequences, beyond `FARTHEST` where they
    share too little; `targets` gives the sequences of rows."""
    moved = np.full(others.shape, FARTHEST + 1, np.int64)
    known = np.unique(others[others >= 0])
    if not len(known):
        return moved
    share = min(1.0, _SAMPLED / max(1.0, float(sequences.lengths.mean())))
    sketch = _joined([sketches(targets(known), share), sketches(sequences, share)])
    numbers = np.where(others >= 0, np.searchsorted(known, np.maximum(others, 0)), -1)
    _shifts(*sketch, len(known) + np.arange(len(sequences)), np.minimum(numbers, len(known) - 1), moved)
    return moved


def sketches(sequences: Sequences, share: float) -> tuple[AnyArray, AnyArray, IntArray]:
    """A `share` of the q-grams of each sequence, the same wherever they occur (those whose hash is below a threshold;
    Broder, 1997): hashes, ascending in each, uint32, their places, and (n + 1,) which are of each."""
    alphabet = sequences.alphabet
    size = 256 if alphabet is None or alphabet.is_open else len(alphabet.canonical)
    gram = max(3, int(np.ceil(_GRAM / np.log2(max(2, size)))))
    lengths = sequences.lengths
    limit = np.uint32(share * np.iinfo(np.uint32).max)
    counts = np.zeros(len(lengths), np.int64)
    numba_threads()
    nothing = np.zeros(0, np.uint32)
    _sketch(sequences.data, sequences.offsets, gram, limit, counts, np.zeros(0, np.int64), nothing, nothing)
    offsets = offsets_of(counts)
    hashes, places = np.empty(int(offsets[-1]), np.uint32), np.empty(int(offsets[-1]), np.uint32)
    _sketch(sequences.data, sequences.offsets, gram, limit, counts, offsets, hashes, places)
    return hashes, places, offsets


def _joined(parts: list[tuple[AnyArray, AnyArray, IntArray]]) -> tuple[AnyArray, AnyArray, IntArray]:
    hashes, places, offsets = zip(*parts, strict=True)
    counts = np.concatenate([np.diff(each) for each in offsets])
    return np.concatenate(hashes), np.concatenate(places), offsets_of(counts)


@kernel(parallel=True)
def _sketch(
    data: AnyArray,
    offsets: IntArray,
    gram: int,
    limit: np.uint32,
    counts: IntArray,
    into: IntArray,
    hashes: AnyArray,
    places: AnyArray,
) -> None:
    """Count q-grams, or, where there is room, write them."""
    base = np.uint64(0x100000001B3)
    high = np.uint64(1)
    for _ in range(gram):
        high *= base
    for i in numba.prange(len(offsets) - 1):
        start, length = offsets[i], offsets[i + 1] - offsets[i]
        code, count = np.uint64(0), 0
        for p in range(length):
            code = code * base + np.uint64(data[start + p]) + np.uint64(1)
            if p >= gram:
                code -= high * (np.uint64(data[start + p - gram]) + np.uint64(1))
            if p < gram - 1:
                continue
            value = np.uint32((code ^ (code >> np.uint64(29))) * _MIX >> np.uint64(32))
            if value <= limit:
                if len(into):
                    hashes[into[i] + count], places[into[i] + count] = value, np.uint32(p)
                count += 1
        counts[i] = count
        if len(into):
            some = slice(into[i], into[i] + count)
            order = np.argsort(hashes[some], kind="mergesort")
            hashes[some], places[some] = hashes[some][order], places[some][order]


@kernel(parallel=True)
def _shifts(
    hashes: AnyArray, places: AnyArray, offsets: IntArray, own: IntArray, others: IntArray, moved: IntArray
) -> None:
    """How far `others`, (m, C), -1 for none, are shifted against their `own`, (m,): the median over shared q-grams. It
    stays as it is where there are too few of them."""
    for i in numba.prange(len(own)):
        first, last = offsets[own[i]], offsets[own[i] + 1]
        gaps = np.empty(_MOST, np.int64)
        for c in range(others.shape[1]):
            other = others[i, c]
            if other < 0:
                continue
            a, b, end, count = first, offsets[other], offsets[other + 1], 0
            while a < last and b < end and count < _MOST:
                if hashes[a] < hashes[b]:
                    a += 1
                elif hashes[a] > hashes[b]:
                    b += 1
                else:
                    gaps[count] = np.int64(places[b]) - np.int64(places[a])
                    count += 1
                    a += 1
                    b += 1
            if count >= _SHARED:
                moved[i, c] = np.sort(gaps[:count])[count // 2]
