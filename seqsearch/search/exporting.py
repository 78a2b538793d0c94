"""Hits as data frames: of pandas, pyarrow or polars, none of which is imported before it is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import AnyArray
from ..errors import ParameterError
from ..extras import FRAMES, imported
from ..sequences.columns import Column, Columns, Value

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from .results import Answers

Values = AnyArray | list[str] | list[Value]
PREFIX = "columns."
"""Before the name of a column of the index, where hits have one of that name."""
_HITS = ("query", "rank", "target", "distance")
_PARTS = ("target_start", "target_end")
_PREVIEW = 10


class Exported:
    """What answers are as tables: a row a hit, the hits of a query one after the other, nearest first."""

    def columns(self, names: Iterable[str] | None = None) -> dict[str, Values]:
        """Columns by name, of one value a hit.

        `names`: of query, rank, target, distance, target_start and target_end (the first and the last symbol, from 1,
        of the part of the target that the distance is to), strand ("+" or "-"), row, guarantee (what the
        answer rests on: proved, group, marginal or none), label, description, sequence (its
        letters), of the path behind the distance, which is looked for then, identity and coverage (0 to 1) and cigar,
        of alignments under a substitution matrix score, evalue and bitscore as well, and, for a distance that knows
        one, confidence; and of the columns of the index, under their names, or
        columns.NAME where one of these has the same; None: the first four, the part where it need not be all, strand
        where both were searched, and confidence. Raises ParameterError for a column there is not, of paths where the
        distance has none, or these statistics are not known, or the answers were pickled.
        """
        answers: Answers = self  # type: ignore[assignment]  # a part of it
        chosen = answers.usual_columns if names is None else tuple(dict.fromkeys(names))
        known = {**stored_columns(answers.targets.columns), **COLUMNS, **answers.own_columns}
        if unknown := [name for name in chosen if name not in known]:
            raise ParameterError(f"hits have no column {unknown[0]!r}: choose one of {', '.join(known)}")
        return {name: known[name](answers) for name in chosen}

    def to_dicts(self, columns: Iterable[str] | None = None) -> list[dict[str, object]]:
        """A dictionary a hit; `columns`, and what is raised, as in `columns`."""
        made = {
            name: values if isinstance(values, list) else values.tolist()
            for name, values in self.columns(columns).items()
        }
        return [dict(zip(made, row, strict=True)) for row in zip(*made.values(), strict=True)]

    def to_pandas(self, columns: Iterable[str] | None = None) -> pandas.DataFrame:
        """A pandas data frame; `columns` as in `columns`. Raises MissingExtraError where pandas is not installed."""
        pandas = imported("pandas", FRAMES)
        return pandas.DataFrame({name: _of_pandas(values) for name, values in self.columns(columns).items()})

    def to_arrow(self, columns: Iterable[str] | None = None) -> pyarrow.Table:
        """An Arrow table; `columns` as in `columns`. Raises MissingExtraError where pyarrow is not installed."""
        return arrow_table(self.columns(columns))

    def to_polars(self, columns: Iterable[str] | None = None) -> polars.DataFrame:
        """A polars data frame; `columns` as in `columns`. Raises MissingExtraError where polars is not installed."""
        made: polars.DataFrame = imported("polars", FRAMES).DataFrame(self.columns(columns))
        return made


def arrow_table(columns: Mapping[str, Iterable[object]]) -> pyarrow.Table:
    """Columns as an Arrow table: lists as they are, no values as strings."""
    arrow = imported("pyarrow", FRAMES)
    made = {}
    for name, values in columns.items():
        listed = values if isinstance(values, np.ndarray) else list(values)
        made[name] = arrow.array(listed, arrow.string() if isinstance(listed, list) and not listed else None)
    return arrow.table(made)


def arrow_types() -> dict[str, pyarrow.DataType]:
    """The Arrow type of each kind of column of an index. Raises MissingExtraError where pyarrow is not installed."""
    arrow = imported("pyarrow", FRAMES)
    return {
        "int": arrow.int64(),
        "float": arrow.float64(),
        "bool": arrow.bool_(),
        "text": arrow.string(),
        "date": arrow.date32(),
        "datetime": arrow.timestamp("us"),
        "list": arrow.list_(arrow.string()),
    }


def stored_columns(columns: Columns) -> dict[str, Callable[[Answers], Values]]:
    """The columns of an index, under their names and with the prefix that tells them from those of hits."""

    def of(name: str) -> Callable[[Answers], Values]:
        return lambda answers: _values(answers.targets.columns.select(name, answers.table().rows))

    return {shown: of(name) for name in columns for shown in (name, f"{PREFIX}{name}")}


def _values(column: Column) -> Values:
    if column.kind in ("int", "float", "bool") and not column.missing.any():
        return column.numbers
    return column.tolist()


def _of_pandas(values: Values) -> object:
    """Whole numbers and truths with gaps as pandas keeps them, dates as its own."""
    first = None if isinstance(values, np.ndarray) else next((value for value in values if value is not None), None)
    if isinstance(first, dt.date):
        return np.array(values, "datetime64[us]")
    if isinstance(first, (bool, int)):
        kind = "boolean" if isinstance(first, bool) else "Int64"
        return imported("pandas", FRAMES).array(values, dtype=kind)
    return values


def _statistic(number: int) -> Callable[[Answers], Values]:
    """E-values or bit scores of alignments. Raises ParameterError where they are not known."""

    def of(answers: Answers) -> Values:
        found = answers.paths.statistics
        if found is None:
            raise ParameterError("no E-values and bit scores are known for these scores: local alignments have them")
        return found[number]

    return of


COLUMNS: dict[str, Callable[[Answers], Values]] = {
    "query": lambda answers: list(answers.queries.take(answers.table().owners)),
    "rank": lambda answers: answers.table().ranks,
    "target": lambda answers: list(answers.stored.take(answers.table().rows)),
    "distance": lambda answers: answers.table().distances,
    "target_start": lambda answers: answers.parts[0],
    "target_end": lambda answers: answers.parts[1],
    "strand": lambda answers: ["-" if minus else "+" for minus in answers.table().minus.tolist()],
    "row": lambda answers: answers.rows[answers.rows >= 0],
    "guarantee": lambda answers: answers.guarantee[answers.table().owners].tolist(),
    "label": lambda answers: list(answers.targets.labels.take(answers.table().rows)),
    "description": lambda answers: list(answers.targets.descriptions.take(answers.table().rows)),
    "sequence": lambda answers: answers.targets[answers.table().rows].texts(),
    "identity": lambda answers: np.array([path.identity for path in answers.paths], np.float64),
    "coverage": lambda answers: answers.paths.coverages,
    "cigar": lambda answers: [path.cigar for path in answers.paths],
    "score": lambda answers: answers.paths.scores,
    "evalue": _statistic(0),
    "bitscore": _statistic(1),
}


def usual(both_strands: bool, parts: bool = False) -> tuple[str, ...]:
    """The columns that are given when none are named; `parts`: distances are to parts of targets."""
    return _HITS + _PARTS * parts + ("strand",) * both_strands


def preview(answers: Answers) -> str:
    """The first hits as lines, for people."""
    table = answers.table()
    first = table.keep(np.arange(min(len(table), _PREVIEW)))
    lines = [["query", "rank", "target", "distance"]]
    for owner, rank, row, distance in zip(
        first.owners.tolist(), first.ranks.tolist(), first.rows.tolist(), first.distances.tolist(), strict=True
    ):
        lines.append([_short(answers.queries[owner]), str(rank), _short(answers.stored[row]), f"{distance:g}"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    more = len(table) - len(first)
    return "\n".join([*shown, *([f"... {more:,} more"] if more else [])])


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:27]}..."
