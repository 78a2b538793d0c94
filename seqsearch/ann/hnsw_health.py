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
"""A side list above this part of the nodes means that the graph is no good."""


def measure(index: HnswIndex, *, sample: int, seed: int) -> Health:
    """See `HnswIndex.health`."""
    generator = np.random.default_rng(seed)
    live = np.flatnonzero(index._groups.size[: index.nodes] > 0)
    index.restore_graph()
    asked = live if len(live) <= ALL_UP_TO else np.sort(generator.choice(live, ALL_UP_TO, replace=False))
    missed = _not_found(index, asked)
    self_recall = 1.0 - len(missed) / max(len(asked), 1)
    if len(missed) <= max(100, SIDE_SHARE * len(asked)):
        index._side = np.union1d(index._side, missed)
    chosen = live if len(live) <= sample else np.sort(generator.choice(live, sample, replace=False))
    queries = index._own(chosen)
    k = min(NEIGHBOURS + 1, max(len(index), 1))
    truth = index._scan(queries, k, None).distances
    recall = _recall(index, queries, truth, k)
    for _ in range(DOUBLINGS):
        if recall >= index.target:
            break
        index.ef *= 2
        recall = _recall(index, queries, truth, k)
    if recall < index.target:
        index.give_up_graph()
    return {
        "kind": index.kind,
        "rows": len(index),
        "nodes": len(live),
        "self_recall": self_recall,
        "recall": recall,
        "sampled": len(chosen),
        "target": float(index.target),
        "side_list": len(index._side),
        "ef": index.ef,
        "exact": index.exact,
    }


def _not_found(index: HnswIndex, nodes: IntArray, batch: int = 8192) -> IntArray:
    """Nodes that a search of the graph for their own vector does not return first."""
    missed: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(nodes), batch):
        part = nodes[start : start + batch]
        found, distances = index._propose(index._own(part), 1, index.ef)
        hit = ((found == part[:, None]) & (distances <= distances.min(axis=1, keepdims=True))).any(axis=1)
        missed.append(part[~hit])
    return np.concatenate(missed)


def _recall(index: HnswIndex, queries: FloatArray, truth: FloatArray, k: int) -> float:
    """The part of the k - 1 nearest others that the graph returns; the vector itself, found or not, counts for nothing.

    Ties count: what is no farther than the k-th true neighbour, up to the rounding of float32, is a neighbour.
    """
    if not len(queries) or k < 2:
        return 1.0
    found = index._walk(queries, k, k, index.ef, None).distances
    good = (found <= truth[:, -1:] * np.float32(1 + 1e-5) + np.float32(1e-12)).sum(axis=1) - 1
    return float(np.maximum(good, 0).sum() / (len(queries) * (k - 1)))
