"""Queries that are far shorter or longer than what is stored: under edit distance most of it is then the difference."""

from __future__ import annotations

import numpy as np

from ..distances import Distance
from ..sequences import Sequences
from .state import State

_SAMPLE = 4096  # stored sequences whose lengths are looked at
_SHORTER = 0.5  # of the lengths of nineteen of twenty
_LEAST = 20  # difference of letters that is worth a word


def unlike_lengths(state: State, queries: Sequences) -> tuple[str, ...]:
    """A sentence where half of the queries are less than half as long as nearly all that is stored, or that is less
    than half as long as they, and the distance counts every letter that is left over; else none.
    """
    if not _from_end_to_end(state.distance) or not len(queries):
        return ()
    rows = np.unique(np.linspace(0, len(state.live) - 1, min(len(state.live), _SAMPLE)).astype(np.int64))
    rows = rows[state.live[rows]]
    if not len(rows):
        return ()
    stored = state.targets.lengths_of(rows)
    asked, median = float(np.median(queries.lengths)), float(np.median(stored))
    low, high = np.quantile(stored, [0.05, 0.95])
    if asked < _SHORTER * low and median - asked >= _LEAST:
        how, remedy = "shorter", "an index built with --distance infix finds the part of a sequence that they match"
    elif _SHORTER * asked > high and asked - median >= _LEAST:
        how, remedy = "longer", "an index built with --distance overlap compares what two sequences have in common"
    else:
        return ()
    said = f"these queries are much {how} than what is stored (medians: {asked:,.0f} and {median:,.0f} steps)"
    return (f"{said}, and every one left over counts as an edit: {remedy}",)


def _from_end_to_end(distance: Distance | None) -> bool:
    return distance is not None and distance.alignable and not distance.partial
