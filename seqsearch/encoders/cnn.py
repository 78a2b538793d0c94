"""The CNN family: the shape of NeuroSEED's network (Corso et al. 2021), for any length."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from .inputs import InputSpec
from .steps import Inputs, MaskedNorm, Readout, StepEncoder, mask_of


class CNNEncoder(StepEncoder):
    """`layers` times (convolution over `kernel` steps, masked batch norm, ReLU), each added to what came before;
    then position bins, mean and maximum, and a linear map.
    """

    family = "cnn"

    def __init__(
        self, spec: InputSpec, *, dim: int = 128, channels: int = 32, layers: int = 4, kernel: int = 3, bins: int = 64,
        dropout: float = 0.0, length: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(spec, dim)
        self.shape = {
            "channels": channels, "layers": layers, "kernel": kernel, "bins": bins, "dropout": dropout,
        }  # fmt: skip
        self.length = spec.length if length is None else length
        self.inputs = Inputs(spec, channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding="same", bias=False) for _ in range(layers)
        )
        self.norms = nn.ModuleList(MaskedNorm(channels) for _ in range(layers))
        self.readout = Readout(channels, dim, bins=bins, length=self.length, dropout=dropout)

    def settings(self) -> dict[str, Any]:
        return {"dim": self.dim, "length": self.length, **self.shape}

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        mask = mask_of(data, lengths)
        steps = self.inputs(data, mask)  # (B, T, C)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            bent = convolution(steps.transpose(1, 2)).transpose(1, 2)
            steps = steps + functional.relu(norm(bent, mask)) * mask[..., None]
        points: Tensor = self.readout(steps, mask, lengths)
        return points
