"""What the GRU and LSTM families share: segments, a pass in each direction, and the readout of all its steps."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from .inputs import InputSpec
from .steps import Readout, SegmentEncoder, Segments, inputs_for, mask_of


class RecurrentEncoder(SegmentEncoder):
    """Segments of `segment` steps through `layers` recurrent layers, forwards and (`both_ways`) backwards, then the
    readout in `bins` position bins.

    Padded steps are never read before real ones: the backward pass reads each sequence turned round within its own
    length. (Packed sequences would do the same, but their gradient takes time quadratic in the length.)
    """

    cell: ClassVar[type[nn.GRU] | type[nn.LSTM]]

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 128,
        channels: int = 32,
        hidden: int = 128,
        layers: int = 1,
        both_ways: bool = True,
        segment: int = 4,
        bins: int = 16,
        dropout: float = 0.0,
        length: int | None = None,
    ) -> None:
        length = spec.length if length is None else length
        super().__init__(
            spec,
            dim,
            length=length,
            channels=channels,
            hidden=hidden,
            layers=layers,
            both_ways=both_ways,
            segment=segment,
            bins=bins,
            dropout=dropout,
        )
        self.directions = 2 if both_ways else 1
        self.width = hidden * self.directions + (channels if segment > 1 else 0)
        self.inputs = inputs_for(spec, channels)
        self.segments = Segments(channels, hidden, segment)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                self.cell(hidden if layer == 0 else hidden * self.directions, hidden, batch_first=True)
                for _ in range(self.directions)
            )
            for layer in range(layers)
        )
        self.drop = nn.Dropout(dropout)
        self.readout = Readout(hidden * self.directions, dim, bins=bins, length=-(-length // segment), dropout=dropout)

    def read(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, H) inputs to (B, T, directions * H) states, 0 on padding."""
        mask = mask_of(steps, lengths)
        turn = turned(steps.shape[1], lengths)
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.ModuleList)
            if number:
                steps = self.drop(steps)
            parts = [layer[0](steps)[0]]
            if self.directions == 2:
                parts.append(_taken(layer[1](_taken(steps, turn))[0], turn))
            steps = torch.cat(parts, dim=2) * mask[..., None]
        return steps


def turned(width: int, lengths: Tensor) -> Tensor:
    """(B, T) places that turn each sequence round within its own length and leave its padding where it is."""
    places = torch.arange(width, device=lengths.device).expand(len(lengths), -1)
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


def _taken(steps: Tensor, places: Tensor) -> Tensor:
    return steps.gather(1, places[..., None].expand_as(steps))
