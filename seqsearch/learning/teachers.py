"""Teachers: what tells a network how far its training sequences are apart, where exact distances are dear.

A teacher is a distance like any other. It is asked for the batches that are learned from; what is held out is always
judged by the exact distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..distances.distance import full_name
from ..distances.dtw import DTWDistance
from ..distances.edit import EditDistance
from ..encoders.components import components_of
from ..encoders.feature_sets import standard_features
from ..encoders.inputs import InputSpec
from ..encoders.model import Model
from ..errors import ParameterError
from ..extras import TRAIN, imported
from ..geometry import matrix
from ..sequences import Kind, Sequences
from .plan import TEACHERS

EXACT, BANDED, SKETCH = TEACHERS

WINDOW = 0.1
"""The Sakoe-Chiba band of `banded` for time warping, a share of the length."""

_ANCHORS, _KIN, _AMONG = 48, 4, 4096  # rows compared to fit a sketch: random ones, and near ones of each among others
_NEAR = 1 / 3  # of the usual distance: what is compared within a band
_FOUND, _ROOM = 0.99, 1.1  # of those, by their points, and how much farther apart points are compared all the same
_SHARES = {BANDED: 0.05, SKETCH: 0.01}  # of the work of exact distances


@dataclass(frozen=True)
class Teacher:
    """A `distance` to learn from, and what `share` of the exact one's work it takes."""

    distance: Distance
    share: float = 1.0


def teacher_of(name: str, distance: Distance, sequences: Sequences, rng: np.random.Generator) -> Teacher:
    """The teacher of that name for a distance between such sequences.

    `exact`: the distance itself. `banded`: of time warping that within a Sakoe-Chiba band of `WINDOW`, never less than
    the distance; of edits the exact distance within a band of the dynamic programme for sequences that are near each
    other, and an estimate for others. `sketch`: estimates alone, by the distance of components of the untrained
    features, fitted on a few thousand pairs. Raises ParameterError for a distance that the teacher cannot stand for.
    """
    if name == EXACT:
        return Teacher(distance)
    if name == SKETCH:
        return Teacher(Sketched(distance, _Sketch.fitted(distance, sequences, rng)), _SHARES[SKETCH])
    if isinstance(distance, DTWDistance):
        return _narrower(distance)
    if type(distance) is EditDistance and not distance.wildcards:
        sketch = _Sketch.fitted(distance, sequences, rng)
        reach = _ROOM * float(np.quantile(sketch.near, _FOUND)) if len(sketch.near) else 0.0
        return Teacher(Sketched(distance, sketch, _NEAR * sketch.usual, reach), _SHARES[BANDED])
    raise ParameterError(f"the teacher banded stands for edit and dtw, not for {distance!r}: choose sketch or exact")


def _narrower(distance: DTWDistance) -> Teacher:
    asked = distance.parameters()
    if distance.slope is not None or (distance.window is not None and distance.window <= WINDOW):
        raise ParameterError(f"the teacher banded is no narrower than {distance!r}: choose sketch or exact")
    return Teacher(DTWDistance(**{**asked, "window": WINDOW}), min(1.0, 2 * WINDOW))


