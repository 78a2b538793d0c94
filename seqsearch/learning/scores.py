"""How well labels are predicted: counts of true and predicted classes, and what is made of them. Without torch."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray


def confusion(true: AnyArray, predicted: AnyArray, classes: int) -> IntArray:
    """(K, K) counts, true classes down and predicted ones across, from (m,) class numbers."""
    flat = np.bincount(np.asarray(true, np.int64) * classes + np.asarray(predicted, np.int64), minlength=classes**2)
    counts: IntArray = flat.reshape(classes, classes)
    return counts


def accuracy(counts: AnyArray) -> float:
    """Share on the diagonal; NaN where nothing was counted."""
    total = float(counts.sum())
    return float(np.trace(counts)) / total if total else float("nan")


def f1_scores(counts: AnyArray) -> DoubleArray:
    """(K,) 2 * right / (true + predicted), of precision and recall the harmonic mean; NaN for a class never met."""
    right, occurrences = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1)
    scores: DoubleArray = np.where(occurrences > 0, 2 * right / np.maximum(occurrences, 1), np.nan)
    return scores


def macro_f1(counts: AnyArray) -> float:
    """The mean F1 over the classes that occur, true or predicted; NaN where none does."""
    scores = f1_scores(counts)
    occurs = ~np.isnan(scores)
    return float(scores[occurs].mean()) if occurs.any() else float("nan")
