"""Rows of data: what benchmarks and sweeps write, tables print and plots read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError, StrPath
from ..files import atomic_write, write_errors

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, object]
Rows = Iterable[Row] | Mapping[str, Iterable[object]]
"""Rows one by one, or the same in columns: name -> values."""


def as_json_lines(rows: Iterable[Row]) -> str:
    """One JSON object a line; what JSON has no number for, NaN and infinity, is null."""
    return "".join(json.dumps({name: _jsonable(value) for name, value in row.items()}) + "\n" for row in rows)


def as_tsv(rows: Sequence[Row]) -> str:
    """A header line and one line a row, six significant digits; a value that a row lacks is empty."""
    names = column_names(rows)
    lines = [names, *([_shown(row.get(name)) for name in names] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def as_table(rows: Sequence[Row], title: str | None = None) -> Table:
    """A table for a terminal: print it with `rich`."""
    from rich.table import Table

    table = Table(title=title)
    for name in column_names(rows):
        numeric = all(isinstance(row.get(name), (int, float, np.number, type(None))) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_shown(row.get(name)) for name in column_names(rows)))
    return table


def column_names(rows: Sequence[Row]) -> list[str]:
    """Every name that occurs, in the order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def write_rows(path: StrPath, rows: Iterable[Row]) -> None:
    """Write JSON lines. Raises InputError and StorageFullError."""
    with write_errors(path), atomic_write(path, text=True) as file:
        file.write(as_json_lines(rows))


def rows_of(rows: Rows, *, what: str) -> list[Row]:
    """Rows one by one. Raises ParameterError when `what` is given columns of different lengths."""
    if not isinstance(rows, Mapping):
        return list(rows)
    columns = {name: list(values) for name, values in rows.items()}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ParameterError(f"{what} needs columns of one length, not {lengths}")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def columns_of(rows: Rows, needed: Sequence[str], optional: Sequence[str] = (), *, what: str) -> dict[str, list[Any]]:
    """The columns `needed` and `optional` (None where a row lacks one) of rows that `what` is made from.

    Raises ParameterError naming the row and the column when something needed is missing.
    """
    listed = rows_of(rows, what=what)
    if not listed:
        raise ParameterError(f"{what} needs rows with {', '.join(needed)}: there are none")
    for number, row in enumerate(listed, start=1):
        for name in needed:
            if row.get(name) is None:
                has = ", ".join(row) or "nothing"
                raise ParameterError(
                    f"{what} needs rows with {', '.join(needed)}: row {number} has no {name}, but {has}"
                )
    return {name: [row.get(name) for row in listed] for name in (*needed, *optional)}


def _jsonable(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return str(value).replace("\t", " ").replace("\n", " ")
