"""Chunks of columns: up to 8,192 values, or about 1 MB, of one column in one value."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from ..arrays import AnyArray, BoolArray
from ..errors import CorruptIndexError
from ..sequences import Strings, offsets_of
from ..sequences.columns import DTYPES, KINDS, Column, widened
from .chunks import CHUNK_BYTES
from .envelope import SEAL_BYTES, column_key, column_place, describe, is_column, unseal
from .environment import Transaction

COLUMN_ROWS = 8192
_HEAD = struct.Struct("<IIQ")  # rows, kind, bytes of texts


def pack_column(part: Column) -> bytes:
    """Rows, kind and bytes of texts; a bit a row that is missing; then numbers, or lengths of texts (uint32) and the
    texts; of lists the number of labels of each row (uint32) before these."""
    texts = part.texts.data[part.texts.offsets[0] : part.texts.offsets[-1]].tobytes()
    pieces = [_HEAD.pack(len(part), KINDS.index(part.kind), len(texts)), np.packbits(part.missing).tobytes()]
    if part.kind in DTYPES:
        return b"".join([*pieces, part.numbers.astype(DTYPES[part.kind]).tobytes()])
    if part.bounds is not None:
        pieces.append(part.counts.astype("<u4").tobytes())
    return b"".join([*pieces, np.diff(part.texts.offsets).astype("<u4").tobytes(), texts])


def column_rows(value: memoryview) -> int:
    """The number of rows that a sealed chunk announces."""
    return int(_HEAD.unpack_from(value, SEAL_BYTES)[0]) if len(value) >= SEAL_BYTES + _HEAD.size else 0


def unpack_column(value: memoryview) -> Column:
    """A column of its own memory from a sealed chunk whose checksum holds. Raises CorruptIndexError."""
    try:
        return _unpacked(value[SEAL_BYTES:])
    except (struct.error, ValueError, IndexError):
        raise CorruptIndexError("a column chunk does not have the length it announces") from None


def _unpacked(payload: memoryview) -> Column:
    rows, number, size = _HEAD.unpack_from(payload)
    kind, at = KINDS[number], _HEAD.size
    bits = (rows + 7) // 8
    missing: BoolArray = np.unpackbits(np.frombuffer(payload, np.uint8, bits, at))[:rows].astype(np.bool_)
    at += bits
    if kind in DTYPES:
        numbers: AnyArray = np.frombuffer(payload, DTYPES[kind], rows, at)
        _require_end(payload, at + numbers.nbytes)
        return Column(kind, missing, numbers.copy())
    bounds = None
    if kind == "list":
        bounds = offsets_of(np.frombuffer(payload, "<u4", rows, at))
        at += 4 * rows
    labels = rows if bounds is None else int(bounds[-1])
    offsets = offsets_of(np.frombuffer(payload, "<u4", labels, at))
    texts = np.frombuffer(payload, np.uint8, size, at + 4 * labels)
    _require_end(payload, at + 4 * labels + size)
    if int(offsets[-1]) != size:
        raise CorruptIndexError("the lengths in a column chunk do not add up")
    return Column(kind, missing, texts=Strings(texts.copy(), offsets), bounds=bounds)


def _require_end(payload: memoryview, end: int) -> None:
    if end != len(payload):
        raise CorruptIndexError("a column chunk does not have the length it announces")


def cut_column(column: Column) -> Iterator[Column]:
    """Consecutive parts of at most COLUMN_ROWS rows and about CHUNK_BYTES, at least one row each."""
    sizes = np.full(len(column), 8, np.int64)
    if column.kind == "text":
        sizes += np.diff(column.texts.offsets)
    elif column.bounds is not None:
        sizes += np.diff(column.texts.offsets[column.bounds]) + 4 * column.counts
    ends, start = np.cumsum(sizes), 0
    while start < len(column):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + CHUNK_BYTES, side="right"))
        stop = min(max(stop, start + 1), start + COLUMN_ROWS, len(column))
        yield column.window(start, stop)
        start = stop


def proved_column(key: bytes, value: memoryview, kind: str) -> Column:
    """The chunk of a column of this kind, once its checksum holds. Raises CorruptIndexError."""
    unseal(key, value)
    column = widened(unpack_column(value), kind)
    if column.kind != kind:
        raise CorruptIndexError(f"{describe(key)} holds {column.kind} in place of {kind}")
    return column


def last_chunk(transaction: Transaction, number: int) -> tuple[bytes, memoryview] | None:
    """The last chunk of a column, sealed, and its key."""
    cursor = transaction.cursor()
    found = cursor.set_range(column_key(number + 1, 0))
    if not (cursor.prev() if found else cursor.last()):
        return None
    key = bytes(cursor.key())
    return (key, cursor.value()) if is_column(key) and column_place(key)[0] == number else None


def end_of(key: bytes, value: memoryview) -> int:
    """The row after the last of a chunk."""
    return column_place(key)[1] + column_rows(value)
