"""Profiles, their best path and the sum of pairs, each beside plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.alignment import Scheme, scheme_for, sum_of_pairs
from seqsearch.alignment.profile_kernels import best_path, path_score, reach_in, reach_of
from seqsearch.alignment.profiles import GAP, Profile, columns_in, merged, profile_of
from seqsearch.alignment.sums import sum_across
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, PROTEIN, RNA, TEXT
from tests.alignment.profile_oracle import best_path_score, pair_score, sum_score

SCHEME = Scheme("toy", np.array([[3.0, -2, -1], [-2, 4, -3], [-1, -3, 5]]), 4.0, 1.0)


def rows(most: int = 4, columns: int = 6) -> st.SearchStrategy[np.ndarray]:
    """Aligned rows without a column of gaps alone."""

    def whole(lines: list[list[int]]) -> np.ndarray:
        made = np.array(lines, np.int16)
        kept = (made != GAP).any(axis=0)
        return made[:, kept] if kept.any() else np.abs(made)

    return st.tuples(st.integers(1, most), st.integers(1, columns)).flatmap(
        lambda shape: st.lists(
            st.lists(st.integers(-1, 2), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
        ).map(whole)
    )


def counted(x: np.ndarray) -> tuple[Profile, list[float]]:
    weights = [float(1 + row % 2) for row in range(len(x))]
    return profile_of(x, np.array(weights), 3), weights


@given(rows(), rows())
@settings(max_examples=60, deadline=None)
def test_best_path_is_that_of_plain_python(x: np.ndarray, y: np.ndarray) -> None:
    (one, wx), (other, wy) = counted(x), counted(y)
    expected = best_path_score(x.tolist(), y.tolist(), wx, wy, SCHEME)
    assert path_score(one, other, SCHEME, 99) == pytest.approx(expected)


@given(rows(1), rows(1))
@settings(max_examples=40, deadline=None)
def test_of_two_sequences_the_score_is_exact(x: np.ndarray, y: np.ndarray) -> None:
    one, other = (profile_of(each, np.ones(1), 3) for each in (x, y))
    steps = best_path(one, other, SCHEME, 0)
    made = np.full((2, len(steps)), GAP, np.int16)
    made[0, columns_in(steps, 2)], made[1, columns_in(steps, 1)] = x[0], y[0]
    assert path_score(one, other, SCHEME, 99) == pytest.approx(sum_of_pairs(made, SCHEME))


@given(rows(), rows(), st.data())
@settings(max_examples=60, deadline=None)
def test_merged_profiles_are_those_of_the_merged_rows(x: np.ndarray, y: np.ndarray, data: st.DataObject) -> None:
    (one, wx), (other, wy) = counted(x), counted(y)
    left = [x.shape[1], y.shape[1]]
    steps = []
    while any(left):  # any path at all, not only a good one
        step = data.draw(st.sampled_from([s for s in (0, 1, 2) if left[0] >= (s != 2) and left[1] >= (s != 1)]))
        left = [left[0] - (step != 2), left[1] - (step != 1)]
        steps.append(step)
    path = np.array(steps, np.int8)
    made = np.full((len(x) + len(y), len(path)), GAP, np.int16)
    made[: len(x), columns_in(path, 2)], made[len(x) :, columns_in(path, 1)] = x, y
    for got, expected in zip(merged(one, other, path), profile_of(made, np.array(wx + wy), 3), strict=True):
        np.testing.assert_allclose(got, expected)


@given(rows(5))
@settings(max_examples=60, deadline=None)
def test_sum_of_pairs_is_that_of_the_definition(x: np.ndarray) -> None:
    _, weights = counted(x)
    assert sum_of_pairs(x, SCHEME) == pytest.approx(sum_score(x.tolist(), SCHEME))
    assert sum_of_pairs(x, SCHEME, np.array(weights)) == pytest.approx(sum_score(x.tolist(), SCHEME, weights))
    across = sum(pair_score(a, b, SCHEME) for a in x[:1].tolist() for b in x[1:].tolist())
    ones = np.ones(len(x))
    assert sum_across(x[:1], x[1:], ones[:1], ones[1:], SCHEME) == pytest.approx(across)


def test_a_narrow_band_is_widened_until_the_path_keeps_clear() -> None:
    rng = np.random.default_rng(0)
    long = rng.integers(3, size=(1, 400)).astype(np.int16)
    short = np.concatenate([long[:, :5], long[:, 120:]], axis=1)
    turned = np.concatenate([long[:, 150:], rng.integers(3, size=(1, 150)).astype(np.int16)], axis=1)
    for y, reach in ((short, 0), (turned, reach_of(200, 400, 400))):
        one, other = (profile_of(each, np.ones(1), 3) for each in (long, y))
        steps = best_path(one, other, SCHEME, reach)
        made = np.full((2, len(steps)), GAP, np.int16)
        made[0, columns_in(steps, 2)], made[1, columns_in(steps, 1)] = long[0], y[0]
        assert sum_of_pairs(made, SCHEME) == path_score(one, other, SCHEME, 400)
        assert reach_in(made[:1], made[1:]) >= 80
    assert reach_of(10, 100, 104) == 7


def test_what_a_scheme_is_by_default() -> None:
    assert (scheme_for(DNA).gap_open, scheme_for(RNA).gap_extend, scheme_for(PROTEIN).name) == (20, 2, "blosum62")
    assert scheme_for(DNA, gap_open=3).gap_open == 3
    assert str(scheme_for(PROTEIN)) == "blosum62, gaps of n letters 11 + n * 1"
    with pytest.raises(MismatchError, match="a multiple alignment is of dna, rna or protein, not of text"):
        scheme_for(TEXT)
    with pytest.raises(ParameterError, match="gap_open must be from 0 to 1000, not -1"):
        scheme_for(DNA, gap_open=-1)
    with pytest.raises(MismatchError, match="the matrix blosum62 scores protein, not dna"):
        scheme_for(DNA, "blosum62")
