"""Which rows a condition lets through: one mask, by whole columns.

A comparison with a missing value does not hold, whatever the operator; `!=` and `not` are the opposite of what they
deny, so that every row fulfils either a condition or its opposite.
"""

from __future__ import annotations

import bisect
import datetime as dt
import difflib
import math
import re
from collections.abc import Callable

import numpy as np

from ..arrays import AnyArray, BoolArray
from ..errors import ConditionError
from ..sequences import Sequences, Strings
from ..sequences.column_values import UnfitValue, column_of_texts, days, microseconds
from ..sequences.columns import DTYPES, Column
from .conditions import All, Comparison, Condition, Literal, Not, Where, parsed

OWN = ("id", "label", "description", "length")
"""What every sequence has beside its columns, under names that a column may take from it."""
_FEW = 8  # texts that are looked for one by one
_DAY = 86_400_000_000


def mask_of(where: Where, targets: Sequences) -> BoolArray:
    """(rows,) which of `targets` fulfil a condition. Raises ConditionError naming column, position and remedy."""
    text = where if isinstance(where, str) else ""
    return _Filter(targets, text).mask(parsed(where))


class _Filter:
    """The columns of some rows, as conditions name them; `text`: of the condition, for messages."""

    def __init__(self, targets: Sequences, text: str) -> None:
        self._targets, self._text = targets, text

    def mask(self, condition: Condition) -> BoolArray:
        """(rows,) where it holds."""
        if isinstance(condition, Not):
            return ~self.mask(condition.part)
        if isinstance(condition, Comparison):
            return self._compared(condition)
        found = np.full(len(self._targets), isinstance(condition, All))
        for part in condition.parts:
            found = found & self.mask(part) if isinstance(condition, All) else found | self.mask(part)
        return found

    def _compared(self, one: Comparison) -> BoolArray:
        columns = self._targets.columns
        if one.name in columns:
            column = columns[one.name]
        elif one.name in OWN:
            column = self._own(one)
        else:
            raise self._error(self._unknown(one.name), one.at)
        if one.operator == "missing":
            return equal_to(column.texts, "") if one.name in OWN and one.name not in columns else column.missing.copy()
        if one.operator == "true":
            if column.kind != "bool":
                raise self._error(f"{one.name} holds {column.kind}: compare it with a value", one.at)
            return column.numbers & ~column.missing
        found = self._of_kind(column)(one, column)
        return found if one.name in OWN and one.name not in columns else found & ~column.missing

    def _own(self, one: Comparison) -> Column:
        """What is no column: it is never missing, but may be empty."""
        never = np.broadcast_to(np.False_, (len(self._targets),))
        if one.name == "length":
            if one.operator == "missing":
                raise self._error("length is never missing", one.at)
            return Column("int", never, self._targets.lengths)
        texts = {"id": self._targets.ids, "label": self._targets.labels, "description": self._targets.descriptions}
        return Column("text", never, texts=texts[one.name])

    def _unknown(self, name: str) -> str:
        known = [*dict.fromkeys([*self._targets.columns, *OWN])]
        close = difflib.get_close_matches(name.lower(), [each.lower() for each in known], 2)
        alike = [repr(each) for each in known if each.lower() in close]
        hint = f"did you mean {' or '.join(alike)}? " if alike else ""
        return f"there is no column {name!r}: {hint}There are {', '.join(known)}"

    def _of_kind(self, column: Column) -> Callable[[Comparison, Column], BoolArray]:
        if column.kind == "text":
            return self._texts
        return self._lists if column.kind == "list" else self._numbers

    def _error(self, problem: str, at: int | None) -> ConditionError:
        return ConditionError(problem, self._text, at)

    # -- numbers, dates and truths -----------------------------------------------------------------------------------

    def _numbers(self, one: Comparison, column: Column) -> BoolArray:
        if one.operator in ("contains", "like"):
            raise self._error(f"{one.name} holds {column.kind}: {one.operator} is for texts and lists", one.at)
        if column.kind == "bool" and one.operator not in ("=", "in"):
            raise self._error(f"{one.name} holds true and false, which have no order: use =, != or in", one.at)
        spans = [self._span(one, value, column.kind) for value in one.values]
        numbers = column.numbers
        if one.operator == "between":
            return _at_least(numbers, spans[0][0]) & _at_most(numbers, spans[1][1])
        if one.operator in ("=", "in"):
            found = np.zeros(len(numbers), np.bool_)
            for low, high in spans:
                found |= _at_least(numbers, low) & _at_most(numbers, high)
            return found
        (low, high), outside = spans[0], one.operator in (">", "<=")
        made = _at_most(numbers, high) if outside else _at_least(numbers, low)
        return ~made if one.operator in (">", "<") else made

    def _span(self, one: Comparison, literal: Literal, kind: str) -> tuple[int | float, int | float]:
        """The least and the greatest number that a value stands for: of a date all that it leaves open."""
        value = literal.value.item() if isinstance(literal.value, np.generic) else literal.value
        try:
            if kind in ("date", "datetime"):
                return _moments(value, kind)
            number = _number(value, kind)
        except (UnfitValue, ValueError, OverflowError):
            raise self._error(f"{one.name} holds {_HOLDS[kind]}, and {value!r} is none", literal.at) from None
        return number, number

    # -- texts and lists of labels ------------------------------------------------------------------------------------

    def _texts(self, one: Comparison, column: Column) -> BoolArray:
        values = [self._word(one, value) for value in one.values]
        sought = one.operator in ("=", "in")
        if sought and len(values) <= _FEW and not column.is_sorted():
            found = np.zeros(len(column), np.bool_)
            for value in values:
                found |= equal_to(column.texts, value)
            return found
        names, numbers = column.distinct
        if sought:
            places = [bisect.bisect_left(names, value) for value in values]
            wanted = [at for at, value in zip(places, values, strict=True) if names[at : at + 1] == [value]]
            return numbers == wanted[0] if len(wanted) == 1 else _are_among(numbers, wanted, len(names))
        fits = _fits(one.operator, values)
        return np.array([fits(name) for name in names], np.bool_)[numbers] if names else np.zeros(0, np.bool_)

    def _lists(self, one: Comparison, column: Column) -> BoolArray:
        if one.operator not in ("=", "in", "contains", "like"):
            raise self._error(f"{one.name} holds lists, which have no order: use =, !=, in, contains or like", one.at)
        operator = "=" if one.operator == "contains" else one.operator
        labels = Column("text", np.broadcast_to(np.False_, (len(column.texts),)), texts=column.texts)
        held = self._texts(Comparison(one.name, operator, one.values, one.at), labels)
        assert column.bounds is not None
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(held)])
        counted: BoolArray = before[column.bounds[1:]] > before[column.bounds[:-1]]
        return counted

    def _word(self, one: Comparison, literal: Literal) -> str:
        value = literal.value.item() if isinstance(literal.value, np.generic) else literal.value
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise self._error(f"{one.name} holds texts, and {value!r} is none: give it as a string", literal.at)


