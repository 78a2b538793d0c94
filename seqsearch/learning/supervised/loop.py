"""The loop that all supervised tasks share: batches, averaged weights, looks at what is held out, checkpoints."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ... import threads
from ...arrays import IntArray
from ...errors import ParameterError, StrPath
from ...progress import SILENT, Progress, Task
from ..checkpoints import Checkpoint, restore_optimizer
from ..state import RunState, TrainingLog, blend, warm_then_cosine
from .batches import LengthBatches
from .plan import LabelPlan

Watch = Callable[[dict[str, float]], None]
LossOf = Callable[[IntArray], Tensor]  # of the rows of a batch, with gradients
Look = Callable[[], dict[str, float]]  # "validation_loss" and more of the weights as they are; {} without held-out
_LOOKS = 40


class SupervisedRun:
    """One training run of `learner`; it ends with the averaged weights that did best on what is held out."""

    def __init__(
        self,
        learner: nn.Module,
        batches: LengthBatches,
        loss_of: LossOf,
        look: Look,
        plan: LabelPlan,
        rate: float,
        *,
        progress: Progress = SILENT,
        watch: Watch | None = None,
        checkpoint: StrPath | None = None,
        identity: dict[str, Any] | None = None,
    ) -> None:
        threads.torch_threads()
        self.learner, self.batches, self.loss_of, self.look = learner, batches, loss_of, look
        self.plan, self.rate = plan, rate
        self.progress, self.watch = progress, watch
        self.checkpoint, self.identity = checkpoint, identity or {}
        self.steps = max(plan.fewest, math.ceil(plan.epochs * batches.per_epoch))
        self.check = max(batches.per_epoch, -(-self.steps // _LOOKS))

    def go(self) -> TrainingLog:
        """Train. Raises ParameterError when the loss is no number, MismatchError for the checkpoint of another run."""
        optimizer = torch.optim.AdamW(
            self.learner.parameters(), lr=self.rate, weight_decay=self.plan.decay, betas=(0.9, 0.98), fused=True
        )
        state = RunState.fresh(self.learner)
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            state = self._resumed(optimizer, self.checkpoint)
        clock = time.process_time if self.plan.clock == "cpu" else time.monotonic
        started = clock()
        with self.progress.task("training", self.steps) as task:
            task.advance(state.step)
            if not state.finished:
                for rows in self.batches:
                    spent = (clock() - started) / self.plan.seconds if self.plan.seconds else 0.0
                    self._once(state, rows, optimizer, spent, task)
                    if state.finished:
                        break
        self.learner.load_state_dict(state.best)
        self.learner.eval()
        return state.log

    def _once(
        self, state: RunState, rows: IntArray, optimizer: torch.optim.Optimizer, spent: float, task: Task
    ) -> None:
        """One step, and a look where one is due. `spent`: share of the time allowed."""
        for group in optimizer.param_groups:
            group["lr"] = self.rate * warm_then_cosine(max(state.step, int(spent * self.steps)), self.steps)
        loss = self._step(rows, optimizer)
        state.step += 1
        blend(state.average, self.learner.state_dict(), min(self.plan.average, (1 + state.step) / (10 + state.step)))
        task.advance()
        last = state.step >= self.steps or spent >= 1
        if state.step % self.check and not last:
            return
        state.look(self._row(state, loss, task))
        state.finished = last or state.since >= self.plan.patience
        if self.checkpoint is not None:
            state.checkpoint(self.learner, optimizer, self.identity).save(self.checkpoint)
        if self.watch is not None:
            self.watch(state.log.rows[-1])

    def _step(self, rows: IntArray, optimizer: torch.optim.Optimizer) -> float:
        self.learner.train()
        loss = self.loss_of(rows)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ParameterError(f"training diverged: the loss is {value}; a rate below {self.rate} may hold")
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)  # recurrent networks now and then explode
        optimizer.step()
        return value

    def _row(self, state: RunState, loss: float, task: Task) -> dict[str, float]:
        """A row of the log: the averaged weights on what is held out."""
        epoch = round(state.step / self.batches.per_epoch, 4)
        row = {"step": float(state.step), "epoch": epoch, "loss": loss, "validation_loss": loss}
        current = copy.deepcopy(self.learner.state_dict())
        self.learner.load_state_dict(state.average)
        self.learner.eval()
        with torch.no_grad():
            row |= self.look()
        self.learner.load_state_dict(current)
        task.say(", ".join(f"{name} {row[name]:.4f}" for name in ("validation_loss", "accuracy") if name in row))
        return row

    def _resumed(self, optimizer: torch.optim.Optimizer, path: StrPath) -> RunState:
        kept = Checkpoint.load(path)
        kept.require(path, **self.identity)
        self.learner.load_state_dict(kept.groups["learner"])
        restore_optimizer(optimizer, kept.groups["optimizer"])
        torch.set_rng_state(kept.groups["random"]["torch"])
        state = RunState.restored(kept)
        self.batches.skip(state.step)
        return state
