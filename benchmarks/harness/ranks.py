"""What was found, and how far up: recall is counted by true distances, so that ties are as good as one another."""

from __future__ import annotations

import numpy as np

from seqsearch.arrays import AnyArray, DoubleArray
from seqsearch.distances import recall_at
from seqsearch.errors import ParameterError


def candidate_recall(candidates: AnyArray, truth: AnyArray, k: int) -> float:
    """The recall at k that perfect verification of the candidates would give.

    `candidates`: (Q, C) true distances of what was proposed, in any order, inf where nothing was; `truth`: (Q, >= k)
    true distances in ascending order. Raises ParameterError when the shapes do not fit.
    """
    proposed = np.asarray(candidates, np.float64)
    if proposed.ndim != 2:
        raise ParameterError(f"the distances of candidates have shape {proposed.shape}, not (queries, candidates)")
    return float(recall_at(np.sort(proposed, axis=1), truth, k).mean())


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