_HOLDS = {
    "int": "whole numbers",
    "float": "numbers",
    "bool": "true and false",
    "date": "dates (2019, 2019-05 or 2019-05-31)",
    "datetime": "times (2019, 2019-05-31 or 2019-05-31T12:30:00)",
}


def _are_among(numbers: AnyArray, wanted: list[int], count: int) -> BoolArray:
    """(n,) which numbers, below `count`, are among those wanted."""
    table = np.zeros(max(count, 1), np.bool_)
    table[wanted] = True
    found: BoolArray = table[numbers]
    return found


def _fits(operator: str, values: list[str]) -> Callable[[str], bool]:
    """Whether one text stands in that relation to the values."""
    value, last = values[0], values[-1]
    if operator == "like":
        pattern = re.compile("".join({"%": ".*", "_": "."}.get(mark, re.escape(mark)) for mark in value), re.DOTALL)
        return lambda text: pattern.fullmatch(text) is not None
    return {
        "contains": lambda text: value in text,
        "between": lambda text: value <= text <= last,
        "<": lambda text: text < value,
        "<=": lambda text: text <= value,
        ">": lambda text: text > value,
        ">=": lambda text: text >= value,
    }[operator]


# -- values -----------------------------------------------------------------------------------------------------------


def _number(value: object, kind: str) -> int | float:
    """A value to compare numbers with; as text it is read as the column's own are. Raises UnfitValue, ValueError."""
    if isinstance(value, bool) or kind == "bool":
        if kind == "bool" and isinstance(value, (bool, str)):
            return int(value) if isinstance(value, bool) else int(column_of_texts([value], kind).numbers[0])
        raise ValueError
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            return int(text)
        return _no_nan(float(text.replace("_", " ")))
    if isinstance(value, int):
        return value
    return _no_nan(float(value))  # type: ignore[arg-type]  # what is no number raises


