"""Training an encoder for an exact distance: `train` from nothing, `learn_code` on top of a trained model."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Unpack

import numpy as np
import torch

from ..distances import Distance
from ..encoders.families import family_named
from ..encoders.inputs import InputSpec
from ..encoders.model import Model, unlearned_model
from ..encoders.reconstruction import PREFIX
from ..encoders.run import loaded
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .checkpoints import Checkpoint
from .loop import Run, RunOptions, Trainer, TrainingLog
from .networks import device_named, weights_of
from .pair_objective import PairData, PairObjective
from .plan import TrainingPlan, batch_size
from .teachers import teacher_of

FEWEST = 32  # sequences below which nothing can be learnt that k-mer counts do not know
CODE_RATE = 0.25  # of the learning rate, while a code is learned on top of a trained network
UNSEEN = 2000  # sequences at most, and a tenth of all, whose reconstruction an autoencoder is known not to have learned


def train(
    sequences: Sequences,
    distance: Distance,
    *,
    encoder: str = "auto",
    plan: TrainingPlan | None = None,
    **options: Unpack[RunOptions],
) -> tuple[Model, TrainingLog]:
    """Train an encoder on a set of sequences.

    An untrained family, or "auto" with fewer than `FEWEST` sequences, gives k-mer counts or shape features. `options`:
    see `loop.Run`. Raises ParameterError for an unknown encoder or a plan that cannot be followed, and what `Run` says.
    """
    plan, run, started = plan if plan is not None else TrainingPlan(), Run(**options), time.monotonic()
    family = family_named(encoder, sequences.kind)
    if not family.trained:
        return unlearned_model(sequences, plan.geometry, family.name), TrainingLog()
    if len(sequences) < FEWEST and encoder == "auto":
        return unlearned_model(sequences, plan.geometry), TrainingLog()
    _require_enough(sequences)
    plan = plan.suited_to(sequences)
    rng = np.random.default_rng(run.seed)
    rows = rng.permutation(len(sequences))[: plan.sequences]
    held = min(plan.validate, len(rows) // 8)
    # nothing is told of the reconstruction of what the decoder learned by heart
    unseen = held + (min(UNSEEN, len(rows) // 10) if plan.target == "autoencode" else 0)
    length = float(np.mean(sequences.lengths[rows]))
    _require_whole(distance)
    data = _pairs(sequences[rows[unseen:]], sequences[rows[:held]], distance, plan, rng)
    plan = replace(plan, cells=plan.cells_for(len(rows)))
    steps = plan.steps_for(len(rows), batch_size(plan.batch, length, data.affordable(plan.cells)))
    plan = replace(plan, steps=steps, check=plan.check if steps == plan.steps else min(plan.check, max(1, steps // 5)))
    torch.manual_seed(run.seed)
    network = family.build(InputSpec.fit(sequences[rows]), run.settings or {}).to(device_named(plan.device))
    objectives, near, log = list[PairObjective](), None, TrainingLog()
    for phase, part in enumerate(plan.phases()):
        objectives.append(PairObjective(network, data, part, rng, run.progress, near))
        checkpoint = run.checkpoint_of(
            sequences,
            suffix=".codes" if phase else "",
            distance=[distance.name, distance.parameters()],
            family=family.name,
            plan=part.to_json(),
            settings=network.settings(),
        )
        if not phase and part.seconds and part.clock == "wall":  # looking for near pairs took some of it
            part = replace(part, seconds=max(0.1, part.seconds - (time.monotonic() - started)))
        rate = (plan.rate or family.rate) * (CODE_RATE if phase else 1.0)
        log.follow(_trained(objectives[-1], part, rate, run, checkpoint))
        near = objectives[-1].sampler.neighbours
    points = objectives[0]
    points.fit_factor()  # a code learned on top has moved them
    weights = {**weights_of(network), **objectives[-1].metric.saved()}
    decoder = points.learner.decoder
    if decoder is not None:
        weights |= weights_of(decoder, PREFIX)
    return Model(
        family.name,
        network.spec,
        network.settings(),
        weights,
        network.dim,
        geometry=plan.geometry,
        scale=points.scale,
        power=points.metric.power * points.root,
        bits=plan.bits,
        training={
            "plan": plan.to_json(),
            "seed": run.seed,
            "sequences": len(data.training),
            "log": log.rows,
            "held_out": list(sequences.ids.take(np.sort(rows[:unseen]))),
        },
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
    run = Run(seed=seed, progress=progress)
    plan = replace(plan if plan is not None else TrainingPlan(), bits=bits, geometry=model.geometry)
    model.spec.require(sequences)
    _require_enough(sequences)
    rng = np.random.default_rng(run.seed)
    torch.manual_seed(run.seed)
    family = family_named(model.family, model.spec.kind)
    network = loaded(family.build(model.spec, model.settings), model.weights).to(device_named(plan.device))
    rows = rng.permutation(len(sequences))[: plan.sequences]
    held = min(plan.validate, len(rows) // 8)
    _require_whole(distance)
    data = _pairs(sequences[rows[held:]], sequences[rows[:held]], distance, plan, rng)
    near = data.mined(network, plan.cells, rng, run.progress)
    part = plan.phases()[-1]
    objective = PairObjective(network, data, part, rng, run.progress, near)
    log = _trained(objective, part, (plan.rate or family.rate) * CODE_RATE, run)
    training = {**model.training, "code": {"plan": plan.to_json(), "seed": run.seed, "log": log.rows}}
    weights = {**model.weights, **weights_of(network), **objective.metric.saved()}
    return replace(model, weights=weights, bits=bits, training=training), log


def _pairs(
    training: Sequences, validation: Sequences, distance: Distance, plan: TrainingPlan, rng: np.random.Generator
) -> PairData:
    """What is learned from and judged by, with the teacher of a plan."""
    return PairData(training, validation, distance, teacher_of(plan.teacher, distance, training, rng))


def _trained(
    objective: PairObjective, plan: TrainingPlan, rate: float, run: Run, checkpoint: Checkpoint | None = None
) -> TrainingLog:
    log = Trainer(objective, plan.schedule(plan.steps, plan.check, rate), run, checkpoint).run()
    objective.fit_factor()
    return log


def _require_whole(distance: Distance) -> None:
    """Raise ParameterError for a distance to parts of sequences: points of whole ones cannot predict it."""
    if distance.partial:
        raise ParameterError(
            f"an encoder cannot learn {distance.name}, the distance to a part of what is stored: "
            "an index of it searches by proof, without one"
        )


def _require_enough(sequences: Sequences) -> None:
    if len(sequences) < FEWEST:
        raise ParameterError(f"{len(sequences)} sequences are too few to train on: at least {FEWEST} are needed")
