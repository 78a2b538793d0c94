"""What users know of their sequences: brought beside them when an index is built, and when it changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from ..arrays import AnyArray, BoolArray
from ..errors import MismatchError, ParameterError, StrPath
from ..sequences import Alphabet, Sequences, SequencesLike, Strings
from ..sequences.coercion import columns_from, sets_of
from ..sequences.column_values import UnfitValue, cast
from ..sequences.columns import EVERY, Asked, Column, Columns, Fields
from ..sequences.foreign import table_of
from ..sequences.ids import IdIndex, hash_ids
from ..sequences.readers.metadata import Metadata, read_metadata

ColumnsLike = Mapping[str, Iterable[object]] | Iterable[str]
"""Values by name, one a sequence; or names of those columns of a data frame that are kept."""
MetadataLike = Metadata | StrPath | object
"""A table with ids: a file, or a data frame."""
Note = Callable[[str], None]
_SHOWN = 5


def metadata_of(given: MetadataLike, asked: Asked = EVERY, id_column: str | None = None) -> Metadata:
    """The rows of a table. Raises ParameterError for what is none, and what reading a file raises."""
    if isinstance(given, Metadata):
        return given
    if isinstance(given, (str, os.PathLike)):
        return read_metadata(given, id_column=id_column, columns=asked)
    found = table_of(given, "metadata", id_column, asked)
    if found is None:
        raise ParameterError(f"metadata is a file or a data frame with ids, not {type(given).__name__}")
    ids, columns = found
    return Metadata.of(Strings.of(ids), columns, "metadata")


def asked_of(columns: ColumnsLike | None) -> Asked:
    """Which columns of a data frame are kept: those named, or all."""
    return EVERY if columns is None or isinstance(columns, Mapping) else Asked.of(columns)


def parts_of(
    references: SequencesLike | Iterable[Sequences],
    alphabet: Alphabet | str | None,
    columns: ColumnsLike | None,
    metadata: MetadataLike | None,
    note: Note,
) -> tuple[Iterable[Sequences], Sequences]:
    """The sets that references are, as they come, with what stands beside them; and the first of them, without.

    Raises what `sets_of` raises, and `MismatchError` for columns or a table that do not fit.
    """
    parts: Iterable[Sequences]
    parts, first = sets_of(references, "references", alphabet, note, asked_of(columns))
    if isinstance(columns, Mapping):
        parts = with_columns(parts, columns)
    return (parts if metadata is None else Joining(metadata_of(metadata)).all_joined(parts, note)), first


def with_columns(parts: Iterable[Sequences], columns: Mapping[str, Iterable[object]]) -> Iterator[Sequences]:
    """The sets that come with the values that are theirs, one a sequence in the order of all.

    Raises MismatchError for another number of values, as soon as it is known.
    """
    whole = columns_from(columns, None)
    if not whole:
        yield from parts
        return
    count, start = len(next(iter(whole.values()))), 0
    for part in parts:
        stop = start + len(part)
        if stop <= count:
            yield _beside(part, whole.window(start, stop), "columns")
        start = stop
    if start != count:
        name = next(iter(whole))
        raise MismatchError(f"column {name!r} has {count} values for {start} sequences")


class Joining:
    """Puts the rows of a table beside the sequences of their ids, and remembers what found no partner."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._index = IdIndex()
        self._index.add(hash_ids(metadata.ids), np.arange(len(metadata.ids)))
        self._met: BoolArray = np.zeros(len(metadata.ids), np.bool_)
        self._seen = self._lonely = 0
        self._names: list[str] = []

    def joined(self, part: Sequences) -> Sequences:
        """A set with the columns of the table; missing for ids that it does not have."""
        where, rows = self._index.find(hash_ids(part.ids))
        found: BoolArray = np.zeros(len(part), np.bool_)
        found[where] = True
        self._met[rows] = True
        self._seen += len(part)
        self._lonely += int(np.count_nonzero(~found))
        self._names += [part.ids[row] for row in np.flatnonzero(~found)[: _SHOWN - len(self._names)].tolist()]
        at = np.zeros(len(part), np.int64)
        at[where] = rows
        made = {}
        for name, column in self._metadata.columns.items():
            made[name] = _where(column, at, found) if found.any() else Column.blank(column.kind, len(part))
        return _beside(part, Columns(made), self._metadata.name)

    def all_joined(self, parts: Iterable[Sequences], note: Note) -> Iterator[Sequences]:
        """The sets that come; tells at the end what found no partner. Raises MismatchError where nothing did."""
        for part in parts:
            yield self.joined(part)
        if self._seen and not self._met.any():
            raise MismatchError(
                f"{self._metadata.name}: none of its {len(self._met):,} ids is that of a sequence: "
                f"{_few(self._metadata.ids)} here, {', '.join(map(repr, self._names[:2]))} there"
            )
        self.tell(note)

    def tell(self, note: Note) -> None:
        """What found no partner, counted and named."""
        name = self._metadata.name
        if self._lonely:
            some = _names(self._names, self._lonely)
            note(f"{name}: {self._lonely:,} of {self._seen:,} sequences have no row in it: {some}")
        unused = np.flatnonzero(~self._met)
        if len(unused):
            some = _names([self._metadata.ids[row] for row in unused[:_SHOWN].tolist()], len(unused))
            note(f"{name}: {len(unused):,} of {len(self._met):,} rows are of no sequence: {some}")


