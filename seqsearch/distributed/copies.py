"""A shard's folder as one blob with a digest: how a copy travels to where it is asked."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptIndexError, NotAnIndexError, StrPath

_NOT_SENT = ("lock", ".partial-")  # locks of this machine, and what is not complete


@dataclass(frozen=True)
class Packed:
    """The files of a folder as an uncompressed tar archive, and its BLAKE2b digest."""

    content: bytes
    digest: str

    @classmethod
    def of(cls, folder: StrPath) -> Packed:
        """The files of a folder that nobody changes meanwhile. Raises NotAnIndexError where there is none."""
        place = Path(folder)
        if not place.is_dir():
            raise NotAnIndexError(f"{place}: no such folder")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for path in sorted(place.rglob("*")):
                if path.is_file() and not any(mark in path.name for mark in _NOT_SENT):
                    archive.add(path, path.relative_to(place).as_posix())
        content = out.getvalue()
        return cls(content, _digest(content))

    def unpack(self, folder: StrPath) -> None:
        """Write the files into an empty folder. Raises CorruptIndexError where they are not what was packed."""
        if _digest(self.content) != self.digest:
            raise CorruptIndexError(f"{folder}: the copy that came is damaged: its digest does not hold")
        with tarfile.open(fileobj=io.BytesIO(self.content)) as archive:
            archive.extractall(folder, filter="data")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()
