"""Reading tables of counts: tab- or comma-separated, and BIOM."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..errors import EmptyInputError, InputError, ParseError, StrPath
from ..extras import SAMPLES, imported
from ..sequences.readers.opening import Source, opened
from ..sequences.readers.table import extension_of
from ..sequences.readers.tables import Row, Table
from .table import SampleTable

Orientation = Literal["auto", "rows", "columns"]
LINEAGES = ("taxonomy", "consensus lineage", "consensuslineage")
"""Columns that QIIME and biom write behind the counts."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ENTRIES = 1 << 20  # counts that are gathered before they become arrays


def read_table(
    path: StrPath, *, samples: Orientation = "auto", is_feature: Callable[[Sequence[str]], int] | None = None
) -> SampleTable:
    """A table of counts: TSV or CSV, compressed or not, or BIOM (1 or 2; `pip install 'seqsearch[samples]'`).

    Text: a line of names, then a line for each feature (or sample) whose first field is its name. Lines before the
    names that begin with `# ` are passed over, the name of the first column says nothing and may be missing, and a
    column of lineages (`LINEAGES`) is left out. `samples`: whether they are the "columns" or the "rows"; "auto" asks
    `is_feature`, which tells how many of some names are features: without it, and where it knows none, they are the
    columns; BIOM says so itself. Memory is that of the counts above 0.

    Raises ParseError and InputError naming file, line, row, column and value; DuplicateIdError, EmptyInputError,
    MissingExtraError.
    """
    with opened(path) as source:
        head = source.head()
        if not head.strip():
            raise EmptyInputError("the file is empty", path=source.name)
        if head.startswith(_HDF5) or (head.lstrip().startswith(b"{") and b"Biological Observation Matrix" in head):
            return _of_biom(path, source)
        first = head.split(b"\n", 1)[0]
        separator = "," if extension_of(path) == ".csv" or (b"\t" not in head and b"," in first) else "\t"
        return _of_text(source, separator, samples, is_feature)


# -- text --------------------------------------------------------------------------------------------------------------


@dataclass
class _Entries:
    """Counts above 0 as they come, in arrays of some thousands."""

    rows: list[IntArray] = field(default_factory=list)
    columns: list[IntArray] = field(default_factory=list)
    values: list[DoubleArray] = field(default_factory=list)

    def add(self, row: int, counts: DoubleArray) -> None:
        there = np.flatnonzero(counts)
        self.rows.append(np.full(len(there), row, np.int64))
        self.columns.append(there)
        self.values.append(counts[there])

    def arrays(self) -> tuple[IntArray, IntArray, DoubleArray]:
        rows, columns = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (self.rows, self.columns))
        return rows, columns, np.concatenate([np.zeros(0), *self.values])


def _of_text(
    source: Source, separator: str, orientation: Orientation, is_feature: Callable[[Sequence[str]], int] | None
) -> SampleTable:
    table = _opened(source, separator)
    titles = [title.strip() for title in table.header[1:]]
    kept = [place for place, title in enumerate(titles) if title.lower() not in LINEAGES]
    names: list[str] = []
    entries = _Entries()
    for row in table.rows:
        if (error := table.wrong_width(row)) is not None:
            raise error
        counts = _counts(table, row, kept)
        entries.add(len(names), counts)
        names.append(row.fields[0].strip())
    if not names:
        raise EmptyInputError("the table has a line of names and no counts", path=source.name)
    columns = [titles[place] for place in kept]
    rows, places, values = entries.arrays()
    if orientation == "auto":
        told = (0, 0) if is_feature is None else (is_feature(columns), is_feature(names))
        orientation = "rows" if told[0] * len(names) > told[1] * len(columns) else "columns"
    if orientation == "rows":
        return SampleTable.of_entries(names, columns, rows, places, values, source.name)
    return SampleTable.of_entries(columns, names, places, rows, values, source.name)


def _opened(source: Source, separator: str) -> Table:
    """The table after lines that say where it came from."""
    table = Table.open(source, separator)
    while table is not None and table.header and table.header[0].startswith("# ") and len(table.header) == 1:
        following = next(table.rows, None)
        table = None if following is None else Table(table.name, following.fields, _counted_on(table.rows))
    if table is None:
        raise EmptyInputError("the file holds no table", path=source.name)
    first = next(table.rows, None)
    rows = table.rows if first is None else itertools.chain([first], table.rows)
    names = table.header
    if first is not None and len(first.fields) == len(names) + 1:  # as R writes them
        names = ["", *names]
    table = Table(table.name, names, rows)
    if len(table.header) < 2:
        problem = f"one column only, {table.header[0][:40]!r}: a table of counts has one of names and one a sample"
        raise ParseError(problem, path=source.name, line=1)
    return table


def _counted_on(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        yield row._replace(number=row.number - 1)


def _counts(table: Table, row: Row, kept: list[int]) -> DoubleArray:
    """The counts of a row. Raises InputError for the first that is none."""
    fields = [row.fields[place + 1] for place in kept]
    try:
        counts = np.array(fields, np.float64)
    except ValueError:
        counts = np.array([_number(text) for text in fields])
    wrong = np.flatnonzero(~(np.isfinite(counts) & (counts >= 0)))
    for at in wrong[:1].tolist():
        title = table.header[kept[at] + 1].strip()
        problem = f"column {title!r}: a count is a number, 0 or more, not {fields[at][:40]!r}"
        raise InputError(problem, path=table.name, line=row.line, record=row.number, record_id=row.fields[0][:60])
    return counts


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


# -- BIOM --------------------------------------------------------------------------------------------------------------


def _of_biom(path: StrPath, source: Source) -> SampleTable:
    """By biom-format, in which features are rows ("observations")."""
    biom = imported("biom", SAMPLES)
    try:
        table = biom.load_table(str(path))
    except Exception as error:  # whatever it raises over damaged files: TypeError, KeyError, OSError, ...
        raise ParseError(f"not a BIOM table: {error}", path=source.name) from None
    counts = table.matrix_data.tocoo()
    rows, columns = counts.row.astype(np.int64), counts.col.astype(np.int64)
    return SampleTable.of_entries(
        [str(name) for name in table.ids("sample")],
        [str(name) for name in table.ids("observation")],
        columns,
        rows,
        np.asarray(counts.data, np.float64),
        source.name,
    )
