"""What classes are learnt from: sequences, the numbers of their labels, how much each counts, and validation folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import BoolArray, DoubleArray, FloatArray, IntArray
from ...encoders.context import names_records, records_of
from ...sequences import Sequences
from .labels import MOST_HELD_OUT, stratified

FOLDS = 4
FEW = 5000  # sequences below which every one is held out once; above, one part of them is
FEWEST_RECORDS = 6
_MOSTLY = 0.5
Fold = tuple[IntArray, IntArray]
"""Rows to learn from and rows to judge by."""


@dataclass(frozen=True)
class Material:
    """n sequences, the (n,) numbers of their K classes, and how they count.

    `weights`: (n,) in learning; `counts`: (n,) in judging, where some stand for others that were left out; `learnt`:
    rows that the final models learn from; `by_words`: text is read word by word.
    """

    sequences: Sequences
    numbers: IntArray
    classes: int
    weights: FloatArray
    counts: DoubleArray
    learnt: IntArray
    by_words: bool = False

    def __len__(self) -> int:
        return len(self.sequences)


def capped(numbers: IntArray, most: int, rng: np.random.Generator) -> tuple[IntArray, DoubleArray]:
    """Rows with at most so many of each class, ascending, and how many of its class each stands for."""
    rows, counts = [np.zeros(0, np.int64)], [np.zeros(0)]
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        taken = np.sort(rng.permutation(own)[:most])
        rows.append(taken)
        counts.append(np.full(len(taken), len(own) / len(taken)))
    every, stand = np.concatenate(rows), np.concatenate(counts)
    order = np.argsort(every)
    return every[order], stand[order]


def has_records(sequences: Sequences) -> bool:
    """Whether these are pieces of enough records to hold whole records out."""
    return names_records(sequences) and len(set(sequences.descriptions)) >= FEWEST_RECORDS


def mostly_of_one_record(material: Material) -> BoolArray:
    """(K,) whether one record has more than half of the examples of a class, where series name their records."""
    if not has_records(material.sequences):
        return np.zeros(material.classes, np.bool_)
    records = records_of(material.sequences)
    table = np.zeros((int(records.max()) + 1, material.classes))
    np.add.at(table, (records, material.numbers), material.counts)
    mostly: BoolArray = table.max(axis=0) > _MOSTLY * table.sum(axis=0)
    return mostly


def folds_of(sequences: Sequences, numbers: IntArray, share: float, rng: np.random.Generator) -> list[Fold]:
    """What is held out in turn: whole records where there are some, a part of every class of few sequences, and of many
    one part, `share` of them. Empty where too little would be held out to judge by."""
    if has_records(sequences):
        return by_record(records_of(sequences), numbers, FOLDS)
    if share * len(numbers) == 0:
        return []
    if len(numbers) >= FEW:
        return [stratified(numbers, min(share, MOST_HELD_OUT / len(numbers)), rng)]
    if int(np.bincount(numbers).max(initial=0)) < 2 * FOLDS:
        return []
    fold = np.zeros(len(numbers), np.int64)
    for number in np.unique(numbers):
        rows = rng.permutation(np.flatnonzero(numbers == number))
        fold[rows] = (np.arange(len(rows)) + rng.integers(FOLDS)) % FOLDS
        if len(rows) == 1:
            fold[rows] = -1  # always learnt from
    return [(np.flatnonzero(fold != at), np.flatnonzero(fold == at)) for at in range(FOLDS)]


def by_record(records: IntArray, numbers: IntArray, folds: int) -> list[Fold]:
    """Whole records held out, shared out so that every fold has its part of every class as far as that goes.

    The records with the largest shares of a class are given first, each to the fold that lacks most of what it has.
    """
    classes = int(numbers.max(initial=0)) + 1
    count = int(records.max(initial=-1)) + 1
    table = np.zeros((count, classes))
    np.add.at(table, (records, numbers), 1.0)
    table /= np.maximum(table.sum(axis=0), 1.0)
    held = np.zeros((folds, classes))
    fold = np.zeros(count, np.int64)
    for record in np.argsort(-table.max(axis=1), kind="stable"):
        filled = ((held + table[record]) ** 2).sum(axis=1) - (held**2).sum(axis=1)
        fold[record] = int(np.argmin(filled))
        held[fold[record]] += table[record]
    own = fold[records]
    return [(np.flatnonzero(own != at), np.flatnonzero(own == at)) for at in range(folds)]
