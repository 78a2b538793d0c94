"""The recall of merged answers, measured on members: what shards have to be asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import IntArray
from ..distances import Neighbours, recall_at
from ..search.curves import lower_bound
from .manifest import Level, Manifest

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
"""Recalls that shards are asked for. Of the k nearest of all each shard has a few, its own nearest, which it finds more
surely than its k-th: so each may be asked for less than the merged answer is to have."""
CALIBRATED_K = (1, 10, 50)

Search = Callable[[int, float | None], Neighbours]
"""(k, recall or None for all, by proof) -> the neighbours of the members asked, without themselves."""


def measured_levels(search: Search, size: int, of_target: float) -> tuple[Level, ...]:
    """The recall at every level; no more once one is surely above every recall that can be asked for."""
    ks = [k for k in CALIBRATED_K if k < size]
    if not ks:
        return ()
    truth = search(max(ks), None)
    out = []
    for k in ks:
        for asked in sorted({*LEVELS, of_target}):
            each = recall_at(search(k, asked).distances, truth.distances, k)
            out.append(Level(k, asked, round(float(each.mean()), 6), round(lower_bound(each), 6)))
            if out[-1].recall >= 1:
                break
    return tuple(out)


def asked_of_shards(manifest: Manifest, recall: float | None, k: int) -> tuple[float, str]:
    """What shards are asked for, that the merged answer has `recall` (None: the target), and a line that says why."""
    wanted = manifest.target if recall is None else recall
    ks = sorted({level.k for level in manifest.levels})
    stand_in = next((known for known in ks if known >= k), None)
    enough = [level for level in manifest.levels if level.k == stand_in and level.lower >= wanted]
    if not enough:  # the mean over shards of what each surely has
        return wanted, f"recall {wanted} of each"
    least = min(enough, key=lambda level: level.asked)
    if least.asked >= wanted:
        return wanted, f"recall {wanted} of each"
    return least.asked, f"recall {least.asked} of each for {wanted} in all (measured {least.recall:.4f})"


def drawn(rows: IntArray, count: int, seed: int) -> IntArray:
    """Up to `count` random ones of ascending global rows, ascending, as one index draws its members."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
