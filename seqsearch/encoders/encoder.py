"""The base of every encoder network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays import AnyArray
from ..sequences import Sequences
from .inputs import InputSpec


class Encoder(nn.Module, ABC):
    """Sequences to points, in two steps.

    `prepare` turns a set of B sequences into numpy arrays (counts, or padded tokens with lengths), outside autograd;
    `forward` turns tensors of these into (B, D) float32. `settings` gives the keyword arguments, beside `spec`, that
    build the same network again. Padding never changes an embedding: whatever `prepare` pads, `forward` masks.
    """

    family: ClassVar[str]

    def __init__(self, spec: InputSpec, dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.dim = dim

    @abstractmethod
    def prepare(self, sequences: Sequences) -> tuple[AnyArray, ...]:
        """The numpy arrays that `forward` takes as tensors: of B sequences, each (B, ...)."""

    def settings(self) -> dict[str, Any]:
        return {"dim": self.dim}

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
