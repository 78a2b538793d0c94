"""Two towers: networks of unshared weights that bring two kinds of series into one space of outputs in [-1, 1].

A `HashTower` keeps time, one output per pooled step, whose signs are a hash; an `AttentionTower` looks at the whole
sequence and gives one point. After Raffel 2016, chapters 5 and 6: convolutions with pooling, dense layers, tanh;
the convolutions here run over time alone, so that features need not be a spectrum.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..arrays import JSON
from ..errors import ParameterError
from ..registry import call
from ..sequences import Sequences
from .inputs import InputSpec
from .steps import AttentionPooling, Inputs, PaddedEncoder, mask_of

_EPSILON = 1e-8  # of a variance, whose root has a slope then
_GAIN = 0.5  # of the statistics as points: tanh hardly bends them yet
_LEAST_SPREAD = 1e-3


class Trunk(nn.Module):
    """Blocks of convolution over `kernel` steps, layer norm, ReLU and the mean of every two steps.

    (B, T, F) values and (B,) lengths to (B, T', C) and T' lengths, T' = ceil(T / 2^blocks). A step that is padding
    stays 0, and the mean of a last odd step is the step itself: padding changes nothing.
    """

    def __init__(self, spec: InputSpec, channels: Sequence[int], kernel: int) -> None:
        super().__init__()
        self.inputs = Inputs(spec, channels[0])
        widths = [channels[0], *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel, padding="same") for before, after in itertools.pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in channels)

    def forward(self, data: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        mask = mask_of(data, lengths)
        steps = self.inputs(data, mask)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            steps = norm(convolution(steps.transpose(1, 2)).transpose(1, 2))
            steps, lengths = halved(functional.relu(steps) * mask_of(steps, lengths)[..., None], lengths)
        return steps, lengths


def halved(steps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T, C), 0 on padding, to the means of steps 0 and 1, 2 and 3, ...: (B, ceil(T / 2), C); their lengths."""
    if steps.shape[1] % 2:
        steps = functional.pad(steps, (0, 0, 0, 1))
    sums = steps[:, 0::2] + steps[:, 1::2]
    shorter = torch.div(lengths + 1, 2, rounding_mode="floor")
    last = torch.arange(sums.shape[1], device=steps.device) == torch.div(lengths, 2, rounding_mode="floor")[:, None]
    return torch.where(last[..., None], sums, sums / 2), shorter


class Tower(PaddedEncoder):
    """What both towers share: the trunk over series. `keeps_time`: an output every `pooling` steps, not one point."""

    keeps_time: ClassVar[bool]

    def __init__(self, spec: InputSpec, dim: int, channels: Sequence[int], kernel: int, **settings: object) -> None:
        if spec.alphabet is not None:
            raise ParameterError("a tower reads series, not tokens")
        super().__init__(spec, dim, channels=list(channels), kernel=kernel, **settings)
        self.trunk = Trunk(spec, tuple(channels), kernel)

    @property
    def pooling(self) -> int:
        """Steps of the input that become one step of the trunk."""
        return int(2 ** len(self.trunk.convolutions))


class HashTower(Tower):
    """(B, T, F) to (B, T', dim) outputs in [-1, 1], one per `pooling` steps.

    After the trunk a convolution over `kernel` pooled steps, then a residual one over 3 for each of `dilations`. The
    wider an output looks, the surer is the single hash and the less new does the next one tell.
    """

    keeps_time = True

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 32,
        channels: Sequence[int] = (96, 128),
        kernel: int = 5,
        hidden: int = 256,
        dilations: Sequence[int] = (2,),
    ) -> None:
        super().__init__(spec, dim, channels, kernel, hidden=hidden, dilations=list(dilations))
        self.context = nn.Conv1d(channels[-1], hidden, kernel, padding="same")
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in dilations)
        self.wider = nn.ModuleList(nn.Conv1d(hidden, hidden, 3, padding="same", dilation=d) for d in dilations)
        self.out = nn.Linear(hidden, dim)

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        steps, shorter = self.trunk(data, lengths)
        mask = mask_of(steps, shorter)[..., None]
        wide = functional.relu(self.context(steps.transpose(1, 2)).transpose(1, 2))
        for norm, convolution in zip(self.norms, self.wider, strict=True):
            seen = (norm(wide) * mask).transpose(1, 2)
            wide = wide + functional.relu(convolution(seen).transpose(1, 2))
        return torch.tanh(self.out(wide)) * mask


