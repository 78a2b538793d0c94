"""Entries in lists, with what finds them: learned from vectors once, then kept up with changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..errors import ParameterError
from ..geometry import geometry_named
from .ivf_codes import Coder, padded_dim, require_bits, sample_of
from .ivf_entries import Entries
from .ivf_scan import Lists, centres_of, lists_of
from .ivf_space import CodedSpace
from .own_lists import PER_LIST, OwnLists

LONGEST = 4
"""A list longer than so many times what suits the number of entries is split."""

SHORT = 256
"""Lists shorter than LONGEST times this are left alone."""

LEAST_PER_LIST = 8
"""No more lists are learned than leave so many vectors of the sample to each."""

WIDE = 2
"""Lists looked into by default: so many times the root of their number."""


@dataclass(frozen=True)
class ListSettings:
    """`lists`: how many (None: suited to the size); `bits` a dimension, 1, 2, 4 or 8, None for the vectors themselves;
    `target`: the recall, of what a look into all lists would find, that `health` sets the effort by.

    ParameterError for numbers that cannot be.
    """

    geometry: str
    dim: int
    lists: int | None = None
    bits: int | None = 4
    target: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {"dim": (1, 2**16), "seed": (0, 2**63)} | ({} if self.lists is None else {"lists": (1, 2**20)})
        for name, (least, end) in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value < end:
                raise ParameterError(f"{name} is a whole number from {least} to {end - 1}, not {value!r}")
        if not isinstance(self.target, float | int) or not 0 <= self.target <= 1:
            raise ParameterError(f"target is a recall from 0 to 1, not {self.target!r}")
        require_bits(self.bits)
        geometry_named(self.geometry)

    @property
    def width(self) -> int:
        """Dimensions of a coded vector."""
        return padded_dim(self.dim, self.bits)


def suited_lists(size: int) -> int:
    """How many lists suit `size` entries: the power of two nearest to their root, 16 at least."""
    return max(16, 1 << round(float(np.log2(max(size, 1))) / 2))


class ListTable:
    """Entries, and their lists as faiss scans them (or `own_lists`), packed when they are next searched."""

    def __init__(self, settings: ListSettings, entries: Entries) -> None:
        self.entries = entries
        self.space = CodedSpace(settings.geometry, entries.coder, settings.dim)
        self.effort = default_effort(len(entries.centres))
        """Lists that a search looks into by default."""
        self.code_recall = 1.0
        """The part of the ten nearest of the sample that are among the hundred nearest by their codes."""
        self._lists: Lists | OwnLists | None = None

    @classmethod
    def learned(cls, settings: ListSettings, vectors: FloatArray, size: int) -> ListTable:
        """Without entries, from coded vectors (n, D); `size`: entries to expect."""
        count = settings.lists or suited_lists(max(size, len(vectors)))
        count = max(1, min(count, len(vectors) // LEAST_PER_LIST))
        centres = centres_of(vectors, count, settings.seed)
        return cls(settings, Entries(Coder.learned(vectors, settings.bits, settings.seed), centres))

    def scanner(self) -> Lists | OwnLists:
        """What finds entries, brought up to date."""
        entries = self.entries
        if self._lists is None or len(entries.centres) > self._lists.room:
            self._lists = lists_of(entries.coder, entries.centres)
            entries.dirty[:] = True
        if entries.dirty.any():
            changed = np.flatnonzero(entries.dirty)
            self._lists.route(entries.centres)
            self._lists.put(changed, *entries.of_lists(changed), entries.bytes())
            self._lists.counted(entries.live)
            entries.dirty[:] = False
        return self._lists

    def forget_scanner(self) -> None:
        """After entries have got other numbers."""
        self._lists = None

    def route(self, vectors: FloatArray) -> IntArray:
        """The list of each coded vector (n, D)."""
        if self._lists is None or len(self.entries.centres) > self._lists.room:
            self._lists = lists_of(self.entries.coder, self.entries.centres)
            self.entries.dirty[:] = True
        self._lists.route(self.entries.centres)
        return self._lists.nearest_lists(vectors)

    def find(
        self, queries: FloatArray, asked: FloatArray, count: int, lists: int, wanted: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Entries (Q, C), -1 for none, and their distances from queries (Q, dim), which are (Q, D) when coded."""
        fetch = min(self.space.fetch(count), max(self.entries.live, 1))
        entries, squared = self.scanner().search(asked, fetch, lists, wanted)
        return entries, self.space.distances(queries, entries, squared, self.entries.bytes())

    def overlong(self) -> IntArray:
        """Lists that are to be split."""
        live = self.entries.live
        return np.flatnonzero(self.entries.sizes > LONGEST * max(SHORT, live // suited_lists(live)))

    def parted(self, number: int, seed: int) -> FloatArray | None:
        """Centres (p, D) that a list may be split among, None where its points lie too close together."""
        entries, _ = self.entries.of_lists(np.array([number]))
        live = self.entries.live
        count = min(len(entries), max(2, len(entries) // max(SHORT, live // suited_lists(live))))
        some = sample_of(len(entries), PER_LIST * count, np.random.default_rng(seed))
        vectors = self.space.coder.decode(self.entries.codes(entries[some]))
        if (vectors == vectors[0]).all():
            return None
        return centres_of(vectors, count, seed)


def default_effort(lists: int) -> int:
    """How many of the lists a search looks into before anything was measured."""
    return max(1, min(lists, WIDE * int(np.ceil(np.sqrt(lists)))))


def empty_codes(coder: Coder) -> AnyArray:
    """No codes, (0, W)."""
    return np.zeros((0, coder.words), dtype=np.uint32)
