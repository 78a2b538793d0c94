from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.encoders.features import MOST_READINGS, SparseFeatures, _Block, _kmer_readings, _plain_kmers
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.layers import linear_layers
from seqsearch.errors import MismatchError
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences

READINGS = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}


def counted_slowly(text: str, k: int) -> np.ndarray:
    """k-mer counts by the definition: every reading of every window, weighted evenly."""
    counts = np.zeros(4**k)
    for start in range(len(text) - k + 1):
        choices = [READINGS.get(letter, letter) for letter in text[start : start + k]]
        readings = list(itertools.product(*choices))
        if len(readings) > MOST_READINGS:
            continue
        for reading in readings:
            column = 0
            for letter in reading:
                column = column * 4 + "ACGT".index(letter)
            counts[column] += 1 / len(readings)
    return counts


@given(st.lists(st.text("ACGTNRYB", min_size=1, max_size=30), min_size=1, max_size=5), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_kmers_equal_their_definition(texts: list[str], k: int) -> None:
    sequences = Sequences.from_texts(texts, DNA)
    features = SparseFeatures(InputSpec.fit(sequences), (k,))
    expected = np.array([counted_slowly(text, k) for text in texts])
    np.testing.assert_allclose(features.dense(sequences), expected, rtol=1e-5)


@given(st.lists(st.text("ACGTN", min_size=1, max_size=40), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_projecting_equals_counting_then_multiplying(texts: list[str]) -> None:
    sequences = Sequences.from_texts(texts, DNA)
    features = SparseFeatures.standard(InputSpec.fit(sequences))
    table = np.random.default_rng(0).standard_normal((features.size, 7)).astype(np.float32)
    np.testing.assert_allclose(
        features.project(sequences, linear_layers(table)), features.dense(sequences) @ table, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("buckets", [4096, 50])
def test_the_fast_way_of_plain_sequences_is_the_general_one(buckets: int) -> None:
    rng = np.random.default_rng(0)
    plain = ["".join(rng.choice(list("ACGT"), n)) for n in (1, 2, 3, 6, 40, 200)]
    spec = InputSpec.fit(Sequences.from_texts(plain, DNA))
    features = SparseFeatures(spec, (3, 6), windows=4, window_k=3, buckets=buckets)
    layout = features._layout
    for text in plain:
        data = Sequences.from_texts([text], DNA).data
        for k, windows, first in ((3, 0, 0), (6, 0, 64), (3, 4, 64)):
            block = _Block(k, features.columns_of(k), windows, first)
            slow, fast = ((np.zeros(900, np.int32), np.zeros(900, np.float32)) for _ in range(2))
            used = _kmer_readings(data, layout, block, *slow, 0)
            assert _plain_kmers(data, layout, block, *fast, 0) == used
            np.testing.assert_array_equal(slow[0][:used], fast[0][:used])
            np.testing.assert_array_equal(slow[1][:used], fast[1][:used])


def test_every_symbol_has_one_position() -> None:
    sequences = Sequences.from_texts(["ACGTACGT", "AC", "ACGTACGTACGTACGTAC"], DNA)
    features = SparseFeatures(InputSpec.fit(sequences), (), bins=5)
    counts = features.dense(sequences)
    np.testing.assert_allclose(counts.sum(axis=1), [8, 2, 18], rtol=1e-5)


def test_positions_of_a_longer_sequence_are_compressed_into_the_bins() -> None:
    spec = InputSpec("dna", length=4)
    counts = SparseFeatures(spec, (), bins=4).dense(Sequences.from_texts(["ACGT", "AACCGGTT"], DNA))
    np.testing.assert_allclose(counts[0].reshape(4, 4), np.eye(4))
    assert counts[1].reshape(4, 4).argmax(axis=1).tolist() == [0, 1, 2, 3]


@given(st.lists(st.text("ACGTN", min_size=1, max_size=40), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_column_of_lengths_stands_behind_all_others(texts: list[str]) -> None:
    sequences = Sequences.from_texts(texts, DNA)
    plain = SparseFeatures.standard(InputSpec.fit(sequences))
    features = replace(plain, lengths=True)
    counts = features.dense(sequences)
    assert features.size == plain.size + 1 == counts.shape[1]
    np.testing.assert_array_equal(counts[:, :-1], plain.dense(sequences))
    np.testing.assert_allclose(counts[:, -1], np.log1p(sequences.lengths), rtol=1e-6)
    table = np.random.default_rng(0).standard_normal((features.size, 7)).astype(np.float32)
    np.testing.assert_allclose(features.project(sequences, linear_layers(table)), counts @ table, rtol=1e-3, atol=1e-3)


def test_features_of_before_lengths_are_read_and_written_as_they_were() -> None:
    spec = InputSpec("dna", length=40)
    before = {"ks": [3], "windows": 2, "window_k": 2, "bins": 4, "buckets": 100}
    features = SparseFeatures.from_json(spec, before)
    assert features.to_json() == before
    with_lengths = replace(features, lengths=True)
    assert SparseFeatures.from_json(spec, with_lengths.to_json()) == with_lengths


def test_unknown_characters_share_one_symbol() -> None:
    spec = InputSpec.fit(Sequences.from_texts(["abc"], TEXT))
    features = SparseFeatures(spec, (1,))
    counts = features.dense(Sequences.from_texts(["aé", "a日"], TEXT))
    assert spec.symbols == 4
    np.testing.assert_array_equal(counts[0], counts[1])


def test_many_symbols_are_hashed_into_the_buckets() -> None:
    sequences = Sequences.from_texts(["MKVLAAGIVGLCAKW"], PROTEIN)
    features = SparseFeatures(InputSpec.fit(sequences), (3,), buckets=50)
    assert features.size == 50
    assert features.dense(sequences).sum() == pytest.approx(13)


def test_another_alphabet_is_refused() -> None:
    features = SparseFeatures.standard(InputSpec.fit(Sequences.from_texts(["ACGT"], DNA)))
    with pytest.raises(MismatchError, match="the model reads dna, the data are protein"):
        features.dense(Sequences.from_texts(["MKV"], PROTEIN))
