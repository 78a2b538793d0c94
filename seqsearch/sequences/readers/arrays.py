"""Series in NumPy's .npy and .npz files, streamed: no array is held whole, nothing is unpickled.

An .npy holds (n, T) or (n, T, F) numbers; with the layout "nct" (n, C, T), channels (features) before steps. An .npz
holds such an array, or the steps of all series one after the other, (sum T,) or (sum T, F), beside `offsets` (n + 1,)
or `lengths` (n,); ids, labels and descriptions may stand beside it.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from ...arrays import AnyArray, IntArray
from ...errors import InputError, ParseError, SeriesError
from ..sequence import require_layout
from ..strings import Strings, ranges_to_indices
from .batches import SeriesBatch, numbered
from .intake import Intake
from .opening import Source
from .options import Options

VALUE_NAMES = ("x", "values", "data", "sequences", "series")
ID_NAMES = ("id", "ids", "name", "names")
LABEL_NAMES = ("y", "label", "labels", "class", "classes", "target")
DESCRIPTION_NAMES = ("description", "descriptions", "record", "records", "group", "groups")
OFFSETS, LENGTHS = "offsets", "lengths"


def read_npy(source: Source, options: Options, intake: Intake) -> Iterator[SeriesBatch]:
    """Batches of one (n, T) or (n, T, F) array; ids count from 1."""
    opened = _Array.open(source.stream, source.name, "the array")
    opened.require_numbers(options)
    yield from _even(opened, _Columns(), options)


def read_npz(source: Source, options: Options, intake: Intake) -> Iterator[SeriesBatch]:
    """Batches of the arrays of an .npz; see the module for which array is what."""
    stream = source.stream
    if not stream.seekable() or source.path is None:
        stream = io.BytesIO(stream.read())
    try:
        with zipfile.ZipFile(stream) as archive:
            yield from _NpzFile(archive, source.name).batches(options)
    except InputError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, struct.error, zlib.error) as error:
        raise ParseError(f"not a readable .npz archive: {error}", path=source.name) from None


def is_npy(head: bytes) -> bool:
    """Whether the bytes begin as an .npy file does."""
    return head.startswith(b"\x93NUMPY")


def is_npz(head: bytes) -> bool:
    """Whether the bytes begin as a ZIP archive does."""
    return head.startswith(b"PK\x03\x04")


@dataclass
class _Array:
    """An array whose header has been read and whose values follow in `stream`; `taken` bytes of them were read."""

    stream: IO[bytes]
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fortran: bool
    file: str
    what: str
    taken: int = 0
    held: AnyArray | None = None

    @classmethod
    def open(cls, stream: IO[bytes], file: str, what: str) -> _Array:
        """Read a header of format 1.0 or 2.0 (3.0 differs only for structured arrays, which hold no series)."""
        try:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(stream)
        except Exception as error:  # whatever Python's tokenizer and literal_eval raise comes through numpy
            problem = str(error).split("\n")[0]
            raise ParseError(f"{what} has no readable .npy header: {problem}", path=file) from None
        if min(shape, default=0) < 0:
            raise ParseError(f"{what} has no readable .npy header: shape {shape}", path=file)
        return cls(stream, dtype, shape, fortran, file, what)

    @property
    def is_numeric(self) -> bool:
        return self.dtype.kind in "fiu"

    def require_numbers(self, options: Options) -> None:
        """Raise ParseError unless the values can be series, or integer tokens where these are asked for."""
        if self.dtype.hasobject:
            raise ParseError(f"{self.what} holds pickled Python objects, which are never read", path=self.file)
        if not self.is_numeric:
            raise ParseError(f"{self.what} has dtype {self.dtype}: a series needs real numbers", path=self.file)
        if options.alphabet is not None and self.dtype.kind not in "iu":
            raise ParseError(f"{self.what} has dtype {self.dtype}: integer tokens need integers", path=self.file)

    def rectangle(self, options: Options) -> tuple[int, int]:
        """Steps and features of the series, (n, T), (n, T, F) or (n, C, T) by the layout. Raises ParseError."""
        if len(self.shape) not in (2, 3):
            raise ParseError(f"{self.what} has shape {self.shape}: series are (n, T) or (n, T, F)", path=self.file)
        try:
            require_layout(self.shape[1:], options.layout)
        except SeriesError as error:
            error.path = self.file
            raise
        steps, features = self.shape[1:] if len(self.shape) == 3 else (self.shape[1], 1)
        if options.layout == "nct" and len(self.shape) == 3:
            steps, features = features, steps
        if features == 0:
            raise ParseError(f"{self.what} has shape {self.shape}: series without a feature", path=self.file)
        return steps, features

    def take(self, rows: int) -> AnyArray:
        """The next rows; those of a Fortran-ordered array lie scattered, it is read whole. Raises ParseError."""
        if not self.fortran or len(self.shape) == 1:
            row_shape = self.shape[1:]
            raw = self._bytes(rows * math.prod(row_shape) * self.dtype.itemsize)
            return np.frombuffer(raw, self.dtype).reshape(rows, *row_shape)
        if self.held is None:
            self.held = self.whole()
        part, self.held = self.held[:rows], self.held[rows:]
        return part

    def whole(self) -> AnyArray:
        """The whole array, in whatever order it lies."""
        raw = self._bytes(math.prod(self.shape) * self.dtype.itemsize)
        return np.frombuffer(raw, self.dtype).reshape(self.shape, order="F" if self.fortran else "C")

    def _bytes(self, wanted: int) -> bytearray:
        raw = bytearray()
        while len(raw) < wanted and (part := self.stream.read(min(wanted - len(raw), 1 << 24))):
            raw += part
        if len(raw) < wanted:
            there, total = self.taken + len(raw), math.prod(self.shape) * self.dtype.itemsize
            raise ParseError(f"{self.what} ends early: {there} bytes of {total} are there", path=self.file)
        self.taken += wanted
        return raw


@dataclass
class _Columns:
    """(n,) ids, labels, descriptions, whole, each None where the file has none."""

    ids: list[str] | None = None
    labels: list[str] | None = None
    descriptions: list[str] | None = None

    def batch(self, start: int, lengths: IntArray, data: AnyArray) -> SeriesBatch:
        """Series `start`, `start + 1`, ... with their columns."""
        stop = start + len(lengths)

        def part(values: list[str] | None) -> Strings | None:
            return None if values is None else Strings.of(values[start:stop])

        numbers = np.arange(start + 1, stop + 1)
        ids = part(self.ids) or numbered(numbers)
        return SeriesBatch(ids, lengths, numbers, part(self.labels), part(self.descriptions), data=data)


def _even(array: _Array, columns: _Columns, options: Options, lengths: IntArray | None = None) -> Iterator[SeriesBatch]:
    """Batches of an (n, T), (n, T, F) or (n, C, T) array; `lengths`, (n,): of which so many steps count."""
    steps, features = array.rectangle(options)
    for start in range(0, array.shape[0], options.size):
        rows = array.take(min(options.size, array.shape[0] - start))
        if len(array.shape) == 3 and options.layout == "nct":
            rows = rows.swapaxes(1, 2)
        data, part = rows.reshape(-1, features), np.full(len(rows), steps, np.int64)
        if lengths is not None:
            part = lengths[start : start + len(rows)]
            data = data[ranges_to_indices(np.arange(len(rows)) * steps, part)]
        yield columns.batch(start, part, data)


class _NpzFile:
    """The arrays of an .npz by name."""

    def __init__(self, archive: zipfile.ZipFile, file: str) -> None:
        self.archive = archive
        self.file = file
        self.members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        self.headers = {name: self.open(name) for name in self.members}

    def open(self, name: str) -> _Array:
        return _Array.open(self.archive.open(self.members[name]), self.file, f"array {name!r}")

    def batches(self, options: Options) -> Iterator[SeriesBatch]:
        values = self.values_name(options)
        array = self.open(values)
        array.require_numbers(options)
        offsets = self.boundaries(array, values)
        n = array.shape[0] if offsets is None else len(offsets) - 1
        columns = _Columns(
            self.strings(options.id_column, ID_NAMES, n),
            self.strings(options.label_column, LABEL_NAMES, n),
            self.strings(options.description_column, DESCRIPTION_NAMES, n),
        )
        if offsets is None:
            yield from _even(array, columns, options, self.padded(array, options))
        else:
            yield from self.ragged(array, np.diff(offsets), columns, options)

    def values_name(self, options: Options) -> str:
        """Which array holds the values: the one named, one of the usual names, or the only one with two axes."""
        wanted = options.sequence_column
        if wanted is not None:
            if wanted not in self.members:
                raise self.error(f"there is no array {wanted!r}")
            return wanted
        for usual in VALUE_NAMES:
            for name, header in self.headers.items():
                if name.lower() == usual and (header.is_numeric or len(self.headers) == 1):
                    return name
        candidates = [name for name, header in self.headers.items() if header.is_numeric and len(header.shape) > 1]
        if len(candidates) == 1:
            return candidates[0]
        problem = "several arrays may hold the series" if candidates else "no array holds series of numbers"
        raise self.error(f"{problem}; name it (sequence_column)")

    def error(self, problem: str) -> ParseError:
        shown = ", ".join(f"{name} {header.dtype}{header.shape}" for name, header in self.headers.items())
        return ParseError(f"{problem}; the arrays are {shown or 'none'}", path=self.file)

    def boundaries(self, array: _Array, values: str) -> IntArray | None:
        """(n + 1,) offsets of ragged series; None when every series is a row of the array."""
        if OFFSETS in self.members and values != OFFSETS:
            offsets = self.integers(OFFSETS)
        elif LENGTHS in self.members and values != LENGTHS:
            lengths = self.integers(LENGTHS)
            if len(array.shape) == 3 or (len(lengths) == array.shape[0] != lengths.sum()):
                return None  # one length a row: padded series
            offsets = np.concatenate([[0], np.cumsum(lengths)])
        else:
            return None
        if len(array.shape) not in (1, 2):
            raise self.error(f"{array.what} has shape {array.shape}: ragged series are (sum T,) or (sum T, F)")
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != array.shape[0] or (np.diff(offsets) < 0).any():
            ends = f"{offsets[0]}..{offsets[-1]}" if len(offsets) else "none"
            raise self.error(f"the offsets ({ends}) must ascend from 0 to {array.shape[0]}, the steps of {array.what}")
        return offsets

    def integers(self, name: str) -> IntArray:
        array = self.open(name)
        if array.dtype.kind not in "iu" or len(array.shape) != 1:
            raise self.error(f"array {name!r} must be one row of integers, not {array.dtype}{array.shape}")
        values = array.whole()
        if name == LENGTHS and len(values) and values.min() < 0:
            raise self.error(f"array {name!r} holds a negative length, {values.min()}")
        return values.astype(np.int64)

    def strings(self, wanted: str | None, usual: tuple[str, ...], n: int) -> list[str] | None:
        """A column of n strings, or of n numbers as strings."""
        if wanted is not None and wanted not in self.members:
            raise self.error(f"there is no array {wanted!r}")
        name = wanted or next((name for title in usual for name in self.members if name.lower() == title), None)
        if name is None:
            return None
        array = self.open(name)
        if array.dtype.kind not in "USiufb" or array.shape != (n,):
            raise self.error(f"array {name!r} must be one row of {n} strings or numbers")
        values = array.whole() if array.dtype.itemsize else np.zeros(n, array.dtype)
        if array.dtype.kind == "f" and (values == np.floor(values)).all():
            values = values.astype(np.int64)  # classes 0.0, 1.0 are 0, 1
        try:
            return list(np.char.decode(values, "utf-8")) if array.dtype.kind == "S" else values.astype(str).tolist()
        except UnicodeDecodeError:
            raise self.error(f"array {name!r} holds bytes that are not UTF-8") from None

    def padded(self, array: _Array, options: Options) -> IntArray | None:
        """(n,) true lengths of padded series, None where every step counts."""
        if LENGTHS not in self.members or array.what == f"array {LENGTHS!r}":
            return None
        lengths = self.integers(LENGTHS)
        if len(lengths) != array.shape[0]:
            raise self.error(f"{len(lengths)} lengths for {array.shape[0]} series")
        steps, _ = array.rectangle(options)
        if lengths.max(initial=0) > steps:
            raise self.error(f"a length of {lengths.max()} exceeds the {steps} steps of {array.what}")
        return lengths

    def ragged(self, array: _Array, lengths: IntArray, columns: _Columns, options: Options) -> Iterator[SeriesBatch]:
        if options.layout == "nct":
            raise self.error('ragged series are (sum T, F): they have no layout "nct"')
        features = array.shape[1] if len(array.shape) == 2 else 1
        if features == 0:
            raise self.error(f"{array.what} has shape {array.shape}: series without a feature")
        for start in range(0, len(lengths), options.size):
            part = lengths[start : start + options.size]
            yield columns.batch(start, part, array.take(int(part.sum())).reshape(-1, features))
