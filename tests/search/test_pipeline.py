"""The pipeline against a plain loop, and what its stages are told to keep."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.arrays import AnyArray, BoolArray, IntArray
from seqsearch.distances import EditDistance, Neighbours
from seqsearch.search.budget import Budget
from seqsearch.search.pair_calibrator import calibrate_pairs
from seqsearch.search.pipeline import Keep, Pipeline, Queries, Ranked, Trace
from seqsearch.search.stages import Exact
from seqsearch.search.wanted import Wanted
from seqsearch.sequences import DNA, Sequences


@dataclass(frozen=True)
class Table:
    """A stage whose scores stand in a table, (Q, n); queries are named by their numbers."""

    name: str
    table: AnyArray
    live: BoolArray | None = field(default=None)
    decides: bool = False
    optional: bool = False

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        scores = self.table[[int(name) for name in queries.sequences.ids]]
        rows: IntArray = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
        if before is not None:
            rows = before.rows
            scores = np.take_along_axis(scores, np.maximum(rows, 0), axis=1)
            if keep.budget is not None:
                scores = scores + keep.budget.weight * before.scores
        scores = np.where(rows >= 0, scores, np.inf)
        if keep.allowed is not None:
            scores = np.where(keep.allowed, scores, np.inf)
        order = np.argsort(scores, axis=1, kind="stable")[:, : keep.count]
        scores = np.take_along_axis(scores, order, axis=1)
        return Ranked(np.where(np.isinf(scores), -1, np.take_along_axis(rows, order, axis=1)), scores)

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        return {"rough": 1.0, "fine": 10.0}.get(self.name, 100.0)


def numbered(queries: int) -> Sequences:
    return Sequences.from_texts(["A"] * queries, DNA, [str(i) for i in range(queries)])


def tables(seed: int, queries: int = 6, size: int = 50) -> tuple[list[Table], IntArray]:
    """Three stages, each a better guess of the truth, and the truly nearest entries."""
    rng = np.random.default_rng(seed)
    truth = rng.random((queries, size))
    noisy = [truth + noise * rng.standard_normal(truth.shape) for noise in (0.3, 0.1)]
    return [Table("rough", noisy[0]), Table("fine", noisy[1]), Table("exact", truth)], truth.argmin(axis=1)


def pipeline_of(stages: list[Table]) -> Pipeline:
    return Pipeline(tuple(stages), np.ones(stages[0].table.shape[1], np.bool_))


@given(st.integers(0, 50), st.integers(1, 49), st.integers(1, 49), st.integers(1, 6), st.sampled_from([None, 0, 7, 20]))
@settings(deadline=None, max_examples=60)
def test_a_pipeline_equals_a_plain_loop(seed: int, first: int, second: int, k: int, own: int | None) -> None:
    stages, _ = tables(seed)
    exclude, trace = None if own is None else np.full(6, own), Trace()
    found = pipeline_of(stages).neighbours(numbered(6), k, Budget(first, kept=(second,)), exclude=exclude, trace=trace)
    for query in range(6):
        rough, fine, exact = (stage.table[query] for stage in stages)
        left = sorted((row for row in range(50) if row != own), key=lambda row: (rough[row], row))[:first]
        left = sorted(left, key=lambda row: fine[row])[:second]
        left = sorted(left, key=lambda row: exact[row])[:k]
        assert found.rows[query].tolist() == left + [-1] * (k - len(left))
        assert found.distances[query, : len(left)].tolist() == exact[left].tolist()
    assert [report.kept for report in trace.values()] == [6 * first, 6 * min(first, second), 6 * min(first, second, k)]
    assert [report.compared for report in trace.values()] == [300, 6 * first, 6 * min(first, second)]


def test_without_a_budget_everything_is_compared_by_the_last_stage() -> None:
    stages, _ = tables(3)
    for budget in (None, Budget(50), Budget(99)):
        found = pipeline_of(stages).neighbours(numbered(6), 4, budget)
        np.testing.assert_array_equal(found.rows, np.argsort(stages[2].table, axis=1)[:, :4])
    allowed = np.arange(50) % 2 == 0
    found = pipeline_of(stages).neighbours(numbered(6), 30, None, allowed=allowed)
    assert (found.rows >= 0).sum(axis=1).tolist() == [25] * 6


def test_one_stage_alone_ranks_what_it_proposes() -> None:
    stages, _ = tables(4)
    found = pipeline_of(stages[:1]).staged(numbered(6), 5, Budget(5), exclude=np.arange(6))
    for query in range(6):
        order = [row for row in np.argsort(stages[0].table[query]).tolist() if row != query]
        assert found.rows[query].tolist() == order[:5]


def test_the_stage_before_counts_in_the_last_ranking_by_its_weight() -> None:
    rng = np.random.default_rng(5)
    texts = ["".join(rng.choice(list("ACGT"), 12)) for _ in range(40)]
    targets, queries = Sequences.from_texts(texts, DNA), Sequences.from_texts(texts[:3], DNA, ["0", "1", "2"])
    first = Table("rough", rng.random((3, 40)))
    last = Exact(EditDistance(), targets, np.ones(40, np.bool_))
    found = Pipeline((first, last), last.live).neighbours(queries, 10, Budget(20, weight=6.5))
    matrix = EditDistance().matrix(queries, targets)
    for query in range(3):
        left = np.argsort(first.table[query])[:20]
        order = left[np.argsort(matrix[query, left] + 6.5 * first.table[query, left], kind="stable")][:10]
        assert found.rows[query].tolist() == order.tolist()
        assert found.distances[query].tolist() == matrix[query, order].tolist()


# -- what the stages keep, chosen on queries with known answers -------------------------------------------------------


def lost(stages: list[Table], correct: IntArray, budget: Budget) -> float:
    """The share of known answers that do not reach the last stage."""
    kept = pipeline_of(stages).kept(Queries(numbered(len(correct))), budget).rows
    return float((~(kept == correct[:, None]).any(axis=1)).mean())


def test_chosen_budgets_hold_the_recall_and_cost_least() -> None:
    stages, correct = tables(5, queries=80, size=200)
    measured = calibrate_pairs(pipeline_of(stages), numbered(80), correct, 80 / 81, 200)
    generous, point = measured.choose(80 / 81 - 1e-6, 1)  # all of them
    assert generous is not None
    assert point is not None
    assert point.recall == 1
    assert lost(stages, correct, generous) == 0
    thrifty, _ = measured.choose(0.8, 1)
    assert thrifty is not None
    assert lost(stages, correct, thrifty) <= 0.2
    assert thrifty.kept < generous.kept
    sure = [point for point in measured.points if point.lower >= 0.8]
    least = min(point.cost(measured.costs) for point in sure)
    assert any((p.candidates, *p.kept) == thrifty.keeps and p.cost(measured.costs) == least for p in sure)


def test_a_limit_of_the_last_stage_holds() -> None:
    stages, correct = tables(6, queries=60, size=150)
    pipeline, queries = pipeline_of(stages), numbered(60)
    few, _ = calibrate_pairs(pipeline, queries, correct, 0.95, 3).choose(60 / 61, 1)
    many, _ = calibrate_pairs(pipeline, queries, correct, 0.95, 150).choose(60 / 61 - 1e-6, 1)
    assert few is not None
    assert many is not None
    assert few.kept[0] <= 3
    assert lost(stages, correct, many) == 0 < lost(stages, correct, few)


def test_too_few_queries_prune_nothing_but_what_must_be() -> None:
    stages, correct = tables(7)
    measured = calibrate_pairs(pipeline_of(stages), numbered(6), correct, 0.95, 20)
    chosen, _ = measured.choose(0.95, 1)
    assert chosen == Budget(50, kept=(20,), weight=measured.weight)
    told = Wanted().budget(measured, False, 50, 1)
    assert told.warnings == ("recall 0.95 is not sure: 6 known pairs are too few, or too much is pruned",)


def test_one_seed_gives_one_budget_whatever_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stages, correct = tables(7, queries=40)
    once = calibrate_pairs(pipeline_of(stages), numbered(40), correct, 0.9, 25)
    monkeypatch.setattr("time.perf_counter", lambda: float(np.random.default_rng().random()))
    assert calibrate_pairs(pipeline_of(stages), numbered(40), correct, 0.9, 25) == once
    assert [point.lower for point in once.points] == [
        pytest.approx(round(point.recall * 40) / 41, abs=1e-6) for point in once.points
    ]


def test_budgets_of_pairs_grow_with_the_database_and_with_k() -> None:
    stages, correct = tables(8, queries=40)
    measured = calibrate_pairs(pipeline_of(stages), numbered(40), correct, 0.8, 20)
    now, _ = measured.choose(0.8, 1)
    later, _ = measured.choose(0.8, 1, 100)
    wide, _ = measured.choose(0.8, 30)
    assert now is not None
    assert later is not None
    assert wide is not None
    assert later.keeps == tuple(2 * count for count in now.keeps)
    assert min(wide.keeps) >= 30


def test_an_answer_that_ties_with_others_counts_as_last() -> None:
    table = np.zeros((30, 10))
    flat = [Table("rough", table), Table("exact", table)]
    measured = calibrate_pairs(pipeline_of(flat), numbered(30), np.zeros(30, np.int64), 0.9, 10)
    assert [(point.candidates, point.recall) for point in measured.points] == [(10, 1.0)]
