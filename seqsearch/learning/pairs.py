"""Batches of pairs with their exact distances, computed as they are needed and used again when they are dear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..distances import Distance
from ..sequences import Sequences
from .mining import BatchSampler


@dataclass(frozen=True)
class PairBatch:
    """`rows` (B,) of the training set and the (B, B) exact distances between them."""

    rows: IntArray
    distances: FloatArray


class PairSource:
    """An endless stream of batches from a training set.

    Exact distances cost about length^2 cells a pair; when `cells` of them are spent, the batches compared so far are
    shuffled and served again, so long sequences see fewer distinct pairs in the same time.
    """

    def __init__(
        self, sequences: Sequences, distance: Distance, sampler: BatchSampler, cells: float, rng: np.random.Generator
    ) -> None:
        self._sequences = sequences
        self._distance = distance
        self._sampler = sampler
        self._left = cells
        self._rng = rng

    def __iter__(self) -> Iterator[PairBatch]:
        kept: list[PairBatch] = []
        while self._left > 0 or not kept:
            fresh = all_pairs(self._sequences, self._sampler.draw(), self._distance)
            lengths = self._sequences.lengths[fresh.rows].astype(np.float64)
            self._left -= float(lengths.sum() ** 2) / 2
            kept.append(fresh)
            yield fresh
        while True:
            for at in self._rng.permutation(len(kept)):
                yield kept[at]


def all_pairs(sequences: Sequences, rows: IntArray, distance: Distance) -> PairBatch:
    """Every pair of `rows` with its exact distance."""
    some = sequences[rows]
    return PairBatch(rows, distance.matrix(some, some).astype(np.float32))
