"""The ensemble family: several networks that read the same steps, their points side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..arrays import JSON
from ..errors import ParameterError
from .families import FAMILIES, family_named
from .inputs import InputSpec
from .steps import Inputs, StepEncoder, WordInputs

MEMBERS = ({"family": "cnn"}, {"family": "cnn", "kernel": 5}, {"family": "attention"})


class EnsembleEncoder(StepEncoder):
    """`members`: a family and its settings each; the `dim` dimensions of a point are shared out among them.

    With a head every member learns by a loss of its own and the scores are averaged: errors that one network makes by
    chance the others do not share (Hansen and Salamon, Neural network ensembles, PAMI 1990).
    """

    def __init__(
        self, spec: InputSpec, *, dim: int = 128, members: Sequence[JSON] | None = None, **common: object
    ) -> None:
        chosen = [{**common, **member} for member in (MEMBERS if members is None else members)]
        if not 1 <= len(chosen) <= dim:
            raise ParameterError(f"an ensemble of {len(chosen)} members cannot share {dim} dimensions")
        super().__init__(spec, dim, members=chosen)
        shares = [dim // len(chosen) + (at < dim % len(chosen)) for at in range(len(chosen))]
        self.members = nn.ModuleList(
            _member(spec, {**own, "dim": share}) for own, share in zip(chosen, shares, strict=True)
        )
        self._shares = shares
        self.width = sum(self.widths)

    @property
    def dims(self) -> list[int]:
        return self._shares

    @property
    def widths(self) -> list[int]:
        return [member.width for member in self._each()]

    @classmethod
    def stepwise(cls, settings: JSON) -> JSON:
        members = settings.get("members", MEMBERS)
        known = [(FAMILIES.get(member.get("family", "")), member) for member in members]
        return {**settings, "members": [member if own is None else own.stepwise(member) for own, member in known]}

    def input_layers(self) -> list[Inputs | WordInputs]:
        return [layer for member in self._each() for layer in member.input_layers()]

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([member.steps(data, lengths) for member in self._each()], dim=2)

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([member(data, lengths) for member in self._each()], dim=1)

    def _each(self) -> list[StepEncoder]:
        return [member for member in self.members if isinstance(member, StepEncoder)]


def _member(spec: InputSpec, settings: JSON) -> StepEncoder:
    """One network. Raises ParameterError for one that does not read step by step."""
    name = settings.pop("family", None)
    if not isinstance(name, str):
        raise ParameterError('a member of an ensemble needs its family, as in {"family": "cnn"}')
    family = family_named(name, spec.kind)
    if not family.steps or family.network == FAMILIES["ensemble"].network:
        raise ParameterError(f"encoder {name!r} cannot be a member of an ensemble: it does not read step by step")
    network = family.build(spec, settings)
    assert isinstance(network, StepEncoder)
    return network
