"""The base of every encoder network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays import JSON, AnyArray, FloatArray
from ..sequences import Sequences
from .inputs import InputSpec


class Encoder(nn.Module, ABC):
    """Sequences to points, in two steps.

    `prepare` turns a set of B sequences into numpy arrays (counts, or padded tokens with lengths), outside autograd;
    `forward` turns tensors of these into (B, D) float32. Padding never changes an embedding: whatever `prepare` pads,
    `forward` masks. Both raise what torch raises; whoever trains or embeds has checked the sequences by `spec`.

    A network of your own learns, embeds and is kept like any other once its family is known by name:
    `seqsearch.encoders.families.register(Family("shares", network=Shares))`.

    >>> import numpy as np, seqsearch as ss, torch
    >>> from seqsearch.encoders.inputs import InputSpec
    >>> class Shares(ss.Encoder):
    ...     def __init__(self, spec, *, dim=8):
    ...         super().__init__(spec, dim)
    ...         self.linear = torch.nn.Linear(4, dim)
    ...
    ...     def prepare(self, sequences):
    ...         return (np.stack([np.bincount(one.data, minlength=4)[:4] / len(one) for one in sequences]),)
    ...
    ...     def forward(self, shares):
    ...         return self.linear(shares.float())
    >>> reads = ss.as_sequences(["ACGT", "GATTACA", "CAT"])
    >>> Shares(InputSpec.fit(reads)).encode(reads).shape
    torch.Size([3, 8])
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

    def components(self, sequences: Sequences, dim: int) -> FloatArray | None:
        """(n, D) leading components of the features, as many of `dim` as there are; None where `warm_up` found none, or
        fewer than that."""
        return None
