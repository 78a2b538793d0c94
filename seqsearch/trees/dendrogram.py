"""Binary trees by agglomerative clustering, and their text in Newick format."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Strings

LINKAGES = ("average", "single", "complete")
_PLAIN = re.compile(r"[^\s\[\](),:;'_]+")  # an underscore outside quotes stands for a blank


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

    @property
    def children(self) -> IntArray:
        """(n - 1, 2) the clusters that each merge makes one."""
        return self.merges[:, :2].astype(np.int64)

    def newick(self) -> str:
        """The tree in one line, with branch lengths such that two leaves are as far apart as the height of their merge.

        Names that are more than a plain word stand in single quotes; lengths are as short as exact.
        """
        n, children, heights = len(self), self.children, self.heights
        lengths = np.empty(2 * n - 2)
        lengths[children] = (heights[n:, None] - heights[children]) / 2
        ends = [f":{length!r}" for length in lengths.tolist()] + [""]
        parts: list[str] = []
        left: list[int | str] = [2 * n - 2]
        while left:  # not by recursion: single linkage makes trees as deep as they have leaves
            part = left.pop()
            if isinstance(part, str):
                parts.append(part)
            elif part < n:
                parts.append(_quoted(self.names[part]) + ends[part])
            else:
                one, other = children[part - n].tolist()
                left += [")" + ends[part], other, ",", one, "("]
        return "".join(parts) + ";"

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

    def picture_rows(self, most: int = 40) -> list[dict[str, object]]:
        """Rows for `plot_dendrogram`: the uppermost clusters, so many that at most `most` ends are left."""
        n, children, heights = len(self), self.children, self.heights
        kept = max(0, n - most)  # merges below the picture
        rows: list[dict[str, object]] = [
            {"node": 2 * n - 2, "parent": None, "height": float(heights[-1]), "name": "", "size": n}
        ]
        left = [2 * n - 2]
        while left:
            cluster = left.pop()
            for child in children[cluster - n].tolist():
                size = int(self.merges[child - n, 3]) if child >= n else 1
                inner = child >= n + kept
                name = "" if inner else self.names[child] if child < n else f"{size:,} sequences"
                height = float(heights[child])
                rows.append({"node": child, "parent": cluster, "height": height, "name": name, "size": size})
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


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"
