"""`References`: sequences in memory that are asked as an index is, without one. Every answer is by proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Never

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..distances import Distance, distance_named
from ..encoders.model import unlearned_model
from ..encoders.vector_rows import VectorsLike
from ..errors import DuplicateIdError, EmptyInputError, MismatchError, ParameterError, UnknownIdError
from ..progress import SILENT, Progress, Watching, watched
from ..sequences import Alphabet, Sequences, SequencesLike, Strings
from ..sequences.columns import Columns
from ..sequences.ids import IdIndex, hash_ids, rows_of_equal
from .calibration import Calibration
from .encoding import OneModel
from .metadata import ColumnsLike, MetadataLike, parts_of
from .pipeline import Queries
from .questions import Questions
from .state import State, pipeline_of
from .wanted import Choice, Wanted

BY_PROOF = "there is no index (SequenceIndex.build makes one), and everything is compared"


class References(Questions):
    """Sequences that are searched without an index: each query is compared with all of them, by proof.

    For a few questions, where building an index takes longer than they do: nothing is trained and nothing is written.
    It answers as a `SequenceIndex` does that compares with everything (`exact=True`) - `search`, `within`, `count`,
    `novelty`, `seqsearch.classify` - with the same results; what needs an index (candidates, vectors, novelty by
    embeddings) raises ParameterError. Any number of threads may ask; there is nothing to close.

    `references`, `alphabet`, `columns`, `metadata`, `distance` and `distance_parameters` as in `SequenceIndex.build`;
    `name`: what messages call them.
    Raises ParameterError, EmptyInputError, DuplicateIdError, MismatchError for a distance of another kind of sequences,
    and what reading the sequences raises.

    >>> import seqsearch as ss
    >>> names = ss.References(["anna meyer", "anna maier", "otto schulz"], distance="edit")
    >>> names
    References(n=3, text, edit)
    >>> [(hit.sequence.text, hit.distance) for hit in names.search("ana meier", k=2)[0]]
    [('anna meyer', 2.0), ('anna maier', 2.0)]
    """

    _handle: _InMemory

    def __init__(
        self,
        references: SequencesLike | Iterable[Sequences],
        *,
        alphabet: Alphabet | str | None = None,
        distance: str | Distance = "edit",
        distance_parameters: JSON | None = None,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        name: str = "references",
        progress: Watching = False,
    ) -> None:
        chosen, note = _distance(distance, distance_parameters), watched(progress).note
        with watched(progress).task("reading") as task:
            sets = []
            for part in parts_of(references, alphabet, columns, metadata, note)[0]:
                sets.append(part)
                task.advance(len(part))
        whole = sets[0] if len(sets) == 1 and sets[0].offsets[0] == 0 else Sequences.concatenate(sets)
        if not len(whole):
            raise EmptyInputError("there is no sequence to compare with", path=name)
        chosen.require(whole)
        chosen.check(whole, whole[:1])
        self._hold(whole, chosen, name)

    def _hold(self, sequences: Sequences, distance: Distance, name: str) -> None:
        self._handle, self._known = _InMemory(InMemoryRows(sequences, name), distance), {}

    def _asked(
        self, given: SequencesLike, vectors: VectorsLike | None, what: str = "queries", *, needed: bool = True
    ) -> Queries:
        if vectors is not None:
            raise ParameterError(f"vectors of {what} mean nothing: {BY_PROOF}")
        asked = super()._asked(given, None, what, needed=needed)
        own, other = map(_kind, (self._handle.rows.targets, asked.sequences))
        if own != other:
            raise MismatchError(f"{what} are {other}, {self.name} {own}")
        return asked

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled, or copied, as its sequences."""
        held = self._handle
        return _restored, (held.rows.targets, held.distance, held.path)

    def __repr__(self) -> str:
        return f"References(n={len(self)}, {self.alphabet_name or 'series'}, {self._handle.distance.name})"


def _restored(sequences: Sequences, distance: Distance, name: str) -> References:
    made = References.__new__(References)
    made._hold(sequences, distance, name)
    return made


