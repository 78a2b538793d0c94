"""The attention-pooling family: a feed-forward network over steps, weighted by what it learns to look at."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .inputs import InputSpec
from .steps import AttentionPooling, StepEncoder, inputs_for, mask_of, positions


class AttentionEncoder(StepEncoder):
    """Convolution over `kernel` steps with positions, ReLU; `heads` attention poolings; a dense layer; linear.

    After Raffel and Ellis, ICASSP 2016.
    """

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 128,
        channels: int = 64,
        kernel: int = 5,
        heads: int = 16,
        hidden: int = 256,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(spec, dim, channels=channels, kernel=kernel, heads=heads, hidden=hidden, dropout=dropout)
        self.channels = self.width = channels
        self.inputs = inputs_for(spec, channels)
        self.convolution = nn.Conv1d(channels, channels, kernel, padding="same")
        self.pooling = AttentionPooling(channels, channels, heads)
        self.dense = nn.Linear(heads * channels, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, dim, bias=False)
        self.skip = nn.Linear(heads * channels, dim, bias=False)

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        mask = mask_of(data, lengths)
        steps = self.convolution(self.inputs(data, mask).transpose(1, 2)).transpose(1, 2)
        return functional.relu(steps + positions(data.shape[1], self.channels, data.device)) * mask[..., None]

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        pooled = self.pooling(self.steps(data, lengths), mask_of(data, lengths))
        points: Tensor = self.out(self.dropout(functional.relu(self.dense(pooled)))) + self.skip(pooled)
        return points
