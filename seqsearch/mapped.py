"""Files of arrays that are mapped into memory: a small JSON header, then arrays; both under a checksum.

    8 bytes   SSEQANN\\n
    u32       length of the header        u32  CRC-32 of the header          (little-endian, both)
    header    JSON: kind, version, fields, arrays [[name, dtype, shape], ...], digest of the arrays (BLAKE2b, 16 bytes)
    arrays    each from the next multiple of 64 bytes on

Large files, and those that are written piece by piece (`writing`; their header is filled up with spaces), have version
2: the header names the size of a `block`, and the digest is that of the digests of all blocks of all arrays, which
several threads make at once.

A checksum finds accidents. Whoever loads still has to check what the numbers mean: files can be made up, digest and
all.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from . import threads
from .arrays import JSON, AnyArray
from .errors import CorruptIndexError, FormatVersionError, NotAnIndexError, StrPath
from .files import atomic_write

MAGIC = b"SSEQANN\n"
VERSION = 1
BLOCKS_VERSION = 2
BLOCK = 1 << 22
ALIGNMENT = 64
_FRAME = 16
_ROOM = 4096  # of frame and header, where the header is written last
_UNWRITTEN = b"\0" * _ROOM
HEADER = {"kind": str, "version": int, "fields": dict, "arrays": list, "digest": str}
DTYPES = ("<f4", "<f8", "<i4", "<i8", "|u1", "<u4", "<u8", "<u2")


def write(path: StrPath, kind: str, fields: JSON, arrays: dict[str, AnyArray]) -> None:
    """Write a file, durable, in place of the one that was there."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    parts = [array.reshape(-1).view(np.uint8).data for array in plain.values()]
    described = [[name, array.dtype.str, list(array.shape)] for name, array in plain.items()]
    content: JSON = {"kind": kind, "version": VERSION, "fields": fields, "arrays": described}
    block = BLOCK if sum(map(len, parts)) > BLOCK else None
    if block is not None:
        content |= {"version": BLOCKS_VERSION, "block": block}
    content["digest"] = _digest(parts, block)
    header = json.dumps(content, sort_keys=True).encode()
    with atomic_write(path) as file:
        file.write(_framed(header))
        for part in parts:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            file.write(part)


