"""An index in a temporary folder, which is there as long as the object, and goes with it wherever it is pickled."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Self, Unpack

from ..distances import Distance
from ..encoders.own import Embedding
from ..progress import Watching
from ..search import SequenceIndex
from ..search.handle import Handle
from ..search.options import BuildFields
from ..sequences import Sequences

_FOLDER = "index.ss"
_OF_PROCESSES = ("writer.lock", "-lock")  # ends of names of files that say who has the index open


class OwnedIndex(SequenceIndex):
    """As any index, but for where it is: a folder that is removed with the object, or when the process ends.

    Pickled, or copied, with its files, and with a distance and an encoder of your own: the copy has a folder of its
    own. A forked child removes nothing.
    """

    @classmethod
    def made(cls, references: Sequences, *, progress: Watching = False, **options: Unpack[BuildFields]) -> Self:
        """Build it. Raises what `SequenceIndex.build` raises, and leaves nothing behind then."""
        return cls._in_folder(lambda path: cls.build(path, references, progress=progress, **options))

    @classmethod
    def _in_folder(cls, make: Callable[[Path], Self]) -> Self:
        folder = tempfile.mkdtemp(prefix="seqsearch-")
        try:
            index = make(Path(folder) / _FOLDER)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        weakref.finalize(index, _removed, folder, index._handle, os.getpid())
        return index

    def files(self) -> dict[str, bytes]:
        """The content of its files by their names in the folder, as of the last commit."""
        with self._handle.writing():  # so that nobody commits while they are read
            root = Path(self.path)
            kept = (
                file for file in sorted(root.rglob("*")) if file.is_file() and not file.name.endswith(_OF_PROCESSES)
            )
            return {file.relative_to(root).as_posix(): file.read_bytes() for file in kept}

    def __reduce__(self) -> tuple[Callable[..., SequenceIndex], tuple[object, ...]]:
        return _of_files, (type(self), self.files(), self._handle.given_distance, self._handle.given_encoder)


def _of_files(
    cls: type[OwnedIndex], files: dict[str, bytes], distance: Distance | None, encoder: Embedding | None
) -> OwnedIndex:
    def made(path: Path) -> OwnedIndex:
        for name, content in files.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return cls.open(path, distance=distance, encoder=encoder)

    return cls._in_folder(made)


def _removed(folder: str, handle: Handle, process: int) -> None:
    if process == os.getpid():
        handle.close()
        shutil.rmtree(folder, ignore_errors=True)
