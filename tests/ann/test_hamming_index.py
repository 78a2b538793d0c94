"""What only the indexes of binary codes do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqsearch import hashing
from seqsearch.ann import make_index
from seqsearch.ann.hamming16 import FLIPS, MANY, Hamming16Index
from seqsearch.ann.hamming_scan import HammingScanIndex
from seqsearch.errors import MismatchError


def clustered(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.random((30, 16)) < 0.5
    return hashing.pack(centres[rng.integers(30, size=count)] ^ (rng.random((count, 16)) < 0.08))


def test_masks_are_all_there_by_number_of_ones() -> None:
    assert sorted(FLIPS.masks.tolist()) == list(range(65536))
    ones = [bin(int(mask)).count("1") for mask in FLIPS.masks]
    assert ones == sorted(ones)
    assert np.diff(FLIPS.shells)[:4].tolist() == [1, 16, 120, 560]


def test_one_query_many_queries_and_the_table_of_all_answers_agree() -> None:
    index = Hamming16Index()
    index.add(np.arange(5000), clustered(5000))
    queries = clustered(200, seed=1)
    few = index.search(queries, 7)
    many = index.search(np.tile(queries, (MANY // 200 + 1, 1)), 7)
    np.testing.assert_array_equal(many.rows[:200], few.rows)
    np.testing.assert_array_equal(many.rows[-200:], few.rows)
    np.testing.assert_array_equal(many.distances[:200], few.distances)
    index.remove(np.arange(4997))
    assert (index.search(np.tile(queries, (MANY // 200 + 1, 1)), 7).rows >= 0).sum(axis=1).tolist() == [3] * (
        200 * (MANY // 200 + 1)
    )


@given(arrays(np.uint8, (30, 2)), arrays(np.uint8, (5, 2)))
@settings(deadline=None, max_examples=15)
def test_distance_counts_are_range_counts(codes: np.ndarray, queries: np.ndarray) -> None:
    index = Hamming16Index()
    index.add(np.arange(30), codes)
    distances = hashing.hamming_matrix(queries, codes)
    expected = [[int((line == radius).sum()) for radius in range(17)] for line in distances]
    assert index.distance_counts(queries).tolist() == expected


@given(st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_popcount(word: int) -> None:
    index = HammingScanIndex(bits=64)
    index.add(np.array([3]), np.frombuffer(word.to_bytes(8, "little"), np.uint8)[None])
    assert index.search(np.zeros((1, 8), np.uint8), 1).distances[0, 0] == word.bit_count()


def test_scan_shares_codes_and_drops_those_without_rows() -> None:
    codes = np.random.default_rng(0).integers(0, 256, size=(100, 8)).astype(np.uint8)
    index = HammingScanIndex(bits=64)
    index.add(np.arange(1000), np.repeat(codes, 10, axis=0))
    assert "100 codes" in repr(index)
    index.remove(np.arange(600))
    assert "40 codes" in repr(index)
    assert index.search(codes[70:71], 10).rows[0].tolist() == list(range(700, 710))


def test_many_codes_are_scanned_in_shares() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, size=(300_000, 4)).astype(np.uint8)
    index = HammingScanIndex(bits=32)
    index.add(np.arange(300_000), codes)
    found = index.search(codes[:1], 20)
    truth = hashing.hamming_matrix(codes[:1], codes)[0]
    expected = np.lexsort((np.arange(300_000), truth))[:20]
    np.testing.assert_array_equal(found.rows[0], expected)
    np.testing.assert_array_equal(index.search(codes[:3], 20).rows[0], expected)


def test_codes_of_another_width_are_refused() -> None:
    for bits in (16, 128):
        index = make_index("hamming", bits=bits)
        with pytest.raises(MismatchError, match=f"codes of {bits} bits are uint8 of shape"):
            index.add(np.array([0]), np.zeros((1, 5), np.uint8))
        with pytest.raises(MismatchError, match="not float32"):
            index.search(np.zeros((1, bits // 8), np.float32), 1)
