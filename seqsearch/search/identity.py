"""Hits in the order of their identity, of those that are near: which ones are looked at, and what their paths say."""

from __future__ import annotations

import numpy as np

from ..arrays import IntArray
from ..distances import Distance
from ..distances.neighbours import Identical
from ..errors import ParameterError
from ..sequences import Sequences
from .alignment import Alignments
from .table import HitTable

DISTANCE, IDENTITY = "distance", "identity"
ORDERS = (DISTANCE, IDENTITY)
_TIMES, _LEAST = 5, 50


def looked_at(k: int) -> int:
    """How many near ones the k of the highest identity are chosen from."""
    return max(_LEAST, _TIMES * k)


def require_order(sort_by: str, coverage: float | None, distance: Distance | None) -> None:
    """Raise ParameterError for an order there is not, or that says nothing of a distance."""
    if sort_by not in ORDERS:
        raise ParameterError(f"sort_by must be {' or '.join(ORDERS)}, not {sort_by!r}")
    if coverage is not None and not 0 < coverage <= 1:
        raise ParameterError(f"min_coverage must be above 0 and at most 1, not {coverage}")
    if coverage is not None and sort_by == DISTANCE:
        raise ParameterError("min_coverage is of sort_by='identity': it says which hits count in that order")
    if sort_by == IDENTITY and (distance is None or not (distance.alignable or distance.aligner is not None)):
        name = "two kinds of series" if distance is None else distance.name
        raise ParameterError(f"identity is of alignments, which {name} has none of: sort by distance")


def by_paths(
    distance: Distance, queries: Sequences, targets: Sequences, rows: IntArray, k: int, coverage: float
) -> Identical:
    """Of rows (Q, C) of `targets`, -1 padded, the k of the highest identity, every path looked at."""
    there = rows >= 0
    owners, met = np.nonzero(there)[0], rows[there]
    distances, identities = np.full(rows.shape, np.inf), np.full(rows.shape, -1.0)
    distances[there] = distance.pairs(queries, owners, targets, met)
    table = HitTable(owners, met, distances[there], np.zeros(len(met), np.bool_), len(queries))
    paths = Alignments(queries, targets, table, distance.aligner)
    covered = paths.coverages >= coverage
    identities[there] = np.where(covered, [path.identity for path in paths], -1.0)
    return Identical.of(rows, distances, identities, k)
