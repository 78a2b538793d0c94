"""Time-series files of the UCR and UEA archives: .ts, and the tables with the class in the first column."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ...arrays import AnyArray
from ...errors import InputError, ParseError, SeriesError
from ..strings import Strings
from .batches import SeriesBatch, numbered
from .intake import Intake
from .lines import decoded_lines, first_lines
from .opening import Source
from .options import Options


@dataclass
class _Series:
    """One series: its record number, its line, (T, F) values and its class."""

    number: int
    line: int
    values: AnyArray
    label: str


def read_ts(source: Source, options: Options, intake: Intake) -> Iterator[SeriesBatch]:
    """Batches of a .ts file (sktime and tsml format): dimensions between colons, values between commas, class last.

    Series may differ in length, the dimensions of one may not. `?` and NaN are missing values, a SeriesError.
    """
    lines = enumerate(decoded_lines(source), start=1)
    header = _read_header(lines, source.name)
    return _batches(lines, lambda text: _parse_ts(text, header), source, options, intake)


def read_ucr(source: Source, options: Options, intake: Intake) -> Iterator[SeriesBatch]:
    """Batches of a UCR table: class, then the values, between tabs or commas.

    The archive pads the shorter series of a set of unequal lengths with NaN at the end: these are taken off.
    """
    lines = enumerate(decoded_lines(source), start=1)
    return _batches(lines, _parse_ucr, source, options, intake)


def is_ts(head: bytes) -> bool:
    """Whether there is a line @data, after others that begin as those of a header do."""
    lines = first_lines(head)
    return lines[0].startswith((b"@", b"#", b"%")) and any(line.strip().lower() == b"@data" for line in lines)


def is_ucr(head: bytes) -> bool:
    """Whether the first line is numbers between tabs or commas, three at least."""
    first = head.split(b"\n", 1)[0]
    fields = first.split(b"\t" if b"\t" in first else b",")
    try:
        # the last field of a long line may be cut where the head ends
        return len([float(field) for field in (fields[:-1] if len(first) == len(head) else fields)]) >= 3
    except ValueError:
        return False


def _batches(
    lines: Iterator[tuple[int, str]],
    parse: Callable[[str], tuple[AnyArray, str]],
    source: Source,
    options: Options,
    intake: Intake,
) -> Iterator[SeriesBatch]:
    records = _records(lines, parse, source.name, intake)
    while rows := list(itertools.islice(records, options.size)):
        data = np.concatenate([row.values for row in rows])
        lengths = np.fromiter((len(row.values) for row in rows), np.int64, len(rows))
        numbers = np.fromiter((row.number for row in rows), np.int64, len(rows))
        places = [row.line for row in rows]
        yield SeriesBatch(
            numbered(numbers),
            lengths,
            numbers,
            Strings.of([row.label for row in rows]),
            line_of=places.__getitem__,
            data=data,
        )


def _records(
    lines: Iterator[tuple[int, str]], parse: Callable[[str], tuple[AnyArray, str]], name: str, intake: Intake
) -> Iterator[_Series]:
    """Every series that can be parsed and has as many dimensions as the first one; the others are rejected."""
    features = 0
    number = 0
    for line, text in lines:
        stripped = text.strip()
        if not stripped:
            continue
        number += 1
        try:
            values, label = parse(stripped)
            features = features or values.shape[1]
            if values.shape[1] != features:
                raise SeriesError(f"the series has {values.shape[1]} dimensions, the first one {features}")
        except InputError as error:
            error.path, error.line, error.record, error.record_id = name, line, number, str(number)
            intake.skip_unread(error)
            continue
        yield _Series(number, line, values, label)


@dataclass
class _Header:
    """What the lines before @data say and reading needs."""

    has_label: bool = False
    classes: set[str] = field(default_factory=set)


def _read_header(lines: Iterator[tuple[int, str]], name: str) -> _Header:
    header = _Header()
    for line, text in lines:
        words = text.split()
        if not words or words[0].startswith(("#", "%")):
            continue
        key, value = words[0].lower(), words[1].lower() if len(words) > 1 else ""
        if key == "@data":
            return header
        if not key.startswith("@"):
            raise ParseError(f"expected a line that starts with @, not {text.strip()[:40]!r}", path=name, line=line)
        if key == "@timestamps" and value == "true":
            raise ParseError("time stamps are not supported: the steps must be equally spaced", path=name, line=line)
        if key == "@classlabel":
            header.has_label = value == "true"
            header.classes = set(words[2:]) if header.has_label else set()
        if key == "@targetlabel":
            header.has_label = value == "true"
    raise ParseError("there is no @data line: this is no .ts file", path=name)


def _parse_ts(text: str, header: _Header) -> tuple[AnyArray, str]:
    parts = text.split(":")
    label = parts.pop().strip() if header.has_label else ""
    if header.classes and label not in header.classes:
        raise ParseError(f"class {label[:40]!r} is not among those of the @classLabel line")
    if not parts:
        raise ParseError("the line holds a class but no series")
    dimensions = [_numbers(part.split(","), "?") for part in parts]
    lengths = {len(values) for values in dimensions}
    if len(lengths) > 1:
        shown = ", ".join(str(len(values)) for values in dimensions)
        raise SeriesError(f"the dimensions of one series differ in length: {shown}")
    return np.stack(dimensions, axis=1), label


def _parse_ucr(text: str) -> tuple[AnyArray, str]:
    label, *fields = text.split("\t" if "\t" in text else ",")
    values = _numbers(fields, "")
    known = np.flatnonzero(~np.isnan(values))
    return values[: known[-1] + 1 if len(known) else 0, None], _plain_class(label.strip())


def _plain_class(label: str) -> str:
    """The class as it is named: some sets of the archive write the whole number 1 as 1.0000000e+00."""
    try:
        number = float(label)
    except ValueError:
        return label
    return str(int(number)) if number.is_integer() else label


def _numbers(fields: list[str], missing: str) -> AnyArray:
    """(T,) float64 values; a missing one is NaN, which the check of the batch names with its step."""
    if len(fields) == 1 and not fields[0].strip():
        return np.zeros(0)
    try:
        return np.array([float(field) for field in fields])
    except ValueError:
        pass
    values = np.empty(len(fields))
    for step, text in enumerate(fields):
        if text.strip() == missing:
            values[step] = np.nan
            continue
        try:
            values[step] = float(text)
        except ValueError:
            raise SeriesError(f"value {text.strip()[:40]!r} at step {step + 1} is not a number") from None
    return values
