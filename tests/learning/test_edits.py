from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance, distance_named
from seqsearch.errors import ParameterError
from seqsearch.learning.edits import edited
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences
from tests.families import families


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.text("ACGT", min_size=1, max_size=12), min_size=1, max_size=6),
    rate=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_copies_are_whole_and_of_the_same_symbols(texts: list[str], rate: float, seed: int) -> None:
    sequences = Sequences.from_texts(texts, DNA)
    copies = edited(sequences, rate, np.random.default_rng(seed))
    assert len(copies) == len(sequences)
    assert copies.lengths.min() >= 1
    assert copies.offsets[-1] == len(copies.data)
    assert set(np.unique(copies.data)) <= set(np.unique(sequences.data))
    assert copies.data.dtype == sequences.data.dtype
    if rate == 0:
        assert copies.texts() == texts


@pytest.mark.parametrize("alphabet", [DNA, PROTEIN])
def test_as_many_edits_as_asked_for(alphabet) -> None:
    sequences = families(20, 10, 200, alphabet=alphabet)
    copies = edited(sequences, 0.05, np.random.default_rng(0))
    rows = np.arange(len(sequences))
    share = EditDistance().pairs(sequences, rows, copies, rows).sum() / sequences.lengths.sum()
    assert 0.042 < share < 0.052  # an edit here and there makes another superfluous
    assert abs(float(copies.lengths.sum()) / sequences.lengths.sum() - 1) < 0.01


def test_a_slice_of_a_set_and_a_text() -> None:
    sequences = families(3, 4, 30)[4:8]
    assert edited(sequences, 0.0, np.random.default_rng(0)).texts() == sequences.texts()
    names = Sequences.from_texts(["häuser", "äpfel"], TEXT)
    assert set("".join(edited(names, 0.5, np.random.default_rng(0)).texts())) <= set("häuseräpfel")
    assert len(edited(names[:0], 0.1, np.random.default_rng(0))) == 0
    with pytest.raises(ParameterError, match="edits must be from 0 to 0.5, not 0.7"):
        edited(names, 0.7, np.random.default_rng(0))


def test_warped_series_stay_near() -> None:
    rng = np.random.default_rng(0)
    rows = [np.stack([np.sin(np.arange(n) / 5 + rng.uniform(0, 6)), np.cos(np.arange(n) / 9)], 1) for n in (40, 61, 1)]
    sequences = Sequences.from_arrays(rows * 5)
    copies = edited(sequences, 0.1, np.random.default_rng(1))
    assert len(copies) == 15
    assert (copies.lengths != sequences.lengths).any()
    assert (np.abs(copies.lengths / sequences.lengths - 1) <= 0.11).all()
    same = edited(sequences, 0.0, np.random.default_rng(1))
    assert same.lengths.tolist() == sequences.lengths.tolist()
    np.testing.assert_allclose(same.data, sequences.data, atol=1e-6)
    matrix = distance_named("dtw").matrix(copies, sequences[:2])
    assert (matrix[0::3, 0] < matrix[0::3, 1]).all()
