"""What a graph finds: measured on itself after a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arrays import FloatArray, IntArray
from .candidates import Health

if TYPE_CHECKING:
    from .hnsw import HnswIndex

SIDE_SHARE = 0.05
"""A side list above this part of the nodes costs so much that the graph is given up."""

NEIGHBOURS = 10
STEPS = 6
ALL_UP_TO = 200_000
"""So many nodes search for themselves; of more, a sample."""

FEWEST = 2000
"""A side list no longer than this is no burden, however small the graph."""


SCAN_COST = 8
"""A walk meets about 2 M nodes a step, and one met at random costs as much as four met in a row."""


def measure(index: HnswIndex, *, sample: int, seed: int) -> Health:
    """See `HnswIndex.health`."""
    generator = np.random.default_rng(seed)
    live = np.flatnonzero(index._groups.size[: index.nodes] > 0)
    asked = live if len(live) <= ALL_UP_TO else _drawn(live, ALL_UP_TO, generator)
    beyond = np.flatnonzero(index._reduction.beyond(index._own(np.arange(index.nodes))))
    index.restore_graph()
    index._verified = index.nodes
    missed = index.not_found(asked)
    found_at_first = 1.0 - len(missed) / max(len(asked), 1)
    missed = index.mended(missed)
    index.set_side(np.union1d(beyond, missed))
    ef = index.ef
    recall, sampled = _calibrate(index, live if len(live) <= sample else _drawn(live, sample, generator))
    if index.ef > ef:
        missed = index.not_found(missed)
        index.set_side(np.union1d(beyond, missed))
    too_wide = index.ef > ef and index.ef * index.m * SCAN_COST > len(live)
    if recall < index.target or too_wide or too_many_beside(len(index._side), len(live)):
        index.give_up_graph()
    return {
        "kind": index.kind,
        "rows": len(index),
        "nodes": len(live),
        "self_recall_unmended": found_at_first,
        "self_recall": 1.0 - len(missed) / max(len(asked), 1),
        "recall": recall,
        "sampled": sampled,
        "target": float(index.target),
        "side_list": len(index._side),
        "ef": index.ef,
        "exact": index.exact,
    }


def too_many_beside(side: int, nodes: int) -> bool:
    """Whether a side list is so long that the graph is given up."""
    return side > max(FEWEST, SIDE_SHARE * nodes)


def _drawn(nodes: IntArray, count: int, generator: np.random.Generator) -> IntArray:
    return np.sort(generator.choice(nodes, count, replace=False))


def _calibrate(index: HnswIndex, nodes: IntArray) -> tuple[float, int]:
    """Raise ef by a half, until the recall over these nodes is good enough or often enough; the recall, how many asked.

    Points of the graph are easier to search for than others, because links were made for them: measured, they lose half
    as many neighbours as held-out queries do. So only half the loss that the target allows is good enough.
    """
    queries = index._own(nodes)
    k = min(NEIGHBOURS + 1, max(len(index), 1))
    truth = index._scan(queries, k, None).distances
    recall = _recall(index, queries, truth, k)
    for _ in range(STEPS):
        if recall >= (1 + index.target) / 2:
            break
        index.ef = max(index.ef + 1, index.ef * 3 // 2)
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
