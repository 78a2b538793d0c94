"""`Head`: what a supervised model says of its points or elements, as data: labels, temperature, and linear weights.

The weights stand beside those of the encoder: "head.weight" (K, D) and "head.bias" (K,) give the scores of K labels;
for the task "cluster" they give the coordinates that elements are compared in, and `PAIR_SCALE` and `PAIR_BIAS` the
probability sigmoid(bias - scale * |u - v|^2) that two elements belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, FloatArray

TASKS = ("classify", "tag", "cluster")
ELEMENTWISE = ("tag", "cluster")
WEIGHT, BIAS = "head.weight", "head.bias"
PAIR_SCALE, PAIR_BIAS = "head.slope", "head.level"


@dataclass(frozen=True)
class Head:
    """`task`: one of `TASKS`; `labels`: their names, in the order of the scores; `temperature`: what scores are divided
    by to make their probabilities true (Guo et al., On calibration of modern neural networks, ICML 2017).
    """

    task: str
    labels: tuple[str, ...] = ()
    temperature: float = 1.0

    def to_json(self) -> JSON:
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_json(cls, document: JSON) -> Head:
        return cls(**{**document, "labels": tuple(document["labels"])})


def head_outputs(points: FloatArray, weights: Mapping[str, AnyArray]) -> FloatArray:
    """(m, K) scores or coordinates of (m, D) points or elements."""
    out: FloatArray = points @ weights[WEIGHT].T + weights[BIAS]
    return out


def softmax(scores: AnyArray, temperature: float = 1.0) -> DoubleArray:
    """(m, K) probabilities from scores."""
    shifted = np.asarray(scores, np.float64) / temperature
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True, initial=-np.inf))
    out: DoubleArray = shifted / shifted.sum(axis=1, keepdims=True)
    return out
