"""Which geometry suits points that were not learned: the one that ranks the nearest of a sample first.

Between letters that hardly differ in number, as of genes and names, angles tell more than straight distances; where
lengths differ much they tell nothing, as of proteins.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..encoders.model import Model
from ..geometry import normalised
from ..learning.plan import affordable
from ..sequences import Sequences

SAMPLE = 2000  # sequences among which the nearest of some are looked for,
K = 10  # so many of them;
_ASKED = (10, 100)  # asked, fewer where distances are dear:
_LOOKED_AT = 4e10  # cells
_GAIN = 0.03  # of the mean logarithm of ranks, to base 2, from which on angles are taken
EUCLIDEAN, COSINE = "euclidean", "cosine"


def suited(model: Model, sequences: Sequences, distance: Distance, seed: int) -> Model:
    """A model of points that were not learned, in the geometry that ranks what is nearest in a sample first."""
    sample = sequences[np.random.default_rng(seed).permutation(len(sequences))[:SAMPLE]]
    asked = asked_of(sample, distance)
    near, _ = distance.searcher(sample).search(sample[:asked], K + 1)
    return in_suited_geometry(model, model.embed(sample), near.rows)


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
    place = scores.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    ranks: IntArray = np.take_along_axis(place, np.maximum(near, 0), axis=1)[near >= 0]
    return ranks


def asked_of(sample: Sequences, distance: Distance) -> int:
    """Of the sample, those whose nearest may be looked for in it."""
    pair = max(1.0, float(np.mean(sample.lengths.astype(np.float64) ** 2)))
    few = int(np.clip(affordable(_LOOKED_AT, distance) / (pair * len(sample)), *_ASKED))
    return min(len(sample), few)
