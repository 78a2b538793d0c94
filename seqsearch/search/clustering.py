"""Hierarchical clustering of what an index holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..distances import Distance
from ..encoders.model import Model
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..store import Store
from ..trees import (
    Dendrogram,
    dendrogram,
    exact_distances,
    point_distances,
    require_linkage,
    require_memory,
    require_symmetric,
)

MEMORY = 4e9
"""Bytes that the distances of all pairs may take: enough for 44,700 sequences."""


@dataclass(frozen=True)
class Clustering:
    """What is clustered and how, as `SequenceIndex.cluster` is told. Raises ParameterError for a linkage there is not.

    `sample`: so many random sequences, drawn by `seed` (None: all); `exact`: by exact distances instead of predicted
    ones, of which all pairs may take `memory` bytes.
    """

    linkage: str = "average"
    sample: int | None = None
    exact: bool = False
    seed: int = 0
    memory: float = MEMORY

    def __post_init__(self) -> None:
        require_linkage(self.linkage)


def clustered(
    store: Store, model: Model, distance: Distance, asked: Clustering, progress: Progress = SILENT
) -> Dendrogram:
    """The tree of what is stored; `rows` of it count among the live sequences, in the order they came."""
    require_symmetric(distance)
    if distance.partial and not asked.exact:
        raise ParameterError(f"the vectors of an index of {distance.name} predict no distance: cluster with exact=True")
    live = np.flatnonzero(store.live())
    rows = _drawn(len(live), asked.sample, asked.seed)
    if len(rows) < 2:
        raise ParameterError(f"a tree needs at least 2 sequences, not {len(rows)}")
    require_memory(len(rows), asked.memory)
    sequences = store.sequences(live[rows])
    if asked.exact:
        between = exact_distances(sequences, distance, progress)
    else:
        between = _predicted(store, model, live[rows], progress)
    with progress.task("clustering"):
        return dendrogram(between, sequences.ids, rows, asked.linkage, overwrite=True)


def _drawn(count: int, sample: int | None, seed: int) -> IntArray:
    if sample is None or sample >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[: max(sample, 0)])


def _predicted(store: Store, model: Model, rows: IntArray, progress: Progress) -> FloatArray:
    """Condensed distances as the model predicts them from points; codes are too coarse, so those are embedded anew."""
    points = store.vectors(rows) if model.bits is None else model.embed(store.sequences(rows), progress)
    return point_distances(points, model.geometry, scale=model.scale, power=model.power, progress=progress)
