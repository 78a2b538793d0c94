"""What is in an archive: a zip file of FASTA, JSON lines, .npy, safetensors and JSON.

    manifest.json          format and version, what the records are, every other file with its size and SHA-256
    README.txt             this table, for whoever finds the file without the program
    records.jsonl          a line a record: id, label, description and columns, what is empty left out
    sequences.fasta        letters of DNA, RNA and proteins, record i of records.jsonl; two lines each
    sequences.jsonl        or texts as JSON strings, integers as JSON lists, one a line
    steps.npy, offsets.npy or series: (steps, features) float32, series i is steps[offsets[i]:offsets[i + 1]]
    vectors.npy            (records, dimensions) float32, or (records, bytes) uint8 codes, as the index compares them
    documents/NAME.json    settings, calibration, model, ...
    weights/NAME.safetensors   the encoders' weights

Nothing in it is made from the rows alone: graphs, lists and windows are built again.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

import numpy as np

from ...sequences import Strings
from ...sequences.column_values import days, microseconds
from ...sequences.columns import DTYPES, Column, Value
from ..building import DECISION
from ..encoding import MODEL, WEIGHTS
from ..handle import CALIBRATION, HEALTH, SETTINGS
from ..window_files import WINDOW_WEIGHTS, WINDOWS

FORMAT, VERSION = "seqsearch archive", 1
MANIFEST, README, RECORDS = "manifest.json", "README.txt", "records.jsonl"
FASTA, LINES, STEPS, OFFSETS, VECTORS = "sequences.fasta", "sequences.jsonl", "steps.npy", "offsets.npy", "vectors.npy"
DOCUMENTS = (SETTINGS, CALIBRATION, HEALTH, MODEL, DECISION, WINDOWS)
BLOBS = (WEIGHTS, WINDOW_WEIGHTS)
ROWS = 1 << 14  # in memory at a time

Plain = str | int | float | list[str] | None
"""A value of a column as JSON has it."""


def document_file(name: str) -> str:
    """Where a document is."""
    return f"documents/{name}.json"


def weights_file(name: str) -> str:
    """Where the weights of an encoder are."""
    return f"weights/{name}.safetensors"


def to_json(value: Value) -> Plain:
    """A value of a column: dates and infinities as text, the rest as JSON has it."""
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def column_from_json(values: list[Plain], kind: str) -> Column:
    """The inverse of `to_json`, of a column of a kind. Raises ValueError and TypeError for what is none."""
    missing = np.array([value is None for value in values], np.bool_)
    if kind == "text":
        return Column(kind, missing, texts=Strings.of("" if value is None else _text(value) for value in values))
    if kind == "list":
        return Column.of_lists([[] if value is None else _labels(value) for value in values], missing)
    read = _NUMBERS[kind]
    return Column(kind, missing, np.array([0 if value is None else read(value) for value in values], DTYPES[kind]))


def _text(value: Plain) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _labels(value: Plain) -> list[str]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return [_text(label) for label in value]


def _number(value: Plain) -> int | float:
    """A number, or infinity as text."""
    if isinstance(value, list) or value is None:
        raise TypeError(f"{value!r} is no number")
    return value if isinstance(value, int) else float(value)


_NUMBERS: dict[str, Callable[[Plain], float]] = {
    "int": _number,
    "float": _number,
    "bool": _number,
    "date": lambda value: days(dt.date.fromisoformat(_text(value))),
    "datetime": lambda value: microseconds(dt.datetime.fromisoformat(_text(value))),
}
