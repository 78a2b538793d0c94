"""One vector a sample, such that the Manhattan distance of two is about the least cost of turning one sample into the
other, letter by letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..errors import ParameterError
from ..progress import SILENT, Progress
from .features import Features
from .table import SampleTable, summed
from .tree import LeafTree, leaf_trees

Method = Literal["tree", "mean"]
METHODS = ("tree", "mean")
LEAVES = 1024
"""Features that become leaves of the trees, if there are more."""

_AT_ONCE = 32  # leaves that are chosen before distances to them are looked at again
_SAMPLES = 512  # whose masses are spread over the tree at a time
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class SampleEncoder:
    """Makes vectors of the samples of one set of features.

    `method`: "tree" (see tree.py), or "mean", the mean of the points of a sample. `leaf`: (n,) of each feature, that of
    the nearest chosen one; `trees` of these; vectors have as many numbers as there are edges with a length.
    """

    method: Method
    points: FloatArray
    leaf: IntArray
    trees: tuple[LeafTree, ...]

    @classmethod
    def fitted(
        cls,
        table: SampleTable,
        features: Features,
        distance: Distance,
        *,
        method: Method = "tree",
        leaves: int = LEAVES,
        seed: int = 0,
        progress: Progress = SILENT,
    ) -> SampleEncoder:
        """For the features of a table. Raises ParameterError for a method there is not, fewer than 2 `leaves`, or a
        distance that is not one of two sequences."""
        if method not in METHODS:
            raise ParameterError(f"no method {method!r} of making vectors of samples: choose {' or '.join(METHODS)}")
        if leaves < 2:
            raise ParameterError(f"leaves must be at least 2, not {leaves}")
        points, masses = features.points, table.masses
        if method == "mean":
            return cls(method, points, np.zeros(0, np.int64), ())
        with progress.task("choosing leaves"):
            chosen, leaf = chosen_leaves(points, masses, leaves)
        held = summed(leaf, masses, len(chosen))
        rng = np.random.default_rng(seed)
        some = features.sequences[chosen]
        trees = leaf_trees(points[chosen], some, distance, rng, masses=held, progress=progress)
        return cls(method, points, leaf, trees)

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self.points.shape[1] if self.method == "mean" else sum(len(tree.edges) for tree in self.trees)

    def vectors(self, table: SampleTable) -> FloatArray:
        """(S, dim) float32, of a table of the same features."""
        out = np.empty((len(table), self.dim), np.float32)
        for start in range(0, len(table), _SAMPLES):
            stop = min(start + _SAMPLES, len(table))
            if self.method == "mean":
                for row in range(start, stop):
                    columns, shares = table.sample(row)
                    out[row] = shares @ self.points[columns]
                continue
            leaves = self.trees[0].leaves
            held = np.zeros((leaves, stop - start), np.float32)
            for row in range(start, stop):
                columns, shares = table.sample(row)
                held[:, row - start] = summed(self.leaf[columns], shares, leaves)
            parts = [tree.masses(held)[tree.edges] * tree.lengths[tree.edges, None] for tree in self.trees]
            out[start:stop] = np.concatenate(parts).T
        return out


def chosen_leaves(points: FloatArray, masses: DoubleArray, most: int) -> tuple[IntArray, IntArray]:
    """(L,) rows of (n, D) points, and (n,) the nearest of them to each: all, or as many as `most`.

    Those with the greatest product of mass and distance to what was chosen before, some at a time: what is left is
    then a small part of the masses, or near.
    """
    count = len(points)
    if count <= most:
        return np.arange(count), np.arange(count)
    squares = (points**2).sum(1)
    reach, leaf = np.full(count, np.inf), np.zeros(count, np.int64)
    chosen = np.zeros(0, np.int64)
    worth = masses
    while len(chosen) < most:
        room = min(_AT_ONCE, most - len(chosen))
        fresh = np.argpartition(-worth, room - 1)[:room]
        fresh = fresh[worth[fresh] > 0] if len(chosen) else fresh
        if not len(fresh):
            break
        for start in range(0, count, _BLOCK):
            part = slice(start, start + _BLOCK)
            between = squares[part, None] + squares[fresh] - 2 * points[part] @ points[fresh].T
            nearest = between.argmin(1)
            least = between[np.arange(len(nearest)), nearest]
            better = least < reach[part]
            reach[part] = np.where(better, least, reach[part])
            leaf[part] = np.where(better, len(chosen) + nearest, leaf[part])
        chosen = np.concatenate([chosen, fresh])
        reach[chosen], leaf[chosen] = 0.0, np.arange(len(chosen))
        worth = masses * np.sqrt(np.maximum(reach, 0.0))
    return chosen, leaf
