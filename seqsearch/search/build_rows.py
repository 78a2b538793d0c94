"""The rows of a build, part by part: records are read, embedded and put into the candidate index, never all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..ann import CandidateIndex, load_index
from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..distances import Distance
from ..errors import CorruptIndexError, EmptyInputError, InputError, MismatchError, NotAnIndexError
from ..progress import Progress
from ..sequences import Sequences, Strings
from ..sequences.columns import same
from ..store import StoreBuilder
from .cache import empty_candidates
from .encoding import MODEL, OneModel

ROWS = 1 << 16  # embedded and indexed at a time
SEALED = 1 << 18  # rows in a candidate index from which on it is kept for a build that is interrupted
CANDIDATES = "candidates"


# -- records ----------------------------------------------------------------------------------------------------------


def fill(builder: StoreBuilder, parts: Iterable[Sequences], distance: Distance | None, progress: Progress) -> None:
    """Record the sequences. Raises EmptyInputError where there are none, and what `Distance.check` raises.

    Those that an interrupted build recorded are compared with what is read now; where something differs, or more comes,
    what was made of them goes, and so do the records from the first that differs on.
    """
    at, sealed, grown = 0, builder.rows, not builder.resumed
    with progress.task("reading") as task:
        like: Sequences | None = None
        for part in parts:
            like = part[:1] if like is None else like
            check(distance, part, like, at)
            if at < sealed and (other := first_difference(builder, at, part[: sealed - at])) is not None:
                sealed = at + other
                progress.note(f"record {sealed + 1} ({part.ids[other]}) is not that of the interrupted build{_ANEW}")
                builder.keep_rows(sealed)
            fresh = part[max(0, sealed - at) :]
            if len(fresh):
                if not grown:
                    grown = True
                    if builder.document(MODEL) is not None:
                        progress.note(f"there are more records than the {sealed:,} of the interrupted build{_ANEW}")
                    builder.keep_rows(sealed)
                builder.append(fresh)
            at += len(part)
            task.advance(len(part))
    if at < sealed:
        progress.note(f"there are {at:,} records, the interrupted build had {sealed:,}{_ANEW}")
        builder.keep_rows(at)
    if not builder.rows:
        raise EmptyInputError("there is no sequence to index")


def check(distance: Distance | None, part: Sequences, like: Sequences | None, before: int = 0) -> None:
    """Raise what `Distance.check` raises, naming the number of the record when so many came `before` these."""
    if distance is None or part.kind != distance.kind:
        return  # which is said where the kind is known to be that of all
    try:
        distance.check(part, like)
    except InputError as error:
        error.record = None if error.record is None else error.record + before
        raise


_ANEW = ": this one starts anew"


def first_difference(builder: StoreBuilder, start: int, part: Sequences) -> int | None:
    """The first place in `part` that is not the record stored in the row as many after `start`; None where all are."""
    stored = builder.sequences(np.arange(start, start + len(part)))
    if _equal(part, stored):
        return None
    low, high = 0, len(part)  # the first `low` are equal, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        if _equal(part[:middle], stored[:middle]):
            low = middle
        else:
            high = middle
    return low


def _equal(some: Sequences, others: Sequences) -> bool:
    """Whether two sets of one length hold the same records: sequences, ids, descriptions, labels and columns."""
    if some.alphabet != others.alphabet or some.features != others.features:
        return False
    columns = [(some.ids, others.ids), (some.descriptions, others.descriptions), (some.labels, others.labels)]
    return (
        np.array_equal(some.lengths, others.lengths)
        and np.array_equal(_within(some.data, some.offsets), _within(others.data, others.offsets))
        and all(_same(one, other) for one, other in columns)
        and same(some.columns, others.columns, len(some))
    )


def _same(one: Strings, other: Strings) -> bool:
    return np.array_equal(np.diff(one.offsets), np.diff(other.offsets)) and np.array_equal(
        _within(one.data, one.offsets), _within(other.data, other.offsets)
    )


def _within(data: AnyArray, offsets: IntArray) -> AnyArray:
    return data[offsets[0] : offsets[-1]]


# -- vectors and candidates -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Indexing:
    """Embeds all rows into the store, and puts those `known`, (rows,), into a candidate index of these `settings`.

    `make`: what is stored of rows, ascending, (m,) -> (m, ...).

    A large candidate index is kept in a file, whenever it has doubled and at the end, for a build that is interrupted.
    One that is read from a file may grow otherwise than the one that was written (a graph draws its levels anew), so
    the build goes on from what it wrote: then it ends the same, interrupted or not.
    """

    builder: StoreBuilder
    encoder: OneModel
    make: Callable[[IntArray], AnyArray]
    settings: JSON
    known: BoolArray
    progress: Progress

    def run(self) -> CandidateIndex:
        """The candidate index; the vectors of all rows are stored."""
        place = self.builder.side_file(CANDIDATES)
        candidates, start = self._kept(place)
        sealed = start
        with self.progress.task("embedding and indexing", len(self.known)) as task:
            task.advance(start)
            if not start:
                self._teach(candidates)
            while start < len(self.known):
                stop = min(start + ROWS, len(self.known))
                vectors = self._vectors(start, stop)
                own = np.flatnonzero(self.known[start:stop])
                candidates.add(start + own, vectors if len(own) == len(vectors) else vectors[own])
                del vectors
                self.builder.unmap()
                task.advance(stop - start)
                start = stop
                if self._is_due(candidates, start, sealed):
                    candidates.save(place)
                    del candidates  # two of them at a time would be too many
                    candidates, sealed = load_index(place), start
        return candidates

    def _is_due(self, candidates: CandidateIndex, done: int, sealed: int) -> bool:
        ended = done == len(self.known)
        return candidates.has_snapshot and done >= SEALED and (ended or done >= 2 * sealed)

    def _kept(self, place: Path) -> tuple[CandidateIndex, int]:
        """What an interrupted build kept, and up to which row it goes; else an empty one."""
        if place.exists():
            try:
                candidates = load_index(place)
                rows, known = candidates.rows(), np.flatnonzero(self.known)
                if np.array_equal(rows, known[: len(rows)]):
                    done = len(self.known) if len(rows) == len(known) else int(known[len(rows)])
                    return candidates, done
            except (CorruptIndexError, MismatchError, NotAnIndexError) as error:
                self.progress.note(f"{error}; building the candidate index again")
            place.unlink()
        empty = empty_candidates(self.encoder, self.settings)
        assert empty is not None
        return empty, 0

    def _teach(self, candidates: CandidateIndex) -> None:
        """Let the candidate index learn what it needs from a sample of the vectors."""
        wanted = candidates.training_rows
        if not wanted:
            return
        rows, rng = np.flatnonzero(self.known), np.random.default_rng([self.settings["seed"], 1])
        if len(rows) > wanted:
            rows = np.sort(rng.choice(rows, wanted, replace=False))
        whole = self.encoder.own is not None and self.builder.vector_rows == len(self.known)
        there = self.builder.vectors if whole else self.make
        candidates.train(np.concatenate([there(rows[start : start + ROWS]) for start in range(0, len(rows), ROWS)]))

    def _vectors(self, start: int, stop: int) -> AnyArray:
        """Those of the rows from `start` to `stop`: stored already, or made and stored now."""
        stored = min(max(self.builder.vector_rows, start), stop)
        parts = [] if stored == start else [self.builder.vectors(np.arange(start, stored))]
        if stored < stop:
            parts.append(self.make(np.arange(stored, stop)))
            self.builder.set_vectors(stored, parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
