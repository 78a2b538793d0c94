"""The decoder of an autoencoder: a point read back as the sequence it came from, element by element.

Every element is predicted from the point, its position and the true elements before it (teacher forcing, Williams and
Zipser 1989). While training some of those are withheld, so that the point has to say what they said (word dropout,
Bowman et al., Generating sentences from a continuous space, 2016).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays import JSON, AnyArray, IntArray
from ..sequences import Sequences
from .inputs import InputSpec
from .steps import Inputs, positions

WITHHELD = 0.3


class Decoder(nn.Module):
    """A gated recurrent unit over windows of at most `window` elements, started from the point.

    Elements are symbols, judged by the cross-entropy (an ambiguous one by the probability of all it may be), or the F
    standardised values of a step of a series, judged by the mean squared error.
    """

    members: Tensor

    def __init__(self, spec: InputSpec, dim: int, *, hidden: int = 96, channels: int = 48, window: int = 256) -> None:
        super().__init__()
        self.spec = spec
        self.shape = {"hidden": hidden, "channels": channels, "window": window}
        self.window = window
        self.channels = channels
        self.inputs = Inputs(spec, channels)
        self.point = nn.Linear(dim, channels)
        self.start = nn.Linear(dim, hidden)
        self.cell = nn.GRU(channels, hidden, batch_first=True)
        self.out = nn.Linear(hidden, spec.symbols if spec.alphabet is not None else spec.features)
        table = torch.from_numpy(spec.profiles > 0) if spec.alphabet is not None else torch.zeros(0)
        self.register_buffer("members", table, persistent=False)

    def settings(self) -> JSON:
        """The keyword arguments, beside `spec` and `dim`, that build the same network again."""
        return dict(self.shape)

    def forward(self, points: Tensor, sequences: Sequences) -> Tensor:
        """The mean error of an element over one window of each sequence: any while training, else the middle one."""
        room = torch.from_numpy(np.maximum(sequences.lengths - self.window, 0))
        drawn = torch.rand(len(room), dtype=torch.float64) if self.training else torch.full((len(room),), 0.5).double()
        errors, mask = self.errors(points, sequences, (drawn * (room + 1)).long().clamp_max(room).numpy())
        return errors.sum() / mask.sum().clamp_min(1)

    def errors(self, points: Tensor, sequences: Sequences, starts: IntArray) -> tuple[Tensor, Tensor]:
        """(B, W) error of every element of the windows that begin at `starts`, (B,), 0 where a window has ended; and
        the (B, W) mask of those that are there.
        """
        elements, before, places, there = self._windows(sequences, starts)
        device = points.device
        mask = torch.from_numpy(there).to(device)
        known = self.inputs(torch.from_numpy(before).to(device), mask & torch.from_numpy(places > 0).to(device))
        if self.training:
            known = known * (torch.rand(known.shape[:2], device=device) >= WITHHELD)[..., None]
        where = positions(int(places.max(initial=0)) + 1, self.channels, device)[torch.from_numpy(places).to(device)]
        steps, _ = self.cell(known + where + self.point(points)[:, None], torch.tanh(self.start(points))[None])
        wanted = torch.from_numpy(elements).to(device)
        return self._judged(self.out(steps), wanted) * mask, mask

    def _judged(self, predicted: Tensor, wanted: Tensor) -> Tensor:
        """(B, W) errors of (B, W, A) scores or (B, W, F) values."""
        if self.spec.alphabet is None:
            return (predicted - wanted).square().mean(2)
        possible = predicted.log_softmax(2).masked_fill(~self.members[wanted], -torch.inf)
        return -possible.logsumexp(2)

    def _windows(self, sequences: Sequences, starts: IntArray) -> tuple[AnyArray, AnyArray, IntArray, AnyArray]:
        """(B, W) elements and those before them ((B, W, F) of a series), positions in the sequence, and the mask."""
        lengths = np.minimum(sequences.lengths - starts, self.window)
        steps = np.arange(int(lengths.max(initial=1)))
        there = steps < lengths[:, None]
        places = np.where(there, starts[:, None] + steps, 0)
        everything = self._read(sequences)
        at = sequences.offsets[:-1, None] + places
        return everything[at], everything[np.maximum(at - 1, 0)], places, there

    def _read(self, sequences: Sequences) -> AnyArray:
        self.spec.require(sequences)
        if self.spec.alphabet is None:
            return self.spec.standardized(sequences)
        return self.spec.tokens(sequences).astype(np.int64)
