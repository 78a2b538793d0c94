"""A training run on disk, to go on from: one safetensors file with a JSON document in its metadata; no pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..arrays import JSON
from ..errors import CorruptIndexError, MismatchError, StrPath
from ..files import atomic_write, read_tensors, write_tensors

CHECKPOINT_VERSION = 2

Groups = dict[str, dict[str, Tensor]]
"""Tensors by group and name."""


@dataclass(frozen=True)
class Checkpoint:
    """The file `path` of a run; `identity`: what a run must have in common with the one that wrote it."""

    path: StrPath
    identity: JSON

    def save(self, groups: Groups, state: JSON) -> None:
        """Write durably: a kill leaves the checkpoint before. `state`: everything but the tensors, as JSON values."""
        arrays = {
            f"{group}/{name}": value.detach().cpu().numpy()
            for group, tensors in groups.items()
            for name, value in tensors.items()
        }
        document = {"version": CHECKPOINT_VERSION, "identity": self.identity, "state": state}
        with atomic_write(self.path) as file:
            file.write(write_tensors(arrays, document))

    def load(self) -> tuple[Groups, JSON] | None:
        """The groups and the state that were saved; None where there is no file.

        Raises CorruptIndexError for a file that is no checkpoint, MismatchError for one of another run or version.
        """
        place = Path(self.path)
        if not place.exists():
            return None

        def none(reason: str) -> CorruptIndexError:
            return CorruptIndexError(f"{os.fspath(self.path)} is not a training checkpoint: {reason}")

        document, arrays = read_tensors(place.read_bytes(), error=none)
        if document.get("version") != CHECKPOINT_VERSION:
            raise MismatchError(f"{place} was written by another version of seqsearch: remove it to begin anew")
        for name, value in self.identity.items():
            if document["identity"].get(name) != json.loads(json.dumps(value)):
                raise MismatchError(f"{place} belongs to a run with another {name}")
        groups: Groups = {}
        for key, array in arrays.items():
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = torch.from_numpy(array.copy())
        return groups, document["state"]


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
