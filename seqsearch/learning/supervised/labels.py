"""Labels as numbers, their weights, and a part held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ...arrays import FloatArray, IntArray
from ...errors import InputError, ParameterError
from ...sequences import Sequences

MOST_HELD_OUT = 4000  # sequences that are looked at again and again


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


def label_weights(numbers: IntArray, labels: int, weighting: str) -> FloatArray:
    """(K,) weights of the classes whose mean over the (m,) examples is 1."""
    counts = np.maximum(np.bincount(numbers, minlength=labels), 1)
    power = {"none": 0.0, "root": 0.5, "balanced": 1.0}[weighting]
    weights = counts**-power
    out: FloatArray = (weights * len(numbers) / max((weights * counts).sum(), 1e-12)).astype(np.float32)
    return out
