"""CSV and TSV with a header line."""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import ParseError
from .batches import TextBatch, column, numbered
from .intake import Intake
from .lines import decoded_lines
from .opening import Source
from .options import Options

SEQUENCE_NAMES = ("sequence", "seq", "text", "string", "sentence", "tokens")
ID_NAMES = ("id", "name", "accession", "identifier", "key")
LABEL_NAMES = ("label", "class", "category", "target", "y")
DESCRIPTION_NAMES = ("description", "desc", "comment")


class _Rows(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __next__(self) -> list[str]: ...


Row = tuple[int, int, list[str]]  # record number, line of its end, fields


@dataclass(frozen=True)
class _Picked:
    """Positions of the columns that are used; None where there is none."""

    width: int
    sequence: int
    id: int | None
    label: int | None
    description: int | None


def read_csv(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of a comma-separated table; a field in double quotes may hold commas and line breaks (RFC 4180)."""
    return _read_table(source, options, intake, csv.reader(decoded_lines(source), strict=True))


def read_tsv(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of a tab-separated table; a double quote is a character like any other (IANA)."""
    reader = csv.reader(decoded_lines(source), delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
    return _read_table(source, options, intake, reader)


def _read_table(source: Source, options: Options, intake: Intake, reader: _Rows) -> Iterator[TextBatch]:
    header = next(_guarded(reader, source.name), None)
    if header is None:
        return
    picked = _pick(header, options, source.name)
    rows = _whole_rows(reader, picked, source.name, intake)
    while batch := list(itertools.islice(rows, options.size)):
        yield _batch_of(batch, picked)


def _guarded(reader: _Rows, name: str) -> Iterator[list[str]]:
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


def _whole_rows(reader: _Rows, picked: _Picked, name: str, intake: Intake) -> Iterator[Row]:
    """Rows of the width of the header; others are rejected. An empty line is no row."""
    number = 0
    for fields in _guarded(reader, name):
        if not fields:
            continue
        number += 1
        if len(fields) == picked.width:
            yield number, reader.line_num, fields
            continue
        problem = f"the row has {len(fields)} fields, the header {picked.width}"
        intake.skip_unread(ParseError(problem, path=name, line=reader.line_num, record=number))


def _batch_of(rows: list[Row], picked: _Picked) -> TextBatch:
    numbers, lines, fields = zip(*rows, strict=True)
    columns = list(zip(*fields, strict=True))

    def texts(position: int | None) -> list[str] | None:
        return None if position is None else list(columns[position])

    sequences = list(columns[picked.sequence])
    ids, labels, descriptions = texts(picked.id), texts(picked.label), texts(picked.description)
    line_of: Callable[[int], int] = lines.__getitem__
    return TextBatch(
        numbered(numbers) if ids is None else column(ids),
        np.fromiter(map(len, sequences), np.int64, len(sequences)),
        np.array(numbers, np.int64),
        None if labels is None else column(labels),
        None if descriptions is None else column(descriptions),
        line_of,
        text="".join(sequences),
    )


def _pick(header: list[str], options: Options, name: str) -> _Picked:
    """Find the columns by the names given, or by the usual ones."""

    def find(wanted: str | None, usual: tuple[str, ...], what: str) -> int | None:
        if wanted is not None:
            if wanted not in header:
                raise _no_column(f"there is no column {wanted!r}", header, name)
            return header.index(wanted)
        lowered = [title.strip().lower() for title in header]
        return next((lowered.index(title) for title in usual if title in lowered), None)

    sequence = find(options.sequence_column, SEQUENCE_NAMES, "sequence")
    if sequence is None and len(header) == 1:
        sequence = 0
    if sequence is None:
        raise _no_column("no column is known to hold the sequences; name it (sequence_column)", header, name)
    picked = _Picked(
        len(header),
        sequence,
        find(options.id_column, ID_NAMES, "id"),
        find(options.label_column, LABEL_NAMES, "label"),
        find(options.description_column, DESCRIPTION_NAMES, "description"),
    )
    # A table of names only: the one column is the sequence, not also its id
    return (
        picked
        if picked.id != sequence or options.id_column
        else _Picked(picked.width, sequence, None, picked.label, picked.description)
    )


def _no_column(problem: str, header: list[str], name: str) -> ParseError:
    shown = ", ".join(repr(title[:40]) for title in header[:50])
    return ParseError(f"{problem}; the columns are {shown}", path=name, line=1)
