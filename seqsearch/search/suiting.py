"""Which geometry suits points that were not learned, and what lengths count in it: what ranks the nearest of a sample
first.

Between letters that hardly differ in number, as of genes, angles tell more than straight distances; where lengths
differ much they tell nothing, as of proteins, and straight distances tell more with a dimension of the length's own, as
of names too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..encoders.components import with_length
from ..encoders.families import COMPONENTS
from ..encoders.model import Model
from ..geometry import normalised
from ..learning.plan import affordable
from ..sequences import Sequences

SAMPLE = 2000  # sequences among which the nearest of some are looked for,
K = 10  # so many of them;
_ASKED = (10, 100)  # asked, fewer where distances are dear:
_LOOKED_AT = 4e10  # cells
_GAIN = 0.03  # of the mean logarithm of ranks, to base 2, from which on angles, or lengths, are taken
_VARYING = 0.05  # the standard deviation of log(1 + length) from which on lengths are looked at;
_SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)  # of the deviation of all other components, what theirs may be,
_SURE = 4.0  # and by how many standard errors it has to rank the nearest better
EUCLIDEAN, COSINE = "euclidean", "cosine"


def suited(model: Model, sequences: Sequences, distance: Distance, seed: int) -> Model:
    """A model of points that were not learned, in the way that ranks what is nearest in a sample first."""
    sample = sequences[np.random.default_rng(seed).permutation(len(sequences))[:SAMPLE]]
    asked = asked_of(sample, distance)
    near, _ = distance.searcher(sample).search(sample[:asked], K + 1)
    return suited_points(model, model.embed(sample), sample, near.rows)[0]


def suited_points(model: Model, points: FloatArray, sample: Sequences, near: IntArray) -> tuple[Model, FloatArray]:
    """The same, from the (n, D) points of a sample and the (A, K) rows `near` each of the first A, -1 for none; and its
    own points, (n, D)."""
    model = in_suited_geometry(model, points, near)
    weight = length_weight(model, points, sample, near)
    if weight > 0:
        model = replace(with_length(model, weight), geometry=EUCLIDEAN)
        points = model.embed(sample)
    return model, points


def length_weight(model: Model, points: FloatArray, sample: Sequences, near: IntArray) -> float:
    """What log(1 + length) should count in straight distances in place of the last of the components, 0 for nothing.

    One share of several is the best of ten genes by chance: what is gained has to be `_SURE` standard errors, too.
    """
    logarithms = np.log1p(sample.lengths.astype(np.float64))
    spread = float(logarithms.std()) if len(near) > 1 else 0.0
    if model.family != COMPONENTS or sample.kind != "tokens" or model.dim < 2 or spread < _VARYING:
        return 0.0
    others = points[:, :-1]
    unit = float(np.sqrt(others.var(axis=0).sum())) / spread
    squares = ordering_of(others, len(near), EUCLIDEAN)
    apart = (logarithms[: len(near), None] - logarithms) ** 2  # (A, n)
    without = _depths(ordering_of(points, len(near), model.geometry), near)
    gained = [without - _depths(squares + (share * unit) ** 2 * apart, near) for share in _SHARES]
    best = max(range(len(_SHARES)), key=lambda i: float(gained[i].mean()))
    error = gained[best].std(ddof=1) / np.sqrt(len(near))
    return _SHARES[best] * unit if gained[best].mean() > max(_GAIN, _SURE * error) else 0.0


def _depths(scores: DoubleArray, near: IntArray) -> DoubleArray:
    """(A,) mean logarithm, to base 2, of the ranks of the rows `near` each, (A, K), -1 for none."""
    known = near >= 0
    deep = np.zeros(near.shape)
    deep[known] = np.log2(places_of(scores, near) + 1.0)
    means: DoubleArray = deep.sum(axis=1) / np.maximum(1, known.sum(axis=1))
    return means


def in_suited_geometry(model: Model, points: FloatArray, near: IntArray) -> Model:
    """The same, from the points of a sample and the (A, K) rows `near` each of the first A, -1 for none."""
    ranks = [np.log2(ranks_of(points, near, geometry) + 1.0).mean() for geometry in (EUCLIDEAN, COSINE)]
    return replace(model, geometry=COSINE if ranks[1] < ranks[0] - _GAIN else EUCLIDEAN)


def ranks_of(points: FloatArray, near: IntArray, geometry: str) -> IntArray:
    """The places, from 0, of all rows `near` the first A of (n, D) points, (A, K), -1 for none, in their order."""
    return places_of(ordering_of(points, len(near), geometry), near)


def ordering_of(points: FloatArray, asked: int, geometry: str) -> DoubleArray:
    """(A, n) numbers by which the first A of (n, D) points order all: squared distances, less what is that of a line.
    (The distances themselves would take scipy, half a second to import.)"""
    wide = points.astype(np.float64)
    wide = normalised(wide) if geometry == COSINE else wide
    squares: DoubleArray = (wide * wide).sum(axis=1) - 2 * wide[:asked] @ wide.T
    return squares


def places_of(scores: AnyArray, near: IntArray) -> IntArray:
    """The places, from 0, of all rows `near` each of A, (A, K), -1 for none, in the order of (A, n) scores."""
    order = scores.argsort(axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(order.shape[1])[None], axis=1)
    ranks: IntArray = np.take_along_axis(place, np.maximum(near, 0), axis=1)[near >= 0]
    return ranks


def asked_of(sample: Sequences, distance: Distance) -> int:
    """Of the sample, those whose nearest may be looked for in it."""
    pair = max(1.0, float(np.mean(sample.lengths.astype(np.float64) ** 2)))
    few = int(np.clip(affordable(_LOOKED_AT, distance) / (pair * len(sample)), *_ASKED))
    return min(len(sample), few)
