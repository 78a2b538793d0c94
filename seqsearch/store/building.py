"""Building an index in a temporary folder beside its path, where it appears complete or not at all.

A build that says what it makes (its `identity`) can be gone on with: when its process was killed or interrupted, the
folder stays, and the next build of the same takes it over.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import (
    EmptyInputError,
    IndexExistsError,
    NotAnIndexError,
    ParameterError,
    StorageFullError,
    StoreError,
    StrPath,
)
from ..files import sync_folder, unfinished
from ..sequences import Sequences
from . import leftovers, reading
from .columns import ReadsRows
from .envelope import JSON, dump_json
from .environment import Environment
from .files import WriterLock, allow_as_umask_says, data_file, exchange, generations, write_mark
from .header import StoreHeader
from .log import Entry, chain_of
from .reader import StoreState
from .saving import Saving
from .snapshots import remove_others
from .store import Store
from .writer import NO_ROWS
from .writing import Commit, committed

_COMMIT_ROWS = 1 << 16


class StoreBuilder(Saving):
    """A new index that is being filled: `append` records, then `set_vectors`, documents and blobs, then `finish`.

    Nothing is durable, and nothing is at `path`, before `finish` returns; leaving a `with` block without it, or
    `abort`, removes the temporary folder. Reading works meanwhile, so that vectors can be computed chunk by chunk.
    """

    _logs = False  # the log starts when the index is finished
    _refusal = "building has ended"

    def __init__(
        self,
        path: StrPath,
        *,
        config: JSON = None,
        overwrite: bool = False,
        map_limit: int | None = None,
        identity: JSON = None,
        resume: bool = True,
    ) -> None:
        """`config`: JSON kept in the index; `map_limit`: the most bytes that building may take; `identity`: JSON that
        names what is built: what an interrupted build of the same left is taken over, unless told not to `resume`.

        Raises IndexExistsError when `path` is taken; with `overwrite` an index there is replaced at the very end.
        """
        target = Path(os.path.abspath(path))
        if os.path.lexists(target):
            _require_overwritable(target, overwrite)
        self.notes: list[str] = []
        """What became of the remains of builds before this one, in words."""
        self.resumed = False
        """Whether this build goes on with one that was interrupted: `rows`, vectors and documents may be there."""
        claim = leftovers.claim(target, identity if resume else None, self.notes)
        folder = _new_folder(target, path) if claim is None else claim.folder
        super().__init__(folder, shown=path)
        self.target = Path(path)
        self._overwrite = overwrite
        self._keeps = identity is not None
        self._half_written = ExitStack()
        self._map_limit = map_limit
        if claim is not None:
            self._lock = claim.lock
            if self._took_over():
                return
            self.path = _new_folder(target, path)
        if not self._keeps:
            self._half_written.enter_context(unfinished(self.path))
        try:
            self._lock = WriterLock(self.path)
            opened = self._opening(data_file(self.path, 1))
            header = StoreHeader(config={} if config is None else config)
            self._state = StoreState(committed(opened, header, lambda _: None), self._live)
            if identity is not None:
                leftovers.write_identity(self.path, identity)
        except BaseException:
            self.abort()
            raise

    def _opening(self, data: Path) -> Environment:
        shown = self._shown
        self._environment = opened = Environment(data, durable=False, map_limit=self._map_limit, shown=shown)
        opened.open(writable=True)
        opened.users = 1
        return opened

    def _took_over(self) -> bool:
        """Take up what the folder holds, proved sound; False, with nothing left of it, where it is not."""
        try:
            opened = self._opening(leftovers.only_data(self.path))
            opened.prove()
            with opened.read() as transaction:
                header = reading.read_head(transaction)
                reading.check_digest(transaction, header)
                leftovers.check_values(transaction)
            self._state = StoreState(header, np.ones(header.rows, np.bool_))
            if header.ready:  # it was killed at the very end
                self._state = StoreState(committed(opened, header, Commit.unfinish), self._live)
            opened.unmap()
        except StoreError as error:
            self.notes.append(f"what an interrupted build left is damaged, this one starts anew: {error}")
            self.abort()
            self._state = StoreState(StoreHeader(), np.zeros(0, np.bool_))
            return False
        self.resumed = True
        return True

    def _held(self) -> ReadsRows:
        return self._reading  # the file is renamed in the end

    # -- rows ----------------------------------------------------------------------------------------------------

    @property
    def vector_rows(self) -> int:
        """The rows, from 0 on, whose vectors are there."""
        return self._head.vector_rows

    def side_file(self, name: str) -> Path:
        """The path of a file that a build keeps for itself; gone with `finish`, `keep_rows` and `abort`."""
        return leftovers.side_file(self.path, name)

    def unmap(self) -> None:
        """Let go of the pages that were read so far, which count as memory of this process."""
        with self._changes, self._calls:
            self._opened.unmap()

    def keep_rows(self, count: int) -> None:
        """Forget the rows from `count` on, and all that is made of rows: vectors, documents, snapshots, side files."""
        leftovers.remove_side_files(self.path)
        self._commit(partial(Commit.keep_rows, count=count), live=self._live[:count].copy())
        remove_others(self.path, [])
        self._directory = self._columns = None
        self._forget_rows()

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
            self._directory = None
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

    def finish(self, complete: Callable[[Store], object] | None = None) -> Store:
        """Make everything durable, move it to its path and return it, open for writing. The builder is used up.

        `complete` may write snapshots, of the store it is given, before the index appears at its path.

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
            if complete is not None:
                with Store.lent(self.path, lock, self._shown) as store:
                    complete(store)
            if old is not None:
                exchange(self.path, self.target)
                shutil.rmtree(self.path, ignore_errors=True)
            else:
                os.rename(self.path, self.target)
            self._half_written.close()
        finally:
            if old is not None:
                old.release()
        sync_folder(self.target.parent)
        leftovers.remove(self.target)
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
        building = self._lock is not None
        with self._calls:
            self._detach()
        if building:
            shutil.rmtree(self.path, ignore_errors=True)
        self._half_written.close()
        super().close()

    def leave(self) -> None:
        """Let go of what was built, for a build of the same to go on with."""
        super().close()

    def close(self) -> None:
        """The same as `abort`."""
        self.abort()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeps and worth_keeping(error):
            self.leave()
        else:
            self.abort()


def worth_keeping(error: BaseException | None) -> bool:
    """Whether a build that ended by `error` is one to go on with: it was interrupted, or room ran out."""
    interrupted = error is not None and not isinstance(error, Exception)
    return interrupted or isinstance(error, (StorageFullError, MemoryError))


def _new_folder(target: Path, path: StrPath) -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix=leftovers.prefix(target), dir=target.parent))
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror}") from error
    allow_as_umask_says(folder)
    return folder


def _require_overwritable(target: Path, overwrite: bool) -> None:
    if not overwrite:
        raise IndexExistsError(f"{target}: exists already: overwrite=True (--overwrite) replaces it")
    try:
        generations(target)
    except NotAnIndexError:
        raise IndexExistsError(f"{target}: exists and is no index: not overwritten, choose another place") from None
