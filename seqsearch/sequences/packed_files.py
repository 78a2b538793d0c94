"""Files of stored sequences that are mapped into memory: letters, texts, and hashes of the ids in order.

    letters                 DNA and RNA at two bits (see `packing`), else tokens as they are; series (steps, F) float32
    offsets                 (n + 1,) where each sequence begins, in letters or steps
    ids, descriptions, labels, each with NAME-offsets     UTF-8; no such arrays where all are empty
    hashes, rows            (n,) hashes of the ids, ascending, and the row of each, counted from the first of the file
    exceptions, symbols     places and codes of the letters that two bits cannot say

The fields name the first row, the number of rows, the alphabet and the features. The container is that of `mapped`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import mapped
from ..arrays import JSON, AnyArray, ByteArray, IntArray
from ..errors import StrPath
from . import packing
from .alphabet import Alphabet
from .ids import Hashes, hash_ids
from .packed import Letters, PackedLetters, Part, Texts, is_packable
from .sequence import Sequences
from .strings import Strings

KIND = "sequences"
TEXTS = ("ids", "descriptions", "labels")
_FEW = 1 << 16  # exceptions that are no reason not to pack
_SHARE = 12  # letters for each exception: with fewer the list takes more than two bits a letter save
_BLOCK = 1 << 20


class Sizes(NamedTuple):
    """What a file will hold: rows, letters or steps, and bytes of each text column."""

    rows: int
    steps: int
    ids: int
    descriptions: int
    labels: int


class Contents(NamedTuple):
    """What a set is of: an alphabet, as fields spell it and as it is, or series of some features."""

    spelled: JSON | None
    alphabet: Alphabet | None
    features: int

    def fields(self, first: int, rows: int) -> JSON:
        """The fields of a file of such rows."""
        return {"first": first, "rows": rows, "alphabet": self.spelled, "features": self.features}


@dataclass(frozen=True)
class SequenceFile:
    """Rows `first` .. `first` + len(`part`) of a store, mapped; `hashes` of their ids, ascending, and their `rows`."""

    path: str
    first: int
    part: Part
    hashes: Hashes
    rows: AnyArray

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.first + len(self.part)


# -- writing --------------------------------------------------------------------------------------------------------


class _TooManyExceptions(Exception):
    pass


def write(path: StrPath, batches: Callable[[], Iterable[Sequences]], sizes: Sizes, first: int, what: Contents) -> None:
    """Write the rows that `batches` gives, from the first again at each call, `sizes` of them in all.

    Holds a batch, and 16 bytes a row, in memory. Raises OSError.
    """
    fields = what.fields(first, sizes.rows)
    if is_packable(what.alphabet):
        try:
            with mapped.writing(path, KIND, fields) as pieces:
                _fill(pieces, batches(), sizes, what, packed=True)
            return
        except _TooManyExceptions:
            pass
    with mapped.writing(path, KIND, fields) as pieces:
        _fill(pieces, batches(), sizes, what, packed=False)


def _fill(pieces: mapped.Pieces, batches: Iterable[Sequences], sizes: Sizes, what: Contents, *, packed: bool) -> None:
    _declare(pieces, sizes, what, packed)
    at = np.zeros(5, np.int64)
    hashes = np.empty(sizes.rows, np.uint64)
    exceptions = [np.zeros(0, np.int64)]
    symbols = [np.zeros(0, np.uint8)]
    for batch in batches:
        rows, steps = int(at[0]), int(at[1])
        offsets = batch.offsets - batch.offsets[0]
        data = batch.data[batch.offsets[0] : batch.offsets[-1]]
        if packed:
            letters, places, codes = packing.pack(data, offsets, steps, rows)
            pieces.put("letters", (steps + 3 * rows) // 4, letters)
            exceptions.append(places)
            symbols.append(codes)
            if sum(map(len, exceptions)) > max(_FEW, sizes.steps // _SHARE):
                raise _TooManyExceptions
        else:
            pieces.put("letters", steps, data)
        pieces.put("offsets", rows + 1, offsets[1:] + steps)
        columns = (batch.ids, batch.descriptions, batch.labels)
        for name, column, size, before in zip(TEXTS, columns, sizes[2:], at[2:].tolist(), strict=True):
            if size:
                start = column.offsets[0]
                pieces.put(name, before, column.data[start : column.offsets[-1]])
                pieces.put(f"{name}-offsets", rows + 1, column.offsets[1:] - start + before)
        hashes[rows : rows + len(batch)] = hash_ids(batch.ids)
        at += [len(batch), len(data), *(int(column.offsets[-1] - column.offsets[0]) for column in columns)]
    if at.tolist() != list(sizes):
        raise ValueError(f"{at.tolist()} where {list(sizes)} were announced")
    order = np.argsort(hashes, kind="stable")
    pieces.put("hashes", 0, hashes[order])
    pieces.put("rows", 0, order)
    if packed:
        for name, dtype, parts in (("exceptions", "<i8", exceptions), ("symbols", "|u1", symbols)):
            listed = np.concatenate(parts)
            pieces.declare(name, dtype, len(listed))
            pieces.put(name, 0, listed)


def _declare(pieces: mapped.Pieces, sizes: Sizes, what: Contents, packed: bool) -> None:
    if packed:
        pieces.declare("letters", "|u1", packing.packed_bytes(sizes.steps, sizes.rows))
    elif what.alphabet is None:
        pieces.declare("letters", "<f4", sizes.steps, what.features)
    else:
        pieces.declare("letters", what.alphabet.dtype.newbyteorder("<").str, sizes.steps)
    pieces.declare("offsets", "<i8", sizes.rows + 1)
    for name, size in zip(TEXTS, sizes[2:], strict=True):
        if size:
            pieces.declare(name, "|u1", size)
            pieces.declare(f"{name}-offsets", "<i8", sizes.rows + 1)
    pieces.declare("hashes", "<u8", sizes.rows)
    pieces.declare("rows", "<u4", sizes.rows)


# -- reading --------------------------------------------------------------------------------------------------------


def read(path: StrPath, first: int, rows: int, what: Contents, digest: str) -> SequenceFile:
    """The file of these rows, mapped, once its checksum is `digest` and holds, and every number in it makes sense.

    Raises CorruptIndexError for every file that `write` cannot have written, NotAnIndexError where there is none.
    """
    with mapped.reading(path, KIND) as (fields, arrays):
        if fields != what.fields(first, rows) or mapped.digest_of(path) != digest:
            raise mapped.corrupt(path, "it holds other sequences than those that were recorded")
        try:
            return _checked(path, first, rows, what, arrays)
        except KeyError as missing:
            raise mapped.corrupt(path, f"the array {missing} is missing") from None


def _checked(path: StrPath, first: int, rows: int, what: Contents, arrays: dict[str, AnyArray]) -> SequenceFile:
    offsets = arrays.pop("offsets")
    _require(path, offsets.dtype == np.int64 and offsets.shape == (rows + 1,), "its offsets are not one a row")
    data = arrays.pop("letters")
    packed = "exceptions" in arrays and is_packable(what.alphabet)
    steps = int(offsets[-1])
    _require(path, _ascends(offsets, steps), "its offsets do not ascend")
    letters = (
        _packed(path, data, offsets, what, arrays) if packed else Letters(_plain(path, data, steps, what), offsets)
    )
    texts = Texts(*(_texts(path, name, rows, arrays) for name in TEXTS))
    hashes, places = arrays.pop("hashes"), arrays.pop("rows")
    sound = hashes.dtype == np.uint64 and places.dtype == np.uint32 and hashes.shape == places.shape == (rows,)
    _require(path, sound and bool((hashes[1:] >= hashes[:-1]).all()), "the hashes of its ids are not in order")
    _require(path, int(places.max(initial=0)) < max(rows, 1), "it names rows that it does not hold")
    _require(path, not arrays, f"it holds arrays that do not belong there: {sorted(arrays)}")
    return SequenceFile(os.fspath(path), first, Part(letters, texts), hashes, places)


def _packed(
    path: StrPath, data: AnyArray, offsets: IntArray, what: Contents, arrays: dict[str, AnyArray]
) -> PackedLetters:
    places, symbols = arrays.pop("exceptions"), arrays.pop("symbols")
    size = packing.packed_bytes(int(offsets[-1]), len(offsets) - 1)
    _require(path, data.dtype == np.uint8 and data.shape == (size,), "its letters are not as many as it says")
    known = len(what.alphabet.letters) if what.alphabet is not None else 0
    sound = (
        places.dtype == np.int64
        and symbols.dtype == np.uint8
        and places.ndim == 1
        and places.shape == symbols.shape
        and bool((places[1:] > places[:-1]).all())
        and (not len(places) or (int(places[0]) >= 0 and int(places[-1]) < int(offsets[-1])))
        and int(symbols.min(initial=packing.CANONICAL)) >= packing.CANONICAL
        and int(symbols.max(initial=0)) < known
    )
    _require(path, sound, "its exceptions are not places and symbols")
    return PackedLetters.of(data, offsets, places, symbols)


def _plain(path: StrPath, data: AnyArray, steps: int, what: Contents) -> AnyArray:
    shape = (steps,) if what.alphabet is not None else (steps, what.features)
    kind = np.dtype(np.float32) if what.alphabet is None else what.alphabet.dtype
    _require(path, data.shape == shape and data.dtype == kind, "its letters are not as many as it says")
    for start in range(0, steps, _BLOCK):
        part = data[start : start + _BLOCK]
        good = np.isfinite(part).all() if what.alphabet is None else int(part.max()) < what.alphabet.size
        _require(path, bool(good), "it holds letters or steps that cannot be")
    return data


def _texts(path: StrPath, name: str, rows: int, arrays: dict[str, AnyArray]) -> Strings:
    if name not in arrays:
        return Strings(np.zeros(0, np.uint8), np.broadcast_to(np.int64(0), (rows + 1,)))
    data, offsets = arrays.pop(name), arrays.pop(f"{name}-offsets")
    shaped = data.dtype == np.uint8 and data.ndim == 1 and offsets.dtype == np.int64 and offsets.shape == (rows + 1,)
    _require(path, shaped and _ascends(offsets, len(data)), f"its {name} do not lie in order")
    _require(path, _is_text(data, offsets), f"its {name} are not UTF-8")
    return Strings(data, offsets)


def _ascends(offsets: IntArray, total: int) -> bool:
    return int(offsets[0]) == 0 and int(offsets[-1]) == total >= 0 and bool((offsets[1:] >= offsets[:-1]).all())


def _is_text(data: ByteArray, offsets: IntArray) -> bool:
    """Whether each string is UTF-8: all of it is, and none begins within a character."""
    plain = all(int(data[start : start + _BLOCK].max()) < 0x80 for start in range(0, len(data), _BLOCK))
    if plain:
        return True
    begins = offsets[:-1][offsets[:-1] < len(data)]
    if ((data[begins] & 0xC0) == 0x80).any():
        return False
    try:
        for start in range(0, len(offsets) - 1, _BLOCK):
            stop = min(start + _BLOCK, len(offsets) - 1)
            data[offsets[start] : offsets[stop]].tobytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _require(path: StrPath, holds: bool, why: str) -> None:
    if not holds:
        raise mapped.corrupt(path, why)
