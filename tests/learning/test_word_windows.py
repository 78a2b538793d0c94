from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqsearch import threads
from seqsearch.encoders import windows
from seqsearch.encoders.families import FAMILIES
from seqsearch.encoders.grams import found_among
from seqsearch.encoders.heads import head_outputs
from seqsearch.encoders.labelling import tag
from seqsearch.encoders.model_file import load_model, save_model
from seqsearch.encoders.windows import WindowReading, summed, window_steps
from seqsearch.errors import EmptySequenceError, ParameterError
from seqsearch.learning.supervised import LabelPlan, train_tagger, usual_tag_plan
from seqsearch.learning.supervised.labels import Examples
from seqsearch.learning.supervised.windows import descend, window_model
from seqsearch.sequences import TEXT, Sequences, Strings, Tagged, untagged

pytestmark = pytest.mark.usefixtures("one_thread")
QUICK = LabelPlan(epochs=2, fewest=30, batch=16, rate=1e-2)
SMALL = {"channels": 16, "hidden": 16}
KINDS = {"the": "D", "a": "D", "dog": "N", "cat": "N", "runs": "V", "sees": "V"}


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    with threads.using(1):
        yield


def sentences(n: int, seed: int) -> Tagged:
    """Words whose kind shows in themselves, but for "saw", which is a noun after "the" or "a" and a verb elsewhere."""
    rng = np.random.default_rng(seed)
    texts, tags = [], []
    for _ in range(n):
        words = [str(word) for word in rng.choice([*KINDS, "saw"], 7)]
        texts.append(" ".join(words))
        before = ["", *words[:-1]]
        tags += [
            KINDS.get(word) or ("N" if last in ("the", "a") else "V") for word, last in zip(words, before, strict=True)
        ]
    whole = untagged(Sequences.from_texts(texts, TEXT), by_words=True)
    return replace(whole, tags=Strings.of(tags))


def reference_keys(texts: list[str], templates: tuple[windows.Template, ...]) -> list[list[tuple[object, ...]]]:
    """What templates find, as words: equal where keys have to be equal."""
    found = []
    for text in texts:
        words = text.split()
        for at in range(len(words)):
            row: list[tuple[object, ...]] = []
            for number, template in enumerate(templates):
                parts = []
                for place, name in template:
                    inside = 0 <= at + place < len(words)
                    parts.append(windows._attribute(name)(words[at + place]) if inside else None)
                row.append((number, *parts))
            found.append(row)
    return found


def test_keys_are_equal_where_what_they_stand_for_is() -> None:
    texts = ["The cat sat", "the Cat", "x", "THE cat sat on the MAT"]
    reading = WindowReading()
    keys = reading.keys(Sequences.from_texts(texts, TEXT))
    meant = reference_keys(texts, reading.templates)
    assert keys.shape == (len(meant), len(reading.templates))
    pairs = {(int(key), one) for row, own in zip(keys, meant, strict=True) for key, one in zip(row, own, strict=True)}
    assert len({key for key, _ in pairs}) == len({one for _, one in pairs}) == len(pairs)
    assert WindowReading.from_json(reading.to_json()) == reading
    own = WindowReading((((0, "word"),),)).keys(Sequences.from_texts(["Cat", "cat"], TEXT))
    assert own[0, 0] == own[1, 0]
    assert int.from_bytes(hashlib.blake2b(b"cat", digest_size=8).digest(), "little") != int(own[0, 0])  # mixed


