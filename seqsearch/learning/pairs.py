"""Batches of pairs with their exact distances, computed as they are needed and used again when they are dear."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..distances import Distance
from ..sequences import Sequences
from .mining import BatchSampler

DISTINCT = 200  # batches whose distances must be affordable: dear distances mean smaller batches
LONG = 600.0  # tokens from which comparing a batch takes longer than learning from it


@dataclass(frozen=True)
class PairBatch:
    """`rows` (B,) of the training set and the (B, B) exact distances between them."""

    rows: IntArray
    distances: FloatArray


class PairSource:
    """An endless stream of batches from a training set.

    Exact distances cost about length^2 cells a pair; when `cells` of them are spent, the batches compared so far are
    shuffled and served again, so long sequences see fewer distinct pairs in the same time. Distances are kept only
    when `steps` batches cost more than that.
    """

    def __init__(
        self,
        sequences: Sequences,
        distance: Distance,
        sampler: BatchSampler,
        cells: float,
        rng: np.random.Generator,
        steps: int = 0,
    ) -> None:
        self._sequences = sequences
        self._distance = distance
        self._left = cells
        self._rng = rng
        self.sampler = sampler  # whose `neighbours` may change
        work = steps * (sampler.batch * float(np.mean(sequences.lengths))) ** 2 / 2
        self._keeps = steps == 0 or 1.1 * work > cells
        self._kept: dict[int, PairBatch] = {}
        self._draws = self._drawn()

    def skip(self, batches: int) -> None:
        """Pass over batches without comparing anything: a resumed run goes on where it was."""
        for _ in range(batches):
            next(self._draws)

    def __iter__(self) -> Iterator[PairBatch]:
        for number, rows in self._draws:
            batch = self._kept.get(number) or all_pairs(self._sequences, rows, self._distance)
            if self._keeps:
                self._kept[number] = batch
            yield batch

    def _drawn(self) -> Iterator[tuple[int, IntArray]]:
        """Number and rows of every batch; a number comes again when the batch does."""
        drawn: list[IntArray] = []
        while self._left > 0 or not drawn:
            rows = self.sampler.draw()
            self._left -= float(self._sequences.lengths[rows].astype(np.float64).sum() ** 2) / 2
            drawn.append(rows)
            yield len(drawn) - 1, rows
        while True:
            for number in self._rng.permutation(len(drawn)):
                yield int(number), drawn[number]


def all_pairs(sequences: Sequences, rows: IntArray, distance: Distance) -> PairBatch:
    """Every pair of `rows` with its exact distance."""
    some = sequences[rows]
    return PairBatch(rows, distance.matrix(some, some).astype(np.float32))


def batch_size(wanted: int, length: float, distance: Distance, cells: float) -> int:
    """Sequences in a batch, so that at least `DISTINCT` batches can be compared for `cells`.

    Twice the `wanted` ones where they are long: comparing a sequence with 512 others takes as long as with 256, so that
    the same time buys twice the pairs.
    """
    doubled = distance.kind == "tokens" and length > LONG
    return min(2 * wanted if doubled else wanted, max(32, int(math.sqrt(2 * cells / DISTINCT) / length)))
