"""The ensemble family: several networks that read the same steps, their points side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ParameterError
from .families import family_named
from .inputs import InputSpec
from .steps import Inputs, StepEncoder, WordInputs

MEMBERS = ({"family": "cnn"}, {"family": "cnn", "kernel": 5}, {"family": "attention"})


class EnsembleEncoder(StepEncoder):
    """`members`: a family and its settings each; the `dim` dimensions of a point are shared out among them.

    With a head every member learns by a loss of its own and the scores are averaged: errors that one network makes by
    chance the others do not share (Hansen and Salamon, Neural network ensembles, PAMI 1990).
    """

    family = "ensemble"

    def __init__(
        self, spec: InputSpec, *, dim: int = 128, members: list[dict[str, Any]] | None = None, **common: Any
    ) -> None:
        super().__init__(spec, dim)
        chosen = [dict(member) for member in (MEMBERS if members is None else members)]
        if not 1 <= len(chosen) <= dim:
            raise ParameterError(f"an ensemble of {len(chosen)} members cannot share {dim} dimensions")
        self.chosen = [{**common, **member} for member in chosen]
        shares = [dim // len(chosen) + (at < dim % len(chosen)) for at in range(len(chosen))]
        self.members = nn.ModuleList(
            _member(spec, {**own, "dim": share}) for own, share in zip(self.chosen, shares, strict=True)
        )
        self.dims = shares
        self.widths = [member.width for member in self._each()]
        self.width = sum(self.widths)

    def settings(self) -> dict[str, Any]:
        return {"dim": self.dim, "members": self.chosen}

    def input_layers(self) -> list[Inputs | WordInputs]:
        return [layer for member in self._each() for layer in member.input_layers()]

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([member.steps(data, lengths) for member in self._each()], dim=2)

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([member(data, lengths) for member in self._each()], dim=1)

    def _each(self) -> list[StepEncoder]:
        return [member for member in self.members if isinstance(member, StepEncoder)]


def _member(spec: InputSpec, settings: dict[str, Any]) -> StepEncoder:
    """One network. Raises ParameterError for one that does not read step by step."""
    from .build import build_encoder

    name = settings.pop("family", None)
    if not isinstance(name, str):
        raise ParameterError('a member of an ensemble needs its family, as in {"family": "cnn"}')
    family = family_named(name, "series" if spec.alphabet is None else "tokens")
    if not family.steps or name == EnsembleEncoder.family:
        raise ParameterError(f"encoder {name!r} cannot be a member of an ensemble: it does not read step by step")
    network = build_encoder(name, spec, settings)
    assert isinstance(network, StepEncoder)
    return network
