"""What may be set of a supervised run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...errors import ParameterError
from ..plan import Plan, require_choice, require_counts
from ..schedule import Schedule

MEASURES = ("auto", "accuracy", "macro_f1")
WEIGHTINGS = ("none", "root", "balanced")
DECAY = 0.01  # of weights, where few labels teach many of them
CLIP = 5.0  # recurrent networks now and then explode
CHECKS = 40  # validation steps of a run at most


@dataclass(frozen=True, kw_only=True)
class LabelPlan(Plan):
    """Settings of one supervised run.

    `epochs`: passes over the training set at most, but `fewest` batches in any case; `validate`: share of the sequences
    held out, from every class as from the whole; they are judged once an epoch, forty times at most.

    `class_weights`: "none"; "balanced", every class counts alike; or "root", the geometric mean of both. `smoothing`:
    share of the label spread over all labels (Szegedy et al., CVPR 2016). `input_dropout`: share of the inputs'
    channels dropped. `word_dropout` w: a word seen n times is read as unknown with probability w / (w + n) while
    training. `measure`: what a classifier is chosen by where nothing is said of the encoder: "accuracy", "macro_f1", or
    "auto": macro F1 where a class is rare.
    """

    patience: int = 6
    epochs: float = 20.0
    fewest: int = 600
    validate: float = 0.1
    class_weights: str = "none"
    smoothing: float = 0.0
    input_dropout: float = 0.0
    word_dropout: float = 0.25
    measure: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("class weights", self.class_weights, WEIGHTINGS)
        require_choice("measure", self.measure, MEASURES)
        require_counts(self, "fewest")
        for name in ("validate", "smoothing", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name} must be from 0 to below 1, not {getattr(self, name)}")
        if not self.epochs > 0:
            raise ParameterError(f"epochs must be above 0, not {self.epochs}")

    def schedule_of(self, per_epoch: float, rate: float) -> Schedule:
        """The schedule of a run whose epochs have so many batches, of a family's learning rate."""
        steps = max(self.fewest, math.ceil(self.epochs * per_epoch))
        check = max(math.ceil(per_epoch), -(-steps // CHECKS))
        return self.schedule(steps, check, self.rate or rate, decay=DECAY, clip=CLIP)
