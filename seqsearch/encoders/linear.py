"""The linear family: one matrix over the features, starting at their principal axes."""

from __future__ import annotations

from typing import Any

from .inputs import InputSpec
from .projection import ProjectionEncoder


class LinearEncoder(ProjectionEncoder):
    """x -> x L."""

    family = "linear"

    def __init__(self, spec: InputSpec, *, dim: int = 128, features: dict[str, Any] | None = None) -> None:
        super().__init__(spec, dim=dim, hidden=0, features=features)

    def settings(self) -> dict[str, Any]:
        return {"dim": self.dim, "features": self.features.to_json()}
