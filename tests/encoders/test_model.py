from __future__ import annotations

import numpy as np
import pytest
import torch

from seqsearch.encoders.codes import quantizer
from seqsearch.encoders.families import FAMILIES, family_named
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.encoders.run import torch_runner
from seqsearch.errors import CorruptIndexError, FormatVersionError, MismatchError, ParameterError
from seqsearch.sequences import DNA, PROTEIN, Sequences
from tests.families import families

TRAINED = [(family.name, kind) for family in FAMILIES.values() for kind in family.inputs if family.trained]


def sequences_of(kind: str, *, seed: int = 0) -> Sequences:
    """24 token sequences of about 50, or series of 1 to 60 steps and 2 features."""
    if kind == "tokens":
        return families(6, 4, 50, edits=20, seed=seed)
    rng = np.random.default_rng(seed)
    return Sequences.from_arrays([rng.standard_normal((int(t), 2)).cumsum(0) for t in rng.integers(1, 60, 24)])


def untrained_model(name: str, sequences: Sequences) -> Model:
    torch.manual_seed(0)
    network = FAMILIES[name].build(InputSpec.fit(sequences), {"dim": 16})
    with torch.no_grad():
        network.train()
        network.encode(sequences)  # moves running statistics away from their start
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    return Model(name, network.spec, network.settings(), weights, network.dim)


@pytest.mark.parametrize(("name", "kind"), TRAINED)
def test_a_reloaded_model_embeds_an_unseen_sequence_bit_for_bit(name: str, kind: str) -> None:
    model = untrained_model(name, sequences_of(kind))
    unseen = Sequences.from_texts(["ACGTNNRYACGATCGATCGACTAGCATCGACTACGACTAGC"], DNA)
    if kind == "series":
        unseen = sequences_of(kind, seed=1)[3:4]
    again = Model.restore(model.document(), model.weight_bytes())
    assert again.digest() == model.digest()
    np.testing.assert_array_equal(again.embed(unseen), model.embed(unseen))


@pytest.mark.parametrize(("name", "kind"), TRAINED)
def test_company_never_changes_an_embedding(name: str, kind: str) -> None:
    """Longer companions mean more padding: a sequence alone and in a batch give the same point."""
    sequences = sequences_of(kind)
    model = untrained_model(name, sequences)
    together = model.embed(sequences)
    alone = np.concatenate([model.embed(sequences[row : row + 1]) for row in range(len(sequences))])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "kind"), [(n, kind) for n, kind in TRAINED if FAMILIES[n].load])
def test_running_without_torch_gives_what_torch_gives(name: str, kind: str) -> None:
    sequences = sequences_of(kind)
    model = untrained_model(name, sequences)
    with_torch = torch_runner(FAMILIES[name].build(model.spec, model.settings), model.weights)(sequences)
    np.testing.assert_allclose(model.embed(sequences), with_torch, rtol=1e-3, atol=1e-4)


def test_kmer_model_counts() -> None:
    model = kmer_model(Sequences.from_texts(["ACGTACGT"], DNA), k=2)
    assert model.dim == 16
    assert model.embed(Sequences.from_texts(["ACAC"], DNA)).sum() == 3


def test_codes_keep_neighbours_together() -> None:
    sequences = families(20, 10, 80, edits=4)
    model = kmer_model(sequences, k=3)
    points = model.embed(sequences)
    for bits in (16, 64, 128):
        hashed = quantizer(points, bits, np.random.default_rng(0))
        codes = Model("kmer", model.spec, model.settings, hashed, model.dim, bits=bits).vectors(sequences)
        assert codes.shape == (200, bits // 8)
        assert codes.dtype == np.uint8
        flipped = np.unpackbits(codes[:, None] ^ codes[None], axis=2).sum(axis=2)
        same = np.repeat(np.arange(20), 10)[:, None] == np.repeat(np.arange(20), 10)
        assert flipped[same].mean() < 0.5 * flipped[~same].mean()


def test_wrong_bits() -> None:
    with pytest.raises(ParameterError, match="multiple of 8 from 8 to 1024, not 12"):
        quantizer(np.zeros((4, 4), np.float32), 12, np.random.default_rng(0))


def test_data_that_do_not_fit_are_refused() -> None:
    model = kmer_model(Sequences.from_texts(["ACGT"], DNA))
    with pytest.raises(MismatchError, match="the model reads dna, the data are protein"):
        model.embed(Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(MismatchError, match="the model reads dna, the data are series"):
        model.embed(Sequences.from_arrays([np.zeros(3)]))


def test_damaged_or_newer_models_are_refused() -> None:
    model = untrained_model("projection", families(5, 4, 40))
    with pytest.raises(CorruptIndexError, match="the model cannot be read"):
        Model.restore(model.document(), model.weight_bytes()[:-100])
    with pytest.raises(FormatVersionError, match="model version 99 is newer than 3"):
        Model.restore({**model.document(), "model_version": 99}, b"")


def test_names_of_families() -> None:
    assert family_named("auto").name == "projection"
    with pytest.raises(
        ParameterError, match="no encoder 'cnnn': choose one of auto, kmer, curve, components, identity"
    ):
        family_named("cnnn")
    with pytest.raises(ParameterError, match="encoder 'kmer' has nothing to train"):
        FAMILIES["kmer"].build(InputSpec("dna"), {})
    with pytest.raises(
        ParameterError, match="encoder 'projection' has no parameter 'hiden': choose one of dim, hidden, features"
    ):
        FAMILIES["projection"].build(InputSpec("dna"), {"hiden": 3})
