"""Progressive alignment: profiles are joined along a guide tree, from leaves to root (Feng and Doolittle 1987)."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..progress import SILENT, Progress
from ..trees import Dendrogram
from .consistency import Library, alone, joined, support
from .profile_kernels import NOTHING, best_path, reach_of
from .profiles import FIRST, GAP, SECOND, Profile, columns_in, merged, profile_of
from .scheme import Scheme


def progressive(
    texts: list[AnyArray],
    weights: DoubleArray,
    guide: Dendrogram,
    scheme: Scheme,
    library: Library | None = None,
    progress: Progress = SILENT,
) -> AnyArray:
    """(n, C) int16 rows of n arrays of letters, aligned along a tree whose heights are edit distances; columns that a
    `library` supports score so much more.

    A profile forgets its rows: which column each of a cluster's became is kept by merge, and followed down from the
    root at the end, with work in proportion to the columns of all clusters.
    """
    n, children, heights = len(texts), guide.children, guide.heights
    profiles: dict[int, Profile] = {}
    placed = {} if library is None else {row: alone(text, row, max(map(len, texts))) for row, text in enumerate(texts)}
    paths = []
    with progress.task("aligning along the tree", len(children)) as task:
        for cluster, (one, other) in enumerate(children.tolist(), start=n):
            x, y = (profiles.pop(each) if each >= n else _alone(texts, each, weights, scheme) for each in (one, other))
            extra = NOTHING
            if library is not None:
                extra = support(library, placed[one], placed[other], (len(x.gaps), len(y.gaps)))
            steps = best_path(x, y, scheme, reach_of(heights[cluster], len(x.gaps), len(y.gaps)), extra)
            profiles[cluster] = merged(x, y, steps)
            if library is not None:
                placed[cluster] = joined(placed.pop(one), placed.pop(other), steps)
            paths.append(steps)
            task.advance()
    return _laid_out(texts, children, paths)


def _alone(texts: list[AnyArray], leaf: int, weights: DoubleArray, scheme: Scheme) -> Profile:
    return profile_of(texts[leaf][None], weights[leaf : leaf + 1], len(scheme.scores))


def _laid_out(texts: list[AnyArray], children: IntArray, paths: list[AnyArray]) -> AnyArray:
    n = len(texts)
    count = len(paths[-1])
    places = {2 * n - 2: np.arange(count)}
    rows = np.full((n, count), GAP, np.int16)
    for cluster in range(2 * n - 2, n - 1, -1):
        here, steps = places.pop(cluster), paths[cluster - n]
        for child, other in zip(children[cluster - n].tolist(), (SECOND, FIRST), strict=True):
            own = here[columns_in(steps, other)]
            if child < n:
                rows[child, own] = texts[child]
            else:
                places[child] = own
    return rows
