"""Training to tell the label of every element of a sequence."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...arrays import DoubleArray, IntArray
from ...encoders.heads import Head
from ...encoders.model import Model
from ...errors import EmptySequenceError, MismatchError, StrPath
from ...progress import SILENT, Progress
from ...sequences import Sequences, Tagged, ranges_to_indices
from ..state import TrainingLog
from .batches import LengthBatches
from .classifier import held_row, weights_on
from .labels import MOST_HELD_OUT, label_weights, numbered_labels, numbers_of
from .learners import UNKNOWN, Learner, family_for, finished_model, joined, new_network, training_document
from .loop import SupervisedRun, Watch
from .plan import LabelPlan
from .temperature import fitted_temperature


def train_tagger(
    data: Tagged,
    *,
    encoder: str = "auto",
    plan: LabelPlan | None = None,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    validation: Tagged | None = None,
    checkpoint: StrPath | None = None,
    watch: Watch | None = None,
    progress: Progress = SILENT,
) -> tuple[Model, TrainingLog]:
    """Train an encoder and a head over its steps on the labels of elements; unknown ones are neither learnt nor judged.

    Raises MismatchError for data without labels, ParameterError for fewer than two labels, labels of `validation` that
    do not occur in training or an encoder that does not read step by step, EmptySequenceError for a text without words.
    """
    plan = plan if plan is not None else LabelPlan()
    family = family_for(encoder, "tag", data.sequences)
    require_tags(data)
    training, held = (data, validation) if validation is not None else held_apart(data, plan.validate, seed)
    require_tags(held)
    labels, _ = numbered_labels(_known_names(data))
    true, held_true = np.zeros(len(training.known), np.int64), numbers_among(held, labels)
    true[training.known] = numbers_among(training, labels)
    network = new_network(
        family, training.sequences, settings or {}, plan, by_words=data.by_words, seed=seed, by_step=True
    )
    device = next(network.parameters()).device
    learner = Learner(network, len(labels), by_step=True, plan=plan).to(device)
    weights = label_weights(true[training.known], len(labels), plan.class_weights)
    run = SupervisedRun(
        learner,
        LengthBatches(training.lengths, plan.batch, np.random.default_rng(seed + 1)),
        _loss(learner, training, true, weights_on(weights, device), plan.smoothing),
        lambda: held_row(step_scores(learner, held.sequences)[held.known], held_true, weights),
        plan,
        plan.rate or family.rate,
        progress=progress,
        watch=watch,
        checkpoint=checkpoint,
        identity=tagged_identity("tag", data, family.name, network.settings(), plan, seed),
    )
    log = run.go()
    head = Head("tag", labels, fitted_temperature(step_scores(learner, held.sequences)[held.known], held_true))
    return finished_model(learner, head, training_document(plan, seed, len(training), log.rows), {}), log


def require_tags(data: Tagged) -> None:
    """Raise MismatchError for data without labels, EmptySequenceError for a sequence without elements."""
    if data.tags is None:
        raise MismatchError("the elements have no labels to learn from")
    empty = np.flatnonzero(data.lengths == 0)
    if len(empty):
        row = int(empty[0])
        raise EmptySequenceError("the text has no word", record=row + 1, record_id=data.sequences.ids[row])


def held_apart(data: Tagged, share: float, seed: int) -> tuple[Tagged, Tagged]:
    """Training and held-out sequences, at random."""
    order = np.random.default_rng(seed).permutation(len(data))
    held = min(round(share * len(data)), MOST_HELD_OUT, len(data) - 1)
    return data[np.sort(order[held:])], data[np.sort(order[:held])]


def step_scores(learner: Learner, sequences: Sequences) -> DoubleArray:
    """(sum T, K) of all elements."""
    if not len(sequences):
        return np.zeros((0, learner.classes))
    return joined(learner.outputs(sequences), learner.network.spec.steps(sequences))


def tagged_identity(
    task: str, data: Tagged, family: str, settings: dict[str, Any], plan: LabelPlan, seed: int
) -> dict[str, Any]:
    """What a checkpoint has to share with the run that goes on from it."""
    assert data.tags is not None
    digest = hashlib.blake2b(data.tags.data.tobytes() + data.tags.offsets.tobytes() + data.known.tobytes())
    return {
        "task": task,
        "data": data.sequences.digest(),
        "labels": digest.hexdigest(),
        "plan": plan.to_json(),
        "seed": seed,
        "family": family,
        "settings": settings,
    }


def batch_elements(data: Tagged, rows: IntArray) -> IntArray:
    """Positions of the elements of some sequences."""
    return ranges_to_indices(data.offsets[rows], data.lengths[rows])


def numbers_among(data: Tagged, labels: tuple[str, ...]) -> IntArray:
    """The numbers of the elements that are known. Raises ParameterError for a label that is not among `labels`."""
    return numbers_of(_known_names(data), labels, "the validation set")


def _known_names(data: Tagged) -> list[str]:
    assert data.tags is not None
    return list(data.tags.take(np.flatnonzero(data.known)))


def _loss(learner: Learner, training: Tagged, true: IntArray, weights: Tensor, smoothing: float) -> Any:
    wanted = torch.from_numpy(np.where(training.known, true, UNKNOWN))

    def loss_of(rows: IntArray) -> Tensor:
        scores: Tensor = learner(training.sequences[rows])
        own = wanted[batch_elements(training, rows)].to(scores.device)
        if not bool((own >= 0).any()):
            return scores.sum() * 0.0  # a batch of nothing known
        return learner.loss(scores, own, weights, smoothing)

    return loss_of
