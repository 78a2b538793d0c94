"""The transformer family: global attention, or local attention within a window."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from .inputs import InputSpec
from .steps import Readout, StepEncoder, inputs_for, mask_of, positions


class Block(nn.Module):
    """Attention and a two-layer network, each after a layer norm and added to its input."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.first = nn.LayerNorm(channels)
        self.mix = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        self.second = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, allowed: Tensor) -> Tensor:
        """`allowed`: (B, 1, T, T), True where a step may look."""
        batch, width, channels = steps.shape
        mixed = self.mix(self.first(steps)).view(batch, width, 3, self.heads, channels // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # each (B, heads, T, C / heads)
        looked = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        steps = steps + self.dropout(self.merge(looked.transpose(1, 2).reshape(batch, width, channels)))
        bent: Tensor = self.narrow(functional.relu(self.widen(self.second(steps))))
        out: Tensor = steps + self.dropout(bent)
        return out


class TransformerEncoder(StepEncoder):
    """Segments of `segment` steps, sinusoidal positions, `layers` blocks of attention, then the readout.

    `window`: segments a segment may look at on either side; 0 is global attention.
    """

    family = "transformer"

    def __init__(
        self, spec: InputSpec, *, dim: int = 128, channels: int = 64, layers: int = 2, heads: int = 2,
        segment: int = 4, window: int = 0, bins: int = 32, dropout: float = 0.0, length: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(spec, dim)
        if channels % heads or channels % 2:
            raise ParameterError(f"channels {channels} must be even and a multiple of heads {heads}")
        self.shape = {
            "channels": channels, "layers": layers, "heads": heads, "segment": segment, "window": window,
            "bins": bins, "dropout": dropout,
        }  # fmt: skip
        self.length = spec.length if length is None else length
        self.channels, self.segment, self.window = channels, segment, window
        self.width = 2 * channels
        self.inputs = inputs_for(spec, channels)
        self.join = nn.Linear(channels * segment, channels)
        self.blocks = nn.ModuleList(Block(channels, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.readout = Readout(channels, dim, bins=bins, length=-(-self.length // segment), dropout=dropout)

    def settings(self) -> dict[str, Any]:
        return {"dim": self.dim, "length": self.length, **self.shape}

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        """What a segment knows beside the input of the step itself: (B, T, 2 C)."""
        mask = mask_of(data, lengths)
        own = self.inputs(data, mask)
        segments, _ = self._segments(own, lengths)
        spread = segments.repeat_interleave(self.segment, dim=1)[:, : own.shape[1]]
        return torch.cat([spread, own], dim=2) * mask[..., None]

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        segments, counts = self._segments(self.inputs(data, mask_of(data, lengths)), lengths)
        points: Tensor = self.readout(segments, mask_of(segments, counts), counts)
        return points

    def _segments(self, steps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, C) segments that have looked at each other, 0 on padding; (B,) how many there are."""
        steps = functional.pad(steps, (0, 0, 0, -steps.shape[1] % self.segment))
        steps = self.join(steps.reshape(len(steps), -1, self.segment * self.channels))  # (B, S, C)
        counts = torch.div(lengths + self.segment - 1, self.segment, rounding_mode="floor")
        mask = mask_of(steps, counts)
        width = steps.shape[1]
        steps = steps + positions(width, self.channels, steps.device)
        allowed = mask[:, None, None, :].expand(-1, 1, width, -1)
        if self.window:
            places = torch.arange(width, device=steps.device)
            near = (places[:, None] - places).abs() <= self.window
            own = torch.eye(width, dtype=torch.bool, device=steps.device)  # padding looks at itself, so nothing is NaN
            allowed = (allowed & near) | own
        for block in self.blocks:
            steps = block(steps, allowed)
        return self.norm(steps) * mask[..., None], counts


class LocalTransformerEncoder(TransformerEncoder):
    """Attention within 8 segments on either side: its work grows with the length, not with its square."""

    family = "local-transformer"

    def __init__(self, spec: InputSpec, *, window: int = 8, **settings: Any) -> None:
        super().__init__(spec, window=window, **settings)
