"""A family of another package: registered by one line, it does what the own ones do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.arrays import JSON, AnyArray, FloatArray
from seqsearch.distances import EditDistance
from seqsearch.encoders import families as table
from seqsearch.encoders.families import FAMILIES, Family, Runner, family_named, register
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model, unlearned_model
from seqsearch.encoders.model_file import load_model, save_model
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from tests.families import families


def fit(sequences: Sequences) -> Model:
    spec = InputSpec.fit(sequences)
    return Model("letters", spec, {"least": 1}, {}, len(spec.profiles))


def load(spec: InputSpec, settings: JSON, weights: Mapping[str, AnyArray]) -> Runner:
    def run(sequences: Sequences) -> FloatArray:
        """Shares of each letter."""
        codes, offsets = spec.tokens(sequences), sequences.offsets
        parts = [codes[start:stop] for start, stop in itertools.pairwise(offsets)]
        counts = [np.bincount(part, minlength=len(spec.profiles)) / max(len(part), settings["least"]) for part in parts]
        return np.array(counts, np.float32)

    return run


register(Family("letters", ("tokens",), fit=fit, load=load))


def test_a_registered_family_embeds_and_is_kept(tmp_path: Path) -> None:
    sequences = families(4, 4, 30)
    model = unlearned_model(sequences, family="letters")
    np.testing.assert_allclose(model.embed(sequences).sum(axis=1), 1, rtol=1e-6)
    save_model(model, tmp_path / "letters.model")
    again = load_model(tmp_path / "letters.model")
    assert again.digest() == model.digest()
    np.testing.assert_array_equal(again.embed(sequences), model.embed(sequences))
    ball = unlearned_model(sequences, "hyperbolic", "letters").embed(sequences)
    assert np.linalg.norm(ball, axis=1).max() < 1
    with pytest.raises(ParameterError, match="encoder 'letters' has nothing to train"):
        model.elements(sequences)
    with pytest.raises(ParameterError, match="encoder 'letters' reads tokens, not series"):
        family_named("letters", "series")
    with pytest.raises(ParameterError, match="the encoder 'letters' is there already"):
        register(Family("letters"))


def test_a_registered_family_is_built_and_searched(tmp_path: Path) -> None:
    sequences = families(6, 6, 30)
    assert train(sequences, EditDistance(), encoder="letters")[0].family == "letters"
    with SequenceIndex.build(tmp_path / "i.ss", sequences, encoder="letters") as index:
        assert index.info()["encoder"] == "letters"
        found = index.search(sequences[:3], 1, candidates=5)
        assert [found[row][0].distance for row in range(3)] == [0, 0, 0]
    with SequenceIndex.open(tmp_path / "i.ss") as index:
        assert index.model.family == "letters"


def test_every_row_can_be_made() -> None:
    for family in FAMILIES.values():
        assert (family.trained, bool(family.fit), family.judges).count(True) == 1
    assert set(table.AUTO.values()) | set(table.UNLEARNED.values()) <= set(FAMILIES)
    with pytest.raises(ParameterError, match="encoder 'cnn' has to be trained"):
        unlearned_model(families(2, 2, 20), family="cnn")
    with pytest.raises(MismatchError, match="the model reads dna"):
        unlearned_model(families(2, 2, 20)).embed(Sequences.from_arrays([np.zeros(3)]))
