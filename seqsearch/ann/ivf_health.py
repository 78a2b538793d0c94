"""What lists and codes find: measured on themselves."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray
from . import scan
from .candidates import Candidates, Health
from .ivf_codes import sample_of
from .ivf_lists import ListSettings, ListTable
from .kernels import Points, squares_of

NEIGHBOURS = 10
AMONG = 100
SCANNED = 2_000_000_000
"""So many codes may be looked at in a measurement."""

CODED_SAMPLE = 4096
CODED_QUERIES = 200


def measure(settings: ListSettings, table: ListTable, *, sample: int, seed: int) -> Health:
    """See `IvfIndex.health`; `self_recall`: the part of the entries found among a hundred by their own codes."""
    entries = table.entries
    live = np.flatnonzero(entries.lists >= 0)
    most = min(sample, max(50, SCANNED // max(len(live), 1)))
    asked = live[sample_of(len(live), most, np.random.default_rng(seed))]
    whole = table.space.coder.decode(entries.codes(asked))
    queries = table.space.restored(whole)
    k = min(NEIGHBOURS + 1, len(live))
    lists = len(entries.centres)
    truth = _sorted(table, queries, whole, k, lists)
    wanted = (1 + settings.target) / 2
    effort, recall = lists, 1.0
    for few in _ladder(lists):
        recall = _share(_sorted(table, queries, whole, k, few), truth)
        if recall >= wanted:
            effort = few
            break
    table.effort = effort
    found, _ = table.find(queries, whole, min(AMONG, len(live)), effort)
    return {
        "entries": len(live),
        "lists": lists,
        "longest_list": int(entries.sizes.max()),
        "effort": effort,
        "self_recall": float((found == asked[:, None]).any(axis=1).mean()),
        "recall": recall,
        "code_recall": table.code_recall,
        "sampled": len(asked),
        "target": float(settings.target),
        "exact": False,
    }


def code_recall(settings: ListSettings, table: ListTable, ready: FloatArray, vectors: FloatArray) -> float:
    """The part of the ten nearest of prepared vectors (n, dim) that are among the hundred nearest by their codes,
    (n, D) when coded: over 4096 of them, for 200 of these."""
    some = sample_of(len(ready), CODED_SAMPLE, np.random.default_rng(settings.seed))
    space = table.space
    decoded = space.restored(space.coder.decode(space.coder.encode(vectors[some])))
    queries = ready[some[: min(CODED_QUERIES, len(some))]]
    k = min(NEIGHBOURS + 1, len(some))
    truth = _scanned(settings.geometry, queries, ready[some], k).rows
    found = _scanned(settings.geometry, queries, decoded, min(AMONG, len(some))).rows
    return float(np.mean([np.isin(near, own).mean() for near, own in zip(truth, found, strict=True)]))


def _scanned(geometry: str, queries: FloatArray, vectors: FloatArray, k: int) -> Candidates:
    names = np.arange(len(vectors))
    return scan.nearest(geometry, queries, Points(vectors, squares_of(vectors), names, names >= 0), k)


def _sorted(table: ListTable, queries: FloatArray, whole: FloatArray, k: int, lists: int) -> FloatArray:
    """(Q, k) distances found, ascending."""
    _, distances = table.find(queries, whole, k, lists)
    near: FloatArray = np.sort(distances, axis=1)[:, :k]
    return near


def _share(found: FloatArray, truth: FloatArray) -> float:
    """The part of the true ones, but for the point itself, that are found; ties count."""
    queries, k = truth.shape
    if not queries or k < 2:
        return 1.0
    good = (found <= truth[:, -1:] * np.float32(1 + 1e-5) + np.float32(1e-12)).sum(axis=1) - 1
    return float(np.maximum(good, 0).sum() / (queries * (k - 1)))


def _ladder(lists: int) -> list[int]:
    """Numbers of lists to try, each about a third more than the one before."""
    steps = [1]
    while steps[-1] < lists:
        steps.append(min(lists, max(steps[-1] + 1, steps[-1] * 4 // 3)))
    return steps
