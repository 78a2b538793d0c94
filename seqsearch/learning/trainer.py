"""The training loop: an encoder learns that the distance of its points is the exact distance of the sequences."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import threads
from ..distances import Distance
from ..encoders.build import build_encoder
from ..encoders.encoder import Encoder
from ..encoders.families import family_named
from ..encoders.features import SparseFeatures
from ..encoders.inputs import InputSpec
from ..encoders.model import Model, kmer_model
from ..errors import ParameterError
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from .losses import distance_matrix, near_weighted, off_diagonal
from .mining import BatchSampler, near_rows, principal_components
from .pairs import PairBatch, PairSource, all_pairs
from .plan import TrainingPlan

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

    An untrained family, or "auto" with fewer than `FEWEST` sequences, gives k-mer counts. One seed gives one model on
    one thread. Raises ParameterError for an unknown encoder.
    """
    plan = plan if plan is not None else TrainingPlan()
    family = family_named(encoder, sequences.kind)
    few = len(sequences) < FEWEST
    if not family.trained or (few and encoder == "auto"):
        return kmer_model(sequences), TrainingLog()
    if few:
        raise ParameterError(f"{len(sequences)} sequences are too few to train on: at least {FEWEST} are needed")
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(sequences))[: plan.sequences]
    held = min(plan.validate, len(rows) // 8)
    torch.manual_seed(seed)
    network = build_encoder(family.name, InputSpec.fit(sequences[rows]), settings or {}).to(plan.device)
    run = _Run(network, sequences[rows[held:]], sequences[rows[:held]], distance, plan, rng, progress)
    log = run.go()
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    training = {"plan": plan.to_json(), "seed": seed, "sequences": len(rows) - held, "log": log.rows}
    return Model(
        family.name, network.spec, network.settings(), weights, network.dim, scale=run.scale, training=training
    ), log


class _Run:
    """One training run: what it needs, and its steps in order."""

    def __init__(
        self, network: Encoder, training: Sequences, validation: Sequences, distance: Distance, plan: TrainingPlan,
        rng: np.random.Generator, progress: Progress,
    ) -> None:  # fmt: skip
        self.network = network
        self.training = training
        self.plan = plan
        self.progress = progress
        self.source = PairSource(training, distance, self._sampler(rng), plan.cells, rng)
        everyone = np.arange(len(validation))
        self.validation = validation
        self.validation_pairs = all_pairs(validation, everyone, distance) if len(validation) > 1 else None
        self.length = float(max(training.lengths.max(), 1))
        self.scale = 1.0
        threads.torch_threads()

    def _sampler(self, rng: np.random.Generator) -> BatchSampler:
        """Near rows by the principal components of k-mer counts: no training needed, and close enough to draw from."""
        features = SparseFeatures.standard(self.network.spec, bins=0)
        points = principal_components(features, self.training, 64, rng)
        return BatchSampler(near_rows(points, 64, self.progress), self.plan.batch, rng)

    def go(self) -> TrainingLog:
        self.scale = self._fit_scale()
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.plan.rate, weight_decay=self.plan.decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._warm_then_cosine)
        average = copy.deepcopy(self.network.state_dict())
        log = TrainingLog()
        best, best_loss, since = average, math.inf, 0
        with self.progress.task("training", self.plan.steps) as task:
            for step, batch in zip(range(1, self.plan.steps + 1), self.source, strict=False):
                loss = self._step(batch, optimizer)
                schedule.step()
                _blend(average, self.network.state_dict(), min(self.plan.average, step / (step + 10)))
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
        return log

    def _warm_then_cosine(self, step: int) -> float:
        warm = max(1, self.plan.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.plan.steps - warm)))

    def _fit_scale(self) -> float:
        """Least-squares factor from untrained to true distances over the first batch: training starts near the goal."""
        batch = next(iter(self.source))
        with torch.no_grad():
            self.network.train()
            _, predicted, true = self._loss(self.training, batch)
        return float((predicted * true).sum() / (predicted**2).sum().clamp_min(1e-12))

    def _loss(self, sequences: Sequences, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
        points = self.network.encode(sequences[batch.rows])
        predicted = off_diagonal(distance_matrix(points)) * self.scale
        true = off_diagonal(torch.from_numpy(batch.distances).to(points.device))
        return near_weighted(predicted, true, self.plan.offset), predicted, true

    def _step(self, batch: PairBatch, optimizer: torch.optim.Optimizer) -> float:
        self.network.train()
        loss, _, _ = self._loss(self.training, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
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
            error = 100 * float(((predicted - true) ** 2).mean().sqrt()) / self.length
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
