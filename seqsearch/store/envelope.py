"""How a value lies in LMDB: sealed with a checksum that covers its key, so that a flipped bit, a zeroed page and a
value that belongs under another key are all noticed when it is read."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import Any

from ..errors import CorruptIndexError, FormatVersionError, NotAnIndexError, ParameterError

JSON = Any
FORMAT_VERSION = 2
PLAIN_VERSION = 1
"""Of an index without columns, which older versions read."""

HEAD = b"head"
SEQUENCES = b"s"
VECTORS = b"v"
DELETED = b"t"
LOG = b"l"
DOCUMENT = b"d:"
BLOB = b"b:"
COLUMNS = b"c"
SNAPSHOT = b"n:"

_MAGIC = b"SEQSTORE"
_HEAD = struct.Struct("<8sII")
_SEAL = struct.Struct("<II")
SEAL_BYTES = _SEAL.size
_LARGEST_NAME = 200
_WORD = 2**64


def numbered(prefix: bytes, number: int) -> bytes:
    """A key that sorts by number."""
    return prefix + number.to_bytes(8, "big")


def number_of(key: bytes) -> int:
    """The number of a `numbered` key with a prefix of one byte."""
    return int.from_bytes(key[1:], "big")


def column_key(number: int, row: int) -> bytes:
    """The key of the chunk of a column, by its number among the fields of the head, that begins with a row."""
    return COLUMNS + number.to_bytes(2, "big") + row.to_bytes(8, "big")


def column_place(key: bytes) -> tuple[int, int]:
    """The number and the row of a `column_key`."""
    return int.from_bytes(key[1:3], "big"), int.from_bytes(key[3:], "big")


def is_column(key: bytes) -> bool:
    """Whether a key is one of `column_key`."""
    return key[:1] == COLUMNS and len(key) == 11


def named(prefix: bytes, name: str) -> bytes:
    """A key for a name. Raises ParameterError for a name that is empty, too long or holds a NUL."""
    raw = name.encode("utf-8")
    if not 0 < len(raw) <= _LARGEST_NAME or b"\0" in raw:
        raise ParameterError(f"a name must have 1 to {_LARGEST_NAME} bytes and no NUL, not {name!r}")
    return prefix + raw


def seal(key: bytes, payload: bytes) -> bytes:
    """`payload` with its checksum in front: crc32 over key, length and payload."""
    crc = zlib.crc32(payload, zlib.crc32(key + len(payload).to_bytes(8, "little")))
    return _SEAL.pack(crc, 0) + payload


def unseal(key: bytes, value: memoryview) -> memoryview:
    """The payload of a sealed value (a view). Raises CorruptIndexError naming the key."""
    payload = value[SEAL_BYTES:]
    crc = zlib.crc32(payload, zlib.crc32(key + len(payload).to_bytes(8, "little")))
    if len(value) < SEAL_BYTES or _SEAL.unpack_from(value) != (crc, 0):
        raise CorruptIndexError(f"the checksum of {describe(key)} does not hold")
    return payload


def mark(key: bytes, value: bytes | memoryview) -> int:
    """64 bits that stand for (key, length, checksum): their sum over all values tells whether one is stale or lost."""
    return mark_of(key, len(value), bytes(value[:SEAL_BYTES]))


def mark_of(key: bytes, size: int, seal: bytes) -> int:
    """The `mark` of a value of which the size and the first bytes are known."""
    text = size.to_bytes(8, "little") + seal + key
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def add_marks(total: int, *, plus: int = 0, minus: int = 0) -> int:
    """A running sum of marks, modulo 2**64."""
    return (total + plus - minus) % _WORD


def describe(key: bytes) -> str:
    """A key in words, for messages."""
    words = {
        SEQUENCES: "the sequence chunk at row",
        VECTORS: "the vector chunk at row",
        LOG: "log entry",
        DELETED: "the deletion map",
    }
    if key == HEAD:
        return "the head"
    if key[:2] in (DOCUMENT, BLOB, SNAPSHOT):
        kind = {DOCUMENT: "document", BLOB: "blob", SNAPSHOT: "snapshot record"}[key[:2]]
        return f"{kind} {key[2:].split(bytes(1))[0].decode('utf-8', 'replace')!r}"
    if is_column(key):
        return "the chunk of column {} at row {}".format(*column_place(key))
    if key[:1] in words and len(key) == 9:
        return f"{words[key[:1]]} {number_of(key)}"
    return f"key {key[:40]!r}"


def dump_json(value: JSON) -> bytes:
    """Canonical JSON. Raises ParameterError for what JSON cannot say (NaN, infinity, objects)."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise ParameterError(f"a document must be JSON: {error}") from error


def load_json(key: bytes, payload: memoryview) -> JSON:
    """The JSON of a payload whose checksum held. Raises CorruptIndexError."""
    try:
        return json.loads(bytes(payload))
    except ValueError as error:
        raise CorruptIndexError(f"{describe(key)} is not JSON: {error}") from error


def seal_head(content: JSON) -> bytes:
    """The head: magic, format version, checksum, JSON. This outer form is the same in every format version."""
    payload = dump_json(content)
    version = FORMAT_VERSION if content.get("columns") else PLAIN_VERSION
    return _HEAD.pack(_MAGIC, version, _head_crc(version, payload)) + payload


def unseal_head(value: memoryview) -> JSON:
    """The content of the head. Raises NotAnIndexError, FormatVersionError and CorruptIndexError."""
    if len(value) < _HEAD.size or bytes(value[:8]) != _MAGIC:
        raise NotAnIndexError("its LMDB file was not written by seqsearch, or its head is damaged")
    _, version, crc = _HEAD.unpack_from(value)
    payload = bytes(value[_HEAD.size :])
    if crc != _head_crc(version, payload):
        raise CorruptIndexError("the checksum of the head does not hold")
    if version > FORMAT_VERSION:
        raise FormatVersionError(
            f"format version {version} is newer than {FORMAT_VERSION}: update seqsearch to open it"
        )
    return load_json(HEAD, memoryview(payload))


def _head_crc(version: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_MAGIC + version.to_bytes(4, "little")))
