from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.ann import Candidates
from seqsearch.distances import Neighbours
from seqsearch.search.budgeting import chosen_budget
from seqsearch.search.calibration import Budget, Calibration, Point, budgets_for, held_out, lower_bound, measure
from seqsearch.search.stopping import DOUBTS, Interval

CURVE = Calibration(
    0.9,
    100,
    1000,
    (
        Point(1, 10, 32, 0.95, 0.93),
        Point(10, 10, 32, 0.7, 0.68),
        Point(10, 50, 50, 0.93, 0.91),
        Point(10, 100, 100, 0.99, 0.985),
    ),
)


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
    rng = np.random.default_rng(0)
    interval = Interval.fit(rng.integers(0, 9, 500).astype(float), rng.random(500))
    early = Calibration(0.9, 1, 1, (Point(1, 50, 50, 0.9, 0.9, DOUBTS[0], 20.5),), 2.5, interval)
    assert Calibration.from_json(early.to_json()) == early


def test_a_curve_of_an_older_index_is_read() -> None:
    document = {
        "target": 0.9,
        "queries": 5,
        "size": 9,
        "points": [{"k": 1, "candidates": 10, "ef": None, "recall": 1.0, "lower": 0.9}],
    }
    assert Calibration.from_json(document).choose(0.9, 1)[0] == Budget(10)


def test_comparing_with_everything_may_be_cheaper() -> None:
    point = Point(10, 100, 100, 0.95, 0.94)
    curve = Calibration(0.9, 10, 1000, (point,), 2.0, exact_cost=350.0)
    assert point.cost(2.0) == 300
    assert not curve.exact_is_cheaper(point, 1000)
    assert curve.exact_is_cheaper(point, 800)
    budget, said = chosen_budget(lambda: curve, True, 800, 10, recall=None, candidates=None, ef=None, exact=False)
    assert budget is None
    assert said == "exact: cheaper than the 100 candidates, ef 100 that recall 0.9 takes"


def test_strangers_are_told_from_chance() -> None:
    curve = Calibration(0.9, 500, 1000, usual=5.0)
    rng = np.random.default_rng(0)
    alike = np.where(rng.random(400) < 0.1, 6.0, 5.0)
    assert curve.strangers(alike) is None
    assert curve.strangers(np.full(400, 5.0)) is None, "at the usual distance is usual"
    assert curve.strangers(np.repeat([4.0, 6.0], [280, 120])) == pytest.approx(0.3)
    assert curve.strangers(np.full(19, 9.0)) is None, "too few to tell"
    assert Calibration(0.9, 500, 1000).strangers(np.full(400, 9.0)) is None, "an older index does not know"


def test_stopping_early_is_taken_where_verifying_is_dear() -> None:
    interval = Interval.fit(np.arange(800.0), np.arange(800.0))
    assert interval is not None
    points = (Point(10, 100, 100, 0.95, 0.94), Point(10, 200, 200, 0.97, 0.95, 0.05, 40.0))
    cheap, _ = Calibration(0.9, 1, 1, points, 0.1, interval).choose(0.9, 10)
    dear, _ = Calibration(0.9, 1, 1, points, 10.0, interval).choose(0.9, 10)
    assert cheap == Budget(100, 100)
    assert dear == Budget(200, 200, interval.at(0.05))
    assert "95.0%" in str(dear)


def test_the_lower_bound_is_wilsons_for_finds_that_are_all_or_nothing() -> None:
    each = np.array([1.0] * 95 + [0.0] * 5)
    p, n, z = 0.95, 100, 1.645
    wilson = (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    assert lower_bound(each) == pytest.approx(wilson)
    assert lower_bound(np.ones(100)) == pytest.approx(1 / (1 + z * z / 100)), "certainty has a width too"


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60))
def test_the_lower_bound_lies_below_the_mean(tenths: list[int]) -> None:
    each = np.array(tenths) / 10
    assert 0 <= lower_bound(each) <= each.mean() + 1e-12
    assert lower_bound(np.tile(each, 4)) >= lower_bound(each) - 1e-12, "more queries, a tighter bound"


def test_measuring_verifies_a_pair_once_and_stops_when_everything_is_found() -> None:
    truth = Neighbours(np.array([[0, 1]]), np.array([[1.0, 2.0]]))
    everything = {10: [[0, 5, -1]], 20: [[5, 0, 1]], 30: [[0, 1, 2]]}
    distances = {0: 1.0, 1: 2.0, 5: 7.0}
    asked: list[int] = []

    def verify(queries: np.ndarray, rows: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
        assert (queries == 0).all()
        assert (cutoffs == 2.0).all()
        asked.extend(rows.tolist())
        return np.array([distances[row] for row in rows.tolist()])

    def propose(budget: Budget) -> Candidates:
        rows = np.array(everything[budget.candidates])
        return Candidates(rows, np.zeros(rows.shape, np.float32))

    points, interval = measure(truth, propose, verify, [Budget(10), Budget(20), Budget(30)], (1, 2))
    assert interval is None, "two neighbours are too few"
    assert sorted(asked) == [0, 1, 5]
    assert [(point.k, point.candidates, point.recall) for point in points] == [
        (1, 10, 1.0),
        (2, 10, 0.5),
        (1, 20, 1.0),
        (2, 20, 1.0),
    ]


@pytest.mark.parametrize("size", [1, 50, 4000, 10**6])
def test_budgets_never_exceed_the_data(size: int) -> None:
    budgets = budgets_for(size, True)
    assert max(b.candidates for b in budgets) <= size
    assert all(b.ef is not None and b.ef >= b.candidates for b in budgets)
    wider = budgets_for(size, True, wider=True)
    assert set(wider) >= set(budgets)
    assert [b.candidates for b in wider] == sorted(b.candidates for b in wider)
    assert budgets_for(size, False, wider=True) == [Budget(b.candidates) for b in budgets]


def test_held_out_rows() -> None:
    rng = np.random.default_rng(0)
    assert len(held_out(39, 500, rng)) == 0
    assert len(held_out(1000, 500, rng)) == 50
    assert len(np.unique(held_out(10**5, 500, rng))) == 500
