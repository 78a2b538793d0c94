"""Hits as text: TSV, JSON lines, BLAST's tabular format, drawn alignments; or as Parquet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from io import TextIOWrapper
from math import nan
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from .mapping import FORMATS, mapping_text
from .shared import header_text, plain_numbers, rows_text

if TYPE_CHECKING:
    import pyarrow

    from ..arrays import IntArray
    from ..search import Alignments, Answers, HitTable
    from ..sequences import Sequences

PLAIN = ("query", "rank", "target", "distance")
PLACES = ("target_start", "target_end")
_ALIGNED = ("pident", "length", "mismatch", "gapopen", "qstart", "qend", "sstart", "send", "evalue", "bitscore")
PARQUET = "parquet"
PREFIX = "columns."
_TEXTS = ("query", "target", "cigar", "strand", "guarantee", "label", "description")
_FLOATS = ("distance", "identity", "coverage", "pident", "evalue", "bitscore")
BLAST6 = ("query", "target", *_ALIGNED)
_NO_HIT: dict[str, object] = dict.fromkeys(_ALIGNED, 0) | {"pident": "0.0", "evalue": -1, "rank": 0, "distance": nan}
"""What stands in the columns of a query without a hit, as vsearch writes it; "*" in all others."""

COMPRESSIONS = ("gz", "bz2", "xz", "zst")


class HitColumns:
    """A batch of hits of `queries`, a column at a time.

    The paths are looked for when a column needs them. Raises ParameterError for those of series.
    """

    def __init__(self, answers: Answers, table: HitTable, queries: Sequences, every_query: bool = False) -> None:
        """`every_query`: queries without a hit have a line, too."""
        self.answers = answers
        self.table = table
        self.queries = queries
        self.targets = answers.targets
        self.every_query = every_query

    @cached_property
    def matched(self) -> IntArray:
        """The queries that have a hit."""
        import numpy as np

        return np.unique(self.table.owners)

    @cached_property
    def paths(self) -> Alignments:
        return self.answers.align(self.queries, self.table)

    @property
    def aligns_parts(self) -> bool:
        """Whether paths need not go from end to end."""
        return self.answers.how.aligner is not None

    def spans(self, target: bool) -> list[tuple[int, int]]:
        """First and last symbol, from 1, of the query or the target. On the minus strand that of the target is turned
        round and that of the query counted from its other end, as BLAST does.
        """
        minus = self.table.minus.tolist()
        if target:
            return [
                path.target_span[::-1] if turned else path.target_span
                for path, turned in zip(self.paths, minus, strict=True)
            ]
        ends = (self.queries.lengths[self.table.owners] + 1).tolist()
        own = [path.query_span for path in self.paths]
        return [
            (end - last, end - first) if turned else (first, last)
            for (first, last), turned, end in zip(own, minus, ends, strict=True)
        ]

    @cached_property
    def spans_in_targets(self) -> tuple[IntArray, IntArray]:
        """Where the parts of the targets that were compared begin and end, as slices."""
        return self.answers.parts_of(self.queries, self.table)

    def statistics(self) -> tuple[Sequence[object], Sequence[object]]:
        """E-values and bit scores; -1 and 0 where none are known."""
        unknown: tuple[Sequence[object], Sequence[object]] = ([-1] * len(self.table), [0] * len(self.table))
        if self.answers.how.aligner is None or not len(self.table):
            return unknown
        known = self.paths.statistics
        if known is None:
            return unknown
        values, bits = known
        return [float(f"{value:.3g}") for value in values], [round(float(each), 1) for each in bits]

    def columns(self, names: Sequence[str], output_format: str = PARQUET) -> dict[str, Sequence[object]]:
        """Columns by name, of one value a hit, as a format shows them."""
        return {name: COLUMNS[name](self) if name in COLUMNS else self._stored(name, output_format) for name in names}

    def _stored(self, name: str, output_format: str) -> Sequence[object]:
        """A column of the index: texts, in JSON numbers, lists and null as well, in Parquet dates too."""
        beside = self.targets.columns
        column = beside.select(name if name in beside else name.removeprefix(PREFIX), self.table.rows)
        if output_format == "tsv":
            return column.spelled()
        values = column.tolist()
        from ..sequences.columns import spelled

        dates = output_format == "json" and column.kind in ("date", "datetime")
        return [spelled(value) if dates and value is not None else value for value in values]


def _of_queries(hits: HitColumns, values: Sequence[object]) -> list[object]:
    """A value of each query, for its hits."""
    return [values[owner] for owner in hits.table.owners.tolist()]


def _ends(hits: HitColumns, first: bool) -> list[int]:
    """Where the target begins or ends; turned round on the minus strand, as BLAST does."""
    lengths = hits.targets.lengths_of(hits.table.rows).tolist()
    minus = hits.table.minus.tolist()
    return [1 if first != turned else length for length, turned in zip(lengths, minus, strict=True)]


COLUMNS: dict[str, Callable[[HitColumns], Sequence[object]]] = {
    "query": lambda hits: _of_queries(hits, list(hits.answers.queries)),
    "rank": lambda hits: hits.table.ranks.tolist(),
    "target": lambda hits: list(hits.answers.stored.take(hits.table.rows)),
    "distance": lambda hits: plain_numbers(hits.table.distances),
    "identity": lambda hits: [round(path.identity, 4) for path in hits.paths],
    "cigar": lambda hits: [path.cigar for path in hits.paths],
    "strand": lambda hits: ["-" if minus else "+" for minus in hits.table.minus.tolist()],
    "guarantee": lambda hits: hits.answers.guarantee[hits.table.owners].tolist(),
    "label": lambda hits: list(hits.targets.labels.take(hits.table.rows)),
    "description": lambda hits: list(hits.targets.descriptions.take(hits.table.rows)),
    "query_length": lambda hits: hits.queries.lengths[hits.table.owners].tolist(),
    "target_length": lambda hits: hits.targets.lengths_of(hits.table.rows).tolist(),
    "coverage": lambda hits: [round(share, 4) for share in hits.paths.coverages.tolist()],
    "target_start": lambda hits: (hits.spans_in_targets[0] + 1).tolist(),
    "target_end": lambda hits: hits.spans_in_targets[1].tolist(),
    "matches": lambda hits: [path.count("=") for path in hits.paths],
    "pident": lambda hits: [f"{100 * path.identity:.3f}" for path in hits.paths],
    "length": lambda hits: [path.columns for path in hits.paths],
    "mismatch": lambda hits: [path.count("X") for path in hits.paths],
    "gapopen": lambda hits: [path.gap_openings for path in hits.paths],
    "qstart": lambda hits: [first for first, _ in hits.spans(False)] if hits.aligns_parts else [1] * len(hits.table),
    "qend": lambda hits: (
        [last for _, last in hits.spans(False)]
        if hits.aligns_parts
        else hits.queries.lengths[hits.table.owners].tolist()
    ),
    "sstart": lambda hits: [first for first, _ in hits.spans(True)] if hits.aligns_parts else _ends(hits, True),
    "send": lambda hits: [last for _, last in hits.spans(True)] if hits.aligns_parts else _ends(hits, False),
    "score": lambda hits: hits.paths.scores.tolist(),
    "evalue": lambda hits: hits.statistics()[0],
    "bitscore": lambda hits: hits.statistics()[1],
}


def columns_of(
    asked: str | None, output_format: str, strand: str, partial: bool = False, stored: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The names of the columns; `partial`: parts of targets are compared; `stored`: names and kinds of the columns of
    the index, None where they are not known yet. Raises a usage error for one there is not."""
    if output_format in ("blast6", *FORMATS):
        if asked is not None:
            raise click.UsageError(f"--columns means nothing for --format {output_format}, which has its own")
        return BLAST6 if output_format == "blast6" else ()
    if asked is None:
        usual = PLAIN + PLACES * partial + ("strand",) * (strand == "both")
        return usual + ("guarantee",) * (output_format == "json")
    names = tuple(dict.fromkeys(name.strip() for name in asked.split(",")))
    if stored is None:
        return names
    known = {*COLUMNS, *stored, *(PREFIX + name for name in stored)}
    unknown = [name for name in names if name not in known]
    if unknown:
        own = f"; of the index: {', '.join(stored)}" if stored else ""
        raise click.BadParameter(
            f"no column {unknown[0]!r}: there are {', '.join(COLUMNS)}{own}", param_hint="--columns"
        )
    return names


