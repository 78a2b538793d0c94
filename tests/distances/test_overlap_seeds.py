"""Bands of overlaps by the q-grams that are shared: none is missed, whatever sequences are made of."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch.distances import OverlapDistance
from seqsearch.distances import overlap_groups as groups
from seqsearch.distances import overlap_seeds as seeds
from seqsearch.distances.overlap_words import asked_of, found_for, room_for
from seqsearch.sequences import DNA, Sequences


def edited(part: np.ndarray, rate: float, symbols: int, rng: np.random.Generator) -> np.ndarray:
    """Substitutions, insertions and deletions in equal parts."""
    kind = np.where(rng.random(len(part)) < rate, rng.integers(0, 3, len(part)), 3)
    out = np.where(kind == 0, rng.integers(0, symbols, len(part)), part)
    return np.repeat(out, np.where(kind == 1, 2, np.where(kind == 2, 0, 1))).astype(np.uint8)


def family(rng: np.random.Generator, symbols: int, repeats: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    """A query, and targets that hang over, have long gaps, are spread over by gaps, are short, or strangers."""
    whole = rng.integers(0, symbols, 700).astype(np.uint8)
    if repeats:
        whole[200:340] = np.tile(whole[200:207], 20)
    query = whole[150:550]
    targets = [
        edited(whole[a:b], rate, symbols, rng)
        for a, b in ((0, 700), (300, 700), (0, 260), (180, 500), (150, 550))
        for rate in (0.0, 0.03, 0.1, 0.3)
    ]
    targets += [np.delete(query, slice(190, 230)), np.insert(query, 200, rng.integers(0, symbols, 90).astype(np.uint8))]
    targets += [
        np.insert(query, np.arange(7, 400, 7), rng.integers(0, symbols, 57).astype(np.uint8))
    ]  # no q-gram is left
    targets += [np.delete(query, np.arange(7, 400, 7)), np.zeros(300, np.uint8), query[:5].copy(), query[390:].copy()]
    targets += [rng.integers(0, symbols, size).astype(np.uint8) for size in (30, 400, 900)]
    targets += [np.concatenate([query[200:], query[:200]]), np.concatenate([query, query])]
    return query, targets


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("symbols", [2, 4])
def test_distances_within_the_proved_bands_are_the_true_ones(symbols: int, repeats: bool) -> None:
    for seed in range(3):
        codes, some = family(np.random.default_rng(seed), symbols, repeats)
        targets = Sequences.from_arrays(some, DNA)
        true = OverlapDistance().matrix(Sequences.from_arrays([codes], DNA), targets)[0]
        query = asked_of(codes)
        room, told = room_for(query), found_for(len(some))
        own = groups.candidates_of(codes, targets.data, targets.offsets[:-1].copy(), targets.lengths)
        assert own.seeds.q > 1
        every = np.arange(len(some))
        least = [
            seeds.least_distance(known, own.seeds.q, len(codes), len(y))
            for known, y in zip(own.shared.known, some, strict=True)
        ]
        assert (least <= true).all()
        ruled_out = 0
        for cutoff in (0, 3, 10, 25, 60, 120, 400):
            groups.measure(query, own, every, cutoff, room, told)
            found, near = told.distances, true <= cutoff
            np.testing.assert_array_equal(found[near], true[near])
            assert (found[~near] >= true[~near]).all()
            assert (found[~near] > cutoff).all()
            ruled_out += int((found > len(codes)).sum())
        assert ruled_out > 10  # without a table


def test_ends_of_overlaps_are_told_as_without_seeds() -> None:
    codes, some = family(np.random.default_rng(5), 4, False)
    targets = Sequences.from_arrays(some, DNA)
    query, cutoff = asked_of(codes), 100
    room, told, plain = room_for(query), found_for(len(some)), found_for(len(some))
    starts, lengths = targets.offsets[:-1].copy(), targets.lengths
    own = groups.candidates_of(codes, targets.data, starts, lengths)
    groups.measure(query, own, np.arange(len(some)), cutoff, room, told)
    groups.distances_to(query, targets.data, starts, lengths, cutoff, room, plain)
    near = plain.distances <= cutoff
    assert near.sum() > 10
    for one, other in zip(told, plain, strict=True):
        np.testing.assert_array_equal(one[near], other[near])


@pytest.mark.parametrize("repeats", [False, True])
def test_the_nearest_candidates_are_found(repeats: bool) -> None:
    distance = OverlapDistance()
    for seed in range(4):
        codes, some = family(np.random.default_rng(10 + seed), 4, repeats)
        targets = Sequences.from_arrays(some, DNA)
        strange = np.random.default_rng(seed).integers(0, 4, 400).astype(np.uint8)
        queries = Sequences.from_arrays([codes, strange, codes[:3], codes[:40], np.zeros(400, np.uint8)], DNA)
        true = distance.matrix(queries, targets)
        rows = np.tile(np.arange(len(some)), (len(queries), 1))
        rows[1, ::3] = -1
        true[1, ::3] = np.inf
        for k in (1, 5, len(some)):
            found = distance.rerank(queries, targets, rows, k)
            np.testing.assert_array_equal(found.distances, np.sort(true, axis=1)[:, :k])


def test_what_has_too_many_is_not_counted() -> None:
    codes = np.zeros(3000, np.uint8)
    own = groups.candidates_of(codes, codes, np.zeros(1, np.int64), np.array([3000]))
    bands = seeds.bands_of(own.seeds, own.shared, np.zeros(1, np.int64), 3000, codes, own.starts, own.lengths, 20)
    assert own.shared.totals[0] < 0
    assert (bands.lows[0], bands.widths[0]) == (0, 0)
    few = seeds.seeds_of(codes[:1])
    assert few.q == 0
    assert seeds.shared_of(few, 1, codes, np.zeros(1, np.int64), np.array([5])).totals[0] < 0
