"""CSV and TSV with a header line."""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ...errors import InputError, ParseError
from ..strings import Strings
from .batches import TextBatch, numbered
from .beside import TextColumns
from .intake import Intake
from .lines import decoded_lines, first_lines
from .opening import Source
from .options import Options

SEQUENCE_NAMES = ("sequence", "seq", "text", "string", "sentence", "tokens")
ID_NAMES = ("id", "name", "accession", "identifier", "key")
LABEL_NAMES = ("label", "class", "category", "target", "y")
DESCRIPTION_NAMES = ("description", "desc", "comment")


class Row(NamedTuple):
    """A row that is not empty: its number from 1, the line on which it ends, its fields."""

    number: int
    line: int
    fields: list[str]


@dataclass(frozen=True)
class Table:
    """The header of a table and the rows after it, to be taken once; the first row that breaks off is a ParseError."""

    name: str
    header: list[str]
    rows: Iterator[Row]

    @classmethod
    def open(cls, source: Source, separator: str) -> Table | None:
        """None for a file without a line.

        Between commas a field in double quotes may hold commas and line breaks (RFC 4180); between tabs a double quote
        is a character like any other (IANA).
        """
        lines = decoded_lines(source)
        if separator == ",":
            reader: _Reader = csv.reader(lines, strict=True)
        else:
            reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE, quotechar=None)
        rows = _guarded(reader, source.name)
        header = next(rows, None)
        return None if header is None else cls(source.name, header, _numbered(rows, reader))

    def column(self, wanted: str | None, usual: tuple[str, ...]) -> int | None:
        """The place of the column `wanted`, otherwise of the first usual name that is there. Raises ParseError."""
        titles = [title.strip().lower() for title in self.header]
        if wanted is None:
            return next((titles.index(title) for title in usual if title in titles), None)
        if wanted in self.header:
            return self.header.index(wanted)
        if wanted.strip().lower() not in titles:
            raise self.lacks(f"there is no column {wanted!r}")
        return titles.index(wanted.strip().lower())

    def sequence_column(self, wanted: str | None) -> int:
        """The place of the sequences: a lone column needs no name. Raises ParseError."""
        found = self.column(wanted, SEQUENCE_NAMES)
        if found is None and len(self.header) > 1:
            raise self.lacks("no column is known to hold the sequences; name it (sequence_column)")
        return found or 0

    def lacks(self, problem: str) -> ParseError:
        shown = ", ".join(repr(title[:40]) for title in self.header[:50])
        return ParseError(f"{problem}; the columns are {shown}", path=self.name, line=1)

    def wrong_width(self, row: Row) -> ParseError | None:
        """The error of a row that has not as many fields as the header."""
        if len(row.fields) == len(self.header):
            return None
        problem = f"the row has {len(row.fields)} fields, the header {len(self.header)}"
        return ParseError(problem, path=self.name, line=row.line, record=row.number)


class _Reader(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __next__(self) -> list[str]: ...


def _guarded(reader: _Reader, name: str) -> Iterator[list[str]]:
    """The rows of `reader`, its errors made ours. Fields may be of any length."""
    while True:
        # The limit is one for the process and made against hostile input of 128 KiB; a chromosome is longer.
        before = csv.field_size_limit(sys.maxsize)
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ParseError(f"not a well-formed table: {error}", path=name, line=reader.line_num) from None
        finally:
            csv.field_size_limit(before)
        yield row


def _numbered(rows: Iterator[list[str]], reader: _Reader) -> Iterator[Row]:
    number = 0
    for fields in rows:
        if fields:
            number += 1
            yield Row(number, reader.line_num, fields)


def read_csv(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of a comma-separated table."""
    return _read_table(Table.open(source, ","), options, intake)


def read_tsv(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of a tab-separated table."""
    return _read_table(Table.open(source, "\t"), options, intake)


def is_csv(head: bytes) -> bool:
    """Whether the first line has several titles between commas, one of them a usual name of sequences."""
    return _has_titles(head, b",")


def is_tsv(head: bytes) -> bool:
    """The same between tabs."""
    return _has_titles(head, b"\t")


def _has_titles(head: bytes, separator: bytes) -> bool:
    fields = first_lines(head)[0].strip().split(separator)
    titles = [title.strip(b' "').lower().decode("utf-8", "replace") for title in fields]
    return len(titles) > 1 and any(title in SEQUENCE_NAMES for title in titles)


def _read_table(table: Table | None, options: Options, intake: Intake) -> Iterator[TextBatch]:
    if table is None:
        return
    sequence = table.sequence_column(options.sequence_column)
    ids = table.column(options.id_column, ID_NAMES)
    if ids == sequence and not options.id_column:
        ids = None  # a table of names only: the one column is the sequence, not also its id
    places = (
        sequence,
        ids,
        table.column(options.label_column, LABEL_NAMES),
        table.column(options.description_column, DESCRIPTION_NAMES),
    )
    beside = TextColumns(table.header, options.columns, places, table.lacks)
    rows = _whole_rows(table, intake)
    while batch := list(itertools.islice(rows, options.size)):
        yield _batch_of(batch, beside, *places)


def _whole_rows(table: Table, intake: Intake) -> Iterator[Row]:
    """Rows of the width of the header; others are rejected."""
    for row in table.rows:
        if (error := table.wrong_width(row)) is None:
            yield row
        else:
            intake.skip_unread(error)


def _batch_of(
    rows: list[Row], beside: TextColumns, sequence: int, id: int | None, label: int | None, description: int | None
) -> TextBatch:
    numbers = np.array([row.number for row in rows])
    sequences = [row.fields[sequence] for row in rows]

    def texts(place: int | None) -> Strings | None:
        return None if place is None else Strings.of([row.fields[place] for row in rows])

    line_of: Callable[[int], int] = [row.line for row in rows].__getitem__
    wrong: dict[int, InputError] = {}
    columns = beside.of([row.fields for row in rows], wrong)
    return TextBatch(
        texts(id) or numbered(numbers),
        np.fromiter(map(len, sequences), np.int64, len(sequences)),
        numbers,
        texts(label),
        texts(description),
        columns,
        wrong,
        line_of,
        text="".join(sequences),
    )
