"""Training on labels: the class of a sequence, the label of every element, which elements belong together."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from ...encoders.heads import Head
from ...encoders.model import Model
from ...errors import ParameterError
from ...sequences import Sequences, Tagged
from ..loop import Run, RunOptions, TrainingLog
from ..networks import device_of
from .automatic import AUTO, train_chosen
from .job import Job, family_for
from .labels import Examples, class_names, known_names, numbered_labels, numbers_of, stratified
from .learners import COORDINATES, Grouper, new_network
from .objectives import GroupObjective
from .plan import LabelPlan
from .tagging import train_blend, usual_tag_plan


def train_classifier(
    sequences: Sequences,
    *,
    encoder: str = "auto",
    plan: LabelPlan | None = None,
    by_words: bool = False,
    validation: Sequences | None = None,
    **options: Unpack[RunOptions],
) -> tuple[Model, TrainingLog]:
    """Train on the labels of `sequences`; the model knows their names and a temperature.

    `encoder`: a network with a head; "auto" chooses by what it holds out between a network, linear judges of n-grams or
    outlines, and warped neighbours, or blends them (`choosing`). `by_words`: read text word by word. `validation`:
    sequences to judge by, in place of a share of the training set. `plan`: None for what suits the sequences.
    `options`: see `loop.Run`. Raises InputError for a sequence without a label, ParameterError for fewer than two
    labels, labels of `validation` that do not occur in training, or an encoder that cannot be used so.
    """
    labels, numbers = numbered_labels(class_names(sequences))
    if encoder == AUTO:
        chosen = train_chosen(sequences, numbers, labels, plan, by_words, validation, Run(**options))
        if chosen is not None:
            return chosen
    job = Job("classify", family_for(encoder, "classify", sequences), plan or LabelPlan(), Run(**options))
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

    `encoder`: a network that reads step by step; "auto" reads words by a network and by what stands in a window around
    them, blended by what is held out (`tagging`), other elements by an LSTM. `plan`: None for what suits the data.
    Raises MismatchError for data without labels, ParameterError for fewer than two labels, labels of `validation` that
    do not occur in training or an encoder that does not read step by step, EmptySequenceError for a text without words.
    """
    own = plan or usual_tag_plan(data, encoder)
    if encoder == AUTO and data.by_words:
        chosen = train_blend(data, own, validation, Run(**options))
        if chosen is not None:
            return chosen
    job = Job("tag", family_for(encoder, "tag", data.sequences), own, Run(**options))
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
    job = Job("cluster", family_for(encoder, "cluster", data.sequences), plan or LabelPlan(), Run(**options))
    training, held = job.halves(data, validation)
    if int(training.lengths.max(initial=0)) < 2:
        raise ParameterError("no sequence has two elements to compare")
    examples, judged = Examples.groups(training), Examples.groups(held)
    network = new_network(job.family, training.sequences, job.plan, job.run, by_words=data.by_words, by_step=True)
    learner = Grouper(network, COORDINATES, job.plan).to(device_of(network))
    objective = GroupObjective(learner, examples, judged, job.plan, job.run.seed)
    return job.finished(objective, job.trained(objective), Head("cluster"))
