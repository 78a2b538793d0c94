"""Batches of pairs with their exact distances: where these are dear, from sets that are compared once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..distances import Distance
from ..sequences import Sequences
from .mining import REACH, BatchSampler
from .plan import sets_for

KEPT = 256  # sets whose distances are remembered: 1 MiB each


@dataclass(frozen=True)
class PairBatch:
    """`rows` (B,) of the training set and the (B, B) exact distances between them."""

    rows: IntArray
    distances: FloatArray


@dataclass(frozen=True)
class _KnownSet:
    """A set of rows all of whose pairs are compared, and the (W, reach) nearest of each, as places in the set."""

    pairs: PairBatch
    neighbours: IntArray

    @classmethod
    def of(cls, pairs: PairBatch) -> _KnownSet:
        others = pairs.distances.copy()
        np.fill_diagonal(others, np.inf)
        reach = min(REACH, len(others) - 1)
        return cls(pairs, np.argsort(others, axis=1, kind="stable")[:, :reach])

    def batch(self, size: int, rng: np.random.Generator) -> PairBatch:
        """A batch of `size` rows at most, most of them near each other, of which nothing has to be compared."""
        places = BatchSampler(self.neighbours, size, rng).draw()
        return PairBatch(self.pairs.rows[places], self.pairs.distances[np.ix_(places, places)])


class PairSource:
    """An endless stream of batches from a training set, of which `steps` are expected to be asked for.

    Where comparing takes little of the `cells`, every batch is compared by itself. Otherwise pairs are compared once,
    in sets that are drawn in the first half of the steps, and every batch is drawn from within one of them: a row
    beside 512 others takes twice as long as beside 69. Exact distances cost about length^2 cells a pair, and no more
    sets are compared than `cells` allow (docs/building.md).
    """

    def __init__(
        self,
        sequences: Sequences,
        distance: Distance,
        sampler: BatchSampler,
        cells: float,
        rng: np.random.Generator,
        steps: int,
        rounds: int = 1,
    ) -> None:
        """`rounds`: shares of the steps, of which each has sets of its own (`renew`)."""
        self._sequences = sequences
        self._distance = distance
        self._rng = rng
        self._sampler = sampler
        length = float(np.mean(sequences.lengths))
        width, sets = sets_for(sampler.batch, length, cells, steps)
        self._width = min(len(sequences), width)
        self._whole = self._width == len(sequences)
        self._fresh = sets == steps and not self._whole
        self._sets = 1 if self._whole else max(1, sets // rounds)
        self._span = max(1, steps // rounds)
        self._step = self._count = self._begun = self._first = 0
        self._rows: dict[int, IntArray] = {}
        self._known: dict[int, _KnownSet] = {}
        self._draws = self._drawn()

    def renew(self, neighbours: IntArray) -> None:
        """Draw sets from other rows near each row from now on."""
        self._sampler.neighbours = neighbours
        if not self._whole:
            self._begun, self._first = self._step, self._count

    def skip(self, batches: int) -> None:
        """Pass over batches without comparing anything: a resumed run goes on where it was."""
        for _ in range(batches):
            next(self._draws)

    def __iter__(self) -> Iterator[PairBatch]:
        for number, seed in self._draws:
            if self._fresh:
                yield all_pairs(self._sequences, self._rows[number], self._distance)
            else:
                yield self._set(number).batch(self._sampler.batch, np.random.default_rng(seed))

    def _drawn(self) -> Iterator[tuple[int, int]]:
        """Number of the set and seed of every batch: the newest set when it is new, else any of this round, of which
        all are known after half of its steps."""
        while True:
            due = 1 + 2 * self._sets * (self._step - self._begun) // self._span
            if self._count - self._first < min(self._sets, due):
                self._rows[self._count] = self._members()
                self._rows.pop(self._count - KEPT, None)
                self._known.pop(self._count - KEPT, None)
                self._count += 1
                number = self._count - 1
            else:
                number = int(self._rng.integers(max(self._first, self._count - KEPT), self._count))
            self._step += 1
            yield number, int(self._rng.integers(1 << 62))

    def _members(self) -> IntArray:
        if self._whole:
            return np.arange(self._width)
        return self._sampler.draw(self._width)

    def _set(self, number: int) -> _KnownSet:
        if number not in self._known:
            self._known[number] = _KnownSet.of(all_pairs(self._sequences, self._rows[number], self._distance))
        return self._known[number]


def all_pairs(sequences: Sequences, rows: IntArray, distance: Distance) -> PairBatch:
    """Every pair of `rows` with its exact distance."""
    some = sequences[rows]
    return PairBatch(rows, distance.matrix(some, some).astype(np.float32))
