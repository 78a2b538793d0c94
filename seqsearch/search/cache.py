"""What is made from the rows of a store and follows its log: the candidate index and, of towers, hash sequences.

Loaded from snapshots, brought up to date from the log, else made anew: nothing here is the only copy of anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from ..ann import CANDIDATE_INDEXES, CandidateIndex, load_index, make_index
from ..arrays import JSON, AnyArray, IntArray
from ..distances import HashSequences
from ..errors import CorruptIndexError, MismatchError, NotAnIndexError, ParameterError, UnknownIdError
from ..files import read_tensors, write_tensors
from ..progress import SILENT, Progress
from ..sequences import offsets_of
from ..store import Store
from ..store.segments import NAME as SEQUENCES
from ..store.snapshots import SnapshotRecord
from .encoding import OneModel, TwoTowers
from .window_files import RELATIVES, WINDOWS, caught_up, windows_of, write_windows
from .windows import WindowIndex

CANDIDATES, HASHES = "candidates", "hashes"
TAIL_SHARE = 0.05
"""Of the rows, that may have come or gone before the candidates are saved as a whole."""
CHANGES_SHARE = 0.01
"""The same, before what came or went is saved by itself: sequences, and candidates of kinds that can."""
TAIL_LEAST = 2000
MOST_CHANGES = 64
MERGED_SHARE = 0.5
"""Files of changes that follow the candidates, and how large they may be beside these, before all is written again."""
_ADD_ROWS = 1 << 16


class IndexCache:
    """A candidate index of the live rows (None where the encoder makes no points), `hashes` of all rows (None but for
    towers), the windows of the live rows (None but for a distance to parts that has some), and the commit
    (`generation`, `lsn`) they show. `origin`: built, snapshot or rebuilt; `saved`: the commit of the snapshot that the
    candidates know their changes from, None where there is none.
    """

    def __init__(
        self,
        candidates: CandidateIndex | None,
        hashes: HashSequences | None,
        store: Store,
        origin: str,
        windows: WindowIndex | None = None,
    ) -> None:
        self.candidates = candidates
        self.hashes = hashes
        self.windows = windows
        self.lsn = store.lsn
        self.generation = store.generation
        self.origin = origin
        self.saved: int | None = None

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
        (candidates, saved), origin = _candidates_of_snapshots(store, settings, progress), "snapshot"
        if candidates is None:
            candidates, origin = empty_candidates(encoder, settings), "rebuilt"
            if candidates is not None:
                add_vectors(candidates, np.flatnonzero(store.live()), store.vectors, progress)
        if hashes is None and isinstance(encoder, TwoTowers):
            hashes = _hashes(store, encoder, progress)
        made = cls(candidates, hashes, store, origin, windows_of(store, progress))
        made.saved = saved
        return made

    def catch_up(self, store: Store, encoder: OneModel | TwoTowers | None) -> bool:
        """Replay what was committed since; False when rows were renumbered, or the log does not reach back that far."""
        if store.generation != self.generation:
            return False
        if self.candidates is not None and not _replay(self.candidates, store, self.lsn):
            return False
        if self.windows is not None and not caught_up(self.windows, store, self.lsn):
            return False
        if self.hashes is not None and isinstance(encoder, TwoTowers):
            self.hashes = _extended(self.hashes, store, encoder)
        self.lsn = store.lsn
        return True

    def save(self, writer: Store, settings: JSON, progress: Progress = SILENT) -> None:
        """Write snapshots of the commit that is shown, of what is worth one."""
        writer.save_sequences(progress)
        if self.candidates is not None and self.candidates.has_snapshot:
            self._save_candidates(self.candidates, writer, _parameters(settings))
        if self.hashes is not None:
            hashes = self.hashes
            writer.write_snapshot(HASHES, lambda path: _write_hashes(hashes, path), lsn=self.lsn)
        if self.windows is not None:
            write_windows(self.windows, writer, self.lsn)

    def _save_candidates(self, index: CandidateIndex, writer: Store, parameters: JSON) -> None:
        """What changed since the snapshots there are, where the kind can and these are not too many, or all of it."""
        records = [record for record in writer.snapshots() if record.name.split("-")[0] == CANDIDATES]
        chain = _chain(records, parameters)
        kept = chain[: 1 + next((at for at, record in enumerate(chain) if record.lsn == self.saved), -1)]
        if kept and kept[-1].lsn == self.lsn:
            return
        after, self.saved = self.saved, None  # whatever fails from here on, the index may have forgotten its changes
        try:
            if not kept or not index.keeps_changes or _is_long(kept):
                raise _SaveWhole
            others = [record.name for record in records if record not in kept]
            name = f"{CANDIDATES}-{len(kept)}"
            said = parameters | {"after": after}
            write = partial(_write_changes, index)
            writer.write_snapshot(
                name, write, parameters=said, library=index.library, lsn=self.lsn, replaces=[*others, name]
            )
        except _SaveWhole:
            others = [record.name for record in records]
            writer.write_snapshot(
                CANDIDATES, index.save, parameters=parameters, library=index.library, lsn=self.lsn, replaces=others
            )
        self.saved = self.lsn

    @property
    def is_worth_saving(self) -> bool:
        """Whether the candidates have a snapshot that could not be used."""
        return self.origin == "rebuilt" and self.saved is None and getattr(self.candidates, "has_snapshot", False)


class _SaveWhole(Exception):
    pass


def _write_changes(index: CandidateIndex, path: Path) -> None:
    if not index.save_changes(path):
        raise _SaveWhole


def _chain(records: list[SnapshotRecord], parameters: JSON) -> list[SnapshotRecord]:
    """The snapshot of all candidates of these parameters, and those of what changed from one to the next."""
    chain = [record for record in records if record.name == CANDIDATES and record.parameters == parameters]
    while chain:
        said = parameters | {"after": chain[-1].lsn}
        following = [record for record in records if record.parameters == said and record.lsn > chain[-1].lsn]
        if not following:
            break
        chain.append(following[0])
    return chain


def _is_long(chain: list[SnapshotRecord]) -> bool:
    changes = [record.size for record in chain[1:]]
    return len(changes) >= MOST_CHANGES or sum(changes) > MERGED_SHARE * chain[0].size


def tail_is_long(store: Store, settings: JSON) -> bool:
    """Whether so much was committed since the last snapshots that opening should not have to replay it."""
    if store.rows - store.saved_rows > max(TAIL_LEAST, CHANGES_SHARE * len(store)):
        return True
    if (windows := store.snapshot(WINDOWS)) is not None:
        return _changed(store, windows.lsn) > max(TAIL_LEAST, TAIL_SHARE * len(store))
    kind = CANDIDATE_INDEXES[settings["index"]]
    if not (kind.has_snapshot or "pairs" in settings):
        return False
    chain = _chain(store.snapshots(), _parameters(settings))
    record = chain[-1] if chain else store.snapshot(HASHES)
    changed = store.rows if record is None else _changed(store, record.lsn)
    share = CHANGES_SHARE if kind.keeps_changes else TAIL_SHARE
    return changed > max(TAIL_LEAST, share * len(store))


def _changed(store: Store, lsn: int) -> int:
    """Rows that came or went since a commit; all where that is not known."""
    operations = store.log_since(lsn)
    return store.rows if operations is None else sum(len(operation.rows) for operation in operations)


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


def _candidates_of_snapshots(
    store: Store, settings: JSON, progress: Progress
) -> tuple[CandidateIndex | None, int | None]:
    """The candidates of the snapshots and the log, and the commit of the last snapshot that was used; or None twice.

    A file of changes that does not hold, and those after it, are left to the log.
    """
    chain = _chain(store.snapshots(), _parameters(settings))
    while chain:
        used = 0
        try:
            index = load_index(store.snapshot_file(CANDIDATES, proved=False))
            for record in chain[1:]:
                used += 1
                index.apply_changes(store.snapshot_file(record.name))
            # that it holds the live rows is proved last: a snapshot of another index with a forged record ends there
            fits = _replay(index, store, chain[-1].lsn)
            if fits and np.array_equal(index.rows(), np.flatnonzero(store.live())):
                return index, chain[-1].lsn
            used = len(chain) - 1
        # a writer may put a newer snapshot in place of the verified file just before it is loaded
        except (CorruptIndexError, MismatchError, NotAnIndexError, ParameterError, UnknownIdError) as error:
            what = "reading these changes from the log" if used else "building the candidate index again"
            progress.note(f"{error}; {what}")
        chain = chain[:used]
    return None, None


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


# -- bytes ----------------------------------------------------------------------------------------------------------


def bytes_by_part(store: Store) -> dict[str, int]:
    """Bytes on disk by what they are for; all of them together are `store.bytes`.

    In the database, which is the truth: `sequences` (letters or steps), `ids`, `labels` (with the descriptions) and
    `vectors`. In files made from it: `mapped` (the sequences and ids as searches read them), `candidates` and `hashes`.
    `other`: the log, documents, models, free pages.
    """
    parts = store.extent()
    files = {"mapped": (SEQUENCES,), "candidates": (CANDIDATES,), "hashes": (HASHES,), "windows": (WINDOWS, RELATIVES)}
    records = store.snapshots()
    for part, names in files.items():
        parts[part] = sum(record.size for record in records if record.name.split("-")[0] in names)
    return parts | {"other": max(0, store.bytes - sum(parts.values()))}
