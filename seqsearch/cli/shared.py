"""Small helpers that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from ..arrays import JSON, AnyArray
    from ..distributed import ShardedIndex
    from ..encoders.model import Model
    from ..encoders.vector_rows import VectorRows
    from ..search import SequenceIndex
    from ..sequences import Sequences
    from .options import Beside, Reading


def change(
    index: SequenceIndex | ShardedIndex,
    path: str,
    reading: Reading,
    beside: Beside,
    apply: Callable[[Sequences, VectorRows | None], None],
    *,
    known: bool,
    vectors: str | None = None,
) -> int:
    """`apply` every batch of the file at `path` to `index`; what goes wrong names the file. The number of sequences.

    `vectors`: an .npy file with a row of each, which `apply` is given too; `known`: the ids have to be those of stored
    sequences, or none of them; where wrong records are skipped, others are left out and counted on stderr.
    """
    from ..errors import InputError, UnknownIdError
    from ..search.metadata import Joining
    from ..sequences.columns import Asked
    from ..sequences.strings import Counted

    table = beside.table()
    joining = None if table is None else Joining(table)
    named = beside.asked()
    asked = Asked(tuple(index.columns.items()), must=False) if named is None else named
    seen = done = 0
    source = reading.suiting(index.alphabet_name).with_vectors(path, vectors, "--vectors", columns=asked)
    for whole, rows in source:
        part = whole if joining is None else joining.joined(whole)
        counts = not known and isinstance(part.ids, Counted)  # numbers of lines, which are counted on
        fitting = part[(index.holds(part.ids) == known).nonzero()[0]] if reading.skips and not counts else part
        try:
            apply(fitting, rows)
        except InputError as error:
            if error.path is not None and rows is not None and error.path == rows.name:
                raise
            error.path = path
            error.record = None if reading.skips or error.record is None else error.record + seen
            raise
        except UnknownIdError as error:
            raise UnknownIdError(f"{path}: {error}") from None
        seen, done = seen + len(part), done + len(fitting)
    if joining is not None:
        joining.tell(lambda text: click.echo(text, err=True))
    if seen > done:
        why = "no such id is in the index" if known else "their ids are in the index already"
        click.echo(f"{path}: {seen - done:,} skipped: {why}", err=True)
    return done


def model_of(path: str) -> Model:
    """The model of a file, or of the index in a folder."""
    if Path(path).is_dir():
        from ..search import SequenceIndex

        with SequenceIndex.open(path) as index:
            return index.model
    from ..encoders.model_file import load_model

    return load_model(path)


def write_text(path: str, text: str) -> None:
    """Write a file in one step; "-" is standard output. Raises InputError, StorageFullError."""
    from ..files import atomic_write, write_errors

    if path == "-":
        click.echo(text, nl=False)
        return
    with write_errors(path), atomic_write(path, text=True) as file:
        file.write(text)


def shown(value: object) -> str:
    """A fact as people read it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items()) or "-"
    return "-" if value is None else str(value)


def curve(points: Sequence[JSON]) -> str:
    """The points of a calibration as a table."""
    effort = "lists" if any(p.get("lists") is not None for p in points) else "ef"
    narrowed = any(p.get("kept") for p in points)
    heading = f"{'k':>5} {'candidates':>11} {effort:>6}" + f" {'compared':>9}" * narrowed
    lines = [f"{heading} {'recall':>8} {'at least':>9}"]
    for p in points:
        spent, kept = "-" if p.get(effort) is None else p[effort], p.get("kept") or [p["candidates"]]
        told = f"{p['k']:>5} {p['candidates']:>11} {spent:>6}" + f" {kept[-1]:>9}" * narrowed
        lines.append(f"{told} {p['recall']:>8.4f} {p['lower']:>9.4f}")
    return "\n".join(lines)


def plain_numbers(distances: AnyArray) -> list[int | float]:
    """Distances without a needless fraction: edit distances are whole numbers."""
    finite = abs(distances) < 2**53
    if finite.all() and (distances == distances.astype("int64")).all():
        whole: list[int | float] = distances.astype("int64").tolist()
        return whole
    return [int(value) if value.is_integer() else value for value in distances.tolist()]


def show_rows(rows: Sequence[Mapping[str, object]], output_format: str, table: Callable[[], Table]) -> None:
    """Print rows as JSON lines or TSV, or a table of them for people."""
    from ..evaluation.rows import as_json_lines, as_tsv

    if output_format != "table":
        click.echo(as_json_lines(rows) if output_format == "json" else as_tsv(rows), nl=False)
        return
    from rich.console import Console

    screen = Console()
    (screen if screen.is_terminal else Console(width=200)).print(table())  # a file has no edge to be wrapped at


def header_text(names: Iterable[str], output_format: str) -> str:
    """The first line of a table, "" for JSON."""
    return "\t".join(names) + "\n" if output_format == "tsv" else ""


def rows_text(columns: Mapping[str, Sequence[object]], output_format: str) -> str:
    """The rows of a table, given by columns: tab-separated, or one JSON object a line, in which what is no number (nan,
    inf) is null."""
    if output_format == "json":
        import json

        rows = zip(*map(_finite, columns.values()), strict=True)
        return "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)
    return "".join("\t".join(row) + "\n" for row in zip(*map(_fields, columns.values()), strict=True))


def _finite(values: Sequence[object]) -> list[object]:
    return [None if isinstance(value, float) and not isfinite(value) else value for value in values]


def _fields(values: Sequence[object]) -> Iterable[str]:
    """As texts without what would end a field or a line."""
    texts = list(map(str, values))
    if not any(mark in "".join(texts) for mark in "\t\r\n"):
        return texts
    return [text.replace("\t", " ").replace("\r", " ").replace("\n", " ") for text in texts]
