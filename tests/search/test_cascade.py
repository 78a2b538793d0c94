"""The cascade against a plain loop, and what its stages are told to keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import ParameterError
from seqsearch.search.cascade import Cascade, Keep, chosen_blend, chosen_keeps, developed


@dataclass(frozen=True)
class Table:
    """Scores from a table, (Q, n)."""

    name: str
    table: np.ndarray

    def scores(self, query: int, rows: np.ndarray) -> np.ndarray:
        return self.table[query, rows]


def stages(seed: int, queries: int = 6, size: int = 50) -> tuple[list[Table], np.ndarray]:
    """Three stages, each a better guess of the truth, and the truly nearest entries."""
    rng = np.random.default_rng(seed)
    truth = rng.random((queries, size))
    noisy = [truth + noise * rng.standard_normal(truth.shape) for noise in (0.3, 0.1)]
    return [Table("rough", noisy[0]), Table("fine", noisy[1]), Table("exact", truth)], truth.argmin(axis=1)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(1, 50), st.integers(1, 6), st.sampled_from([0.0, 0.7, 3.0]))
@settings(deadline=None, max_examples=60)
def test_a_cascade_equals_a_plain_loop(seed: int, first: int, second: int, k: int, blend: float) -> None:
    tables, correct = stages(seed)
    found = Cascade(tables, [Keep(count=first), Keep(count=second)], blend).run(6, 50, k, correct=correct)
    lost = 0
    for query in range(6):
        rough, fine, exact = (table.table[query] for table in tables)
        left = sorted(range(50), key=lambda row: (rough[row], row))[:first]
        left = sorted(left, key=lambda row: fine[row])[:second]
        lost += correct[query] not in left
        left = sorted(left, key=lambda row: exact[row] + blend * fine[row])[:k]
        assert found.rows[query].tolist() == left + [-1] * (k - len(left))
        assert found.scores[query, : len(left)].tolist() == exact[left].tolist()
    assert found.false_rejects == pytest.approx(lost / 6)
    assert [stage.kept for stage in found.stages] == [first, min(first, second), min(first, second)]


def test_thresholds_keep_what_lies_within() -> None:
    tables, _ = stages(3)
    found = Cascade(tables[1:], [Keep(threshold=0.2)]).run(6, 50, 50)
    for query in range(6):
        within = np.flatnonzero(tables[1].table[query] <= 0.2)
        assert sorted(row for row in found.rows[query].tolist() if row >= 0) == within.tolist()
    assert found.false_rejects is None
    assert found.stages[0].false_rejects is None
    none = Cascade(tables[1:], [Keep(threshold=-9.0)]).run(6, 50, 3)
    assert (none.rows == -1).all()
    assert np.isinf(none.scores).all()


@pytest.mark.parametrize("by", ["count", "threshold"])
def test_chosen_keeps_hold_the_recall_and_cost_least(by: str) -> None:
    tables, correct = stages(5, queries=80, size=200)
    seen = developed(tables, 80, 200, correct)
    generous = chosen_keeps(seen, recall=80 / 81, by=by)  # all of them
    assert Cascade(tables, generous).run(80, 200, 1, correct=correct).false_rejects == 0
    thrifty = chosen_keeps(seen, recall=0.8, by=by)
    found = Cascade(tables, thrifty).run(80, 200, 1, correct=correct)
    assert found.false_rejects is not None
    assert found.false_rejects <= 0.2 + 1e-9
    kept = Cascade(tables, generous).run(80, 200, 1).stages[1].kept
    assert found.stages[1].kept < kept


def test_a_limit_of_the_last_stage_holds() -> None:
    tables, correct = stages(6, queries=60, size=150)
    seen = developed(tables, 60, 150, correct)
    keeps = chosen_keeps(seen, recall=60 / 61, most=3)
    assert keeps[-1].count is not None
    assert keeps[-1].count <= 3
    wider = chosen_keeps(seen, recall=60 / 61, most=150)
    lost = [Cascade(tables, some).run(60, 150, 1, correct=correct).false_rejects for some in (keeps, wider)]
    assert lost[1] == 0 < lost[0]


def test_two_stages_that_err_by_themselves_are_blended() -> None:
    rng = np.random.default_rng(8)
    correct = rng.integers(100, size=200)
    answer = np.arange(100) == correct[:, None]
    tables = [
        Table(name, spread * (rng.standard_normal(answer.shape) - 2 * answer))
        for name, spread in (("one", 5.0), ("other", 1.0))
    ]
    cascade = Cascade(tables, [Keep(count=100)])
    blend = chosen_blend(cascade, 100, 100, correct[:100])
    assert blend == pytest.approx(0.2, rel=0.1)  # both tell as much, in units that differ five times
    first = [
        Cascade(tables, [Keep(count=100)], some).run(200, 100, 1).rows[100:, 0] == correct[100:]
        for some in (0.0, blend)
    ]
    assert first[1].mean() > first[0].mean() + 0.1
    tables, correct = stages(9, queries=40)
    assert chosen_blend(Cascade(tables[1:], [Keep(count=50)]), 40, 50, correct) == 0  # the last stage is the truth
    nothing = Cascade(tables[1:], [Keep(threshold=-9.0)])
    assert chosen_blend(nothing, 40, 50, correct) == 0


def test_too_few_queries_prune_nothing_but_what_must_be() -> None:
    tables, correct = stages(7)
    seen = developed(tables, 6, 50, correct)
    assert chosen_keeps(seen, recall=0.95, most=20) == [Keep(count=50), Keep(count=20)]


def test_what_cannot_be() -> None:
    tables, correct = stages(0)
    with pytest.raises(ParameterError, match="3 stages want 2 keeps, not 0"):
        Cascade(tables, [])
    with pytest.raises(ParameterError, match="a count or what is within a threshold, not both"):
        Keep(count=3, threshold=1.0)
    with pytest.raises(ParameterError, match="at least 1 entry, not 0"):
        Keep(count=0)
    with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
        Cascade(tables[:1], []).run(1, 50, 0)
    seen = developed(tables, 6, 50, correct)
    with pytest.raises(ParameterError, match="count or threshold, not 'luck'"):
        chosen_keeps(seen, by="luck")
    with pytest.raises(ParameterError, match="recall must be above 0 and at most 1, not 1.5"):
        chosen_keeps(seen, recall=1.5)
