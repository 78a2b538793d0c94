import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import ParameterError
from seqsearch.sequences import DNA, Sequences, pad, padded_batches

lists_of_texts = st.lists(st.text(alphabet="ACGT", min_size=1, max_size=30), min_size=1, max_size=30)


def padded_one_by_one(sequences, width):
    data = np.zeros((len(sequences), width, *sequences.data.shape[1:]), sequences.data.dtype)
    mask = np.zeros((len(sequences), width), bool)
    for row, record in enumerate(sequences):
        data[row, : len(record)] = record.data
        mask[row, : len(record)] = True
    return data, mask


@given(lists_of_texts, st.integers(0, 5))
def test_padding_equals_row_by_row(letters, extra):
    sequences = Sequences.from_texts(letters, DNA)
    width = max(map(len, letters)) + extra
    padded = pad(sequences, steps=width)
    data, mask = padded_one_by_one(sequences, width)
    np.testing.assert_array_equal(padded.data, data)
    np.testing.assert_array_equal(padded.mask, mask)
    assert padded.lengths.tolist() == [len(text) for text in letters]
    # a slice that shares the buffer is padded from its own part
    part = sequences[1:]
    if len(part):
        np.testing.assert_array_equal(pad(part).data, padded_one_by_one(part, max(map(len, letters[1:])))[0])


def test_series_are_padded_with_all_their_features():
    sequences = Sequences.from_arrays([np.ones((2, 3)), np.full((4, 3), 2.0)])
    padded = pad(sequences, np.array([1, 0]))
    assert padded.data.shape == (2, 4, 3)
    assert padded.data[:, :, 0].tolist() == [[2, 2, 2, 2], [1, 1, 0, 0]]
    assert padded.mask.sum() == 6


@given(lists_of_texts, st.integers(1, 8), st.none() | st.integers(1, 60))
def test_batches_hold_every_row_once_within_their_limits(letters, size, steps):
    sequences = Sequences.from_texts(letters, DNA)
    seen = []
    for batch in padded_batches(sequences, size=size, steps=steps):
        assert 1 <= len(batch.rows) <= size
        assert steps is None or batch.data.size <= steps or len(batch.rows) == 1
        for row, data, mask in zip(batch.rows, batch.data, batch.mask, strict=True):
            assert DNA.decode(data[mask]) == letters[row]
        seen += batch.rows.tolist()
    assert sorted(seen) == list(range(len(letters)))


def test_what_does_not_fit_is_said():
    sequences = Sequences.from_texts(["ACGT"], DNA)
    with pytest.raises(ParameterError, match="a sequence of 4 steps does not fit 3"):
        pad(sequences, steps=3)
    with pytest.raises(ParameterError, match="size and steps must be at least 1, not 0 and None"):
        next(padded_batches(sequences, size=0))