def _no_nan(number: float) -> float:
    if math.isnan(number):
        raise ValueError
    return number


def _moments(value: object, kind: str) -> tuple[int, int]:
    """The first and the last day or microsecond of a date. Raises ValueError."""
    unit = 1 if kind == "date" else _DAY
    if isinstance(value, dt.datetime):
        moment = microseconds(value)
        return (-(-moment // _DAY), moment // _DAY) if kind == "date" else (moment, moment)
    if isinstance(value, dt.date):
        return days(value) * unit, (days(value) + 1) * unit - 1
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if match := re.fullmatch(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", text, re.ASCII):
        year, month, day = (None if part is None else int(part) for part in match.groups())
        first = dt.date(year or 0, month or 1, day or 1)
        after = first.toordinal() + 1 - dt.date(1970, 1, 1).toordinal()
        if day is None:
            following = (first.year + 1, 1) if month is None else (first.year + month // 12, month % 12 + 1)
            after = days(dt.date(*following, 1)) if following[0] <= dt.MAXYEAR else days(dt.date.max) + 1
        return days(first) * unit, after * unit - 1
    return _moments(dt.datetime.fromisoformat(text), kind)


# -- numbers by a whole column ----------------------------------------------------------------------------------------


def _at_least(numbers: AnyArray, bound: int | float) -> BoolArray:
    """(n,) numbers >= bound, exactly: neither side is rounded."""
    if numbers.dtype.kind == "i":
        bound = _whole(bound, up=True)
        if bound >= 2**63:
            return np.zeros(len(numbers), np.bool_)
        found: BoolArray = numbers >= max(bound, -(2**63))
        return found
    float_found: BoolArray = numbers >= _float(bound, up=True)
    return float_found


def _at_most(numbers: AnyArray, bound: int | float) -> BoolArray:
    """(n,) numbers <= bound, exactly."""
    if numbers.dtype.kind == "i":
        bound = _whole(bound, up=False)
        if bound < -(2**63):
            return np.zeros(len(numbers), np.bool_)
        found: BoolArray = numbers <= min(bound, 2**63 - 1)
        return found
    float_found: BoolArray = numbers <= _float(bound, up=False)
    return float_found


def _whole(bound: int | float, *, up: bool) -> int:
    """The next whole number upwards or downwards; beyond all of 64 bits for infinity."""
    if isinstance(bound, float) and math.isinf(bound):
        return 2**64 if bound > 0 else -(2**64)
    return math.ceil(bound) if up else math.floor(bound)


def _float(bound: int | float, *, up: bool) -> float:
    """The next float upwards or downwards."""
    try:
        near = float(bound)
    except OverflowError:
        near = math.inf if bound > 0 else -math.inf
    if (near >= bound) if up else (near <= bound):
        return near
    return math.nextafter(near, math.inf if up else -math.inf)


# -- texts by a whole column ------------------------------------------------------------------------------------------


def equal_to(column: Strings, wanted: str) -> BoolArray:
    """(n,) mask of the strings that are `wanted`, without an object a string."""
    return np.concatenate([_equal_to(part, wanted) for part in column.parts])


def _equal_to(column: Strings, wanted: str) -> BoolArray:
    raw = np.frombuffer(wanted.encode("utf-8"), np.uint8)
    same: BoolArray = np.diff(column.offsets) == len(raw)
    at = column.offsets[:-1][same]
    for position, byte in enumerate(raw):
        hit = column.data[at + position] == byte
        same[same] = hit
        at = at[hit]
    return same


assert set(DTYPES) == set(_HOLDS)
