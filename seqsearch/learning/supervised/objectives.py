"""What supervised runs learn: labels by their cross-entropy, or which elements of a sequence belong together.

Of elements that are grouped the network gives coordinates; sigmoid(bias - scale * |u - v|^2) is the probability that
two elements of a sequence belong together, and the loss is its cross-entropy over pairs. The names of the groups never
enter, so training on sequences of few groups teaches something about sequences of many. Groups are made by
agglomeration (`encoders.labelling.group`). The pairwise loss follows Hershey et al., Deep clustering, ICASSP 2016, with
a probability in place of their affinity.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...arrays import DoubleArray, IntArray
from ..loop import Objective, Row
from ..scores import accuracy, confusion, macro_f1
from .batches import LengthBatches, by_length
from .labels import UNKNOWN, Examples, label_weights
from .learners import Grouper, Learner
from .plan import LabelPlan
from .temperature import log_loss

_STEPS_AT_ONCE = 1 << 12


class _SupervisedObjective(Objective[IntArray]):
    """Batches of (B,) rows of like length."""

    def __init__(self, learner: Learner, training: Examples, held: Examples, plan: LabelPlan, seed: int) -> None:
        self.learner, self.training, self.held = learner, training, held
        steps = learner.network.spec.steps(training.sequences)
        batches = LengthBatches(steps, plan.batch, np.random.default_rng(seed + 1))
        self.per_epoch = batches.per_epoch
        self.batches = iter(batches)

    def draw(self) -> IntArray:
        return next(self.batches)


class LabelObjective(_SupervisedObjective):
    """The labels of sequences or elements; batches are (B,) rows."""

    learner: Learner

    def __init__(self, learner: Learner, training: Examples, held: Examples, plan: LabelPlan, seed: int) -> None:
        super().__init__(learner, training, held, plan, seed)
        self.smoothing = plan.smoothing
        known = training.wanted[training.wanted != UNKNOWN]
        self.weights = label_weights(known, learner.classes, plan.class_weights)

    def loss(self, batch: IntArray) -> Tensor:
        scores: Tensor = self.learner(self.training.sequences[batch])
        wanted = torch.from_numpy(self.training.wanted[self.training.elements(batch)]).to(scores.device)
        if not bool((wanted != UNKNOWN).any()):
            return scores.sum() * 0.0  # a batch of nothing known
        weights = torch.from_numpy(self.weights).to(scores.device)
        return self.learner.loss(scores, wanted, weights, self.smoothing)

    def held_scores(self) -> tuple[DoubleArray, IntArray]:
        """(m, K) of the held-out labels that are known, and (m,) these."""
        known = self.held.wanted != UNKNOWN
        return self.learner.scores(self.held.sequences)[known], self.held.wanted[known]

    def validate(self) -> Row:
        """The loss weighs classes as training does."""
        scores, true = self.held_scores()
        if not len(true):
            return {}
        counts = confusion(true, scores.argmax(axis=1), scores.shape[1])
        loss = sum(
            float(self.weights[k]) * int((true == k).sum()) * log_loss(scores[true == k], true[true == k])
            for k in np.unique(true).tolist()
        ) / float(self.weights[true].sum())
        return {"validation_loss": loss, "accuracy": accuracy(counts), "macro_f1": macro_f1(counts)}


class GroupObjective(_SupervisedObjective):
    """Which elements of a sequence belong together."""

    learner: Grouper

    def loss(self, batch: IntArray) -> Tensor:
        total, pairs = self._summed(self.training, batch)
        return total / max(pairs, 1)

    def validate(self) -> Row:
        total, pairs = 0.0, 0
        state = torch.get_rng_state()  # drawing pairs to judge by must not change what is drawn to learn from
        torch.manual_seed(0)
        for rows in by_length(self.held.lengths, _STEPS_AT_ONCE):
            loss, count = self._summed(self.held, rows)
            total, pairs = total + float(loss), pairs + count
        torch.set_rng_state(state)
        return {"validation_loss": total / pairs} if pairs else {}

    def _summed(self, data: Examples, rows: IntArray) -> tuple[Tensor, int]:
        return self.learner.pair_loss(data.sequences[rows], data.wanted[data.elements(rows)])
