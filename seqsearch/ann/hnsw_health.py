"""What a graph finds: measured on itself after a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arrays import FloatArray, IntArray
from .candidates import Health

if TYPE_CHECKING:
    from .hnsw import HnswIndex

NEIGHBOURS = 10
DOUBLINGS = 3
ALL_UP_TO = 200_000
"""So many nodes search for themselves; of more, a sample."""

SIDE_SHARE = 0.01
"""More nodes than this part not found mean that the graph is no good,"""

FEWEST = 100
"""unless they are no more than so many."""


def measure(index: HnswIndex, *, sample: int, seed: int) -> Health:
    """See `HnswIndex.health`."""
    generator = np.random.default_rng(seed)
    live = np.flatnonzero(index._groups.size[: index.nodes] > 0)
    index.restore_graph()
    index._verified = index.nodes
    index._side = np.flatnonzero(index._reduction.beyond(index._own(np.arange(index.nodes))))
    recall, sampled = _calibrate(index, live if len(live) <= sample else _drawn(live, sample, generator))
    asked = live if len(live) <= ALL_UP_TO else _drawn(live, ALL_UP_TO, generator)
    missed = index.not_found(asked)
    self_recall = 1.0 - len(missed) / max(len(asked), 1)
    index._side = np.union1d(index._side, missed)
    if recall < index.target or len(missed) > max(FEWEST, SIDE_SHARE * len(asked)):
        index.give_up_graph()
    return {
        "kind": index.kind,
        "rows": len(index),
        "nodes": len(live),
        "self_recall": self_recall,
        "recall": recall,
        "sampled": sampled,
        "target": float(index.target),
        "side_list": len(index._side),
        "ef": index.ef,
        "exact": index.exact,
    }


def _drawn(nodes: IntArray, count: int, generator: np.random.Generator) -> IntArray:
    return np.sort(generator.choice(nodes, count, replace=False))


def _calibrate(index: HnswIndex, nodes: IntArray) -> tuple[float, int]:
    """Double ef until the recall over these nodes meets the target, or often enough; the recall, how many asked."""
    queries = index._own(nodes)
    k = min(NEIGHBOURS + 1, max(len(index), 1))
    truth = index._scan(queries, k, None).distances
    recall = _recall(index, queries, truth, k)
    for _ in range(DOUBLINGS):
        if recall >= index.target:
            break
        index.ef *= 2
        recall = _recall(index, queries, truth, k)
    return recall, len(nodes)


def _recall(index: HnswIndex, queries: FloatArray, truth: FloatArray, k: int) -> float:
    """The part of the k - 1 nearest others that the graph returns; the vector itself, found or not, counts for nothing.

    Ties count: what is no farther than the k-th true neighbour, up to the rounding of float32, is a neighbour.
    """
    if not len(queries) or k < 2:
        return 1.0
    found = index._walk(queries, k, k, index.ef, None).distances
    good = (found <= truth[:, -1:] * np.float32(1 + 1e-5) + np.float32(1e-12)).sum(axis=1) - 1
    return float(np.maximum(good, 0).sum() / (len(queries) * (k - 1)))
