"""Vectors in HDF5 files (extra `vectors`), streamed: those of ann-benchmarks as they are, and any other array (n, D).

A file of ann-benchmarks holds the arrays `train` (n, D), which are stored, and `test` (Q, D), the queries; `neighbors`
(Q, 100), rows of `train`, nearest first; and says the distance in its attribute `distance`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import AnyArray, IntArray
from ...errors import InputError, ParseError, StrPath
from ...extras import imported
from .batches import SeriesBatch, numbered
from .intake import Intake
from .opening import Source
from .options import Options

if TYPE_CHECKING:
    import h5py

VECTORS = "vectors"
STORED, QUERIES, NEIGHBOURS, DISTANCE = "train", "test", "neighbors", "distance"
_MAGIC = b"\x89HDF\r\n\x1a\n"
_BATCH_BYTES = 64 << 20
_DISTANCES = {"angular": "cosine", "euclidean": "euclidean", "ip": "inner-product", "dot": "inner-product"}
"""How ann-benchmarks calls distances, and how they are called here."""


def is_hdf5(head: bytes) -> bool:
    """Whether the bytes begin as an HDF5 file does."""
    return head.startswith(_MAGIC)


def read_hdf5(source: Source, options: Options, intake: Intake) -> Iterator[SeriesBatch]:
    """Batches of the vectors to store, or of the queries where these are asked for; ids count from 1."""
    place = source.path if source.path is not None and _is_plain(source.path) else io.BytesIO(source.stream.read())
    with _opened(place, source.name) as file:
        values = _values(file, options, source.name)
        width = int(values.shape[1])
        size = max(1, min(options.size, _BATCH_BYTES // max(1, width * values.dtype.itemsize)))
        for start in range(0, values.shape[0], size):
            rows: AnyArray = values[start : start + size]
            numbers = np.arange(start + 1, start + len(rows) + 1)
            lengths = np.full(len(rows), width, np.int64)
            yield SeriesBatch(numbered(numbers), lengths, numbers, data=rows.reshape(-1, 1))


def told_distance(path: StrPath) -> str | None:
    """The distance that a file of ann-benchmarks says its neighbours are by; None for files that say none.

    Raises InputError, ParseError for a file that is no HDF5, and MissingExtraError.
    """
    with _opened(Path(path), str(path)) as file:
        said = file.attrs.get(DISTANCE)
    name = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return _DISTANCES.get(name) if isinstance(name, str) else None


def told_neighbours(path: StrPath, k: int) -> IntArray:
    """(Q, k) rows, from 0, of the vectors that a file of ann-benchmarks says are the nearest of its queries.

    Raises ParseError where it holds none, or fewer than `k`; else as `told_distance`.
    """
    with _opened(Path(path), str(path)) as file:
        if NEIGHBOURS not in file or len(file[NEIGHBOURS].shape) != 2 or file[NEIGHBOURS].dtype.kind not in "iu":
            raise _error(file, f"there is no array {NEIGHBOURS!r} of rows", str(path))
        if file[NEIGHBOURS].shape[1] < k:
            raise _error(file, f"{NEIGHBOURS!r} holds {file[NEIGHBOURS].shape[1]} rows a query, not {k}", str(path))
        found: IntArray = file[NEIGHBOURS][:, :k].astype(np.int64)
        stored = file[STORED].shape[0] if STORED in file else None
    if found.size and (found.min() < 0 or (stored is not None and found.max() >= stored)):
        raise ParseError(f"{NEIGHBOURS!r} holds rows that {STORED!r} has not", path=path)
    return found


@contextmanager
def _opened(place: Path | io.BytesIO, name: str) -> Iterator[h5py.File]:
    """The file, with errors of h5py made ours."""
    library = imported("h5py", VECTORS)
    try:
        with library.File(place, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        if isinstance(error, FileNotFoundError):
            raise InputError("there is no such file", path=name) from None
        raise ParseError(f"not a readable HDF5 file: {str(error).splitlines()[0]}", path=name) from None


def _is_plain(path: Path) -> bool:
    """Whether it is not compressed as a whole."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _values(file: h5py.File, options: Options, name: str) -> h5py.Dataset:
    """The array that is asked for by name; `train`, or `test` for queries; or the only one with two axes."""
    wanted = options.sequence_column
    if wanted is None:
        usual = QUERIES if options.queries else STORED
        tables = [key for key, item in file.items() if len(getattr(item, "shape", ())) == 2]
        if usual not in tables and len(tables) != 1:
            raise _error(file, f"there is no array {usual!r}: name another (sequence_column)", name)
        wanted = usual if usual in tables else tables[0]
    if wanted not in file or not hasattr(file[wanted], "shape"):
        raise _error(file, f"there is no array {wanted!r}", name)
    values = file[wanted]
    if len(values.shape) != 2 or values.dtype.kind not in "biuf" or values.shape[1] == 0:
        raise _error(file, f"array {wanted!r} holds no vectors, which are (n, D) numbers", name)
    if options.alphabet is not None and values.dtype.kind not in "iu":
        raise ParseError(f"array {wanted!r} has dtype {values.dtype}: integer tokens need integers", path=name)
    return values


def _error(file: h5py.File, problem: str, name: str) -> ParseError:
    shown = ", ".join(f"{key} {item.dtype}{item.shape}" for key, item in file.items() if hasattr(item, "shape"))
    return ParseError(f"{problem}; the arrays are {shown or 'none'}", path=name)
