"""Chunks: up to 1,024 rows, or about 1 MB, of sequences or vectors in one value."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import CorruptIndexError
from ..sequences import Alphabet, Sequences, Strings, offsets_of
from .envelope import SEAL_BYTES

CHUNK_ROWS = 1024
CHUNK_BYTES = 1 << 20

_SEQUENCES = struct.Struct("<IIQQQQ")  # rows, unused, steps, bytes of ids, of descriptions, of labels
_VECTORS = struct.Struct("<II")  # rows, bytes of a row


class Extent(NamedTuple):
    """The sizes a chunk announces: rows, steps, and bytes of ids, descriptions and labels."""

    rows: int
    steps: int
    ids: int
    descriptions: int
    labels: int


def pack_sequences(part: Sequences) -> bytes:
    """The columns of a set one after the other: four columns of lengths (uint32), data, ids, descriptions, labels."""
    strings = (part.ids, part.descriptions, part.labels)
    texts = [column.data[column.offsets[0] : column.offsets[-1]].tobytes() for column in strings]
    lengths = [part.lengths, *(np.diff(column.offsets) for column in strings)]
    data = np.ascontiguousarray(part.data[part.offsets[0] : part.offsets[-1]])
    head = _SEQUENCES.pack(len(part), 0, len(data), *map(len, texts))
    return b"".join([head, *(column.astype("<u4").tobytes() for column in lengths), data.tobytes(), *texts])


def extent_of(value: memoryview, step_bytes: int) -> Extent:
    """The announced sizes of a sealed sequence chunk, checked against its length. Raises CorruptIndexError."""
    if len(value) < SEAL_BYTES + _SEQUENCES.size:
        raise CorruptIndexError("a sequence chunk is too short")
    rows, _, *sizes = _SEQUENCES.unpack_from(value, SEAL_BYTES)
    extent = Extent(rows, *sizes)
    texts = extent.ids + extent.descriptions + extent.labels
    if SEAL_BYTES + _SEQUENCES.size + 16 * rows + extent.steps * step_bytes + texts != len(value):
        raise CorruptIndexError("a sequence chunk does not have the length it announces")
    return extent


class Columns(NamedTuple):
    """The raw columns of a chunk: views that live as long as the transaction they were read in."""

    lengths: AnyArray  # (4, rows) uint32: steps, bytes of id, of description, of label
    data: AnyArray  # (steps,) tokens or (steps, F) float32
    texts: tuple[AnyArray, AnyArray, AnyArray]  # bytes of ids, descriptions, labels

    def rows(self, first: int, stop: int) -> Columns:
        """Those of some rows, counted within the chunk."""
        if first <= 0 and stop >= self.lengths.shape[1]:
            return self
        before, after = self.lengths[:, :first], self.lengths[:, :stop]
        starts, ends = (part.sum(axis=1, dtype=np.int64).tolist() for part in (before, after))
        data, *texts = (part[a:b] for part, a, b in zip((self.data, *self.texts), starts, ends, strict=True))
        return Columns(self.lengths[:, first:stop], data, (texts[0], texts[1], texts[2]))


def columns_of(value: memoryview, dtype: np.dtype[np.generic], features: int) -> Columns:
    """The columns of a sealed chunk whose checksum holds. Raises CorruptIndexError when lengths do not add up."""
    extent = extent_of(value, dtype.itemsize * max(features, 1))
    at = SEAL_BYTES + _SEQUENCES.size
    lengths = np.frombuffer(value, "<u4", 4 * extent.rows, at).reshape(4, extent.rows)
    if lengths.sum(axis=1, dtype=np.int64).tolist() != list(extent[1:]):
        raise CorruptIndexError("the lengths in a sequence chunk do not add up")
    at += lengths.nbytes
    data = np.frombuffer(value, dtype, extent.steps * max(features, 1), at)
    at += data.nbytes
    texts: list[AnyArray] = []
    for size in extent[2:]:
        texts.append(np.frombuffer(value, np.uint8, size, at))
        at += size
    return Columns(lengths, data.reshape(-1, features) if features else data, (texts[0], texts[1], texts[2]))


def unpack_sequences(columns: Columns, alphabet: Alphabet | None, rows: IntArray | None = None) -> Sequences:
    """A set of its own memory from a chunk, or from some `rows` of it (counted within the chunk)."""
    offsets = [offsets_of(column) for column in columns.lengths]
    strings = [Strings(data, bounds) for data, bounds in zip(columns.texts, offsets[1:], strict=True)]
    whole = Sequences(columns.data, offsets[0], strings[0], alphabet, strings[1], strings[2])
    if rows is not None:
        return whole[rows]
    copied = [Strings(column.data.copy(), column.offsets) for column in strings]
    return Sequences(columns.data.copy(), offsets[0], copied[0], alphabet, copied[1], copied[2])


def pack_vectors(part: AnyArray) -> bytes:
    """Rows of float32 or uint8 behind their number and width."""
    return _VECTORS.pack(len(part), part.dtype.itemsize * part.shape[1]) + np.ascontiguousarray(part).tobytes()


def vector_rows(value: memoryview, row_bytes: int) -> int:
    """The number of rows of a sealed vector chunk. Raises CorruptIndexError when its sizes do not fit."""
    if len(value) < SEAL_BYTES + _VECTORS.size:
        raise CorruptIndexError("a vector chunk is too short")
    rows, width = _VECTORS.unpack_from(value, SEAL_BYTES)
    if width != row_bytes or SEAL_BYTES + _VECTORS.size + rows * width != len(value):
        raise CorruptIndexError("a vector chunk does not have the length it announces")
    return int(rows)


def unpack_vectors(value: memoryview, dtype: np.dtype[np.generic], width: int) -> AnyArray:
    """(rows, width) view of a sealed vector chunk; lives as long as its transaction."""
    rows = vector_rows(value, dtype.itemsize * width)
    return np.frombuffer(value, dtype, rows * width, SEAL_BYTES + _VECTORS.size).reshape(rows, width)


def cut_sequences(sequences: Sequences) -> Iterator[Sequences]:
    """Consecutive parts of at most CHUNK_ROWS rows and about CHUNK_BYTES, at least one row each."""
    step = sequences.data.dtype.itemsize * max(sequences.features, 1)
    sizes = sequences.lengths * step + 16
    for column in (sequences.ids, sequences.descriptions, sequences.labels):
        sizes = sizes + np.diff(column.offsets)
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sequences):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + CHUNK_BYTES, side="right"))
        stop = min(max(stop, start + 1), start + CHUNK_ROWS, len(sequences))
        yield sequences[start:stop]
        start = stop


def cut_vectors(vectors: AnyArray) -> Iterator[AnyArray]:
    """Consecutive blocks of at most CHUNK_ROWS rows and CHUNK_BYTES, at least one row each."""
    rows = max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(1, vectors.dtype.itemsize * vectors.shape[1])))
    for start in range(0, len(vectors), rows):
        yield vectors[start : start + rows]
