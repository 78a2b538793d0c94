from __future__ import annotations

import numpy as np
import pytest

from seqsearch.distances import Neighbours
from seqsearch.search.calibration import Budget, Calibration, Point, budgets_for, held_out, measure, per_query_recall

CURVE = Calibration(
    0.9, 100, 1000,
    (
        Point(1, 10, 32, 0.95, 0.93), Point(10, 10, 32, 0.7, 0.68), Point(10, 50, 50, 0.93, 0.91),
        Point(10, 100, 100, 0.99, 0.985),
    ),
)  # fmt: skip


def test_recall_counts_ties_by_hand() -> None:
    truth = np.array([[1.0, 2, 2], [0, 5, 9], [3, np.inf, np.inf]])
    found = np.array([[1.0, 2, 2], [0, 9, 10], [3, np.inf, np.inf]])
    np.testing.assert_allclose(per_query_recall(found, truth, 3), [1, 2 / 3, 1])
    np.testing.assert_allclose(per_query_recall(found, truth, 2), [1, 1 / 2, 1])


def test_the_cheapest_budget_that_surely_reaches_the_recall() -> None:
    assert CURVE.choose(0.9, 10)[0] == Budget(50, 50)
    assert CURVE.choose(0.92, 10)[0] == Budget(100, 100)
    assert CURVE.choose(0.9, 1)[0] == Budget(10, 32)


def test_no_budget_reaches_it() -> None:
    budget, best = CURVE.choose(0.999, 10)
    assert budget is None
    assert best is not None
    assert best.recall == 0.99
    assert Calibration(0.9, 0, 5).choose(0.5, 10) == (None, None)


def test_other_numbers_of_neighbours() -> None:
    assert CURVE.choose(0.9, 5)[0] == Budget(50, 50), "the next larger measured k stands in"
    assert CURVE.choose(0.9, 30)[0] == Budget(150, 150), "beyond the largest, budgets grow in proportion"


def test_stale_after_a_fifth() -> None:
    assert not CURVE.is_stale(1200)
    assert CURVE.is_stale(1201)
    assert CURVE.is_stale(799)


def test_round_trip() -> None:
    assert Calibration.from_json(CURVE.to_json()) == CURVE


def test_measuring_verifies_a_pair_once_and_stops_when_everything_is_found() -> None:
    truth = Neighbours(np.array([[0, 1]]), np.array([[1.0, 2.0]]))
    lists = {10: [[0, 5, -1]], 20: [[5, 0, 1]], 30: [[0, 1, 2]]}
    distances = {0: 1.0, 1: 2.0, 5: 7.0}
    asked: list[int] = []

    def verify(queries: np.ndarray, rows: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
        assert (queries == 0).all()
        assert (cutoffs == 2.0).all()
        asked.extend(rows.tolist())
        return np.array([distances[row] for row in rows.tolist()])

    points = measure(
        truth, lambda budget: np.array(lists[budget.candidates]), verify, [Budget(10), Budget(20), Budget(30)], (1, 2)
    )
    assert sorted(asked) == [0, 1, 5]
    assert [(point.k, point.candidates, point.recall) for point in points] == [
        (1, 10, 1.0), (2, 10, 0.5), (1, 20, 1.0), (2, 20, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 50, 4000, 10**6])
def test_budgets_never_exceed_the_data(size: int) -> None:
    budgets = budgets_for(size, "hnsw")
    assert max(b.candidates for b in budgets) <= size
    assert all(b.ef is not None and b.ef >= b.candidates for b in budgets)


def test_held_out_rows() -> None:
    rng = np.random.default_rng(0)
    assert len(held_out(39, 500, rng)) == 0
    assert len(held_out(1000, 500, rng)) == 50
    assert len(np.unique(held_out(10**5, 500, rng))) == 500
