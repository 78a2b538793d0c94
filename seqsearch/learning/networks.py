"""Networks while they learn: where they live, in which precision they multiply, and their weights as arrays."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

from ..arrays import AnyArray
from ..errors import ParameterError


def device_named(name: str) -> torch.device:
    """The torch device of that name. Raises ParameterError when it is not there."""
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ParameterError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def device_of(module: nn.Module) -> torch.device:
    """Where the weights are."""
    return next(module.parameters()).device


def multiplying(module: nn.Module, precision: str) -> AbstractContextManager[object]:
    """Matrix products in that precision, while the module learns: models are judged as they will be used."""
    lower = precision == "bfloat16" and module.training
    return torch.autocast(device_of(module).type, torch.bfloat16, enabled=lower)


def weights_of(module: nn.Module, prefix: str = "") -> dict[str, AnyArray]:
    """The weights by name."""
    return {prefix + name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}
