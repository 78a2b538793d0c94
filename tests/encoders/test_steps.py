from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seqsearch.encoders.families import FAMILIES
from seqsearch.encoders.heads import BIAS, PAIR_BIAS, PAIR_SCALE, WEIGHT, Head, softmax
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.labelling import agglomerated, by_first_appearance, classify, group, same_probability, tag
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.encoders.model_file import load_model, save_model
from seqsearch.encoders.steps import StepEncoder, WordInputs
from seqsearch.encoders.words import MOST_GRAMS, WordReading, grams_of, shape_of
from seqsearch.errors import EmptySequenceError, MismatchError, ParameterError
from seqsearch.sequences import DNA, TEXT, Sequences, Words, words_of
from tests.families import families

STEPPED = [name for name, family in FAMILIES.items() if family.steps]
KINDS = ("tokens", "series", "words")
WORDS = ["the cat sat", "the dog", "a cat , the dog and the mouse sat", "mice", "  ", "cats sit on the mat ."]


def sequences_of(kind: str) -> Sequences:
    if kind == "words":
        return Sequences.from_texts(WORDS, TEXT)
    if kind == "tokens":
        return families(3, 3, 30, edits=12)
    rng = np.random.default_rng(0)
    return Sequences.from_arrays([rng.standard_normal((int(t), 2)) for t in rng.integers(1, 40, 9)])


