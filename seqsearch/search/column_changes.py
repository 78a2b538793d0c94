"""New values for the columns of stored records, which stay what they are otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, IntArray
from ..errors import InputError, ParameterError
from ..sequences import Strings
from ..sequences.coercion import columns_from
from ..sequences.column_values import UnfitValue, cast
from ..sequences.columns import DTYPES, Column, Columns, Fields
from ..store import Store
from .metadata import MetadataLike, kept, metadata_of

ColumnValues = Mapping[str, Mapping[str, object]] | MetadataLike
"""Values by id and name, {"id7": {"year": 2020}}; or a table with ids: a file, or a data frame."""


@dataclass(frozen=True)
class ColumnChanges:
    """(m,) `ids`, and `columns` of m new values, of which those count that are `given`, (m,) of each column."""

    ids: Strings
    columns: Columns
    given: Mapping[str, BoolArray]
    name: str

    @classmethod
    def of(cls, values: ColumnValues) -> ColumnChanges:
        """Of a table every value counts, those that are missing too. Raises ParameterError for what is none, and what
        reading a table raises."""
        if isinstance(values, Mapping):
            return cls._by_id(values)
        table = metadata_of(values)
        if not table.columns:
            raise ParameterError(f"{table.name}: there is no column beside the ids")
        every: BoolArray = np.ones(len(table.ids), np.bool_)
        return cls(table.ids, table.columns, dict.fromkeys(table.columns, every), table.name)

    @classmethod
    def _by_id(cls, values: Mapping[str, Mapping[str, object]]) -> ColumnChanges:
        for id, row in values.items():
            if not isinstance(id, str) or not isinstance(row, Mapping):
                wanted = 'values by id and name, {"id7": {"year": 2020}}, or a table with ids'
                raise ParameterError(f"values are {wanted}: of {id!r} they are {row!r}")
        ids, rows = list(values), list(values.values())
        columns: dict[str, Column] = {}
        given: dict[str, BoolArray] = {}
        for field in dict.fromkeys(name for row in rows for name in row):
            try:
                made = columns_from({field: [row.get(field) for row in rows]}, len(rows))
            except InputError as error:
                error.path, error.record_id = "values", ids[(error.record or 1) - 1]
                raise
            for name, column in made.items():
                columns[name], given[name] = column, np.array([field in row for row in rows], np.bool_)
        return cls(Strings.of(ids), Columns(columns), given, "values")

    def put(self, writer: Store, *, new: bool) -> int:
        """Write the records whose values differ anew, with the vectors they have, in one transaction; how many.

        `new`: columns that the index has not are made. Raises UnknownIdError, ParameterError for a column that is not
        there, InputError for a value that is not of its kind.
        """
        rows, stored = writer.rows_of(self.ids), writer.columns()
        self._require_columns(stored.fields, new)
        columns, differs = self._over(stored, rows)
        some = np.flatnonzero(differs)
        some = some[np.argsort(rows[some])]
        if not len(some):
            return 0
        old = rows[some]
        changed = writer.sequences(old).beside(columns.take(some))
        vectors = writer.vectors(old) if writer.has_vectors else None
        writer.update(kept(changed, stored, old), vectors, new_columns=new)
        return len(some)

    def _require_columns(self, fields: Fields, new: bool) -> None:
        known = [name for name, _ in fields]
        lacking = [name for name in self.columns if name not in known]
        if lacking and not new:
            there = f"it has {', '.join(known)}" if known else "it has none"
            made = "new=True (--new-columns) makes one"
            raise ParameterError(f"{self.name}: the index has no column {lacking[0]!r} ({there}): {made}")

    def _over(self, stored: Columns, rows: IntArray) -> tuple[Columns, BoolArray]:
        """(m,) values with what is stored where none is given, of the kinds of the index; and which rows differ."""
        made: dict[str, Column] = {}
        differs: BoolArray = np.zeros(len(rows), np.bool_)
        for name, column in self.columns.items():
            before = stored.select(name, rows) if name in stored else Column.blank(column.kind, len(rows))
            after = _chosen(self._cast(name, column, before.kind), before, self.given[name])
            differs |= _unequal(after, before)
            made[name] = after
        return Columns(made), differs

    def _cast(self, name: str, column: Column, kind: str) -> Column:
        try:
            return Column.blank(kind, len(column)) if column.missing.all() else cast(column, kind)
        except UnfitValue as unfit:
            error = unfit.error(name, inferred=False)
            error.path, error.record, error.record_id = self.name, unfit.row + 1, self.ids[unfit.row]
            raise error from None


def _chosen(new: Column, old: Column, given: BoolArray) -> Column:
    """(m,) the new value where it is given, else the old one."""
    if given.all():
        return new
    places = np.arange(len(given))
    return Column.concatenate([new, old]).take(np.where(given, places, len(given) + places))


def _unequal(some: Column, others: Column) -> BoolArray:
    """(m,) where two columns of one kind differ."""
    if some.kind in DTYPES:
        unlike = (some.numbers != others.numbers) & ~(some.missing & others.missing)
        return np.asarray(unlike | (some.missing != others.missing))
    pairs = zip(some.tolist(), others.tolist(), strict=True)
    return np.fromiter((one != other for one, other in pairs), np.bool_, len(some))
