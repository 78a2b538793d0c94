"""The linear family: one matrix over the features, starting at their principal axes."""

from __future__ import annotations

from ..arrays import JSON
from .inputs import InputSpec
from .projection import ProjectionEncoder


class LinearEncoder(ProjectionEncoder):
    """x -> x L."""

    def __init__(self, spec: InputSpec, *, dim: int = 128, features: JSON | None = None) -> None:
        super().__init__(spec, dim=dim, hidden=0, features=features)

    def settings(self) -> JSON:
        return {"dim": self.dim, "features": self.features.to_json()}
