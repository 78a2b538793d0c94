"""The candidate index follows the store: loaded from a snapshot, brought up to date from the log, else built anew."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..ann import CandidateIndex, make_index
from ..encoders.model import Model
from ..store import Store

_ADD_ROWS = 1 << 16


class Follower:
    """A candidate index and the commit (`lsn`) it shows."""

    def __init__(self, candidates: CandidateIndex, lsn: int) -> None:
        self.candidates = candidates
        self.lsn = lsn

    @classmethod
    def adopt(cls, store: Store, candidates: CandidateIndex) -> Self:
        """Of a candidate index that is known to hold exactly the live rows of `store`."""
        return cls(candidates, store.lsn)

    @classmethod
    def load(cls, store: Store, model: Model, settings: dict[str, Any]) -> Self:
        """The index as `store` shows it."""
        follower = cls(empty_candidates(model, settings), store.lsn)
        follower._fill(store)
        return follower

    def _fill(self, store: Store) -> None:
        rows = np.flatnonzero(store.live())
        for start in range(0, len(rows), _ADD_ROWS):
            some = rows[start : start + _ADD_ROWS]
            self.candidates.add(some, store.vectors(some))

    def catch_up(self, store: Store) -> bool:
        """Replay what was committed since; False when the log no longer reaches back that far."""
        operations = store.log_since(self.lsn)
        if operations is None:
            return False
        for operation in operations:
            if operation.kind == "add":
                self.candidates.add(operation.rows, store.vectors(operation.rows))
            else:
                self.candidates.remove(operation.rows)
        self.lsn = store.lsn
        return True


def empty_candidates(model: Model, settings: dict[str, Any]) -> CandidateIndex:
    """A candidate index of the kind in `settings` for what `model` makes."""
    is_code = model.bits is not None
    return make_index(
        settings["index"], geometry=None if is_code else model.geometry, dim=None if is_code else model.dim,
        bits=model.bits, parameters=settings["index_parameters"], seed=settings["seed"],
    )  # fmt: skip