class Statistics(nn.Module):
    """(B, T, F) to (B, 2 F): mean and deviation of every feature over all steps there are, in units of what is usual
    between sequences (Snyder et al., X-vectors, ICASSP 2018, pool so over a whole recording)."""

    middle: Tensor
    spread: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(2 * features))
        self.register_buffer("spread", torch.ones(2 * features))

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        found: Tensor = (self.raw(data, lengths) - self.middle) / self.spread
        return found

    def raw(self, data: Tensor, lengths: Tensor) -> Tensor:
        mask = mask_of(data, lengths)[..., None]
        count = lengths[:, None].to(data)
        mean = (data * mask).sum(1) / count
        squares = ((data - mean[:, None]) * mask).square().sum(1) / count
        return torch.cat([mean, (squares + _EPSILON).sqrt()], dim=1)


class AttentionTower(Tower):
    """(B, T, F) to (B, dim) in [-1, 1]: attention over the steps there are, two dense layers.

    With `statistics` the point starts as mean and deviation of every feature over the whole sequence, by the same
    rotation on both sides, and what attention finds is added.
    """

    keeps_time = False

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 128,
        channels: Sequence[int] = (96, 128),
        kernel: int = 5,
        hidden: int = 256,
        heads: int = 8,
        statistics: bool = True,
    ) -> None:
        super().__init__(spec, dim, channels, kernel, hidden=hidden, heads=heads, statistics=statistics)
        self.pooled = AttentionPooling(channels[-1], channels[-1], heads)
        self.dense = nn.Linear(heads * channels[-1], hidden)
        self.out = nn.Linear(hidden, dim)
        self.statistics = Statistics(spec.features) if statistics else None
        if statistics:
            self.direct = nn.Linear(2 * spec.features, dim, bias=False)
            with torch.no_grad():
                self.direct.weight.copy_(_GAIN * rotation(2 * spec.features, dim))
                self.out.weight.zero_()
                self.out.bias.zero_()

    def warm_up(self, sequences: Sequences) -> None:
        """Take the units of the statistics from some sequences."""
        if self.statistics is None or not len(sequences):
            return
        with torch.no_grad():
            found = self.statistics.raw(*self.tensors(sequences))
            self.statistics.middle.copy_(found.mean(0))
            self.statistics.spread.copy_(found.std(0, unbiased=False).clamp_min(_LEAST_SPREAD))

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        steps, shorter = self.trunk(data, lengths)
        pooled = self.pooled(steps, mask_of(steps, shorter))
        inner = self.out(functional.relu(self.dense(pooled)))
        if self.statistics is not None:
            inner = inner + self.direct(self.statistics(data, lengths))
        return torch.tanh(inner)


def rotation(features: int, dim: int) -> Tensor:
    """(dim, features) that keeps lengths as well as may be, the same whenever it is asked for."""
    drawn = torch.randn(dim, features, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(drawn, full_matrices=False)
    found: Tensor = left @ right
    return found


TOWERS: dict[str, type[Tower]] = {"hash": HashTower, "attention": AttentionTower}


def tower_class(family: str) -> type[Tower]:
    """The towers of that name. Raises ParameterError."""
    if family not in TOWERS:
        raise ParameterError(f"no tower {family!r}: choose one of {', '.join(TOWERS)}")
    return TOWERS[family]


def tower_named(family: str, spec: InputSpec, settings: JSON) -> Tower:
    """A tower with fresh weights. Raises ParameterError for an unknown family or odd settings."""
    return call(tower_class(family), f"tower {family!r}", spec, **settings)
