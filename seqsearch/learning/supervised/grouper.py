"""Training to tell which elements of a sequence belong together, whatever the groups are called and however many.

The network gives every element coordinates; sigmoid(level - slope * |u - v|^2) is the probability that two elements of
a sequence belong together, and the loss is its cross-entropy over pairs. The names of the groups never enter, so
training on sequences of few groups teaches something about sequences of many. Groups are made by agglomeration
(`encoders.labelling.group`). The pairwise loss follows Hershey et al., Deep clustering, ICASSP 2016, with a probability
in place of their affinity.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...arrays import IntArray
from ...encoders.encoder import Encoder
from ...encoders.heads import PAIR_BIAS, PAIR_SCALE, Head
from ...encoders.model import Model
from ...errors import ParameterError, StrPath
from ...progress import SILENT, Progress
from ...sequences import Sequences, Tagged
from ..state import TrainingLog
from .batches import LengthBatches, by_length
from .learners import Learner, family_for, finished_model, new_network, training_document
from .loop import SupervisedRun, Watch
from .plan import LabelPlan
from .tagger import batch_elements, held_apart, require_tags, tagged_identity

COORDINATES = 16
MOST_PAIRED = 128  # elements of one sequence that a batch compares with each other
_STEPS_AT_ONCE = 1 << 12


class Grouper(Learner):
    """A learner whose outputs are coordinates, with the slope and level of the probability of belonging together."""

    def __init__(self, network: Encoder, coordinates: int, plan: LabelPlan) -> None:
        super().__init__(network, coordinates, by_step=True, plan=plan, together=True)
        self.log_slope = nn.Parameter(torch.zeros(()))
        self.level = nn.Parameter(torch.ones(()))

    def pair_loss(self, sequences: Sequences, groups: IntArray) -> tuple[Tensor, int]:
        """Sum of -log probability over the pairs of elements within each sequence, and how many pairs.

        `groups`: (sum T,) numbers, -1 where not known.
        """
        coordinates = self(sequences)[:, 0]
        lengths = self.network.spec.steps(sequences).tolist()
        total, pairs = coordinates.sum() * 0.0, 0
        numbers = torch.from_numpy(groups)
        for own, wanted in zip(torch.split(coordinates, lengths), torch.split(numbers, lengths), strict=True):
            chosen = torch.nonzero(wanted >= 0)[:, 0]
            if len(chosen) > MOST_PAIRED:
                chosen = chosen[torch.randperm(len(chosen))[:MOST_PAIRED]]
            if len(chosen) < 2:
                continue
            points, names = own[chosen.to(own.device)], wanted[chosen]
            first, second = torch.triu_indices(len(chosen), len(chosen), 1)
            away = (points[first] - points[second]).square().sum(1)
            same = (names[first] == names[second]).to(points)
            score = self.level - self.log_slope.exp() * away
            total = total + functional.binary_cross_entropy_with_logits(score, same, reduction="sum")
            pairs += len(first)
        return total, pairs


def train_grouper(
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
    """Train on labels that only say which elements of a sequence belong together.

    Raises what `train_tagger` raises, and ParameterError when no sequence has two elements to compare.
    """
    plan = plan if plan is not None else LabelPlan()
    family = family_for(encoder, "cluster", data.sequences)
    require_tags(data)
    training, held = (data, validation) if validation is not None else held_apart(data, plan.validate, seed)
    require_tags(held)
    if int(training.lengths.max(initial=0)) < 2:
        raise ParameterError("no sequence has two elements to compare")
    network = new_network(
        family, training.sequences, settings or {}, plan, by_words=data.by_words, seed=seed, by_step=True
    )
    learner = Grouper(network, COORDINATES, plan)
    learner = learner.to(next(network.parameters()).device)
    groups, held_groups = _numbers(training), _numbers(held)

    def loss_of(rows: IntArray) -> Tensor:
        total, pairs = learner.pair_loss(training.sequences[rows], groups[batch_elements(training, rows)])
        return total / max(pairs, 1)

    run = SupervisedRun(
        learner,
        LengthBatches(training.lengths, plan.batch, np.random.default_rng(seed + 1)),
        loss_of,
        lambda: _held_row(learner, held, held_groups),
        plan,
        plan.rate or family.rate,
        progress=progress,
        watch=watch,
        checkpoint=checkpoint,
        identity=tagged_identity("cluster", data, family.name, network.settings(), plan, seed),
    )
    log = run.go()
    extra = {
        PAIR_SCALE: learner.log_slope.detach().exp().cpu().numpy().copy(),
        PAIR_BIAS: learner.level.detach().cpu().numpy().copy(),
    }
    return finished_model(learner, Head("cluster"), training_document(plan, seed, len(training), log.rows), extra), log


def _numbers(data: Tagged) -> IntArray:
    """(m,) a number for each name, -1 on elements that are not known."""
    assert data.tags is not None
    _, numbers = np.unique(np.array(list(data.tags), dtype=np.str_), return_inverse=True)
    out: IntArray = np.where(data.known, numbers, -1)
    return out


def _held_row(learner: Grouper, held: Tagged, groups: IntArray) -> dict[str, float]:
    total, pairs = 0.0, 0
    state = torch.get_rng_state()  # drawing pairs to judge by must not change what is drawn to learn from
    torch.manual_seed(0)
    for rows in by_length(held.lengths, _STEPS_AT_ONCE):
        loss, count = learner.pair_loss(held.sequences[rows], groups[batch_elements(held, rows)])
        total, pairs = total + float(loss), pairs + count
    torch.set_rng_state(state)
    return {"validation_loss": total / pairs} if pairs else {}
