"""The training loop, written once: steps, averaged weights, validation steps, the best weights, checkpoints, the log.

What is learned is an `Objective`: aligned distances (`pair_objective`), labels (`supervised`), two towers (`towers`).
"""

from __future__ import annotations

import copy
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypedDict, TypeVar

import torch
from torch import Tensor, nn

from .. import threads
from ..arrays import JSON
from ..errors import ParameterError, StrPath
from ..progress import SILENT, Progress, Task
from .checkpoints import Checkpoint, optimizer_state, restore_optimizer
from .schedule import Schedule

Batch = TypeVar("Batch")
Row = dict[str, float]
Watch = Callable[[Row], None]


@dataclass
class TrainingLog:
    """Rows of step, epoch, loss and what was measured on what is held out, in the order it was measured.

    Training for distances measures the held-out sequences among themselves: `percent_rmse` is the root mean squared
    error of predicted distances, in percent of the longest length (series: of the mean distance); `recall_at_10` the
    share of their true nearest that are among the nearest points. Where a code is learned (`TrainingPlan.bits`), the
    last rows are measured on codes, and have what `hash_metric.code_monitors` says.
    """

    rows: list[Row] = field(default_factory=list)

    def follow(self, later: TrainingLog) -> None:
        """Append the rows of a run that went on where this one ended."""
        last = self.rows[-1] if self.rows else {"step": 0.0, "epoch": 0.0}
        for row in later.rows:
            counted = {name: round(row[name] + last[name], 4) for name in ("step", "epoch")}
            self.rows.append({**row, **counted})


class Digestible(Protocol):
    """What can name its content."""

    def digest(self) -> str:
        """Equal content has equal digests."""


class RunOptions(TypedDict, total=False):
    """What every training function takes by name, as `Run` says."""

    seed: int
    settings: JSON | None
    checkpoint: StrPath | None
    watch: Watch | None
    progress: Progress


@dataclass(frozen=True)
class Run:
    """`seed` of every random draw: one seed gives one model on one thread; `settings` of the encoder, None for its own.

    `checkpoint`: a file written at every validation step; a run that finds it there goes on from it and ends as if it
    had never stopped, MismatchError when it belongs to another run, CorruptIndexError when it is damaged. `watch` is
    called with every row of the log; what it raises ends the run.
    """

    seed: int = 0
    settings: JSON | None = None
    checkpoint: StrPath | None = None
    watch: Watch | None = None
    progress: Progress = SILENT

    def checkpoint_of(self, *data: Digestible, suffix: str = "", **identity: object) -> Checkpoint | None:
        """The checkpoint of a run that is known by `seed`, `identity` and `data`; None where nothing is kept."""
        if self.checkpoint is None:
            return None
        place = f"{os.fspath(self.checkpoint)}{suffix}"
        return Checkpoint(place, {"seed": self.seed, **identity, "data": [each.digest() for each in data]})


class Objective(ABC, Generic[Batch]):
    """What a run learns: weights, batches, a loss, and a measure of what is held out.

    `learner`: everything with weights; `per_epoch`: batches in an epoch; `judged_by`: the measure whose least value
    says which weights are best, the last loss where `validate` does not give it.
    """

    learner: nn.Module
    per_epoch: float
    judged_by: ClassVar[str] = "validation_loss"

    @abstractmethod
    def draw(self) -> Batch:
        """The next batch."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar with gradients; the learner is in training mode."""

    @abstractmethod
    def validate(self) -> Row:
        """Measures of what is held out, for the log; the learner has averaged weights and is in evaluation mode."""

    def due(self, share: float) -> bool:
        """Whether to `refresh` when a share of the run is done."""
        return False

    def refresh(self, step: int) -> None:
        """Make use of what is learned so far; the learner is as in `validate`."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds beside weights and the state of torch's draws."""
        return {}

    def resume(self, step: int, state: dict[str, Tensor]) -> None:
        """Be where a fresh run is after so many steps."""
        for _ in range(step):
            self.draw()


@dataclass
class _State:
    """Where a run stands: steps done, averaged and best weights, validation steps since the best."""

    average: dict[str, Tensor]
    best: dict[str, Tensor]
    step: int = 0
    least: float = math.inf
    since: int = 0
    finished: bool = False
    log: TrainingLog = field(default_factory=TrainingLog)

    def note(self, row: Row, measure: float) -> None:
        """A row of the log; the averaged weights are kept when they are the best so far."""
        self.log.rows.append(row)
        self.since += 1
        if measure < self.least:
            self.best, self.least, self.since = copy.deepcopy(self.average), measure, 0


