"""What a graph finds: measured on itself after a build."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import FloatArray, IntArray
from .candidates import Health
from .nodes import NodeGraph

Search = Callable[[FloatArray, int], FloatArray]
"""Queries (Q, D) and k -> the distances (Q, k) of the nearest rows."""

NEIGHBOURS = 10
STEPS = 6
ALL_UP_TO = 200_000
"""So many nodes search for themselves; of more, a sample."""

SCAN_COST = 8
"""A walk meets about 2 M nodes a step, and one met at random costs as much as four met in a row."""


def measure(graph: NodeGraph, search: Search, scan: Search, *, rows: int, sample: int, seed: int) -> Health:
    """See `HnswIndex.health`; `search` goes by the graph with its `ef`, `scan` is exact, both over `rows` rows."""
    generator = np.random.default_rng(seed)
    live = graph.live()
    asked = live if len(live) <= ALL_UP_TO else _drawn(live, ALL_UP_TO, generator)
    graph.restore()
    graph.verified = len(graph)
    missed = graph.not_found(asked)
    found_at_first = 1.0 - len(missed) / max(len(asked), 1)
    missed = graph.repair(missed)
    graph.set_overflow(missed)
    ef = graph.ef
    queries = graph.vectors_of(live if len(live) <= sample else _drawn(live, sample, generator))
    recall = _calibrate(graph, queries, search, scan, min(NEIGHBOURS + 1, max(rows, 1)))
    if graph.ef > ef:
        missed = graph.not_found(missed)
        graph.set_overflow(missed)
    settings = graph.settings
    too_wide = graph.ef > ef and graph.ef * settings.m * SCAN_COST > len(live)
    if recall < settings.target or too_wide or graph.overflows:
        graph.give_up()
    return {
        "nodes": len(live),
        "self_recall_unmended": found_at_first,
        "self_recall": 1.0 - len(missed) / max(len(asked), 1),
        "recall": recall,
        "sampled": len(queries),
        "target": float(settings.target),
        "side_list": len(graph.overflow),
        "ef": graph.ef,
        "exact": graph.exact,
    }


def _drawn(nodes: IntArray, count: int, generator: np.random.Generator) -> IntArray:
    return np.sort(generator.choice(nodes, count, replace=False))


def _calibrate(graph: NodeGraph, queries: FloatArray, search: Search, scan: Search, k: int) -> float:
    """Raise ef by a half, until the recall of these vectors is good enough or often enough; the recall.

    Points of the graph are easier to search for than others, because links were made for them: measured, they lose half
    as many neighbours as held-out queries do. So only half the loss that the target allows is good enough.
    """
    truth = scan(queries, k)
    recall = _recall(search(queries, k), truth)
    for _ in range(STEPS):
        if recall >= (1 + graph.settings.target) / 2:
            break
        graph.ef = max(graph.ef + 1, graph.ef * 3 // 2)
        recall = _recall(search(queries, k), truth)
    return recall


def _recall(found: FloatArray, truth: FloatArray) -> float:
    """The part of the k - 1 nearest others among the k found; the vector itself, found or not, counts for nothing.

    Ties count: what is no farther than the k-th true neighbour, up to the rounding of float32, is a neighbour.
    """
    queries, k = truth.shape
    if not queries or k < 2:
        return 1.0
    good = (found <= truth[:, -1:] * np.float32(1 + 1e-5) + np.float32(1e-12)).sum(axis=1) - 1
    return float(np.maximum(good, 0).sum() / (queries * (k - 1)))
