"""Training on labels: the class of a sequence, the label of every element, which elements belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np

from ...arrays import JSON
from ...encoders.families import Family, family_named
from ...encoders.heads import Head
from ...encoders.model import Model
from ...errors import ParameterError
from ...sequences import Sequences, Tagged
from ..loop import Run, RunOptions, Trainer, TrainingLog
from ..networks import device_of, weights_of
from .labels import (
    Examples,
    class_names,
    held_apart,
    known_names,
    numbered_labels,
    numbers_of,
    require_tags,
    stratified,
)
from .learners import COORDINATES, Grouper, Learner, new_network
from .objectives import GroupObjective, LabelObjective
from .plan import LabelPlan
from .temperature import fitted_temperature


def train_classifier(
    sequences: Sequences,
    *,
    encoder: str = "auto",
    plan: LabelPlan | None = None,
    by_words: bool = False,
    validation: Sequences | None = None,
    **options: Unpack[RunOptions],
) -> tuple[Model, TrainingLog]:
    """Train an encoder and a head on the labels of `sequences`; the model knows their names and a temperature.

    `by_words`: read text word by word. `validation`: sequences to judge by, in place of a share of the training set.
    `options`: see `loop.Run`. Raises InputError for a sequence without a label, ParameterError for fewer than two
    labels, labels of `validation` that do not occur in training, or an encoder that cannot be used so.
    """
    job = _Job("classify", family_for(encoder, "classify", sequences), plan or LabelPlan(), Run(**options))
    labels, numbers = numbered_labels(class_names(sequences))
    if validation is None:
        rows = stratified(numbers, job.plan.validate, np.random.default_rng(job.run.seed))
        training, held = (Examples.classes(sequences[some], numbers[some]) for some in rows)
    else:
        sequences.require_same_kind(validation)
        judged = numbers_of(class_names(validation), labels, "the validation set")
        training, held = Examples.classes(sequences, numbers), Examples.classes(validation, judged)
    return job.labelled(training, held, labels, by_words=by_words, by_step=False)


def train_tagger(
    data: Tagged,
    *,
    encoder: str = "auto",
    plan: LabelPlan | None = None,
    validation: Tagged | None = None,
    **options: Unpack[RunOptions],
) -> tuple[Model, TrainingLog]:
    """Train an encoder and a head over its steps on the labels of elements; unknown ones are neither learnt nor judged.

    Raises MismatchError for data without labels, ParameterError for fewer than two labels, labels of `validation` that
    do not occur in training or an encoder that does not read step by step, EmptySequenceError for a text without words.
    """
    job = _Job("tag", family_for(encoder, "tag", data.sequences), plan or LabelPlan(), Run(**options))
    training, held = job.halves(data, validation)
    labels, _ = numbered_labels(known_names(data))
    judged = Examples.tags(held, labels)
    return job.labelled(Examples.tags(training, labels), judged, labels, by_words=data.by_words, by_step=True)


def train_grouper(
    data: Tagged,
    *,
    encoder: str = "auto",
    plan: LabelPlan | None = None,
    validation: Tagged | None = None,
    **options: Unpack[RunOptions],
) -> tuple[Model, TrainingLog]:
    """Train on labels that only say which elements of a sequence belong together.

    Raises what `train_tagger` raises, and ParameterError when no sequence has two elements to compare.
    """
    job = _Job("cluster", family_for(encoder, "cluster", data.sequences), plan or LabelPlan(), Run(**options))
    training, held = job.halves(data, validation)
    if int(training.lengths.max(initial=0)) < 2:
        raise ParameterError("no sequence has two elements to compare")
    examples, judged = Examples.groups(training), Examples.groups(held)
    network = new_network(job.family, training.sequences, job.plan, job.run, by_words=data.by_words, by_step=True)
    learner = Grouper(network, COORDINATES, job.plan).to(device_of(network))
    objective = GroupObjective(learner, examples, judged, job.plan, job.run.seed)
    return job.finished(objective, job.trained(objective), Head("cluster"))


def family_for(encoder: str, task: str, sequences: Sequences) -> Family:
    """The family of that name; "auto" is what suits the task. Raises ParameterError for one with nothing to train."""
    family = family_named(encoder, sequences.kind, task)
    if not family.trained:
        raise ParameterError(f"encoder {family.name!r} has nothing to train")
    return family


@dataclass(frozen=True)
class _Job:
    """What is trained, and how."""

    task: str
    family: Family
    plan: LabelPlan
    run: Run

    def halves(self, data: Tagged, validation: Tagged | None) -> tuple[Tagged, Tagged]:
        """What to learn from and what to judge by."""
        require_tags(data)
        if validation is None:
            return held_apart(data, self.plan.validate, self.run.seed)
        require_tags(validation)
        return data, validation

    def labelled(
        self, training: Examples, held: Examples, labels: tuple[str, ...], *, by_words: bool, by_step: bool
    ) -> tuple[Model, TrainingLog]:
        """A model of labels with probabilities."""
        network = new_network(self.family, training.sequences, self.plan, self.run, by_words=by_words, by_step=by_step)
        learner = Learner(network, len(labels), by_step=by_step, plan=self.plan).to(device_of(network))
        objective = LabelObjective(learner, training, held, self.plan, self.run.seed)
        log = self.trained(objective)
        return self.finished(objective, log, Head(self.task, labels, fitted_temperature(*objective.held_scores())))

    def trained(self, objective: LabelObjective | GroupObjective) -> TrainingLog:
        network = objective.learner.network
        checkpoint = self.run.checkpoint_of(
            objective.training,
            objective.held,
            task=self.task,
            plan=self.plan.to_json(),
            family=self.family.name,
            settings=network.settings(),
        )
        schedule = self.plan.schedule_of(objective.per_epoch, self.family.rate)
        return Trainer(objective, schedule, self.run, checkpoint).run()

    def finished(
        self, objective: LabelObjective | GroupObjective, log: TrainingLog, head: Head
    ) -> tuple[Model, TrainingLog]:
        """The trained network and its head as data."""
        learner = objective.learner
        network = learner.network
        training: JSON = {"plan": self.plan.to_json(), "seed": self.run.seed}
        training |= {"sequences": len(objective.training.sequences), "log": log.rows}
        weights = {**weights_of(network), **learner.head_weights()}
        settings = network.settings()
        model = Model(self.family.name, network.spec, settings, weights, network.dim, training=training, head=head)
        return model, log