def _kind(sequences: Sequences) -> str:
    """The alphabet, or what series are."""
    return f"series of {sequences.features} features" if sequences.alphabet is None else sequences.alphabet.name


def _distance(distance: str | Distance, parameters: JSON | None) -> Distance:
    if isinstance(distance, str):
        return distance_named(distance, **(parameters or {}))
    if parameters:
        raise ParameterError(f"the distance {distance!r} has its parameters: distance_parameters are for a name")
    return distance


class InMemoryRows:
    """Records in memory, as `Rows`: all of them are live. Raises DuplicateIdError where two have one id."""

    def __init__(self, targets: Sequences, name: str) -> None:
        self.targets, self.name = targets, name
        self._hashes = hash_ids(targets.ids)
        self._live: BoolArray = np.ones(len(targets), np.bool_)
        self._live.flags.writeable = False
        _require_distinct(targets.ids, self._hashes, name)

    @property
    def rows(self) -> int:
        return len(self.targets)

    @property
    def alphabet(self) -> Alphabet | None:
        return self.targets.alphabet

    def __len__(self) -> int:
        return len(self.targets)

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, str) and bool(self.find([record_id])[0] >= 0)

    def live(self) -> BoolArray:
        return self._live

    def sequences(self, rows: AnyArray | list[int] | None = None) -> Sequences:
        return self.targets if rows is None else self.targets[np.asarray(rows, np.int64)]

    def columns(self) -> Columns:
        return self.targets.columns

    @cached_property
    def _index(self) -> IdIndex:
        made = IdIndex()
        made.add(self._hashes, np.arange(len(self.targets)))
        return made

    def find(self, ids: Iterable[str]) -> IntArray:
        wanted = ids if isinstance(ids, Strings) else Strings.of(ids)
        found = np.full(len(wanted), -1, np.int64)
        for query, row in zip(*self._index.find(hash_ids(wanted)), strict=True):
            if self.targets.ids.raw(int(row)) == wanted.raw(int(query)):
                found[query] = row
        return found

    def rows_of(self, ids: Iterable[str]) -> IntArray:
        wanted = ids if isinstance(ids, Strings) else Strings.of(ids)
        rows = self.find(wanted)
        if (rows < 0).any():
            raise UnknownIdError(f"{self.name}: no record with the id {wanted[int(np.argmax(rows < 0))]!r}")
        return rows

    def vectors(self, rows: AnyArray | list[int] | None = None) -> Never:
        raise ParameterError(f"{self.name} have no vectors: {BY_PROOF}")

    def blob(self, name: str) -> None:
        return None


def _require_distinct(ids: Strings, hashes: AnyArray, name: str) -> None:
    seen: set[bytes] = set()
    for row in rows_of_equal(hashes).tolist():
        if (raw := ids.raw(row)) in seen:
            raise DuplicateIdError("this id comes twice", path=name, record=row + 1, record_id=ids[row])
        seen.add(raw)


class _InMemory:
    """The one state of records that never change, as `Holding`: its last stage is the only one."""

    def __init__(self, rows: InMemoryRows, distance: Distance) -> None:
        self.rows, self.distance, self.path = rows, distance, rows.name
        # asked which queries fit, and never for a point
        self.encoder = OneModel(unlearned_model(rows.targets[:1]))

    @cached_property
    def _state(self) -> State:
        rows = self.rows
        pipeline = pipeline_of(rows.targets, rows.live(), self.encoder, None, self.distance)
        answers = rows.find, rows.rows_of, rows.vectors
        return State(
            rows.targets, rows.live(), self.encoder, None, self.distance, pipeline, self.calibration(), *answers
        )

    @contextmanager
    def store(self) -> Iterator[InMemoryRows]:
        yield self.rows

    @contextmanager
    def state(self, progress: Progress = SILENT) -> Iterator[State]:
        yield self._state

    def calibration(self) -> Calibration:
        return Calibration(1.0, 0, len(self.rows), lossless=BY_PROOF)

    def choice(self, k: int, wanted: Wanted) -> Choice:
        return wanted.budget(self.calibration(), None, len(self.rows), k)

    def keep(self, name: str, content: bytes) -> None:
        """There is no place but the memory of whoever asks."""
