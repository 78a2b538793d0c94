"""Batches of pairs with their exact distances: computed as needed, or once for sets that many batches come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..arrays import FloatArray, IntArray
from ..distances import Distance
from ..sequences import Sequences
from .mining import REACH, BatchSampler
from .plan import alone, set_size

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

    Exact distances cost about length^2 cells a pair. Where all batches take no more than `cells`, each is compared by
    itself. Where they would, pairs are compared once, in larger sets, as many as `cells` allow, in the first half of
    the steps, and every batch is drawn from within one of them: a row beside 512 others takes twice as long as beside
    69. Whole genes are learned as well in less than half the time (docs/building.md).
    """

    def __init__(
        self,
        sequences: Sequences,
        distance: Distance,
        sampler: BatchSampler,
        cells: float,
        rng: np.random.Generator,
        steps: int,
    ) -> None:
        self._sequences = sequences
        self._distance = distance
        self._rng = rng
        self._steps = steps
        self.sampler = sampler  # whose `neighbours` may change
        length = float(np.mean(sequences.lengths))
        self._width = min(len(sequences), set_size(length, cells))
        is_dear = alone(sampler.batch, length, steps) > cells
        self._sets = max(1, int(2 * cells / (self._width * length) ** 2)) if is_dear else 0
        self._rows: dict[int, IntArray] = {}
        self._known: dict[int, _KnownSet] = {}
        self._draws = self._of_sets() if is_dear else self._of_their_own()

    def skip(self, batches: int) -> None:
        """Pass over batches without comparing anything: a resumed run goes on where it was."""
        for _ in range(batches):
            next(self._draws)

    def __iter__(self) -> Iterator[PairBatch]:
        for draw in self._draws:
            yield draw()

    def _of_their_own(self) -> Iterator[Callable[[], PairBatch]]:
        while True:
            yield partial(all_pairs, self._sequences, self.sampler.draw(), self._distance)

    def _of_sets(self) -> Iterator[Callable[[], PairBatch]]:
        """Batches of a set, the newest when it is new, else any; half of the steps lead to the last one."""
        step = drawn = 0
        while True:
            if drawn < min(self._sets, 1 + 2 * self._sets * step // self._steps):
                self._rows[drawn] = self.sampler.draw(self._width)
                self._rows.pop(drawn - KEPT, None)
                self._known.pop(drawn - KEPT, None)
                drawn += 1
                number = drawn - 1
            else:
                number = int(self._rng.integers(max(0, drawn - KEPT), drawn))
            yield partial(self._of_set, number, int(self._rng.integers(1 << 62)))
            step += 1

    def _of_set(self, number: int, seed: int) -> PairBatch:
        if number not in self._known:
            self._known[number] = _KnownSet.of(all_pairs(self._sequences, self._rows[number], self._distance))
        return self._known[number].batch(self.sampler.batch, np.random.default_rng(seed))


def all_pairs(sequences: Sequences, rows: IntArray, distance: Distance) -> PairBatch:
    """Every pair of `rows` with its exact distance."""
    some = sequences[rows]
    return PairBatch(rows, distance.matrix(some, some).astype(np.float32))
