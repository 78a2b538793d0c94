from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from seqsearch import threads
from seqsearch.encoders.labelling import classify
from seqsearch.encoders.model_file import load_model, save_model
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.learning.supervised import LabelPlan, reads_words, train_classifier
from seqsearch.learning.supervised.automatic import affordable
from seqsearch.learning.supervised.choosing import Held, measure_for
from seqsearch.learning.supervised.linear import DenseTable, SparseTable, fit_logistic
from seqsearch.learning.supervised.material import by_record, capped, folds_of
from seqsearch.sequences import DNA, TEXT, Sequences, Strings

pytestmark = pytest.mark.usefixtures("one_thread")
QUICK = LabelPlan(epochs=3, fewest=20, batch=16, rate=1e-2)
SMALL = {"channels": 8, "dim": 8}


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    with threads.using(1):
        yield


@pytest.mark.parametrize("classes", [2, 3])
def test_the_least_loss_is_that_of_scikit_learn(classes: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((120, 6)).astype(np.float32)
    numbers = (values[:, :classes] + 0.7 * rng.standard_normal((120, classes))).argmax(axis=1)
    weights = rng.uniform(0.5, 2, 120)
    peer = LogisticRegression(C=0.3, tol=1e-8, max_iter=1000).fit(values, numbers, sample_weight=weights)
    dense = DenseTable(values)
    places = np.tile(np.arange(6), 120)
    sparse = SparseTable(places, values.ravel().astype(np.float64), np.arange(121) * 6, 6)
    for table in (dense, sparse):
        found = fit_logistic(table, 6, numbers, weights, classes, strength=0.3)
        again = fit_logistic(table, 6, numbers, weights, classes, strength=0.3, start=found)
        for one in (found, again):
            scores = values @ one.weights + one.bias
            shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(shares, peer.predict_proba(values), atol=5e-3)


def test_a_scale_is_a_scale_of_the_features() -> None:
    rng = np.random.default_rng(1)
    values, numbers = rng.standard_normal((80, 4)).astype(np.float32), rng.integers(2, size=80)
    scale = np.array([0.5, 1, 2, 3])
    twice = np.stack([-scale, scale], axis=1)
    one = fit_logistic(DenseTable(values), 4, numbers, np.ones(80), 2, strength=1.0, scale=twice)
    other = fit_logistic(DenseTable((values * scale).astype(np.float32)), 4, numbers, np.ones(80), 2, strength=1.0)
    np.testing.assert_allclose(one.weights, other.weights * scale[:, None], atol=5e-3)


def test_records_are_held_out_whole_and_classes_shared_out() -> None:
    rng = np.random.default_rng(0)
    records = np.repeat(np.arange(12), 20)
    numbers = (rng.random(240) < 0.1).astype(np.int64) + 2 * np.isin(records, (3, 5, 7, 9))
    folds = by_record(records, numbers, 4)
    assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(240))
    for train, held in folds:
        assert not set(records[train]) & set(records[held])
        assert (numbers[held] >= 2).sum() == 20  # one of the four records that have these


def test_folds_of_few_and_of_many() -> None:
    rng = np.random.default_rng(0)
    few = Sequences.from_texts(["ACGT"] * 41, DNA)
    numbers = np.array([0] * 20 + [1] * 20 + [2])
    folds = folds_of(few, numbers, 0.1, rng)
    held = np.concatenate([held for _, held in folds])
    assert sorted(held.tolist()) == list(range(40))  # the only one of its class is always learnt from
    assert all(40 in train for train, _ in folds)
    assert folds_of(few[:6], numbers[18:24], 0.1, rng) == []
    assert folds_of(few, numbers, 0.0, rng) == []
    rows, counts = capped(np.array([0] * 10 + [1] * 3), 5, rng)
    assert np.bincount((rows >= 10).astype(int)).tolist() == [5, 3]
    assert counts.tolist() == [2.0] * 5 + [1.0] * 3


def test_levels_are_what_makes_the_mean_f1_highest() -> None:
    rng = np.random.default_rng(0)
    true = (rng.random(2000) < 0.05).astype(np.int64)
    signal = 1.5 * true + rng.standard_normal(2000)
    odds = 1.5 * signal - 1.5**2 / 2 + np.log(0.05 / 0.95)
    scores = np.stack([-odds / 2, odds / 2], axis=1)
    held = Held(true, np.ones(2000), np.ones(2000), "macro_f1", np.array([True, True]))
    found = held.told(scores + held.levels(scores))["macro_f1"]
    grid = [held.told(scores + np.array([0.0, level]))["macro_f1"] for level in np.arange(-3, 3.1, 0.25)]
    assert found >= max(grid) - 0.005
    assert found > held.told(scores)["macro_f1"] + 0.05
    half = replace(held, judged=np.array([True, False])).levels(scores)
    assert half.tolist() == [0, 0]  # what cannot be judged keeps its odds against the most frequent class
    plain = replace(held, measure="accuracy")
    assert plain.levels(scores).tolist() == [0, 0]
    assert measure_for(true, 2) == "macro_f1"
    assert measure_for(np.array([0, 1, 1]), 2) == "accuracy"


def test_many_symbols_are_read_in_fewer_lengths() -> None:
    assert affordable((1, 2, 3, 4, 5, 6), 1000) == (1, 2, 3, 4, 5, 6)
    assert affordable((1, 2, 3, 4, 5, 6), 7_000_000) == (3, 6)
    assert affordable((1, 2, 3, 4, 5, 6), 20_000_000) == (6,)
    assert affordable((1, 2), 20_000_001) == ()


