"""How good a hierarchical clustering is: Dasgupta's cost, beside the tree of exact distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..distances import Distance
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .dendrogram import Dendrogram, dendrogram
from .pairs import exact_distances, square


@dataclass(frozen=True)
class TreeCost:
    """Costs over the same `leaves`: of a tree, of the tree of exact distances with the same linkage, and of the first
    tree with its leaves exchanged at random (the expectation).
    """

    leaves: int
    cost: float
    exact_cost: float
    random_cost: float

    @property
    def ratio(self) -> float:
        """Cost in multiples of the exact tree's: 1 is as good, below 1 better."""
        return self.cost / self.exact_cost

    @property
    def share(self) -> float:
        """The part of what exact distances gain on random leaves that this tree gains: 1 is as good; nan if nothing."""
        gain = self.random_cost - self.exact_cost
        return (self.random_cost - self.cost) / gain if gain else float("nan")

    def __str__(self) -> str:
        return (
            f"Dasgupta cost {self.ratio:.4f} of the exact tree's on {self.leaves:,} leaves "
            f"(random leaves: {self.random_cost / self.exact_cost:.4f})"
        )


def dasgupta_cost(merges: DoubleArray, similarities: DoubleArray) -> float:
    """The sum over pairs of leaves i < j of similarity(i, j) times the leaves under the lowest cluster that holds both.

    `merges`: (n - 1, 4) as in `Dendrogram`; `similarities`: (n, n), symmetric. Dasgupta, A cost function for
    similarity-based hierarchical clustering, STOC 2016; NeuroSEED (Corso et al. 2021) prints twice this.
    """
    n = len(similarities)
    if len(merges) != n - 1 or similarities.shape != (n, n):
        raise ParameterError(f"{len(merges)} merges and similarities of shape {similarities.shape} are not one tree's")
    order, first = _line_up(merges, n)
    sums = np.zeros((n + 1, n + 1))  # of all entries above and to the left
    sums[1:, 1:] = similarities[np.ix_(order, order)].cumsum(axis=0).cumsum(axis=1)
    sizes = np.concatenate([np.ones(n, np.int64), merges[:, 3].astype(np.int64)])
    one, other = merges[:, :2].astype(np.int64).T
    top, bottom = first[one], first[one] + sizes[one]
    left, right = first[other], first[other] + sizes[other]
    across = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return float((across * merges[:, 3]).sum())


def similarities_of(distances: DoubleArray, longest: float) -> DoubleArray:
    """1 - distance / longest, as NeuroSEED has it; all 1 where `longest` is 0."""
    return 1 - distances / longest if longest > 0 else np.ones_like(distances)


def compare_trees(
    tree: Dendrogram,
    sequences: Sequences,
    distance: Distance,
    *,
    sample: int = 500,
    seed: int = 0,
    progress: Progress = SILENT,
) -> TreeCost:
    """A tree over `sequences` (`tree.rows` of them) beside the tree of exact distances, on `sample` leaves at most.

    Both costs are by exact similarities: 1 - distance / the longest length (series: / the largest distance). Of a
    larger tree the one that it induces on the sample is taken. Raises ParameterError for a sample below 2.
    """
    if sample < 2:
        raise ParameterError(f"trees are compared on at least 2 leaves, not {sample}")
    if len(tree) > sample:
        tree = tree.restricted(np.sort(np.random.default_rng(seed).permutation(len(tree))[:sample]))
    some = sequences[tree.rows]
    condensed = exact_distances(some, distance, progress).astype(np.float64)
    longest = float(some.lengths.max()) if distance.kind == "tokens" else float(condensed.max())
    similar = similarities_of(square(condensed, len(some)), longest)
    exact = dendrogram(condensed, tree.names, tree.rows, tree.linkage)
    even = np.full_like(similar, similarities_of(condensed, longest).mean())
    return TreeCost(
        len(some),
        dasgupta_cost(tree.merges, similar),
        dasgupta_cost(exact.merges, similar),
        dasgupta_cost(tree.merges, even),
    )


def _line_up(merges: DoubleArray, n: int) -> tuple[IntArray, IntArray]:
    """(n,) leaves in an order in which every cluster is a run, and (2n - 1,) where the run of each cluster begins."""
    sizes = np.concatenate([np.ones(n, np.int64), merges[:, 3].astype(np.int64)])
    first = np.zeros(2 * n - 1, np.int64)
    for cluster in range(2 * n - 2, n - 1, -1):
        one, other = merges[cluster - n, :2].astype(np.int64).tolist()
        first[one] = first[cluster]
        first[other] = first[cluster] + sizes[one]
    order = np.empty(n, np.int64)
    order[first[:n]] = np.arange(n)
    return order, first