def model_of(name: str, kind: str, task: str = "tag", labels: int = 3) -> Model:
    """A network with random weights and a random head."""
    sequences = sequences_of(kind)
    spec = InputSpec.fit_words(sequences) if kind == "words" else InputSpec.fit(sequences)
    torch.manual_seed(0)
    segments = "segment" in FAMILIES[name].stepwise({})
    settings = {"segment": 3} if segments and kind == "series" else {}
    network = FAMILIES[name].build(spec, {"dim": 8, "channels": 8, **settings})
    with torch.no_grad():
        network.train()
        network.encode(sequences)  # moves running statistics away from their start
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    assert isinstance(network, StepEncoder)
    rng = np.random.default_rng(0)
    width = network.dim if task == "classify" else network.width
    weights |= {
        WEIGHT: rng.standard_normal((labels, width)).astype(np.float32),
        BIAS: rng.standard_normal(labels).astype("f4"),
        PAIR_SCALE: np.array(0.5, np.float32),
        PAIR_BIAS: np.array(1.0, np.float32),
    }
    names = tuple("abc"[:labels]) if task != "cluster" else ()
    return Model(name, spec, network.settings(), weights, network.dim, head=Head(task, names, 1.5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STEPPED)
def test_company_never_changes_a_step(name: str, kind: str) -> None:
    sequences, model = sequences_of(kind), model_of(name, kind)
    together = model.elements(sequences)
    alone = np.concatenate([model.elements(sequences[row : row + 1]) for row in range(len(sequences))])
    assert len(together) == model.spec.steps(sequences).sum()
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", STEPPED)
def test_words_embed_alone_as_together(name: str) -> None:
    sequences, model = sequences_of("words"), model_of(name, "words", "classify")
    alone = np.concatenate([model.embed(sequences[row : row + 1]) for row in range(len(sequences))])
    np.testing.assert_allclose(model.embed(sequences), alone, rtol=1e-4, atol=1e-5)


def test_families_without_steps_say_so() -> None:
    with pytest.raises(ParameterError, match="encoder 'mlp' does not read words"):
        FAMILIES["mlp"].build(InputSpec.fit_words(sequences_of("words")), {})
    model = kmer_model(families(2, 2, 20))
    with pytest.raises(ParameterError, match="'kmer' has nothing to train"):
        model.elements(families(2, 2, 20))


# -- words -----------------------------------------------------------------------------------------------------------


def test_grams_and_shapes_by_hand() -> None:
    assert grams_of("Cat") == ["shape Aa", "<c", "t>", "<ca", "cat", "at>", "<cat", "cat>", "<cat>"]
    assert [shape_of(word) for word in ("USA", "iPhone6s", "3.14", "co-op")] == ["A", "aAa0a", "0.0", "a-a"]
    long = grams_of("Donaudampfschifffahrtsgesellschaft")
    assert len(long) == MOST_GRAMS
    assert {"<dona", "haft>", "<do", "ft>"} <= set(long)


def test_unknown_words_have_one_number_and_their_own_grams() -> None:
    reading = WordReading.fit(words_of(Sequences.from_texts(["a cat sat", "the cat", "the dog the"], TEXT)))
    assert reading.words[:2] == ("the", "cat")
    assert set(reading.words) == {"the", "cat", "a", "sat", "dog"}
    assert reading.numbers(["the", "zebra", "mouse"]).tolist() == [0, reading.unknown, reading.unknown]
    grams = reading.grams(["cat", "i"])
    assert grams.shape == (2, 9)
    assert grams[0].tolist() == [zlib.crc32(g.encode()) % reading.buckets + 1 for g in grams_of("cat")]
    assert (grams[1, len(grams_of("i")) :] == 0).all()
    assert WordReading.from_json(reading.to_json()) == reading


def test_an_unknown_word_is_not_like_another_one() -> None:
    model = model_of("cnn", "words", "classify")
    points = model.embed(Sequences.from_texts(["zebra", "giraffe", "zebra"], TEXT))
    np.testing.assert_array_equal(points[0], points[2])
    assert np.abs(points[0] - points[1]).max() > 1e-3


def test_rare_words_are_forgotten_while_training_as_often_as_said() -> None:
    torch.manual_seed(0)
    reading = WordReading(("often", "once"), buckets=0)
    inputs = WordInputs(reading, 4)
    inputs.count(np.array([0] * 9 + [1]))
    inputs.word_dropout = 1.0
    data = torch.tensor([0, 1]).repeat(4000, 1)[..., None]
    mask = torch.ones(data.shape[:2], dtype=torch.bool)
    unknown = (inputs(data, mask) == inputs.weight[2]).all(-1).float().mean(0)
    assert unknown.tolist() == pytest.approx([1 / 10, 1 / 2], abs=0.03)
    inputs.eval()
    assert not (inputs(data, mask) == inputs.weight[2]).all(-1).any()


# -- heads -----------------------------------------------------------------------------------------------------------


def test_probabilities_by_hand() -> None:
    np.testing.assert_allclose(softmax(np.array([[0.0, np.log(3.0)]])), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax(np.array([[0.0, 2 * np.log(3.0)]]), 2.0), [[0.25, 0.75]])
    assert np.isfinite(softmax(np.array([[1e4, -1e4]]))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_tells_the_same_labels(kind: str, tmp_path: Path) -> None:
    sequences, model = sequences_of(kind), model_of("gru", kind, "classify")
    save_model(model, tmp_path / "a.model")
    again = load_model(tmp_path / "a.model")
    told = classify(again, sequences)
    assert again.head == model.head
    np.testing.assert_array_equal(told.probabilities, classify(model, sequences).probabilities)
    np.testing.assert_allclose(told.probabilities.sum(axis=1), 1)
    assert told.names() == [told.labels[int(p.argmax())] for p in told.probabilities]


def test_tags_come_in_the_order_of_the_elements() -> None:
    sequences, model = sequences_of("tokens"), model_of("cnn", "tokens")
    told = tag(model, sequences)
    assert told.offsets.tolist() == sequences.offsets.tolist()
    for row in (0, 5):
        own = tag(model, sequences[row : row + 1]).probabilities
        np.testing.assert_allclose(told.probabilities[told.offsets[row] : told.offsets[row + 1]], own, atol=1e-5)


def test_models_are_asked_for_what_they_know() -> None:
    tokens = sequences_of("tokens")
    with pytest.raises(MismatchError, match="the model was trained to tag: train one with --task classify"):
        classify(model_of("cnn", "tokens"), tokens)
    with pytest.raises(MismatchError, match="the model has no labels"):
        classify(kmer_model(tokens), tokens)
    with pytest.raises(MismatchError, match="trained to tag knows elements, not whole sequences"):
        model_of("cnn", "tokens").embed(tokens)
    with pytest.raises(EmptySequenceError, match=r"record 5 \(5\): the text has no word"):
        tag(model_of("cnn", "words"), sequences_of("words"))
    with pytest.raises(MismatchError, match="the model reads text, the data are dna"):
        tag(model_of("cnn", "words"), Sequences.from_texts(["ACGT"], DNA))


def test_models_of_version_1_still_load() -> None:
    model = replace(model_of("gru", "tokens", "classify"), head=None)
    document = model.document()
    del document["head"], document["spec"]["reading"]
    old = Model.restore({**document, "model_version": 1}, model.weight_bytes())
    np.testing.assert_array_equal(old.embed(sequences_of("tokens")), model.embed(sequences_of("tokens")))


# -- groups ----------------------------------------------------------------------------------------------------------


def test_groups_are_numbered_as_they_appear() -> None:
    assert by_first_appearance(np.array([7, 7, 2, 7, 2, 9])).tolist() == [0, 0, 1, 0, 1, 2]


def test_agglomeration_against_a_naive_oracle() -> None:
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 8, 15):
        points = rng.standard_normal((size, 2)).astype(np.float32) * 2
        same = same_probability(points, 1.0, 2.0)
        groups = [{at} for at in range(size)]
        while len(groups) > 1:
            means = {
                (a, b): np.mean([same[i, j] for i in groups[a] for j in groups[b]])
                for a in range(len(groups))
                for b in range(a)
            }
            (a, b), highest = max(means.items(), key=lambda item: item[1])
            if highest < 0.5:
                break
            groups[b] |= groups.pop(a)
        wanted = np.zeros(size, np.int64)
        for number, members in enumerate(groups):
            wanted[list(members)] = number
        assert agglomerated(same).tolist() == by_first_appearance(wanted).tolist()


def test_probability_of_belonging_together_by_hand() -> None:
    same = same_probability(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32), 0.1, 2.0)
    assert same[0, 1] == pytest.approx(1 / (1 + np.exp(2.5 - 2.0)))
    assert same[0, 0] == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_groups_of_a_model_come_sequence_by_sequence() -> None:
    sequences, model = sequences_of("tokens"), model_of("cnn", "tokens", "cluster")
    groups, offsets = group(model, sequences)
    assert offsets.tolist() == sequences.offsets.tolist()
    assert all(groups[start] == 0 for start in offsets[:-1])
    own, _ = group(model, sequences[4:5])
    assert own.tolist() == groups[offsets[4] : offsets[5]].tolist()


