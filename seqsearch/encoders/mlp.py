"""The MLP family: dense layers with batch norm over the same features that the default network reads."""

from __future__ import annotations

from torch import Tensor, nn

from ..arrays import JSON, AnyArray
from ..sequences import Sequences
from .encoder import Encoder
from .feature_sets import features_from_json, standard_features
from .inputs import InputSpec


class MLPEncoder(Encoder):
    """Features, then `layers` times (linear to `hidden`, batch norm, ReLU, dropout), then linear to `dim`."""

    def __init__(
        self,
        spec: InputSpec,
        *,
        dim: int = 128,
        hidden: int = 256,
        layers: int = 3,
        dropout: float = 0.0,
        features: JSON | None = None,
    ) -> None:
        read = standard_features(spec) if features is None else features_from_json(spec, features)
        super().__init__(spec, dim, hidden=hidden, layers=layers, dropout=dropout, features=read.to_json())
        self.features = read
        parts: list[nn.Module] = []
        width = self.features.size
        for _ in range(layers):
            parts += [nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout)]
            width = hidden
        self.layers = nn.Sequential(*parts, nn.Linear(width, dim, bias=False))

    def prepare(self, sequences: Sequences) -> tuple[AnyArray, ...]:
        return (self.features.dense(sequences),)

    def forward(self, counts: Tensor) -> Tensor:
        points: Tensor = self.layers(counts)
        return points
