"""Building an index in a temporary folder beside its path, where it appears complete or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import EmptyInputError, IndexExistsError, NotAnIndexError, ParameterError, StoreError, StrPath
from ..files import sync_folder
from ..sequences import Sequences
from .envelope import JSON, dump_json
from .environment import Environment
from .files import WRITER_LOCK, WriterLock, allow_as_umask_says, data_file, exchange, generations, write_mark
from .header import StoreHeader
from .log import Entry, chain_of
from .reader import StoreState
from .store import Store
from .writer import NO_ROWS, StoreWriter
from .writing import Commit, committed

_COMMIT_ROWS = 1 << 16


class StoreBuilder(StoreWriter):
    """A new index that is being filled: `append` records, then `set_vectors`, documents and blobs, then `finish`.

    Nothing is durable, and nothing is at `path`, before `finish` returns; leaving a `with` block without it, or
    `abort`, removes the temporary folder. Reading works meanwhile, so that vectors can be computed chunk by chunk.
    """

    _logs = False  # the log starts when the index is finished
    _refusal = "building has ended"

    def __init__(
        self, path: StrPath, *, config: JSON = None, overwrite: bool = False, map_limit: int | None = None
    ) -> None:
        """`config`: JSON kept in the index; `map_limit`: the most bytes that building may take.

        Raises IndexExistsError when `path` is taken; with `overwrite` an index there is replaced at the very end.
        """
        target = Path(os.path.abspath(path))
        if os.path.lexists(target):
            _require_overwritable(target, overwrite)
        _remove_abandoned(target)
        try:
            folder = tempfile.mkdtemp(prefix=f".{target.name}.building-", dir=target.parent)
        except OSError as error:
            raise StoreError(f"{path}: cannot be made: {error.strerror}") from error
        allow_as_umask_says(Path(folder))
        super().__init__(folder, shown=path)
        self.target = Path(path)
        self._overwrite = overwrite
        try:
            self._lock = WriterLock(self.path)
            self._environment = opened = Environment(
                data_file(self.path, 1), durable=False, map_limit=map_limit, shown=Path(path)
            )
            opened.open(writable=True)
            opened.users = 1
            header = StoreHeader(config={} if config is None else config)
            self._state = StoreState(committed(opened, header, lambda _: None), self._live)
        except BaseException:
            self.abort()
            raise

    def append(self, sequences: Sequences, vectors: AnyArray | None = None) -> IntArray:
        """Add records, with their vectors or, if those come later, without. Large sets are written piece by piece."""
        if (vectors is None) != (self._head.vector_rows < self.rows or not self.has_vectors) and self.rows:
            raise ParameterError("append all records with their vectors, or all without and then set_vectors")
        if not len(sequences):  # an index that begins empty still knows what it will hold
            given = self._check_vectors(vectors, 0)
            self._commit(lambda commit: commit.add_nothing_like(sequences, given))
        rows = [NO_ROWS]
        for start in range(0, len(sequences), _COMMIT_ROWS):
            stop = start + _COMMIT_ROWS
            rows.append(super().append(sequences[start:stop], None if vectors is None else vectors[start:stop]))
        return np.concatenate(rows)

    def set_vectors(self, first_row: int, vectors: AnyArray) -> None:
        """Write the vectors of rows first_row .., in ascending order without gaps; row 0 starts over.

        Raises ParameterError for another order or too many, MismatchError for another type or width.
        """
        if first_row == 0 and self._head.vector_rows:
            self._commit(lambda commit: commit.drop_vectors())
        if first_row != self._head.vector_rows:
            raise ParameterError(f"the next vector is that of row {self._head.vector_rows}, not of row {first_row}")
        if first_row + len(vectors) > self.rows:
            raise ParameterError(f"vectors up to row {first_row + len(vectors) - 1} for {self.rows} records")
        given = self._check_vectors(vectors, len(vectors))
        if given is None:
            return
        for start in range(0, len(given), _COMMIT_ROWS):
            part = given[start : start + _COMMIT_ROWS]
            self._commit(partial(Commit.add_vectors, vectors=part), part.nbytes)

    # -- the end -------------------------------------------------------------------------------------------------

    def finish(self) -> Store:
        """Make everything durable, move it to its path and return it, open for writing. The builder is used up.

        Raises EmptyInputError when nothing was appended, ParameterError when vectors are missing, IndexExistsError when
        the path was taken meanwhile, IndexLockedError when the index to overwrite is being written to.
        """
        if self._head.kind is None:
            raise EmptyInputError("an index needs at least one append, to know what it will hold")
        if self.has_vectors and self._head.vector_rows != self.rows:
            raise ParameterError(f"{self._head.vector_rows} vectors for {self.rows} records")
        lock, old = self._require_right(), self._lock_of_old()
        try:
            self._seal(generations(self.target)[-1] + 1 if old is not None else 1)
            if old is not None:
                exchange(self.path, self.target)
                shutil.rmtree(self.path, ignore_errors=True)
            else:
                os.rename(self.path, self.target)
        finally:
            if old is not None:
                old.release()
        sync_folder(self.target.parent)
        self._lock = None
        return Store.take_over(self.target, lock)

    def _lock_of_old(self) -> WriterLock | None:
        """The right to write to the index that is to be replaced, None where there is none."""
        if not os.path.lexists(self.target):
            return None
        _require_overwritable(self.target, self._overwrite)
        return WriterLock(self.target)

    def _seal(self, generation: int) -> None:
        """Make everything durable in the temporary folder. A path's generations only grow, whoever is replaced."""
        start = chain_of(self._head.digest, 0, dump_json(self._head.config))
        final = replace(self._head, ready=True, generation=generation, chain=start)
        entry = Entry(1, added=self.rows)
        self._state = StoreState(committed(self._opened, final, lambda _: None, entry), self._live)
        self._opened.sync()
        data = self._opened.path
        self._detach()
        data.with_name(data.name + "-lock").unlink(missing_ok=True)
        data.rename(data_file(self.path, generation))
        write_mark(self.path, self._position(), durable=True)
        sync_folder(self.path)

    def abort(self) -> None:
        """Give up and remove what was built; nothing after `finish`."""
        unfinished = self._lock is not None
        super().close()
        if unfinished:
            shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """The same as `abort`."""
        self.abort()


def _require_overwritable(target: Path, overwrite: bool) -> None:
    if not overwrite:
        raise IndexExistsError(f"{target}: exists already")
    try:
        generations(target)
    except NotAnIndexError:
        raise IndexExistsError(f"{target}: exists and is not an index, so it is not overwritten") from None


def _remove_abandoned(target: Path) -> None:
    """Remove what builders of the same path left behind when they were killed: their lock is free."""
    for folder in target.parent.glob(f".{glob.escape(target.name)}.building-*"):
        if not (folder / WRITER_LOCK).exists():
            continue
        try:
            lock = WriterLock(folder)
        except StoreError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
