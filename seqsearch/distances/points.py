"""Plain vectors: Euclidean distance, cosine and inner product, as distances of series that all have one shape.

A vector of D numbers is a series of D steps of one feature, so an array (n, D) is a set of n sequences wherever series
are taken. Series of several features, (T, F), are compared as vectors of T F numbers.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..arrays import BoolArray, DoubleArray, FloatArray, IntArray
from ..errors import MismatchError, SeriesError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import numba_threads
from . import point_kernels
from .arguments import allowed_rows, candidate_rows, pair_arguments, stop_bounds
from .distance import LEAST_COST, Distance
from .neighbours import Neighbours, Pruning
from .point_kernels import COSINE, EUCLIDEAN, INNER_PRODUCT, Nearest, Rows, Vectors

_QUERIES, _TARGETS = 512, 8192  # of one block of products
_FEW = 1 << 19  # numbers below which waking other threads costs more than it saves
_NUMBER = 0.0005  # a number of a vector that is verified, in candidates proposed
_ROW, _ROW_NUMBER = 0.004, 5e-5  # a vector ruled out, and each number of it


class PointDistance(Distance):
    """A distance of vectors. Raises MismatchError naming the first vector of another width, and SeriesError naming one
    that it cannot compare."""

    kind = "series"
    _code: ClassVar[int]

    def check(self, sequences: Sequences, like: Sequences | None = None) -> None:
        self.points(sequences, like)

    def require(self, *sets: Sequences) -> None:
        """As `Distance.require`. Looks at all vectors of the first set; those of the others when they are met."""
        super().require(*sets)
        self.points(sets[0], sets[-1])

    def points(self, sequences: Sequences, like: Sequences | None = None) -> FloatArray:
        """(n, D) vectors, of the D that the first of `like` has. Raises MismatchError and SeriesError naming one."""
        return points_of(sequences, None if like is None or not len(like) else _width(like))

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        first, second, _ = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        found = np.empty(len(first))
        if len(first):
            numba_threads()
            point_kernels.pairs_kernel(self._code, _width(a), _vectors(a), first, _vectors(b), second, found)
            self._require_met(a, b, second[np.isnan(found)])
        return found

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        self.require(queries, targets)
        found = Neighbours.none(len(queries), k)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        ends, wrong = stop_bounds(stop, wanted), np.full(len(queries), -1)
        if len(queries):
            width, filled = _width(queries), (found.rows, found.distances)
            ends = ends if stop is not None else np.zeros((len(queries), 0))
            alone = wanted.size * width < _FEW or numba_threads() == 1
            run = point_kernels.rerank_few if alone else point_kernels.rerank_kernel
            run(self._code, width, _vectors(queries), _vectors(targets), wanted, ends, filled, wrong)
            self._require_met(queries, targets, wrong[wrong >= 0])
        return found

    def _require_met(self, like: Sequences, targets: Sequences, wrong: IntArray) -> None:
        """Say what is wrong with vectors that were met."""
        if len(wrong):
            self.points(targets[wrong[:1]], like)
            raise AssertionError(f"the vector in row {wrong[0]} has no distance")

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> PointNeighbours:
        self.require(targets)
        return PointNeighbours(self, targets, allowed)

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        return max(LEAST_COST, float(lengths.mean()) * _NUMBER)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        return others * (_ROW + float(lengths.mean()) * _ROW_NUMBER)


class EuclideanDistance(PointDistance):
    """|x - y|."""

    name = "euclidean"
    space = "euclidean"
    metric = True
    _code = EUCLIDEAN


class CosineDistance(PointDistance):
    """1 - xy / (|x| |y|), from 0 for one direction to 2 for opposite ones; a vector of zeros has none, and is an error.

    It is no metric; its order is that of the angle.
    """

    name = "cosine"
    space = "cosine"
    _code = COSINE

    def points(self, sequences: Sequences, like: Sequences | None = None) -> FloatArray:
        points = super().points(sequences, like)
        zero = np.flatnonzero(~points.any(axis=1)) if points.size else np.zeros(0, np.int64)
        if len(zero):
            row = int(zero[0])
            problem = "the vector is all zeros, which has no direction: leave it out, or choose the distance euclidean"
            raise SeriesError(problem, record=row + 1, record_id=sequences.ids[row])
        return points


class InnerProductDistance(PointDistance):
    """-xy: the nearest are those with the largest inner product. Distances may be negative, and the nearest of a vector
    need not be itself."""

    name = "inner-product"
    space = "inner-product"
    least = -np.inf
    _code = INNER_PRODUCT


class PointNeighbours:
    """Vectors made ready for search by proof: products of many pairs at once, by BLAS in float32, rule out the pairs
    that are surely too far, whatever was rounded; the others are compared in float64."""

    def __init__(self, distance: PointDistance, targets: Sequences, allowed: BoolArray | None = None) -> None:
        self.distance, self.targets = distance, targets
        self._chosen = allowed_rows(allowed, len(targets))
        self._all = len(self._chosen) == len(targets)
        self._rows = _normed(distance.points(targets))

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the products ruled out; see `Searcher`."""
        self.distance.require(queries, self.targets)
        found = Neighbours.none(len(queries), k)
        asked, tally = _normed(self.distance.points(queries)), np.zeros((len(queries), 2), np.int64)
        limits = np.full(len(queries), np.inf) if within is None else np.asarray(within, np.float64).copy()
        filled = Nearest(found.rows, found.distances, limits, tally)
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES):
                part = slice(first, first + _QUERIES)
                self._scan(asked.some(part), filled.some(part))
                task.advance(len(limits[part]))
        ruled_out, entered = tally.sum(axis=0).tolist()
        return found, Pruning(len(queries) * len(self._chosen), entered, {"products": ruled_out})

    def _scan(self, asked: Rows, found: Nearest) -> None:
        """Fill in the nearest of some queries, block by block of the targets."""
        doubt = point_kernels.doubt_of(asked.vectors.shape[1])
        for first in range(0, len(self._chosen), _TARGETS):
            names = self._chosen[first : first + _TARGETS]
            block = self._rows.some(slice(first, first + _TARGETS) if self._all else names)
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is compared in float64
                products = asked.vectors @ block.vectors.T
            point_kernels.scan_kernel(self.distance._code, products, asked, block, names, doubt, found)


def _width(sequences: Sequences) -> int:
    """The numbers of the first vector."""
    return int(sequences.lengths_of(np.zeros(1, np.int64))[0]) * sequences.features


def _vectors(sequences: Sequences) -> Vectors:
    return Vectors(sequences.data.reshape(-1), sequences.offsets, sequences.features)


def _normed(points: FloatArray) -> Rows:
    numba_threads()
    norms = np.zeros(len(points))
    point_kernels.norms_kernel(points, norms)
    return Rows(points, norms)


def points_of(sequences: Sequences, width: int | None = None) -> FloatArray:
    """(n, D) float32, a row a sequence, without a copy where they lie one after the other in memory.

    `width`: the D that is needed; None: that of the first. Raises MismatchError naming the first of another.
    """
    features = max(1, sequences.features)
    offsets = sequences.offsets
    lengths = np.diff(offsets)
    if width is None:
        width = int(lengths[0]) * features if len(lengths) else 0
    wrong = np.flatnonzero(lengths * features != width)
    if len(wrong):
        row = int(wrong[0])
        given = int(lengths[row]) * features
        raise MismatchError(
            f"the vector {sequences.ids[row]} has {given} numbers where {width} are needed: vectors have one width"
        )
    data = sequences.data[offsets[0] : offsets[-1]]
    return np.ascontiguousarray(data, np.float32).reshape(len(lengths), width)
