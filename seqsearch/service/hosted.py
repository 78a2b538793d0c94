"""An index as the service holds it: by name, up to date with what others commit to it."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

import numpy as np

from ..arrays import JSON, DoubleArray
from ..distributed import ShardedIndex, holds_shards
from ..errors import MismatchError, ParameterError, SeqsearchError, StrPath
from ..search import KnownScores, SequenceIndex
from ..search.novelty.conformal import shares_of
from ..sequences import Sequences

FRESH = 0.02
"""Seconds for which nobody looks again whether another process has committed something."""


class Hosted:
    """An open index, or shards; `name`: what it is called in addresses; `writable`: whether records may come and go."""

    def __init__(self, name: str, index: SequenceIndex | ShardedIndex, writable: bool) -> None:
        self.name = name
        self.index = index
        self.writable = writable
        self._looked = 0.0
        self._looking = threading.Lock()
        self._measuring = threading.Lock()
        self._known: KnownScores | None = None
        self._beside: SequenceIndex | None = None

    @classmethod
    def open(cls, path: StrPath, *, name: str | None = None, writable: bool = False) -> Hosted:
        """Raises as `SequenceIndex.open` and `ShardedIndex.open`."""
        index = ShardedIndex.open(path) if holds_shards(path) else SequenceIndex.open(path)
        return cls(name or name_of(path), index, writable)

    @property
    def one(self) -> SequenceIndex:
        """The index where it is one. Raises MismatchError for shards, whose records are in no one place."""
        if isinstance(self.index, ShardedIndex):
            raise MismatchError(f"{self.name} holds shards: maps, classes and points are of one index")
        return self.index

    def look(self) -> None:
        """See what was committed by others, if nobody has looked just now."""
        now = time.monotonic()
        if now - self._looked < FRESH or not self._looking.acquire(blocking=False):
            return
        try:
            self._looked = now
            self.index.refresh()
        finally:
            self._looking.release()

    @cached_property
    def facts(self) -> JSON:
        """What never changes of an index: its kind, its distance, whether it is a matcher."""
        info = self.index.info()
        alphabet = self.index.alphabet_name
        return {
            "distance": info["distance"],
            "kind": "series" if alphabet is None else alphabet.partition("+")[0],
            "alphabet": alphabet,
            "matcher": info["distance"] is None or "pairs" in info,
        }

    @contextmanager
    def beside(self, *, keeps: bool = True) -> Iterator[SequenceIndex]:
        """The index for what takes long, one thread at a time, as it is now: a handle of its own, so that nobody who
        searches waits for it when something is committed. `keeps`: what is measured goes into the index; not for what
        there are many of, which whoever may read would write otherwise. Raises as `one`."""
        with self._measuring:
            if self._beside is None:
                self._beside = copy.copy(self.one)
            self._beside.refresh()
            self._beside._handle.keeps = keeps
            yield self._beside

    @contextmanager
    def judging(self, *, keeps: bool = True) -> Iterator[SequenceIndex | ShardedIndex]:
        """As `beside`; shards themselves, which are asked in turn anyway."""
        if isinstance(self.index, ShardedIndex):
            yield self.index
        else:
            with self.beside(keeps=keeps) as index:
                yield index

    def close(self) -> None:
        """Let go of the files, once what runs is done."""
        with self._measuring:
            if self._beside is not None:
                self._beside.close()
        self.index.close()

    def known_scores(self) -> KnownScores:
        """What members score by the distance to their nearest, measured beside the searches, when first needed or when
        the index has changed by more than a fifth. Raises ParameterError and MismatchError where nothing is known."""
        known = self._known
        if known is None or known.is_stale(len(self.index)):
            with self.judging() as index:
                self._known = known = index.known_scores()
        return known

    def p_values(self, queries: Sequences, nearest: DoubleArray) -> list[float | None]:
        """(Q,) as `novelty` tells them, of queries whose nearest are at `nearest`, (Q,)."""
        values: list[float | None] = self.known_scores().p_values(nearest, shares_of(queries, 0)).tolist()
        return values

    @property
    def measures_soon(self) -> bool:
        """Whether `known_scores` can be measured before anybody asks: edits of all members are counted in seconds."""
        return self.facts["kind"] != "series" and not self.facts["matcher"]

    def warm(self) -> None:
        """Load all that a search needs, with one: so that the first one who asks need not wait."""
        if isinstance(self.index, ShardedIndex):
            some = self.index.some(2)
        else:
            with self.index.state() as state:
                some = state.targets[np.flatnonzero(state.live)[:2]]
        with suppress(SeqsearchError):  # of two kinds of series, and of vectors made elsewhere
            for queries in (some[:1], some):
                if len(queries):
                    self.index.search(queries)

    def described(self) -> JSON:
        """How it is listed."""
        self.look()
        if isinstance(self.index, ShardedIndex):
            size, labels = len(self.index), self.index.has_labels
        else:
            with self.index.state() as state:
                size, labels = len(state), len(state.targets.labels.data) > 0
        return {"name": self.name, "sequences": size, **self.facts, "label": labels, "writable": self.writable}

    def info(self) -> JSON:
        """What `seqsearch info --format json` prints, its name, and the numbers of each step of a series."""
        self.look()
        if isinstance(self.index, ShardedIndex):
            features = self.index.features
        else:
            with self.index.state() as state:
                features = state.targets.features
        return {"name": self.name, "features": features, **self.index.info()}


def name_of(path: StrPath) -> str:
    """What the index in a folder is called: the folder, without .ss or .shards."""
    stem = os.path.basename(os.path.abspath(os.fspath(path))).removesuffix(".ss").removesuffix(".shards")
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem) or "index"


class Shelf:
    """The indexes of a service, by name. Raises ParameterError for two of one name."""

    def __init__(self, hosted: list[Hosted]) -> None:
        self._hosted = {each.name: each for each in hosted}
        if len(self._hosted) < len(hosted):
            names = [each.name for each in hosted]
            twice = next(name for name in names if names.count(name) > 1)
            raise ParameterError(f"two indexes are called {twice!r}: rename a folder")
        self.names = {each.index.path: each.name for each in hosted}
        """Of the paths, which no answer may hold."""

    def __len__(self) -> int:
        return len(self._hosted)

    def get(self, name: str) -> Hosted | None:
        """One by name."""
        return self._hosted.get(name)

    def values(self) -> list[Hosted]:
        """All of them, in order."""
        return list(self._hosted.values())

    def close(self) -> None:
        """Close all."""
        for each in self._hosted.values():
            each.close()
