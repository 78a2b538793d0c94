from __future__ import annotations

import pytest

from seqsearch.distances import DTWDistance, EditDistance
from seqsearch.learning.pairs import DISTINCT, batch_size
from seqsearch.learning.plan import TrainingPlan


@pytest.mark.parametrize(("length", "expected"), [(150.0, 256), (600.0, 256), (601.0, 512), (1e9, 32)])
def test_batches_of_tokens(length: float, expected: int) -> None:
    assert batch_size(256, length, EditDistance(), 5e13) == expected


@pytest.mark.parametrize("cells", [5e13, TrainingPlan().cells])
def test_a_batch_can_be_compared_often_enough(cells: float) -> None:
    for length in (100.0, 601.0, 1400.0, 5000.0):
        batch = batch_size(256, length, EditDistance(), cells)
        assert batch == 32 or DISTINCT * (batch * length) ** 2 / 2 <= cells


def test_series_are_never_doubled() -> None:
    assert batch_size(256, 601.0, DTWDistance(), 1e30) == 256


def test_a_small_set_takes_fewer_steps() -> None:
    normal, high = TrainingPlan.of_effort("normal"), TrainingPlan.of_effort("high")
    assert [normal.steps_for(count, 256) for count in (40, 1000, 3000, 12_000, 70_000)] == [100, 390, 500, 750, 1500]
    assert high.steps_for(12_000, 256) == 4687
    assert normal.steps_for(9000, 69) == 1500  # as many rounds of smaller batches
