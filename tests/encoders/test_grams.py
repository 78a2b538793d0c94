from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.encoders import grams
from seqsearch.encoders.grams import GramReading, found_among, norms
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model
from seqsearch.errors import MismatchError
from seqsearch.sequences import DNA, TEXT, Sequences

TEXTS = st.lists(st.text("ab C", min_size=1, max_size=9), min_size=1, max_size=6)
READINGS = st.builds(
    GramReading,
    sizes=st.sampled_from([(), (1,), (1, 2), (2, 4)]),
    placed=st.sampled_from([(), (1,), (1, 3)]),
    by_words=st.booleans(),
)


def spelled(text: str, reading: GramReading) -> set[tuple[object, ...]]:
    """The n-grams of a text as they are, by a plain loop."""
    elements = text.lower().split() if reading.by_words else list(text)
    found: set[tuple[object, ...]] = set()
    for size in {*reading.sizes, *reading.placed}:
        for at in range(len(elements) - size + 1):
            gram = tuple(elements[at : at + size])
            if size in reading.sizes:
                found.add(gram)
            if size in reading.placed:
                found.add((at, *gram))
    return found


@given(texts=TEXTS, reading=READINGS)
@settings(max_examples=60, deadline=None)
def test_equal_n_grams_and_no_others_have_equal_keys(texts: list[str], reading: GramReading) -> None:
    keys, offsets = reading.keys(Sequences.from_texts(texts, TEXT))
    own = [set(keys[start:stop].tolist()) for start, stop in itertools.pairwise(offsets)]
    wanted = [spelled(text, reading) for text in texts]
    assert [len(each) for each in own] == np.diff(offsets).tolist() == [len(each) for each in wanted]
    for (a, x), (b, y) in itertools.combinations(zip(own, wanted, strict=True), 2):
        assert len(a & b) == len(x & y)


def test_scores_are_sums_over_n_grams_whatever_stands_beside() -> None:
    reading, spec = GramReading((1, 2)), InputSpec(TEXT.name)
    keys, _ = reading.keys(Sequences.from_texts(["abc", "bcd"], TEXT))
    known = np.unique(keys)
    table = np.random.default_rng(0).standard_normal((len(known), 3)).astype(np.float32)
    rarity = np.random.default_rng(1).uniform(1, 3, len(known)).astype(np.float32)
    texts = ["ab", "zz", "abcd", "d"]
    for more in ({}, {grams.RARITY: rarity}):
        weights = {grams.KEYS: known, grams.TABLE: table, **more}
        model = Model(grams.FAMILY, spec, {"reading": reading.to_json()}, weights, 3)
        found = model.embed(Sequences.from_texts(texts, TEXT))
        for text, row in zip(texts, found, strict=True):
            own, _ = reading.keys(Sequences.from_texts([text], TEXT))
            places = [int(np.flatnonzero(known == key)[0]) for key in own if key in known]
            wanted = table[places].astype(np.float64).sum(axis=0) if places else np.zeros(3)
            if more and places:
                wanted /= np.sqrt((rarity[places].astype(np.float64) ** 2).sum())
            np.testing.assert_allclose(row, wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(model.embed(Sequences.from_texts([text], TEXT))[0], row)
    with pytest.raises(MismatchError, match="the model reads text, the data are dna"):
        model.embed(Sequences.from_texts(["ACGT"], DNA))


def test_what_is_not_known_counts_for_nothing() -> None:
    known = np.array([3, 7, 9], np.uint64)
    asked = np.array([9, 1, 7, 12], np.uint64)
    assert found_among(asked, known).tolist() == [2, -1, 1, -1]
    assert found_among(asked, known[:0]).tolist() == [-1] * 4
    lengths = norms(np.array([3.0, 4.0]), np.array([0, 1, -1, -1]), np.array([0, 2, 3, 3, 4]))
    assert lengths.tolist() == [5, 1, 1, 1]
