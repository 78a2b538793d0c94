"""Aligned rows as counts by column: all that another profile needs to know of them.

Rows are (n, C) int16 numbers of letters, GAP where there is none. A row may stand for several equal sequences: weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..jit import kernel

GAP = -1
BOTH, FIRST, SECOND = 0, 1, 2  # steps of a path: a column of both profiles, or of one beside gaps in the other


class Profile(NamedTuple):
    """`counts`: (C, A) weight of the rows with each letter; `gaps`: (C,) of those with a gap; `starts`: (C,) of those
    whose gap begins here; `size`: the weight of all."""

    counts: DoubleArray
    gaps: DoubleArray
    starts: DoubleArray
    size: float


def profile_of(rows: AnyArray, weights: DoubleArray, letters: int) -> Profile:
    """The profile of (n, C) rows with (n,) weights."""
    counts = np.zeros((rows.shape[1], letters))
    gaps, starts = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    _count(rows, weights, counts, gaps, starts)
    return Profile(counts, gaps, starts, float(weights.sum()))


@kernel()
def _count(rows: AnyArray, weights: DoubleArray, counts: DoubleArray, gaps: DoubleArray, starts: DoubleArray) -> None:
    for row in range(rows.shape[0]):
        inside = False
        for column in range(rows.shape[1]):
            letter = rows[row, column]
            if letter >= 0:
                counts[column, letter] += weights[row]
            else:
                gaps[column] += weights[row]
                if not inside:
                    starts[column] += weights[row]
            inside = letter < 0


def columns_in(steps: AnyArray, other: int) -> IntArray:
    """Where the columns of a profile come to stand in (P,) steps: all but those of the `other` alone."""
    return np.flatnonzero(steps != other)


def merged(x: Profile, y: Profile, steps: AnyArray) -> Profile:
    """The profile of both, aligned by (P,) steps."""
    first, second = _spread(x, steps != SECOND), _spread(y, steps != FIRST)
    return Profile(first[0] + second[0], first[1] + second[1], first[2] + second[2], x.size + y.size)


def _spread(profile: Profile, own: BoolArray) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Counts, gaps and starts with a column of gaps wherever `own`, (P,), is false."""
    counts = np.zeros((len(own), profile.counts.shape[1]))
    counts[own] = profile.counts
    gaps = np.full(len(own), profile.size)
    gaps[own] = profile.gaps
    starts = np.zeros(len(own))
    starts[own] = profile.starts
    after_own = np.concatenate([[True], own[:-1]])
    starts[own & ~after_own] = 0  # the gap began in the column of gaps before
    residues = profile.size - np.concatenate([[0.0], profile.gaps])  # before the first column as if all had letters
    before = np.cumsum(own)  # own columns up to a place
    fresh = ~own & after_own
    starts[fresh] = residues[before[fresh]]
    return counts, gaps, starts