def text_of(hits: HitColumns, columns: Sequence[str], output_format: str, drawn: bool) -> str:
    """The lines of a batch; `drawn`: every hit with its columns in one line and its alignment under it."""
    if output_format in FORMATS:
        return mapping_text(hits, output_format)
    named = hits.columns(columns, output_format)
    if not drawn:
        return rows_text(_with_no_hits(hits, named) if hits.every_query else named, output_format)
    parts = []
    for hit, row in enumerate(zip(*named.values(), strict=True)):
        facts = "  ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True))
        parts.append(f"# {facts}\n{hits.paths.drawn(hit)}\n\n")
    return "".join(parts)


def _with_no_hits(hits: HitColumns, named: Mapping[str, Sequence[object]]) -> dict[str, list[object]]:
    """The columns with a line for each query without a hit, where its hits would be."""
    import numpy as np

    lacking = np.setdiff1d(np.arange(len(hits.queries)), hits.matched)
    order = np.argsort(np.concatenate([hits.table.owners, lacking]), kind="stable").tolist()
    out: dict[str, list[object]] = {}
    for name, values in named.items():
        filler: list[object]
        if name == "query":
            filler = list(hits.queries.ids.take(lacking))
        elif name == "guarantee":  # that nothing is there, too, rests on something
            filler = hits.answers.guarantee[lacking].tolist()
        else:
            filler = [_NO_HIT.get(name, "*")] * len(lacking)
        both = [*values, *filler]
        out[name] = [both[at] for at in order]
    return out


