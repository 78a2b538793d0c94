"""Learning that the distance of an encoder's points is the exact distance of the sequences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .. import threads
from ..arrays import IntArray
from ..distances import Distance, recall_at
from ..encoders.decoder import Decoder
from ..encoders.encoder import Encoder
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .edits import edited
from .hash_metric import HashMetric, code_monitors
from .loop import Objective, Row
from .losses import SIMILAR, TARGET_LOSSES, hash_target, off_diagonal
from .metric import Metric
from .mining import DIMENSIONS, BatchSampler, mined_again, mined_neighbours, untrained_points
from .networks import device_of, multiplying
from .pairs import PairBatch, PairSource, all_pairs
from .plan import TrainingPlan, affordable, batch_size
from .teachers import Teacher

UNITS_PER_TYPICAL = 4.5  # so that a unit is 10 edits for V4 genes, where the settings were found
WARM_UP = 8192  # sequences a network may look at before its first step
MINING = 250  # times as much work for batches as for ordering near rows, or for comparing what is held out
QUANTIZED = 2048  # points from which the head of a code starts
NEIGHBOURS = 10  # by which held-out sequences judge the recall
_AT_ONCE = 512  # sequences embedded together


@dataclass(frozen=True)
class PairData:
    """Sequences to learn the `distance` of, and others to judge by; `teacher`: what tells it."""

    training: Sequences
    validation: Sequences
    distance: Distance
    teacher: Teacher

    def affordable(self, cells: float) -> float:
        """Cells of what is learned from that may be filled for as many of the edit distance."""
        return affordable(cells, self.distance) / self.teacher.share

    def mined(self, network: Encoder, cells: float, rng: np.random.Generator, progress: Progress) -> IntArray:
        """(n, reach) rows near each row of the training set, with a share of the work that batches may take."""
        work = self.affordable(cells) / MINING
        points = network.components(self.training, DIMENSIONS)
        if points is None:
            points = untrained_points(network.spec, self.training, rng)
        return mined_neighbours(points, self.training, self.teacher.distance, work, progress)


class _Learner(nn.Module):
    """Everything with weights in one training run."""

    def __init__(self, network: Encoder, metric: Metric, decoder: Decoder | None) -> None:
        super().__init__()
        self.network = network
        self.metric = metric
        self.decoder = decoder


class PairObjective(Objective[PairBatch]):
    """Batches of pairs with their exact distances, and the target of a plan.

    Inside, distances are measured in a `unit` of the data (a small multiple of the typical near distance), so that one
    set of settings suits names of ten letters and genes of fifteen hundred. Distances that are sums of squares are
    learned by their root.
    """

    learner: _Learner

    def __init__(
        self,
        network: Encoder,
        data: PairData,
        plan: TrainingPlan,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        neighbours: IntArray | None = None,
    ) -> None:
        """`neighbours`: mined rows of the training set, for a network that is trained already and goes on."""
        threads.torch_threads()
        self.network, self.data, self.plan, self.progress = network, data, plan, progress
        self.fresh = neighbours is None
        training, validation, distance = data.training, data.validation, data.distance
        self.root = distance.power
        if self.fresh:
            network.warm_up(training[np.sort(rng.permutation(len(training))[:WARM_UP])])
        self.cells = data.affordable(plan.cells)
        length = float(np.mean(training.lengths))
        batch = batch_size(plan.batch, length, self.cells)
        if neighbours is None:
            neighbours = data.mined(network, plan.cells, rng, progress)
        self.sampler = BatchSampler(neighbours, batch, rng)
        self.source = PairSource(
            training, data.teacher.distance, self.sampler, self.cells, rng, plan.steps, plan.rounds
        )
        self.batches = iter(self.source)
        self.per_epoch = len(training) / self.sampler.batch
        self.mined: dict[int, IntArray] = {}  # by the step at which they were mined again
        start = all_pairs(training, rng.permutation(len(training))[: min(plan.batch, self._few(length))], distance)
        typical = float(np.median(off_diagonal(torch.from_numpy(start.distances)).numpy())) ** (1 / self.root)
        self.unit = max(typical, 1e-6) / UNITS_PER_TYPICAL
        self.near = max(float(distance.whole_numbers), self.unit / 5) / self.unit
        device = device_of(network)
        self.metric = _metric(plan, network.dim, rng).to(device)
        decoder = Decoder(network.spec, network.dim).to(device) if plan.target == "autoencode" else None
        self.learner = _Learner(network, self.metric, decoder)
        self._place_start(start)
        self.metric.factor = self._fitted_factor(training, start, fresh=self.fresh)
        held = np.arange(min(len(validation), 2 * self._few(length)))
        self.held = all_pairs(validation, held, distance) if len(held) > 1 else None
        self.span = float(max(training.lengths.max(), 1))
        if distance.kind == "series" and self.held is not None:
            self.span = max(float(self.held.distances.mean()), 1e-30)

    def _few(self, length: float) -> int:
        """Sequences so few that comparing all of them takes little of the work of the batches."""
        return max(64, int(math.sqrt(affordable(self.plan.cells, self.data.distance) / MINING) / length))

    @property
    def scale(self) -> float:
        """The factor of d^power that predicts the exact distance."""
        return float((self.unit * self.metric.factor**self.metric.exponent) ** self.root)

    def fit_factor(self) -> None:
        """Bring the predicted distances of the held-out sequences to the exact ones."""
        if self.held is not None:
            self.learner.eval()
            self.metric.factor = self._fitted_factor(self.data.validation, self.held)

    def draw(self) -> PairBatch:
        return next(self.batches)

    def loss(self, batch: PairBatch) -> Tensor:
        return self._loss(self.data.training, batch)[0]

    def validate(self) -> Row:
        if self.held is None:
            return {}
        loss, predicted, true = self._loss(self.data.validation, self.held)
        guess, exact = (off_diagonal(d * self.unit).double().pow(self.root) for d in (predicted, true))
        row = {
            "validation_loss": float(loss),
            "percent_rmse": 100 * float((guess - exact).square().mean().sqrt()) / self.span,
            "recall_at_10": recall_within(predicted, true, NEIGHBOURS),
        }
        if isinstance(self.metric, HashMetric):
            codes = self.metric.codes(self.network.encode(self.data.validation[self.held.rows]))
            row |= code_monitors(codes, self.metric.bits, true.cpu().numpy() <= SIMILAR)
        return row

    def due(self, share: float) -> bool:
        return len(self.mined) + 1 <= self.plan.rounds * share

    def refresh(self, step: int) -> None:
        """Let the embedding so far propose near pairs for the batches to come."""
        training = self.data.training
        blocks = (training[at : at + _AT_ONCE] for at in range(0, len(training), _AT_ONCE))
        points = np.concatenate([self.metric.flat(self._encoded(block)).cpu().numpy() for block in blocks])
        before, work = self.sampler.neighbours, self.cells / MINING
        found = mined_again(points, before, training, self.data.teacher.distance, work, self.progress)
        self.mined[step] = found
        self.source.renew(found)

    def state(self) -> dict[str, Tensor]:
        return {str(step): torch.from_numpy(rows.astype(np.int32)) for step, rows in self.mined.items()}

    def resume(self, step: int, state: dict[str, Tensor]) -> None:
        self.mined = {at: state[str(at)].numpy().astype(np.int64) for at in sorted(map(int, state))}
        done = 0
        for at, rows in self.mined.items():
            self.source.skip(at - done)
            self.source.renew(rows)
            done = at
        self.source.skip(step - done)

    def _place_start(self, batch: PairBatch) -> None:
        """Let the geometry choose where fresh points start."""
        rows, count = batch.rows, len(self.data.training)
        if isinstance(self.metric, HashMetric):
            rows = np.arange(count)[:: max(1, count // QUANTIZED)]
        elif self.plan.geometry != "hyperbolic":
            return
        self.learner.train(self.fresh)  # untrained running statistics say nothing yet
        with torch.no_grad():
            self.metric.start(self.network.encode(self.data.training[rows]))

    def _fitted_factor(self, sequences: Sequences, batch: PairBatch, *, fresh: bool = False) -> float:
        """The factor that brings the predicted distances of a batch to the true ones, by least squares in d^power."""
        mode = self.network.training
        self.network.train(fresh)  # untrained running statistics say nothing yet
        with torch.no_grad():
            _, predicted, true = self._loss(sequences, batch)
        self.network.train(mode)
        predicted, true = off_diagonal(predicted), off_diagonal(true)
        ratio = float((predicted * true).sum() / (predicted**2).sum().clamp_min(1e-12))
        return float(self.metric.factor * max(ratio, 1e-12) ** (1 / self.metric.exponent))

    def _loss(self, sequences: Sequences, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, and predicted and true (B, B) distances in units."""
        some, size = sequences[batch.rows], len(batch.rows)
        if self.plan.target == "contrastive":
            some = Sequences.concatenate([some, self._copies(some)])
        outputs = self._encoded(some)
        predicted = self.metric(outputs)
        true = torch.from_numpy(batch.distances).to(outputs.device).pow(1 / self.root) / self.unit
        if self.learner.decoder is not None:
            return self.learner.decoder(self.metric.place(outputs), some), predicted, true
        if isinstance(self.metric, HashMetric) and self.plan.target == "hash":
            return hash_target(self.metric.place(outputs), true, self.plan.margin), predicted, true
        # a copy is about as far from others as its original is
        wanted = true.repeat(2, 2) if len(some) > size else true
        loss = TARGET_LOSSES[self.plan.target](predicted, wanted, self.near, self.plan.margin)
        return loss, predicted[:size, :size], true

    def _copies(self, sequences: Sequences) -> Sequences:
        """Edited copies: others at every step, the same whenever they are judged. Drawn by torch, whose state
        checkpoints keep."""
        seed = int(torch.randint(2**31, ())) if self.network.training else 0
        return edited(sequences, self.plan.edits, np.random.default_rng(seed))

    def _encoded(self, sequences: Sequences) -> Tensor:
        """(B, D) float32 outputs."""
        with multiplying(self.learner, self.plan.precision):
            outputs = self.network.encode(sequences)
        return outputs.float()


def _metric(plan: TrainingPlan, dim: int, rng: np.random.Generator) -> Metric:
    if plan.bits is None:
        return Metric(plan.geometry, mode=plan.mode, power=plan.power)
    return HashMetric(dim, plan.bits, binarise=plan.binarise, power=plan.power, seed=int(rng.integers(1 << 31)))


def recall_within(predicted: Tensor, true: Tensor, k: int) -> float:
    """Share of each row's k truly nearest other rows among its k nearest by (B, B) predictions; ties count."""
    k = min(k, len(true) - 1)
    own = torch.eye(len(true), dtype=torch.bool, device=true.device)
    nearest = true.masked_fill(own, torch.inf).topk(k, largest=False).values
    found = true.gather(1, predicted.masked_fill(own, torch.inf).topk(k, largest=False).indices)
    return float(recall_at(found.cpu().numpy(), nearest.cpu().numpy(), k).mean())
