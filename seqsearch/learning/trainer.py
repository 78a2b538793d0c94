"""The training loop: an encoder learns that the distance of its points is the exact distance of the sequences."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import threads
from ..arrays import IntArray
from ..distances import Distance
from ..encoders.decoder import Decoder
from ..encoders.encoder import Encoder
from ..encoders.families import family_named
from ..encoders.inputs import InputSpec
from ..encoders.model import Model, unlearned_model
from ..encoders.reconstruction import PREFIX
from ..errors import ParameterError, StrPath
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from .checkpoints import Checkpoint, restore_optimizer
from .edits import edited
from .hash_metric import HashMetric
from .losses import off_diagonal
from .metric import Metric
from .mining import BatchSampler, mined_again, mined_neighbours
from .monitors import code_monitors
from .objective import OBJECTIVES, SIMILAR, Scales, hash_objective
from .pairs import PairBatch, PairSource, all_pairs
from .plan import TrainingPlan
from .state import RunState, TrainingLog, blend, warm_then_cosine

UNITS_PER_TYPICAL = 4.5  # so that a unit is 10 edits for V4 genes, where the settings were found
WARM_UP = 8192  # sequences a network may look at before its first step
MOST_EPOCHS = 100  # a small set is learnt by then, and only remembered better after
Watch = Callable[[dict[str, float]], None]
FEWEST = 32  # sequences below which nothing can be learnt that k-mer counts do not know
CODE_RATE = 0.25  # of the learning rate, while a code is learned on top of a trained network
DISTINCT = 200  # batches whose distances must be affordable: dear distances mean smaller batches
SERIES_CELL = 5000.0  # cells of edit distance for one of time warping, which takes 500 times as long, a tenth as often
LONG = 600.0  # tokens from which comparing a batch takes longer than learning from it
MINING = 100  # times as much work for batches as for ordering near rows
QUANTIZED = 2048  # points from which the head of a code starts
_AT_ONCE = 512  # sequences embedded together
_LOOKED_AT = 10  # neighbours by which held-out sequences judge the recall


def train(
    sequences: Sequences,
    distance: Distance,
    *,
    encoder: str = "auto",
    plan: TrainingPlan | None = None,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    checkpoint: StrPath | None = None,
    watch: Watch | None = None,
    progress: Progress = SILENT,
) -> tuple[Model, TrainingLog]:
    """Train an encoder on a set of sequences.

    An untrained family, or "auto" with fewer than `FEWEST` sequences, gives k-mer counts or shape features.
    `checkpoint`: a file written at every look; a run that finds it there goes on from it and ends as if it had never
    stopped. `watch` is called with every row of the log; what it raises ends the run. One seed gives one model on one
    thread. Raises ParameterError for an unknown encoder or a plan that cannot be followed, MismatchError for the
    checkpoint of another run, CorruptIndexError for a damaged one.
    """
    plan = plan if plan is not None else TrainingPlan()
    family = family_named(encoder, sequences.kind)
    few = len(sequences) < FEWEST
    if not family.trained or (few and encoder == "auto"):
        chosen = None if family.trained else family.name
        return unlearned_model(sequences, plan.geometry, chosen), TrainingLog()
    if few:
        raise ParameterError(f"{len(sequences)} sequences are too few to train on: at least {FEWEST} are needed")
    plan = plan.suited_to(sequences)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(sequences))[: plan.sequences]
    held = min(plan.validate, len(rows) // 8)
    unseen = held + (min(plan.unseen, len(rows) // 10) if plan.target == "autoencode" else 0)
    enough = max(100, MOST_EPOCHS * len(rows) // plan.batch)
    plan = replace(plan, steps=min(plan.steps, enough), check=min(plan.check, max(1, enough // 5)))
    torch.manual_seed(seed)
    network = family.build(InputSpec.fit(sequences[rows]), settings or {}).to(device_named(plan.device))
    training, validation = sequences[rows[unseen:]], sequences[rows[:held]]
    runs, near, log = list[_Run](), None, TrainingLog()
    for phase, part in enumerate(plan.phases()):
        rate = (plan.rate or family.rate) * (CODE_RATE if phase else 1.0)
        run = _Run(network, training, validation, distance, part, rate, rng, progress, near)
        runs = [*runs, run]
        if checkpoint is not None:
            run.keep_at(
                Path(checkpoint) if not phase else Path(f"{checkpoint}.codes"),
                data=sequences.digest(),
                distance=[distance.name, distance.parameters()],
                family=family.name,
                seed=seed,
                plan=part.to_json(),
                settings=network.settings(),
            )
        run.watch = watch
        log.follow(run.go())
        near = run.source.neighbours
    points = runs[0]
    points.fit_factor()  # a code learned on top has moved them
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    training_document = {"plan": plan.to_json(), "seed": seed, "sequences": len(training), "log": log.rows}
    training_document["held_out"] = list(sequences.ids.take(np.sort(rows[:unseen])))
    decoder = points.learner.decoder
    if decoder is not None:
        weights |= {PREFIX + name: value.detach().cpu().numpy() for name, value in decoder.state_dict().items()}
    return Model(
        family.name,
        network.spec,
        network.settings(),
        {**weights, **runs[-1].metric.saved()},
        network.dim,
        geometry=plan.geometry,
        scale=points.scale,
        power=points.metric.power * points.root,
        bits=plan.bits,
        training=training_document,
        decoder=None if decoder is None else decoder.settings(),
    ), log


def learn_code(
    model: Model,
    sequences: Sequences,
    distance: Distance,
    bits: int,
    *,
    plan: TrainingPlan | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[Model, TrainingLog]:
    """A binary code on top of a trained model: the last phase of `train` with bits, by itself.

    Raises ParameterError for a model whose family has nothing to train, or whose points are not Euclidean, and
    MismatchError for other sequences than it reads.
    """
    plan = replace(plan if plan is not None else TrainingPlan(), bits=bits, geometry=model.geometry)
    model.spec.require(sequences)
    if len(sequences) < FEWEST:
        raise ParameterError(f"{len(sequences)} sequences are too few to train on: at least {FEWEST} are needed")
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = (
        family_named(model.family, model.spec.kind).build(model.spec, model.settings).to(device_named(plan.device))
    )
    own = network.state_dict().keys()
    network.load_state_dict({name: torch.from_numpy(np.array(model.weights[name])) for name in own})
    rows = rng.permutation(len(sequences))[: plan.sequences]
    held = min(plan.validate, len(rows) // 8)
    training, validation = sequences[rows[held:]], sequences[rows[:held]]
    cells = plan.cells / (SERIES_CELL if distance.kind == "series" else 1.0)
    near = mined_neighbours(network.spec, training, distance, cells / MINING, rng, progress)
    rate = (plan.rate or family_named(model.family, sequences.kind).rate) * CODE_RATE
    run = _Run(network, training, validation, distance, plan.phases()[-1], rate, rng, progress, near)
    log = run.go()
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    training_document = {**model.training, "code": {"plan": plan.to_json(), "seed": seed, "log": log.rows}}
    changed = {**model.weights, **weights, **run.metric.saved()}
    return replace(model, weights=changed, bits=bits, training=training_document), log


def device_named(name: str) -> torch.device:
    """The torch device of that name. Raises ParameterError when it is not there."""
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ParameterError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def batch_size(wanted: int, length: float, distance: Distance, cells: float) -> int:
    """Sequences in a batch, so that at least `DISTINCT` batches can be compared for `cells`.

    Twice the `wanted` ones where they are long: comparing a sequence with 512 others takes as long as with 256, so that
    the same time buys twice the pairs.
    """
    doubled = distance.kind == "tokens" and length > LONG
    return min(2 * wanted if doubled else wanted, max(32, int(math.sqrt(2 * cells / DISTINCT) / length)))


class _Learner(nn.Module):
    """Everything with weights in one training run."""

    def __init__(self, network: Encoder, metric: Metric, decoder: Decoder | None) -> None:
        super().__init__()
        self.network = network
        self.metric = metric
        self.decoder = decoder


class _Run:
    """One training run: what it needs, and its steps in order.

    Inside, distances are measured in a `unit` of the data (a small multiple of the typical near distance), so that one
    set of settings suits names of ten letters and genes of fifteen hundred. Distances that are sums of squares are
    learned by their root.
    """

    def __init__(
        self,
        network: Encoder,
        training: Sequences,
        validation: Sequences,
        distance: Distance,
        plan: TrainingPlan,
        rate: float,
        rng: np.random.Generator,
        progress: Progress,
        neighbours: IntArray | None = None,
    ) -> None:
        """`neighbours`: mined rows of `training`, for a network that is trained already and goes on."""
        threads.torch_threads()
        self.fresh = neighbours is None
        self.network = network
        self.device = next(network.parameters()).device
        self.training = training
        self.validation = validation
        self.plan = plan
        self.rate = rate
        self.progress = progress
        self.checkpoint: StrPath | None = None
        self.identity: dict[str, Any] = {}
        self.watch: Watch | None = None
        self.root = 2.0 if _sums_squares(distance) else 1.0
        if self.fresh:
            network.warm_up(training[np.sort(rng.permutation(len(training))[:WARM_UP])])
        cells = plan.cells / (SERIES_CELL if distance.kind == "series" else 1.0)
        batch = batch_size(plan.batch, float(np.mean(training.lengths)), distance, cells)
        if neighbours is None:
            neighbours = mined_neighbours(network.spec, training, distance, cells / MINING, rng, progress)
        self.distance, self.cells = distance, cells
        self.source = PairSource(training, distance, BatchSampler(neighbours, batch, rng), cells, rng, plan.steps)
        start = all_pairs(training, rng.permutation(len(training))[: plan.batch], distance)
        typical = float(np.median(off_diagonal(torch.from_numpy(start.distances)).numpy())) ** (1 / self.root)
        self.unit = max(typical, 1e-6) / UNITS_PER_TYPICAL
        self.scales = Scales(max(1.0 if distance.kind == "tokens" else 0.0, self.unit / 5) / self.unit)
        self.metric = _metric(plan, network.dim, rng).to(self.device)
        decoder = Decoder(network.spec, network.dim).to(self.device) if plan.target == "autoencode" else None
        self.learner = _Learner(network, self.metric, decoder)
        self._place_start(start)
        self.metric.factor = self._fitted_factor(training, start, fresh=self.fresh)
        everyone = np.arange(len(validation))
        self.validation_pairs = all_pairs(validation, everyone, distance) if len(validation) > 1 else None
        self.span = float(max(training.lengths.max(), 1))
        if distance.kind == "series" and self.validation_pairs is not None:
            self.span = max(float(self.validation_pairs.distances.mean()), 1e-30)

    def keep_at(self, path: StrPath, **identity: Any) -> None:
        """Write checkpoints to `path`; go on from the one that is there if it belongs to a run with this identity."""
        self.checkpoint = path
        self.identity = identity

    @property
    def scale(self) -> float:
        """The factor of d^power that predicts the exact distance."""
        return float((self.unit * self.metric.factor**self.metric.exponent) ** self.root)

    def go(self) -> TrainingLog:
        """Train; the network ends with the averaged weights that did best on the held-out sequences."""
        learnt = [p for p in self.learner.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(learnt, lr=self.rate, weight_decay=self.plan.decay, betas=(0.9, 0.98), fused=True)
        state = RunState.fresh(self.learner)
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            state = self._resumed(optimizer)
        clock = time.process_time if self.plan.clock == "cpu" else time.monotonic
        started = clock()
        with self.progress.task("training", self.plan.steps) as task:
            task.advance(state.step)
            if not state.finished:
                for batch in self.source:
                    spent = (clock() - started) / self.plan.seconds if self.plan.seconds else 0.0
                    self._once(state, batch, optimizer, spent, task)
                    if state.finished:
                        break
        self.learner.load_state_dict(state.best)
        self.learner.eval()
        self.fit_factor()
        return state.log

    def fit_factor(self) -> None:
        """Bring the predicted distances of the held-out sequences to the exact ones."""
        if self.validation_pairs is not None:
            self.learner.eval()
            self.metric.factor = self._fitted_factor(self.validation, self.validation_pairs)

    def _once(
        self, state: RunState, batch: PairBatch, optimizer: torch.optim.Optimizer, spent: float, task: Task
    ) -> None:
        """One step, and a look at the held-out sequences where one is due. `spent`: share of the time allowed."""
        plan = self.plan
        for group in optimizer.param_groups:
            group["lr"] = self.rate * warm_then_cosine(max(state.step, int(spent * plan.steps)), plan.steps)
        loss = self._step(batch, optimizer)
        state.step += 1
        blend(state.average, self.learner.state_dict(), min(plan.average, (1 + state.step) / (10 + state.step)))
        task.advance()
        last = state.step >= plan.steps or spent >= 1
        if len(state.mined) + 1 <= plan.rounds * max(state.step / plan.steps, spent) and not last:
            self._mine_again(state)
        if state.step % plan.check and not last:
            return
        state.look(self._look(state.step, loss, state.average, task))
        state.finished = last or state.since >= plan.patience
        if self.checkpoint is not None:
            state.checkpoint(self.learner, optimizer, self.identity).save(self.checkpoint)
        if self.watch is not None:
            self.watch(state.log.rows[-1])

    def _resumed(self, optimizer: torch.optim.Optimizer) -> RunState:
        assert self.checkpoint is not None
        kept = Checkpoint.load(self.checkpoint)
        kept.require(self.checkpoint, **self.identity)
        self.learner.load_state_dict(kept.groups["learner"])
        restore_optimizer(optimizer, kept.groups["optimizer"])
        torch.set_rng_state(kept.groups["random"]["torch"])
        state = RunState.restored(kept)
        at = 0
        for step, rows in state.mined.items():
            self.source.skip(step - at)
            self.source.neighbours, at = rows, step
        self.source.skip(state.step - at)
        return state

    def _mine_again(self, state: RunState) -> None:
        """Let the embedding so far propose near pairs for the batches to come."""
        with self._averaged(state.average), torch.no_grad():
            blocks = (self.training[at : at + _AT_ONCE] for at in range(0, len(self.training), _AT_ONCE))
            points = np.concatenate([self.metric.flat(self._encoded(block)).cpu().numpy() for block in blocks])
        state.mined[state.step] = self.source.neighbours = mined_again(
            points, self.source.neighbours, self.training, self.distance, self.cells / MINING, self.progress
        )

    @contextmanager
    def _averaged(self, average: dict[str, Tensor]) -> Iterator[None]:
        """The averaged weights in place of the current ones, to look at."""
        current = copy.deepcopy(self.learner.state_dict())
        self.learner.load_state_dict(average)
        self.learner.eval()
        yield
        self.learner.load_state_dict(current)

    def _place_start(self, batch: PairBatch) -> None:
        """Let the geometry choose where fresh points start."""
        rows = batch.rows
        if isinstance(self.metric, HashMetric):
            rows = np.arange(len(self.training))[:: max(1, len(self.training) // QUANTIZED)]
        elif self.plan.geometry != "hyperbolic":
            return
        self.learner.train(self.fresh)  # untrained running statistics say nothing yet
        with torch.no_grad():
            self.metric.start(self.network.encode(self.training[rows]))

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
            return hash_objective(self.metric.place(outputs), true, self.plan), predicted, true
        # a copy is about as far from others as its original is
        asked = true.repeat(2, 2) if len(some) > size else true
        loss = OBJECTIVES[self.plan.target](predicted, asked, self.scales, self.plan)
        return loss, predicted[:size, :size], true

    def _copies(self, sequences: Sequences) -> Sequences:
        """Edited copies: others at every step, the same at every look. Drawn by torch, whose state checkpoints keep."""
        seed = int(torch.randint(2**31, ())) if self.network.training else 0
        return edited(sequences, self.plan.edits, np.random.default_rng(seed))

    def _encoded(self, sequences: Sequences) -> Tensor:
        """(B, D) float32 outputs. Lower precision is for learning alone: models are judged as they will be used."""
        lower = self.plan.precision == "bfloat16" and self.learner.training
        with torch.autocast(self.device.type, torch.bfloat16, enabled=lower):
            outputs = self.network.encode(sequences)
        return outputs.float()

    def _step(self, batch: PairBatch, optimizer: torch.optim.Optimizer) -> float:
        self.learner.train()
        loss, _, _ = self._loss(self.training, batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ParameterError(f"training diverged: the loss is {value}; a rate below {self.rate} may hold")
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        return value

    def _look(self, step: int, loss: float, average: dict[str, Tensor], task: Task) -> dict[str, float]:
        """Measure the averaged weights on the held-out sequences."""
        epoch = round(step * self.source.batch / len(self.training), 4)
        row = {"step": float(step), "epoch": epoch, "loss": loss, "validation_loss": loss}
        if self.validation_pairs is not None:
            with self._averaged(average), torch.no_grad():
                held_loss, predicted, true = self._loss(self.validation, self.validation_pairs)
                monitored = self._monitored(true)
            told, exact = (off_diagonal(d * self.unit).double().pow(self.root) for d in (predicted, true))
            row["validation_loss"] = float(held_loss)
            row["percent_rmse"] = 100 * float((told - exact).square().mean().sqrt()) / self.span
            row["recall_at_10"] = recall_within(predicted, true, _LOOKED_AT)
            row |= monitored
            task.say(f"loss {row['validation_loss']:.4f}, {row['percent_rmse']:.2f} %RMSE")
        return row

    def _monitored(self, true: Tensor) -> dict[str, float]:
        """How good the codes of the held-out sequences are, from their true distances in units."""
        if not isinstance(self.metric, HashMetric):
            return {}
        codes = self.metric.codes(self.network.encode(self.validation))
        return code_monitors(codes, self.metric.bits, true.cpu().numpy() <= SIMILAR)


def _metric(plan: TrainingPlan, dim: int, rng: np.random.Generator) -> Metric:
    if plan.bits is None:
        return Metric(plan.geometry, mode=plan.mode, power=plan.power)
    return HashMetric(dim, plan.bits, binarise=plan.binarise, power=plan.power, seed=int(rng.integers(1 << 31)))


def recall_within(predicted: Tensor, true: Tensor, k: int) -> float:
    """Share of each row's k truly nearest other rows among its k nearest by (B, B) predictions; ties count."""
    k = min(k, len(true) - 1)
    own = torch.eye(len(true), dtype=torch.bool, device=true.device)
    reach = true.masked_fill(own, torch.inf).topk(k, largest=False).values[:, -1:]
    found = predicted.masked_fill(own, torch.inf).topk(k, largest=False).indices
    return float((true.gather(1, found) <= reach).double().mean())


def _sums_squares(distance: Distance) -> bool:
    """Whether the distance grows like the square of a length: time warping by squares, without the root."""
    parameters = distance.parameters()
    return parameters.get("local") in ("squared", "cosine") and not parameters.get("root", True)
