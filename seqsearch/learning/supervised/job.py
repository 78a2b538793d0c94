"""One supervised run: a family of networks, a plan, and what comes of them as a model."""

from __future__ import annotations

from dataclasses import dataclass

from ...arrays import JSON
from ...encoders.families import Family, family_named
from ...encoders.heads import Head
from ...encoders.model import Model
from ...errors import ParameterError
from ...sequences import Sequences, Tagged
from ..loop import Run, Trainer, TrainingLog
from ..networks import device_of, weights_of
from .labels import Examples, held_apart, require_tags
from .learners import Learner, new_network
from .objectives import GroupObjective, LabelObjective
from .plan import LabelPlan
from .temperature import fitted_temperature


def family_for(encoder: str, task: str, sequences: Sequences) -> Family:
    """The family of that name; "auto" is what suits the task. Raises ParameterError for one with nothing to train."""
    family = family_named(encoder, sequences.kind, task)
    if not family.trained:
        raise ParameterError(f"encoder {family.name!r} has nothing to train")
    return family


@dataclass(frozen=True)
class Job:
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
