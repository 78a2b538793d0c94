"""The blend family: several classifiers side by side, whose scores one linear head weighs.

The points of a blend are those of its members one after the other - the scores of classes of a linear or a neighbours'
member, the embedding of a network -, so the head of a `Model`, which is linear, is all that a weighted sum of scores
needs. Softmax of such a sum is the normalised geometric mean of the members' probabilities (Hinton, Training products
of experts, 2002).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, FloatArray
from ..sequences import Sequences
from .heads import BIAS, WEIGHT, Head, head_outputs
from .inputs import InputSpec
from .model import Model
from .run import Runner, Weights

FAMILY = "blend"


def scores_of(model: Model, sequences: Sequences) -> FloatArray:
    """(n, K) scores of a model with a head, before its temperature."""
    return head_outputs(model.embed(sequences), model.weights)


def blended(
    spec: InputSpec, models: Sequence[Model], shares: Sequence[float], offsets: AnyArray, head: Head, training: JSON
) -> Model:
    """One model whose scores are the sum of `shares` times those of the `models`, plus (K,) `offsets`.

    `spec`: what it reads; where that is read in context, the models read what comes of it.
    """
    weights: dict[str, AnyArray] = {}
    for number, model in enumerate(models):
        weights |= {f"{number}.{name}": value for name, value in model.weights.items() if name not in (WEIGHT, BIAS)}
    matrices = [share * model.weights[WEIGHT] for share, model in zip(shares, models, strict=True)]
    levels = sum(
        (share * model.weights[BIAS].astype(np.float64) for share, model in zip(shares, models, strict=True)),
        start=np.asarray(offsets, np.float64),
    )
    weights[WEIGHT] = np.concatenate(matrices, axis=1).astype(np.float32)
    weights[BIAS] = levels.astype(np.float32)
    members = [
        {"family": model.family, "spec": model.spec.to_json(), "settings": model.settings, "dim": model.dim}
        for model in models
    ]
    dim = sum(model.dim for model in models)
    return Model(FAMILY, spec, {"members": members}, weights, dim, training=training, head=head)


def blend_runner(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """The points of all members side by side."""
    members = _members(settings, weights)

    def run(sequences: Sequences) -> FloatArray:
        return np.concatenate([member.embed(sequences) for member in members], axis=1)

    return run


def blend_steps(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """The steps of all members side by side."""
    members = _members(settings, weights)

    def run(sequences: Sequences) -> FloatArray:
        return np.concatenate([member.elements(sequences) for member in members], axis=1)

    return run


def _members(settings: JSON, weights: Weights) -> list[Model]:
    members = []
    for number, member in enumerate(settings["members"]):
        own = {name.split(".", 1)[1]: value for name, value in weights.items() if name.startswith(f"{number}.")}
        inner = InputSpec.from_json(member["spec"])
        members.append(Model(member["family"], inner, member["settings"], own, int(member["dim"])))
    return members


def direct_head(classes: int, bias: AnyArray | None = None) -> dict[str, AnyArray]:
    """The weights of a head whose scores are the points themselves, plus a (K,) bias."""
    level: DoubleArray = np.zeros(classes) if bias is None else np.asarray(bias, np.float64)
    return {WEIGHT: np.eye(classes, dtype=np.float32), BIAS: level.astype(np.float32)}