def _where(column: Column, rows: AnyArray, found: BoolArray) -> Column:
    taken = column.take(rows)
    if found.all():
        return taken
    blank = Column.blank(column.kind, len(rows))
    both = Column.concatenate([taken, blank])
    return both.take(np.where(found, np.arange(len(rows)), len(rows) + np.arange(len(rows))))


def _few(ids: Strings) -> str:
    return ", ".join(repr(ids[row]) for row in range(min(2, len(ids))))


def _names(some: list[str], count: int) -> str:
    return ", ".join(some) + (", ..." if count > len(some) else "")


def _beside(part: Sequences, columns: Columns, what: str) -> Sequences:
    """A set with more columns. Raises ParameterError for a name that it has already."""
    for name in columns:
        if name in part.columns:
            raise ParameterError(f"{what}: the sequences have a column {name!r} already")
    return part.beside(Columns({**part.columns, **columns}) if part.columns else columns)


# -- changing an index ------------------------------------------------------------------------------------------------


def brought(sequences: Sequences, columns: ColumnsLike | None, metadata: MetadataLike | None, note: Note) -> Sequences:
    """A set with what is given beside it."""
    if isinstance(columns, Mapping):
        sequences = _beside(sequences, columns_from(columns, len(sequences)), "columns")
    if metadata is not None:
        joining = Joining(metadata_of(metadata))
        sequences = joining.joined(sequences)
        joining.tell(note)
    return sequences


def fitted(sequences: Sequences, fields: Fields, note: Note) -> Sequences:
    """A set with its columns as an index has them, of its kinds; those it has not are left out, with a note.

    Raises InputError for a value that is not of the kind.
    """
    if not sequences.columns:
        return sequences
    kinds = dict(fields)
    foreign = [name for name in sequences.columns if name not in kinds]
    if foreign:
        there = f"it has {', '.join(kinds)}" if kinds else "it has none"
        note(f"left out, for the index has no such column ({there}): {', '.join(foreign)}")
    lacking = [name for name in kinds if name not in sequences.columns]
    if lacking:
        note(f"the sequences have no column {', '.join(lacking)}")
    made = {}
    for name in kinds:
        if name in sequences.columns:
            try:
                made[name] = cast(sequences.columns[name], kinds[name])
            except UnfitValue as unfit:
                error = unfit.error(name, inferred=False)
                error.record, error.record_id = unfit.row + 1, sequences.ids[unfit.row]
                raise error from None
    return sequences.beside(Columns(made))


def kept(sequences: Sequences, stored: Columns, rows: AnyArray) -> Sequences:
    """A set that takes the place of the rows of an index: columns that it has not keep their values."""
    others = {name: stored.select(name, rows) for name in stored if name not in sequences.columns}
    return sequences.beside(Columns({**others, **sequences.columns})) if others else sequences
