import numpy as np
import pytest

from seqsearch.distances import Neighbours, Pruning, recall_at
from seqsearch.errors import ParameterError

INF = np.inf


def test_recall_counts_every_item_of_a_tie():
    truth = np.array([[1.0, 2.0, 2.0]] * 3)
    found = np.array([[1.0, 2.0, 2.0], [2.0, 2.0, 2.0], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(recall_at(found, truth, 3), [1, 1, 2 / 3])


def test_recall_divides_by_the_neighbours_there_are():
    truth = np.array([[4.0, INF, INF], [1.0, 2.0, 3.0], [INF, INF, INF]])
    found = np.array([[4.0, INF, INF], [1.0, INF, INF], [INF, INF, INF]])
    np.testing.assert_allclose(recall_at(found, truth, 3), [1, 1 / 3, 1])


def test_recall_looks_at_the_first_k_of_both():
    truth = np.array([[1.0, 2.0, 9.0], [0.0, 5.0, 9.0]])
    found = np.array([[1.0, 9.0, 2.0], [0.0, 9.0, 10.0]])
    np.testing.assert_allclose(recall_at(found, truth, 2), [0.5, 0.5])
    np.testing.assert_allclose(recall_at(found[:, :1], truth, 2), [0.5, 0.5])


def test_recall_takes_neighbours_and_counts_no_item_twice():
    found = Neighbours(np.array([[3, 5]]), np.array([[1.0, 1.0]]))
    truth = Neighbours(np.array([[3, -1]]), np.array([[1.0, INF]]))
    assert recall_at(found, truth, 2).tolist() == [1.0]
    assert found.k == 2
    assert len(found) == 1


@pytest.mark.parametrize(
    ("found", "truth", "problem"),
    [
        (np.zeros((2, 3)), np.zeros((2, 2)), "the truth holds 2 neighbours a query, 3 are needed"),
        (np.zeros((2, 3)), np.zeros((1, 3)), r"shape \(2, 3\) cannot be compared with a truth of shape \(1, 3\)"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "cannot be compared"),
        (np.zeros(3), np.zeros(3), "cannot be compared"),
    ],
)
def test_recall_refuses_shapes_that_do_not_fit(found, truth, problem):
    with pytest.raises(ParameterError, match=problem):
        recall_at(found, truth, 3)


def test_pruning_reads_as_a_line():
    pruning = Pruning(2000, 30, {"length": 1000, "k-mer counts": 900})
    assert (pruning.verified, pruning.cutoff) == (100, 70)
    assert str(pruning) == "95.0% ruled out without computing"
    more = pruning + Pruning(1000, 5, {"k-mer counts": 999, "last": 1})
    assert more == Pruning(3000, 35, {"length": 1000, "k-mer counts": 1899, "last": 1})
    assert str(Pruning(10_000, 1, {"length": 9999})) == "99.9% ruled out without computing"
    assert str(Pruning(0, 0)) == "0.0% ruled out without computing"
