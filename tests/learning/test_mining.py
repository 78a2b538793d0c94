from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.learning.mining import first_distinct, mined_again, near_rows
from seqsearch.learning.pair_objective import PairObjective
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from tests.families import families


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=4), st.integers(1, 6), st.data())
def test_first_distinct_keeps_the_order(rows: list[list[int]], count: int, data: st.DataObject) -> None:
    doubled = np.array([data.draw(st.permutations(row + row)) for row in rows])
    wanted = [list(dict.fromkeys(row))[:count] for row in doubled.tolist()]
    assert first_distinct(doubled, count).tolist() == wanted


def test_mining_again_keeps_the_nearest_of_both() -> None:
    sequences = families(10, 8, 40)
    distance = EditDistance()
    rng = np.random.default_rng(0)
    before = near_rows(rng.normal(size=(len(sequences), 4)).astype(np.float32), 8)
    points = rng.normal(size=(len(sequences), 4)).astype(np.float32)
    exact = distance.matrix(sequences, sequences)
    told = mined_again(points, before, sequences, distance, 1e9)
    proposed = np.concatenate([near_rows(points, 8), before], axis=1)
    for row, found in enumerate(told):
        assert row not in found
        nearest = np.sort(exact[row, np.unique(proposed[row])])[:8]
        np.testing.assert_array_equal(exact[row, found], nearest)
    dear = mined_again(points, before, sequences, distance, 1.0)
    np.testing.assert_array_equal(dear, near_rows(points, 8))


@pytest.mark.parametrize(("rounds", "at"), [(1, []), (2, [20]), (4, [10, 20, 30])])
def test_rounds_are_equal_shares_of_the_steps(rounds: int, at: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    mined: list[int] = []
    original = PairObjective.refresh

    def noting(self: PairObjective, step: int) -> None:
        original(self, step)
        mined.append(step)
        assert (self.sampler.neighbours != np.arange(len(self.sampler.neighbours))[:, None]).all()

    monkeypatch.setattr(PairObjective, "refresh", noting)
    plan = TrainingPlan(steps=40, batch=32, check=40, validate=16, rounds=rounds)
    model, _ = train(families(12, 8, 30), EditDistance(), plan=plan, settings={"dim": 8, "hidden": 0})
    assert mined == at
    assert np.isfinite(model.embed(families(2, 2, 30))).all()


@pytest.mark.parametrize(("geometry", "mode"), [("cosine", "ball"), ("hyperbolic", "sphere"), ("hyperbolic", "ball")])
def test_every_geometry_mines_again(geometry: str, mode: str) -> None:
    plan = TrainingPlan(steps=12, batch=32, check=6, validate=16, rounds=2, geometry=geometry, mode=mode)
    model, log = train(families(12, 8, 30), EditDistance(), plan=plan, settings={"dim": 8, "hidden": 0})
    assert np.isfinite(log.rows[-1]["percent_rmse"])
    assert model.geometry == geometry
