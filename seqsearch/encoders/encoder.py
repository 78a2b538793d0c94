"""The base of every encoder network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays import JSON, AnyArray
from ..sequences import Sequences
from .inputs import InputSpec


class Encoder(nn.Module, ABC):
    """Sequences to points, in two steps.

    `prepare` turns a set of B sequences into numpy arrays (counts, or padded tokens with lengths), outside autograd;
    `forward` turns tensors of these into (B, D) float32. Padding never changes an embedding: whatever `prepare` pads,
    `forward` masks.
    """

    family: str  # its name in the table, from which it was built

    def __init__(self, spec: InputSpec, dim: int, **settings: object) -> None:
        """`settings`: the other keyword arguments that build the same network again."""
        super().__init__()
        self.spec = spec
        self.dim = dim
        self._settings = settings

    @abstractmethod
    def prepare(self, sequences: Sequences) -> tuple[AnyArray, ...]:
        """The numpy arrays that `forward` takes as tensors: of B sequences, each (B, ...)."""

    def settings(self) -> JSON:
        """The keyword arguments, beside `spec`, that build the same network again."""
        return {"dim": self.dim, **self._settings}

    @property
    def dims(self) -> list[int]:
        """Dimensions of each network that gives a share of the point: one, unless there are several."""
        return [self.dim]

    @classmethod
    def stepwise(cls, settings: JSON) -> JSON:
        """The settings under which every step is read by itself, where they do not say otherwise."""
        return settings

    def tensors(self, sequences: Sequences) -> list[Tensor]:
        """What `prepare` gives, on the device of the weights."""
        device = next(self.parameters()).device
        return [torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in self.prepare(sequences)]

    def encode(self, sequences: Sequences) -> Tensor:
        """(B, D) on the device of the weights, with gradients where they are on."""
        points: Tensor = self(*self.tensors(sequences))
        return points

    def warm_up(self, sequences: Sequences) -> None:
        """Look at training data once before the first step; families with scales or statistics to fit override it."""
