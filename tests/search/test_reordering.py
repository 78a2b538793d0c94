"""Candidates that are put in the order of bounds, of which only the first are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.arrays import FloatArray
from seqsearch.distances import DTWDistance, Neighbours, recall_at
from seqsearch.evaluation.sweep import Sweep
from seqsearch.search.budget import Budget, Group, Grouped, Point
from seqsearch.search.calibration import Calibration
from seqsearch.search.calibrator import calibrate
from seqsearch.search.intervals import Stop
from seqsearch.search.pipeline import Pipeline, Queries, Ranked, Trace
from seqsearch.search.stages import Exact, Reorder
from seqsearch.sequences import DNA, Sequences, as_sequences

LENGTH = 100


def waves(count: int, seed: int, length: int = LENGTH) -> Sequences:
    rng = np.random.default_rng(seed)
    kinds = np.random.default_rng(0).standard_normal((40, length)).cumsum(axis=1)
    series: FloatArray = kinds[rng.integers(40, size=count)] + 0.5 * rng.standard_normal((count, length)).cumsum(axis=1)
    return Sequences.from_arrays(series.astype(np.float32))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("waves") / "waves.ss"
    distance = {"distance": "dtw", "distance_parameters": {"window": 0.1}}
    SequenceIndex.build(path, waves(650, 1), learn="none", recall=0.9, seed=0, **distance).close()
    return path


def test_the_first_by_bounds_are_compared_and_no_others(built: Path) -> None:
    with SequenceIndex.open(built) as index, index.state() as state:
        assert [stage.name for stage in state.pipeline.stages] == ["embedding", "order of bounds", "exact distance"]
        queries, trace = Queries(waves(6, 2)), Trace()
        found = state.pipeline.neighbours(queries, 5, Budget(300, kept=(40,)), trace=trace)
        proposed = state.pipeline.proposed(queries, Budget(300))
        scores = DTWDistance(window=0.1).ranker(state.targets).scores(queries.sequences, proposed.rows)
        for q in range(6):
            first = proposed.rows[q][np.argsort(scores[q], kind="stable")[:40]]
            exact = state.exact.distances(queries.sequences[q : q + 1], first[None])[0]
            assert found.distances[q].tolist() == np.sort(exact)[:5].tolist()
        assert [report.compared for report in trace.values()] == [6 * len(state), 6 * 300, 6 * 40]
        whole = state.pipeline.neighbours(queries, 5, Budget(300))
        assert (whole.distances <= found.distances).all()
        assert state.pipeline.neighbours(queries, 5, Budget(300, kept=(300,))).rows.tolist() == whole.rows.tolist()


def test_queries_of_another_length_keep_all_candidates_whoever_comes_along(built: Path) -> None:
    with SequenceIndex.open(built) as index, index.state() as state:
        longer, usual, budget = waves(2, 3, LENGTH + 3), waves(2, 4), Budget(200, kept=(20,))
        both = state.pipeline.neighbours(Sequences.concatenate([usual, longer]), 4, budget)
        alone = state.pipeline.neighbours(usual, 4, budget)
        assert both.rows[:2].tolist() == alone.rows.tolist()
        assert both.rows[2:].tolist() == state.pipeline.neighbours(longer, 4, Budget(200)).rows.tolist()
        never = replace(budget, stop=Stop(0.1, (0.0, np.inf), (1e-9,)))  # as if nothing in order were near
        early = state.pipeline.neighbours(Sequences.concatenate([usual, longer]), 4, never)
        assert early.rows[2:].tolist() == both.rows[2:].tolist(), "of these nothing is known of when to stop"
        assert (early.distances[:2] >= both.distances[:2]).all()


def assert_narrowed_as_measured(pipeline: Pipeline, queries: Sequences, known: Calibration) -> None:
    """There are budgets that compare some of the candidates, or of these the first, and these find what they were
    measured to find."""
    stages = (replace(stage, mixing=known.mixing) if isinstance(stage, Reorder) else stage for stage in pipeline.stages)
    pipeline = replace(pipeline, stages=tuple(stages))
    truth = pipeline.neighbours(queries, 10, None)
    for early in (False, True):
        some = [p for p in known.points if p.kept and p.k == 10 and (p.alpha is not None) == early]
        assert some
        for point in some[:: max(1, len(some) // 4)]:
            stop = None if point.alpha is None or known.ordered is None else known.ordered.at(point.alpha)
            budget = Budget(point.candidates, point.ef, stop, point.kept, lists=point.lists)
            assert stop is not None or not early
            found = pipeline.staged(Queries(queries), 10, budget)
            assert recall_at(found.distances, truth.distances, 10).mean() == pytest.approx(point.recall, abs=1e-6)


def test_a_calibration_knows_what_the_first_by_bounds_find(built: Path) -> None:
    with SequenceIndex.open(built) as index, index.state() as state:
        queries = waves(160, 5)
        known = calibrate(state.pipeline, queries, 0.9)
        assert len(known.costs) == 2
        assert_narrowed_as_measured(state.pipeline, queries, known)
        again = Calibration.from_json(json.loads(json.dumps(known.to_json())))
        assert (again.costs, again.mixing, again.ordered) == (known.costs, None, known.ordered)
        assert again.points == known.points
        assert any(point.kept for group in known.groups for point in group.points), "groups as well"


def test_a_budget_costs_what_its_stages_compare() -> None:
    costs = (1.0, 8.0)
    assert Point(10, 800, None, 0.9, 0.9, kept=(100,)).cost(costs) == 800 + 800 * 1.0 + 100 * 8.0
    assert Point(10, 800, None, 0.9, 0.9).cost(costs) == 800 + 800 * 8.0, "what orders them is left out"
    assert Point(10, 800, None, 0.9, 0.9).cost((8.0,)) == 800 + 800 * 8.0
    narrow, wide = Point(10, 800, None, 0.95, 0.93, kept=(100,)), Point(10, 400, None, 0.95, 0.93)
    curve = Calibration(0.9, 500, 10**6, (narrow, wide), costs)
    assert curve.choose(0.9, 10)[0] == Budget(800, kept=(100,))
    assert curve.choose(0.9, 20)[0] == Budget(1600, kept=(200,)), "in proportion beyond what was measured"
    assert Calibration(0.9, 500, 10**6, (narrow, wide), (1.0, 1.0)).choose(0.9, 10)[0] == Budget(400)
    grouped = Calibration(0.9, 500, 10**6, (wide,), costs, groups=(Group(1.0, 500, (narrow, wide)),))
    chosen = grouped.choose_by_groups(0.9, 10, 10**6)
    assert chosen == Budget(800, kept=(100,), groups=Grouped((1.0,), (Budget(800, kept=(100,)), None)))
    assert "800 candidates, then 100 verified" in chosen.verified()


def test_groups_are_told_by_what_was_proposed_not_by_bounds(built: Path) -> None:
    with SequenceIndex.open(built) as index, index.state() as state:
        queries = Queries(waves(30, 6))
        scores = state.pipeline.proposed(queries, Budget(200)).scores
        reach = float(np.median(scores[:, 9]))
        usual, farther = Budget(200, kept=(20,)), Budget(400, kept=(60,))
        groups = Grouped((reach,), (usual, farther), rank=10)
        found = state.pipeline.staged(queries, 5, Budget(200, kept=(20,), groups=groups))
        assert found.group is not None
        assert found.group.tolist() == (scores[:, 9] > reach).astype(int).tolist()
        for group, budget in enumerate((usual, farther)):
            who = np.flatnonzero(found.group == group)
            alone = state.pipeline.staged(queries[who], 5, budget)
            assert found.rows[who].tolist() == alone.rows.tolist()


def test_without_a_stage_that_orders_all_candidates_are_compared(built: Path) -> None:
    with SequenceIndex.open(built) as index, index.state() as state:
        queries = waves(4, 7)
        first, _, last = state.pipeline.stages
        shorter = Pipeline((first, last), state.live)
        assert shorter.neighbours(queries, 5, Budget(150, kept=(20,))).rows.tolist() == (
            state.pipeline.neighbours(queries, 5, Budget(150)).rows.tolist()
        )


def test_evaluate_shows_what_a_share_of_the_candidates_finds(built: Path) -> None:
    with SequenceIndex.open(built) as index:
        ladder = index.budgets()
        assert Budget(400, kept=(100,), lists=ladder[-1].lists, ef=ladder[-1].ef).kept in {b.kept for b in ladder}
        rows = index.evaluate(waves(20, 8), 5, budgets=[Budget(400, kept=(30,)), Budget(400)])
    assert [row.compared for row in rows] == [30, None]
    assert rows[0].recall <= rows[1].recall
    assert [row["compared"] for row in Sweep(rows).as_rows()] == [30, None]
    assert "compared" not in Sweep(rows[1:]).as_rows()[0]


def test_what_is_not_there_stays_last() -> None:
    series = waves(5, 9)
    stage = Reorder(DTWDistance(window=0.1), series)
    before = Ranked(np.array([[3, 1, -1, 4]]), np.array([[0.1, 0.2, np.inf, 0.3]]))
    asked = Queries(series[1:2])
    kept = Pipeline((stage, stage, Exact(DTWDistance(window=0.1), series, np.ones(5, np.bool_))), np.ones(5, np.bool_))
    found = kept._narrowed(asked, before, Budget(4, kept=(4,)), None)
    assert isinstance(found.padded(4), Neighbours)
    assert found.rows[0, 0] == 1
    assert found.rows[0, 3] == -1
    assert np.isinf(found.scores[0, 3])


def families(count: int, seed: int) -> Sequences:
    """DNA of about 900 letters, in two families with many changes."""
    rng, roots = np.random.default_rng(seed), np.random.default_rng(0).integers(4, size=(2, 900))
    texts = []
    for _ in range(count):
        letters = roots[rng.integers(len(roots))].copy()
        changed = rng.random(len(letters)) < rng.uniform(0.1, 0.45)
        letters[changed] = rng.integers(4, size=int(changed.sum()))
        texts.append("".join("ACGT"[code] for code in letters[rng.random(len(letters)) > 0.02]))
    return as_sequences(texts, DNA)


@pytest.fixture(scope="module")
def genes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genes") / "genes.ss"
    SequenceIndex.build(path, families(700, 1), learn="none", recall=0.9, seed=0).close()
    return path


def test_embeddings_and_q_grams_order_together(genes: Path) -> None:
    with SequenceIndex.open(genes) as index, index.state() as state:
        assert [stage.name for stage in state.pipeline.stages] == ["embedding", "order of q-grams", "exact distance"]
        queries = Queries(families(40, 2))
        truth = state.pipeline.neighbours(queries, 10, None)
        proposed = state.pipeline.proposed(queries, Budget(400))
        recalls = {}
        for name, scores in (
            ("embedding", proposed.scores),
            ("q-grams", state.distance.ranker(state.targets).scores(queries.sequences, proposed.rows)),
        ):
            first = np.take_along_axis(proposed.rows, np.argsort(scores, axis=1, kind="stable")[:, :20], axis=1)
            found = np.sort(state.exact.distances(queries.sequences, first), axis=1)[:, :10]
            recalls[name] = recall_at(found, truth.distances, 10).mean()
        together = state.pipeline.neighbours(queries, 10, Budget(400, kept=(20,)))
        recalls["both"] = recall_at(together.distances, truth.distances, 10).mean()
        assert recalls["both"] > max(recalls["embedding"], recalls["q-grams"])


def test_a_calibration_knows_what_both_find(genes: Path) -> None:
    with SequenceIndex.open(genes) as index, index.state() as state:
        queries = families(160, 3)
        known = calibrate(state.pipeline, queries, 0.9)
        assert_narrowed_as_measured(state.pipeline, queries, known)
        assert known.mixing is not None
        again = Calibration.from_json(json.loads(json.dumps(known.to_json())))
        assert (again.mixing, again.ordered, again.points) == (known.mixing, known.ordered, known.points)


def test_nothing_is_put_in_order_before_a_calibration_has_told_how(genes: Path) -> None:
    """As of an index of an older version: more is compared, and no less is found."""
    with SequenceIndex.open(genes) as index, index.state() as state:
        queries = families(8, 4)
        stages = (
            replace(stage, mixing=None) if isinstance(stage, Reorder) else stage for stage in state.pipeline.stages
        )
        unknown = replace(state.pipeline, stages=tuple(stages))
        found, trace = unknown.neighbours(queries, 5, Budget(300, kept=(20,))), Trace()
        assert found.rows.tolist() == unknown.neighbours(queries, 5, Budget(300), trace=trace).rows.tolist()
        assert trace["exact distance"].compared == 8 * 300
