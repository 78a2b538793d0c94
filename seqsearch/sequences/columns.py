"""Columns beside sequences: numbers, texts, dates, truths and lists of labels, any of them missing in some rows."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import MismatchError, ParameterError
from .strings import Strings, offsets_of, ranges_to_indices

DTYPES = {"int": "<i8", "float": "<f8", "bool": "|b1", "date": "<i8", "datetime": "<i8"}
"""How values of a kind are kept: dates as days and datetimes as microseconds since 1970-01-01, without a time zone."""
KINDS = (*DTYPES, "text", "list")
SEPARATOR = ";"
"""Between the labels of a list where it is spelled."""
_EPOCH = dt.datetime(1970, 1, 1)
_LOOKS = 4  # for equal texts of a column, after which all of them are numbered
_SAMPLE = 4096  # of these, to see whether they repeat

Value = int | float | bool | str | dt.date | dt.datetime | list[str] | None
Fields = tuple[tuple[str, str], ...]
"""Names and kinds, in order."""


@dataclass(frozen=True, eq=False)
class Column:
    """n values of one `kind` of `KINDS`, each of which may be `missing`, (n,).

    `numbers`: (n,) of `DTYPES`, zero where missing; of the kind text `texts` has n strings, "" where missing; of the
    kind list row i has the labels bounds[i]:bounds[i + 1] of `texts`.
    """

    kind: str
    missing: BoolArray
    numbers: AnyArray = field(default_factory=lambda: np.zeros(0, np.int64))
    texts: Strings = field(default_factory=lambda: Strings.of([]))
    bounds: IntArray | None = None

    @classmethod
    def blank(cls, kind: str, count: int) -> Column:
        """`count` values, all of them missing."""
        missing = np.ones(count, np.bool_)
        if kind in DTYPES:
            return cls(kind, missing, np.zeros(count, DTYPES[kind]))
        offsets = np.zeros(count + 1, np.int64)
        if kind == "list":
            return cls(kind, missing, bounds=offsets)
        return cls(kind, missing, texts=Strings(np.zeros(0, np.uint8), offsets))

    @classmethod
    def of_lists(cls, lists: Items[Items[str]], missing: BoolArray) -> Column:
        """Lists of labels."""
        labels = Strings.of(label for labels in lists for label in labels)
        bounds = offsets_of(np.fromiter(map(len, lists), np.int64, len(lists)))
        return cls("list", missing, texts=labels, bounds=bounds)

    @classmethod
    def concatenate(cls, columns: Items[Column]) -> Column:
        """One after the other, all of one kind."""
        kind, missing = columns[0].kind, np.concatenate([column.missing for column in columns])
        if kind in DTYPES:
            return cls(kind, missing, np.concatenate([column.numbers for column in columns]))
        texts = Strings.concatenate([column.texts for column in columns])
        if kind == "text":
            return cls(kind, missing, texts=texts)
        return cls(kind, missing, texts=texts, bounds=offsets_of(np.concatenate([each.counts for each in columns])))

    def __len__(self) -> int:
        return len(self.missing)

    @property
    def counts(self) -> IntArray:
        """(n,) labels of each row of the kind list."""
        assert self.bounds is not None
        return np.diff(self.bounds)

    @property
    def nbytes(self) -> int:
        """Bytes in memory, about."""
        return self.numbers.nbytes + len(self.texts.data) + 8 * len(self.texts) + len(self)

    def take(self, rows: IntArray) -> Column:
        """The values of `rows`, in that order."""
        missing = self.missing[rows]
        if self.kind in DTYPES:
            return Column(self.kind, missing, self.numbers[rows])
        if self.bounds is None:
            return Column(self.kind, missing, texts=self.texts.take(rows))
        starts, counts = self.bounds[rows], self.counts[rows]
        texts = self.texts.take(ranges_to_indices(starts, counts))
        return Column(self.kind, missing, texts=texts, bounds=offsets_of(counts))

    def window(self, start: int, stop: int) -> Column:
        """The values of the rows start .. stop."""
        return self.take(np.arange(start, stop))

    @cached_property
    def distinct(self) -> tuple[list[str], IntArray]:
        """The distinct texts (or labels), sorted, and which of them each text (or label) is."""
        from .ids import numbered

        return numbered(self.texts)

    def is_sorted(self) -> bool:
        """Whether `distinct` is there: once it was used, or texts that repeat were asked for often enough to pay."""
        if "distinct" in self.__dict__:
            return True
        looks = self.__dict__["looks"] = self.__dict__.get("looks", 0) + 1
        if looks != _LOOKS:
            return False
        some = list(self.texts.take(np.arange(min(len(self.texts), _SAMPLE))))
        return len(set(some)) <= len(some) // 2 and self.distinct is not None

    def tolist(self) -> list[Value]:
        """As Python's own objects: int, float, bool, str, date, datetime, list of str; None where missing."""
        values = [_OBJECTS[self.kind](value) for value in self._raw()] if self.kind in _OBJECTS else self._raw()
        if not self.missing.any():
            return values
        return [None if gone else value for value, gone in zip(values, self.missing.tolist(), strict=True)]

    def _raw(self) -> list[Value]:
        if self.kind in DTYPES:
            numbers: list[Value] = self.numbers.tolist()
            return numbers
        texts = list(self.texts)
        if self.bounds is None:
            return [*texts]
        ends = self.bounds.tolist()
        return [texts[start:stop] for start, stop in itertools.pairwise(ends)]

    def spelled(self) -> list[str]:
        """As they are written in a table, "" where missing."""
        return [spelled(value) for value in self.tolist()]

    def equal(self, other: Column) -> bool:
        """Whether both hold the same values of one kind."""
        if self.kind != other.kind or not np.array_equal(self.missing, other.missing):
            return False
        if self.kind in DTYPES:
            return np.array_equal(self.numbers, other.numbers)
        if self.bounds is not None and not np.array_equal(self.counts, other.counts):
            return False
        return self.texts == other.texts


