from __future__ import annotations

import pytest

from seqsearch.learning.plan import FEWEST_SETS, TrainingPlan, batch_size, set_size, sets_for


@pytest.mark.parametrize(("length", "expected"), [(150.0, 256), (400.0, 256), (2900.0, 256), (1e4, 111), (1e9, 32)])
def test_batches_are_smaller_where_distances_are_dear(length: float, expected: int) -> None:
    assert batch_size(256, length, TrainingPlan().cells) == expected


def test_a_set_holds_two_batches_where_it_may() -> None:
    assert set_size(32, 100.0, 1e13) == set_size(256, 100.0, 1e13) == 512
    assert set_size(1000, 100.0, 1e13) == 2 * batch_size(1000, 100.0, 1e13) == 2000


@pytest.mark.parametrize("cells", [5e13, TrainingPlan().cells])
def test_enough_sets_can_be_compared(cells: float) -> None:
    for length in (100.0, 601.0, 1400.0, 5000.0):
        width = set_size(256, length, cells)
        assert 32 <= width <= 512
        assert width == 32 or FEWEST_SETS * (width * length) ** 2 / 2 <= cells


def test_a_small_set_takes_fewer_steps() -> None:
    normal, high = TrainingPlan.of_effort("normal"), TrainingPlan.of_effort("high")
    assert [normal.steps_for(count, 256) for count in (40, 1000, 3000, 12_000, 70_000)] == [100, 390, 500, 750, 1500]
    assert high.steps_for(12_000, 256) == 4687
    assert normal.steps_for(9000, 69) == 1500  # as many rounds of smaller batches


def test_more_is_compared_of_many_sequences() -> None:
    plan = TrainingPlan()
    assert [plan.cells_for(count) / plan.cells for count in (10, 40_000, 60_000, 10**6)] == [1, 1, 1.5, 2.5]


def test_sets_are_as_many_as_steps_or_as_are_affordable() -> None:
    assert sets_for(256, 150.0, 1e13, 1500) == (256, 1500)
    assert sets_for(256, 1450.0, 2.5e13, 1500) == (512, 90)
    assert sets_for(256, 300.0, 1e13, 1500) == (512, 187)
