"""Padded batches: what a network reads. Padding is told by a mask, never by a symbol that could be real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import ParameterError
from .sequence import Sequences


@dataclass(frozen=True, eq=False)
class Padded:
    """B sequences on one rectangle of T steps.

    `rows`: (B,) where they stand in the set; `data`: (B, T) codes of the alphabet's type, or (B, T, F) float32 series,
    0 after the end; `mask`: (B, T), True on real steps; `lengths`: (B,).
    """

    rows: IntArray
    data: AnyArray
    mask: BoolArray
    lengths: IntArray


def pad(sequences: Sequences, rows: IntArray | None = None, *, steps: int | None = None) -> Padded:
    """The sequences of `rows` (all by default) padded to `steps` (the longest by default).

    Raises ParameterError when one is longer than `steps`.
    """
    chosen = np.arange(len(sequences)) if rows is None else np.asarray(rows, np.int64)
    part = sequences if rows is None else sequences[chosen]
    lengths = part.lengths
    longest = int(lengths.max(initial=0))
    width = longest if steps is None else steps
    if width < longest:
        raise ParameterError(f"a sequence of {longest} steps does not fit {width}")
    mask = np.arange(width) < lengths[:, None]
    data = np.zeros((len(part), width, *part.data.shape[1:]), part.data.dtype)
    data[mask] = part.data[part.offsets[0] : part.offsets[-1]]
    return Padded(chosen, data, mask, lengths)


def padded_batches(sequences: Sequences, *, size: int, steps: int | None = None) -> Iterator[Padded]:
    """All sequences, shortest first so that little is padding, in batches of at most `size` sequences.

    `steps`: at most so many padded steps a batch, to bound the memory however long a sequence is; one that is longer
    by itself makes a batch of its own. Every row comes exactly once; `Padded.rows` says which.
    """
    if size < 1 or (steps is not None and steps < 1):
        raise ParameterError(f"size and steps must be at least 1, not {size} and {steps}")
    order = np.argsort(sequences.lengths, kind="stable")
    lengths = sequences.lengths[order].tolist()
    start = 0
    for stop in range(1, len(order) + 1):
        full = stop - start == size
        if stop < len(order) and not full and steps is not None:
            full = (stop - start + 1) * lengths[stop] > steps
        if full or stop == len(order):
            yield pad(sequences, order[start:stop])
            start = stop
