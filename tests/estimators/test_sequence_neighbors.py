"""Neighbours and their graphs, beside a brute force over the matrix of all distances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'seqsearch[sklearn]'")
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline

from seqsearch import SequenceEmbedder, SequenceIndex, SequenceNeighbors, distance_named
from seqsearch.errors import IndexExistsError, MismatchError, ParameterError
from seqsearch.estimators import base
from seqsearch.sequences import Sequences
from tests.families import families

DRAWN = families(12, 10, 40)
LAST = np.arange(120) % 10 >= 8
STORED, ASKED = DRAWN[np.flatnonzero(~LAST)], DRAWN[np.flatnonzero(LAST)]
ALL = distance_named("edit").matrix(STORED, STORED)


@pytest.fixture(scope="module")
def fitted() -> SequenceNeighbors:
    return SequenceNeighbors(4, radius=6).fit(STORED)


def test_queries_as_brute_force(fitted: SequenceNeighbors) -> None:
    matrix = distance_named("edit").matrix(ASKED, STORED)
    distances, rows = fitted.kneighbors(ASKED)
    assert rows.tolist() == np.argsort(matrix, axis=1, kind="stable")[:, :4].tolist()
    assert distances.tolist() == np.take_along_axis(matrix, rows, axis=1).tolist()
    assert fitted.kneighbors(ASKED.texts(), 2, return_distance=False).tolist() == rows[:, :2].tolist()
    near, where = fitted.radius_neighbors(ASKED)
    for line, away, found in zip(matrix, near, where, strict=True):
        assert sorted(found) == np.flatnonzero(line <= 6).tolist()
        assert away.tolist() == sorted(line[line <= 6])


def test_what_was_fitted_is_not_its_own_neighbour(fitted: SequenceNeighbors) -> None:
    others = ALL + np.diag(np.full(len(ALL), np.inf))
    distances, rows = fitted.kneighbors()
    assert rows.tolist() == np.argsort(others, axis=1, kind="stable")[:, :4].tolist()
    assert distances.tolist() == np.sort(others, axis=1)[:, :4].tolist()
    lists = fitted.radius_neighbors(radius=3.0, return_distance=False)
    assert [sorted(found) for found in lists] == [np.flatnonzero(line <= 3).tolist() for line in others]


def test_graphs(fitted: SequenceNeighbors) -> None:
    distances, rows = fitted.kneighbors()
    graph = fitted.kneighbors_graph(mode="distance")
    assert graph.format == "csr"
    assert graph.shape == (len(STORED), len(STORED))
    assert graph.indices.reshape(rows.shape).tolist() == rows.tolist()
    assert graph.data.reshape(rows.shape).tolist() == distances.tolist()
    assert (fitted.kneighbors_graph(ASKED).toarray().sum(axis=1) == 4).all()
    near = fitted.radius_neighbors_graph(mode="distance")
    assert (near != near.T).nnz == 0
    assert near.nnz == (ALL <= 6).sum() - len(ALL)
    same = SequenceNeighbors(1).fit(["anna", "anna", "otto"]).kneighbors_graph(mode="distance")
    assert (same.nnz, same.data.tolist()) == (3, [0, 0, 4])  # equal ones are kept, at distance 0


def test_graphs_feed_what_takes_them() -> None:
    classes = np.repeat(np.arange(12), 8)
    nearest = make_pipeline(SequenceNeighbors(3), KNeighborsClassifier(3, metric="precomputed"))
    assert nearest.fit(STORED, classes).score(ASKED, np.repeat(np.arange(12), 2)) > 0.9
    near = SequenceNeighbors(radius=16).fit(STORED)
    found = DBSCAN(16, min_samples=3, metric="precomputed").fit_predict(near.radius_neighbors_graph(mode="distance"))
    assert len({(int(own), int(told)) for own, told in zip(classes, found, strict=True)}) == 12
    everything = near.radius_neighbors_graph(radius=100, mode="distance")
    told = HDBSCAN(min_cluster_size=4, metric="precomputed", copy=True).fit_predict(everything)
    assert len(set(told.tolist()) - {-1}) == 12


def test_transform_has_a_neighbour_more_where_distances_are_asked(fitted: SequenceNeighbors) -> None:
    graph = fitted.transform(STORED)
    assert (np.diff(graph.indptr) == 5).all()
    assert (graph.diagonal() == 0).all()
    assert (np.diff(SequenceNeighbors(4, mode="connectivity").fit_transform(STORED).indptr) == 4).all()
    assert SequenceNeighbors(3).fit_transform(["a", "b", "c"]).nnz == 9


def test_an_index_that_is_there(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer") as index:
        index.remove(STORED.ids[row] for row in range(0, 8))
        distances, rows = SequenceNeighbors.of(index, 3).kneighbors()
        others = ALL[8:, 8:] + np.diag(np.full(len(ALL) - 8, np.inf))
        assert distances.tolist() == np.sort(others, axis=1)[:, :3].tolist()
        assert np.take_along_axis(others, rows, axis=1).tolist() == distances.tolist()
        assert SequenceNeighbors.of(index).kneighbors_graph(ASKED).shape == (len(ASKED), len(index))


def test_recall_takes_a_measured_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    many = families(120, 6, 40)
    asked = many[::7]
    proof = SequenceNeighbors(5, encoder="kmer", exact=True).fit(many)
    told = SequenceNeighbors(5, encoder="kmer", recall=0.9).fit(many)
    monkeypatch.setattr(told.index_, "within", None)
    exact, _ = proof.kneighbors(asked)
    near, _ = told.kneighbors(asked)
    assert (near <= exact[:, -1:]).mean() >= 0.85
    assert told._budget(None, 0.9) == {"recall": 0.9}
    monkeypatch.setattr(base, "EXACT_UP_TO", 100)
    assert SequenceNeighbors.of(told.index_)._budget(None, None) == {"recall": None}


def test_few_sequences_learn_nothing() -> None:
    assert SequenceNeighbors().fit(STORED).index_.info()["encoder"] == "kmer"
    waves = [np.sin(np.arange(20) / 3 + shift) for shift in range(6)]
    assert SequenceNeighbors(2).fit(waves).index_.info()["encoder"] == "curve"


def test_plain_vectors_need_no_encoder() -> None:
    points = np.random.default_rng(0).standard_normal((30, 5)).astype(np.float32)
    distances, rows = SequenceNeighbors(3, distance="euclidean").fit(points).kneighbors()
    expected, where = NearestNeighbors(n_neighbors=3).fit(points).kneighbors()
    assert rows.tolist() == where.tolist()
    assert distances == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(SequenceEmbedder(distance="euclidean").fit_transform(points), points, rtol=1e-6)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    place = tmp_path / "kept.ss"
    neighbors = SequenceNeighbors(2, path=place).fit(STORED)
    again = neighbors.kneighbors(ASKED)[1].tolist()
    assert neighbors.fit(STORED).kneighbors(ASKED)[1].tolist() == again  # its own is made anew
    with SequenceIndex.open(place) as index:
        assert len(index) == len(STORED)
    with pytest.raises(IndexExistsError, match=r"kept.ss.*in a cross-validation path=None gives each fit"):
        SequenceNeighbors(path=place).fit(STORED)


def test_equal_ids_are_counted() -> None:
    twice = Sequences.concatenate([STORED[[0, 8, 16]], STORED[[0, 8, 16]]])
    assert SequenceNeighbors(1).fit(twice).kneighbors(return_distance=False)[:, 0].tolist() == [3, 4, 5, 0, 1, 2]


def test_errors(fitted: SequenceNeighbors) -> None:
    with pytest.raises(ParameterError, match="n_neighbors <= n_samples: 96 are asked for, there are 95 to find"):
        fitted.kneighbors(n_neighbors=96)
    with pytest.raises(ParameterError, match="n_neighbors is a whole number of at least 1, not 0"):
        fitted.kneighbors(ASKED, 0)
    with pytest.raises(ParameterError, match="mode is 'distance' or 'connectivity', not 'weights'"):
        fitted.kneighbors_graph(mode="weights")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="a radius must be at least 0"):
        fitted.radius_neighbors(ASKED, -1)
    with pytest.raises(MismatchError, match="X: arrays of numbers came where the index holds dna"):
        fitted.kneighbors(np.zeros((2, 4)))
    with pytest.raises(ParameterError, match="this SequenceNeighbors has not been fitted: call fit first"):
        SequenceNeighbors().kneighbors()
    series = SequenceNeighbors(1).fit(np.eye(4))
    with pytest.raises(MismatchError, match=r"X has 3 features, .* expecting 4 .*: series of other lengths"):
        series.kneighbors(np.eye(3))
    assert series.kneighbors(list(np.eye(3)))[1].shape == (3, 1)
    with pytest.raises(ParameterError, match="X contains NaN or infinity, at first in row 1"):
        series.kneighbors([[0.0] * 4, [1.0, np.nan, 0.0, 0.0]] * np.ones((2, 4)))
