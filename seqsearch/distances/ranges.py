"""All targets within a distance of each query, by proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..sequences.strings import offsets_of
from .distance import Distance
from .neighbours import Neighbours

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
    Raises ParameterError for a radius that is below the least distance there is or not a number, MismatchError as the
    distance does.
    """
    distance.require(queries, targets)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(queries),))
    wrong = np.isnan(radii) | (radii < distance.least)
    if wrong.any():
        raise ParameterError(f"a radius must be at least {distance.least:g}, not {radii[wrong][0]:g}")
    most = len(targets) if allowed is None else int(np.count_nonzero(allowed))
    left, parts = np.arange(len(queries)), [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    searcher = distance.searcher(targets, allowed)
    with progress.task("everything within the radius", len(queries)) as task:
        for k in [*(k for k in _STEPS if k < most), len(targets)]:
            crowded = [left[:0]]
            step = max(1, _BLOCK // max(k, 1))
            for start in range(0, len(left), step):
                who = left[start : start + step]
                if k < len(targets):
                    near, _ = searcher.search(queries[who], k, within=radii[who])
                else:
                    near = _compared(distance, queries[who], targets, radii[who], allowed)
                full = np.all(near.rows >= 0, axis=1) if k < len(targets) else np.zeros(len(who), np.bool_)
                there = (near.rows >= 0) & ~full[:, None]
                parts.append((who[np.nonzero(there)[0]], near.rows[there], near.distances[there]))
                crowded.append(who[full])
                task.advance(int(np.count_nonzero(~full)))
            left = np.concatenate(crowded)
    owners, rows, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((rows, distances, owners))
    return Ranges(offsets_of(np.bincount(owners, minlength=len(queries))), rows[order], distances[order])


def _compared(
    distance: Distance, queries: Sequences, targets: Sequences, radii: DoubleArray, allowed: BoolArray | None
) -> Neighbours:
    """(Q, n): all targets, row -1 for those that are farther than the radius or not allowed."""
    distances = distance.matrix(queries, targets)
    near = distances <= radii[:, None]
    if allowed is not None:
        near &= allowed
    return Neighbours(np.where(near, np.arange(len(targets)), -1), distances)
