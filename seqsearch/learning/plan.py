"""How long and how hard to train."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import ParameterError
from ..sequences import Kind

SERIES_CELL = 250


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of one training run.

    `steps`: batches seen at most; `batch`: sequences in one; `rate`: peak learning rate (a short rise, then a cosine
    down to zero); `decay`: weight decay of AdamW; `average`: decay of the moving average of weights that is kept in
    the end; `sequences`: rows to learn from at most; `cells`: exact-distance work at most, in cells of the dynamic
    programme - when it is spent, batches already compared are used again; `validate`: sequences held out; `check`:
    steps between looks at them; `patience`: looks without progress before it stops; `power`: p of the predicted
    distance scale * d^p, between d (1) and d^2 (2); `rank`: weight of the loss of neighbourhoods; `far`: weight of
    far pairs beside near ones.
    """

    steps: int = 4000
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.0
    average: float = 0.999
    sequences: int = 100_000
    cells: float = 5e12
    validate: int = 384
    check: int = 200
    patience: int = 10
    power: float = 1.5
    rank: float = 10.0
    far: float = 0.1
    device: str = "cpu"

    def cells_for(self, kind: Kind) -> float:
        """The work allowed for that kind: a cell of DTW takes as long as some hundreds of bit-parallel edit cells."""
        return self.cells if kind == "tokens" else self.cells / SERIES_CELL

    @classmethod
    def of_effort(cls, effort: str) -> TrainingPlan:
        """ "low", "normal" or "high": each about four times the work of the one before."""
        plan = cls()
        if effort == "low":
            return replace(plan, steps=1000, sequences=30_000, cells=plan.cells / 4, average=0.998)
        if effort == "high":
            return replace(plan, steps=16_000, sequences=300_000, cells=plan.cells * 4, patience=20)
        if effort == "normal":
            return plan
        raise ParameterError(f"effort must be low, normal or high, not {effort!r}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
