"""The hits of a job in the formats of `seqsearch search`, made of lines of JSON as they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..arrays import JSON
from ..extras import FRAMES, imported
from ..files import replacing
from ..sequences.columns import spelled
from .problems import Problem

BLAST6 = (
    *("query", "target", "pident", "length", "mismatch", "gapopen"),
    *("qstart", "qend", "sstart", "send", "evalue", "bitscore"),
)
TYPES = {
    "tsv": "text/tab-separated-values; charset=utf-8",
    "blast6": "text/tab-separated-values; charset=utf-8",
    "json": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_LINES = 4096


def lines(path: Path, output_format: str, columns: Sequence[str]) -> Iterator[bytes]:
    """A result as text, some lines at a time. Raises Problem where it has no alignments and these are asked for."""
    if output_format == "json":
        yield from ((json.dumps({name: row[name] for name in columns}) + "\n").encode() for row in _rows(path))
        return
    if output_format == "tsv":
        yield ("\t".join(columns) + "\n").encode()
    some: list[str] = []
    for row in _rows(path):
        some.append("\t".join(_field(row[name]) for name in columns))
        if len(some) == _LINES:
            yield ("\n".join(some) + "\n").encode()
            some.clear()
    if some:
        yield ("\n".join(some) + "\n").encode()


def parquet(path: Path, columns: Sequence[str]) -> Path:
    """A result as a Parquet file beside it, made when first asked for. Raises MissingExtraError."""
    made = path.with_suffix(f".{'-'.join(columns)[:80]}.parquet")
    if made.is_file():
        return made
    arrow, module = imported("pyarrow", FRAMES), imported("pyarrow.parquet", FRAMES)
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    table = arrow.table({name: arrow.array([row[name] for row in rows]) for name in columns})
    with replacing(made) as temporary:
        module.write_table(table, temporary)
    return made


def shown_columns(summary: JSON, request: JSON, output_format: str) -> tuple[str, ...]:
    """The columns of a format. Raises Problem for blast6 of what has no alignments."""
    if output_format != "blast6":
        return (*request["shown"], *(("guarantee",) if output_format == "json" and request["usual"] else ()))
    if summary["hits"] and not set(BLAST6) <= set(summary["columns"]):
        raise Problem(422, "no_alignments", "blast6 is of alignments, which these hits have not")
    return BLAST6


def _rows(path: Path) -> Iterator[JSON]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _field(value: object) -> str:
    text = spelled(value)  # type: ignore[arg-type]  # of JSON
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
