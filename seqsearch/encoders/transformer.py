"""The transformer family: global attention, or local attention within a window."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from .inputs import InputSpec
from .steps import Readout, SegmentEncoder, Segments, inputs_for, mask_of, positions


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
        looked = _attended(query, key, value, allowed)
        steps = steps + self.dropout(self.merge(looked.transpose(1, 2).reshape(batch, width, channels)))
        bent: Tensor = self.narrow(functional.relu(self.widen(self.second(steps))))
        out: Tensor = steps + self.dropout(bent)
        return out


def _attended(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
    if not query.is_cpu or query.dtype == torch.float32:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    with torch.autocast("cpu", enabled=False):  # bfloat16 attention takes a CPU ten times as long on the way back
        full = functional.scaled_dot_product_attention(query.float(), key.float(), value.float(), attn_mask=allowed)
    return full.to(query.dtype)


class TransformerEncoder(SegmentEncoder):
    """Segments of `segment` steps, sinusoidal positions, `layers` blocks of attention, then the readout.

    `window`: segments a segment may look at on either side; 0 is global attention.
    """

    default_window: ClassVar[int] = 0

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 128,
        channels: int = 64,
        layers: int = 2,
        heads: int = 2,
        segment: int = 4,
        window: int | None = None,
        bins: int = 32,
        dropout: float = 0.0,
        length: int | None = None,
    ) -> None:
        if channels % heads or channels % 2:
            raise ParameterError(f"channels {channels} must be even and a multiple of heads {heads}")
        length = spec.length if length is None else length
        window = self.default_window if window is None else window
        super().__init__(
            spec,
            dim,
            length=length,
            channels=channels,
            layers=layers,
            heads=heads,
            segment=segment,
            window=window,
            bins=bins,
            dropout=dropout,
        )
        self.channels, self.window = channels, window
        self.width = channels * (1 if segment == 1 else 2)
        self.inputs = inputs_for(spec, channels)
        self.segments = Segments(channels, channels, segment)
        self.blocks = nn.ModuleList(Block(channels, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.readout = Readout(channels, dim, bins=bins, length=-(-length // segment), dropout=dropout)

    def read(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """(B, S, C) segments that have looked at each other, 0 on padding."""
        mask = mask_of(steps, lengths)
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
        looked: Tensor = self.norm(steps) * mask[..., None]
        return looked


class LocalTransformerEncoder(TransformerEncoder):
    """Attention within 8 segments on either side: its work grows with the length, not with its square."""

    default_window = 8