def motifs(n: int, seed: int) -> Sequences:
    """DNA of 30 nt with GATTACA at place 5 (a) or at place 15 (b), or none (c)."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(n):
        letters = rng.choice(list("ACGT"), 30)
        if row % 3 < 2:
            letters[(5, 15)[row % 3] :][:7] = list("GATTACA")
        texts.append("".join(letters))
        labels.append("abc"[row % 3])
    return Sequences.from_texts(texts, DNA, labels=labels)


def test_what_does_best_on_held_out_strings_is_kept_in_one_file(tmp_path: Path) -> None:
    model, log = train_classifier(motifs(120, 0), plan=QUICK, settings=SMALL)
    choice = model.training["choice"]
    assert {one["judge"] for one in choice["judges"]} >= {"network", "n-grams, bayes", "n-grams by place, tf-idf"}
    assert sum(one["share"] for one in choice["judges"]) == pytest.approx(1)
    assert choice["held_out"] == 120
    assert choice["folds"] == 4
    alone = max(one["accuracy"] for one in choice["judges"])
    assert choice["chosen"]["accuracy"] >= alone - 0.03
    assert log.rows[-1]["accuracy"] == choice["chosen"]["accuracy"]
    assert model.facts()["held_out_accuracy"] == choice["chosen"]["accuracy"]
    save_model(model, tmp_path / "a.model")
    again, unseen = load_model(tmp_path / "a.model"), motifs(90, 1)
    told = classify(again, unseen)
    np.testing.assert_array_equal(told.probabilities, classify(model, unseen).probabilities)
    assert np.mean(np.array(told.names()) == np.array(list(unseen.labels))) > 0.9
    np.testing.assert_allclose(told.probabilities[7], classify(again, unseen[7:8]).probabilities[0], rtol=1e-4)


def test_sentences_are_read_by_words_and_one_seed_gives_one_model() -> None:
    rng = np.random.default_rng(0)
    usual = ["the", "a", "film", "is", "plot", "and"]
    moods = {"neg": ["awful", "dull"], "pos": ["great", "rich"]}
    texts, labels = [], []
    for row in range(48):
        label = ("neg", "pos")[row % 2]
        texts.append(" ".join(rng.permutation([*rng.choice(usual, 5), rng.choice(moods[label])])))
        labels.append(label)
    data = Sequences.from_texts(texts, TEXT, labels=labels)
    assert reads_words(data)
    assert not reads_words(Sequences.from_texts(["anna", "otto maria"], TEXT))
    assert not reads_words(motifs(3, 0))
    plan = replace(QUICK, epochs=1, fewest=4)
    first, second = (train_classifier(data, plan=plan, settings=SMALL, by_words=True)[0] for _ in range(2))
    assert first.digest() == second.digest()
    asked = Sequences.from_texts(["A GREAT plot", "the film is dull", "zzz"], TEXT)
    assert classify(first, asked).names()[:2] == ["pos", "neg"]


def odd_beats(records: int, seed: int) -> Sequences:
    """Series whose class shows only beside the others of their record: the rarer shape of two, whichever that is."""
    rng = np.random.default_rng(seed)
    shapes = np.stack([np.sin(np.linspace(0, 2 * np.pi, 24)), np.sin(np.linspace(0, 4 * np.pi, 24))])
    series, labels, names = [], [], []
    for record in range(records):
        usual, gain = record % 2, rng.uniform(1, 50)
        for row in range(20):
            odd = row % 5 == 4
            shape = shapes[1 - usual if odd else usual]
            series.append(gain * (shape + 0.1 * rng.standard_normal(24)))
            labels.append("odd" if odd else "usual")
            names.append(f"r{record}")
    made = Sequences.from_arrays(np.array(series, np.float32), labels=labels)
    return Sequences(made.data, made.offsets, made.ids, None, Strings.of(names), made.labels)


def test_series_of_records_are_read_in_context_where_that_helps(tmp_path: Path) -> None:
    train, test = odd_beats(10, 0), odd_beats(6, 1)
    settings = {"channels": 8, "dim": 8, "layers": 1, "bins": 4}
    model, _ = train_classifier(train, plan=QUICK, settings=settings)
    assert model.training["choice"]["context"]
    assert model.facts()["context"] == "records"
    save_model(model, tmp_path / "b.model")
    told = classify(load_model(tmp_path / "b.model"), test)
    assert np.mean(np.array(told.names()) == np.array(list(test.labels))) > 0.95
    bare = Sequences(test.data, test.offsets, test.ids, None, None, test.labels)
    with pytest.raises(MismatchError, match="each has to name its record"):
        classify(model, bare)
    with pytest.raises(MismatchError, match="it can classify, not index them"):
        model.vectors(test)


def test_a_validation_set_chooses_and_is_not_learnt_from() -> None:
    data = motifs(60, 0)
    model, _ = train_classifier(data, plan=QUICK, settings=SMALL, validation=motifs(45, 3))
    choice = model.training["choice"]
    assert (choice["held_out"], choice["folds"], model.training["sequences"]) == (45, 1, 60)
    plain = train_classifier(data[:30], plan=replace(QUICK, validate=0.0), settings=SMALL)[0]
    assert plain.family == "cnn"  # nothing to choose by
    assert "choice" not in plain.training
    with pytest.raises(ParameterError, match="no measure 'f1': choose one of auto, accuracy, macro_f1"):
        LabelPlan(measure="f1")
