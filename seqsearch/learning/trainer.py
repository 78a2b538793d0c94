"""The training loop: an encoder learns that the distance of its points is the exact distance of the sequences."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import threads
from ..distances import Distance
from ..encoders.build import build_encoder
from ..encoders.encoder import Encoder
from ..encoders.families import family_named
from ..encoders.inputs import InputSpec
from ..encoders.model import Model, unlearned_model
from ..errors import ParameterError
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from .losses import distance_matrix, near_weighted, neighbour_ranks, off_diagonal
from .mining import BatchSampler, mined_neighbours
from .pairs import PairBatch, PairSource, all_pairs
from .plan import TrainingPlan

UNITS_PER_TYPICAL = 4.5  # so that a unit is 10 edits for V4 genes, where the settings were found
WARM_UP = 8192  # sequences a network may look at before its first step
MOST_EPOCHS = 100  # a small set is learnt by then, and only remembered better after
FEWEST = 32  # sequences below which nothing can be learnt that k-mer counts do not know


@dataclass
class TrainingLog:
    """Rows of step, loss, validation loss and %RMSE, in the order they were measured."""

    rows: list[dict[str, float]] = field(default_factory=list)


def train(
    sequences: Sequences, distance: Distance, *, encoder: str = "auto", plan: TrainingPlan | None = None, seed: int = 0,
    settings: dict[str, Any] | None = None, progress: Progress = SILENT,
) -> tuple[Model, TrainingLog]:  # fmt: skip
    """Train an encoder on a set of sequences.

    An untrained family, or "auto" with fewer than `FEWEST` sequences, gives k-mer counts or shape features.
    One seed gives one model on one thread. Raises ParameterError for an unknown encoder.
    """
    plan = plan if plan is not None else TrainingPlan()
    family = family_named(encoder, sequences.kind)
    few = len(sequences) < FEWEST
    if not family.trained or (few and encoder == "auto"):
        return unlearned_model(sequences), TrainingLog()
    if few:
        raise ParameterError(f"{len(sequences)} sequences are too few to train on: at least {FEWEST} are needed")
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(sequences))[: plan.sequences]
    held = min(plan.validate, len(rows) // 8)
    enough = max(100, MOST_EPOCHS * len(rows) // plan.batch)
    plan = replace(plan, steps=min(plan.steps, enough), check=min(plan.check, max(1, enough // 5)))
    torch.manual_seed(seed)
    network = build_encoder(family.name, InputSpec.fit(sequences[rows]), settings or {}).to(plan.device)
    run = _Run(network, sequences[rows[held:]], sequences[rows[:held]], distance, plan, rng, progress)
    log = run.go()
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    training = {"plan": plan.to_json(), "seed": seed, "sequences": len(rows) - held, "log": log.rows}
    return Model(
        family.name,
        network.spec,
        network.settings(),
        weights,
        network.dim,
        scale=run.scale,
        power=plan.power,
        training=training,
    ), log


class _Run:
    """One training run: what it needs, and its steps in order.

    Inside, distances are measured in a `unit` of the data (a small multiple of the typical near distance), so that one
    set of settings suits names of ten letters and genes of fifteen hundred.
    """

    def __init__(
        self, network: Encoder, training: Sequences, validation: Sequences, distance: Distance, plan: TrainingPlan,
        rng: np.random.Generator, progress: Progress,
    ) -> None:  # fmt: skip
        threads.torch_threads()
        self.network = network
        self.training = training
        self.validation = validation
        self.plan = plan
        self.progress = progress
        network.warm_up(training[np.sort(rng.permutation(len(training))[:WARM_UP])])
        cells = plan.cells_for(distance.kind)
        neighbours = mined_neighbours(network.spec, training, distance, cells / 10, rng, progress)
        self.source = PairSource(training, distance, BatchSampler(neighbours, plan.batch, rng), cells, rng)
        start = all_pairs(training, rng.permutation(len(training))[: plan.batch], distance)
        typical = float(np.median(off_diagonal(torch.from_numpy(start.distances)).numpy()))
        self.unit = max(typical, 1e-6) / UNITS_PER_TYPICAL
        self.near = max(1.0 if distance.kind == "tokens" else 0.0, self.unit / 5) / self.unit
        self.factor = 1.0
        self.factor = self._fitted_factor(training, start)
        everyone = np.arange(len(validation))
        self.validation_pairs = all_pairs(validation, everyone, distance) if len(validation) > 1 else None
        self.length = float(max(training.lengths.max(), 1))

    @property
    def scale(self) -> float:
        """The factor of d^power that predicts the exact distance."""
        return float(self.unit * self.factor**self.plan.power)

    def go(self) -> TrainingLog:
        """Train; the network ends with the averaged weights that did best on the held-out sequences."""
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.plan.rate, weight_decay=self.plan.decay, betas=(0.9, 0.98), fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._warm_then_cosine)
        average = copy.deepcopy(self.network.state_dict())
        log = TrainingLog()
        best, best_loss, since = average, math.inf, 0
        with self.progress.task("training", self.plan.steps) as task:
            for step, batch in zip(range(1, self.plan.steps + 1), self.source, strict=False):
                loss = self._step(batch, optimizer)
                schedule.step()
                _blend(average, self.network.state_dict(), min(self.plan.average, (1 + step) / (10 + step)))
                task.advance()
                if step % self.plan.check and step != self.plan.steps:
                    continue
                row = self._look(step, loss, average, task)
                log.rows.append(row)
                if row["validation_loss"] < best_loss:
                    best, best_loss, since = copy.deepcopy(average), row["validation_loss"], 0
                else:
                    since += 1
                    if since >= self.plan.patience:
                        break
        self.network.load_state_dict(best)
        self.network.eval()
        if self.validation_pairs is not None:
            self.factor = self._fitted_factor(self.validation, self.validation_pairs)
        return log

    def _warm_then_cosine(self, step: int) -> float:
        warm = max(1, 3 * self.plan.steps // 100)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.plan.steps - warm)))

    def _fitted_factor(self, sequences: Sequences, batch: PairBatch) -> float:
        """The factor that brings the predicted distances of a batch to the true ones, by least squares in d^power."""
        mode = self.network.training
        self.network.train(self.factor == 1.0)  # untrained running statistics say nothing yet
        with torch.no_grad():
            _, predicted, true = self._loss(sequences, batch)
        self.network.train(mode)
        ratio = float((predicted * true).sum() / (predicted**2).sum().clamp_min(1e-12))
        return float(self.factor * ratio ** (1 / self.plan.power))

    def _loss(self, sequences: Sequences, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, and predicted and true distances of different rows, (m,), in units."""
        points = self.network.encode(sequences[batch.rows])
        predicted = (distance_matrix(points) * self.factor).pow(self.plan.power)
        true = torch.from_numpy(batch.distances).to(points.device) / self.unit
        ranks = neighbour_ranks(predicted, true, self.near)
        predicted, true = off_diagonal(predicted), off_diagonal(true)
        errors = near_weighted(predicted, true, self.near, self.plan.far) * (len(batch.rows) - 1) / 2
        return errors + self.plan.rank * ranks, predicted, true

    def _step(self, batch: PairBatch, optimizer: torch.optim.Optimizer) -> float:
        self.network.train()
        loss, _, _ = self._loss(self.training, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        return float(loss.detach())

    def _look(self, step: int, loss: float, average: dict[str, Tensor], task: Task) -> dict[str, float]:
        """Measure the averaged weights on the held-out sequences."""
        row = {"step": float(step), "loss": loss, "validation_loss": loss, "rmse_percent": math.nan}
        if self.validation_pairs is not None:
            current = copy.deepcopy(self.network.state_dict())
            self.network.load_state_dict(average)
            self.network.eval()
            with torch.no_grad():
                held_loss, predicted, true = self._loss(self.validation, self.validation_pairs)
            self.network.load_state_dict(current)
            error = 100 * self.unit * float(((predicted - true) ** 2).mean().sqrt()) / self.length
            row |= {"validation_loss": float(held_loss), "rmse_percent": error}
        task.say(f"loss {row['validation_loss']:.4f}, {row['rmse_percent']:.2f} %RMSE")
        return row


def _blend(average: dict[str, Tensor], current: dict[str, Tensor], keep: float) -> None:
    """Move the averaged weights towards the current ones, in place; counters are copied."""
    floats = [name for name, value in current.items() if value.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in floats], [current[name] for name in floats], 1 - keep)
    for name, value in current.items():
        if not value.is_floating_point():
            average[name].copy_(value)
