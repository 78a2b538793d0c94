"""Answers as JSON: a hit is an object with the names that `seqsearch search` gives its columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray
from ..errors import ParameterError
from ..search import Answers, RangeResults, Results
from ..search.guarantees import NONE
from ..sequences import Sequence as Record
from ..sequences.columns import spelled

if TYPE_CHECKING:
    from ..search.exporting import Values

ALIGNED = ("identity", "coverage", "cigar", "target_start", "target_end", "strand")
_PLAIN = ("rank", "target", "distance")


def results_json(parts: Sequence[Answers], columns: Sequence[str] | None, alignment: bool) -> list[JSON]:
    """An object a query, in order: `query`, `guarantee`, `hits`; of a series `alignment` says nothing."""
    return [result for part in parts for result in _part(part, columns, alignment)]


def _part(found: Answers, columns: Sequence[str] | None, alignment: bool) -> list[JSON]:
    table = found.table()
    made: dict[str, list[object]] = {"rank": table.ranks.tolist(), "target": list(found.stored.take(table.rows))}
    made["distance"] = numbers(table.distances)
    wanted = list(columns or ())
    if not wanted:
        wanted = [name for name in found.usual_columns if name not in (*_PLAIN, "query")]
        wanted.append("label")
        if alignment and aligns(found):
            wanted += [name for name in ALIGNED if name not in wanted]
    for name, values in found.columns([name for name in wanted if name not in (*_PLAIN, "query")]).items():
        made[name] = shown(values)
    if alignment:
        made["target_sequence"] = sequences_json(found, table.rows)
    names, bounds = list(made), table.offsets.tolist()
    rows = [dict(zip(names, row, strict=True)) for row in zip(*made.values(), strict=True)]
    return [
        {"query": name, "guarantee": rests, "hits": rows[bounds[at] : bounds[at + 1]]}
        for at, (name, rests) in enumerate(zip(found.queries, rests_on(found), strict=True))
    ]


def records_json(parts: Sequence[Answers], results: Sequence[JSON]) -> list[JSON]:
    """What was found, each record once, and into each hit of `results` its number among them."""
    records: list[JSON] = []
    at = 0
    for part in parts:
        rows, places = np.unique(part.table().rows, return_inverse=True)
        own = iter((places + len(records)).tolist())
        some = part.targets[rows]
        records += [record_json(some[row]) for row in range(len(some))]
        for result in results[at : at + len(part)]:
            for hit in result["hits"]:
                hit["record"] = next(own)
        at += len(part)
    return records


def record_json(record: Record) -> JSON:
    """A stored sequence with all that is beside it."""
    letters = {"sequence": record.text} if record.alphabet is not None else {"values": series_json(record.data)}
    columns = {name: value_json(value) for name, value in record.columns.items()}
    told = {"label": record.label, "description": record.description, "length": len(record), "columns": columns}
    return {"id": record.id, **letters, **told}


def letters_of(parts: Sequence[Answers]) -> int | None:
    """Of all that was searched, where E-values depend on it."""
    if not parts or (aligner := parts[0].how.aligner) is None or aligner.bit_scores(np.zeros(0)) is None:
        return None
    return int(parts[-1].targets.lengths.sum())


def rests_on(found: Answers) -> list[str]:
    """(Q,) what each answer rests on: see `Results.guarantee`."""
    if isinstance(found, (Results, RangeResults)):
        known: list[str] = found.guarantee.tolist()
        return known
    return [NONE] * len(found)


def aligns(found: Answers) -> bool:
    """Whether hits have paths that can be shown."""
    return found.targets.kind == "tokens" and (found.how.alignable or found.how.aligner is not None)


def sequences_json(found: Answers, rows: AnyArray) -> list[object]:
    """The letters, or the numbers, of targets."""
    some = found.targets[rows]
    if some.alphabet is not None:
        return list(some.texts())
    return [series_json(some[at].data) for at in range(len(some))]


def series_json(data: AnyArray) -> list[object]:
    """A series: numbers, or lists of the features of each step."""
    values: list[object] = (data[:, 0] if data.ndim == 2 and data.shape[1] == 1 else data).astype(np.float64).tolist()
    return values


def numbers(values: AnyArray) -> list[object]:
    """Numbers without a needless fraction; what is none (nan, inf) is null."""
    listed = np.asarray(values, np.float64)
    if np.isfinite(listed).all() and (np.abs(listed) < 2**53).all() and (listed == np.floor(listed)).all():
        whole: list[object] = listed.astype(np.int64).tolist()
        return whole
    return [number(value) for value in listed.tolist()]


def number(value: float) -> int | float | None:
    """One of them."""
    if not isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def shown(values: Values) -> list[object]:
    """A column as JSON has it: dates are spelled."""
    if isinstance(values, np.ndarray):
        return numbers(values) if values.dtype.kind == "f" else list(values.tolist())
    return [value_json(value) for value in values]


def value_json(value: object) -> object:
    """A value of a column beside sequences."""
    if value is None or isinstance(value, (bool, int, str, list)):
        return value
    return number(value) if isinstance(value, float) else spelled(value)  # type: ignore[arg-type]  # a date


def message_of(parts: Sequence[Answers]) -> tuple[str, list[str]]:
    """What was searched, in words, and what to beware of."""
    if not parts:
        return "", []
    warnings = dict.fromkeys(warning for part in parts for warning in part.warnings)
    return parts[0].budget, list(warnings)


def nearest(parts: Sequence[Answers]) -> DoubleArray:
    """(Q,) distances of the nearest. Raises ParameterError where answers have none."""
    found = [part.distances[:, 0] for part in parts if isinstance(part, Results)]
    if len(found) < len(parts):
        raise ParameterError("novelty is of the nearest: it means nothing where all within a distance are asked for")
    return np.concatenate(found)