@dataclass(frozen=True)
class _Sketch:
    """Estimates by the distance of points: `reach`, (M,), of points, and the distances `told` there, (M,), neither of
    them falling; `usual`: that of two random sequences; `near`: how far apart points of sequences are that are nearer
    than a third of that."""

    model: Model
    reach: DoubleArray
    told: DoubleArray
    usual: float
    near: DoubleArray

    @classmethod
    def fitted(cls, distance: Distance, sequences: Sequences, rng: np.random.Generator) -> _Sketch:
        """To some random sequences and others near them."""
        features = standard_features(InputSpec.fit(sequences))
        model = components_of(features, sequences, seed=int(rng.integers(1 << 31)))
        among = np.sort(rng.permutation(len(sequences))[:_AMONG])
        points = model.embed(sequences[among])
        anchors = rng.permutation(len(among))[:_ANCHORS]
        near = np.argsort(matrix("euclidean", points[anchors], points), axis=1)[:, 1 : _KIN + 1]
        rows = np.unique(np.concatenate([anchors, near.ravel()]))
        some = sequences[among[rows]]
        upper = np.triu_indices(len(rows), 1)
        reach = matrix("euclidean", points[rows], points[rows])[upper].astype(np.float64)
        true = distance.matrix(some, some)[upper]
        order = np.argsort(reach, kind="stable")
        reach, true = reach[order], true[order]
        fitted: DoubleArray = imported("scipy.optimize", TRAIN).isotonic_regression(true).x
        bends = np.flatnonzero(np.diff(fitted)) + 1  # where a block of equal ones ends and the next begins
        knots = np.unique(np.concatenate([[0], bends - 1, bends, [len(reach) - 1]]))
        return cls(
            model,
            np.concatenate([[0.0], reach[knots]]),
            np.concatenate([[0.0], fitted[knots]]),
            float(np.median(true)),
            reach[true <= _NEAR * np.median(true)],
        )

    def points(self, sequences: Sequences) -> FloatArray:
        return self.model.embed(sequences)

    def estimates(self, between: DoubleArray) -> DoubleArray:
        """Distances of sequences whose points are so far apart; beyond what was seen they grow as they did last."""
        slope = self.told[-1] / self.reach[-1] if self.reach[-1] > 0 else 0.0
        beyond = np.maximum(between - self.reach[-1], 0.0) * slope
        found: DoubleArray = np.interp(between, self.reach, self.told) + beyond
        return found


class Sketched(Distance):
    """Estimates of a distance, exact `within` a radius for sequences whose points are no farther apart than `reach`.

    Not in the table of distances: it is made of data, and answers nothing but what a network learns from.
    """

    name = "sketched"
    kind: ClassVar[Kind] = "tokens"

    def __init__(self, distance: Distance, sketch: _Sketch, within: float = -1.0, reach: float = -1.0) -> None:
        self.of, self.sketch, self.within, self.reach = distance, sketch, within, reach
        self.edits = type(distance) is EditDistance and not distance.wildcards  # never below the difference of lengths
        self.kind = distance.kind  # type: ignore[misc]
        self.whole_numbers = distance.whole_numbers  # type: ignore[misc]

    @property
    def power(self) -> float:
        return self.of.power

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        one = self.sketch.points(a)
        between = matrix("euclidean", one, one if a is b else self.sketch.points(b)).astype(np.float64)
        found = self.sketch.estimates(between)
        if self.edits:
            np.maximum(found, np.abs(a.lengths[:, None] - b.lengths), out=found)
        rows, columns = np.nonzero(between <= self.reach)
        found[rows, columns] = self._nearer(a, rows, b, columns, found[rows, columns])
        if a is b:
            found = (found + found.T) / 2  # float32 points may differ in their last digit
            np.fill_diagonal(found, 0.0)
        return found

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        between = np.linalg.norm(self._points(a, a_rows) - self._points(b, b_rows), axis=1).astype(np.float64)
        found = self.sketch.estimates(between)
        if self.edits:
            np.maximum(found, np.abs(a.lengths[a_rows] - b.lengths[b_rows]), out=found)
        near = np.flatnonzero(between <= self.reach)
        found[near] = self._nearer(a, a_rows[near], b, b_rows[near], found[near])
        return found

    def _points(self, sequences: Sequences, rows: IntArray) -> FloatArray:
        """(m, D) of rows, each embedded once."""
        some, places = np.unique(rows, return_inverse=True)
        return self.sketch.points(sequences[some])[places]

    def _nearer(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, estimates: DoubleArray
    ) -> DoubleArray:
        """(m,) exact within the radius; beyond it the estimate, which is no less than the radius then."""
        if not len(a_rows):
            return estimates
        exact = self.of.pairs(a, a_rows, b, b_rows, np.full(len(a_rows), self.within))
        return np.where(np.isfinite(exact), exact, np.maximum(estimates, self.within))

    def __repr__(self) -> str:
        return f"{full_name(type(self))}({self.of!r}, within={self.within:.4g})"
