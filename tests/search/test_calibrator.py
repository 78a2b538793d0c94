from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch import SequenceIndex
from seqsearch.ann import make_index
from seqsearch.distances import EditDistance, Neighbours, recall_at
from seqsearch.errors import EmptyInputError, MismatchError, ParameterError
from seqsearch.search.budget import Budget, Point
from seqsearch.search.calibrator import held_out
from seqsearch.search.curves import lower_bound, monotone, worthwhile
from seqsearch.search.ladders import budgets_for
from seqsearch.search.measuring import measure
from seqsearch.search.pipeline import Queries, Ranked
from seqsearch.sequences import DNA, PROTEIN, Sequences
from seqsearch.store import Store
from tests.families import families


@pytest.fixture(params=["exact", "hnsw"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> SequenceIndex:
    return SequenceIndex.build(tmp_path / "i.ss", families(30, 10, 50), encoder="kmer", index=request.param)


def test_members_are_never_their_own_neighbours(index: SequenceIndex) -> None:
    index.remove(["s5", "s17"])
    live = np.ones(300, np.bool_)
    live[[5, 17]] = False
    own = np.array([0, 4, 100, 299])
    with index.state() as state:
        queries = state.targets[own]
        truth = state.neighbours(queries, 6, None, exclude=own)
        matrix = EditDistance().matrix(queries, state.targets)
        proposed = state.pipeline.proposed(Queries(queries), Budget(20, 40), exclude=own).rows
    for q, row in enumerate(own.tolist()):
        allowed = [r for r in np.lexsort((np.arange(300), matrix[q])).tolist() if live[r] and r != row]
        assert truth.rows[q].tolist() == allowed[:6]
    assert proposed.shape == (4, 20)
    assert not (proposed == own[:, None]).any()


def test_a_member_among_many_copies_loses_one_column_only(tmp_path: Path) -> None:
    copies = Sequences.from_texts(["ACGTACGTAC"] * 60, DNA, [f"c{i}" for i in range(60)])
    with SequenceIndex.build(tmp_path / "c.ss", copies, encoder="kmer", index="exact") as index:
        own = np.array([59])
        with index.state() as state:
            found = state.neighbours(copies[own], 5, None, exclude=own)
        assert found.rows.tolist() == [[0, 1, 2, 3, 4]]  # ties by row: its own was not even among the first six


def test_the_stored_curve_is_what_a_plain_loop_measures(index: SequenceIndex) -> None:
    measured = index.calibrate(sample=25, seed=3)
    assert index.calibration == measured
    assert (measured.queries, measured.size) == (25, 300)
    own = np.sort(np.random.default_rng(3).choice(300, 25, replace=False))
    matrix = EditDistance().matrix(index.sequences[own], index.sequences)
    matrix[np.arange(25), own] = np.inf
    truth = np.sort(matrix, axis=1)[:, :10]
    for point in measured.points:
        if point.k != 10 or point.ef is not None or point.alpha is not None:
            continue
        with index.state() as state:
            rows = state.pipeline.proposed(Queries(state.targets[own]), Budget(point.candidates + 1)).rows
        found = np.full((25, 10), np.inf)
        for q in range(25):
            others = [row for row in rows[q].tolist() if row >= 0 and row != own[q]][: point.candidates]
            best = np.sort(matrix[q, others])[:10]
            found[q, : len(best)] = best
        assert point.recall == pytest.approx(recall_at(found, truth, 10).mean(), abs=1e-6)
    assert max(point.recall for point in measured.points if point.k == 10) == 1


def test_calibrate_on_given_queries_and_a_new_target(index: SequenceIndex) -> None:
    asked = families(30, 2, 50, seed=9)
    measured = index.calibrate(asked, recall=0.8)
    assert (measured.queries, measured.target) == (60, 0.8)
    assert "recall 0.8" in index.budget(10)[1]
    with pytest.raises(MismatchError, match="dna"):
        index.calibrate(Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(ParameterError, match="recall must be above 0"):
        index.calibrate(asked, recall=0.0)
    assert index.calibration == measured


def test_one_sequence_has_nothing_to_measure(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "one.ss", Sequences.from_texts(["ACGT"], DNA)) as index:
        assert index.calibrate().points == ()
        assert "too little data" in index.budget(1)[1]
        assert index.verify().ok


def test_verify_sees_a_candidate_index_that_lost_or_gained_rows(index: SequenceIndex) -> None:
    index.remove(["s9"])
    assert index.verify(sample=50).problems == []
    with index.state() as state:
        state.proposals.remove(np.array([3, 4]))
        state.proposals.add(np.array([9]), index.model.vectors(families(30, 10, 50)[9:10]))
    problems = index.verify(sample=50).problems
    assert "the candidate index lacks 2 live rows, 's3' first" in problems
    assert "the candidate index holds 1 rows that are not live" in problems


def test_verify_sees_vectors_that_the_model_does_not_make(index: SequenceIndex) -> None:
    some = index.sequences[40:60]
    with Store.open(index.path, write=True) as writer:
        writer.update(some, 2 * index.model.vectors(some))
    index.refresh()
    assert index.verify(sample=300).problems == ["the model makes other vectors of 20 of 300 stored sequences"]


def test_build_measures_the_recall_on_given_queries(tmp_path: Path) -> None:
    stored, asked = families(20, 10, 50), families(20, 2, 50, seed=9)
    with SequenceIndex.build(tmp_path / "q.ss", stored, encoder="kmer", queries=asked) as index:
        assert index.calibration.queries == 40
        assert index.calibration.size == 200
    with pytest.raises(MismatchError, match="the queries are protein, the stored sequences dna"):
        SequenceIndex.build(tmp_path / "x.ss", stored, queries=Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(EmptyInputError, match="no query"):
        SequenceIndex.build(tmp_path / "x.ss", stored, queries=stored[:0])
    assert not (tmp_path / "x.ss").exists()


def test_a_search_says_when_its_queries_are_not_like_those_measured(tmp_path: Path) -> None:
    everything = families(60, 12, 50)
    is_asked = np.arange(len(everything)) % 12 < 2
    with SequenceIndex.build(tmp_path / "s.ss", everything[~is_asked], encoder="kmer", index="exact") as index:
        alike = index.search(everything[is_asked], 5, candidates=50)
        strange = index.search(families(60, 2, 50, seed=77), 5, candidates=50)
        assert alike.warnings == ()
        assert len(strange.warnings) == 1
        assert "so it may be lower: calibrate with queries like these" in strange.warnings[0]
        told = [index.distribution_warning([found.distances[:, 0]]) for found in (alike, strange)]
        assert told == [None, strange.warnings[0]], "and all batches can be judged together"


def test_recall_counts_ties_by_hand() -> None:
    truth = np.array([[1.0, 2, 2], [0, 5, 9], [3, np.inf, np.inf]])
    found = np.array([[1.0, 2, 2], [0, 9, 10], [3, np.inf, np.inf]])
    np.testing.assert_allclose(recall_at(found, truth, 3), [1, 2 / 3, 1])
    np.testing.assert_allclose(recall_at(found, truth, 2), [1, 1 / 2, 1])


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

    def propose(budget: Budget) -> Ranked:
        rows = np.array(everything[budget.candidates])
        return Ranked(rows, np.zeros(rows.shape, np.float32))

    measured = measure(truth, propose, verify, [Budget(10), Budget(20), Budget(30)], (1, 2))
    assert measured.interval is None, "two neighbours are too few"
    assert sorted(asked) == [0, 1, 5]
    assert [(point.k, point.candidates, point.recall) for point in measured.points()] == [
        (1, 10, 1.0),
        (2, 10, 0.5),
        (1, 20, 1.0),
        (2, 20, 1.0),
    ]


@pytest.mark.parametrize("size", [1, 50, 4000, 10**6])
def test_budgets_never_exceed_the_data(size: int) -> None:
    graph, scan = (make_index(kind, geometry="euclidean", dim=4) for kind in ("hnsw", "exact"))
    budgets = budgets_for(graph, size)
    assert max(b.candidates for b in budgets) <= size
    assert all(b.ef is not None and b.ef >= b.candidates for b in budgets)
    wider = budgets_for(graph, size, wider=True)
    assert set(wider) >= set(budgets)
    assert [b.candidates for b in wider] == sorted(b.candidates for b in wider)
    assert budgets_for(scan, size, wider=True) == [Budget(b.candidates) for b in budgets]


def test_points_that_cost_more_for_no_more_are_left_out() -> None:
    cheap, dear, better = (
        Point(10, 20, None, 0.9, 0.88, lists=8, proposing=5.0),
        Point(10, 30, None, 0.9, 0.88, lists=8, proposing=6.0),
        Point(10, 30, None, 0.95, 0.93, lists=16, proposing=7.0),
    )
    other = Point(1, 30, None, 0.5, 0.4)
    assert set(worthwhile([dear, better, other, cheap], (1.0,))) == {cheap, better, other}
    assert worthwhile([], (1.0,)) == []


def test_held_out_rows() -> None:
    rng = np.random.default_rng(0)
    assert len(held_out(39, 500, rng)) == 0
    assert len(held_out(1000, 500, rng)) == 50
    assert len(np.unique(held_out(10**5, 500, rng))) == 500


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=30))
def test_bounds_never_fall_as_the_recall_rises(found: list[tuple[int, int]]) -> None:
    points = [Point(k % 2 + 1, 10 + i, None, r / 20, low / 20) for i, (r, low) in enumerate(found) for k in (r,)]
    for before, after in zip(points, monotone(points), strict=True):
        assert after.lower >= before.lower
        assert (after.recall, after.candidates) == (before.recall, before.candidates)
    for one in monotone(points):
        assert all(
            one.lower >= other.lower for other in monotone(points) if other.k == one.k and other.recall < one.recall
        )


def test_a_curve_measured_on_few_queries_has_bounds_that_rise(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "f.ss", families(30, 10, 50), encoder="kmer", index="exact") as index:
        for k in (1, 10, 50):
            curve = sorted((p.recall, p.lower) for p in index.calibration.points if p.k == k)
            assert (np.diff([lower for _, lower in curve]) >= 0).all()
