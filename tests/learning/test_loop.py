"""The training loop by a toy objective: a point moved to the middle of points that come in batches."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqsearch.errors import ParameterError
from seqsearch.learning.loop import Objective, Row, Run, Trainer
from seqsearch.learning.schedule import Schedule

SCHEDULE = Schedule(steps=200, check=20, patience=100, rate=0.1, average=0.9)


class Point(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor([5.0, -3.0]))


class Middle(Objective[Tensor]):
    per_epoch = 4.0

    def __init__(self, worth: list[float] | None = None) -> None:
        self.learner = Point()
        self.rng = np.random.default_rng(0)
        self.worth = iter(worth or [])
        self.refreshed: list[int] = []

    def draw(self) -> Tensor:
        return torch.from_numpy(self.rng.normal(1.0, 0.1, (8, 2)).astype(np.float32))

    def loss(self, batch: Tensor) -> Tensor:
        assert self.learner.training
        return (batch - self.learner.at).square().sum(1).mean()  # type: ignore[operator]

    def validate(self) -> Row:
        assert not self.learner.training
        found = float(self.learner.at.detach().sub(1.0).norm())  # type: ignore[operator]
        return {"validation_loss": next(self.worth, found)}

    def due(self, share: float) -> bool:
        return share >= 0.5 and not self.refreshed

    def refresh(self, step: int) -> None:
        self.refreshed.append(step)


def trained(objective: Middle, schedule: Schedule = SCHEDULE, run: Run | None = None) -> list[Row]:
    return Trainer(objective, schedule, run or Run()).run().rows


def test_the_point_comes_to_the_middle() -> None:
    objective = Middle()
    rows = trained(objective)
    assert [row["step"] for row in rows] == list(range(20, 201, 20))
    assert [row["epoch"] for row in rows] == [row["step"] / 4 for row in rows]
    assert rows[-1]["validation_loss"] < 0.1 < rows[0]["validation_loss"]
    assert objective.refreshed == [100]
    assert not objective.learner.training


def test_the_best_weights_are_kept_and_patience_ends_a_run() -> None:
    objective, found = Middle([3.0, 1.0, 2.0, 2.0, 2.0]), list[Tensor]()

    def watch(row: Row) -> None:
        found.append(objective.learner.at.detach().clone())  # type: ignore[operator]

    rows = trained(objective, Schedule(steps=200, check=20, patience=3, rate=0.1, average=0.0), Run(watch=watch))
    assert [row["validation_loss"] for row in rows] == [3.0, 1.0, 2.0, 2.0, 2.0]
    assert torch.equal(objective.learner.at.detach(), found[1])  # type: ignore[arg-type, operator]


def test_a_loss_that_is_no_number_ends_a_run() -> None:
    objective = Middle()
    objective.learner.at.data.fill_(math.nan)  # type: ignore[operator, union-attr]
    with pytest.raises(ParameterError, match=r"training diverged: the loss is nan; a rate below 0.1 may hold"):
        trained(objective)


def test_the_rate_rises_and_falls_and_follows_the_time() -> None:
    rates = [SCHEDULE.rate_at(step, 0.0) for step in range(200)]
    assert rates[:6] == pytest.approx([0.1 * (i + 1) / 6 for i in range(6)])
    assert rates[6] == pytest.approx(0.1)
    assert all(later < before for before, later in itertools.pairwise(rates[6:]))
    assert rates[-1] < 1e-4
    assert SCHEDULE.rate_at(0, 0.5) == rates[100]
    assert SCHEDULE.timer()() == 0.0
    timed = Schedule(steps=10, check=1, patience=1, rate=1.0, average=0.0, seconds=1e-9, clock="cpu")
    timer = timed.timer()
    sum(range(10_000))
    assert timer() > 1
