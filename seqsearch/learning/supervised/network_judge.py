"""A network among the judges, and the networks that suit words, strings and series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...arrays import JSON
from ...encoders.blend import scores_of
from ...encoders.model import Model
from ..loop import Row
from .judges import Answers, Judge
from .labels import Examples
from .material import Fold, Material
from .plan import LabelPlan

TrainNetwork = Callable[[Examples, Examples, int], tuple[Model, list[Row]]]
"""Training and held-out examples and the number of the fold, to a model with a head and the rows of its log."""

_CNN = {"family": "cnn", "channels": 64, "layers": 1, "kernel": 3, "bins": 0, "dropout": 0.5}
_GRU = {"family": "gru", "channels": 64, "hidden": 64, "bins": 0, "dropout": 0.5}


@dataclass(frozen=True)
class Recipe:
    """An encoder family, its settings, and how it is trained; `seen`: examples it looks at, over all epochs."""

    family: str
    settings: JSON
    plan: LabelPlan
    seen: int

    def plan_for(self, count: int) -> LabelPlan:
        """The plan with as many epochs as `seen` examples are of so many, between 3 and those it has."""
        return replace(self.plan, epochs=min(self.plan.epochs, max(3.0, self.seen / max(1, count))))


RECIPES = {
    "words": Recipe(
        "ensemble",
        {"members": [_CNN, _GRU], "dim": 64},
        LabelPlan(
            epochs=12, fewest=300, batch=64, rate=6e-3, average=0.99, patience=3, input_dropout=0.3, word_dropout=0.5
        ),
        50_000,
    ),
    "tokens": Recipe(
        "cnn",
        {"channels": 32, "layers": 2, "kernel": 7, "dropout": 0.4, "dim": 32},
        LabelPlan(epochs=25, fewest=300, rate=4e-3, average=0.99, patience=8, input_dropout=0.1),
        200_000,
    ),
    "series": Recipe(
        "cnn",
        {"channels": 32, "layers": 4, "kernel": 7, "growth": 2, "bins": 10, "dropout": 0.3, "dim": 32},
        LabelPlan(epochs=12, fewest=300, batch=64, rate=4e-3, average=0.98, patience=5, input_dropout=0.1),
        24_000,
    ),
}
"""By what is read. Settings were found by trials on folds of the benchmarks' training data (benchmarks/README.md)."""


class NetworkJudge(Judge):
    """A network a fold. There is one variant; its models are those that were trained for the answers."""

    name = "network"

    def __init__(self, material: Material, train: TrainNetwork) -> None:
        super().__init__(material)
        self.train = train
        self.trained: list[Model] = []
        self.rows: list[Row] = []

    def answers(self, fold: Fold) -> Answers:
        material, (train, held) = self.material, fold
        examples = [Examples.classes(material.sequences[rows], material.numbers[rows]) for rows in (train, held)]
        model, rows = self.train(examples[0], examples[1], len(self.trained))
        self.trained.append(model)
        self.rows += [{**row, "fold": float(len(self.trained))} for row in rows]
        return {"": scores_of(model, material.sequences[held])}

    def models(self, variant: str) -> list[Model]:
        return self.trained
