"""One file format for all kinds: a small JSON header, then arrays; both under a checksum.

    8 bytes   SSEQANN\\n
    u32       length of the header        u32  CRC-32 of the header          (little-endian, both)
    header    JSON: kind, version, fields, arrays [[name, dtype, shape], ...], digest of the arrays (BLAKE2b, 16 bytes)
    arrays    each from the next multiple of 64 bytes on

A checksum finds accidents. Whoever loads still has to check what the numbers mean: files can be made up, digest and
all.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import zlib
from typing import Any

import numpy as np

from ..arrays import AnyArray
from ..errors import CorruptIndexError, FormatVersionError, NotAnIndexError, Path

MAGIC = b"SSEQANN\n"
VERSION = 1
ALIGNMENT = 64
DTYPES = ("<f4", "<f8", "<i4", "<i8", "|u1", "<u4", "<u8", "<u2")


def write(path: Path, kind: str, fields: dict[str, Any], arrays: dict[str, AnyArray]) -> None:
    """Write a file under a temporary name, flush it to the disk and rename it to `path`."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    digest = hashlib.blake2b(digest_size=16)
    for array in plain.values():
        digest.update(array.reshape(-1).view(np.uint8).data)
    header = json.dumps(
        {
            "kind": kind,
            "version": VERSION,
            "fields": fields,
            "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in plain.items()],
            "digest": digest.hexdigest(),
        },
        sort_keys=True,
    ).encode()
    temporary = f"{os.fspath(path)}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(MAGIC + struct.pack("<II", len(header), zlib.crc32(header)) + header)
            for array in plain.values():
                file.write(b"\0" * (-file.tell() % ALIGNMENT))
                file.write(array.reshape(-1).view(np.uint8).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def read(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """The fields and arrays of a file of this kind, as copies that can be written to.

    NotAnIndexError when there is no such file, FormatVersionError for a newer one, CorruptIndexError for the rest.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError as error:
        raise NotAnIndexError(f"there is no candidate index at {os.fspath(path)}") from error
    header, start = _header(path, content)
    if header["kind"] != kind:
        raise CorruptIndexError(f"{os.fspath(path)} holds a candidate index of kind {header['kind']!r}, not {kind!r}")
    return header["fields"], _arrays(path, content, header, start)


def kind_of(path: Path) -> str:
    """The kind of index in a file; errors as in `read`."""
    try:
        with open(path, "rb") as file:
            content = file.read(1 << 16)
    except FileNotFoundError as error:
        raise NotAnIndexError(f"there is no candidate index at {os.fspath(path)}") from error
    return str(_header(path, content)[0]["kind"])


def corrupt(path: Path, why: str) -> CorruptIndexError:
    """The error for a file that `save` cannot have written."""
    return CorruptIndexError(f"{os.fspath(path)} is damaged: {why}")


def _header(path: Path, content: bytes) -> tuple[dict[str, Any], int]:
    if content[:8] != MAGIC or len(content) < 16:
        raise corrupt(path, "it does not begin as a candidate index does")
    length, checksum = struct.unpack_from("<II", content, 8)
    text = content[16 : 16 + length]
    if len(text) != length or zlib.crc32(text) != checksum:
        raise corrupt(path, "the checksum of its header does not hold")
    try:
        header = json.loads(text)
        known = isinstance(header["version"], int) and isinstance(header["kind"], str)
        known = known and isinstance(header["fields"], dict) and isinstance(header["arrays"], list)
        known = known and isinstance(header["digest"], str)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise corrupt(path, "its header cannot be read") from error
    if not known:
        raise corrupt(path, "its header cannot be read")
    if header["version"] > VERSION:
        raise FormatVersionError(
            f"{os.fspath(path)} has format {header['version']}; this seqsearch reads formats up to {VERSION}"
        )
    return header, 16 + length


def _arrays(path: Path, content: bytes, header: dict[str, Any], start: int) -> dict[str, AnyArray]:
    arrays: dict[str, AnyArray] = {}
    digest = hashlib.blake2b(digest_size=16)
    view = memoryview(content)
    for entry in header["arrays"]:
        name, dtype, shape = _described(path, entry)
        gap = -start % ALIGNMENT
        if any(content[start : start + gap]):
            raise corrupt(path, f"there is something before the array {name!r}")
        start += gap
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > len(content) - start:
            raise corrupt(path, f"it ends inside the array {name!r}")
        digest.update(view[start : start + size])
        arrays[name] = np.frombuffer(view[start : start + size], dtype=dtype).reshape(shape).copy()
        start += size
    if start != len(content):
        raise corrupt(path, f"it has {len(content) - start} bytes too many")
    if digest.hexdigest() != header["digest"]:
        raise corrupt(path, "the checksum of its arrays does not hold")
    return arrays


def _described(path: Path, entry: Any) -> tuple[str, str, tuple[int, ...]]:
    """Name, dtype and shape of one array, or the error."""
    if (
        not isinstance(entry, list)
        or len(entry) != 3
        or not isinstance(entry[0], str)
        or entry[1] not in DTYPES
        or not isinstance(entry[2], list)
        or not 1 <= len(entry[2]) <= 2
        or not all(type(size) is int and 0 <= size < 2**48 for size in entry[2])
    ):
        raise corrupt(path, "its header describes an array that cannot be")
    return entry[0], entry[1], tuple(entry[2])
