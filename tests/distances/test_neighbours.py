import numpy as np
import pytest

from seqsearch.distances import Neighbours, recall
from seqsearch.errors import ParameterError

INF = np.inf


def test_recall_counts_every_item_of_a_tie():
    truth = np.array([[1.0, 2.0, 2.0]])
    assert recall(np.array([[1.0, 2.0, 2.0]]), truth) == 1.0
    assert recall(np.array([[2.0, 2.0, 2.0]]), truth) == 1.0
    assert recall(np.array([[1.0, 2.0, 3.0]]), truth) == pytest.approx(2 / 3)


def test_recall_divides_by_the_neighbours_there_are():
    truth = np.array([[4.0, INF, INF], [1.0, 2.0, 3.0]])
    assert recall(np.array([[4.0, INF, INF], [1.0, INF, INF]]), truth) == pytest.approx((1 + 1 / 3) / 2)


def test_recall_uses_the_kth_of_a_longer_truth():
    truth = np.array([[1.0, 2.0, 9.0]])
    assert recall(np.array([[1.0, 9.0]]), truth) == 0.5


def test_recall_takes_neighbours_and_counts_no_item_twice():
    found = Neighbours(np.array([[3, 5]]), np.array([[1.0, 1.0]]))
    truth = Neighbours(np.array([[3, -1]]), np.array([[1.0, INF]]))
    assert recall(found, truth) == 1.0
    assert found.k == 2
    assert len(found) == 1


def test_recall_of_nothing_to_find_is_full():
    assert recall(np.array([[INF]]), np.array([[INF]])) == 1.0


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
        recall(found, truth)
