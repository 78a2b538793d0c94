"""Splits into training, validation and test rows: at random, by distance, by label, by tree.

Random splits leave near duplicates of test rows among the training rows and so measure memory. The others keep
relatives together: whole neighbourhoods, whole labels, whole clades.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import IntArray
from ..distances import Distance
from ..errors import ParameterError
from ..sequences import Sequences
from .newick import Tree


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


def label_split(sequences: Sequences, *, validation: int, test: int, rng: np.random.Generator) -> Split:
    """Whole labels (such as genera) at random until each part holds at least as many rows as asked for.

    A row without a label is a label of its own. Raises ParameterError when no row would be left to train on.
    """
    n = len(sequences)
    _check(n, validation, test)
    names = np.array([sequences.labels[row] or f"\0{row}" for row in range(n)])
    _, numbers = np.unique(names, return_inverse=True)
    return _by_groups(numbers, validation=validation, test=test, rng=rng, what="label")


def tree_split(
    sequences: Sequences, tree: Tree, *, validation: int, test: int, clade: int, rng: np.random.Generator
) -> Split:
    """Whole clades of at most `clade` leaves, cut from `tree` as near the root as that allows.

    Leaves are found by the ids of the sequences; leaves without a sequence do not matter. Raises ParameterError for a
    sequence that is no leaf.
    """
    if clade < 1:
        raise ParameterError(f"a clade holds at least 1 leaf, not {clade}")
    numbers = np.full(len(sequences), -1, np.int64)
    row_of = {sequences.ids[row]: row for row in range(len(sequences))}
    for number, leaves in enumerate(tree.clades(clade)):
        for leaf in leaves:
            if leaf in row_of:
                numbers[row_of[leaf]] = number
    missing = np.flatnonzero(numbers < 0)
    if len(missing):
        raise ParameterError(f"sequence {sequences.ids[int(missing[0])]!r} is no leaf of the tree")
    return _by_groups(numbers, validation=validation, test=test, rng=rng, what="clade")


def _by_groups(numbers: IntArray, *, validation: int, test: int, rng: np.random.Generator, what: str) -> Split:
    _check(len(numbers), validation, test)
    order = iter(rng.permutation(np.unique(numbers)).tolist())
    sizes = np.bincount(numbers)
    parts = [np.flatnonzero(np.isin(numbers, _until(order, sizes, wanted))) for wanted in (test, validation)]
    split = _split(len(numbers), *parts)
    if not len(split.train):
        raise ParameterError(f"no {what} is left to train on: test {test} and validation {validation} take them all")
    return split


def _until(order: Iterator[int], sizes: IntArray, wanted: int) -> list[int]:
    """Groups from `order` until they hold `wanted` rows."""
    taken: list[int] = []
    held = 0
    while held < wanted:
        group = next(order, None)
        if group is None:
            break
        taken.append(group)
        held += int(sizes[group])
    return taken


def _check(n: int, validation: int, test: int) -> None:
    if validation < 0 or test < 0 or validation + test >= n:
        raise ParameterError(f"{validation} validation and {test} test rows leave none of {n} to train on")


def _split(n: int, test: IntArray, validation: IntArray) -> Split:
    free = np.ones(n, np.bool_)
    free[test] = False
    free[validation] = False
    return Split(np.flatnonzero(free), np.sort(validation), np.sort(test))
