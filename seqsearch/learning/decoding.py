"""Autoencoding: a network that reads a point back as the sequence it came from, used only while training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..arrays import FloatArray
from ..encoders.features import SparseFeatures
from ..encoders.inputs import InputSpec
from ..encoders.series_features import SeriesFeatures
from ..sequences import Sequences

MOST_PLACES = 256


class Decoder(nn.Module):
    """(B, D) points to a sequence read on P places: symbol scores (B, P, A), or values (B, P, F).

    A sequence no longer than P has a place for every token; a longer one is averaged into P. A series is always
    averaged into P equal stretches.
    """

    def __init__(self, spec: InputSpec, dim: int, *, hidden: int = 256) -> None:
        super().__init__()
        self.spec = spec
        self.places = min(spec.length, MOST_PLACES)
        self.width = spec.symbols if spec.alphabet is not None else spec.features
        self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, self.places * self.width))

    def wanted(self, sequences: Sequences) -> FloatArray:
        """(B, P, A) share of each symbol at each place, all 0 where a sequence has ended; or (B, P, F) values."""
        if self.spec.alphabet is not None:
            features = SparseFeatures(self.spec, (), bins=self.places).dense(sequences)
            counts = features.reshape(len(sequences), self.places, self.width)
            total = counts.sum(axis=2, keepdims=True)
            return (counts / np.where(total > 0, total, 1)).astype(np.float32)
        series = SeriesFeatures(self.spec, self.places, (), 0).dense(sequences)[:, :-1]
        channels = series.reshape(len(sequences), self.width, 2 + 2 * self.places)
        return np.ascontiguousarray(channels[:, :, 2 : 2 + self.places].transpose(0, 2, 1))

    def forward(self, points: Tensor, sequences: Sequences) -> Tensor:
        """Mean cross-entropy per place that a sequence reaches, or mean squared error."""
        given = self.layers(points).view(len(points), self.places, self.width)
        wanted = torch.from_numpy(self.wanted(sequences)).to(points.device)
        if self.spec.alphabet is None:
            return functional.mse_loss(given, wanted)
        surprise = -(wanted * given.log_softmax(2)).sum(2)
        loss: Tensor = surprise.sum() / (wanted.sum(2) > 0).sum().clamp_min(1)
        return loss
