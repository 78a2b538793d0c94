"""Binary codes against numbers written out bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seqsearch import hashing
from seqsearch.errors import MismatchError, ParameterError

bit_tables = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(bit_tables)
@settings(deadline=None)
def test_packing_and_back(bits: np.ndarray) -> None:
    codes = hashing.pack(bits)
    assert codes.shape == (len(bits), (bits.shape[1] + 7) // 8)
    np.testing.assert_array_equal(hashing.unpack(codes, bits.shape[1]), bits)
    np.testing.assert_array_equal(hashing.popcounts(codes), bits.sum(axis=1))


@given(bit_tables, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_hamming_counts_the_bits_that_differ(bits: np.ndarray, random: object) -> None:
    other = bits[::-1]
    a, b = hashing.pack(bits), hashing.pack(other)
    np.testing.assert_array_equal(hashing.hamming(a, b), (bits != other).sum(axis=1))
    expected = (bits[:, None] != other[None]).sum(axis=-1)
    np.testing.assert_array_equal(hashing.hamming_matrix(a, b, block=3), expected)
    words = hashing.as_words(a)
    assert words.shape == (len(bits), (a.shape[1] + 7) // 8)
    ones = [[bin(int(word)).count("1") for word in row] for row in words]
    np.testing.assert_array_equal(np.sum(ones, axis=1), bits.sum(axis=1))


def test_signs_become_bits_lowest_first() -> None:
    vectors = np.array([[1.0, -1.0, 0.0, 2.0] + [-1.0] * 12, [-0.0] * 15 + [1e-30]])
    codes = hashing.codes_of(vectors)
    assert codes.tolist() == [[0b1001, 0], [0, 0x80]]
    assert hashing.as_uint16(codes).tolist() == [9, 0x8000]


@given(arrays(np.uint16, 20))
def test_uint16_and_back(values: np.ndarray) -> None:
    codes = hashing.from_uint16(values)
    np.testing.assert_array_equal(hashing.as_uint16(codes), values)
    np.testing.assert_array_equal(hashing.unpack(codes, 16) @ (1 << np.arange(16)), values)


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(
        MismatchError, match=r"codes of 20 bits are uint8 of shape \(n, 3\), not uint8 of shape \(4, 2\)"
    ):
        hashing.unpack(np.zeros((4, 2), np.uint8), 20)
    with pytest.raises(MismatchError, match="not int64"):
        hashing.as_uint16(np.zeros((4, 2), np.int64))
    with pytest.raises(ParameterError, match="at least 1 bit, not 0"):
        hashing.checked(np.zeros((4, 0), np.uint8), 0)
    with pytest.raises(MismatchError, match="codes of 2 and of 3 bytes"):
        hashing.hamming(np.zeros((1, 2), np.uint8), np.zeros((1, 3), np.uint8))
