"""The columns of a table that are kept beside its sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import AnyArray, BoolArray
from ...errors import InputError
from ...extras import FRAMES, imported
from ..column_values import UnfitValue, cast, column_of_texts, kind_of_texts
from ..columns import Asked, Column, Columns, Named
from ..strings import Strings

if TYPE_CHECKING:
    import pyarrow


class TextColumns:
    """Columns of a text file, given batch by batch; kinds that are not named are told from the first batch."""

    def __init__(
        self, header: Sequence[str], asked: Asked, taken: Iterable[int | None], lacks: Callable[[str], Exception]
    ) -> None:
        """`taken`: places of columns that are something else; `lacks` makes an error of a problem."""
        used = [header[place] for place in taken if place is not None and place < len(header)]
        self._named: Named = asked.among(list(header), used, lacks)
        self._places = [header.index(name) for name, _ in self._named]
        self._kinds: list[str] | None = None

    def of(self, rows: Sequence[Sequence[str]], wrong: dict[int, InputError]) -> Columns:
        """The columns of rows of fields; a row with a value that does not fit goes to `wrong`."""
        fields = [[row[place] for row in rows] for place in self._places]
        if self._kinds is None:
            self._kinds = [kind or kind_of_texts(texts) for (_, kind), texts in zip(self._named, fields, strict=True)]
        made = {}
        for (name, asked), kind, texts in zip(self._named, self._kinds, fields, strict=True):
            unfit: list[UnfitValue] = []
            made[name] = column_of_texts(texts, kind, unfit)
            for value in unfit:
                wrong.setdefault(value.row, value.error(name, inferred=asked is None))
        return Columns(made)


def columns_of_arrow(part: pyarrow.RecordBatch | pyarrow.Table, named: Named, wrong: dict[int, InputError]) -> Columns:
    """Some columns of a batch; a row with a value that does not fit the kind asked for goes to `wrong`."""
    made = {}
    for name, kind in named:
        column = column_of_arrow(part.column(name))
        if column is None:
            continue
        try:
            made[name] = column if kind is None else cast(column, kind)
        except UnfitValue:
            unfit: list[UnfitValue] = []
            made[name] = column_of_texts(column.spelled(), kind or column.kind, unfit)
            for value in unfit:
                wrong.setdefault(value.row, value.error(name, inferred=False))
    return Columns(made)


def is_kept(kind: pyarrow.DataType) -> bool:
    """Whether values of an Arrow type can stand beside sequences: numbers, texts, dates, truths, lists of texts."""
    types = imported("pyarrow.types", FRAMES)
    inner = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_list(inner) or types.is_large_list(inner):
        return _is_text(inner.value_type)
    names = ("integer", "floating", "decimal", "boolean", "date", "timestamp", "null")
    return _is_text(inner) or any(getattr(types, f"is_{name}")(inner) for name in names)


def _is_text(kind: pyarrow.DataType) -> bool:
    types = imported("pyarrow.types", FRAMES)
    inner = kind.value_type if types.is_dictionary(kind) else kind
    return any(getattr(types, f"is_{name}")(inner) for name in ("string", "large_string", "string_view"))


def column_of_arrow(given: pyarrow.Array | pyarrow.ChunkedArray) -> Column | None:
    """An array of Arrow as a column; None for a type that none is of."""
    arrow, types = imported("pyarrow", FRAMES), imported("pyarrow.types", FRAMES)
    array = given.combine_chunks() if isinstance(given, arrow.ChunkedArray) else given
    if not is_kept(array.type):
        return None
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    missing: BoolArray = array.is_null().to_numpy(zero_copy_only=False).astype(np.bool_)
    if types.is_null(array.type):
        return Column.blank("text", len(array))
    if types.is_list(array.type) or types.is_large_list(array.type):
        lists = [[label for label in labels or () if label is not None] for labels in array.to_pylist()]
        return Column.of_lists(lists, missing)
    if _is_text(array.type):
        return Column("text", missing, texts=Strings.of(text or "" for text in array.to_pylist()))
    kind, plain = _numbers(array)
    if kind == "float":
        missing = missing | np.isnan(plain)
    return Column(kind, missing, np.where(missing, np.zeros(1, plain.dtype), plain))


def _numbers(array: pyarrow.Array) -> tuple[str, AnyArray]:
    """The kind of numbers, dates or truths, and their values as a column keeps them; anything where they are null."""
    arrow, types = imported("pyarrow", FRAMES), imported("pyarrow.types", FRAMES)
    compute = imported("pyarrow.compute", FRAMES)
    if types.is_boolean(array.type):
        return "bool", compute.fill_null(array, False).to_numpy(zero_copy_only=False).astype(np.bool_)
    if types.is_floating(array.type) or types.is_decimal(array.type):
        return "float", array.cast(arrow.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    kind = "int"
    if types.is_date(array.type):
        kind, array = "date", array.cast(arrow.date32()).cast(arrow.int32())
    elif types.is_timestamp(array.type):
        kind, array = "datetime", array.cast(arrow.timestamp("us", array.type.tz), safe=False)
    whole = compute.fill_null(array.cast(arrow.int64()), 0)
    return kind, whole.to_numpy(zero_copy_only=False).astype(np.int64)