@contextmanager
def written(
    into: str | None,
    columns: Sequence[str],
    output_format: str,
    drawn: bool = False,
    stored: Mapping[str, str] | None = None,
    header: bool = True,
    preface: str = "",
) -> Iterator[Callable[[HitColumns], None]]:
    """Write batches of hits to a file, which appears when all are written, or to standard output as they come.

    `header`: a line of names, where the format has one; `preface`: what comes before anything else.
    Raises a usage error for Parquet on a terminal, MissingExtraError without pyarrow, InputError for a path.
    """
    if output_format == PARQUET:
        with _binary(into) as file, _parquet(file, columns, stored or {}) as write:
            yield write
        return
    from ..files import atomic_write, write_errors

    with ExitStack() as stack:
        text: TextIO | None = None
        if into is not None and into != "-":
            stack.enter_context(write_errors(into))
            text = stack.enter_context(_text(into, stack.enter_context(atomic_write(into))))
        names = preface + (header_text(columns, output_format) if header and not drawn else "")

        def write(hits: HitColumns) -> None:
            nonlocal names
            click.echo(names + text_of(hits, columns, output_format, drawn), nl=False, file=text)
            names = ""

        yield write


@contextmanager
def _text(path: str, file: BinaryIO) -> Iterator[TextIO]:
    """A text file over an open one, compressed as the name of the path says."""
    ending = path.rpartition(".")[2].lower()
    if ending in COMPRESSIONS:
        from xopen import xopen

        with xopen(file, "wt", encoding="utf-8", threads=0, format=ending) as text:
            yield text
        return
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    yield text
    text.flush()
    text.detach()


@contextmanager
def _binary(into: str | None) -> Iterator[BinaryIO]:
    if into is not None and into != "-":
        from ..files import atomic_write, write_errors

        with write_errors(into), atomic_write(into) as file:
            yield file
        return
    if sys.stdout.isatty():
        raise click.UsageError("--format parquet is not for a terminal: say -o FILE, or pipe it into another program")
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def _parquet(
    file: BinaryIO, columns: Sequence[str], stored: Mapping[str, str]
) -> Iterator[Callable[[HitColumns], None]]:
    """A Parquet file of a row group a batch; the types are of the columns, whatever comes."""
    from ..extras import FRAMES, imported
    from ..search.exporting import arrow_types

    arrow, parquet = imported("pyarrow", FRAMES), imported("pyarrow.parquet", FRAMES)
    types = {name: arrow.float64() if name in _FLOATS else arrow.int64() for name in columns}
    types |= {name: arrow.string() for name in columns if name in _TEXTS}
    kinds = arrow_types()
    for name in columns:
        if name not in COLUMNS:
            types[name] = kinds[stored[name if name in stored else name.removeprefix(PREFIX)]]
    schema: pyarrow.Schema = arrow.schema(list(types.items()))
    with parquet.ParquetWriter(file, schema) as writer:

        def write(hits: HitColumns) -> None:
            values = dict(hits.columns(columns))
            if "distance" in values:
                values["distance"] = hits.table.distances.tolist()
            if "pident" in values:
                values["pident"] = [float(str(percent)) for percent in values["pident"]]
            writer.write_table(arrow.table(values, schema))

        yield write
