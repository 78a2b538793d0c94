"""The sequences behind the features of a table: records of an index, of a file beside it, or the names themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from ..errors import InputError, MismatchError, SymbolError, UnknownIdError
from ..search import SequenceIndex
from ..search.maps import MapPoints
from ..search.state import State
from ..sequences import Alphabet, Sequences, Strings
from .table import SampleTable

Missing = Literal["error", "skip"]
NAMED = 5  # names that a message shows
SPELLED = ("dna", "rna", "protein")
"""Alphabets in which a long name that is spelled in letters is the sequence itself, as those that DADA2 writes."""
LEAST = 20  # letters of such a name


@dataclass(frozen=True, eq=False)
class Features:
    """Of the n features of a table: `points`, (n, D) float32, laid out so that straight lines mean something, and
    `sequences`."""

    points: FloatArray
    sequences: Sequences


@dataclass(frozen=True)
class Found:
    """A table of the features that were found, with them, and `notes` on what was left out."""

    table: SampleTable
    features: Features
    notes: tuple[str, ...]


def found_features(
    table: SampleTable, index: SequenceIndex, *, sequences: Sequences | None = None, missing: Missing = "error"
) -> Found:
    """The features of a table that are in `sequences` or in an index by their ids, or are sequences by name.

    Raises UnknownIdError naming the first that are none and counting them, unless they are to be skipped; InputError
    for a sample without any count (skipped likewise), MismatchError for sequences of another alphabet.
    """
    named = _named(table.features, index, sequences)
    notes: list[str] = []
    lost = np.flatnonzero(~named.found)
    if len(lost):
        shown = ", ".join(repr(table.features[row][:40]) for row in lost[:NAMED].tolist())
        gone = float(np.isin(table.columns, lost) @ table.values / max(table.values.sum(), 1e-300))
        told = (
            f"{table.name}: {len(lost):,} of {len(table.features):,} features, with {gone:.1%} of the counts, are not "
            f"in {index.path}: {shown}{', ...' if len(lost) > NAMED else ''}"
        )
        if missing == "error":
            remedy = "give their sequences (--sequences FILE), or leave them out (--missing skip)"
            raise UnknownIdError(f"{told}; {remedy}")
        notes.append(f"{told}; left out")
        table = table.with_features(np.flatnonzero(named.found))
    empty = np.flatnonzero(np.diff(table.offsets) == 0)
    if len(empty):
        shown = ", ".join(repr(table.samples[row][:40]) for row in empty[:NAMED].tolist())
        told = f"{len(empty):,} of {len(table):,} samples have no counts: {shown}"
        if missing == "error" or len(empty) == len(table):
            raise InputError(f"{told}; they have no place among others (--missing skip)", path=table.name)
        notes.append(f"{table.name}: {told}{', ...' if len(empty) > NAMED else ''}; left out")
        table = table.with_samples(np.flatnonzero(np.diff(table.offsets) > 0))
    used = np.zeros(len(table.features), np.bool_)
    used[table.columns] = True
    chosen = np.flatnonzero(named.found)[used]
    return Found(table.with_features(np.flatnonzero(used)), named.features(index, chosen), tuple(notes))


@dataclass(frozen=True)
class _Named:
    """Where features were `found`, (n,): `rows`, (n,) of the index, -1 of others, which are rows `given` of `own`."""

    rows: IntArray
    given: IntArray
    own: Sequences | None

    @property
    def found(self) -> BoolArray:
        there: BoolArray = (self.rows >= 0) | (self.given >= 0)
        return there

    def features(self, index: SequenceIndex, chosen: IntArray) -> Features:
        """Those of the features `chosen`, (m,)."""
        rows, given = self.rows[chosen], self.given[chosen]
        stored, own = np.flatnonzero(given < 0), np.flatnonzero(given >= 0)
        with index.state() as state:
            return _joined(state, rows[stored], None if self.own is None else self.own[given[own]], stored, own)


def _joined(state: State, rows: IntArray, own: Sequences | None, stored: IntArray, others: IntArray) -> Features:
    points, sequences = MapPoints(state), state.targets[rows]
    if own is None or not len(own):
        return Features(points.of_rows(rows), sequences)
    fresh = points.of_queries(own)
    made = np.empty((len(stored) + len(others), fresh.shape[1]), np.float32)
    made[others] = fresh
    if len(rows):
        made[stored] = points.of_rows(rows)
    order = np.argsort(np.concatenate([stored, others]), kind="stable")
    return Features(made, Sequences.concatenate([_bare(sequences), _bare(own)])[order])


def _bare(sequences: Sequences) -> Sequences:
    """Without what stands beside them, which differs between an index and a file."""
    whole = sequences[np.arange(len(sequences))]
    return Sequences(whole.data, whole.offsets, whole.ids, whole.alphabet)


def _named(names: Sequence[str], index: SequenceIndex, sequences: Sequences | None) -> _Named:
    rows = np.full(len(names), -1, np.int64)
    given = np.full(len(names), -1, np.int64)
    own = None
    if sequences is not None:
        with index.state() as state:
            if sequences.alphabet != state.targets.alphabet:
                there = "series" if state.targets.alphabet is None else state.targets.alphabet.name
                raise MismatchError(f"the sequences of features are not {there}, as those of {index.path}")
        place = {name: row for row, name in enumerate(sequences.ids)}
        given = np.array([place.get(name, -1) for name in names], np.int64)
        own = sequences
    left = np.flatnonzero(given < 0)
    with index.state() as state:
        rows[left] = state.find([names[row] for row in left.tolist()])
        alphabet = state.targets.alphabet
    left = np.flatnonzero((given < 0) & (rows < 0))
    if alphabet is not None and alphabet.name in SPELLED and len(left):
        spelled = [row for row in left.tolist() if is_spelled(names[row], alphabet)]
        if spelled:
            read = Sequences.from_texts([names[row] for row in spelled], alphabet)
            read = read.renamed(Strings.of(names[row] for row in spelled))
            given[spelled] = np.arange(len(spelled)) + (0 if own is None else len(own))
            own = read if own is None else Sequences.concatenate([_bare(own), _bare(read)])
    return _Named(rows, given, own)


def is_spelled(name: str, alphabet: Alphabet) -> bool:
    """Whether a name is a sequence."""
    if len(name) < LEAST:
        return False
    try:
        alphabet.encode(name)
    except SymbolError:
        return False
    return True


def count_features(names: Sequence[str], index: SequenceIndex, sequences: Sequences | None = None) -> int:
    """How many of some names are features."""
    return int(np.count_nonzero(_named(names, index, sequences).found))
