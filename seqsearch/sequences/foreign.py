"""Objects of other packages, told by what they have and not by their type: no package has to be installed.

Data frames of pandas, polars and pyarrow; their columns; records of BioPython, scikit-bio and dnaio.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..arrays import AnyArray
from ..errors import InputError, ParameterError
from .alphabet import DNA, PROTEIN, RNA, Alphabet
from .column_values import UnfitValue, column_of
from .columns import NO_FIELDS, Asked
from .columns import Columns as Beside
from .readers.tables import DESCRIPTION_NAMES, ID_NAMES, LABEL_NAMES, SEQUENCE_NAMES

_UNKNOWN = ("<unknown id>", "<unknown name>", "<unknown description>")  # BioPython's words for none


class SupportsArrow(Protocol):
    """A table of pyarrow, or of another package that speaks Arrow's C interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a data frame; None takes the usual ones. `beside`: which others are kept."""

    id: str | None = None
    sequence: str | None = None
    label: str | None = None
    beside: Asked = NO_FIELDS

    @property
    def asked(self) -> str | None:
        """The first column that is named."""
        first = self.beside.fields[0][0] if self.beside.by_name and self.beside.fields else None
        return self.id or self.sequence or self.label or first


USUAL = Columns()


@dataclass
class Raw:
    """What an object holds: values, not looked at yet, and (n,) columns of strings beside them, None where there are
    none. `alphabet`: what the object itself says; `molecules`: letters of DNA, RNA or protein for certain.
    """

    values: list[object] | AnyArray
    ids: list[str] | None = None
    labels: list[str] | None = None
    descriptions: list[str] | None = None
    alphabet: Alphabet | None = None
    molecules: bool = False
    columns: Beside = field(default_factory=Beside)
    left_out: tuple[str, ...] = ()
    """Columns whose values cannot stand beside sequences."""


def raw_of(given: object, what: str, columns: Columns) -> Raw:
    """The content of `given`, which is the argument `what`. Raises ParameterError for what holds no sequences, and for
    columns that are named where there are none."""
    if type(given) is list and given and type(given[0]) is str and columns.asked is None:
        return Raw(list(given))  # what most give, sooner
    if (frame := _frame_of(given)) is not None:
        return _of_frame(frame, what, columns)
    if columns.asked is not None:
        raise ParameterError(f"{what}: {_kind(given)} has no column {columns.asked!r}: only a data frame has columns")
    if isinstance(given, (str, bytes, bytearray, memoryview)):
        return Raw([given if isinstance(given, (str, bytes)) else bytes(given)])
    if isinstance(given, np.ndarray) and given.ndim and given.dtype.kind in "biuf":
        return Raw(given)
    if (values := column_values(given)) is not None:
        return Raw(values, _index_of(given))
    if _is_record(given):
        return _of_records([given], what)
    _require_sequences(given, what)
    if not isinstance(given, Iterable):
        raise ParameterError(f"{what} has to be sequences, strings or arrays, not {_kind(given)}")
    items = list(given)
    if items and _is_record(items[0]):
        return _of_records(items, what)
    return Raw(items)


def column_values(given: object) -> list[object] | None:
    """The values of a column: a Series of pandas or polars, an array of pyarrow or NumPy; None for anything else."""
    if isinstance(given, np.ndarray):
        return list(given) if given.ndim else None
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(given, "dtype" if name != "to_pylist" else "type") and callable(getattr(given, name, None)):
            return list(getattr(given, name)())
    return None


