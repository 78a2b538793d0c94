"""Splits into training, validation and test rows: at random, by distance.

Random splits leave near duplicates of test rows among the training rows and so measure memory; those by distance keep
whole neighbourhoods together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqsearch.arrays import IntArray
from seqsearch.distances import Distance
from seqsearch.errors import ParameterError
from seqsearch.sequences import Sequences


@dataclass(frozen=True)
class Split:
    """Rows of each part, ascending; together every row once."""

    train: IntArray
    validation: IntArray
    test: IntArray


def random_split(n: int, *, validation: int, test: int, rng: np.random.Generator) -> Split:
    """`test` and `validation` of n rows at random; the rest trains."""
    _check(n, validation, test)
    order = rng.permutation(n)
    return _split(n, order[:test], order[test : test + validation])


def distance_split(
    sequences: Sequences, distance: Distance, *, validation: int, test: int, depth: int, rng: np.random.Generator
) -> Split:
    """Whole neighbourhoods: a random row and its 2^depth - 1 nearest rows still free, until the part is full.

    Depth 0 is the random split. Costs one exact row of distances a neighbourhood.
    """
    if not 0 <= depth <= 20:
        raise ParameterError(f"depth must be from 0 to 20, not {depth}")
    _check(len(sequences), validation, test)
    free = np.ones(len(sequences), np.bool_)
    parts = []
    for wanted in (test, validation):
        taken: list[IntArray] = []
        left = wanted
        while left > 0:
            rows = np.flatnonzero(free)
            size = min(2**depth, left)
            seed = rng.choice(rows)
            away = np.asarray(distance.matrix(sequences[[int(seed)]], sequences[rows]), np.float64)[0]
            away[rows == seed] = -1.0
            group = rows[np.argsort(away, kind="stable")[:size]]
            free[group] = False
            taken.append(group)
            left -= size
        parts.append(np.concatenate([np.zeros(0, np.int64), *taken]))
    return _split(len(sequences), *parts)


def _check(n: int, validation: int, test: int) -> None:
    if validation < 0 or test < 0 or validation + test >= n:
        raise ParameterError(f"{validation} validation and {test} test rows leave none of {n} to train on")


def _split(n: int, test: IntArray, validation: IntArray) -> Split:
    free = np.ones(n, np.bool_)
    free[test] = False
    free[validation] = False
    return Split(np.flatnonzero(free), np.sort(validation), np.sort(test))
