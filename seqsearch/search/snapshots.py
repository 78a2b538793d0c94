"""The candidate index follows the store: loaded from a snapshot, brought up to date from the log, else built anew."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..ann import CANDIDATE_INDEXES, CandidateIndex, load_index, make_index
from ..encoders.model import Model
from ..errors import CorruptIndexError, MismatchError, NotAnIndexError
from ..progress import SILENT, Progress
from ..store import Store

NAME = "candidates"
TAIL_SHARE = 0.05
TAIL_LEAST = 2000
_ADD_ROWS = 1 << 16


class Follower:
    """A candidate index and the commit (`generation`, `lsn`) it shows.

    `origin` says how it came to be: built, snapshot, rebuilt.
    """

    def __init__(self, candidates: CandidateIndex, lsn: int, generation: int, origin: str) -> None:
        self.candidates = candidates
        self.lsn = lsn
        self.generation = generation
        self.origin = origin

    @classmethod
    def adopt(cls, store: Store, candidates: CandidateIndex) -> Self:
        """Of a candidate index that is known to hold exactly the live rows of `store`."""
        return cls(candidates, store.lsn, store.generation, "built")

    @classmethod
    def load(cls, store: Store, model: Model, settings: dict[str, Any], progress: Progress = SILENT) -> Self:
        """The index as `store` shows it: the snapshot and what came since, or anew when anything does not fit."""
        if CANDIDATE_INDEXES[settings["index"]].has_snapshot:
            try:
                follower = cls._from_snapshot(store, settings)
                if follower is not None:
                    return follower
            # a writer may put a newer snapshot in place of the verified file just before it is loaded
            except (CorruptIndexError, MismatchError, NotAnIndexError) as error:
                progress.note(f"{error}; building the candidate index again")
        follower = cls(empty_candidates(model, settings), store.lsn, store.generation, "rebuilt")
        follower._fill(store, progress)
        return follower

    @classmethod
    def _from_snapshot(cls, store: Store, settings: dict[str, Any]) -> Self | None:
        record = store.snapshot(NAME)
        if record is None or record.parameters != _parameters(settings):
            return None
        follower = cls(load_index(store.snapshot_file(NAME, proved=False)), record.lsn, store.generation, "snapshot")
        return follower if follower.catch_up(store) and follower._holds(store) else None

    def _holds(self, store: Store) -> bool:
        """Whether the rows are the live ones: a snapshot of another index with a forged record ends here."""
        return bool(np.array_equal(self.candidates.rows(), np.flatnonzero(store.live())))

    def _fill(self, store: Store, progress: Progress) -> None:
        rows = np.flatnonzero(store.live())
        with progress.task("building the candidate index", len(rows)) as task:
            for start in range(0, len(rows), _ADD_ROWS):
                some = rows[start : start + _ADD_ROWS]
                self.candidates.add(some, store.vectors(some))
                task.advance(len(some))

    def catch_up(self, store: Store) -> bool:
        """Replay what was committed since; False when rows were renumbered, or the log does not reach back that far."""
        if store.generation != self.generation:
            return False
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

    def save(self, writer: Store, settings: dict[str, Any]) -> None:
        """Write a snapshot of the commit that is shown, for kinds that have one."""
        if self.candidates.has_snapshot:
            writer.write_snapshot(
                NAME,
                self.candidates.save,
                parameters=_parameters(settings),
                library=self.candidates.library,
                lsn=self.lsn,
            )


def tail_is_long(store: Store) -> bool:
    """Whether so much was committed since the last snapshot that opening should not have to replay it."""
    record = store.snapshot(NAME)
    operations = None if record is None else store.log_since(record.lsn)
    changed = store.rows if operations is None else sum(len(operation.rows) for operation in operations)
    return changed > max(TAIL_LEAST, TAIL_SHARE * len(store))


def empty_candidates(model: Model, settings: dict[str, Any]) -> CandidateIndex:
    """A candidate index of the kind in `settings` for what `model` makes."""
    is_code = model.bits is not None
    return make_index(
        settings["index"],
        geometry=None if is_code else model.geometry,
        dim=None if is_code else model.dim,
        bits=model.bits,
        parameters=settings["index_parameters"],
        seed=settings["seed"],
    )


def _parameters(settings: dict[str, Any]) -> dict[str, Any]:
    return {"index": settings["index"], "parameters": settings["index_parameters"], "seed": settings["seed"]}
