"""What a network is asked for: the training targets over a batch of pairs, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .losses import (
    contrastive,
    near_weighted,
    neighbour_ranks,
    off_diagonal,
    relative_error,
    similarity_hash,
    squared_error,
    triplet,
)
from .plan import TrainingPlan

SIMILAR = 1.0  # units within which a pair counts as alike: 10 edits for V4 genes


@dataclass(frozen=True)
class Scales:
    """`near`: in units, the distance of near neighbours, below which differences stop to matter."""

    near: float


def _near(predicted: Tensor, true: Tensor, scales: Scales, plan: TrainingPlan) -> Tensor:
    """Distances, near pairs first, and the order of each row's neighbours."""
    errors = near_weighted(off_diagonal(predicted), off_diagonal(true), scales.near, plan.far)
    ranks = neighbour_ranks(predicted, true, scales.near)
    return errors * (len(true) - 1) / 2 + plan.rank * ranks


def _rank(predicted: Tensor, true: Tensor, scales: Scales, plan: TrainingPlan) -> Tensor:
    """The order of each row's neighbours alone."""
    return neighbour_ranks(predicted, true, scales.near)


def _mse(predicted: Tensor, true: Tensor, scales: Scales, plan: TrainingPlan) -> Tensor:
    return squared_error(off_diagonal(predicted), off_diagonal(true))


def _relative(predicted: Tensor, true: Tensor, scales: Scales, plan: TrainingPlan) -> Tensor:
    return relative_error(off_diagonal(predicted), off_diagonal(true), scales.near)


def _triplet(predicted: Tensor, true: Tensor, scales: Scales, plan: TrainingPlan) -> Tensor:
    return triplet(predicted, true, plan.margin)


def _contrastive(predicted: Tensor, true: Tensor, scales: Scales, plan: TrainingPlan) -> Tensor:
    """Over rows and, in the trainer, an edited copy of each: at distance 0 from its original, so always alike."""
    return contrastive(off_diagonal(predicted), off_diagonal(true), SIMILAR, SIMILAR + plan.margin)


def hash_objective(outputs: Tensor, true: Tensor, plan: TrainingPlan) -> Tensor:
    """Raffel's loss over all pairs of a batch, from (B, bits) outputs and (B, B) true distances in units.

    Pairs within `SIMILAR` belong together. The others hold the mined near ones: the hard negatives.
    """
    first, second = torch.triu_indices(len(true), len(true), 1)
    alike = true[first, second] <= SIMILAR
    f, g = outputs[first], outputs[second]
    margin = plan.margin * math.sqrt(outputs.shape[1])
    return similarity_hash((f[alike], g[alike]), (f[~alike], g[~alike]), margin, plan.negatives, plan.norm)


Objective = Callable[[Tensor, Tensor, Scales, TrainingPlan], Tensor]

OBJECTIVES: dict[str, Objective] = {
    "near": _near,
    "rank": _rank,
    "mse": _mse,
    "relative": _relative,
    "triplet": _triplet,
    "contrastive": _contrastive,
}
"""(B, B) predicted and true distances in units to a loss. "autoencode" and "hash" are not here: they look at
outputs too."""
