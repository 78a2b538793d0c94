"""What was found, and how far up: recall is counted by true distances, so that ties are as good as one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import recall_at
from ..errors import ParameterError

__all__ = ["candidate_recall", "closest_accuracy", "mean_reciprocal_rank", "n95", "ranks_of", "share_within"]


def candidate_recall(candidates: AnyArray, truth: AnyArray, k: int) -> float:
    """The recall at k that perfect verification of the candidates would give.

    `candidates`: (Q, C) true distances of what was proposed, in any order, inf where nothing was; `truth`: (Q, >= k)
    true distances in ascending order. Raises ParameterError when the shapes do not fit.
    """
    proposed = np.asarray(candidates, np.float64)
    if proposed.ndim != 2:
        raise ParameterError(f"the distances of candidates have shape {proposed.shape}, not (queries, candidates)")
    return float(recall_at(np.sort(proposed, axis=1), truth, k).mean())


def closest_accuracy(retrieved: AnyArray, nearest: AnyArray, tops: Sequence[int] = (1, 5, 10)) -> dict[int, float]:
    """For each `top`, the share of queries with a closest sequence among the first `top` that were retrieved.

    `retrieved`: (Q, >= max top) true distances in the order of retrieval; `nearest`: (Q,) the smallest true distance.
    Any sequence at that distance is a closest one. ("Closest string retrieval" of Corso et al. 2021.)
    """
    found, best = np.asarray(retrieved, np.float64), np.asarray(nearest, np.float64)
    if found.ndim != 2 or best.shape != (len(found),) or len(found) == 0:
        raise ParameterError(f"retrieved distances of shape {found.shape} do not fit nearest ones of {best.shape}")
    if not tops or min(tops) < 1 or max(tops) > found.shape[1]:
        raise ParameterError(f"tops {list(tops)} do not fit {found.shape[1]} retrieved")
    hit = found <= best[:, None]
    return {top: float(hit[:, :top].any(axis=1).mean()) for top in tops}


def ranks_of(distances: AnyArray, correct: IntArray) -> DoubleArray:
    """(Q,) rank, from 1, of the one correct entry of each query.

    `distances`: (Q, n) to every entry; `correct`: (Q,) which entry is right. Entries at the same distance share their
    mean rank: what a random order among them would give on average, so that a constant distance earns nothing.
    """
    table, right = np.asarray(distances), np.asarray(correct, np.int64)
    if table.ndim != 2 or right.shape != (len(table),):
        raise ParameterError(f"distances of shape {table.shape} do not fit {right.shape} correct entries")
    if len(right) and not 0 <= right.min() <= right.max() < table.shape[1]:
        raise ParameterError(f"the correct entries {right.min()}..{right.max()} are not among {table.shape[1]}")
    own = table[np.arange(len(table)), right][:, None]
    ranks: DoubleArray = 1 + (table < own).sum(axis=1) + ((table == own).sum(axis=1) - 1) / 2
    return ranks


def mean_reciprocal_rank(ranks: AnyArray) -> float:
    """mean(1 / rank); a match that was not found has rank inf and counts 0."""
    return float((1 / _ranks(ranks)).mean())


def share_within(ranks: AnyArray, top: int) -> float:
    """The share of queries whose match has rank `top` or better."""
    return float((_ranks(ranks) <= top).mean())


def n95(ranks: AnyArray, size: int, share: float = 0.95) -> float:
    """Percent of a database of `size` entries that has to be kept to hold `share` of the correct matches.

    The smallest N such that `share` of the ranks are at most N, over `size`; inf when too many were never found. The
    measure of Raffel & Ellis, Pruning subsequence search with attention-based embedding, ICASSP 2016.
    """
    if size < 1 or not 0 < share <= 1:
        raise ParameterError(f"size must be at least 1 and share in (0, 1], not {size} and {share}")
    ordered = np.sort(_ranks(ranks))
    needed = int(np.ceil(share * len(ordered) - 1e-9))  # .95 * 20 is 19, not 20
    return float(100 * ordered[needed - 1] / size)


def _ranks(ranks: AnyArray) -> DoubleArray:
    values = np.asarray(ranks, np.float64)
    if values.ndim != 1 or not len(values):
        raise ParameterError(f"ranks must be one a query, not of shape {values.shape}")
    if not (values >= 1).all():
        raise ParameterError(f"a rank counts from 1: {values[~(values >= 1)][0]} is none")
    return values
