"""Columns from what users have: lists, arrays, columns of data frames, fields of a table.

The kind is the first that all values have which are not missing. Of Python's objects and arrays: bool, int, float
(whole floats beside missing values are int: so do data frames keep whole numbers with gaps), date, datetime (a date
where all are at midnight), list (lists of strings), text. Of the fields of a text file: int (no leading zero, up to 18
digits), float, bool (true and false), date (2019-05-31), datetime (2019-05-31T12:30:00), else text. Empty fields are
missing, and where others are numbers, dates or truths so are the words in `MISSING_WORDS`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

import numpy as np

from ..arrays import AnyArray, BoolArray
from ..errors import InputError
from .columns import DTYPES, SEPARATOR, Column, Value, spelled
from .strings import Strings

MISSING_WORDS = frozenset({"", "NA", "N/A", "na", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"})
_WHOLE = r"[+-]?(?:0|[1-9]\d{0,17})"
_PATTERNS = {
    "int": _WHOLE,
    "float": r"[+-]?(?:(?:0|[1-9]\d{0,17})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf",
    "bool": "true|false|True|False|TRUE|FALSE",
    "date": r"\d{4}-\d\d-\d\d",
    "datetime": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?",
}
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a date such as 2019-05-31",
    "datetime": "a time such as 2019-05-31T12:30:00",
    "list": "a list of strings",
    "text": "a text",
}
_FIT_ALL = {kind: re.compile(rf"(?:(?:{pattern})\n)*", re.ASCII) for kind, pattern in _PATTERNS.items()}
_FIT = {kind: re.compile(pattern, re.ASCII) for kind, pattern in _PATTERNS.items()}
_ALSO = {
    "int": re.compile(r"[+-]?\d{1,18}", re.ASCII),
    "float": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII),
    "date": _FIT["datetime"],
    "datetime": _FIT["date"],
}
"""What is no such field as it would be inferred can still be read as one: 007, or 2019-05-31 as a datetime."""
_DAY = dt.date(1970, 1, 1).toordinal()
_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)


class UnfitValue(Exception):
    """The value at `row` is not of the kind asked for."""

    def __init__(self, row: int, value: object, kind: str) -> None:
        super().__init__(row, value, kind)
        self.row, self.value, self.kind = row, value, kind

    def error(self, name: str, inferred: bool) -> InputError:
        """As an error of the column `name`; `inferred`: the kind was told from values before."""
        told = f"column {name!r} holds {str(self.value)[:40]!r}, which is not {_WORDS[self.kind]}"
        if inferred:
            told += f", as the values before are: name the kind of the column, {name}:text"
        return InputError(told)


# -- fields of a text file --------------------------------------------------------------------------------------------


def kind_of_texts(texts: Sequence[str]) -> str:
    """The kind of the fields of a column: see the head of this module."""
    present = [text for text in texts if text not in MISSING_WORDS]
    joined = "\n".join(present) + "\n"
    if not present or joined.count("\n") != len(present):
        return "text"
    for kind, pattern in _FIT_ALL.items():
        if pattern.fullmatch(joined):
            return kind if _at_once(present, kind) is not None else "text"
    return "text"


def column_of_texts(texts: Sequence[str], kind: str, unfit: list[UnfitValue] | None = None) -> Column:
    """The fields of a column as values of a kind. Raises UnfitValue, or adds it to `unfit`: that value is missing."""
    if kind == "text":
        return Column(kind, np.array([not text for text in texts], np.bool_), texts=Strings.of(texts))
    if kind == "list":
        lists = [[label for part in text.split(SEPARATOR) if (label := part.strip())] for text in texts]
        return Column.of_lists(lists, np.array([not text for text in texts], np.bool_))
    missing: BoolArray = np.fromiter((text.strip() in MISSING_WORDS for text in texts), np.bool_, len(texts))
    numbers: AnyArray = np.zeros(len(texts), DTYPES[kind])
    rows = np.flatnonzero(~missing).tolist()
    present = [texts[row] for row in rows]
    parsed = _at_once(present, kind)
    if parsed is not None:
        numbers[~missing] = parsed
        return Column(kind, missing, numbers)
    for row in rows:
        try:
            numbers[row] = _parsed(texts[row].strip(), kind, row)
        except UnfitValue as error:
            if unfit is None:
                raise
            unfit.append(error)
            missing[row] = True
    return Column(kind, missing, numbers)


def _at_once(present: Sequence[str], kind: str) -> AnyArray | None:
    """The values of many fields that are spelled as those of a kind are inferred; None where one is not."""
    joined = "\n".join(present) + "\n" * bool(present)
    if joined.count("\n") != len(present) or not _FIT_ALL[kind].fullmatch(joined):
        return None
    try:
        if kind == "int":
            return np.array(list(map(int, present)), np.int64)
        if kind == "float":
            return np.array(list(map(float, present)))
        if kind == "bool":
            return np.array([text[0] in "tT" for text in present], np.bool_)
        if kind == "date":
            return np.array([dt.date.fromisoformat(text).toordinal() for text in present], np.int64) - _DAY
        return np.array([microseconds(dt.datetime.fromisoformat(text)) for text in present], np.int64)
    except ValueError:  # a day that no calendar has
        return None


def _parsed(text: str, kind: str, row: int) -> int | float | bool:
    if not _FIT[kind].fullmatch(text) and not (kind in _ALSO and _ALSO[kind].fullmatch(text)):
        raise UnfitValue(row, text, kind)
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        if kind == "bool":
            return text.lower() == "true"
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UnfitValue(row, text, kind) from None
    if kind == "date":
        if moment.time() != dt.time():
            raise UnfitValue(row, text, kind)
        return moment.toordinal() - _DAY
    return microseconds(moment)


def microseconds(moment: dt.datetime) -> int:
    """Since 1970; with a time zone in UTC, otherwise as it stands."""
    plain = moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment
    return (plain - _EPOCH) // _MICROSECOND


def days(date: dt.date) -> int:
    """Since 1970."""
    return date.toordinal() - _DAY


# -- objects and arrays -----------------------------------------------------------------------------------------------


def column_of(given: Iterable[object], kind: str | None = None) -> Column:
    """A column of values as they are in Python, NumPy or a data frame. Raises UnfitValue."""
    from .foreign import column_values, is_missing

    if isinstance(given, Column):
        return given if kind is None else cast(given, kind)
    if isinstance(given, np.ndarray) and given.dtype.kind in "biufM" and given.ndim == 1:
        column = _of_array(given)
        return column if kind in (None, column.kind) else cast(column, kind or column.kind)
    if isinstance(getattr(given, "dtype", None), np.dtype) and hasattr(given, "to_numpy"):  # of pandas
        plain = given.to_numpy()
        if plain.dtype.kind in "biufM":
            return column_of(plain, kind)
    found = column_values(given)
    values = list(given) if found is None else found
    missing = np.fromiter((is_missing(value) for value in values), np.bool_, len(values))
    present = [value for value, gone in zip(values, missing.tolist(), strict=True) if not gone]
    inferred = _kind_of_objects(present, bool(missing.any()))
    if inferred is None:
        row = next(row for row, value in enumerate(values) if not missing[row] and not _is_plain(value))
        raise UnfitValue(row, values[row], kind or "text")
    column = _of_objects(present, missing, inferred)
    return column if kind in (None, column.kind) else cast(column, kind or inferred)


def _of_array(values: AnyArray) -> Column:
    if values.dtype.kind == "M":
        gone = np.isnat(values)
        moments = np.where(gone, 0, values.astype("datetime64[us]").astype(np.int64))
        return _of_moments(moments, gone)
    if values.dtype.kind == "f":
        return _of_floats(values.astype(np.float64))
    missing = np.zeros(len(values), np.bool_)
    if values.dtype.kind == "b":
        return Column("bool", missing, values.astype(np.bool_))
    if values.dtype.kind == "u" and len(values) and int(values.max()) > np.iinfo(np.int64).max:
        raise UnfitValue(int(values.argmax()), values.max(), "int")
    return Column("int", missing, values.astype(np.int64))


def _of_floats(values: AnyArray) -> Column:
    missing = np.isnan(values)
    kept = np.where(missing, 0.0, values)
    if missing.any() and not missing.all() and (np.abs(kept) < 2**53).all() and (kept == np.floor(kept)).all():
        return Column("int", missing, kept.astype(np.int64))
    return Column("float", missing, kept)


def _of_moments(moments: AnyArray, missing: BoolArray) -> Column:
    day = 86_400_000_000
    if (moments % day == 0).all():
        return Column("date", missing, moments // day)
    return Column("datetime", missing, moments)


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str, dt.date, np.generic)) or _is_list(value)


def _is_list(value: object) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(isinstance(label, str) for label in value)
    return isinstance(value, np.ndarray) and value.ndim == 1 and all(isinstance(label, str) for label in value.tolist())


def _kind_of_objects(present: Sequence[object], gaps: bool) -> str | None:
    """The kind of values; None where one is of none."""
    if not all(map(_is_plain, present)):
        return None
    if not present:
        return "text"
    if all(isinstance(value, (bool, np.bool_)) for value in present):
        return "bool"
    numbers = (int, float, np.integer, np.floating)
    if all(isinstance(value, numbers) and not isinstance(value, bool) for value in present):
        if all(isinstance(value, (int, np.integer)) for value in present):
            inside = all(-(2**63) <= int(value) < 2**63 for value in present)  # type: ignore[call-overload]
            return "int" if inside else "text"
        return "float"
    if all(isinstance(value, dt.date) for value in present):
        return "datetime" if any(isinstance(value, dt.datetime) for value in present) else "date"
    if all(map(_is_list, present)):
        return "list"
    return None if any(map(_is_list, present)) else "text"


def _of_objects(present: Sequence[object], missing: BoolArray, kind: str) -> Column:
    rows = np.flatnonzero(~missing)
    if kind == "list":
        lists: list[list[str]] = [[]] * len(missing)
        for row, labels in zip(rows.tolist(), present, strict=True):
            lists[row] = sorted(labels) if isinstance(labels, (set, frozenset)) else [*map(str, labels)]  # type: ignore[call-overload]
        return Column.of_lists(lists, missing)
    if kind == "text":
        texts = [""] * len(missing)
        for row, value in zip(rows.tolist(), present, strict=True):
            texts[row] = value if isinstance(value, str) else spelled(value)  # type: ignore[arg-type]
        return Column(kind, missing, texts=Strings.of(texts))
    numbers: AnyArray = np.zeros(len(missing), DTYPES[kind])
    if kind == "float":
        values = np.full(len(missing), np.nan)
        values[rows] = np.array(present, np.float64)
        return _of_floats(values) if missing.any() else Column(kind, missing, values)
    if kind == "date":
        numbers[rows] = [days(value) for value in present]  # type: ignore[arg-type]
        return Column(kind, missing, numbers)
    if kind == "datetime":
        numbers[rows] = [_moment(value) for value in present]
        return _of_moments(numbers, missing)
    numbers[rows] = present
    return Column(kind, missing, numbers)


def _moment(value: object) -> int:
    if isinstance(value, dt.datetime):
        return microseconds(dt.datetime.fromisoformat(value.isoformat()[:26]) if value.tzinfo is None else value)
    assert isinstance(value, dt.date)
    return days(value) * 86_400_000_000


# -- from kind to kind ------------------------------------------------------------------------------------------------


def cast(column: Column, kind: str) -> Column:
    """The same values as another kind, where each can be read as one. Raises UnfitValue for one that cannot."""
    if column.kind == kind:
        return column
    if column.kind == "int" and kind == "float":
        return Column(kind, column.missing, column.numbers.astype(np.float64))
    if column.kind == "float" and kind == "int":
        wrong = np.flatnonzero((column.numbers != np.floor(column.numbers)) | (np.abs(column.numbers) >= 2**53))
        if len(wrong):
            raise UnfitValue(int(wrong[0]), float(column.numbers[wrong[0]]), kind)
        return Column(kind, column.missing, column.numbers.astype(np.int64))
    if column.kind == "list" and kind != "text":
        raise UnfitValue(int(np.argmin(column.missing)), column.tolist()[int(np.argmin(column.missing))], kind)
    values: list[Value] = column.tolist()
    made = column_of_texts([spelled(value) for value in values], kind)
    if kind in ("text", "list"):
        return Column(kind, column.missing, texts=made.texts, bounds=made.bounds)
    return made
