"""Novelty scores as pure functions of distances and counts: the higher, the newer."""

from __future__ import annotations

import numpy as np

from ...arrays import DoubleArray, IntArray


def kth_distance(distances: DoubleArray) -> DoubleArray:
    """(Q, k) ascending distances, infinity padded -> (Q,) the last there is; infinity where there is none."""
    there = np.isfinite(distances).sum(axis=1)
    last = np.take_along_axis(distances, np.maximum(there - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(there > 0, last, np.inf)


def mean_distance(distances: DoubleArray) -> DoubleArray:
    """(Q, k) distances, infinity padded -> (Q,) mean of those there are; infinity where there is none."""
    there = np.isfinite(distances)
    total = np.where(there, distances, 0.0).sum(axis=1)
    counts = there.sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.inf)


BANDWIDTHS: DoubleArray = np.geomspace(0.002, 0.4, 24)
"""Values of the smoothing parameter tried by `fitted_bandwidth`."""


def shell_surprise(counts: IntArray, bandwidth: float) -> DoubleArray:
    """(Q, B + 1) stored codes at each Hamming distance -> (Q,) minus the log of a kernel density estimate.

    The kernel of Aitchison and Aitken 1976 for B binary variables: bandwidth^r (1 - bandwidth)^(B - r) at distance r.
    Infinity where nothing is stored.
    """
    bits = counts.shape[1] - 1
    radii = np.arange(bits + 1)
    kernel = np.exp(radii * np.log(bandwidth) + (bits - radii) * np.log1p(-bandwidth))
    total = counts.sum(axis=1)
    with np.errstate(divide="ignore"):
        density = np.where(total > 0, counts @ kernel / np.maximum(total, 1), 0.0)
        return np.asarray(-np.log(density))


def fitted_bandwidth(counts: IntArray) -> float:
    """The bandwidth under which stored codes are likeliest given the others: (m, B + 1) counts without themselves."""
    if not len(counts) or not counts.sum(axis=1).all():
        return float(BANDWIDTHS[len(BANDWIDTHS) // 2])
    surprise = [shell_surprise(counts, float(bandwidth)).mean() for bandwidth in BANDWIDTHS]
    return float(BANDWIDTHS[int(np.argmin(surprise))])
