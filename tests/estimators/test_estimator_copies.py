"""Estimators cloned, copied, pickled and sent to other processes, with the index that each has to itself."""

from __future__ import annotations

import copy
import gc
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'seqsearch[sklearn]'")
import joblib
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from seqsearch import CustomDistance, NoveltyScorer, SequenceClassifier, SequenceEmbedder, SequenceNeighbors
from seqsearch.arrays import JSON
from seqsearch.errors import MismatchError
from seqsearch.estimators.base import SequenceEstimator
from seqsearch.sequences import Sequences
from tests.families import families


class Spread(CustomDistance):
    """Of one's own, and nowhere registered: lengths and letters."""

    name = "spread"

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def parameters(self) -> JSON:
        return {"weight": self.weight}

    def between(self, a: str, b: str) -> float:
        return self.weight * abs(len(a) - len(b)) + abs(a.count("A") - b.count("A"))


X = families(4, 12, 30)
Y = np.repeat(list("abcd"), 12)


def dumped(estimator: SequenceEstimator) -> SequenceEstimator:
    folder = Path(os.environ["PYTEST_TMP"])
    joblib.dump(estimator, folder / "estimator.joblib", compress=3)
    return joblib.load(folder / "estimator.joblib")  # type: ignore[no-any-return]


WAYS = [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), dumped]


@pytest.mark.parametrize("way", WAYS, ids=["deepcopy", "pickle", "joblib"])
def test_a_copy_has_what_was_learned(way: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path))
    neighbors = SequenceNeighbors(3).fit(X)
    classifier, scorer = SequenceClassifier(3).fit(X, Y), NoveltyScorer(fpr=0.2).fit(X)
    embedder = SequenceEmbedder(encoder="kmer").fit(X)
    embedder.transform(X[:1])  # which makes a network of the model
    asked = X[::5]
    before = neighbors.kneighbors(asked), classifier.predict(asked), scorer.score_samples(asked)
    copies = [way(one) for one in (neighbors, classifier, scorer, embedder)]  # type: ignore[operator]
    folder, points = Path(neighbors.index_.path).parent, embedder.transform(asked)
    assert folder.is_dir()
    del neighbors, classifier, scorer
    gc.collect()
    assert not folder.exists()  # the copies have their own
    assert copies[0].kneighbors(asked)[1].tolist() == before[0][1].tolist()
    assert copies[1].predict(asked).tolist() == before[1].tolist()
    assert copies[2].score_samples(asked).tolist() == before[2].tolist()
    np.testing.assert_array_equal(copies[3].transform(asked), points)


def test_an_index_at_a_path_is_pickled_as_that(tmp_path: Path) -> None:
    neighbors = SequenceNeighbors(3, path=tmp_path / "i.ss", distance=Spread(weight=2.0)).fit(X)
    raw = pickle.dumps(neighbors)
    assert len(raw) < 5000
    again = pickle.loads(raw)
    assert again.index_.path == str(tmp_path / "i.ss")
    assert again.kneighbors(X[:4])[0].tolist() == neighbors.kneighbors(X[:4])[0].tolist()  # the distance came along


def letters(texts: list[str]) -> np.ndarray:
    """Vectors of one's own: how often each letter is there."""
    return np.array([[text.count(letter) for letter in "ACGT"] for text in texts], np.float32)


def test_an_encoder_of_ones_own_comes_along() -> None:
    neighbors = SequenceNeighbors(2, encoder=letters, exact=False, build={"geometry": "euclidean"}).fit(X)
    again = pickle.loads(pickle.dumps(neighbors))
    assert again.kneighbors(X.texts()[:5])[1].tolist() == neighbors.kneighbors(X.texts()[:5])[1].tolist()
    assert again.index_._handle.given_encoder is letters
    with pytest.raises(ValueError, match="is a family by name: vectors of your own learn nothing"):
        SequenceClassifier(method="network", encoder=letters).fit(X, Y)