def test_words_of_nothing() -> None:
    assert WordReading.fit(Words([], np.zeros(1, np.int64))).size == 1
    assert WordReading(()).grams([]).shape == (0, 0)


# -- ensembles -------------------------------------------------------------------------------------------------------


def test_an_ensemble_is_its_members_side_by_side() -> None:
    sequences = sequences_of("tokens")
    members = [{"family": "cnn", "channels": 6}, {"family": "gru", "hidden": 5, "channels": 4}]
    torch.manual_seed(0)
    network = FAMILIES["ensemble"].build(InputSpec.fit(sequences), {"dim": 9, "members": members}).eval()
    assert isinstance(network, StepEncoder)
    with torch.no_grad():
        points, steps = network.encode(sequences), network.elements(sequences)
        parts = [(m.encode(sequences), m.elements(sequences)) for m in network.members]  # type: ignore[union-attr]
    np.testing.assert_array_equal(points, torch.cat([p for p, _ in parts], 1))
    np.testing.assert_array_equal(steps, torch.cat([s for _, s in parts], 1))
    assert [p.shape[1] for p, _ in parts] == [5, 4]
    again = FAMILIES["ensemble"].build(network.spec, network.settings())
    assert again.state_dict().keys() == network.state_dict().keys()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"members": [{"family": "mlp"}]}, "'mlp' cannot be a member of an ensemble: it does not read step by step"),
        ({"members": [{"family": "ensemble"}]}, "'ensemble' cannot be a member"),
        ({"members": [{"channels": 3}]}, "a member of an ensemble needs its family"),
        ({"members": []}, "an ensemble of 0 members cannot share 128 dimensions"),
        ({"wings": 2}, "encoder 'cnn' has no parameter 'wings'"),
    ],
)
def test_ensembles_that_cannot_be(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        FAMILIES["ensemble"].build(InputSpec.fit(sequences_of("tokens")), dict(settings))
