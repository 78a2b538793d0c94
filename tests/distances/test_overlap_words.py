"""Overlaps 8 side by side, 64 rows a word: distances, ends and paths against the plain table."""

from __future__ import annotations

import numpy as np
import pytest
from distance_oracles import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import OverlapDistance, overlap_paths, scoring_kernels
from seqsearch.distances.overlap_groups import distances_to, measure_within
from seqsearch.distances.overlap_seeds import Bands
from seqsearch.distances.overlap_words import LANES, asked_of, distances_within, found_for, room_for
from seqsearch.sequences import DNA, PROTEIN, Sequences

OVERLAP = OverlapDistance()


def table_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(m + 1, n + 1) the most that an overlap scores that ends there, at no edge before; `x` may be sets."""
    same = (x[:, None] >> y[None].astype(np.uint64)) & np.uint64(1) if x.dtype == np.uint64 else x[:, None] == y
    scores = np.zeros((len(x) + 1, len(y) + 1), np.int64)
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            above = scores[i - 1, j - 1] + (1 if same[i - 1, j - 1] else -1)
            scores[i, j] = max(above, scores[i - 1, j] - 1, scores[i, j - 1] - 1)
    return scores


def best_of(scores: np.ndarray) -> tuple[int, int, int]:
    """The distance, and where the best overlap ends: first in the query, and then in the target."""
    m, n = scores.shape[0] - 1, scores.shape[1] - 1
    edge = {(i, n): scores[i, n] for i in range(m)} | {(m, j): scores[m, j] for j in range(n + 1)}
    most = max(edge.values())
    return (min(m, n) - most, *min(at for at, value in edge.items() if value == most))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 4, 7]), st.booleans())
def test_distances_and_ends_are_those_of_the_plain_table(seed: int, symbols: int, sets: bool) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, symbols, 230).astype(np.uint8)
    begin = int(rng.integers(0, 90))
    codes = whole[begin : begin + int(rng.integers(1, 140))]
    targets = [
        mutated(whole[int(rng.integers(0, 200)) :][: int(rng.integers(1, 140))], int(rng.integers(0, 20)), DNA, rng)
        for _ in range(int(rng.integers(1, 1 + LANES // 2)))
    ]
    stored = Sequences.from_arrays([each % 4 for each in targets], DNA)
    asked = codes
    if sets:
        also = rng.integers(0, symbols, len(codes)).astype(np.uint64)
        asked = np.uint64(1) << codes.astype(np.uint64) | np.uint64(1) << also
    expected = np.array([best_of(table_of(asked, target.data)) for target in stored])
    query, told, starts = asked_of(asked), found_for(len(targets)), stored.offsets[:-1].copy()
    everything = 2 * len(codes) + int(stored.lengths.max())
    begins = rng.integers(0, 40, len(targets))
    room = room_for(query)
    distances_within(query, stored.data, starts, stored.lengths, begins, (everything,) * 2, room, told)
    overlapping = expected[:, 0] < np.minimum(len(codes), stored.lengths)
    np.testing.assert_array_equal(np.stack(told, axis=1)[overlapping], expected[overlapping])
    np.testing.assert_array_equal(told.distances, expected[:, 0])
    cutoff = int(rng.integers(0, 60))
    distances_to(query, stored.data, starts, stored.lengths, cutoff, room, told)
    near = expected[:, 0] <= cutoff
    np.testing.assert_array_equal(told.distances[near], expected[near, 0])
    assert (told.distances >= expected[:, 0]).all()


def test_a_band_that_none_comes_by_tells_no_less() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, 300).astype(np.uint8)
    targets = Sequences.from_arrays([codes, codes[200:], codes[:90]], DNA)
    query, told = asked_of(codes), found_for(3)
    lows, widths = np.array([-900, 250, 2000]), np.array([30, 1, 5])
    starts = targets.offsets[:-1].copy()
    measure_within(query, targets.data, starts, targets.lengths, Bands(lows, widths), 3, room_for(query), told)
    assert (told.distances > 0).all()
    assert (told.distances <= np.minimum(300, targets.lengths)).all()


@pytest.mark.parametrize("gap", [0, 70, 300, 500])
@pytest.mark.parametrize("alphabet", [DNA, PROTEIN], ids=lambda alphabet: alphabet.name)
def test_paths_of_long_gaps_score_the_most(gap: int, alphabet) -> None:
    """They leave the diagonals that are looked at first."""
    rng = np.random.default_rng(gap)
    one = rng.integers(0, 4, 1500).astype(alphabet.dtype)
    inserted = rng.integers(0, 4, gap).astype(alphabet.dtype)
    other = mutated(np.concatenate([one[100:800], inserted, one[800:]]), 40, alphabet, rng)
    scheme = OVERLAP._scheme(Sequences.from_arrays([one], alphabet))
    whole, banded = scoring_kernels.path_of(scheme, one, other), overlap_paths.path_of(one, other)
    assert whole[0] == banded[0]
    path = OVERLAP.align(*Sequences.from_arrays([one, other], alphabet))
    assert path.score == whole[0] == 2 * path.count("=") - path.columns
    assert path.count("D") >= gap - 40
