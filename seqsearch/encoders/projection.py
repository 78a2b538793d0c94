"""The default network: a linear map of features plus a small residual network over the same features.

The linear map starts as weighted components of the features, the residual bends it; both read the same table, so
that embedding a sequence is one sum of table rows, a ReLU and one small product - fast without torch (`run.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..arrays import JSON, AnyArray, FloatArray
from ..sequences import Sequences
from .components import components_of, leading_components
from .encoder import Encoder
from .feature_sets import features_from_json, standard_features
from .inputs import InputSpec
from .model import Model

_WIDE = 4000  # features beyond which those that no sequence of a batch has are left out, as of names of ten letters,
_FULL = 0.7  # where fewer than this share is left


class ProjectionEncoder(Encoder):
    """x -> x L + relu(norm(x W)) V, with x the features of a token sequence or a series.

    `hidden`: width of the residual; 0 leaves the linear map alone.
    """

    def __init__(self, spec: InputSpec, *, dim: int = 128, hidden: int = 512, features: JSON | None = None) -> None:
        read = standard_features(spec) if features is None else features_from_json(spec, features)
        super().__init__(spec, dim, hidden=hidden, features=read.to_json())
        self.features, self.hidden = read, hidden
        self._start: Model | None = None
        size = self.features.size
        self.linear = nn.Linear(size, dim, bias=False)
        nn.init.normal_(self.linear.weight, std=size**-0.5)
        if hidden:
            self.widen = nn.Linear(size, hidden, bias=False)
            self.norm = nn.BatchNorm1d(hidden)
            self.narrow = nn.Linear(hidden, dim, bias=False)
            nn.init.normal_(self.narrow.weight, std=0.01)

    def warm_up(self, sequences: Sequences) -> None:
        """Start the linear map at the weighted components of the features (as many as there are; the rest stay
        random)."""
        self._start = components_of(self.features, sequences, self.dim)
        table = self._start.weights["linear.weight"]  # (<= D, M)
        with torch.no_grad():
            self.linear.weight[: len(table)] = torch.from_numpy(table)

    def components(self, sequences: Sequences, dim: int) -> FloatArray | None:
        if self._start is None or self.dim < dim:
            return None
        return leading_components(self._start, dim).embed(sequences)

    def prepare(self, sequences: Sequences) -> tuple[AnyArray, ...]:
        return (self.features.dense(sequences),)

    def forward(self, counts: Tensor) -> Tensor:
        linear, widen = self.linear.weight, self.widen.weight if self.hidden else None
        there = (counts != 0).any(dim=0).nonzero()[:, 0] if self.features.size > _WIDE else None
        if there is not None and len(there) < _FULL * self.features.size:
            counts, linear = counts.index_select(1, there), linear.index_select(1, there)
            widen = None if widen is None else widen.index_select(1, there)
        points: Tensor = functional.linear(counts, linear)  # (B, D)
        if widen is not None:
            points = points + self.narrow(torch.relu(self.norm(functional.linear(counts, widen))))
        return points
