"""The CNN family: the shape of NeuroSEED's network (Corso et al. 2021), for any length."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .inputs import InputSpec
from .steps import MaskedNorm, Readout, StepEncoder, inputs_for, mask_of


class CNNEncoder(StepEncoder):
    """`layers` times (convolution over `kernel` steps, masked batch norm, ReLU), each added to what came before;
    then position bins (none with `bins` 0), mean and maximum, and a linear map.

    `growth`: how many times wider each layer's convolution is spread than that of the one before, for a reach that
    grows exponentially (Yu and Koltun, Multi-scale context aggregation by dilated convolutions, ICLR 2016), up to
    `spread`, after which it starts again at 1.
    """

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 128,
        channels: int = 32,
        layers: int = 4,
        kernel: int = 3,
        bins: int = 64,
        growth: int = 1,
        spread: int = 16,
        dropout: float = 0.0,
        length: int | None = None,
    ) -> None:
        length = spec.length if length is None else length
        super().__init__(
            spec,
            dim,
            length=length,
            channels=channels,
            layers=layers,
            kernel=kernel,
            bins=bins,
            growth=growth,
            spread=spread,
            dropout=dropout,
        )
        self.width = channels
        self.inputs = inputs_for(spec, channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding="same", bias=False, dilation=dilation)
            for dilation in _dilations(layers, growth, spread)
        )
        self.norms = nn.ModuleList(MaskedNorm(channels) for _ in range(layers))
        self.drop = nn.Dropout(dropout)
        self.readout = Readout(channels, dim, bins=bins, length=length, dropout=dropout)

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        mask = mask_of(data, lengths)
        steps = self.inputs(data, mask)  # (B, T, C)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            bent = convolution(steps.transpose(1, 2)).transpose(1, 2)
            steps = steps + self.drop(functional.relu(norm(bent, mask))) * mask[..., None]
        out: Tensor = steps
        return out

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        points: Tensor = self.readout(self.steps(data, lengths), mask_of(data, lengths), lengths)
        return points


def _dilations(layers: int, growth: int, spread: int) -> list[int]:
    """1, growth, growth^2, ... as long as that is at most `spread`, then from 1 again."""
    found = []
    dilation = 1
    for _ in range(layers):
        found.append(dilation)
        dilation = dilation * growth if dilation * growth <= spread else 1
    return found
