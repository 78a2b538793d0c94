"""All targets within a distance of each query, by proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress, Task
from ..sequences import Sequences
from ..sequences.strings import offsets_of
from .distance import Distance, Searcher

# How many nearest neighbours are asked for first; queries that have more within the radius are asked again for more,
# and in the end compared with everything.
_STEPS = (32, 512)
_BLOCK = 1 << 22  # distances in memory at once


@dataclass(frozen=True)
class Ranges:
    """Ragged: query q owns offsets[q]:offsets[q + 1] of `rows` and `distances`, sorted by (distance, row)."""

    offsets: IntArray
    rows: IntArray
    distances: DoubleArray

    def __len__(self) -> int:
        return len(self.offsets) - 1


def range_search(
    distance: Distance,
    queries: Sequences,
    targets: Sequences,
    radius: float | AnyArray,
    *,
    allowed: BoolArray | None = None,
    progress: Progress = SILENT,
) -> Ranges:
    """All targets within `radius`, one number or one a query, of each query; `allowed`, (n,), leaves targets out.

    Lossless: nearest neighbours with the distance's own bounds, and more of them for queries that have more.
    Raises ParameterError for a radius that is negative or not a number, MismatchError as the distance does.
    """
    distance.require(queries, targets)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(queries),))
    if np.isnan(radii).any() or (radii < 0).any():
        raise ParameterError(f"a radius must be at least 0, not {radii[np.isnan(radii) | (radii < 0)][0]:g}")
    most = len(targets) if allowed is None else int(np.count_nonzero(allowed))
    found: list[tuple[IntArray, IntArray, DoubleArray]] = []
    left = np.arange(len(queries))
    searcher = distance.searcher(targets, allowed)
    with progress.task("everything within the radius", len(queries)) as task:
        for k in _STEPS:
            if k < most and len(left):
                left = _take(searcher, queries, radii, left, k, found, task)
        _compare(distance, queries, targets, radii, left, allowed, found, task)
    return _joined(found, len(queries))


def _take(
    searcher: Searcher,
    queries: Sequences,
    radii: DoubleArray,
    left: IntArray,
    k: int,
    found: list[tuple[IntArray, IntArray, DoubleArray]],
    task: Task,
) -> IntArray:
    """Answer those of `left` that have fewer than k targets within their radius; the others."""
    crowded: list[IntArray] = []
    step = max(1, _BLOCK // k)
    for start in range(0, len(left), step):
        who = left[start : start + step]
        answer, _ = searcher.search(queries[who], k, within=radii[who])
        near = answer.rows >= 0
        full = near.all(axis=1)
        near[full] = False
        owner, _ = np.nonzero(near)
        found.append((who[owner], answer.rows[near], answer.distances[near]))
        crowded.append(who[full])
        task.advance(int(np.count_nonzero(~full)))
    return np.concatenate(crowded)


def _compare(
    distance: Distance,
    queries: Sequences,
    targets: Sequences,
    radii: DoubleArray,
    left: IntArray,
    allowed: BoolArray | None,
    found: list[tuple[IntArray, IntArray, DoubleArray]],
    task: Task,
) -> None:
    """Compare queries that are near to very much with everything."""
    step = max(1, _BLOCK // max(len(targets), 1))
    for start in range(0, len(left), step):
        who = left[start : start + step]
        matrix = distance.matrix(queries[who], targets)
        near = matrix <= radii[who][:, None]
        if allowed is not None:
            near &= allowed
        owner, rows = np.nonzero(near)
        found.append((who[owner], rows, matrix[near]))
        task.advance(len(who))


def _joined(found: list[tuple[IntArray, IntArray, DoubleArray]], queries: int) -> Ranges:
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    owners, rows, distances = (np.concatenate(column) for column in zip(none, *found, strict=True))
    order = np.lexsort((rows, distances, owners))
    return Ranges(offsets_of(np.bincount(owners, minlength=queries)), rows[order], distances[order])