class Trainer(Generic[Batch]):
    """One run of an objective by a schedule; the learner ends with the averaged weights that did best."""

    def __init__(
        self, objective: Objective[Batch], schedule: Schedule, run: Run, checkpoint: Checkpoint | None = None
    ) -> None:
        threads.torch_threads()
        self.objective, self.schedule, self.options, self.checkpoint = objective, schedule, run, checkpoint
        self.learner = objective.learner
        weights = [p for p in self.learner.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            weights, lr=schedule.rate, weight_decay=schedule.decay, betas=(0.9, 0.98), fused=True
        )

    def run(self) -> TrainingLog:
        """Train. Raises ParameterError when the loss is no number, MismatchError for the checkpoint of another run."""
        state = self._start()
        timer = self.schedule.timer()
        with self.options.progress.task("training", self.schedule.steps) as task:
            task.advance(state.step)
            while not state.finished:
                self._once(state, timer, task)
        self.learner.load_state_dict(state.best)
        self.learner.eval()
        return state.log

    def _once(self, state: _State, timer: Callable[[], float], task: Task) -> None:
        """One step, and what is due after it."""
        schedule, objective = self.schedule, self.objective
        batch = objective.draw()
        spent = timer()
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate_at(state.step, spent)
        loss = self._descend(batch)
        state.step += 1
        blend(state.average, self.learner.state_dict(), schedule.averaging(state.step))
        task.advance()
        share = max(state.step / schedule.steps, spent)
        if share < 1 and objective.due(share):
            with self._averaged(state):
                objective.refresh(state.step)
        if share < 1 and state.step % schedule.check:
            return
        row = {"step": float(state.step), "epoch": round(state.step / objective.per_epoch, 4), "loss": loss}
        with self._averaged(state):
            row |= objective.validate()
        state.note(row, row.setdefault(objective.judged_by, loss))
        state.finished = share >= 1 or state.since >= schedule.patience
        task.say(", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in list(row.items())[3:5]))
        if self.checkpoint is not None:
            self._keep(state, self.checkpoint)
        if self.options.watch is not None:
            self.options.watch(row)

    def _descend(self, batch: Batch) -> float:
        """One step down the gradient; the loss before it."""
        self.learner.train()
        loss = self.objective.loss(batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ParameterError(f"training diverged: the loss is {value}; a rate below {self.schedule.rate} may hold")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if self.schedule.clip:
            nn.utils.clip_grad_norm_(self.learner.parameters(), self.schedule.clip)
        self.optimizer.step()
        return value

    @contextmanager
    def _averaged(self, state: _State) -> Iterator[None]:
        """The averaged weights in place of the current ones, to look at."""
        current = copy.deepcopy(self.learner.state_dict())
        self.learner.load_state_dict(state.average)
        self.learner.eval()
        with torch.no_grad():
            yield
        self.learner.load_state_dict(current)

    def _start(self) -> _State:
        """A fresh state, or that of the checkpoint."""
        found = None if self.checkpoint is None else self.checkpoint.load()
        if found is None:
            average = copy.deepcopy(self.learner.state_dict())
            return _State(average, average)
        groups, document = found
        self.learner.load_state_dict(groups["learner"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        torch.set_rng_state(groups["random"]["torch"])
        log = TrainingLog(document.pop("log"))
        state = _State(groups["average"], groups["best"], log=log, **document)
        self.objective.resume(state.step, groups.get("objective", {}))
        return state

    def _keep(self, state: _State, checkpoint: Checkpoint) -> None:
        groups = {
            "learner": self.learner.state_dict(),
            "average": state.average,
            "best": state.best,
            "optimizer": optimizer_state(self.optimizer),
            "random": {"torch": torch.get_rng_state()},
            "objective": self.objective.state(),
        }
        document = {name: value for name, value in vars(state).items() if name not in ("average", "best", "log")}
        checkpoint.save(groups, {**document, "log": state.log.rows})


def blend(average: dict[str, Tensor], current: dict[str, Tensor], keep: float) -> None:
    """Move the averaged weights towards the current ones, in place; counters are copied."""
    floats = [name for name, value in current.items() if value.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in floats], [current[name] for name in floats], 1 - keep)
    for name, value in current.items():
        if not value.is_floating_point():
            average[name].copy_(value)
