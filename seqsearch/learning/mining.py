"""Which pairs to learn from. Uniform pairs hardly ever hold near neighbours, so most of a batch is drawn near."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .. import threads
from ..arrays import FloatArray, IntArray
from ..distances import Distance
from ..encoders.components import components_of
from ..encoders.feature_sets import standard_features
from ..encoders.inputs import InputSpec
from ..progress import SILENT, Progress
from ..sequences import Sequences

_BLOCK = 512
SCANNED = 6144  # rows that each row is compared with
CELL = 256  # rows in a cell, about

REACH = 64  # near rows kept of each row
PROPOSED = 128  # proposed for them
DIMENSIONS = 64
_PAIRS = 1 << 20


def mined_neighbours(
    points: FloatArray, sequences: Sequences, distance: Distance, cells: float, progress: Progress = SILENT
) -> IntArray:
    """(n, REACH) rows near each row, nearest first.

    Proposed by (n, D) `points` of nothing learned; ordered by the exact distance where that takes no more than `cells`
    cells of the dynamic programme.
    """
    proposed = near_rows(points, PROPOSED, progress)
    if proposed.size * float(np.mean(sequences.lengths.astype(np.float64)) ** 2) > cells:
        return proposed[:, :REACH]
    return _by_exact_distance(sequences, proposed, distance, progress)[:, :REACH]


def mined_again(
    points: FloatArray,
    before: IntArray,
    sequences: Sequences,
    distance: Distance,
    cells: float,
    progress: Progress = SILENT,
) -> IntArray:
    """(n, REACH) rows near each row, from `before` and from the nearest of n points of the embedding so far.

    Ordered by the exact distance as in `mined_neighbours`; where that is too dear the points know better than `before`.
    """
    reach = before.shape[1]
    proposed = near_rows(points, reach, progress)
    if 2 * proposed.size * float(np.mean(sequences.lengths.astype(np.float64)) ** 2) > cells:
        return proposed
    both = _by_exact_distance(sequences, np.concatenate([proposed, before], axis=1), distance, progress)
    return first_distinct(both, reach)


def first_distinct(rows: IntArray, count: int) -> IntArray:
    """(n, count) the first different numbers of every row of (n, m), which has so many of them."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    again = np.zeros(rows.shape, np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    late = np.zeros(rows.shape, np.bool_)
    np.put_along_axis(late, order, again, axis=1)
    chosen = np.argsort(late, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(rows, chosen, axis=1)


def _by_exact_distance(sequences: Sequences, proposed: IntArray, distance: Distance, progress: Progress) -> IntArray:
    ordered = np.empty_like(proposed)
    width = proposed.shape[1]
    step = max(1, _PAIRS // width)
    with progress.task("comparing near pairs", len(proposed)) as task:
        for start in range(0, len(proposed), step):
            some = proposed[start : start + step]
            owners = np.repeat(np.arange(start, start + len(some)), width)
            exact = distance.pairs(sequences, owners, sequences, some.ravel()).reshape(some.shape)
            ordered[start : start + step] = np.take_along_axis(some, exact.argsort(axis=1, kind="stable"), axis=1)
            task.advance(len(some))
    return ordered


def untrained_points(spec: InputSpec, sequences: Sequences, rng: np.random.Generator) -> FloatArray:
    """(n, DIMENSIONS) leading components of the features, or as many as there are."""
    model = components_of(standard_features(spec), sequences, DIMENSIONS, seed=int(rng.integers(1 << 31)))
    return model.embed(sequences)


def near_rows(points: FloatArray, count: int, progress: Progress = SILENT) -> IntArray:
    """(n, count) near other rows of each of n points, nearest first: the nearest, where n <= `SCANNED`; beyond, the
    nearest among the `SCANNED` or more rows in cells near its own.
    """
    threads.torch_threads()
    everything = torch.from_numpy(points)
    count = min(count, len(points) - 1)
    out = np.empty((len(points), count), np.int64)
    with progress.task("mining near pairs", len(points)) as task:
        for rows, among in _neighbourhoods(everything):
            others = everything[among]
            squares = (others**2).sum(1)
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                scores = torch.addmm(squares, everything[block], others.T, alpha=-2)
                scores[torch.arange(len(block)), torch.searchsorted(among, block)] = float("inf")
                nearest = scores.topk(count, largest=False).indices
                out[block.numpy()] = among[nearest].numpy()
                task.advance(len(block))
    return out


def _neighbourhoods(points: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows, and those that their neighbours are looked for among, their own included, both ascending."""
    every = torch.arange(len(points))
    if len(points) <= SCANNED:
        yield every, every
        return
    centres = points[torch.linspace(0, len(points) - 1, len(points) // CELL).long()]
    squares = (centres**2).sum(1)
    blocks = [torch.addmm(squares, part, centres.T, alpha=-2).argmin(1) for part in torch.split(points, 8 * _BLOCK)]
    cell = torch.cat(blocks)
    members = [torch.nonzero(cell == number).flatten() for number in range(len(centres))]
    sizes = torch.tensor([len(rows) for rows in members])
    order = torch.addmm(squares, centres, centres.T, alpha=-2).argsort(1)
    for number, rows in enumerate(members):
        enough = int((sizes[order[number]].cumsum(0) < SCANNED).sum()) + 1
        near = torch.cat([rows, *(members[int(other)] for other in order[number][:enough] if int(other) != number)])
        if len(rows):
            yield rows, near.sort().values


class BatchSampler:
    """Draws batches of rows: a third at random, the rest in groups of four.

    A group is an anchor, two of its 8 nearest and one of all its mined neighbours.
    """

    def __init__(self, neighbours: IntArray, batch: int, rng: np.random.Generator) -> None:
        self.neighbours = neighbours
        self.batch = min(batch, len(neighbours))
        self.rng = rng

    def draw(self, size: int | None = None) -> IntArray:
        """(B,) distinct rows, B <= batch, or `size` in its place."""
        n, reach = self.neighbours.shape
        size = self.batch if size is None else size
        anchors = self.rng.integers(n, size=max(1, size // 6))[:, None]
        inner = self.neighbours[anchors, self.rng.integers(min(8, reach), size=(len(anchors), 2))]
        wider = self.neighbours[anchors, self.rng.integers(reach, size=(len(anchors), 1))]
        grouped = np.concatenate([anchors, inner, wider], axis=1).ravel()
        return np.unique(np.concatenate([grouped, self.rng.integers(n, size=max(0, size - len(grouped)))]))
