"""Where a training run stands, whatever it learns: weights, log, learning rate."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays import IntArray
from .checkpoints import Checkpoint, optimizer_state


@dataclass
class TrainingLog:
    """Rows of step, epoch, loss, validation_loss and what else was measured, in the order it was measured.

    Training for distances measures the held-out sequences among themselves: `percent_rmse` is the root mean squared
    error of predicted distances, in percent of the longest length (series: of the mean distance); `recall_at_10` the
    share of their true nearest that are among the nearest points. Where a code is learned (`TrainingPlan.bits`), the
    last rows are measured on codes, and have `bit_entropy`, `bit_correlation` and `bhattacharyya` (see `monitors`).
    """

    rows: list[dict[str, float]] = field(default_factory=list)

    def follow(self, later: TrainingLog) -> None:
        """Append the rows of a run that went on where this one ended."""
        last = self.rows[-1] if self.rows else {"step": 0.0, "epoch": 0.0}
        for row in later.rows:
            counted = {name: round(row[name] + last[name], 4) for name in ("step", "epoch")}
            self.rows.append({**row, **counted})


@dataclass
class RunState:
    """Where a run stands: steps done, averaged and best weights, looks since the best, near rows by the step at which
    they were mined again."""

    average: dict[str, Tensor]
    best: dict[str, Tensor]
    step: int = 0
    best_loss: float = math.inf
    since: int = 0
    finished: bool = False
    log: TrainingLog = field(default_factory=TrainingLog)
    mined: dict[int, IntArray] = field(default_factory=dict)

    @classmethod
    def fresh(cls, learner: nn.Module) -> RunState:
        average = copy.deepcopy(learner.state_dict())
        return cls(average, average)

    @classmethod
    def restored(cls, kept: Checkpoint) -> RunState:
        at = kept.document["state"]
        mined = {int(step): rows.numpy().astype(np.int64) for step, rows in kept.groups.get("mined", {}).items()}
        mined = dict(sorted(mined.items()))  # the file holds them in order of their names
        return cls(
            kept.groups["average"],
            kept.groups["best"],
            at["step"],
            at["best_loss"],
            at["since"],
            at["finished"],
            TrainingLog(at["log"]),
            mined,
        )

    def look(self, row: dict[str, float]) -> None:
        """Note a row of the log; keep the averaged weights when they are the best so far."""
        self.log.rows.append(row)
        if row["validation_loss"] < self.best_loss:
            self.best, self.best_loss, self.since = copy.deepcopy(self.average), row["validation_loss"], 0
        else:
            self.since += 1

    def checkpoint(self, learner: nn.Module, optimizer: torch.optim.Optimizer, identity: dict[str, Any]) -> Checkpoint:
        at = {
            "step": self.step,
            "best_loss": self.best_loss,
            "since": self.since,
            "finished": self.finished,
            "log": self.log.rows,
        }
        return Checkpoint(
            {
                "learner": learner.state_dict(),
                "average": self.average,
                "best": self.best,
                "optimizer": optimizer_state(optimizer),
                "random": {"torch": torch.get_rng_state()},
                "mined": {str(step): torch.from_numpy(rows.astype(np.int32)) for step, rows in self.mined.items()},
            },
            {**identity, "state": at},
        )


def blend(average: dict[str, Tensor], current: dict[str, Tensor], keep: float) -> None:
    """Move the averaged weights towards the current ones, in place; counters are copied."""
    floats = [name for name, value in current.items() if value.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in floats], [current[name] for name in floats], 1 - keep)
    for name, value in current.items():
        if not value.is_floating_point():
            average[name].copy_(value)


def warm_then_cosine(step: int, steps: int) -> float:
    """Share of the peak learning rate at a step: a short rise, then a cosine down to zero."""
    warm = max(1, 3 * steps // 100)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm))))