def is_missing(value: object) -> bool:
    """Whether a value is one of the words for none: None, NaN, pandas.NA, NaT."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def names_in(values: Iterable[object]) -> list[str]:
    """A column of ids, labels or descriptions as strings, "" for what is missing; whole floats lose their point."""
    return [value if isinstance(value, str) else "" if is_missing(value) else _spelled(value) for value in values]


def _spelled(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _kind(given: object) -> str:
    name = type(given).__qualname__
    shape = getattr(given, "shape", None)
    return (
        f"a {name} of shape {shape}"
        if isinstance(shape, tuple)
        else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
    )


def _require_sequences(given: object, what: str) -> None:
    """Raise ParameterError, with the remedy, for what would be mistaken when it is looked at item by item."""
    problem = ""
    if isinstance(given, os.PathLike):
        problem = f"is a path: read it first, seqsearch.read({os.fspath(given)!r})"
    elif callable(getattr(given, "read", None)):
        problem = "is an open file: read it by its name, seqsearch.read(NAME)"
    elif isinstance(given, Mapping):
        problem = "is a dictionary: give its values as a list, or seqsearch.as_sequences(values, ids=keys)"
    elif isinstance(given, (set, frozenset)):
        problem = "is a set, which has no order: give a list"
    elif hasattr(given, "collect") and hasattr(given, "collect_schema"):
        problem = "is a LazyFrame: collect it first, frame.collect()"
    elif getattr(given, "shape", None) == () or isinstance(given, (int, float, complex)):
        problem = f"has to be sequences, strings or arrays, not {given!r}"
    if problem:
        raise ParameterError(f"{what} {problem}")


# -- data frames -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Frame:
    """A data frame: the names of its columns, and how one is had."""

    kind: str
    names: list[str]
    get: Callable[[int], object]
    index: list[str] | None = None

    def column(self, wanted: str | None, usual: tuple[str, ...], what: str) -> str | None:
        """The column called `wanted`, otherwise the first with a usual name. Raises ParameterError."""
        titles = {name.strip().lower(): name for name in reversed(self.names)}
        if wanted is None:
            return next((titles[title] for title in usual if title in titles), None)
        if wanted in self.names:
            return wanted
        if wanted.strip().lower() not in titles:
            raise ParameterError(f"{what} has no column {wanted!r}: the columns are {self.shown}")
        return titles[wanted.strip().lower()]

    def content(self, name: str, what: str) -> list[object]:
        """The values of a column. Raises ParameterError where two are called so."""
        if self.names.count(name) > 1:
            raise ParameterError(f"{what} has {self.names.count(name)} columns called {name!r}")
        values = column_values(self.get(self.names.index(name)))
        assert values is not None
        return values

    def beside(self, asked: Asked, taken: list[str], what: str) -> tuple[Beside, tuple[str, ...]]:
        """The columns to keep, and the names of those that cannot be kept. Raises ParameterError, InputError."""

        def lacks(problem: str) -> ParameterError:
            return ParameterError(f"{what}: {problem}; the columns are {self.shown}")

        made, left_out = {}, []
        for name, kind in asked.among(self.names, taken, lacks):
            try:
                made[name] = column_of(self.get(self.names.index(name)), kind)  # type: ignore[arg-type]
            except UnfitValue as unfit:
                if not asked.fields:
                    left_out.append(name)
                    continue
                error = unfit.error(name, inferred=False)
                error.path, error.record = what, unfit.row + 1
                raise error from None
        return Beside(made), tuple(left_out)

    @property
    def shown(self) -> str:
        return ", ".join(repr(name[:40]) for name in self.names[:50])


def _frame_of(given: object) -> _Frame | None:
    """`given` as a frame, None if it is something else."""
    kind = type(given).__name__
    names, column = getattr(given, "column_names", None), getattr(given, "column", None)
    if isinstance(names, list) and callable(column):  # of pyarrow
        return _Frame(kind, names, column)
    shape, get = getattr(given, "shape", None), getattr(given, "__getitem__", None)
    if not isinstance(shape, tuple) or len(shape) != 2 or not hasattr(given, "columns") or get is None:
        return None
    titles = list(given.columns)
    return _Frame(kind, [str(title) for title in titles], lambda place: get(titles[place]), _index_of(given))


def _index_of(given: object) -> list[str] | None:
    """The index of a pandas object, if it is of strings: numbers are positions, which are no ids."""
    index = getattr(given, "index", None)
    if index is None or callable(index) or not hasattr(index, "nlevels") or index.nlevels != 1:
        return None
    names = list(index)
    return names if names and all(isinstance(name, str) for name in names) else None


def _of_frame(frame: _Frame, what: str, columns: Columns) -> Raw:
    sequence = frame.column(columns.sequence, SEQUENCE_NAMES, what)
    if sequence is None:
        first = frame.names[0] if frame.names else ""
        raise ParameterError(
            f"{what} is a {frame.kind} with the columns {frame.shown}, none of which is known to hold the sequences: "
            f"give that column, such as frame[{first!r}], or "
            f"seqsearch.as_sequences(frame, sequence={first!r}, alphabet=...)"
        )

    def texts(wanted: str | None, usual: tuple[str, ...]) -> list[str] | None:
        name = frame.column(wanted, usual, what)
        return None if name is None or name == sequence else names_in(frame.content(name, what))

    ids = texts(columns.id, ID_NAMES)
    raw = Raw(
        frame.content(sequence, what),
        frame.index if ids is None else ids,
        texts(columns.label, LABEL_NAMES),
        texts(None, DESCRIPTION_NAMES),
    )
    usual = ((columns.id, ID_NAMES), (columns.label, LABEL_NAMES), (None, DESCRIPTION_NAMES))
    found = [frame.column(wanted, names, what) for wanted, names in usual]
    roles = [name for name in found if name is not None]
    raw.columns, raw.left_out = frame.beside(columns.beside, [sequence, *roles], what)
    return raw


def table_of(given: object, what: str, id_column: str | None, asked: Asked) -> tuple[list[str], Beside] | None:
    """The ids and the columns of a data frame, None for anything else; ids are a column, by default one with a usual
    name, or an index of strings. Raises ParameterError."""
    frame = _frame_of(given)
    if frame is None:
        return None
    id = frame.column(id_column, ID_NAMES, what)
    if id is None and frame.index is None:
        raise ParameterError(f"{what}: no column is known to hold the ids; the columns are {frame.shown}")
    ids = frame.index if id is None else names_in(frame.content(id, what))
    assert ids is not None
    return ids, frame.beside(asked, [] if id is None else [id], what)[0]


# -- records ---------------------------------------------------------------------------------------------------------


def _is_record(given: object) -> bool:
    """Whether it is a record of another package, or its letters alone (`Bio.Seq.Seq`)."""
    if isinstance(given, (str, bytes, np.ndarray)):
        return False
    own = (hasattr(given, "seq") and hasattr(given, "id")) or (hasattr(given, "name") and hasattr(given, "sequence"))
    return own or isinstance(getattr(given, "metadata", None), Mapping) or hasattr(given, "reverse_complement")


def _of_records(records: list[object], what: str) -> Raw:
    """Columns of records. Raises InputError for one that is none."""
    values: list[object] = []
    ids, descriptions = [], []
    for number, record in enumerate(records, start=1):
        if not _is_record(record):
            problem = f"the value is {_kind(record)}, not a record like the first, {_kind(records[0])}"
            raise InputError(problem, path=what, record=number)
        facts = getattr(record, "metadata", None)
        told: Mapping[str, object] = facts if isinstance(facts, Mapping) else {}
        name = told.get("id") or getattr(record, "id", None) or getattr(record, "name", None)
        described = told.get("description") or getattr(record, "description", None) or ""
        letters = getattr(record, "seq", None) or getattr(record, "sequence", None) or record
        id = "" if name is None or name in _UNKNOWN else str(name)
        text = "" if described in _UNKNOWN else str(described)
        if not isinstance(facts, Mapping):
            id, _, rest = id.partition(" ")  # dnaio keeps the header whole
            text = text.removeprefix(id).strip() or rest.strip()
        values.append(letters if isinstance(letters, bytes) else str(letters))
        ids.append(id or str(number))
        descriptions.append(text)
    named = any(id != str(number) for number, id in enumerate(ids, start=1))
    return Raw(values, ids if named else None, None, descriptions, _molecule(records[0]), molecules=True)


def _molecule(record: object) -> Alphabet | None:
    """What a record says that it is: by its class in scikit-bio, by an annotation in BioPython."""
    facts = getattr(record, "annotations", None)
    said = str(facts.get("molecule_type", "")) if isinstance(facts, Mapping) else type(record).__name__
    return {"dna": DNA, "rna": RNA, "mrna": RNA, "protein": PROTEIN}.get(said.lower())
