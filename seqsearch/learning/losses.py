"""Losses: pure functions of predicted and true distances, or of points. All return a scalar mean."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def near_weighted(predicted: Tensor, true: Tensor, offset: float, far: float) -> Tensor:
    """Squared error weighted by 1 / (true + offset)^2 + far: an error of one edit matters most between neighbours.

    `predicted`, `true`: (m,) distances in the same unit; `offset` in that unit keeps the weight finite at zero.
    """
    return ((1 / (true + offset) ** 2 + far) * (predicted - true) ** 2).mean()


def neighbour_ranks(predicted: Tensor, true: Tensor, temperature: float) -> Tensor:
    """How far the neighbourhoods of a batch are from the true ones, from (B, B) distances.

    Each row's other rows form a distribution, softmax(-distance / temperature); the loss is the mean over rows of the
    Kullback-Leibler divergence of the predicted from the true one (stochastic neighbour embedding, Hinton and Roweis
    2002). It asks for the right order among the nearest and does not care about the far ones.
    """
    size = len(true)
    own = torch.eye(size, dtype=torch.bool, device=true.device)
    wanted = functional.log_softmax((-true / temperature).masked_fill(own, -1e9), dim=1)
    given = functional.log_softmax((-predicted / temperature).masked_fill(own, -1e9), dim=1)
    return (wanted.exp() * (wanted - given)).sum() / size


def squared_error(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean squared error: the loss of NeuroSEED (Corso et al. 2021)."""
    return ((predicted - true) ** 2).mean()


def relative_error(predicted: Tensor, true: Tensor, floor: float) -> Tensor:
    """Mean absolute error relative to max(true, floor)."""
    return ((predicted - true).abs() / true.clamp_min(floor)).mean()


def distance_matrix(points: Tensor) -> Tensor:
    """(B, B) Euclidean distances of (B, D) points by differences; the gradient at zero distance is zero, not NaN."""
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def off_diagonal(matrix: Tensor) -> Tensor:
    """(B * (B - 1),) entries of a (B, B) matrix that compare two different rows."""
    size = len(matrix)
    return matrix.flatten()[1:].view(size - 1, size + 1)[:, :-1].flatten()
