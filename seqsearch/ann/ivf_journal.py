"""What changed in an index of lists since its file was written, and the file of these changes.

Changes are kept in the order they came: rows that were added, with codes and lists; rows that were removed; lists that
were split, with their new centres. Repeated on the state before, they give the same lists in the same order. A history,
the hash of all changes since the index learned its codes, tells which file follows which.

    fields    before, after: histories; width: words of a code
    changes   (m, 3) i64: 0 added, 1 removed, 2 split; how many rows or centres; the list that is split
    rows      (r,) i64, added or removed, change after change
    lists     (a,) i32 and codes (a, 4 width) u8, of the added ones
    centres   (c, D) f32
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b

import numpy as np

from .. import mapped
from ..arrays import AnyArray, FloatArray, IntArray
from ..errors import StrPath
from .rows import BIGGEST

KIND = "ivf-changes"
ADDED, REMOVED, SPLIT = range(3)
WORTH = 4
"""Beyond one in so many rows changed, a file of changes is no better than a whole one."""

ARRAYS = {"changes": ("<i8", 2), "rows": ("<i8", 1), "lists": ("<i4", 1), "codes": ("|u1", 2), "centres": ("<f4", 2)}

Change = tuple[int, IntArray, AnyArray, AnyArray]
"""Kind, rows, and codes and lists; or centres and [the list]."""


class Journal:
    """Changes since the last file; without `keeps` (no file yet, or too many changes) only the history of them."""

    def __init__(self, history: str = "", *, keeps: bool = False) -> None:
        self.history = self._before = history
        self._keeps = keeps
        self._changes: list[Change] = []
        self._changed = 0

    def added(self, rows: IntArray, codes: AnyArray, lists: IntArray) -> None:
        """Rows (n,) came, with codes (n, W) and the lists of them (n,)."""
        self._note((ADDED, rows, codes, lists))

    def removed(self, rows: IntArray) -> None:
        """Rows (n,) went."""
        self._note((REMOVED, rows, rows[:0], rows[:0]))

    def split(self, number: int, centres: FloatArray) -> None:
        """A list was split among centres (p, D)."""
        self._note((SPLIT, np.zeros(0, dtype=np.int64), centres, np.array([number])))

    def _note(self, change: Change) -> None:
        hashed = blake2b(f"{self.history} {change[0]}".encode(), digest_size=16)
        for array in change[1:]:
            hashed.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        self.history = hashed.hexdigest()
        if self._keeps:
            self._changes.append(change)
            self._changed += max(1, len(change[1]))

    def worth_keeping(self, rows: int) -> bool:
        """Whether a file of the changes is much smaller than one of all `rows`; if not, no more are kept."""
        if self._changed > rows // WORTH:
            self._keeps, self._changes = False, []
        return self._keeps

    def save(self, path: StrPath, words: int, dim: int) -> None:
        """Write the changes, and begin anew from here."""
        numbers = [
            (kind, len(content), int(lists[0])) if kind == SPLIT else (kind, len(rows), 0)
            for kind, rows, content, lists in self._changes
        ]
        nothing = np.zeros(0, dtype=np.int64)
        added = [change for change in self._changes if change[0] == ADDED]
        centres = [change[2] for change in self._changes if change[0] == SPLIT]
        codes = np.concatenate([np.zeros((0, words), dtype=np.uint32), *(change[2] for change in added)])
        arrays: dict[str, AnyArray] = {
            "changes": np.array(numbers, dtype=np.int64).reshape(-1, 3),
            "rows": np.concatenate([nothing, *(change[1] for change in self._changes)]),
            "lists": np.concatenate([nothing, *(change[3] for change in added)]).astype(np.int32),
            "codes": codes.view(np.uint8),
            "centres": np.concatenate([np.zeros((0, dim), dtype=np.float32), *centres]),
        }
        mapped.write(path, KIND, {"before": self._before, "after": self.history, "width": words}, arrays)
        self._before, self._changes, self._changed = self.history, [], 0


def replayed(path: StrPath, history: str, words: int, dim: int, apply: Callable[[Change], None]) -> str:
    """Hand the changes in a file, one after the other, to `apply`; the history after them.

    CorruptIndexError for a file that does not follow this history, and for what `apply` refuses by ValueError or
    KeyError.
    """
    fields, arrays = mapped.read(path, KIND)
    for name, (dtype, ndim) in ARRAYS.items():
        if name not in arrays or arrays[name].dtype.str != dtype or arrays[name].ndim != ndim:
            raise mapped.corrupt(path, f"the array {name!r} is missing or has another type")
    if fields.get("before") != history:
        raise mapped.corrupt(path, "its changes are not those that follow what the index holds")
    try:
        for change in _changes(arrays, words, dim):
            apply(change)
    except (ValueError, KeyError) as error:
        raise mapped.corrupt(path, str(error)) from error
    return str(fields.get("after"))


def _changes(arrays: dict[str, AnyArray], words: int, dim: int) -> Iterator[Change]:
    changes, rows, lists, codes, centres = (arrays[name] for name in ARRAYS)
    if changes.shape[1] != 3 or (changes[:, :2] < 0).any() or (changes[:, 0] > SPLIT).any():
        raise ValueError("a change is of no kind that there is")
    wanted = [int(changes[np.isin(changes[:, 0], kinds), 1].sum()) for kinds in ((ADDED, REMOVED), (ADDED,), (SPLIT,))]
    if wanted != [len(rows), len(lists), len(centres)] or codes.shape != (len(lists), 4 * words):
        raise ValueError("its changes are of more or fewer rows than there are")
    if centres.shape[1] != dim or not (np.abs(centres) <= 2 * BIGGEST).all():
        raise ValueError("a centre has another width, or a value that cannot be")
    at = added = split = 0
    for kind, count, number in changes.tolist():
        if kind == SPLIT:
            yield kind, rows[:0], centres[split : split + count].copy(), np.array([number])
            split += count
            continue
        of_change = rows[at : at + count].copy()
        at += count
        if kind == REMOVED:
            yield kind, of_change, rows[:0], rows[:0]
        else:
            part = slice(added, added + count)
            yield kind, of_change, codes[part].copy().view(np.uint32), lists[part].astype(np.int64)
            added += count
