"""Points without learning: weighted principal components of the features, found on a sample in a second.

x -> (x B) A diag(l^-DAMPING): B weighs the blocks of features, A are the leading axes of a sample of these, l their
variances in units of the first. Plain components look at what differs most between families; neighbours differ
in the many small ones, which damping makes count. Whitening (a damping of .5) would make noise count as much. Measured
within 100 of all candidates, k = 10: V4 genes .974 plain, .979 damped, .984 with blocks weighed too; whole 16S genes,
20,000 of them, .735, .821 and .908, by weights near those taken now (docs/building.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..arrays import DoubleArray, FloatArray
from ..sequences import Sequences
from .feature_sets import Features, features_from_json, standard_features
from .features import SparseFeatures
from .inputs import InputSpec
from .model import Model

FAMILY = "components"
DIM = 128
DAMPING = 0.2
SAMPLE = 8192  # sequences that the axes are found on
_VALUES = 1 << 25  # of features at most, in that sample
_MORE = 16  # directions looked at beyond those kept, and
_TURNS = 3  # times that they are turned towards the leading axes (Halko, Martinsson and Tropp 2011, algorithm 4.4)
_FLAT = 1e-6  # of the first variance: an axis of less says nothing


@runtime_checkable
class Weighed(Protocol):
    """Features of several blocks that do not count alike."""

    @property
    def block_weights(self) -> FloatArray:
        """(M,) how much each feature counts beside the others."""


def components_model(sequences: Sequences, dim: int | None = None, *, seed: int = 0) -> Model:
    """Components of the features that learning starts from, `DIM` or `dim` of them, fewer where there are no more."""
    return components_of(standard_features(InputSpec.fit(sequences)), sequences, dim, seed=seed)


def count_components(sequences: Sequences, dim: int | None = None, *, seed: int = 0) -> Model:
    """Components of k-mer counts alone."""
    return components_of(SparseFeatures.counts(InputSpec.fit(sequences)), sequences, dim, seed=seed)


def components_of(features: Features, sequences: Sequences, dim: int | None = None, *, seed: int = 0) -> Model:
    """A model of weighted components of `features`; `seed` draws the sample and the directions looked at."""
    rng = np.random.default_rng(seed)
    count = max(1, min(SAMPLE, _VALUES // features.size))
    sample = sequences[np.sort(rng.permutation(len(sequences))[:count])]
    weights = features.block_weights if isinstance(features, Weighed) else np.ones(features.size, np.float32)
    axes, variances = leading_axes(features.dense(sample) * weights, DIM if dim is None else dim, rng)
    table = weights[:, None] * axes * (variances / variances[0]) ** -DAMPING  # (M, D)
    return Model(
        FAMILY,
        features.spec,
        {"dim": table.shape[1], "hidden": 0, "features": features.to_json()},
        {"linear.weight": np.ascontiguousarray(table.T, np.float32)},
        table.shape[1],
    )


def leading_components(model: Model, dim: int) -> Model:
    """The first `dim` components of a model of them, or all there are."""
    table = model.weights["linear.weight"][:dim]
    return replace(
        model, settings={**model.settings, "dim": len(table)}, weights={"linear.weight": table}, dim=len(table)
    )


def with_length(model: Model, weight: float) -> Model:
    """A model of components of token features, at least two, in which `weight` * log(1 + length) takes the place of the
    last.

    Lengths far apart are edits that nothing avoids, yet damping makes the axis they lie on, the first, count the
    least; and between unrelated sequences the tolerance grows with the length, which the logarithm follows.
    """
    features = features_from_json(model.spec, model.settings["features"])
    assert isinstance(features, SparseFeatures)
    table = np.zeros((model.dim, features.size + 1), np.float32)
    table[:-1, :-1] = model.weights["linear.weight"][:-1]
    table[-1, -1] = weight
    settings = {**model.settings, "features": replace(features, lengths=True).to_json()}
    return replace(model, settings=settings, weights={"linear.weight": table})


def leading_axes(points: FloatArray, dim: int, rng: np.random.Generator) -> tuple[DoubleArray, DoubleArray]:
    """(M, D) leading principal axes of (n, M) points, the leading first, and their variances, (D,); D <= `dim`, as many
    as have a variance, at least one. Found by random projection."""
    centred = points - points.mean(axis=0)
    if not np.abs(centred).max(initial=0.0) > 0:  # all alike: any axis is as good
        return np.eye(points.shape[1], 1), np.ones(1)
    width = min(dim + _MORE, *centred.shape)
    found = centred @ rng.standard_normal((centred.shape[1], width)).astype(np.float32)
    for _ in range(_TURNS):
        found = centred @ _orthonormal(centred.T @ _orthonormal(found))
    basis = _orthonormal(found)
    _, lengths, axes = np.linalg.svd((basis.T @ centred).astype(np.float64), full_matrices=False)
    variances = lengths**2 / len(points)
    kept = min(dim, int((variances > _FLAT * variances[0]).sum()))
    return axes[:kept].T, variances[:kept]


def _orthonormal(columns: FloatArray) -> FloatArray:
    """(n, W') orthonormal columns that span those of (n, W), W' <= W, at least one.

    By their inner products, which is many times as fast as a decomposition of tall matrices, and exact enough twice.
    """
    for _ in range(2):
        products = (columns.T @ columns).astype(np.float64)
        lengths, turned = np.linalg.eigh(products)
        kept = lengths > _FLAT**2 * lengths[-1]
        scaled = turned[:, kept] / np.sqrt(lengths[kept])
        columns = columns @ scaled.astype(np.float32)
    return columns