@pytest.mark.parametrize("way", WAYS, ids=["deepcopy", "pickle", "joblib"])
def test_it_comes_along_to_an_index_at_a_path(way: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path))
    build = {"geometry": "euclidean"}
    neighbors = SequenceNeighbors(2, encoder=letters, exact=False, build=build, path=tmp_path / "i.ss").fit(X)
    of_index = SequenceNeighbors.of(neighbors.index_, 2)
    scorer = NoveltyScorer(by="embedding", build={**build, "encoder": letters}, path=tmp_path / "n.ss").fit(X)
    asked = X.texts()[:5]
    wanted, scores = neighbors.kneighbors(asked)[1].tolist(), scorer.score_samples(asked).tolist()
    again = way(neighbors)  # type: ignore[operator]
    assert again.index_.path == str(tmp_path / "i.ss")
    assert again.kneighbors(asked)[1].tolist() == wanted
    assert way(of_index).kneighbors(asked)[1].tolist() == of_index.kneighbors(asked)[1].tolist()  # type: ignore[operator]
    assert way(scorer).score_samples(asked).tolist() == scores  # type: ignore[operator]


def test_one_that_makes_other_vectors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbors = SequenceNeighbors(2, encoder=letters, exact=False, path=tmp_path / "i.ss").fit(X)
    raw = pickle.dumps(neighbors)
    monkeypatch.setattr(f"{__name__}.letters", lambda texts: np.ones((len(texts), 4), np.float32))
    with pytest.raises(
        MismatchError, match="makes other vectors than those stored.*bring the one that they were made by"
    ):
        pickle.loads(raw)


def test_a_copy_goes_on_by_itself() -> None:
    neighbors = SequenceNeighbors(1).fit(X)
    again = copy.deepcopy(neighbors)
    again.index_.add(families(1, 2, 30, seed=9, prefix="new"))
    assert (len(neighbors.index_), len(again.index_)) == (48, 50)
    assert len(copy.deepcopy(again).index_) == 50


def test_a_build_that_fails_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ValueError, match="no index kind 'odd'"):
        SequenceNeighbors(build={"index": "odd"}).fit(X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "estimator",
    [
        SequenceNeighbors(7, radius=2, distance=Spread(weight=2.0)),
        SequenceEmbedder(dim=16, effort="low"),
        SequenceClassifier(3, weights="uniform"),
        NoveltyScorer("kth", k=2, build={"recall": 0.9}),
    ],
)
def test_clones_have_the_parameters(estimator: SequenceEstimator) -> None:
    again = clone(estimator)
    assert again is not estimator
    assert repr(again) == repr(estimator)
    with pytest.raises(ValueError, match="Invalid parameter 'neighbours' for estimator"):
        estimator.set_params(neighbours=3)


def test_cross_validation_in_processes() -> None:
    """Each worker of joblib imports the package anew, fits and scores by itself."""
    scores = cross_val_score(SequenceClassifier(3), X.texts(), Y, cv=2, n_jobs=2)
    assert scores.min() > 0.9


@pytest.mark.parametrize("given", [X, X.texts(), np.array(X.texts()), np.array(X.texts(), dtype=object)])
def test_what_can_be_split(given: object) -> None:
    assert cross_val_score(SequenceClassifier(3), given, Y, cv=2).min() > 0.9


def test_columns_can_be_split() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    column = pd.Series(X.texts(), index=[f"s{i % 5}" for i in range(len(X))])
    assert cross_val_score(SequenceClassifier(3), column, Y, cv=2).min() > 0.9
    assert cross_val_score(SequenceClassifier(3), pd.DataFrame({"text": column}), Y, cv=2).min() > 0.9


def test_pipelines_and_grids() -> None:
    pipeline = make_pipeline(SequenceEmbedder(encoder="kmer"), LogisticRegression(max_iter=20, tol=0.1))
    assert cross_val_score(pipeline, X.texts(), Y, cv=2).min() > 0.9
    grid = GridSearchCV(SequenceClassifier(), {"n_neighbors": [1, 3]}, cv=2)
    assert grid.fit(X.texts(), Y).best_score_ > 0.9
    embedder = SequenceEmbedder(encoder="kmer").fit(X).set_output(transform="pandas")
    assert embedder.transform(X[:2]).columns[0] == "sequenceembedder0"


def test_sequences_are_split_by_scikit_learn() -> None:
    assert isinstance(X, Sequences)
    assert len(SequenceNeighbors(1).fit(list(X)).index_) == len(X)
