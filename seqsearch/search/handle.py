"""One open index: its store, the state that answers, and the order in which threads use and change them.

Searches share a state and may run at once; what changes it waits for those that run, and those that come later wait for
it. So every search answers from one committed state. Changes of one process come one after the other.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..ann import CANDIDATE_INDEXES
from ..arrays import JSON, spread
from ..distances import DISTANCES, Distance, HashDTW, distance_named
from ..encoders.own import Embedder, Embedding
from ..errors import (
    CorruptIndexError,
    FormatVersionError,
    IndexClosedError,
    IndexLockedError,
    MismatchError,
    NotAnIndexError,
    ParameterError,
    StrPath,
)
from ..progress import SILENT, Progress
from ..store import Store
from .cache import IndexCache, tail_is_long
from .calibration import Calibration
from .encoding import OneModel, TwoTowers, load_encoder, with_embedder
from .locking import Shared, SharedLock
from .state import State, pipeline_of
from .wanted import Choice, Wanted

SETTINGS, CALIBRATION, HEALTH = "settings", "calibration", "health"
MATCHER = "matcher.json"  # in folders that older versions wrote
SHARDS = "shards.json"  # in folders of several indexes
PATIENCE, _PAUSE = 3.0, 0.005  # seconds to wait for another process that writes, and between two attempts
FORMAT_VERSION = 1  # of indexes whose settings do not say


class Handle:
    """The index at a path. `cache`: what is known already to belong to the last commit; `distance`: the one that it was
    built with, where it is not to be found by its name; `embedder`: what makes vectors, of an index that holds those of
    a user. Raises MismatchError for others.

    After a fork a child opens the index anew at its first use: neither locks nor files of the parent are touched.
    """

    def __init__(
        self,
        path: StrPath,
        cache: IndexCache | None = None,
        distance: Distance | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self._given = distance
        self._embedder = embedder
        self.keeps = True
        """Whether what was measured for a question goes into the index, for the next time."""
        self._start(path, cache)

    def _start(self, path: StrPath, cache: IndexCache | None = None) -> None:
        self.path = os.fspath(path)
        self._process = os.getpid()
        self._lock = SharedLock()
        self._loading, self._writer = threading.RLock(), threading.RLock()
        if (Path(path) / MATCHER).is_file():
            made = f"make an index of it by `seqsearch convert {self.path} -o NEW.ss`"
            raise FormatVersionError(f"{self.path} is a matcher written by an older seqsearch: {made}")
        if (Path(path) / SHARDS).is_file():
            raise NotAnIndexError(f"{self.path} holds shards, several indexes: seqsearch.ShardedIndex.open opens them")
        self._store = Store.open(path)
        self._closed = False
        self.settings: JSON = document(self._store, SETTINGS)
        self._named: Distance | None = None
        self._require_given()
        self._cache = cache
        self._encoder: OneModel | TwoTowers | None = None
        self._state: State | None = None
        self._calibration: Calibration | None = None

    # -- reading -----------------------------------------------------------------------------------------------

    def store(self) -> _OneCommit:
        """A context with the store, which stays at one commit within it. Raises IndexClosedError."""
        return _OneCommit(self)

    def state(self, progress: Progress = SILENT) -> _OneState:
        """A context with the state that answers, which stays what it is within it: loaded at the first search, brought
        up to date after `refresh`. Raises IndexClosedError.
        """
        return _OneState(self, progress)

    def _shared(self) -> Shared:
        """The lock of an index that is open, held with others until its end."""
        self._require_own_process()
        held = self._lock.shared()
        held.begin()
        if self._closed:
            held.end()
            raise IndexClosedError(f"{self.path}: the index is closed")
        return held

    def _current(self, progress: Progress) -> State:
        """The state, by whoever holds the lock with others: only those who hold it alone take it away."""
        if self._state is not None:
            return self._state
        with self._loading:
            if self._state is None:
                self._state = self._loaded(self._store, progress)
            return self._state

    def _loaded(self, store: Store, progress: Progress) -> State:
        if self._cache is None or not self._cache.catch_up(store, self.encoder):
            self._cache = IndexCache.load(store, self.encoder, self.settings, progress)
        cache, targets, live = self._cache, store.targets(progress), store.live()
        pairs = self.settings.get("pairs")
        hashes = None
        if cache.hashes is not None and pairs is not None:
            hashes = cache.hashes, HashDTW(penalty=pairs["penalty"], gully=pairs["gully"])
        calibration = self.calibration()
        pipeline = pipeline_of(
            targets, live, self.encoder, cache.candidates, self.distance, hashes, cache.windows, calibration.mixing
        )
        return State(
            targets,
            live,
            self.encoder,
            cache.candidates,
            self.distance,
            pipeline,
            calibration,
            store.find,
            store.rows_of,
            store.vectors,
            store.generation,
        )

    @property
    def encoder(self) -> OneModel | TwoTowers:
        """What makes vectors: loaded when first needed, and never changed."""
        if self._encoder is not None and not self._closed and os.getpid() == self._process:
            return self._encoder
        with self.store() as store, self._loading:
            if self._encoder is None:
                self._encoder = with_embedder(load_encoder(store), self._embedder, store)
            return self._encoder

    def require_embedder(self, sample: int) -> None:
        """Raise MismatchError unless the callable that was brought along makes the vectors of `sample` stored rows, and
        ParameterError for one that is brought to an index which makes its own."""
        own = self.encoder.own
        assert own is not None
        with self.store() as store:
            live = np.flatnonzero(store.live())
            rows = live[spread(len(live), sample)]
            own.require_same(store.sequences(rows), store.vectors(rows))

    @property
    def distance(self) -> Distance | None:
        """The exact distance that decides; None where queries cannot be compared with what is stored.

        Raises ParameterError for one of somebody's own that is not known in this process.
        """
        if self._given is not None or self._named is not None:
            return self._given or self._named
        name, place = self.settings["distance"], self.settings.get("distance_class", "")
        if name is None:
            return None
        if place and name not in DISTANCES:
            raise ParameterError(
                f"{self.path}: its distance {name!r}, the class {place}, is not known here: "
                "import the module that registers it, or pass distance= to open()"
            )
        self._named = distance_named(name, **self.settings["distance_parameters"])
        return self._named

    def _require_given(self) -> None:
        if self._given is None:
            return
        built = self.settings["distance"], self.settings["distance_parameters"]
        given = self._given.name, as_json(self._given.parameters())
        if given != built:
            self._store.close()
            told = " and not by ".join(f"{name} with {json.dumps(named)}" for name, named in (built, given))
            raise MismatchError(f"{self.path} compares by the distance {told}")

    @property
    def given_distance(self) -> Distance | None:
        """The distance that came with the handle, where it is not to be found by its name."""
        return self._given

    @property
    def given_encoder(self) -> Embedding | None:
        """The callable that was brought along to make vectors, where there is one."""
        return None if self._embedder is None else self._embedder.owner  # type: ignore[return-value]  # what it was made of

    def calibration(self) -> Calibration:
        """The measured curve."""
        with self.store() as store, self._loading:
            if self._calibration is None:
                self._calibration = Calibration.from_json(document(store, CALIBRATION))
            return self._calibration

    def choice(self, k: int, wanted: Wanted) -> Choice:
        """The budget for k neighbours, and why, without loading the rows."""
        with self.store() as store:
            windows = self.settings.get("windows")
            kind = CANDIDATE_INDEXES[self.settings["index"] if windows is None else windows["index"]]
            if self.distance is not None and self.distance.proposes:
                return wanted.budget(self.calibration(), None, len(store), k)
            return wanted.budget(self.calibration(), kind, len(store), k)

    def refresh(self) -> bool:
        """See what was committed since; True when there was something."""
        self._require_own_process()
        with self._lock.exclusive():
            if self._closed:
                raise IndexClosedError(f"{self.path}: the index is closed")
            return self._refreshed()

    def _refreshed(self) -> bool:
        if not self._store.refresh():
            return False
        self._state = self._calibration = None
        if self._cache is not None and not self._cache.catch_up(self._store, self._encoder):
            self._cache = None
        return True

    def close(self) -> None:
        """Let go of the files, once the searches that run are done."""
        if os.getpid() != self._process:
            return
        with self._lock.exclusive():
            self._closed = True
            self._state = self._cache = None
            self._store.close()

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            self._inherited = self._store  # left alone: closing it here would be felt by the parent
            self._start(self.path)

    # -- writing -----------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """A store open for writing; other threads wait for their turn. Raises IndexLockedError where another process
        keeps writing for longer than `PATIENCE`, ParameterError within a block of `state`, which would change under it.
        """
        self._require_own_process()
        if self._lock.is_shared_here:
            raise ParameterError(
                f"{self.path}: nothing can be changed while this thread holds its state: end the block"
            )
        if self._closed:
            raise IndexClosedError(f"{self.path}: the index is closed")
        with self._writer, self._writable() as writer:
            yield writer

    def _writable(self) -> Store:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return Store.open(self.path, write=True)
            except IndexLockedError:
                if time.monotonic() > end:
                    raise
            time.sleep(_PAUSE)

    def change(self, work: Callable[[Store], object], progress: Progress = SILENT) -> None:
        """Run `work` on a store open for writing, and see what it did; compacts, and saves snapshots, in time."""
        with self.writing() as writer:
            work(writer)
            if writer.should_compact:
                self._compact(writer, progress)
                return
            self.refresh()
            damaged = self._cache is not None and self._cache.is_worth_saving
            if damaged or tail_is_long(writer, self.settings):
                self._save(writer, progress)

    def compact(self, progress: Progress = SILENT) -> None:
        """Rewrite the live rows alone. Searches go on in what was until the new numbers of rows are in place."""
        with self.writing() as writer:
            self._compact(writer, progress)

    def _compact(self, writer: Store, progress: Progress) -> None:
        kept, known = None, self._cache
        if known is not None and known.hashes is not None:
            self.refresh()  # so that they are of all rows; without them they are made again of what is left
            kept = known.hashes.take(np.flatnonzero(writer.live())) if self._cache is known else None
        writer.compact(progress)
        cache = IndexCache.load(writer, self.encoder, self.settings, progress, hashes=kept)
        cache.save(writer, self.settings, progress)
        with self._lock.exclusive():
            self._store.refresh()
            self._cache, self._state, self._calibration = cache, None, None

    def save_snapshot(self, progress: Progress = SILENT) -> None:
        """Write what is made from the rows as it is now, so that opening has nothing to replay."""
        with self.writing() as writer:
            self.refresh()
            self._save(writer, progress)

    def _save(self, writer: Store, progress: Progress) -> None:
        with self.state(progress):  # loaded, and not changed while it is written
            assert self._cache is not None
            self._cache.save(writer, self.settings, progress)

    def keep(self, name: str, content: bytes) -> None:
        """Put a blob into the index if nobody is writing just now. Raises IndexLockedError, ReadOnlyIndexError,
        StorageFullError and OSError."""
        if not self.keeps or not self._writer.acquire(blocking=False):
            return
        try:
            with Store.open(self.path, write=True) as writer:
                writer.put_blob(name, content)
        finally:
            self._writer.release()


class _OneCommit:
    """The context of `Handle.store`; generators would take as long as all else that is done in it for one query."""

    __slots__ = ("_handle", "_held")

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __enter__(self) -> Store:
        self._held = self._handle._shared()
        return self._handle._store

    def __exit__(self, *_: object) -> None:
        self._held.end()


class _OneState:
    """The context of `Handle.state`."""

    __slots__ = ("_handle", "_held", "_progress")

    def __init__(self, handle: Handle, progress: Progress) -> None:
        self._handle, self._progress = handle, progress

    def __enter__(self) -> State:
        self._held = self._handle._shared()
        try:
            return self._handle._current(self._progress)
        except BaseException:
            self._held.end()
            raise

    def __exit__(self, *_: object) -> None:
        self._held.end()


def as_json(parameters: JSON) -> JSON:
    """Parameters as a document keeps them: what is a tuple here is a list there."""
    kept: JSON = json.loads(json.dumps(parameters))
    return kept


def document(store: Store, name: str) -> JSON:
    """A document that every index has. Raises CorruptIndexError."""
    found = store.document(name)
    if not isinstance(found, dict):
        raise CorruptIndexError(f"{store.path}: its {name} document is missing")
    return found
