"""Dasgupta's cost: against its definition, its known values, and what it says of good and bad trees."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch.distances import EditDistance
from seqsearch.errors import ParameterError
from seqsearch.sequences import Sequences, Strings
from seqsearch.trees import LINKAGES, compare_trees, dendrogram, exact_distances, point_distances, square
from seqsearch.trees.cost import dasgupta_cost, similarities_of
from tests.families import families


def by_definition(merges: np.ndarray, similarities: np.ndarray) -> float:
    """For every pair, the smallest of all clusters that hold both."""
    n = len(similarities)
    clusters = [{i} for i in range(n)]
    for one, other in merges[:, :2].astype(int).tolist():
        clusters.append(clusters[one] | clusters[other])
    return sum(
        similarities[i, j] * min(len(cluster) for cluster in clusters if {i, j} <= cluster)
        for i in range(n)
        for j in range(i)
    )


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("n", [2, 3, 30])
def test_cost_is_that_of_the_definition(linkage: str, n: int) -> None:
    rng = np.random.default_rng(n)
    names = Strings.of(map(str, range(n)))
    merges = dendrogram(point_distances(rng.random((n, 2)), "euclidean"), names, np.arange(n), linkage).merges
    similar = rng.random((n, n))
    similar += similar.T
    assert dasgupta_cost(merges, similar) == pytest.approx(by_definition(merges, similar))


def test_every_tree_of_a_clique_costs_the_same() -> None:
    """(n^3 - n) / 3 for unit similarities, whatever the tree (Dasgupta 2016, theorem 3)."""
    n = 20
    rng = np.random.default_rng(0)
    for linkage in LINKAGES:
        merges = dendrogram(
            point_distances(rng.random((n, 2)), "euclidean"), Strings.of(map(str, range(n))), np.arange(n), linkage
        ).merges
        assert dasgupta_cost(merges, np.ones((n, n))) == pytest.approx((n**3 - n) / 3)


@pytest.fixture(scope="module")
def sequences() -> Sequences:
    return families(8, 10, 60)


def test_the_exact_tree_is_as_good_as_itself_and_a_random_one_is_not(sequences: Sequences) -> None:
    rows = np.arange(len(sequences))
    exact = dendrogram(exact_distances(sequences, EditDistance()), sequences.ids, rows)
    same = compare_trees(exact, sequences, EditDistance())
    assert same.ratio == same.share == 1
    assert same.leaves == 80
    noise = np.random.default_rng(0).random((80, 2))
    wrong = compare_trees(
        dendrogram(point_distances(noise, "euclidean"), sequences.ids, rows), sequences, EditDistance()
    )
    assert wrong.ratio > 1.05
    assert abs(wrong.share) < 0.2
    assert f"{wrong.ratio:.4f} of the exact tree's on 80 leaves (random leaves: " in str(wrong)


def test_a_large_tree_is_compared_on_a_sample(sequences: Sequences) -> None:
    rows = np.arange(0, 80, 2)[::-1].copy()  # a tree of some sequences in another order
    some = sequences[rows]
    tree = dendrogram(exact_distances(some, EditDistance()), some.ids, rows)
    found = compare_trees(tree, sequences, EditDistance(), sample=25, seed=1)
    assert found.leaves == 25
    assert found.ratio == pytest.approx(1, abs=0.02)
    assert compare_trees(tree, sequences, EditDistance(), sample=25, seed=1) == found


def test_the_random_cost_is_the_mean_over_exchanged_leaves(sequences: Sequences) -> None:
    some = sequences[np.arange(20)]
    condensed = exact_distances(some, EditDistance())
    tree = dendrogram(condensed, some.ids, np.arange(20))
    similar = similarities_of(square(condensed, 20), float(some.lengths.max()))
    rng = np.random.default_rng(0)
    costs = []
    for _ in range(400):
        order = rng.permutation(20)
        costs.append(dasgupta_cost(tree.merges, similar[np.ix_(order, order)]))
    told = compare_trees(tree, some, EditDistance()).random_cost
    assert told == pytest.approx(np.mean(costs), abs=4 * np.std(costs) / 20)


def test_what_cannot_be_compared(sequences: Sequences) -> None:
    tree = dendrogram(exact_distances(sequences, EditDistance()), sequences.ids, np.arange(80))
    with pytest.raises(ParameterError, match="at least 2 leaves, not 1"):
        compare_trees(tree, sequences, EditDistance(), sample=1)
    with pytest.raises(ParameterError, match=r"3 merges and similarities of shape \(3, 3\) are not one tree's"):
        dasgupta_cost(np.zeros((3, 4)), np.ones((3, 3)))
    np.testing.assert_array_equal(similarities_of(np.zeros(3), 0.0), np.ones(3))
