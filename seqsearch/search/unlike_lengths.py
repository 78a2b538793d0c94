"""Queries that are far shorter or longer than what is stored: under edit distance most of it is then the difference."""

from __future__ import annotations

import numpy as np

from ..arrays import IntArray
from ..distances import Distance
from ..sequences import Sequences
from .state import State

_SHORTER = 0.5  # of the lengths of nineteen of twenty
_LEAST = 20  # difference of letters that is worth a word


def unlike_lengths(state: State, queries: Sequences) -> tuple[str, ...]:
    """A sentence where half of the queries are less than half as long as nearly all that is stored, or that is less
    than half as long as they, and the distance counts every letter that is left over; else none.
    """
    if not _from_end_to_end(state.distance) or not len(queries) or state.usual_lengths is None:
        return ()
    return _told(queries, state.usual_lengths, "what is stored", " (of build)")


def unlike_references(distance: Distance, queries: Sequences, references: Sequences) -> tuple[str, ...]:
    """The same of queries that are compared with references by a distance."""
    if not _from_end_to_end(distance) or not len(queries) or not len(references):
        return ()
    low, middle, high = np.quantile(references.lengths, [0.05, 0.5, 0.95]).tolist()
    return _told(queries, (low, middle, high), "the references", "")


def _told(queries: Sequences, usual: tuple[float, float, float], others: str, where: str) -> tuple[str, ...]:
    (low, median, high), asked = usual, _middle(queries.lengths)
    if asked < _SHORTER * low and median - asked >= _LEAST:
        how, remedy = ("shorter", f"--distance infix{where} finds the part of a sequence that they match")
    elif _SHORTER * asked > high and asked - median >= _LEAST:
        how, remedy = ("longer", f"--distance overlap{where} compares what two sequences have in common")
    else:
        return ()
    said = f"these queries are much {how} than {others} (medians: {asked:,.0f} and {median:,.0f} steps)"
    return (f"{said}, and every one left over counts as an edit: {remedy}",)


def _middle(lengths: IntArray) -> float:
    return float(lengths[0]) if len(lengths) == 1 else float(np.median(lengths))


def _from_end_to_end(distance: Distance | None) -> bool:
    return distance is not None and distance.alignable and not distance.partial
