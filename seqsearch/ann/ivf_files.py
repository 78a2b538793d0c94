"""The file of an index of lists, and the proof that a file is sound before any of it is believed.

fields     geometry, dim, lists (asked for, or null), bits, target, seed; learned; effort, code_recall, history
centres    (L, D) f32: of the lists; D is dim, padded
books      f32: see `Coder`
codes      (E, bytes of a code) u8: of the entries, which are numbered in order of arrival
lists      (E,) i32: the list of each entry
rows       (n,) i32, ascending, and entries (n,) i32: the entry of each row
vectors    (n, dim) f32: while nothing was learned, those of the rows; there are no other arrays with content then
"""

from __future__ import annotations

import numpy as np

from .. import mapped
from ..arrays import JSON, AnyArray, FloatArray, IntArray
from ..errors import StrPath
from .exact import ExactIndex
from .groups import RowGroups
from .ivf_codes import Coder, words_of
from .ivf_entries import Entries
from .ivf_lists import ListSettings, ListTable
from .rows import BIGGEST

ARRAYS = {
    "centres": ("<f4", 2),
    "books": ("<f4", 2),
    "codes": ("|u1", 2),
    "lists": ("<i4", 1),
    "rows": ("<i4", 1),
    "entries": ("<i4", 1),
    "vectors": ("<f4", 2),
}
SETTINGS = ("geometry", "dim", "lists", "bits", "target", "seed")
CHUNK = 1 << 16

Learned = tuple[ListTable, RowGroups, str]


def save_few(path: StrPath, kind: str, settings: ListSettings, rows: IntArray, vectors: FloatArray) -> None:
    """The file of an index that has learned nothing yet."""
    fields = _fields(settings) | {"learned": False, "effort": 0, "code_recall": 1.0, "history": ""}
    arrays = {name: np.zeros((0,) * ndim, dtype=dtype) for name, (dtype, ndim) in ARRAYS.items()}
    mapped.write(path, kind, fields, arrays | {"rows": rows.astype(np.int32), "vectors": vectors})


def save(
    path: StrPath, kind: str, settings: ListSettings, table: ListTable, rows: tuple[IntArray, IntArray], history: str
) -> None:
    """The file of one that has; `rows`: the rows and the entry of each, (n,) both, no entry without a row."""
    fields = _fields(settings) | {
        "learned": True,
        "effort": table.effort,
        "code_recall": table.code_recall,
        "history": history,
    }
    entries = table.entries
    arrays: dict[str, AnyArray] = {
        "centres": entries.centres,
        "books": entries.coder.books,
        "codes": entries.settle().view(np.uint8),
        "lists": entries.lists,
        "rows": rows[0].astype(np.int32),
        "entries": rows[1].astype(np.int32),
        "vectors": np.zeros((0, 0), dtype=np.float32),
    }
    mapped.write(path, kind, fields, arrays)


def _fields(settings: ListSettings) -> JSON:
    return {name: getattr(settings, name) for name in SETTINGS}


def load(path: StrPath, kind: str) -> tuple[ListSettings, ExactIndex | Learned]:
    """What one of the two wrote, proved sound; codes stay in the mapped file. Errors as in `CandidateIndex.load`."""
    with mapped.reading(path, kind) as (fields, arrays):
        for name, (dtype, ndim) in ARRAYS.items():
            if name not in arrays or arrays[name].dtype.str != dtype or arrays[name].ndim != ndim:
                raise mapped.corrupt(path, f"the array {name!r} is missing or has another type")
        try:
            settings = ListSettings(**{name: fields[name] for name in SETTINGS})
            if [type(fields[name]) for name in ("learned", "effort", "history")] != [bool, int, str]:
                raise ValueError("a field has another type")
            if not fields["learned"]:
                return settings, _few(settings, arrays)
            table = _table(settings, fields, arrays)
            return settings, (table, _groups(table, arrays["rows"], arrays["entries"]), fields["history"])
        except (ValueError, KeyError, TypeError) as error:
            raise mapped.corrupt(path, str(error)) from error


def _few(settings: ListSettings, arrays: dict[str, AnyArray]) -> ExactIndex:
    if any(len(arrays[name]) for name in ARRAYS if name not in ("rows", "vectors")):
        raise ValueError("there are codes of an index that has learned nothing")
    few = ExactIndex(geometry=settings.geometry, dim=settings.dim)
    vectors = arrays["vectors"]
    if vectors.size and not (np.abs(vectors) <= BIGGEST).all():
        raise ValueError("a vector has a value that cannot be")
    few.add(arrays["rows"].astype(np.int64), vectors if len(vectors) else vectors.reshape(0, settings.dim))
    return few


def _table(settings: ListSettings, fields: JSON, arrays: dict[str, AnyArray]) -> ListTable:
    centres, lists, codes = arrays["centres"].copy(), arrays["lists"], arrays["codes"]
    coder = Coder(settings.bits, settings.width, arrays["books"].copy())
    if wrong := coder.sound():
        raise ValueError(wrong)
    if not 1 <= len(centres) < 2**24 or centres.shape[1] != settings.width:
        raise ValueError("the centres of the lists have another shape")
    if not (np.abs(centres) <= 2 * BIGGEST).all():
        raise ValueError("a centre has a value that cannot be")
    if len(lists) and (lists.min() < 0 or lists.max() >= len(centres)):
        raise ValueError("an entry belongs to a list that is not there")
    if codes.shape != (len(lists), 4 * words_of(settings.width, settings.bits)):
        raise ValueError("the codes have another shape")
    require_sound(coder, codes)
    entries = Entries(coder, centres)
    entries.hold(codes.view(np.uint32), lists)
    table = ListTable(settings, entries)
    recall = fields["code_recall"]
    if not 1 <= fields["effort"] < 2**24 or type(recall) is not float or not 0 <= recall <= 1:
        raise ValueError("a measured field is out of range")
    table.effort, table.code_recall = fields["effort"], recall
    return table


def require_sound(coder: Coder, codes: AnyArray) -> None:
    """ValueError for codes (n, bytes) that are floats and no numbers; all others stand for some vector."""
    if coder.bits is None:
        for at in range(0, len(codes), CHUNK):
            if not (np.abs(codes[at : at + CHUNK].view(np.float32)) <= BIGGEST).all():
                raise ValueError("a vector has a value that cannot be")


def _groups(table: ListTable, rows: AnyArray, entries: AnyArray) -> RowGroups:
    count = table.entries.count
    if len(rows) != len(entries) or (len(entries) and (entries.min() < 0 or entries.max() >= count)):
        raise ValueError("a row belongs to an entry that is not there")
    groups = RowGroups()
    wide = groups.rows.new(rows.astype(np.int64))
    if len(wide) > 1 and not (np.diff(wide) > 0).all():
        raise ValueError("the rows are not ascending")
    groups.reserve(count)
    groups.add(entries.astype(np.int64), wide)
    if (groups.head[:count] < 0).any():
        raise ValueError("an entry has no row")
    return groups
