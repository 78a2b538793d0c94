"""Labels as numbers, their weights, and a part held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray, IntArray
from ...errors import EmptySequenceError, InputError, MismatchError, ParameterError
from ...sequences import Sequences, Tagged, ranges_to_indices

MOST_HELD_OUT = 4000  # sequences that are judged again and again
UNKNOWN = -100  # the number of a label that is not known


@dataclass(frozen=True)
class Examples:
    """Sequences, the (m,) numbers of their labels or of their elements', and (n + 1,) where those of each begin."""

    sequences: Sequences
    wanted: IntArray
    offsets: IntArray

    @classmethod
    def classes(cls, sequences: Sequences, numbers: IntArray) -> Examples:
        """One label each."""
        return cls(sequences, numbers, np.arange(len(sequences) + 1))

    @classmethod
    def tags(cls, data: Tagged, labels: tuple[str, ...]) -> Examples:
        """A label for each element. Raises ParameterError for a label that is not among `labels`."""
        wanted = np.full(len(data.known), UNKNOWN, np.int64)
        wanted[data.known] = numbers_of(known_names(data), labels, "the validation set")
        return cls(data.sequences, wanted, data.offsets)

    @classmethod
    def groups(cls, data: Tagged) -> Examples:
        """A number for each name of a group."""
        assert data.tags is not None
        _, numbers = np.unique(np.array(list(data.tags), dtype=np.str_), return_inverse=True)
        return cls(data.sequences, np.where(data.known, numbers, UNKNOWN), data.offsets)

    def digest(self) -> str:
        """Names the sequences and their labels."""
        labels = hashlib.blake2b(self.wanted.tobytes() + self.offsets.tobytes(), digest_size=16)
        return f"{self.sequences.digest()} {labels.hexdigest()}"

    @property
    def lengths(self) -> IntArray:
        """(n,) labels of each sequence."""
        return np.diff(self.offsets)

    def elements(self, rows: IntArray) -> IntArray:
        """Positions of the labels of some sequences."""
        return ranges_to_indices(self.offsets[rows], self.lengths[rows])


def known_names(data: Tagged) -> list[str]:
    """Labels of the elements that are known."""
    assert data.tags is not None
    return list(data.tags.take(np.flatnonzero(data.known)))


def numbered_labels(names: Iterable[str]) -> tuple[tuple[str, ...], IntArray]:
    """The K distinct names in order, and (m,) the number of each. Raises ParameterError for fewer than two."""
    distinct, numbers = np.unique(np.array(list(names), dtype=np.str_), return_inverse=True)
    if len(distinct) < 2:
        one = f"every label is {str(distinct[0])!r}" if len(distinct) else "there is no label"
        raise ParameterError(f"{one}: at least two different ones are needed to learn from")
    return tuple(distinct.tolist()), numbers.astype(np.int64)


def class_names(sequences: Sequences) -> list[str]:
    """(n,) labels. Raises InputError naming the first sequence that has none."""
    names = list(sequences.labels)
    missing = next((row for row, name in enumerate(names) if not name), None)
    if missing is not None:
        raise InputError("there is no label to learn from", record=missing + 1, record_id=sequences.ids[missing])
    return names


def numbers_of(names: Sequence[str], labels: tuple[str, ...], what: str) -> IntArray:
    """(m,) numbers of names among known labels. Raises ParameterError for one that is not among them."""
    number = {label: place for place, label in enumerate(labels)}
    for name in names:
        if name not in number:
            raise ParameterError(f"the label {name!r} of {what} does not occur in the training set")
    return np.array([number[name] for name in names], np.int64)


def stratified(numbers: IntArray, share: float, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Rows to train on and rows held out, `share` of every class; a class of one example is trained on."""
    share = min(share, MOST_HELD_OUT / max(1, len(numbers)))
    held = []
    for number in np.unique(numbers):
        rows = rng.permutation(np.flatnonzero(numbers == number))
        held.append(rows[: min(round(share * len(rows)), len(rows) - 1)])
    out = np.zeros(len(numbers), np.bool_)
    out[np.concatenate([np.zeros(0, np.int64), *held])] = True
    return np.flatnonzero(~out), np.flatnonzero(out)


def held_apart(data: Tagged, share: float, seed: int) -> tuple[Tagged, Tagged]:
    """Training and held-out sequences, at random."""
    order = np.random.default_rng(seed).permutation(len(data))
    held = min(round(share * len(data)), MOST_HELD_OUT, len(data) - 1)
    return data[np.sort(order[held:])], data[np.sort(order[:held])]


def require_tags(data: Tagged) -> None:
    """Raise MismatchError for data without labels, EmptySequenceError for a sequence without elements."""
    if data.tags is None:
        raise MismatchError("the elements have no labels to learn from")
    empty = np.flatnonzero(data.lengths == 0)
    if len(empty):
        row = int(empty[0])
        raise EmptySequenceError("the text has no word", record=row + 1, record_id=data.sequences.ids[row])


def label_weights(numbers: IntArray, labels: int, weighting: str) -> FloatArray:
    """(K,) weights of the classes whose mean over the (m,) examples is 1."""
    counts = np.maximum(np.bincount(numbers, minlength=labels), 1)
    power = {"none": 0.0, "root": 0.5, "balanced": 1.0}[weighting]
    weights = counts**-power
    out: FloatArray = (weights * len(numbers) / max((weights * counts).sum(), 1e-12)).astype(np.float32)
    return out
