"""How long and how hard to train on labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...errors import ParameterError
from ..checks import require_choice, require_counts
from ..plan import CLOCKS, PRECISIONS

WEIGHTINGS = ("none", "root", "balanced")


@dataclass(frozen=True)
class LabelPlan:
    """Settings of one supervised run.

    `epochs`: passes over the training set at most, but `fewest` batches in any case; `batch`: sequences in one; `rate`:
    peak learning rate (a short rise, then a cosine down to zero), None for the family's own; `decay`: weight decay of
    AdamW; `average`: decay of the moving average of weights that is kept in the end.

    `validate`: share of the sequences held out, from every class as from the whole; `patience`: looks at them (one an
    epoch, forty at most) without a lower loss before training stops; `seconds`: time at most, 0 for no limit, by
    `clock`, "wall" or "cpu"; `device`: where torch works; `precision` of the network's products while it learns,
    "float32" or "bfloat16".

    `class_weights`: "none"; "balanced", every class counts alike; or "root", the geometric mean of both. `smoothing`:
    share of the label spread over all labels (Szegedy et al., CVPR 2016). `input_dropout`: share of the inputs'
    channels dropped. `least`: how often a word must be seen to be known; `forgetting`: a word seen n times is read as
    unknown with probability forgetting / (forgetting + n) while training.
    """

    epochs: float = 20.0
    fewest: int = 600
    batch: int = 32
    rate: float | None = None
    decay: float = 0.01
    average: float = 0.998
    validate: float = 0.1
    patience: int = 6
    class_weights: str = "none"
    smoothing: float = 0.0
    input_dropout: float = 0.0
    least: int = 1
    forgetting: float = 0.25
    seconds: float = 0.0
    clock: str = "wall"
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        require_choice("class weights", self.class_weights, WEIGHTINGS)
        require_choice("clock", self.clock, CLOCKS)
        require_choice("precision", self.precision, PRECISIONS)
        require_counts(self, "batch", "patience", "fewest", "least")
        for name in ("validate", "smoothing", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name} must be from 0 to below 1, not {getattr(self, name)}")
        if not self.epochs > 0:
            raise ParameterError(f"epochs must be above 0, not {self.epochs}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
