"""The points that a map is drawn of: those of the encoder, laid out so that straight lines mean something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import AnyArray, FloatArray, IntArray
from ...errors import MismatchError
from ...geometry import OUTERMOST, normalised, project_to_ball
from ...hashing import unpack
from ...sequences import Sequences
from ..encoding import OneModel
from ..pipeline import Queries
from ..stages import Propose, ProposeParts
from ..state import State

PART = 1 << 15
"""Rows whose points are in memory at a time."""


@dataclass(frozen=True)
class MapPoints:
    """The points of the rows of a state and of queries, (m, D) float32. Raises MismatchError where an index has none.

    Codes become a number a bit, points of a ball are taken at their distance from its centre, those that are compared
    by the angle at norm 1. Where windows are indexed, whole sequences are read by the model of the windows.
    """

    state: State

    def of_rows(self, rows: IntArray) -> FloatArray:
        """(m, D) of stored rows."""
        if isinstance(first := self.state.pipeline.stages[0], ProposeParts):
            return self._straight(first.windows.model.embed(self.state.targets[rows]), "cosine")
        self._require_points()
        return self._of_encoder(self.state.vectors(rows))

    def of_queries(self, queries: Sequences | Queries) -> FloatArray:
        """(Q, D) of queries. Raises MismatchError for those of another kind, MissingVectorsError."""
        asked = Queries.of(queries)
        self.state.encoder.require(asked.sequences)
        if isinstance(first := self.state.pipeline.stages[0], ProposeParts):
            return self._straight(first.windows.model.embed(asked.sequences, stored=False), "cosine")
        self._require_points()
        return self._of_encoder(asked.points(Propose.name, self.state.encoder.of_queries))

    def _require_points(self) -> None:
        if self.state.candidates is None:
            raise MismatchError("this index has no points to draw a map of: its first stage compares hash sequences")

    def _of_encoder(self, vectors: AnyArray) -> FloatArray:
        encoder = self.state.encoder
        if encoder.bits is not None:
            return unpack(vectors, encoder.bits).astype(np.float32)
        if isinstance(encoder, OneModel) and encoder.model.is_lifted:
            vectors = vectors[:, :-1]
        return self._straight(vectors, encoder.geometry)

    @staticmethod
    def _straight(points: AnyArray, geometry: str) -> FloatArray:
        if geometry == "cosine":
            return np.asarray(normalised(points), np.float32)
        if geometry != "hyperbolic":
            return np.asarray(points, np.float32)
        inside = np.asarray(project_to_ball(points, OUTERMOST), np.float64)
        norms = np.linalg.norm(inside, axis=1, keepdims=True)
        stretch = np.where(norms > 0, 2 * np.arctanh(norms) / np.maximum(norms, 1e-12), 2.0)
        return np.asarray(inside * stretch, np.float32)
