"""How long and how hard to train."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import ParameterError


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of one training run.

    `steps`: batches seen at most; `batch`: sequences in one; `rate`: peak learning rate (one cycle, cosine down);
    `decay`: weight decay of AdamW; `average`: decay of the moving average of weights that is kept in the end;
    `sequences`: rows to learn from at most; `cells`: exact-distance work at most, in cells of the dynamic programme -
    when it is spent, batches already compared are used again; `validate`: sequences held out; `check`: steps between
    looks at them; `patience`: looks without progress before it stops; `offset`: of the near-weighted loss, in edits.
    """

    steps: int = 2500
    batch: int = 192
    rate: float = 1e-3
    decay: float = 1e-4
    average: float = 0.998
    sequences: int = 50_000
    cells: float = 1.2e12
    validate: int = 384
    check: int = 100
    patience: int = 10
    offset: float = 2.0
    device: str = "cpu"

    @classmethod
    def of_effort(cls, effort: str) -> TrainingPlan:
        """ "low", "normal" or "high": each about four times the work of the one before."""
        plan = cls()
        if effort == "low":
            return replace(plan, steps=600, sequences=20_000, cells=plan.cells / 4)
        if effort == "high":
            return replace(plan, steps=10_000, batch=256, sequences=200_000, cells=plan.cells * 6, patience=20)
        if effort == "normal":
            return plan
        raise ParameterError(f"effort must be low, normal or high, not {effort!r}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
