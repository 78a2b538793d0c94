"""Agglomerative clustering: against a naive one, as an ultrametric, restricted, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy

from seqsearch.distances import EditDistance
from seqsearch.errors import ParameterError
from seqsearch.geometry import GEOMETRIES, distance
from seqsearch.sequences import Strings
from seqsearch.trees import LINKAGES, Dendrogram, dendrogram, exact_distances, point_distances, require_memory, square
from tests.families import families

MEANS = {"average": np.mean, "single": np.min, "complete": np.max}


def a_tree(n: int, linkage: str = "average", seed: int = 0) -> tuple[Dendrogram, np.ndarray]:
    """A dendrogram of random points and the (n, n) distances it was made of."""
    points = np.random.default_rng(seed).standard_normal((n, 3))
    condensed = point_distances(points, "euclidean")
    names = Strings.of(f"leaf {i}" for i in range(n))
    return dendrogram(condensed, names, np.arange(n), linkage), square(condensed, n)


def naive(distances: np.ndarray, linkage: str) -> list[tuple[frozenset[int], float]]:
    """Every cluster with its height: the two nearest are merged, all pairs of their leaves looked at, until one is
    left."""
    clusters = [frozenset([i]) for i in range(len(distances))]
    found = []
    while len(clusters) > 1:
        between = {
            (a, b): MEANS[linkage](distances[np.ix_(sorted(a), sorted(b))])
            for i, a in enumerate(clusters)
            for b in clusters[i + 1 :]
        }
        a, b = min(between, key=lambda pair: between[pair])
        clusters = [cluster for cluster in clusters if cluster not in (a, b)] + [a | b]
        found.append((a | b, float(between[a, b])))
    return found


def clusters_of(tree: Dendrogram) -> list[frozenset[int]]:
    clusters = [frozenset([i]) for i in range(len(tree))]
    for one, other, _, size in tree.merges.tolist():
        clusters.append(clusters[int(one)] | clusters[int(other)])
        assert len(clusters[-1]) == size
    return clusters


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_naive_algorithm(linkage: str, seed: int) -> None:
    tree, distances = a_tree(25, linkage, seed)
    expected = naive(distances, linkage)
    assert clusters_of(tree)[25:] == [cluster for cluster, _ in expected]
    np.testing.assert_allclose(tree.merges[:, 2], [height for _, height in expected], rtol=1e-6)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_equals_scipy(linkage: str) -> None:
    tree, distances = a_tree(400, linkage)
    condensed = distances[np.triu_indices(400, 1)]
    expected = hierarchy.linkage(condensed, linkage)
    np.testing.assert_allclose(tree.merges[:, 2:], expected[:, 2:], rtol=1e-5)
    np.testing.assert_allclose(
        hierarchy.cophenet(tree.merges), hierarchy.cophenet(expected), rtol=1e-5
    )  # who meets whom at which height


@pytest.mark.parametrize("linkage", LINKAGES)
@given(st.integers(2, 12), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_ties_give_a_tree_all_the_same(linkage: str, n: int, seed: int) -> None:
    """Among equals any may be merged first, but every height must be the linkage of what is merged."""
    condensed = np.random.default_rng(seed).integers(0, 3, n * (n - 1) // 2).astype(np.float32)
    kept = condensed.copy()
    tree = dendrogram(condensed, Strings.of(map(str, range(n))), np.arange(n), linkage)
    np.testing.assert_array_equal(condensed, kept)
    distances, clusters = square(condensed, n), clusters_of(tree)
    assert (np.diff(tree.merges[:, 2]) >= 0).all()
    for one, other, height, _ in tree.merges.tolist():
        between = distances[np.ix_(sorted(clusters[int(one)]), sorted(clusters[int(other)]))]
        assert MEANS[linkage](between) == pytest.approx(height, abs=1e-5)


def test_distances_may_be_used_as_scratch() -> None:
    condensed = np.random.default_rng(0).random(45).astype(np.float32)
    names = Strings.of("abcdefghij")
    kept = condensed.copy()
    tree = dendrogram(condensed, names, np.arange(10))
    again = dendrogram(condensed, names, np.arange(10), overwrite=True)
    np.testing.assert_array_equal(tree.merges, again.merges)
    assert (condensed != kept).any()


@pytest.mark.parametrize("name", list(GEOMETRIES))
def test_point_distances_of_every_geometry(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsearch.trees.pairs._PAIRS", 50)  # several blocks
    points = np.random.default_rng(1).standard_normal((23, 4)).astype(np.float32) * 0.2
    i, j = np.triu_indices(23, 1)
    expected = 3.0 * distance(name, points[i].astype(np.float64), points[j].astype(np.float64)) ** 1.5
    np.testing.assert_allclose(point_distances(points, name, scale=3.0, power=1.5), expected, rtol=1e-6)


def test_exact_distances_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsearch.trees.pairs._PAIRS", 100)
    sequences = families(4, 6, 30)
    full = EditDistance().matrix(sequences, sequences)
    np.testing.assert_array_equal(square(exact_distances(sequences, EditDistance()), len(sequences)), full)


@given(st.integers(2, 15), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_tree_of_some_leaves(count: int, seed: int) -> None:
    tree, _ = a_tree(16, seed=seed)
    leaves = np.random.default_rng(seed).permutation(16)[:count]
    some = tree.restricted(leaves)
    inside = {
        frozenset(int(np.flatnonzero(leaves == i)[0]) for i in cluster if i in leaves) for cluster in clusters_of(tree)
    }
    assert set(clusters_of(some)) == inside - {frozenset()}
    assert list(some.names) == [tree.names[int(i)] for i in leaves]
    assert (np.diff(some.merges[:, 2]) >= 0).all()
    np.testing.assert_array_equal(some.rows, leaves)


def test_a_picture_shows_the_uppermost_clusters() -> None:
    tree, _ = a_tree(60)
    rows = tree.picture_rows(10)
    ends = [row for row in rows if row["node"] not in {other["parent"] for other in rows}]
    assert len(ends) == 10
    assert sum(row["size"] for row in ends) == 60
    assert all(row["name"] for row in ends)
    assert len([row for row in tree.picture_rows(100) if row["name"]]) == 60


def test_what_cannot_be_clustered() -> None:
    one = Strings.of(["a"])
    with pytest.raises(ParameterError, match="a tree needs at least 2 sequences, not 1"):
        dendrogram(np.zeros(0), one, np.arange(1))
    with pytest.raises(ParameterError, match="no linkage is called 'ward': choose one of average, single, complete"):
        dendrogram(np.zeros(1), Strings.of("ab"), np.arange(2), "ward")
    with pytest.raises(ParameterError, match="a tree needs finite distances"):
        dendrogram(np.array([np.nan]), Strings.of("ab"), np.arange(2))
    with pytest.raises(ParameterError, match=r"100,000 sequences takes 20\.0 GB .* limit of 4\.0 GB.* for 44,721"):
        require_memory(100_000, 4e9)
