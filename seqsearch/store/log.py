"""The log: one entry a commit, numbered by lsn, each chained to the one before it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from ..arrays import IntArray
from ..errors import CorruptIndexError
from .envelope import LOG, dump_json, load_json, numbered

_ENTRY = struct.Struct("<QI")  # chain, bytes of JSON


class Operation(NamedTuple):
    """Rows that came or went."""

    kind: Literal["add", "delete"]
    rows: IntArray


@dataclass(frozen=True)
class Entry:
    """What one commit did: rows deleted, then rows first_row .. first_row + added - 1 added, then values `put`."""

    lsn: int
    first_row: int = 0
    added: int = 0
    deleted: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    put: tuple[str, ...] = ()
    chain: int = 0

    def operations(self) -> list[Operation]:
        """The row operations in the order they took effect."""
        operations: list[Operation] = []
        if len(self.deleted):
            operations.append(Operation("delete", self.deleted))
        if self.added:
            operations.append(Operation("add", np.arange(self.first_row, self.first_row + self.added)))
        return operations

    def pack(self, previous_chain: int, digest: int) -> tuple[int, bytes]:
        """The chain value of this entry and its payload. `digest`: that of all other values at this commit."""
        state = f"{digest:016x}"
        text = dump_json({"added": self.added, "first_row": self.first_row, "put": list(self.put), "state": state})
        rows = self.deleted.astype("<i8").tobytes()
        chain = chain_of(previous_chain, self.lsn, text + rows)
        return chain, _ENTRY.pack(chain, len(text)) + text + rows


def chain_of(previous: int, lsn: int, content: bytes) -> int:
    """63 bits (JSON readers differ beyond) that stand for the whole history up to `lsn`."""
    digest = hashlib.blake2b(b"%d %d " % (previous, lsn) + content, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def unpack_entry(lsn: int, payload: memoryview, previous_chain: int | None = None) -> Entry:
    """The entry of a payload whose checksum held; the chain is verified when the one before is given.

    Raises CorruptIndexError.
    """
    key = numbered(LOG, lsn)
    if len(payload) < _ENTRY.size:
        raise CorruptIndexError(f"log entry {lsn} is too short")
    chain, size = _ENTRY.unpack_from(payload)
    text, rows = payload[_ENTRY.size : _ENTRY.size + size], payload[_ENTRY.size + size :]
    if len(rows) % 8 or (
        previous_chain is not None and chain != chain_of(previous_chain, lsn, bytes(text) + bytes(rows))
    ):
        raise CorruptIndexError(f"log entry {lsn} does not follow from the one before it")
    said = load_json(key, text)
    deleted = np.frombuffer(rows, "<i8").astype(np.int64)
    return Entry(lsn, said["first_row"], said["added"], deleted, tuple(said["put"]), chain)
