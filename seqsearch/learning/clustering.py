"""Agglomerative clustering: from the distances of all pairs to a tree.

Distances are condensed: entry i n - i (i + 1) / 2 + j - i - 1 is that of rows i < j, in the order that scipy keeps
them, but float32 and worked on in place, which takes a quarter of the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..errors import ParameterError
from ..geometry import matrix
from ..progress import SILENT, Progress
from ..sequences import Sequences, Strings
from .newick import Tree

LINKAGES = ("average", "single", "complete")
_BYTES_A_PAIR = 4
_PAIRS = 1 << 22  # compared at a time


@dataclass(frozen=True)
class Dendrogram:
    """A binary tree over n leaves.

    `merges`: (n - 1, 4) float64 in order of height, as scipy's: two clusters, the height at which they become one, and
    its number of leaves; leaf i is cluster i, merge m makes cluster n + m. `names`: of the leaves; `rows`: of the
    leaves in the set that was clustered; `linkage`: how the distance of two clusters was told from their leaves'.
    """

    merges: DoubleArray
    names: Strings
    rows: IntArray
    linkage: str

    def __len__(self) -> int:
        return len(self.names)

    @property
    def heights(self) -> DoubleArray:
        """(2n - 1,) height of every cluster, 0 of leaves."""
        return np.concatenate([np.zeros(len(self)), self.merges[:, 2]])

    def tree(self) -> Tree:
        """With branch lengths such that two leaves are as far apart as the height at which they meet."""
        n, heights = len(self), self.heights
        parents, names, lengths = [-1], [""], [float("nan")]
        left = [(2 * n - 2, 0)]
        while left:
            cluster, node = left.pop()
            for child in self.merges[cluster - n, :2].astype(np.int64).tolist():
                parents.append(node)
                names.append(self.names[child] if child < n else "")
                lengths.append(float(heights[cluster] - heights[child]) / 2)
                if child >= n:
                    left.append((child, len(parents) - 1))
        return Tree(parents, names, lengths)

    def restricted(self, leaves: IntArray) -> Dendrogram:
        """The tree that it induces on some of its leaves (at least 2, none twice), numbered in the order given."""
        n, count = len(self), len(leaves)
        new = np.full(2 * n - 1, -1, np.int64)
        new[leaves] = np.arange(count)
        sizes = [1] * count
        merges: list[tuple[float, float, float, float]] = []
        for cluster, (one, other, height, _) in enumerate(self.merges.tolist(), start=n):
            a, b = sorted((int(new[int(one)]), int(new[int(other)])))
            new[cluster] = b
            if a >= 0:
                new[cluster] = len(sizes)
                sizes.append(sizes[a] + sizes[b])
                merges.append((a, b, height, sizes[-1]))
        return Dendrogram(np.array(merges), self.names.take(leaves), self.rows[leaves], self.linkage)

    def picture_rows(self, most: int = 40) -> list[dict[str, Any]]:
        """Rows for `plot_dendrogram`: the uppermost clusters, so many that at most `most` ends are left."""
        n, heights = len(self), self.heights
        kept = max(0, n - most)  # merges below the picture
        root = {"node": 2 * n - 2, "parent": None, "height": float(heights[-1]), "name": "", "size": n}
        rows, left = [root], [2 * n - 2]
        while left:
            cluster = left.pop()
            for child in self.merges[cluster - n, :2].astype(np.int64).tolist():
                size = int(self.merges[child - n, 3]) if child >= n else 1
                inner = child >= n + kept
                name = "" if inner else self.names[child] if child < n else f"{size:,} sequences"
                rows.append(
                    {"node": child, "parent": cluster, "height": float(heights[child]), "name": name, "size": size}
                )
                if inner:
                    left.append(child)
        return rows


def dendrogram(
    distances: AnyArray, names: Strings, rows: IntArray, linkage: str = "average", *, overwrite: bool = False
) -> Dendrogram:
    """Cluster by (n (n - 1) / 2,) condensed distances, with work in proportion to n^2.

    `overwrite`: they may be used as scratch, where they are float32. Raises ParameterError for a linkage there is not,
    for n < 2 and for distances that are not finite.
    """
    from .linkage import nearest_neighbour_chain

    require_linkage(linkage)
    n = len(names)
    if n < 2:
        raise ParameterError(f"a tree needs at least 2 sequences, not {n}")
    if not np.isfinite(distances.max()):
        raise ParameterError("a tree needs finite distances")
    scratch = distances.astype(np.float32, copy=not overwrite)
    return Dendrogram(nearest_neighbour_chain(scratch, n, LINKAGES.index(linkage)), names, rows, linkage)


def require_linkage(linkage: str) -> None:
    """Raise ParameterError for a linkage there is not."""
    if linkage not in LINKAGES:
        raise ParameterError(f"no linkage is called {linkage!r}: choose one of {', '.join(LINKAGES)}")


def require_memory(n: int, memory: float) -> None:
    """Raise ParameterError when the distances of n rows take more than `memory` bytes."""
    needed = _BYTES_A_PAIR * n * (n - 1) / 2
    if needed > memory:
        most = int((2 * memory / _BYTES_A_PAIR) ** 0.5)
        raise ParameterError(
            f"clustering {n:,} sequences takes {needed / 1e9:,.1f} GB of memory, above the limit of {memory / 1e9:,.1f}"
            f" GB, which is enough for {most:,}: cluster a sample, or raise the limit"
        )


def point_distances(
    points: AnyArray, geometry: str, *, scale: float = 1.0, power: float = 1.0, progress: Progress = SILENT
) -> FloatArray:
    """Condensed scale * d^power of (n, D) points."""

    def between(start: int, stop: int) -> DoubleArray:
        return scale * matrix(geometry, points[start:stop], points[start:]) ** power

    return _condensed(len(points), between, progress)


def exact_distances(sequences: Sequences, distance: Distance, progress: Progress = SILENT) -> FloatArray:
    """Condensed exact distances."""

    def between(start: int, stop: int) -> AnyArray:
        return distance.matrix(sequences[start:stop], sequences[start:])

    return _condensed(len(sequences), between, progress)


def square(condensed: AnyArray, n: int) -> DoubleArray:
    """(n, n) distances from condensed ones."""
    full = np.zeros((n, n))
    above: BoolArray = np.triu(np.ones((n, n), np.bool_), 1)
    full[above] = condensed
    return full + full.T


def _condensed(n: int, between: Callable[[int, int], AnyArray], progress: Progress) -> FloatArray:
    """From `between(start, stop)`: the (stop - start, n - start) distances of those rows to all from `start` on."""
    found = np.empty(n * (n - 1) // 2, np.float32)
    written = start = 0
    with progress.task("comparing all pairs", n) as task:
        while start < n:
            stop = min(n, start + max(1, _PAIRS // (n - start)))
            block = between(start, stop)
            for i in range(stop - start):
                row = block[i, i + 1 :]
                found[written : written + len(row)] = row
                written += len(row)
            task.advance(stop - start)
            start = stop
    return found
