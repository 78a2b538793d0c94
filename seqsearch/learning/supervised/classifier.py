"""Training to tell the class of a whole sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...arrays import DoubleArray, IntArray
from ...encoders.heads import Head
from ...encoders.model import Model
from ...errors import StrPath
from ...progress import SILENT, Progress
from ...sequences import Sequences
from ..scores import accuracy, confusion, macro_f1
from ..state import TrainingLog
from .batches import LengthBatches
from .labels import class_names, label_weights, numbered_labels, numbers_of, stratified
from .learners import Learner, family_for, finished_model, joined, new_network, training_document
from .loop import SupervisedRun, Watch
from .plan import LabelPlan
from .temperature import fitted_temperature, log_loss


def train_classifier(
    sequences: Sequences,
    *,
    encoder: str = "auto",
    plan: LabelPlan | None = None,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    by_words: bool = False,
    validation: Sequences | None = None,
    checkpoint: StrPath | None = None,
    watch: Watch | None = None,
    progress: Progress = SILENT,
) -> tuple[Model, TrainingLog]:
    """Train an encoder and a head on the labels of `sequences`; the model knows their names and a temperature.

    `by_words`: read text word by word. `validation`: sequences to judge by, in place of a share of the training set.
    `checkpoint` and `watch` as in `train`. Raises InputError for a sequence without a label, ParameterError for fewer
    than two labels, labels of `validation` that do not occur in training, or an encoder that cannot be used so.
    """
    plan = plan if plan is not None else LabelPlan()
    family = family_for(encoder, "classify", sequences)
    labels, numbers = numbered_labels(class_names(sequences))
    if validation is None:
        train_rows, held_rows = stratified(numbers, plan.validate, np.random.default_rng(seed))
        training, held = sequences[train_rows], sequences[held_rows]
        true, held_true = numbers[train_rows], numbers[held_rows]
    else:
        sequences.require_same_kind(validation)
        training, held, true = sequences, validation, numbers
        held_true = numbers_of(class_names(validation), labels, "the validation set")
    network = new_network(family, training, settings or {}, plan, by_words=by_words, seed=seed)
    device = next(network.parameters()).device
    learner = Learner(network, len(labels), by_step=False, plan=plan).to(device)
    weights = label_weights(true, len(labels), plan.class_weights)
    run = SupervisedRun(
        learner,
        LengthBatches(network.spec.steps(training), plan.batch, np.random.default_rng(seed + 1)),
        _loss(learner, training, true, weights_on(weights, device), plan.smoothing),
        lambda: held_row(scores_of(learner, held), held_true, weights),
        plan,
        plan.rate or family.rate,
        progress=progress,
        watch=watch,
        checkpoint=checkpoint,
        identity={
            "task": "classify",
            "data": sequences.digest(),
            "labels": list(labels),
            "plan": plan.to_json(),
            "seed": seed,
            "family": family.name,
            "settings": network.settings(),
        },
    )
    log = run.go()
    head = Head("classify", labels, fitted_temperature(scores_of(learner, held), held_true))
    return finished_model(learner, head, training_document(plan, seed, len(training), log.rows), {}), log


def scores_of(learner: Learner, sequences: Sequences) -> DoubleArray:
    """(n, K) of whole sequences."""
    if not len(sequences):
        return np.zeros((0, learner.classes))
    return joined(learner.outputs(sequences), np.ones(len(sequences), np.int64))


def held_row(scores: DoubleArray, true: IntArray, weights: Any) -> dict[str, float]:
    """What a look says of (m, K) scores; {} without any."""
    if not len(true):
        return {}
    told = scores.argmax(axis=1)
    counts = confusion(true, told, scores.shape[1])
    own = weights[true]
    # the loss weighs classes as training does
    loss = sum(
        float(weights[k]) * int((true == k).sum()) * log_loss(scores[true == k], true[true == k])
        for k in np.unique(true).tolist()
    ) / float(own.sum())
    return {"validation_loss": loss, "accuracy": accuracy(counts), "macro_f1": macro_f1(counts)}


def weights_on(weights: Any, device: torch.device) -> Tensor:
    """(K,) class weights as a tensor."""
    return torch.from_numpy(weights).to(device)


def _loss(learner: Learner, training: Sequences, true: IntArray, weights: Tensor, smoothing: float) -> Any:
    wanted = torch.from_numpy(true)

    def loss_of(rows: IntArray) -> Tensor:
        scores: Tensor = learner(training[rows])
        return learner.loss(scores, wanted[rows].to(scores.device), weights, smoothing)

    return loss_of
