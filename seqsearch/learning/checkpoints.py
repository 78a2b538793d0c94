"""Checkpoints of a training run: one safetensors file with a JSON document in its metadata; no pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CorruptIndexError, MismatchError, StrPath

CHECKPOINT_VERSION = 1


@dataclass
class Checkpoint:
    """`groups`: named state dictionaries of tensors; `document`: everything else, as JSON values."""

    groups: dict[str, dict[str, Tensor]]
    document: dict[str, Any]

    def save(self, path: StrPath) -> None:
        """Write under a temporary name and rename: a kill leaves the one before."""
        place = Path(path)
        tensors = {
            f"{group}/{name}": value.detach().cpu().contiguous().clone()
            for group, state in self.groups.items()
            for name, value in state.items()
        }
        unfinished = place.with_name(f"{place.name}.part")
        metadata = {"seqsearch": json.dumps({"version": CHECKPOINT_VERSION, **self.document})}
        save_file(tensors, unfinished, metadata=metadata)
        os.replace(unfinished, place)

    @classmethod
    def load(cls, path: StrPath) -> Checkpoint:
        """Raises CorruptIndexError for a file that is no checkpoint."""
        try:
            with safe_open(os.fspath(path), framework="pt") as file:
                document = json.loads(file.metadata()["seqsearch"])
                groups: dict[str, dict[str, Tensor]] = {}
                for key in file.keys():  # noqa: SIM118  # not a dictionary
                    group, _, name = key.partition("/")
                    groups.setdefault(group, {})[name] = file.get_tensor(key)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CorruptIndexError(f"{os.fspath(path)} is not a training checkpoint: {error}") from None
        return cls(groups, document)

    def require(self, path: StrPath, **same: Any) -> None:
        """Raise MismatchError unless the run that wrote it was given the same things."""
        for name, value in same.items():
            if self.document.get(name) != json.loads(json.dumps(value)):
                raise MismatchError(f"{os.fspath(path)} belongs to a run with another {name}")


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors of an optimizer, named by parameter number."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, entry in state.items() for name, value in entry.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_state`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
