"""What the GRU and LSTM families share: packed steps, the state after the last real one, and the mean of all."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .inputs import InputSpec
from .steps import StepEncoder, inputs_for, mask_of, masked_mean


class RecurrentEncoder(StepEncoder):
    """Steps through a recurrent layer; last state of every direction and mean over real steps; then linear."""

    cell: ClassVar[type[nn.GRU] | type[nn.LSTM]]

    def __init__(
        self, spec: InputSpec, *, dim: int = 128, channels: int = 32, hidden: int = 128, layers: int = 1,
        both_ways: bool = True, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(spec, dim)
        self.shape = {
            "channels": channels, "hidden": hidden, "layers": layers, "both_ways": both_ways, "dropout": dropout,
        }  # fmt: skip
        self.inputs = inputs_for(spec, channels)
        self.recurrent = self.cell(
            channels, hidden, layers, batch_first=True, bidirectional=both_ways, dropout=dropout if layers > 1 else 0.0
        )
        self.directions = 2 if both_ways else 1
        self.hidden = hidden
        self.width = hidden * self.directions
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(2 * hidden * self.directions, dim, bias=False)

    def settings(self) -> dict[str, Any]:
        return {"dim": self.dim, **self.shape}

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        mask = mask_of(data, lengths)
        packed = pack_padded_sequence(
            self.inputs(data, mask), lengths.cpu(), batch_first=True, enforce_sorted=False
        )  # fmt: skip
        packed_steps, _ = self.recurrent(packed)
        steps, _ = pad_packed_sequence(packed_steps, batch_first=True, total_length=data.shape[1])
        return steps

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        steps = self.steps(data, lengths)  # (B, T, directions * H)
        last = steps[torch.arange(len(steps), device=steps.device), lengths - 1]
        if self.directions == 2:  # the way back ends at the first step
            last = torch.cat([last[:, : self.hidden], steps[:, 0, self.hidden :]], dim=1)
        points: Tensor = self.out(self.drop(torch.cat([last, masked_mean(steps, mask_of(data, lengths))], dim=1)))
        return points
