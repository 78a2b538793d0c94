"""The one file that makes shards of the indexes in a folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..arrays import JSON
from ..errors import CorruptIndexError, FormatVersionError, NotAnIndexError, StrPath
from ..files import atomic_write, write_errors

MANIFEST = "shards.json"
NOVELTY = "novelty-"
"""How files begin that keep what members scored."""
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ShardEntry:
    """One shard: its folder's `name`, the commit (`generation` and `lsn`) that it has at least, how many `sequences` it
    held then, and the global rows they lie between, `first` <= row < `stop`.
    """

    name: str
    generation: int
    lsn: int
    sequences: int
    first: int
    stop: int


@dataclass(frozen=True)
class Level:
    """One measured level: shards that are asked for the recall `asked` of k neighbours give, merged, `recall`, at least
    `lower` by as many queries as were asked."""

    k: int
    asked: float
    recall: float
    lower: float


@dataclass(frozen=True)
class Manifest:
    """`shards`, in order; the `distance` and its parameters, the `encoder` they share, by its digest; `target`: recall
    by default; `levels`: the recall of merged answers, measured by `queries` members.
    """

    shards: tuple[ShardEntry, ...]
    distance: str
    encoder: str
    target: float
    levels: tuple[Level, ...] = ()
    queries: int = 0

    @property
    def stop(self) -> int:
        """The next global row."""
        return max((shard.stop for shard in self.shards), default=0)

    def with_shard(self, number: int, entry: ShardEntry) -> Manifest:
        """The same with another entry of one shard."""
        return replace(self, shards=(*self.shards[:number], entry, *self.shards[number + 1 :]))

    def to_json(self) -> JSON:
        return {"format_version": FORMAT_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: JSON) -> Manifest:
        """The inverse. Raises KeyError and TypeError for what is no manifest."""
        fields = dict(document)
        fields.pop("format_version")
        shards = tuple(ShardEntry(**entry) for entry in fields.pop("shards"))
        levels = tuple(Level(**level) for level in fields.pop("levels"))
        return cls(shards=shards, levels=levels, **fields)

    def save(self, folder: StrPath) -> None:
        """Write it, durably, in one step. Raises StorageFullError, InputError."""
        path = Path(folder) / MANIFEST
        with write_errors(path), atomic_write(path, text=True) as file:
            json.dump(self.to_json(), file, indent=1)

    @classmethod
    def load(cls, folder: StrPath) -> Manifest:
        """Read it. Raises NotAnIndexError, FormatVersionError, CorruptIndexError, naming the file."""
        path = Path(folder) / MANIFEST
        try:
            document = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise NotAnIndexError(f"{os.fspath(folder)}: no shards: there is no {MANIFEST}") from None
        except (ValueError, OSError) as error:
            raise CorruptIndexError(f"{path}: cannot be read: {error}") from None
        version = document.get("format_version") if isinstance(document, dict) else None
        if not isinstance(version, int):
            raise CorruptIndexError(f"{path}: it has no format version")
        if version > FORMAT_VERSION:
            raise FormatVersionError(f"{path}: format {version} is newer than {FORMAT_VERSION}, which is known here")
        try:
            return cls.from_json(document)
        except (KeyError, TypeError) as error:
            raise CorruptIndexError(f"{path}: it is no manifest of shards: {error}") from None


def holds_shards(path: StrPath) -> bool:
    """Whether a path is a folder of shards."""
    return (Path(path) / MANIFEST).is_file()
