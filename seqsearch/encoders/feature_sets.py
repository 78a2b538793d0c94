"""Which features suit which kind of input: one protocol over token and series features."""

from __future__ import annotations

from typing import Protocol

from ..arrays import JSON, FloatArray
from ..sequences import Sequences
from .features import SparseFeatures
from .inputs import InputSpec
from .layers import Layers
from .series_features import SeriesFeatures


class Features(Protocol):
    """A fixed number of features of sequences of any length. All raise MismatchError for other data than `spec`'s."""

    @property
    def spec(self) -> InputSpec:
        """The inputs they are made for."""

    @property
    def size(self) -> int:
        """M: number of features."""

    def dense(self, sequences: Sequences) -> FloatArray:
        """(n, M) float32."""

    def project(self, sequences: Sequences, layers: Layers) -> FloatArray:
        """(n, D): the features through `layers`. A row depends on its own sequence alone, never on the others."""

    def to_json(self) -> JSON:
        """What `features_from_json` makes the same features of."""


def standard_features(spec: InputSpec) -> Features:
    """The features to learn from."""
    return SeriesFeatures.standard(spec) if spec.alphabet is None else SparseFeatures.standard(spec)


def features_from_json(spec: InputSpec, document: JSON) -> Features:
    """The inverse of `to_json`."""
    kind = SeriesFeatures if spec.alphabet is None else SparseFeatures
    return kind.from_json(spec, document)
