"""Batches of sequences of like length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...arrays import IntArray

_POOL = 50  # batches whose sequences are sorted by length together: still random, hardly any padding


class LengthBatches:
    """An endless stream of (B,) rows: every row once an epoch, in a new order each time."""

    def __init__(self, lengths: IntArray, batch: int, rng: np.random.Generator) -> None:
        self._lengths = lengths
        self._batch = batch
        self._rng = rng

    @property
    def per_epoch(self) -> int:
        """Batches that make an epoch."""
        return -(-len(self._lengths) // self._batch)

    def __iter__(self) -> Iterator[IntArray]:
        while True:
            order = self._rng.permutation(len(self._lengths))
            batches = []
            for start in range(0, len(order), _POOL * self._batch):
                pool = order[start : start + _POOL * self._batch]
                pool = pool[np.argsort(self._lengths[pool], kind="stable")]
                batches += [pool[at : at + self._batch] for at in range(0, len(pool), self._batch)]
                if len(batches) > 1 and len(batches[-1]) == 1:  # batch norm needs company
                    batches[-2:] = [np.concatenate(batches[-2:])]
            for number in self._rng.permutation(len(batches)):
                yield batches[number]


def by_length(lengths: IntArray, steps: int) -> Iterator[IntArray]:
    """All rows once, shortest first, in batches of at most `steps` padded steps (or of a single row)."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop - start + 1) * int(lengths[order[stop]]) > steps:
            yield order[start:stop]
            start = stop
