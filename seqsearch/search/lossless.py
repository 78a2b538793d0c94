"""Comparing with every stored sequence, by proof: at once where they lie in memory, block by block where on disk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray, spread
from ..distances import Distance, Neighbours, Pruning, Ranges, Searcher, range_search
from ..progress import SILENT, Progress
from ..sequences import Sequences, offsets_of

_LENGTHS = 1000  # stored sequences whose lengths are looked at
KEPT = 1 << 28
"""Steps (letters) of all targets up to which what a search by proof makes of them is kept for the next one."""
BLOCK = 1 << 26
"""Steps of the targets that are unpacked and compared at once beyond that: bounds the memory whatever is stored."""


class Lossless:
    """The rows of a state that are `live`, (rows,), compared with exhaustively and without a loss.

    The first few queries are compared with the targets as they lie, where that takes less time than making them ready.
    Targets that lie in memory, and small ones on disk, are then made ready once; others are unpacked in blocks of rows,
    each block searched for what is nearer than the nearest of the blocks before.
    """

    def __init__(self, distance: Distance, targets: Sequences, live: BoolArray) -> None:
        self._distance, self._targets, self._live = distance, targets, live
        self._asked = 0

    def neighbours(
        self,
        queries: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        within: DoubleArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest of the live (and allowed) rows, at most `within` (Q,), and what the bounds ruled out."""
        if self._are_few(len(queries)):
            mask = self._live if allowed is None else self._live & allowed
            return self._distance.one_by_one(self._targets, mask).search(queries, k, within=within, progress=progress)
        if self._is_kept:
            searcher = self._of_all if allowed is None else self._searcher(self._whole, self._live & allowed)
            return searcher.search(queries, k, within=within, progress=progress)
        found, total = Neighbours.none(len(queries), k), Pruning(0, 0)
        mask = self._live if allowed is None else self._live & allowed
        with progress.task("exact neighbours", int(np.count_nonzero(mask))) as task:
            for first, block, there in self.blocks(mask):
                radii = found.distances[:, -1] if within is None else np.minimum(within, found.distances[:, -1])
                near, pruning = self._searcher(block, there).search(queries, k, within=radii)
                found = _nearer(found, near, first)
                total += pruning
                task.advance(int(np.count_nonzero(there)))
        return found, total

    def ranges(
        self,
        queries: Sequences,
        radius: float | AnyArray,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> Ranges:
        """All live (and allowed) rows within `radius`, one or one a query; errors as `distances.range_search`."""
        mask = self._live if allowed is None else self._live & allowed
        if self._is_kept:
            return range_search(self._distance, queries, self._whole, radius, allowed=mask, progress=progress)
        parts = [range_search(self._distance, queries, self._targets[:0], radius)]  # says what is wrong with a radius
        with progress.task("everything within the radius", int(np.count_nonzero(mask))) as task:
            for first, block, there in self.blocks(mask):
                near = range_search(self._distance, queries, block, radius, allowed=there)
                parts.append(Ranges(near.offsets, near.rows + first, near.distances))
                task.advance(int(np.count_nonzero(there)))
        return _joined(parts)

    def _are_few(self, count: int) -> bool:
        """Whether so many queries, with those before, are too few to make the targets ready for."""
        self._asked += count
        return self._asked <= self._few

    @cached_property
    def _few(self) -> int:
        return self._distance.few(self._targets.lengths_of(spread(len(self._targets), _LENGTHS)))

    @property
    def _is_kept(self) -> bool:
        return self._targets.resident or self._targets.steps <= KEPT

    @cached_property
    def _whole(self) -> Sequences:
        """All targets, in memory."""
        return self._targets if self._targets.resident else self._targets[np.arange(len(self._targets))]

    @cached_property
    def _of_all(self) -> Searcher:
        return self._searcher(self._whole, self._live)

    def _searcher(self, targets: Sequences, allowed: BoolArray) -> Searcher:
        return self._distance.searcher(targets, allowed)

    def blocks(self, mask: BoolArray) -> Iterator[tuple[int, Sequences, BoolArray]]:
        """The first row of each block, its targets, and which of them count; blocks in which none does are left out."""
        offsets, start = self._targets.offsets, 0
        while start < len(mask):
            stop = int(np.searchsorted(offsets, offsets[start] + BLOCK, side="right")) - 1
            stop = min(max(stop, start + 1), len(mask))
            there = mask[start:stop]
            if there.any():
                yield start, self._targets[start:stop], there
            start = stop


def _nearer(found: Neighbours, more: Neighbours, first: int) -> Neighbours:
    """The k nearest of both, by (distance, row): rows of `more` are counted from row `first`, and all come later."""
    rows: IntArray = np.concatenate([found.rows, np.where(more.rows >= 0, more.rows + first, -1)], axis=1)
    distances = np.concatenate([found.distances, more.distances], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, : found.k]  # stable: of equals the lesser row stays first
    return Neighbours(np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1))


def _joined(parts: list[Ranges]) -> Ranges:
    """The ranges of several blocks of rows as one."""
    owners = np.concatenate([np.repeat(np.arange(len(part)), np.diff(part.offsets)) for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    distances = np.concatenate([part.distances for part in parts])
    order = np.lexsort((rows, distances, owners))
    return Ranges(offsets_of(np.bincount(owners, minlength=len(parts[0]))), rows[order], distances[order])
