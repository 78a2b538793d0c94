"""What an output of a batch of pairs is told apart from: other groups, and other steps of its own sequence."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..arrays import BoolArray, IntArray
from ..errors import ParameterError


def mismatched(groups: IntArray, rng: np.random.Generator, count: int) -> IntArray:
    """(B, count) random rows of another group each. ParameterError where there is only one group."""
    if len(np.unique(groups)) < 2:
        raise ParameterError("all pairs of a batch are versions of one thing: there is nothing to tell apart")
    drawn = rng.integers(len(groups), size=(len(groups), count))
    while (same := groups[drawn] == groups[:, None]).any():
        drawn[same] = rng.integers(len(groups), size=int(same.sum()))
    return drawn


def no_rivals(groups: IntArray, steps: int, asked: IntArray, within: int) -> BoolArray:
    """(m, B * steps) outputs of a batch that are no negatives of those `asked`, which are never excluded themselves.

    Outputs of the same group are none, but for those of the same sequence at least `within` steps away (if not 0).
    """
    sequence, step = np.divmod(np.arange(len(groups) * steps), steps)
    found: BoolArray = groups[sequence[asked]][:, None] == groups[sequence]
    if within:
        own = sequence[asked][:, None] == sequence
        found &= ~(own & (np.abs(step[asked][:, None] - step) >= within))
    found[np.arange(len(asked)), asked] = False
    return found


def negatives_of(
    f: Tensor, g: Tensor, groups: IntArray, hard: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """One negative for every output of f, (B, S, D): (m,) rows of f, (m,) rows of g, and (m, 2) their steps.

    The nearest of `hard` random outputs of g, of other groups, at random steps.
    """
    batch, steps, _ = f.shape
    first = np.repeat(np.arange(batch), steps)
    own = np.tile(np.arange(steps), batch)
    drawn = mismatched(groups, rng, steps * hard).reshape(batch * steps, hard)
    at = rng.integers(g.shape[1], size=drawn.shape)
    rows = torch.from_numpy(first)
    candidates = g[torch.from_numpy(drawn), torch.from_numpy(at)]  # (m, hard, D)
    nearest = (candidates - f[rows, torch.from_numpy(own)][:, None]).square().sum(2).argmin(1).numpy()
    picked = np.arange(len(first)), nearest
    places = np.stack([own, at[picked]], axis=1)
    return rows, torch.from_numpy(drawn[picked]), torch.from_numpy(places)
