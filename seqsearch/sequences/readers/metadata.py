"""Tables beside a file of sequences: ids, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import IntArray
from ...errors import DuplicateIdError, EmptyInputError, InputError, StrPath
from ...extras import FRAMES, imported
from ..columns import EVERY, Asked, Columns
from ..ids import hash_ids, rows_of_equal
from ..strings import Strings
from .beside import TextColumns, columns_of_arrow
from .columnar import is_arrow, is_parquet, open_table, strings_of_column
from .opening import Source, opened
from .table import extension_of
from .tables import ID_NAMES, Table

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Metadata:
    """The rows of a table: (n,) `ids`, each once, and columns of n values; `name`: of the table, for messages."""

    ids: Strings
    columns: Columns
    name: str

    @classmethod
    def of(cls, ids: Strings, columns: Columns, name: str) -> Metadata:
        """Raises DuplicateIdError for an id that comes twice, InputError for one that is empty."""
        for row in np.flatnonzero(np.diff(ids.offsets) == 0).tolist():
            raise InputError("the row has no id", path=name, record=row + 1)
        seen: set[str] = set()
        for row in rows_of_equal(hash_ids(ids)).tolist():
            if ids[row] in seen:
                raise DuplicateIdError("this id comes twice", path=name, record=row + 1, record_id=ids[row])
            seen.add(ids[row])
        return cls(ids, columns, name)

    def take(self, rows: IntArray) -> Metadata:
        """Some of the rows."""
        return Metadata(self.ids.take(rows), self.columns.take(rows), self.name)


def read_metadata(path: StrPath, *, id_column: str | None = None, columns: Asked = EVERY) -> Metadata:
    """A table of ids and columns: CSV, TSV, Parquet, Arrow, compressed or not; held in memory.

    `id_column`: None takes one with a usual name (id, name, accession, ...), otherwise the first. Raises ParseError,
    InputError naming file, line and value, DuplicateIdError, EmptyInputError.
    """
    with opened(path) as source:
        head = source.head()
        if not head:
            raise EmptyInputError("the file is empty", path=source.name)
        if is_parquet(head) or is_arrow(head):
            return _of_arrow(open_table(source), source.name, id_column, columns)
        first = head.split(b"\n", 1)[0]
        separator = "," if extension_of(path) == ".csv" or (b"\t" not in first and b"," in first) else "\t"
        return _of_text(source, separator, id_column, columns)


def _of_text(source: Source, separator: str, id_column: str | None, asked: Asked) -> Metadata:
    table = Table.open(source, separator)
    if table is None:
        raise EmptyInputError("the file holds no row", path=source.name)
    place = table.column(id_column, ID_NAMES) or 0
    beside = TextColumns(table.header, asked, [place], table.lacks)
    rows, lines = [], []
    for row in table.rows:
        if (error := table.wrong_width(row)) is not None:
            raise error
        rows.append(row.fields)
        lines.append(row.line)
    wrong: dict[int, InputError] = {}
    made = Metadata.of(Strings.of(row[place] for row in rows), beside.of(rows, wrong), source.name)
    _raise_first(wrong, made, lines)
    return made


def _of_arrow(table: pyarrow.Table, name: str, id_column: str | None, asked: Asked) -> Metadata:
    titles = list(table.column_names)
    header = Table(name, titles, iter(()))
    place = header.column(id_column, ID_NAMES) or 0
    wrong: dict[int, InputError] = {}
    columns = columns_of_arrow(table, asked.among(titles, [titles[place]], header.lacks), wrong)
    ids = table.column(titles[place])
    chunk = imported("pyarrow", FRAMES).chunked_array([*ids.chunks], ids.type).combine_chunks()
    made = Metadata.of(strings_of_column(chunk), columns, name)
    _raise_first(wrong, made, None)
    return made


def _raise_first(wrong: dict[int, InputError], made: Metadata, lines: list[int] | None) -> None:
    for row in sorted(wrong)[:1]:
        error = wrong[row]
        error.path, error.record, error.record_id = made.name, row + 1, made.ids[row]
        error.line = None if lines is None else lines[row]
        raise error
