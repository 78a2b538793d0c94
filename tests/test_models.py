"""Models at the front door: trained on distances, classes and tags, kept in a file, asked with users' own objects."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, Sequences
from tests.families import families

SHORT = {"fewest": 40, "epochs": 1.0}  # batches
TEXTS = ["good film", "bad film", "a good one", "a bad one", "so good", "so bad"] * 8
MOODS = ["up", "down"] * 24


def test_a_model_of_distances_is_kept_and_makes_an_index(tmp_path: Path) -> None:
    drawn = families(12, 5, 30)
    model = ss.train(drawn.texts(), encoder="linear", dim=8, steps=10, batch=32, seed=3)
    assert (model.family, model.dim, model.spec.alphabet) == ("linear", 8, "dna")
    assert model.training["seed"] == 3
    assert [row["step"] for row in model.training["log"]][-1] == 10
    points = model.embed(drawn.texts()[:3])
    assert (points.shape, points.dtype) == ((3, 8), np.float32)
    np.testing.assert_array_equal(model.embed(drawn[:3]), points)
    ss.save_model(model, tmp_path / "a.model")
    for again in (ss.load_model(tmp_path / "a.model"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.embed(drawn[:3]), points)
        assert again.digest() == model.digest()
    with ss.SequenceIndex.build(tmp_path / "i.ss", drawn, model=model) as index:
        assert index.search(drawn.texts()[7], 1)[0][0].distance == 0
    with pytest.raises(MismatchError, match="sequences: arrays of numbers came where the index holds dna"):
        model.embed(np.zeros((2, 4)))


def test_series_are_embedded() -> None:
    waves = [np.sin(np.arange(12) / 3 + shift) for shift in range(5)]
    model = ss.train(waves, encoder="curve")
    assert model.embed(waves[:2]).shape == (2, model.dim)
    with pytest.raises(MismatchError, match="sequences: strings came where the index holds series"):
        model.embed(["a"])


def test_classes_and_where_they_come_from(tmp_path: Path) -> None:
    model = ss.train(TEXTS, MOODS, task="classify", unit="words", encoder="cnn", **SHORT)
    found = ss.classify(model, ["good", "so bad"])
    assert found.names() == ["up", "down"]
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    named = ss.as_sequences(TEXTS[:6], labels=MOODS[:6])
    with ss.SequenceIndex.build(tmp_path / "i.ss", named, encoder="kmer") as index:
        votes = ss.classify(index, ["a good one"], k=1)
        assert (votes.names(), votes.nearest.tolist()) == (["up"], [0])
        assert ss.classify(index, ["x" * 40], k=1, abstain=0.2, exact=True).names() == [""]
    with pytest.raises(ParameterError, match="are for an index: a model has no neighbours"):
        ss.classify(model, ["good"], k=3)  # type: ignore[call-overload]
    with pytest.raises(MismatchError, match="was trained to classify: train one with --task tag"):
        ss.tag(model, ["good"])


def test_tags_of_symbols() -> None:
    strings = ["ACACGT", "CCAAGT", "GTGACA", "AAACCC"] * 6
    tags = [["x" if letter in "AC" else "" if letter == "T" else "y" for letter in text] for text in strings]
    model = ss.train(strings, tags, task="tag", encoder="cnn", alphabet="dna", **SHORT)
    found = ss.tag(model, Sequences.from_texts(["ACG", "GGCA"], DNA))
    assert found.lists() == [["x", "x", "y"], ["y", "y", "x", "x"]]
    assert found.probabilities.shape == (7, 2)


def test_what_does_not_fit() -> None:
    with pytest.raises(ParameterError, match="task is 'distance', 'classify' or 'tag', not 'sort'"):
        ss.train(TEXTS, task="sort")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="labels and words are for the tasks"):
        ss.train(TEXTS, MOODS)
    with pytest.raises(ParameterError, match="distance is for the task 'distance'"):
        ss.train(TEXTS, MOODS, task="classify", distance="edit")
    with pytest.raises(ParameterError, match="for this task, has no parameter 'temperature': choose one of batch, "):
        ss.train(TEXTS, temperature=3)
    with pytest.raises(ParameterError, match="effort is for the task 'distance'"):
        ss.train(TEXTS, MOODS, task="classify", effort="low")
    with pytest.raises(MismatchError, match="3 labels for 48 sequences"):
        ss.train(TEXTS, MOODS[:3], task="classify")
    with pytest.raises(MismatchError, match=r"labels: record 2 \(2\) has 1 labels for 2 words"):
        ss.train(["a b", "c d"], [["x", "y"], ["x"]], task="tag", unit="words")
    with pytest.raises(ParameterError, match="the task 'tag' needs labels"):
        ss.train(["a b", "c d"], task="tag")
    with pytest.raises(MismatchError, match="the distance dtw compares series"):
        ss.train(TEXTS, distance="dtw")
    with pytest.raises(ParameterError, match="unit is 'symbols' or 'words', not 'letters'"):
        ss.train(TEXTS, MOODS, task="classify", unit="letters")  # type: ignore[arg-type]
