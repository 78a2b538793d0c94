"""The matching form of dynamic time warping as a `Distance`: is one series (a part of) a version of the other?"""

from __future__ import annotations

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Sequences
from . import dtw_matching_kernels as kernels
from .arguments import candidate_rows, pair_arguments, stop_bounds
from .neighbours import Neighbours
from .series import LOCALS, SeriesDistance, rows_of_places

FORMS = {"none": kernels.RAW, "path": kernels.PER_STEP, "path_mean": kernels.PER_STEP_AND_MEAN}


class MatchingDTW(SeriesDistance):
    """Dynamic time warping that matches (Raffel 2016, chapter 4): see dtw_matching_kernels.py for the recursion.

    `local`: "cosine", "squared" or "absolute"; `penalty`: of every step that is not diagonal, a number >= 0 or
    "median", the median local cost of the pair; `gully`: the share of the shorter series that must be covered, 0..1;
    `normalise`: "path_mean", the cost over the cells of the path and the mean cost of the submatrix that bounds it,
    "path", over its cells, or "none"; `standardise` as in `DTWDistance`. The score is a sum or a mean of costs, never
    a root.
    """

    name = "dtw-matching"

    def __init__(
        self,
        *,
        local: str = "cosine",
        penalty: float | str = "median",
        gully: float = 0.96,
        normalise: str = "path_mean",
        standardise: bool = False,
    ) -> None:
        if penalty != "median" and (isinstance(penalty, str) or not 0 <= penalty < np.inf):
            raise ParameterError(f"penalty must be a number from 0 on or 'median', not {penalty!r}")
        if not 0 <= gully <= 1:
            raise ParameterError(f"gully must be a share from 0 to 1, not {gully}")
        if normalise not in FORMS:
            raise ParameterError(f"no normalisation {normalise!r}: choose one of {', '.join(FORMS)}")
        super().__init__(local, standardise)
        self.penalty, self.gully, self.normalise = penalty, gully, normalise
        step = -1.0 if isinstance(penalty, str) else float(penalty)
        self._form = kernels.Form(LOCALS[local], step, float(gully), FORMS[normalise])

    def parameters(self) -> JSON:
        return {name: getattr(self, name) for name in ("local", "penalty", "gully", "normalise", "standardise")}

    def confidence(self, distances: DoubleArray) -> DoubleArray | None:
        """2 (1 - score), cut, of scores normalised as "path_mean": above .5 is a match, 0 where nothing was found."""
        return np.clip(2.0 * (1.0 - distances), 0.0, 1.0) if self.normalise == "path_mean" else None

    def path(self, a: AnyArray, b: AnyArray) -> IntArray:
        """(P, 2) pairs of steps along the best path of two series, (T,) or (T, F) arrays. Raises SeriesError."""
        first, second = Sequences.from_arrays([a]), Sequences.from_arrays([b])
        self.require(first, second)
        *_, backwards = kernels.match(self.prepared(first).data, self.prepared(second).data, self._form, np.inf)
        return backwards[::-1].copy()

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) scores of a[a_rows[i]] and b[b_rows[i]]; inf where above cutoffs[i]."""
        self.require(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        found = np.empty(len(first))
        x, x_rows = self.prepared_rows(a, first)
        y, y_rows = self.prepared_rows(b, second)
        kernels.pairs_kernel(x, x_rows, y, y_rows, self._form, limits, found)
        return found

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        self.require(queries, targets)
        found = Neighbours.none(len(queries), k)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        ends = stop_bounds(stop, wanted)
        y, places = self.prepared_rows(targets, wanted)
        kernels.rerank_kernel(self.prepared(queries), y, places, ends, self._form, (found.rows, found.distances))
        return Neighbours(rows_of_places(found.rows, places, wanted), found.distances)
