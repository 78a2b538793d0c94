from __future__ import annotations

import numpy as np
import pytest

from seqsearch.ann.exact import ExactIndex
from seqsearch.ann.hnsw import HnswIndex
from seqsearch.errors import ParameterError
from seqsearch.search.budget import Budget, Point
from seqsearch.search.calibration import Calibration
from seqsearch.search.intervals import ALPHAS, Interval
from seqsearch.search.wanted import Wanted, unusual

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
    early = Calibration(0.9, 1, 1, (Point(1, 50, 50, 0.9, 0.9, ALPHAS[0], 20.5),), (2.5,), interval)
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
    curve = Calibration(0.9, 10, 1000, (point,), (2.0,), exact_cost=350.0)
    assert point.cost((2.0,)) == 300
    assert not curve.exact_is_cheaper(point, 1000)
    assert curve.exact_is_cheaper(point, 800)
    choice = Wanted().budget(curve, HnswIndex, 800, 10)
    assert choice.budget is None
    assert choice.reason == "compared with everything: cheaper than the 100 candidates (ef 100) that recall 0.9 takes"


def test_queries_out_of_distribution_are_told_from_chance() -> None:
    curve = Calibration(0.9, 500, 1000, usual=5.0)
    rng = np.random.default_rng(0)
    alike = np.where(rng.random(400) < 0.1, 6.0, 5.0)
    assert curve.out_of_distribution(alike) is None
    assert curve.out_of_distribution(np.full(400, 5.0)) is None, "at the usual distance is usual"
    assert curve.out_of_distribution(np.repeat([4.0, 6.0], [280, 120])) == pytest.approx(0.3)
    assert curve.out_of_distribution(np.full(19, 9.0)) is None, "too few to tell"
    assert Calibration(0.9, 500, 1000).out_of_distribution(np.full(400, 9.0)) is None, "an older index does not know"


def test_stopping_early_is_taken_where_verifying_is_dear() -> None:
    interval = Interval.fit(np.arange(800.0), np.arange(800.0))
    assert interval is not None
    points = (Point(10, 100, 100, 0.95, 0.94), Point(10, 200, 200, 0.97, 0.95, 0.05, 40.0))
    cheap, _ = Calibration(0.9, 1, 1, points, (0.1,), interval).choose(0.9, 10)
    dear, _ = Calibration(0.9, 1, 1, points, (10.0,), interval).choose(0.9, 10)
    assert cheap == Budget(100, 100)
    assert dear == Budget(200, 200, interval.at(0.05))
    assert dear.verified() == "at most 200 candidates (ef 200) verified a query"


def test_what_is_wanted_and_what_to_beware_of() -> None:
    changed = Wanted(recall=0.9).budget(CURVE, HnswIndex, 1300, 10)
    assert changed.budget == Budget(50, 50)
    assert changed.reason == "50 candidates (ef 50) verified a query; measured recall 0.9300 (asked 0.9)"
    assert changed.warnings == ("the index has changed by more than a fifth since it was calibrated",)
    assert Wanted(candidates=7).budget(CURVE, HnswIndex, 1000, 10).budget == Budget(10, 32)
    assert Wanted(candidates=70).budget(CURVE, ExactIndex, 1000, 10).budget == Budget(70)
    assert Wanted(exact=True).budget(CURVE, HnswIndex, 1000, 10).budget is None
    with pytest.raises(ParameterError, match="of kind 'exact' takes no effort, not ef"):
        Wanted(candidates=70, ef=9).budget(CURVE, ExactIndex, 1000, 10)
    with pytest.raises(ParameterError, match="of kind 'hnsw' takes ef, not lists"):
        Wanted(candidates=70, lists=9).budget(CURVE, HnswIndex, 1000, 10)
    with pytest.raises(ParameterError, match="ef and lists say nothing without candidates"):
        Wanted(ef=9, lists=3)
    with pytest.raises(ParameterError, match="lists must be at least 1, not 0"):
        Wanted(candidates=5, lists=0)


def test_lists_are_an_effort_like_that_of_a_graph() -> None:
    point = Point(10, 50, None, 0.97, 0.96, lists=24, proposing=20.0)
    curve = Calibration(0.9, 500, 1000, (point, Point(10, 30, None, 0.97, 0.96, lists=64, proposing=60.0)))
    assert Calibration.from_json(curve.to_json()) == curve
    assert curve.choose(0.9, 10) == (Budget(50, lists=24), point), "many candidates of few lists cost less"
    assert curve.choose(0.9, 20)[0] == Budget(100, lists=48)
    assert str(Budget(50, lists=24)) == "50 candidates of 24 lists"
    assert (Budget(50, lists=24).effort("lists"), Budget(50, 60).effort("ef"), Budget(50).effort("")) == (24, 60, None)
    text = unusual(Calibration(0.9, 500, 1000, usual=5.0), np.full(50, 9.0))
    assert text is not None
    assert text.startswith("100% of these queries are farther")


def test_documents_of_format_1_and_of_pairs_are_read() -> None:
    pairs = Calibration(0.9, 30, 50, (Point(1, 20, None, 0.9, 0.8, kept=(5,)),), (3.0, 9.0), truth="pairs", weight=0.25)
    assert Calibration.from_json(pairs.to_json()) == pairs
    old = CURVE.to_json()
    assert {"weight", "exact_cost"} <= old.keys()
    assert old["points"][0] == {
        "k": 1,
        "candidates": 10,
        "ef": 32,
        "recall": 0.95,
        "lower": 0.93,
        "verified": None,
        "doubt": None,
    }
