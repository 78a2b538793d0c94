"""Pairs that share their first sequence: by lanes, beside one pair after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.distances.arguments import columns_of
from seqsearch.distances.edit_kernels import pairs_kernel
from seqsearch.distances.edit_pairs import SHARED, shared
from seqsearch.sequences import DNA, TEXT, Sequences


def _one_by_one(a, a_rows, b, b_rows, cutoffs):
    found = np.empty(len(a_rows))
    pairs_kernel(columns_of(a), a_rows, columns_of(b), b_rows, cutoffs, found)
    return found


def _compared(texts, queries, alphabet, cutoffs=None):
    a, b = Sequences.from_texts(queries, alphabet), Sequences.from_texts(texts, alphabet)
    a_rows, b_rows = np.repeat(np.arange(len(a)), len(b)), np.tile(np.arange(len(b)), len(a))
    limits = np.full(len(a_rows), np.inf) if cutoffs is None else np.resize(np.asarray(cutoffs, float), len(a_rows))
    assert shared(a_rows) is not None
    found = EditDistance().pairs(a, a_rows, b, b_rows, limits)
    np.testing.assert_array_equal(found, _one_by_one(a, a_rows, b, b_rows, limits))
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text("abcé", min_size=1, max_size=30), min_size=SHARED, max_size=40),
    st.lists(st.text("abcé", min_size=1, max_size=30), min_size=1, max_size=3),
    st.lists(st.sampled_from([-1.0, 0.0, 1.0, 3.0, 12.0, 29.0, np.inf]), min_size=1, max_size=7),
)
def test_lanes_say_what_single_pairs_say(texts, queries, cutoffs):
    _compared(texts, queries, TEXT, cutoffs)


@pytest.mark.parametrize("cutoffs", [None, [5], [40, 3, 90], [170]])
@pytest.mark.parametrize("length", [20, 150, 400])
def test_relatives_and_strangers_of_any_length(length, cutoffs):
    rng = np.random.default_rng(length)
    base = rng.choice(list("ACGT"), length)
    texts = []
    for rate in np.linspace(0, 0.9, 70):
        other = np.where(rng.random(length) < rate, rng.choice(list("ACGT"), length), base)
        texts.append("".join(other[rng.random(length) > rate / 3]))
    found = _compared(texts, ["".join(base), texts[10], "".join(base[: length // 2])], DNA, cutoffs)
    assert np.isfinite(found).any()


def test_a_pattern_of_more_symbols_than_lanes_take():
    wide = "".join(chr(0x4E00 + i) for i in range(150))
    _compared([wide[i:] + "a" * (i % 5) for i in range(30)], [wide], TEXT, [10, np.inf])


def test_few_pairs_a_sequence_are_compared_one_by_one():
    assert shared(np.arange(100)) is None
    assert shared(np.zeros(SHARED - 1, np.int64)) is None
    assert shared(np.repeat([3, 1, 3], 20)).tolist() == [0, 20, 40, 60]
