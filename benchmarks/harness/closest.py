"""NeuroSEED's closest string retrieval (Corso et al. 2021): is the true nearest reference the nearest by embedding?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqsearch.arrays import AnyArray, IntArray
from seqsearch.distances import Distance
from seqsearch.sequences import Sequences

REFERENCES, QUERIES = 1_000, 2_000
TOP = (1, 5, 10, 100)
SHARES = (0.01, 0.05, 0.10)


@dataclass(frozen=True)
class Closest:
    """`references`, and `queries` that have one nearest reference alone, row `nearest`, (Q,): ties are left out."""

    references: Sequences
    queries: Sequences
    nearest: IntArray

    @classmethod
    def of(cls, references: Sequences, queries: Sequences, distance: Distance) -> Closest:
        """By exact distances."""
        exact = distance.matrix(queries, references)
        alone = (exact == exact.min(axis=1, keepdims=True)).sum(axis=1) == 1
        return cls(references, queries[np.flatnonzero(alone)], exact[alone].argmin(axis=1))

    def accuracy(self, predicted: AnyArray) -> dict[str, float]:
        """Of (Q, R) predicted distances: the share of queries whose nearest reference is among the top in number and in
        percent of the references. What is predicted as near counts as before it."""
        own = np.take_along_axis(predicted, self.nearest[:, None], axis=1)
        rank = (predicted <= own).sum(axis=1)
        in_number = {f"top_{top}": float((rank <= top).mean()) for top in TOP}
        places = {f"top_{share:.0%}": round(share * len(self.references)) for share in SHARES}
        return in_number | {name: float((rank <= place).mean()) for name, place in places.items()}
