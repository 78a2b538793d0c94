from __future__ import annotations

import numpy as np
import pytest

from seqsearch import threads
from seqsearch.encoders.feature_sets import standard_features
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.layers import CHUNK, linear_layers, residual_layers
from seqsearch.sequences import DNA, TEXT, Sequences


def some(kind: str, count: int = 70) -> Sequences:
    rng = np.random.default_rng(3)
    if kind == "series":
        return Sequences.from_arrays([rng.standard_normal((n, 2)) for n in rng.integers(3, 40, count)])
    letters = {"dna": "ACGT", "ambiguous": "ACGTN", "text": "abcdefgh é"}[kind]
    texts = ["".join(rng.choice(list(letters), n)) for n in rng.integers(1, 90, count)]
    return Sequences.from_texts(texts, TEXT if kind == "text" else DNA)


@pytest.mark.parametrize("kind", ["dna", "ambiguous", "text", "series"])
@pytest.mark.parametrize(("dim", "hidden"), [(5, 0), (CHUNK, 0), (5, 2 * CHUNK + 1), (CHUNK + 3, 40)])
def test_layers_are_products_and_a_relu(kind: str, dim: int, hidden: int) -> None:
    sequences = some(kind)
    features = standard_features(InputSpec.fit(sequences))
    rng = np.random.default_rng(4)
    linear = rng.standard_normal((features.size, dim)).astype(np.float32)
    counts = features.dense(sequences).astype(np.float64)
    expected, layers = counts @ linear, linear_layers(linear)
    if hidden:
        widen = rng.standard_normal((features.size, hidden)).astype(np.float32)
        shift, narrow = rng.standard_normal(hidden), rng.standard_normal((hidden, dim))
        layers = residual_layers(linear, widen, shift, narrow)
        expected += np.maximum(counts @ widen + shift, 0) @ narrow
    found = features.project(sequences, layers)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["dna", "ambiguous", "text", "series"])
def test_a_point_has_the_same_bits_alone_and_in_any_batch(kind: str) -> None:
    sequences = some(kind, 300)
    features = standard_features(InputSpec.fit(sequences))
    rng = np.random.default_rng(5)
    linear, widen = (rng.standard_normal((features.size, width)) for width in (20, 100))
    layers = residual_layers(linear, widen, rng.standard_normal(100), rng.standard_normal((100, 20)))
    whole = features.project(sequences, layers)
    for part in (slice(0, 1), slice(7, 12), slice(50, 283)):
        np.testing.assert_array_equal(features.project(sequences[part], layers), whole[part])
    with threads.using(1):
        np.testing.assert_array_equal(features.project(sequences, layers), whole)
    assert features.project(sequences[:0], layers).shape == (0, 20)
