"""What a supervised model says: class probabilities of sequences, label probabilities or groups of their elements."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..errors import EmptySequenceError, MismatchError
from ..extras import TRAIN, imported
from ..progress import SILENT, Progress
from ..sequences import Sequences, offsets_of, words_of
from .heads import PAIR_BIAS, PAIR_SCALE, Head, head_outputs, softmax
from .model import Model

SAME = 0.5  # mean probability above which two groups of elements become one


@dataclass(frozen=True)
class Labelled:
    """Probabilities of K labels for m things: sequences, or the elements of sequences one after the other.

    `probabilities`: (m, K), rows summing to 1; `offsets`: (n + 1,) where the elements of each sequence begin.
    """

    labels: tuple[str, ...]
    probabilities: DoubleArray
    offsets: IntArray

    @property
    def best(self) -> IntArray:
        """(m,) the most probable label of each."""
        best: IntArray = self.probabilities.argmax(axis=1)
        return best

    @property
    def confidence(self) -> DoubleArray:
        """(m,) its probability."""
        highest: DoubleArray = self.probabilities.max(axis=1, initial=0.0)
        return highest

    def names(self) -> list[str]:
        """(m,) the most probable labels by name."""
        return [self.labels[number] for number in self.best.tolist()]

    def lists(self) -> list[list[str]]:
        """The most probable labels of the elements of each of the n sequences."""
        names = self.names()
        return [names[start:stop] for start, stop in itertools.pairwise(self.offsets.tolist())]


def head_of(model: Model, task: str) -> Head:
    """The head of a model for that task. Raises MismatchError when it was trained for another one, or for none."""
    if model.head is None or model.head.task != task:
        what = "has no labels" if model.head is None else f"was trained to {model.head.task}"
        raise MismatchError(f"the model {what}: train one with --task {task}")
    return model.head


def classify(model: Model, sequences: Sequences, progress: Progress = SILENT) -> Labelled:
    """The class of each sequence. Raises MismatchError for a model without classes or sequences it cannot read."""
    head = head_of(model, "classify")
    scores = head_outputs(model.embed(sequences, progress), model.weights)
    return Labelled(head.labels, softmax(scores, head.temperature), np.arange(len(sequences) + 1))


def tag(model: Model, sequences: Sequences, progress: Progress = SILENT) -> Labelled:
    """The label of each element. Raises MismatchError as `classify`, EmptySequenceError for a text without a word."""
    head = head_of(model, "tag")
    require_elements(model, sequences)
    scores = head_outputs(model.elements(sequences, progress), model.weights)
    return Labelled(head.labels, softmax(scores, head.temperature), offsets_of(model.spec.steps(sequences)))


def group(model: Model, sequences: Sequences, progress: Progress = SILENT) -> tuple[IntArray, IntArray]:
    """Which elements of a sequence belong together: (sum T,) group numbers in order of first appearance, from 0 in
    every sequence, and (n + 1,) offsets. Raises what `tag` raises.
    """
    head_of(model, "cluster")
    require_elements(model, sequences)
    coordinates = head_outputs(model.elements(sequences, progress), model.weights)
    offsets = offsets_of(model.spec.steps(sequences))
    scale, bias = float(model.weights[PAIR_SCALE]), float(model.weights[PAIR_BIAS])
    out = np.zeros(len(coordinates), np.int64)
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        out[start:stop] = agglomerated(same_probability(coordinates[start:stop], scale, bias))
    return out, offsets


def same_probability(coordinates: FloatArray, scale: float, bias: float) -> DoubleArray:
    """(T, T) probability that two elements belong together."""
    points = np.asarray(coordinates, np.float64)
    squared = (points**2).sum(axis=1)
    away = np.maximum(squared[:, None] + squared - 2 * points @ points.T, 0.0)
    out: DoubleArray = 1 / (1 + np.exp(np.clip(scale * away - bias, -500, 500)))
    return out


def agglomerated(same: DoubleArray) -> IntArray:
    """(T,) groups from (T, T) probabilities of belonging together, numbered by first appearance.

    Average linkage: the two groups with the highest mean probability are joined while that is above `SAME`.
    """
    if len(same) < 2:
        return np.zeros(len(same), np.int64)
    apart = 1 - (same + same.T) / 2
    np.fill_diagonal(apart, 0.0)
    hierarchy = imported("scipy.cluster.hierarchy", TRAIN)
    condensed = apart[np.triu_indices(len(apart), 1)]
    groups = hierarchy.fcluster(hierarchy.linkage(condensed, "average"), 1 - SAME, "distance")
    return by_first_appearance(groups)


def by_first_appearance(groups: IntArray) -> IntArray:
    """(T,) the same groups numbered 0, 1, ... in the order in which they appear."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    out: IntArray = rank[inverse]
    return out


def require_elements(model: Model, sequences: Sequences) -> None:
    """Raise EmptySequenceError for a text that has no word where words are the elements."""
    model.spec.require(sequences)
    if model.spec.reading is None:
        return
    blank = np.flatnonzero(words_of(sequences).lengths == 0)
    if len(blank):
        row = int(blank[0])
        raise EmptySequenceError("the text has no word", record=row + 1, record_id=sequences.ids[row])