class Pieces:
    """A file whose arrays are declared one after the other, and filled in any order; see `writing`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._arrays: dict[str, tuple[np.dtype[np.generic], tuple[int, ...], int]] = {}
        self._end = _ROOM

    def declare(self, name: str, dtype: str, *shape: int) -> None:
        """An array after those declared before. What is not `put` is zero."""
        kind = np.dtype(dtype)
        start = self._end + -self._end % ALIGNMENT
        self._arrays[name] = kind, shape, start
        self._end = start + math.prod(shape) * kind.itemsize
        self._file.truncate(self._end)

    def put(self, name: str, at: int, values: AnyArray) -> None:
        """Write elements (of the first axis) from position `at` on."""
        kind, shape, start = self._arrays[name]
        self._file.seek(start + at * math.prod(shape[1:]) * kind.itemsize)
        self._file.write(np.ascontiguousarray(values, kind).reshape(-1).view(np.uint8).data)

    def header(self, kind: str, fields: JSON) -> bytes:
        """The header of what was written, filled up to its room."""
        self._file.flush()
        with open(self._file.name, "rb") as written:
            content = memoryview(mmap.mmap(written.fileno(), 0, access=mmap.ACCESS_READ))
        parts = [
            content[start : start + math.prod(shape) * dtype.itemsize] for dtype, shape, start in self._arrays.values()
        ]
        described = [[name, dtype.str, list(shape)] for name, (dtype, shape, _) in self._arrays.items()]
        header: JSON = {"kind": kind, "version": BLOCKS_VERSION, "fields": fields, "arrays": described, "block": BLOCK}
        return json.dumps(header | {"digest": _digest(parts, BLOCK)}, sort_keys=True).encode().ljust(_ROOM - _FRAME)


@contextmanager
def writing(path: StrPath, kind: str, fields: JSON) -> Iterator[Pieces]:
    """Write a file piece by piece, durable, in place of the one that was there once the block ends well.

    What is held in memory is what is `put`. `fields` may be filled within the block.
    """
    with atomic_write(path) as file:
        file.write(_UNWRITTEN)
        pieces = Pieces(file)
        yield pieces
        header = pieces.header(kind, fields)
        if len(header) > _ROOM - _FRAME:
            raise ValueError(f"a header of {len(header)} bytes does not fit into {_ROOM}")
        file.seek(0)
        file.write(_framed(header))


@contextmanager
def reading(path: StrPath, kind: str) -> Iterator[tuple[JSON, dict[str, AnyArray]]]:
    """The fields and arrays of a file of this kind, mapped into memory as copies that can be written to.

    The checksum of the arrays is taken beside what the caller does with them, which may be undone: the end of the
    block raises CorruptIndexError where it does not hold. NotAnIndexError when there is no such file,
    FormatVersionError for a newer one, CorruptIndexError for the rest.
    """
    with _opened(path) as file:
        header, start = _header(path, file)
        if header["kind"] != kind:
            held = f"holds a file of kind {header['kind']!r}, not {kind!r}"
            raise CorruptIndexError(f"{os.fspath(path)} {held}")
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        parts = _parts(path, content, header, start)
        arrays = {
            name: np.frombuffer(content[start : start + size], dtype).reshape(shape)
            for name, start, size, dtype, shape in parts
        }
        extents = [(start, size) for _, start, size, _, _ in parts]
        with ThreadPoolExecutor(1) as beside:
            digest = beside.submit(_digest_of_file, file.fileno(), extents, header.get("block"))
            yield header["fields"], arrays
            if digest.result() != header["digest"]:
                raise corrupt(path, "the checksum of its arrays does not hold")


def read(path: StrPath, kind: str) -> tuple[JSON, dict[str, AnyArray]]:
    """What `reading` gives, once the checksum holds; errors as there."""
    with reading(path, kind) as content:
        return content


def digest_of(path: StrPath) -> str:
    """The digest that a header announces; errors as in `read`."""
    with _opened(path) as file:
        return str(_header(path, file)[0]["digest"])


def kind_of(path: StrPath) -> str:
    """The kind of index in a file; errors as in `read`."""
    with _opened(path) as file:
        return str(_header(path, file)[0]["kind"])


def corrupt(path: StrPath, why: str) -> CorruptIndexError:
    """The error for a file that `save` cannot have written."""
    return CorruptIndexError(f"{os.fspath(path)} is damaged: {why}")


def _opened(path: StrPath) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise NotAnIndexError(f"there is no file at {os.fspath(path)}") from error


def _header(path: StrPath, file: BinaryIO) -> tuple[JSON, int]:
    """The header at the beginning of a file, and where it ends."""
    frame = file.read(_FRAME)
    if frame[:8] != MAGIC or len(frame) < _FRAME:
        raise corrupt(path, "it does not begin as such files do")
    length, checksum = struct.unpack_from("<II", frame, 8)
    text = file.read(length)
    if len(text) != length or zlib.crc32(text) != checksum:
        raise corrupt(path, "the checksum of its header does not hold")
    try:
        header = json.loads(text)
        if not all(isinstance(header[name], type_) for name, type_ in HEADER.items()):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise corrupt(path, "its header cannot be read") from error
    if header["version"] > BLOCKS_VERSION:
        raise FormatVersionError(
            f"{os.fspath(path)} has format {header['version']}; this seqsearch reads formats up to {BLOCKS_VERSION}"
        )
    block = header.get("block")
    if (header["version"] == BLOCKS_VERSION) != (block is not None) or not (block is None or _is_block(block)):
        raise corrupt(path, "its header does not say in what blocks its checksum was made")
    return header, _FRAME + length


def _parts(
    path: StrPath, content: memoryview, header: JSON, start: int
) -> list[tuple[str, int, int, str, tuple[int, ...]]]:
    """Name, place, bytes, dtype and shape of each array."""
    parts: list[tuple[str, int, int, str, tuple[int, ...]]] = []
    for entry in header["arrays"]:
        name, dtype, shape = _described(path, entry)
        gap = -start % ALIGNMENT
        if any(content[start : start + gap]):
            raise corrupt(path, f"there is something before the array {name!r}")
        start += gap
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > len(content) - start:
            raise corrupt(path, f"it ends inside the array {name!r}")
        parts.append((name, start, size, dtype, shape))
        start += size
    if start != len(content):
        raise corrupt(path, f"it has {len(content) - start} bytes too many")
    return parts


def _framed(header: bytes) -> bytes:
    return MAGIC + struct.pack("<II", len(header), zlib.crc32(header)) + header


def _is_block(size: object) -> bool:
    return type(size) is int and 1 << 12 <= size < 2**48


def _digest(parts: list[memoryview], block: int | None = None) -> str:
    """That of all bytes, or of the digests of their blocks, made beside each other."""
    pieces = parts
    if block is not None:
        cut = [part[start : start + block] for part in parts for start in range(0, len(part), block)]
        with ThreadPoolExecutor(threads.count()) as beside:
            pieces = [memoryview(one) for one in beside.map(_digest_of_block, cut)]
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _digest_of_block(block: memoryview | bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=16).digest()


def _digest_of_file(handle: int, extents: list[tuple[int, int]], block: int | None) -> str:
    """The digest of parts of a file, (place, bytes) each: read, not mapped, which costs no page its place in a map."""
    size = BLOCK if block is None else block
    cut = [(at, min(size, start + whole - at)) for start, whole in extents for at in range(start, start + whole, size)]
    digest = hashlib.blake2b(digest_size=16)
    if block is None:
        for at, length in cut:
            digest.update(os.pread(handle, length, at))
        return digest.hexdigest()
    with ThreadPoolExecutor(threads.count()) as beside:
        for made in beside.map(lambda part: _digest_of_block(os.pread(handle, part[1], part[0])), cut):
            digest.update(made)
    return digest.hexdigest()


def _described(path: StrPath, entry: object) -> tuple[str, str, tuple[int, ...]]:
    """Name, dtype and shape of one array, or the error."""
    match entry:
        case [str(name), str(dtype), [_] | [_, _] as shape] if dtype in DTYPES:
            sizes = [size for size in shape if type(size) is int and 0 <= size < 2**48]
            if len(sizes) == len(shape):
                return name, dtype, tuple(sizes)
    raise corrupt(path, "its header describes an array that cannot be")
