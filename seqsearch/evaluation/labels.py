"""How well labels are predicted: accuracy, F1, a table of classes, reliability; and how well groups are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import ParameterError
from ..learning.scores import accuracy, confusion, f1_scores, macro_f1
from ..sequences import Tagged
from .reliability import ReliabilityBin, expected_calibration_error, reliability


@dataclass(frozen=True)
class LabelReport:
    """What came of telling m labels.

    `labels`: every one that is true or predicted, in order; `counts`: (K, K), true down and predicted across;
    `abstained`: how many of the m things got no label - they are in no other figure; `bins`: reliability of the
    confidences, empty without any.
    """

    labels: tuple[str, ...]
    counts: IntArray
    abstained: int
    bins: list[ReliabilityBin]

    @classmethod
    def of(cls, true: Sequence[str], predicted: Sequence[str], confidence: AnyArray | None = None) -> LabelReport:
        """From (m,) true labels and predicted ones, "" where none was predicted, and (m,) how sure each was.

        A true label that training did not know counts as wrong. Raises ParameterError.
        """
        if len(true) != len(predicted) or not len(true):
            raise ParameterError(f"{len(predicted)} predicted labels cannot be compared with {len(true)} true ones")
        answered = np.array([bool(name) for name in predicted])
        names = sorted(set(true) | {name for name in predicted if name})
        number = {name: place for place, name in enumerate(names)}
        given = np.flatnonzero(answered).tolist()
        counts = confusion(
            np.array([number[true[row]] for row in given], np.int64),
            np.array([number[predicted[row]] for row in given], np.int64),
            len(names),
        )
        bins: list[ReliabilityBin] = []
        if confidence is not None and given:
            right = np.array([true[row] == predicted[row] for row in given])
            bins = reliability(np.clip(np.asarray(confidence, np.float64)[answered], 0.0, 1.0), right)
        return cls(tuple(names), counts, len(true) - len(given), bins)

    @property
    def accuracy(self) -> float:
        """Share of the predicted labels that are right."""
        return accuracy(self.counts)

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the labels that occur."""
        return macro_f1(self.counts)

    @property
    def calibration_error(self) -> float:
        """Mean difference of confidence and share of right answers; NaN without confidences."""
        return expected_calibration_error(self.bins) if self.bins else float("nan")

    def rows(self) -> list[dict[str, object]]:
        """A row a label: support, predicted, precision, recall, f1; None where a share has nothing to be a share of."""
        right, support, predicted = np.diag(self.counts), self.counts.sum(axis=1), self.counts.sum(axis=0)
        counts = (column.tolist() for column in (right, support, predicted))
        return [
            {
                "label": label,
                "support": s,
                "predicted": t,
                "precision": r / t if t else None,
                "recall": r / s if s else None,
                "f1": None if np.isnan(f1) else float(f1),
            }
            for label, r, s, t, f1 in zip(self.labels, *counts, f1_scores(self.counts), strict=True)
        ]

    def summary(self) -> dict[str, object]:
        """The figures of the whole."""
        return {
            "labels": len(self.labels),
            "predicted": int(self.counts.sum()),
            "abstained": self.abstained,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
        }


def v_measure(true: AnyArray, predicted: AnyArray) -> float:
    """The V-measure of a grouping of m elements, in [0, 1]: the harmonic mean of homogeneity and completeness.

    Rosenberg and Hirschberg, V-measure, EMNLP-CoNLL 2007, with beta 1; 1 where one side has a single group. Names of
    groups do not matter.
    """
    table = _contingency(true, predicted)
    homogeneity = 1 - _share(_conditional_entropy(table), _entropy(table.sum(axis=1)))
    completeness = 1 - _share(_conditional_entropy(table.T), _entropy(table.sum(axis=0)))
    total = homogeneity + completeness
    return 2 * homogeneity * completeness / total if total > 0 else 0.0


def adjusted_rand(true: AnyArray, predicted: AnyArray) -> float:
    """The Rand index adjusted for chance, at most 1 and 0 on average for random groups.

    Hubert and Arabie, Comparing partitions, Journal of Classification 2 (1985). 1 where both sides agree trivially.
    """
    table = _contingency(true, predicted)

    def pairs(counts: AnyArray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, down, across = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    everything = pairs(np.array([table.sum()]))
    if everything == 0:
        return 1.0
    by_chance = down * across / everything
    most = (down + across) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def _contingency(true: AnyArray, predicted: AnyArray) -> AnyArray:
    """(R, C) counts of elements by true and predicted group."""
    first, second = np.asarray(true), np.asarray(predicted)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ParameterError(f"groups of shape {second.shape} cannot be compared with groups of shape {first.shape}")
    _, down = np.unique(first, return_inverse=True)
    _, across = np.unique(second, return_inverse=True)
    table = np.zeros((down.max() + 1, across.max() + 1))
    np.add.at(table, (down, across), 1)
    return table


def _entropy(counts: AnyArray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _conditional_entropy(table: AnyArray) -> float:
    """Of the rows, given the column."""
    inner = table > 0
    columns = np.broadcast_to(table.sum(axis=0), table.shape)
    return float(-(table[inner] / table.sum() * np.log(table[inner] / columns[inner])).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def grouping_scores(data: Tagged, groups: IntArray) -> dict[str, float]:
    """Mean V-measure and adjusted Rand index over the sequences of `data` with a known element, from (m,) groups."""
    if data.tags is None:
        raise ParameterError("the elements have no labels to compare groups with")
    names = np.array(list(data.tags), dtype=np.str_)
    v, rand = [], []
    for start, stop in zip(data.offsets[:-1].tolist(), data.offsets[1:].tolist(), strict=True):
        known = data.known[start:stop]
        if known.any():
            true, predicted = names[start:stop][known], groups[start:stop][known]
            v.append(v_measure(true, predicted))
            rand.append(adjusted_rand(true, predicted))
    if not v:
        raise ParameterError("no element is known to compare groups with")
    return {"v_measure": float(np.mean(v)), "adjusted_rand": float(np.mean(rand))}