def spelled(value: Value) -> str:
    """A value as it is written in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return SEPARATOR.join(value)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value)


def _date(days: Value) -> Value:
    assert isinstance(days, int)
    return _EPOCH.date() + dt.timedelta(days=days)


def _datetime(microseconds: Value) -> Value:
    assert isinstance(microseconds, int)
    return _EPOCH + dt.timedelta(microseconds=microseconds)


_OBJECTS: dict[str, Callable[[Value], Value]] = {"date": _date, "datetime": _datetime}


class Columns(Mapping[str, Column]):
    """Columns by name, each of as many rows as the sequences beside which they stand."""

    def __init__(self, columns: Mapping[str, Column] | None = None) -> None:
        self._columns = dict(columns or {})

    def __getitem__(self, name: str) -> Column:
        try:
            return self._columns[name]
        except KeyError:
            raise self._lacks(name) from None

    def _lacks(self, name: str) -> KeyError:
        return KeyError(f"no column {name!r}: there are {', '.join(self) or 'none'}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __bool__(self) -> bool:
        return len(self) > 0

    @property
    def fields(self) -> Fields:
        """Names and kinds."""
        return tuple((name, column.kind) for name, column in self._columns.items())

    def select(self, name: str, rows: IntArray) -> Column:
        """The values of one column in `rows`, in that order. Raises KeyError."""
        return self[name].take(rows)

    def take(self, rows: IntArray) -> Columns:
        """The values of `rows`, in that order."""
        return Columns({name: column.take(rows) for name, column in self.items()}) if self else self

    def window(self, start: int, stop: int) -> Columns:
        """The values of the rows start .. stop."""
        return self.take(np.arange(start, stop)) if self else self

    def at(self, row: int) -> dict[str, Value]:
        """The values of one row, by name."""
        one = self.take(np.array([row]))
        return {name: one[name].tolist()[0] for name in one}

    def chosen(self, names: Items[str]) -> Columns:
        """Some of them. Raises KeyError."""
        return Columns({name: self[name] for name in names})

    def whole(self) -> Columns:
        """All of them in memory."""
        return Columns(dict(self.items()))

    def __reduce__(self) -> tuple[type[Columns], tuple[dict[str, Column]]]:
        return Columns, (dict(self.items()),)

    def __repr__(self) -> str:
        return f"Columns({', '.join(f'{name}: {kind}' for name, kind in self.fields)})"


NO_COLUMNS = Columns()


class LaterColumns(Columns):
    """Some rows of columns, each column taken when it is first looked at."""

    def __init__(self, whole: Columns, rows: IntArray) -> None:
        super().__init__()
        self._whole, self._rows = whole, rows

    def __getitem__(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = self._whole.select(name, self._rows)
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def __contains__(self, name: object) -> bool:
        return name in self._whole

    @property
    def fields(self) -> Fields:
        """Names and kinds."""
        return self._whole.fields

    def take(self, rows: IntArray) -> Columns:
        """The values of `rows`, in that order."""
        return LaterColumns(self._whole, self._rows[rows])


# -- several sets -----------------------------------------------------------------------------------------------------


def merged(fields: Fields, more: Fields) -> Fields:
    """The fields of both: numbers are whole only where both are. Raises MismatchError for kinds that do not fit."""
    kinds = dict(fields)
    for name, kind in more:
        before = kinds.get(name, kind)
        if before != kind and {before, kind} != {"int", "float"}:
            raise MismatchError(
                f"column {name!r} holds {kind}, where it held {before} before: name its kind, {name}:text"
            )
        kinds[name] = before if before == kind else "float"
    return tuple(kinds.items())


def joined(sets: Items[Columns], counts: Items[int]) -> Columns:
    """One set after the other, of `counts` rows; a column that one has not is missing there. Raises MismatchError."""
    if not any(sets):
        return NO_COLUMNS
    fields: Fields = ()
    for each in sets:
        fields = merged(fields, tuple(field for field in each.fields if not each[field[0]].missing.all()))
    for each in sets:  # what is missing everywhere has any kind
        fields = (*fields, *(field for field in each.fields if field[0] not in dict(fields)))
    sets = [settled(each, fields) for each in sets]
    return Columns(
        {
            name: Column.concatenate(
                [
                    widened(each[name], kind) if name in each else Column.blank(kind, count)
                    for each, count in zip(sets, counts, strict=True)
                ]
            )
            for name, kind in fields
        }
    )


def settled(columns: Columns, fields: Fields) -> Columns:
    """Columns of which those that are missing in all rows, which have any kind, have that of `fields`."""
    kinds = dict(fields)
    return Columns(
        {
            name: Column.blank(kinds[name], len(column))
            if kinds.get(name, column.kind) != column.kind and column.missing.all()
            else column
            for name, column in columns.items()
        }
    )


def widened(column: Column, kind: str) -> Column:
    """Whole numbers as floats where `kind` says so; else the column itself."""
    if column.kind == "int" and kind == "float":
        return Column("float", column.missing, column.numbers.astype(np.float64))
    return column


def same(some: Columns, others: Columns, count: int) -> bool:
    """Whether two sets of columns of `count` rows hold the same values; one that is missing in all rows is none."""
    names = dict.fromkeys([*some, *others])
    for name in names:
        pair = [each.get(name) for each in (some, others)]
        kind = next(column.kind for column in pair if column is not None)
        both = [Column.blank(kind, count) if column is None else column for column in pair]
        if "float" in (both[0].kind, both[1].kind):
            both = [widened(column, "float") for column in both]
        if not both[0].equal(both[1]):
            return False
    return True


@dataclass(frozen=True)
class Asked:
    """Which columns of a table to keep: `fields` by name, with a kind or None to tell it from the values; None: all
    that are not read as ids, sequences, labels or descriptions. `must`: one that is not there is an error.
    """

    fields: tuple[tuple[str, str | None], ...] | None = ()
    must: bool = True

    @classmethod
    def of(cls, given: Asked | Iterable[str] | None) -> Asked:
        """From names, NAME or NAME:KIND; None asks for all. Raises ParameterError."""
        if isinstance(given, Asked):
            return given
        if isinstance(given, str):
            given = [given]
        return cls(None if given is None else tuple(map(_field, given)))

    @property
    def by_name(self) -> bool:
        """Whether there are names that a table has to have."""
        return bool(self.fields) and self.must

    def among(self, names: Items[str], taken: Iterable[str], lacks: Callable[[str], Exception]) -> Named:
        """Those to keep of the columns `names` of a table, of which some are `taken` for sequences and the like.

        Raises what `lacks` makes of a problem: a name that is not there, or is there twice.
        """
        used = set(taken)
        if self.fields is None:
            return tuple((name, None) for name in dict.fromkeys(names) if name not in used and names.count(name) == 1)
        for name, _ in self.fields if self.must else ():
            if names.count(name) != 1:
                raise lacks(f"there is no column {name!r}" if name not in names else f"two columns are called {name!r}")
        return tuple((name, kind) for name, kind in self.fields if names.count(name) == 1)


Named = tuple[tuple[str, str | None], ...]
EVERY = Asked(None)
NO_FIELDS = Asked()


def _field(text: str) -> tuple[str, str | None]:
    """NAME or NAME:KIND as a name and a kind, None where none is said. Raises ParameterError for an empty name."""
    if not isinstance(text, str):
        raise ParameterError(f"a column is named by a string, not by {text!r}")
    name, colon, kind = text.rpartition(":")
    if not colon or kind not in KINDS:
        name, kind = text, ""
    if not name.strip():
        raise ParameterError(f"{text!r} names no column: NAME or NAME:KIND, of the kinds {', '.join(KINDS)}")
    return name.strip(), kind or None
