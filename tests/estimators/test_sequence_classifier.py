"""Classes by neighbours and by a network, in the types that they came in."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'seqsearch[sklearn]'")
from seqsearch import SequenceClassifier, SequenceEmbedder, as_sequences
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.learning import supervised
from seqsearch.learning.plan import TrainingPlan
from tests.families import families

DRAWN = families(12, 7, 30)
X, NEW = DRAWN[np.flatnonzero(np.arange(84) % 7 < 6)], DRAWN[np.arange(6, 84, 7)]
Y = np.repeat(np.arange(12) * 10, 6)


def test_votes_are_those_of_the_nearest() -> None:
    classifier = SequenceClassifier(4, weights="uniform").fit(X, Y)
    assert classifier.classes_.tolist() == [10 * number for number in range(12)]  # more than ten: not sorted as text
    shares = classifier.predict_proba(NEW)
    assert shares.shape == (12, 12)
    assert shares.sum(axis=1) == pytest.approx(1)
    found = classifier.index_.search(NEW, 4, exact=True)
    expected = [[(Y[found.rows[q]] == c).mean() for c in classifier.classes_] for q in range(len(NEW))]
    assert shares == pytest.approx(np.array(expected))
    said = classifier.predict(NEW)
    assert said.dtype == Y.dtype
    assert classifier.score(NEW, np.arange(12) * 10) == (said == np.arange(12) * 10).mean() > 0.9


def test_of_equal_votes_the_nearest_wins() -> None:
    classifier = SequenceClassifier(2, weights="uniform").fit(["aaaa", "aabb"], ["z", "b"])
    assert classifier.predict_proba(["aaaa"]).tolist() == [[0.5, 0.5]]
    assert classifier.predict(["aaaa"]).tolist() == ["z"]


def test_labels_that_came_with_the_sequences() -> None:
    named = as_sequences(["anna", "hanna", "otto"], labels=["a", "a", "o"])
    assert SequenceClassifier(1).fit(named).predict(["ott", "annna"]).tolist() == ["o", "a"]
    with pytest.raises(ParameterError, match="SequenceClassifier requires y to be passed, .* have no labels"):
        SequenceClassifier().fit(["anna", "otto"])
    with pytest.raises(MismatchError, match="y has 2 classes for 3 sequences of X"):
        SequenceClassifier().fit(["a", "b", "c"], [1, 2])
    with pytest.raises(ValueError, match="continuous"):
        SequenceClassifier().fit(["a", "b", "c"], [1.5, 2.25, 0.1])
    with pytest.raises(ParameterError, match="method is 'neighbours' or 'network', not 'svm'"):
        SequenceClassifier(method="svm").fit(["a", "b"], [1, 2])  # type: ignore[arg-type]


def test_a_network_learns_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "LabelPlan", partial(supervised.LabelPlan, fewest=60))
    texts = ["good film", "bad film", "a good one", "a bad one", "so good", "so bad"] * 10
    classifier = SequenceClassifier(method="network", unit="words", epochs=1).fit(texts, [1, 0] * 30)
    assert classifier.predict(["good", "bad"]).tolist() == [1, 0]
    assert classifier.predict_proba(["good"])[0, 1] > 0.8
    assert classifier.model_.head is not None


def test_an_encoder_learns_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingPlan, "of_effort", lambda effort: TrainingPlan(steps=20, batch=32))
    embedder = SequenceEmbedder(dim=8, encoder="linear").fit(X)
    points = embedder.transform(NEW)
    assert (points.shape, points.dtype) == ((12, 8), np.float32)
    assert embedder.model_.training["plan"]["steps"] > 1
    np.testing.assert_array_equal(embedder.transform(NEW[:1]), points[:1])
    with pytest.raises(MismatchError, match="the distance dtw compares series, not tokens"):
        SequenceEmbedder(distance="dtw").fit(X)
