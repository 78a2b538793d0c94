"""Windows of targets: what leads to a part of a target. Overlapping cuts are indexed, hits united by target.

A query as long as a window lies, but for half a stride, in one of the windows of each target that holds it, so their
points are near. A longer query asks with several pieces, which vote. What is found is where in a target to look; the
exact distance to the stretch around that place decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ..ann import CandidateIndex, load_index, make_index
from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..encoders.model import Model
from ..errors import StrPath
from ..progress import SILENT, Progress
from ..sequences import Sequences, Strings, offsets_of
from ..sequences.packing import copy_rows
from ..threads import numba_threads
from .pipeline import Parts, Ranked
from .relating import found_relatives, shifts_to
from .relatives import Relatives, Walk
from .window_kernels import Layout, unite

AT_ONCE = 1 << 16  # windows that are embedded at a time
_QUICKER = 2  # times less lists than the fewest that are usual are looked into for relatives of what comes later


@dataclass(frozen=True)
class Cut:
    """Windows of `length` letters, one every `stride`; the last ends with its target."""

    length: int
    stride: int

    @property
    def least(self) -> int:
        """Letters from which on a query is like a window."""
        return self.length - self.length // 4

    def counts(self, lengths: IntArray) -> IntArray:
        """(n,) windows of targets of these lengths, at least one each."""
        return 1 + np.maximum(0, -(-(lengths - self.length) // self.stride))

    def windows_of(self, targets: Sequences) -> Sequences:
        """All windows, target by target, without ids; a target shorter than a window is one."""
        lengths = targets.lengths
        counts = self.counts(lengths)
        owners = np.repeat(np.arange(len(targets)), counts)
        number = np.arange(len(owners)) - np.repeat(offsets_of(counts)[:-1], counts)
        begins = np.minimum(number * self.stride, np.maximum(0, lengths - self.length)[owners])
        return stretches(targets, targets.offsets[owners] + begins, np.minimum(lengths, self.length)[owners])

    def pieces(self, queries: Sequences) -> tuple[Sequences, IntArray, IntArray]:
        """What queries ask with: themselves, or pieces as long as a window, spread evenly, of those that are longer by
        more than a half. The pieces; (Q + 1,) which are of each query; and where each begins in it."""
        lengths = queries.lengths
        counts = np.where(2 * lengths > 3 * self.length, np.maximum(2, np.round(lengths / self.length)), 1)
        counts = counts.astype(np.int64)
        offsets = offsets_of(counts)
        if len(queries) == offsets[-1]:
            return queries, offsets, np.zeros(len(queries), np.int64)
        owners = np.repeat(np.arange(len(queries)), counts)
        number, several = np.arange(len(owners)) - offsets[owners], counts[owners] > 1
        spread = number * (lengths[owners] - self.length) // np.maximum(1, counts[owners] - 1)
        begins = np.where(several, spread, 0)
        own = np.where(several, self.length, lengths[owners])
        return stretches(queries, queries.offsets[owners] + begins, own), offsets, begins


def stretches(sequences: Sequences, starts: IntArray, lengths: IntArray) -> Sequences:
    """Stretches of the letters of a set as a set of its own, without ids."""
    offsets = offsets_of(lengths)
    data = np.empty(int(offsets[-1]), sequences.data.dtype)
    copy_rows(sequences.data, starts, lengths, data, offsets[:-1])
    nameless = Strings(np.zeros(0, np.uint8), np.zeros(len(lengths) + 1, np.int64))
    return Sequences(data, offsets, nameless, sequences.alphabet)


@dataclass(frozen=True)
class WindowSettings:
    """How targets are cut, the candidate index of their windows: its kind, parameters and seed, and of each row how
    many `relatives` are known."""

    length: int
    stride: int
    index: str
    parameters: JSON
    seed: int
    relatives: int = 0

    @property
    def cut(self) -> Cut:
        """How targets are cut."""
        return Cut(self.length, self.stride)

    def to_json(self) -> JSON:
        """As the settings of an index keep them."""
        return {name: value for name, value in asdict(self).items() if name != "relatives" or value}


class WindowIndex:
    """The windows of the rows of an index that are not deleted, embedded by `model` into the points of `index`.

    Windows have numbers of their own, row by row, for rows only ever come at the end: `first`, (rows + 1,), says which
    is the first of each. `relatives` of rows lead on from what is found, where the settings want some.
    """

    def __init__(self, settings: WindowSettings, model: Model, lengths: IntArray, index: CandidateIndex) -> None:
        self.settings, self.model, self.index = settings, model, index
        self._lengths: IntArray = np.zeros(0, np.int64)
        self.first: IntArray = np.zeros(1, np.int64)
        self._owners: AnyArray = np.zeros(0, np.int32)
        self.relatives: Relatives | None = None
        self.extend(lengths)

    @classmethod
    def empty(cls, settings: WindowSettings, model: Model, lengths: IntArray) -> WindowIndex:
        """Of rows of these `lengths`, none of which is in it yet."""
        parameters = settings.parameters
        made = make_index(
            settings.index, geometry=model.geometry, dim=model.dim, parameters=parameters, seed=settings.seed
        )
        return cls(settings, model, lengths, made)

    @classmethod
    def load(cls, path: StrPath, settings: WindowSettings, model: Model, lengths: IntArray) -> WindowIndex:
        """What `save` wrote, of these rows. Raises CorruptIndexError."""
        return cls(settings, model, lengths, load_index(path))

    def save(self, path: StrPath) -> None:
        """Write the candidate index; all else is known from elsewhere."""
        self.index.save(path)

    def __len__(self) -> int:
        """Rows, deleted ones too."""
        return len(self._lengths)

    def extend(self, lengths: IntArray) -> None:
        """More rows, of these lengths, follow those there are."""
        counts = self.settings.cut.counts(lengths)
        rows = np.arange(len(self), len(self) + len(lengths), dtype=np.int32)
        self._owners = np.concatenate([self._owners, np.repeat(rows, counts)])
        self.first = np.concatenate([self.first, self.first[-1] + np.cumsum(counts)])
        self._lengths = np.concatenate([self._lengths, lengths])
        if self.relatives is not None:
            self.relatives = self.relatives.resized(len(self))

    def numbers(self, rows: IntArray) -> IntArray:
        """The windows of rows, row by row."""
        counts = self.first[rows + 1] - self.first[rows]
        within = np.arange(int(counts.sum())) - np.repeat(offsets_of(counts)[:-1], counts)
        return np.repeat(self.first[rows], counts) + within

    def holds(self, rows: IntArray) -> bool:
        """Whether it holds the windows of these rows, ascending, and no others."""
        return np.array_equal(self.index.rows(), self.numbers(rows))

    # -- changes -------------------------------------------------------------------------------------------------

    def train(self, some: Sequences) -> None:
        """Let the candidate index learn what it needs from the windows of some targets."""
        wanted = self.index.training_rows
        if not wanted:
            return
        windows = self.settings.cut.windows_of(some)
        drawn = np.random.default_rng([self.settings.seed, 2]).permutation(len(windows))[:wanted]
        self.index.train(self.model.embed(windows[np.sort(drawn)]))

    def add(self, rows: IntArray, targets: Callable[[IntArray], Sequences], progress: Progress = SILENT) -> None:
        """Take in the windows of rows, ascending, whose sequences `targets` gives."""
        with progress.task("embedding windows", len(rows)) as task:
            counts, start = self.first[rows + 1] - self.first[rows], 0
            ends = np.cumsum(counts)
            while start < len(rows):
                stop = max(start + 1, int(np.searchsorted(ends, ends[start] - counts[start] + AT_ONCE, "right")))
                some = rows[start:stop]
                self.index.add(self.numbers(some), self.model.embed(self.settings.cut.windows_of(targets(some))))
                if self.relatives is not None:
                    self._relate(some, targets, self.relatives)
                task.advance(len(some))
                start = stop

    def relate(self, rows: IntArray, targets: Callable[[IntArray], Sequences], progress: Progress = SILENT) -> None:
        """Find the relatives of rows, ascending, which are all that there are."""
        if self.settings.relatives:
            self.relatives = found_relatives(self.model, rows, len(self), self.settings.relatives, targets, progress)

    def _relate(self, rows: IntArray, targets: Callable[[IntArray], Sequences], relatives: Relatives) -> None:
        """Find the relatives of rows that came later: those which most of their windows are near to."""
        most, sequences = self.settings.relatives, targets(rows)
        efforts = self.index.efforts(2 * most) if self.index.effort else ()
        found = self.propose(sequences, 2 * most, effort=max(1, efforts[0] // _QUICKER) if efforts else None)
        relatives.put(rows, found.rows, shifts_to(sequences, found.rows, targets))

    def remove(self, rows: IntArray) -> None:
        """Forget the windows of rows."""
        self.index.remove(self.numbers(np.asarray(rows, np.int64)))

    # -- answers -------------------------------------------------------------------------------------------------

    def propose(
        self, queries: Sequences, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Ranked:
        """The rows of the `count` nearest windows of each piece of a query, best first, and where the query may lie.

        Each row counts once: at most `count` come back. Scores are the sum, over the pieces of a query, of the
        distance of the row's nearest window, or of the farthest that was found where it has none.
        """
        cut = self.settings.cut
        pieces, offsets, begins = cut.pieces(queries)
        mask = None if allowed is None else np.repeat(allowed, np.diff(self.first))
        found = self.index.search(self.model.embed(pieces, stored=False), count, effort=effort, allowed=mask)
        shape = (len(queries), count)
        rows, scores = np.full(shape, -1, np.int64), np.full(shape, np.inf)
        starts, ends = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        layout = Layout(self._owners, self.first, self._lengths, cut.length, cut.stride)
        numba_threads()
        unite(layout, found.rows, found.distances, offsets, begins, rows, scores, starts, ends)
        walk = None if self.relatives is None else Walk(self.relatives, allowed)
        return Ranked(rows, scores, parts=Parts(starts, ends, cut.stride, walk))
