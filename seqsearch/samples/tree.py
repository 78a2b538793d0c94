"""Trees along which leaves are about as far apart as exact distances say, so that moving masses along them is about
moving them optimally.

The least cost of turning one distribution over the leaves of a tree into another is the sum over its edges of their
length times the difference of what lies below (Evans and Matsen 2012; Le, Yamada, Fukumizu and Cuturi, "Tree-sliced
variants of Wasserstein distances", 2019): the Manhattan distance of two vectors. How near that comes to the least cost
under another distance depends on the lengths, which are fitted here to exact distances (as those of Yamada et al.,
"Approximating 1-Wasserstein distance with trees", 2022, are to distances of points).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..extras import SAMPLES, imported
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..trees import LINKAGES as DENDROGRAMS
from ..trees import exact_distances, point_distances, require_symmetric
from ..trees.linkage import nearest_neighbour_chain

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CELLS = 2e11
"""Work of exact distances up to which leaves are joined by these, and not by those of their points."""
PAIRS = 60_000
"""Pairs of leaves that lengths are fitted to, half of them near ones, if so many can be compared."""

LINKAGES = tuple(map(tuple(DENDROGRAMS).index, ("average", "complete")))
"""One tree errs where it has joined too early; two that err elsewhere, fitted together, err less."""

_KIN = 8  # near leaves of each, whose distances are fitted as well
_TURNS = 300
_LEAST = 0.05  # of the usual distance: what is added to distances where errors are weighed by them
_ANCHOR = 1e-3  # how much lengths keep to those of the linkage where pairs say nothing


@dataclass(frozen=True, eq=False)
class LeafTree:
    """L leaves and the L - 1 clusters above them, numbered in the order they were joined: `above`, (2 L - 1,), of each
    (-1 of the root), which is later than it; `lengths`, (2 L - 1,), of the edges to there, in units of the distance.
    """

    above: IntArray
    lengths: DoubleArray

    @property
    def leaves(self) -> int:
        return (len(self.above) + 1) // 2

    @property
    def edges(self) -> IntArray:
        """Nodes with an edge of some length above."""
        return np.flatnonzero(self.lengths > 0)

    def distances(self, one: IntArray, other: IntArray) -> DoubleArray:
        """(m,) along the tree between leaves."""
        found: DoubleArray = self.paths(one, other) @ self.lengths
        return found

    def paths(self, one: IntArray, other: IntArray) -> csr_array:
        """(m, 2 L - 1): 1 for the edges between two leaves."""
        a, b, which = one.copy(), other.copy(), np.arange(len(one))
        rows, edges = [], []
        while len(which):
            apart = a != b
            a, b, which = a[apart], b[apart], which[apart]
            lower = np.minimum(a, b)  # a cluster is later than what it was made of
            rows.append(which)
            edges.append(lower)
            a, b = np.where(a == lower, self.above[a], a), np.where(b == lower, self.above[b], b)
        row, edge = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (rows, edges))
        return imported("scipy.sparse", SAMPLES).csr_array(
            (np.ones(len(row)), (row, edge)), shape=(len(one), len(self.above))
        )

    def masses(self, of_leaves: FloatArray) -> FloatArray:
        """(2 L - 1, S) what lies in and below each node, from (L, S) of the leaves."""
        whole = np.zeros((len(self.above), of_leaves.shape[1]), np.float32)
        whole[: len(of_leaves)] = of_leaves
        for node, above in enumerate(self.above[:-1].tolist()):
            whole[above] += whole[node]
        return whole


def leaf_trees(
    points: FloatArray,
    sequences: Sequences,
    distance: Distance,
    rng: np.random.Generator,
    *,
    masses: DoubleArray | None = None,
    progress: Progress = SILENT,
) -> tuple[LeafTree, ...]:
    """Trees of (L, D) `points`, and of the `sequences` they stand for, by the `LINKAGES`; the sum of their distances is
    fitted.

    `masses`: (L,), how much each leaf matters. Raises ParameterError for a distance that has two of two sequences.
    """
    require_symmetric(distance)
    count = len(points)
    if count < 2:
        return (LeafTree(np.full(count, -1, np.int64), np.zeros(count)),)
    cells = count**2 / 2 * float(np.mean(sequences.lengths.astype(np.float64))) ** 2
    with progress.task("joining leaves"):
        if cells * (5000.0 if distance.kind == "series" else 1.0) <= CELLS:
            between = exact_distances(sequences, distance)
        else:
            between = point_distances(points, "euclidean")
        trees = tuple(_joined(between.copy(), count, linkage) for linkage in LINKAGES)
    with progress.task("fitting lengths"):
        one, other = _pairs(points, masses, rng)
        exact = distance.pairs(sequences, one, sequences, other)
        return fitted_lengths(trees, one, other, exact)


def _joined(between: FloatArray, count: int, linkage: int) -> LeafTree:
    """The tree of condensed distances, which are scratch afterwards."""
    merges = nearest_neighbour_chain(between, count, linkage)
    above, heights = np.full(2 * count - 1, -1, np.int64), np.zeros(2 * count - 1)
    for number, (one, other, height, _) in enumerate(merges.tolist()):
        above[[int(one), int(other)]], heights[count + number] = count + number, height
    lengths = np.append(heights[above[:-1]] - heights[:-1], 0.0) / 2
    return LeafTree(above, np.maximum(lengths, 0.0))


def _pairs(points: FloatArray, masses: DoubleArray | None, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """(m,) different leaves each: at random, and each with some near ones."""
    count = len(points)
    if count * (count - 1) // 2 <= PAIRS:
        one, other = np.triu_indices(count, 1)
        return one.astype(np.int64), other.astype(np.int64)
    shares = None if masses is None else (masses / masses.sum() + 1 / count) / 2
    first, second = (rng.choice(count, PAIRS // 2, p=shares) for _ in range(2))
    squares = (points**2).sum(1)
    near = np.empty((count, _KIN), np.int64)
    for start in range(0, count, 1024):
        scores = squares - 2 * points[start : start + 1024] @ points.T
        scores[np.arange(len(scores)), start + np.arange(len(scores))] = np.inf
        near[start : start + 1024] = np.argpartition(scores, _KIN, axis=1)[:, :_KIN]
    own = np.repeat(np.arange(count), _KIN)
    kin = rng.permutation(len(own))[: PAIRS // 2]
    one, other = np.concatenate([first, own[kin]]), np.concatenate([second, near.ravel()[kin]])
    apart = one != other
    return one[apart], other[apart]


def fitted_lengths(
    trees: Sequence[LeafTree], one: IntArray, other: IntArray, exact: DoubleArray
) -> tuple[LeafTree, ...]:
    """The same trees with lengths, none below 0, by which leaves are, along all of them together, nearly as far apart
    as (m,) `exact` distances say.

    Least squares with errors weighed by 1 / distance, by accelerated projected gradients (Beck and Teboulle 2009),
    from the lengths that the trees have.
    """
    usual = float(np.median(exact))
    if usual <= 0:
        return tuple(trees)
    sparse = imported("scipy.sparse", SAMPLES)
    paths = sparse.hstack([tree.paths(one, other) for tree in trees], format="csr")
    weights = usual / (exact + _LEAST * usual)
    start = np.concatenate([tree.lengths for tree in trees])
    start = start * _ratio(paths @ start, exact, weights)
    hold = _ANCHOR * float(weights.sum()) / len(start)
    back = paths.T.tocsr()

    def slope(lengths: DoubleArray) -> DoubleArray:
        found: DoubleArray = back @ (weights * (paths @ lengths - exact)) + hold * (lengths - start)
        return found

    step = 1 / (_largest(lambda v: back @ (weights * (paths @ v)), len(start)) + hold)
    lengths, ahead, pace = start, start, 1.0
    for _ in range(_TURNS):
        moved = np.maximum(ahead - step * slope(ahead), 0.0)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead, lengths, pace = moved + (pace - 1) / faster * (moved - lengths), moved, faster
    parts = np.split(lengths, np.cumsum([len(tree.above) for tree in trees])[:-1])
    return tuple(LeafTree(tree.above, part) for tree, part in zip(trees, parts, strict=True))


def _ratio(told: DoubleArray, exact: DoubleArray, weights: DoubleArray) -> float:
    below = float((weights * told**2).sum())
    return float((weights * told * exact).sum()) / below if below > 0 else 1.0


def _largest(product: Callable[[DoubleArray], DoubleArray], size: int) -> float:
    """The largest eigenvalue of a symmetric map with no negative entries, and a little more."""
    vector, value = np.ones(size) / np.sqrt(size), 0.0
    for _ in range(20):
        vector = product(vector)
        value = float(np.linalg.norm(vector))
        vector = vector / value
    return 1.1 * value
