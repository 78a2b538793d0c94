"""What is made from the rows of a store and follows its log: the candidate index and, of towers, hash sequences.

Loaded from snapshots, brought up to date from the log, else made anew: nothing here is the only copy of anything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np

from ..ann import CANDIDATE_INDEXES, CandidateIndex, load_index, make_index
from ..arrays import JSON, AnyArray, IntArray
from ..distances import HashSequences
from ..errors import CorruptIndexError, MismatchError, NotAnIndexError
from ..files import read_tensors, write_tensors
from ..progress import SILENT, Progress
from ..sequences import offsets_of
from ..store import Store
from .encoding import OneModel, TwoTowers

CANDIDATES, HASHES = "candidates", "hashes"
TAIL_SHARE = 0.05
TAIL_LEAST = 2000
_ADD_ROWS = 1 << 16


class IndexCache:
    """A candidate index of the live rows (None where the encoder makes no points), `hashes` of all rows (None but for
    towers), and the commit (`generation`, `lsn`) they show. `origin`: built, snapshot or rebuilt.
    """

    def __init__(
        self, candidates: CandidateIndex | None, hashes: HashSequences | None, store: Store, origin: str
    ) -> None:
        self.candidates = candidates
        self.hashes = hashes
        self.lsn = store.lsn
        self.generation = store.generation
        self.origin = origin

    @classmethod
    def load(
        cls,
        store: Store,
        encoder: OneModel | TwoTowers,
        settings: JSON,
        progress: Progress = SILENT,
        *,
        hashes: HashSequences | None = None,
    ) -> Self:
        """As `store` shows it: the snapshots and what came since, or anew when anything does not fit. `hashes` of all
        rows are taken as they are."""
        candidates, origin = _candidates_of_snapshot(store, settings, progress), "snapshot"
        if candidates is None:
            candidates, origin = empty_candidates(encoder, settings), "rebuilt"
            if candidates is not None:
                add_vectors(candidates, np.flatnonzero(store.live()), store.vectors, progress)
        if hashes is None and isinstance(encoder, TwoTowers):
            hashes = _hashes(store, encoder, progress)
        return cls(candidates, hashes, store, origin)

    def catch_up(self, store: Store, encoder: OneModel | TwoTowers | None) -> bool:
        """Replay what was committed since; False when rows were renumbered, or the log does not reach back that far."""
        if store.generation != self.generation:
            return False
        if self.candidates is not None and not _replay(self.candidates, store, self.lsn):
            return False
        if self.hashes is not None and isinstance(encoder, TwoTowers):
            self.hashes = _extended(self.hashes, store, encoder)
        self.lsn = store.lsn
        return True

    def save(self, writer: Store, settings: JSON, progress: Progress = SILENT) -> None:
        """Write snapshots of the commit that is shown, of what is worth one."""
        writer.save_sequences(progress)
        if self.candidates is not None and self.candidates.has_snapshot:
            index, library = self.candidates, self.candidates.library
            writer.write_snapshot(
                CANDIDATES, index.save, parameters=_parameters(settings), library=library, lsn=self.lsn
            )
        if self.hashes is not None:
            hashes = self.hashes
            writer.write_snapshot(HASHES, lambda path: _write_hashes(hashes, path), lsn=self.lsn)


def tail_is_long(store: Store, settings: JSON) -> bool:
    """Whether so much was committed since the last snapshots that opening should not have to replay it."""
    few = max(TAIL_LEAST, TAIL_SHARE * len(store))
    if store.rows - store.saved_rows > few:
        return True
    if not (CANDIDATE_INDEXES[settings["index"]].has_snapshot or "pairs" in settings):
        return False
    record = store.snapshot(CANDIDATES) or store.snapshot(HASHES)
    operations = None if record is None else store.log_since(record.lsn)
    changed = store.rows if operations is None else sum(len(operation.rows) for operation in operations)
    return changed > few


# -- candidates -----------------------------------------------------------------------------------------------------


def empty_candidates(encoder: OneModel | TwoTowers, settings: JSON) -> CandidateIndex | None:
    """A candidate index of the kind in `settings` for what `encoder` makes; None where it makes no points."""
    is_code = encoder.bits is not None
    if not encoder.dim:
        return None
    return make_index(
        settings["index"],
        geometry=None if is_code else encoder.geometry,
        dim=None if is_code else encoder.dim,
        bits=encoder.bits,
        parameters=settings["index_parameters"],
        seed=settings["seed"],
    )


def _candidates_of_snapshot(store: Store, settings: JSON, progress: Progress) -> CandidateIndex | None:
    record = store.snapshot(CANDIDATES)
    if record is None or record.parameters != _parameters(settings):
        return None
    try:
        index = load_index(store.snapshot_file(CANDIDATES, proved=False))
        # that it holds the live rows is proved last: a snapshot of another index with a forged record ends there
        fits = _replay(index, store, record.lsn) and np.array_equal(index.rows(), np.flatnonzero(store.live()))
        return index if fits else None
    # a writer may put a newer snapshot in place of the verified file just before it is loaded
    except (CorruptIndexError, MismatchError, NotAnIndexError) as error:
        progress.note(f"{error}; building the candidate index again")
        return None


def _replay(index: CandidateIndex, store: Store, lsn: int) -> bool:
    operations = store.log_since(lsn)
    for operation in operations or ():
        if operation.kind == "add":
            index.add(operation.rows, store.vectors(operation.rows))
        else:
            index.remove(operation.rows)
    return operations is not None


def add_vectors(
    index: CandidateIndex, rows: IntArray, vectors: Callable[[IntArray], AnyArray], progress: Progress
) -> None:
    """Add the `vectors` of rows, part by part."""
    with progress.task("building the candidate index", len(rows)) as task:
        for start in range(0, len(rows), _ADD_ROWS):
            some = rows[start : start + _ADD_ROWS]
            index.add(some, vectors(some))
            task.advance(len(some))


def _parameters(settings: JSON) -> JSON:
    return {"index": settings["index"], "parameters": settings["index_parameters"], "seed": settings["seed"]}


# -- hash sequences -------------------------------------------------------------------------------------------------


def _hashes(store: Store, encoder: TwoTowers, progress: Progress) -> HashSequences:
    """Those of all rows: of the snapshot, which holds the first rows, and of what came since."""
    kept = HashSequences.of(np.zeros(0, np.uint32), np.zeros(1, np.int64))
    if store.snapshot(HASHES) is not None:
        try:
            _, arrays = read_tensors(Path(store.snapshot_file(HASHES)).read_bytes())
            kept = HashSequences.of(arrays["hashes"], arrays["offsets"])
        except (CorruptIndexError, NotAnIndexError, KeyError, ValueError, OSError) as error:
            progress.note(f"{error}; making the hash sequences again")
    if len(kept) > store.rows:
        kept = kept.take(np.arange(0))
    return _extended(kept, store, encoder, progress)


def _extended(hashes: HashSequences, store: Store, encoder: TwoTowers, progress: Progress = SILENT) -> HashSequences:
    rows: IntArray = np.arange(len(hashes), store.rows)
    if not len(rows):
        return hashes
    fresh = encoder.hashed_stored(store.sequences(rows), progress)
    if not len(hashes):
        return fresh
    lengths = np.concatenate([np.diff(hashes.offsets), np.diff(fresh.offsets)])
    return HashSequences(np.concatenate([hashes.codes, fresh.codes]), offsets_of(lengths))


def _write_hashes(hashes: HashSequences, path: Path) -> None:
    """As bytes: every safetensors there is knows them."""
    packed = hashes.codes.view(np.uint8).reshape(-1, hashes.bits // 8)
    path.write_bytes(write_tensors({"hashes": packed, "offsets": hashes.offsets}, {}))
