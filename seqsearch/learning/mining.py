"""Which pairs to learn from. Uniform pairs hardly ever hold near neighbours, so most of a batch is drawn near."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import torch

from .. import threads
from ..arrays import FloatArray, IntArray
from ..encoders.features import SparseFeatures
from ..progress import SILENT, Progress
from ..sequences import Sequences

_BLOCK = 512


def principal_components(
    features: SparseFeatures, sequences: Sequences, dim: int, rng: np.random.Generator, sample: int = 8192
) -> FloatArray:
    """(n, dim) sparse features projected on their leading principal axes, which a sample of the rows gives."""
    rows = np.sort(rng.choice(len(sequences), min(sample, len(sequences)), replace=False))
    counts = features.dense(sequences[rows])
    centred = counts - counts.mean(axis=0)
    covariance = (centred.T @ centred).astype(np.float64)
    dim = min(dim, features.size)
    last = features.size - 1
    _, axes = scipy.linalg.eigh(covariance, subset_by_index=(last - dim + 1, last))
    return features.project(sequences, axes.astype(np.float32))


def near_rows(points: FloatArray, count: int, progress: Progress = SILENT) -> IntArray:
    """(n, count) nearest other rows of each of n points, nearest first, by an exact Euclidean scan."""
    threads.torch_threads()
    everything = torch.from_numpy(points)
    squares = (everything**2).sum(1)
    count = min(count, len(points) - 1)
    out = np.empty((len(points), count), np.int64)
    with progress.task("mining near pairs", len(points)) as task:
        for start in range(0, len(points), _BLOCK):
            block = everything[start : start + _BLOCK]
            scores = torch.addmm(squares, block, everything.T, alpha=-2)
            own = torch.arange(len(block))
            scores[own, start + own] = float("inf")
            out[start : start + len(block)] = scores.topk(count, largest=False).indices.numpy()
            task.advance(len(block))
    return out


class BatchSampler:
    """Draws batches of rows: groups of an anchor with rows near it, and rows at random.

    A third of a batch is random; the rest are groups of `group` rows: an anchor, half of the others from its 16
    nearest, half from all its mined neighbours.
    """

    def __init__(self, neighbours: IntArray, batch: int, rng: np.random.Generator, group: int = 6) -> None:
        self.neighbours = neighbours
        self.batch = min(batch, len(neighbours))
        self.group = group
        self.rng = rng

    def draw(self) -> IntArray:
        """(B,) distinct rows, B <= batch."""
        n, reach = self.neighbours.shape
        near = min(16, reach)
        anchors = self.rng.integers(n, size=max(1, 2 * self.batch // (3 * self.group)))
        closest = self.group // 2
        inner = self.neighbours[anchors[:, None], self.rng.integers(near, size=(len(anchors), closest))]
        wider = self.neighbours[
            anchors[:, None], self.rng.integers(reach, size=(len(anchors), self.group - 1 - closest))
        ]
        grouped = np.concatenate([anchors[:, None], inner, wider], axis=1).ravel()
        rows = np.concatenate([grouped, self.rng.integers(n, size=self.batch - len(grouped))])
        return np.unique(rows)