def test_a_pass_takes_the_steps_of_softmax_regression() -> None:
    """One example after the other, by hand, with nothing left out."""
    rng = np.random.default_rng(0)
    places = rng.integers(-1, 6, (9, 3))
    wanted, weights = rng.integers(3, size=9), np.array([1.0, 2.0, 0.5], np.float32)
    table, squares = np.zeros((7, 3), np.float32), np.zeros(7, np.float32)
    slow, sums = np.zeros((7, 3)), np.zeros(7)
    order = rng.permutation(9)
    descend(table, squares, places, wanted, weights, order, 0.1, 0.0, 7)
    for i in order:
        rows = [6, *(row for row in places[i] if row >= 0)]
        scores = sum(slow[row] for row in rows)
        shares = np.exp(scores) / np.exp(scores).sum()
        slope = weights[wanted[i]] * (shares - np.eye(3)[wanted[i]])
        for row in rows:
            sums[row] += (slope**2).mean()
            slow[row] -= 0.1 / np.sqrt(sums[row] + 0.01) * slope
    np.testing.assert_allclose(table, slow, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(squares, sums, rtol=1e-4)
    np.testing.assert_allclose(summed(table, places)[0], sum(table[row] for row in places[0] if row >= 0), rtol=1e-6)


def test_windows_learn_what_neighbours_say() -> None:
    train, test = sentences(150, 0), sentences(40, 1)
    labels = ("D", "N", "V")
    model = window_model(Examples.tags(train, labels), 3, np.ones(3, np.float32), 0)
    steps = window_steps(model.spec, model.settings, model.weights)
    scores = head_outputs(steps(test.sequences), model.weights)
    assert test.tags is not None
    assert [labels[best] for best in scores.argmax(axis=1)] == list(test.tags)
    known = model.weights[windows.KEYS]
    assert (np.diff(known.astype(object)) > 0).all()
    assert len(found_among(known, known)) == len(known)


def test_a_blend_of_network_and_windows_is_kept_and_tells_alone_what_it_tells_together(tmp_path: Path) -> None:
    train, test = sentences(120, 0), sentences(30, 1)
    model, log = train_tagger(train, plan=QUICK, settings=SMALL)
    assert model.family == "blend"
    choice = model.training["choice"]
    assert [one["judge"] for one in choice["judges"]] == ["network", "words in a window"]
    assert sum(one["share"] for one in choice["judges"]) == 1
    assert log.rows
    told = tag(model, test.sequences)
    assert test.tags is not None
    assert np.mean(np.array(told.names()) == np.array(list(test.tags))) > 0.99
    assert told.probabilities.sum(axis=1) == pytest.approx(1)
    save_model(model, tmp_path / "a.model")
    again = tag(load_model(tmp_path / "a.model"), test.sequences)
    np.testing.assert_array_equal(again.probabilities, told.probabilities)
    alone = [tag(model, test.sequences[np.array([row])]).probabilities for row in range(5)]
    np.testing.assert_allclose(np.concatenate(alone), told.probabilities[: told.offsets[5]], atol=1e-5)
    with pytest.raises(EmptySequenceError, match="the text has no word"):
        tag(model, Sequences.from_texts([" "], TEXT))
    same, _ = train_tagger(train, plan=QUICK, settings=SMALL)
    assert same.digest() == model.digest()


def test_too_few_sentences_are_learnt_by_the_network_alone() -> None:
    model, _ = train_tagger(sentences(30, 0), plan=QUICK, settings=SMALL)
    assert model.family == "lstm"
    assert usual_tag_plan(sentences(30, 0), "lstm") == LabelPlan()
    with pytest.raises(ParameterError, match="encoder 'window' has nothing to train"):
        train_tagger(sentences(30, 0), encoder="window")
    with pytest.raises(ParameterError, match="is what `train` makes of labels alone"):
        FAMILIES["window"].build(model.spec, {})


def test_words_known_in_small_letters() -> None:
    model, _ = train_tagger(sentences(30, 0), plan=QUICK, settings=SMALL)
    reading = model.spec.reading
    assert reading is not None
    assert reading.folded
    assert set(reading.words) == {*KINDS, "saw"}
    assert reading.numbers(["Cat", "zebra"]).tolist() == [reading.words.index("cat"), reading.unknown]
    assert reading.grams(["cat"]).shape[1] == 10
    assert type(reading).from_json(reading.to_json()) == reading
