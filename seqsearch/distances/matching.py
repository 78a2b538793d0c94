"""The matching form of dynamic time warping as a `Distance`: is one series (a part of) a version of the other?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from . import matching_kernels as kernels
from .arguments import allowed_rows, candidate_rows, pair_arguments, stop_bounds
from .neighbours import Neighbours, require_count
from .series import (
    LOCALS,
    SeriesDistance,
    empty_answer,
    frames_of,
    prepared_rows,
    require_features,
    require_series,
    rows_of_places,
)

FORMS = {"none": kernels.RAW, "path": kernels.PER_STEP, "path_mean": kernels.PER_STEP_AND_MEAN}

_QUERIES_A_STEP = 8


@dataclass(frozen=True)
class Match:
    """How two series match: the score, the raw cost of the path, its (P, 2) steps, and the penalty that was used."""

    distance: float
    cost: float
    path: IntArray
    penalty: float

    @property
    def confidence(self) -> float:
        """max(0, min(2 (1 - score), 1)), meant for the normalisation "path_mean"; above 0.5 is a match."""
        return float(confidence(np.array(self.distance)))


def confidence(scores: AnyArray) -> DoubleArray:
    """The confidence in 0..1 of "path_mean" scores, of any shape."""
    kept: DoubleArray = np.clip(2.0 * (1.0 - np.asarray(scores, np.float64)), 0.0, 1.0)
    return kept


class MatchingDTW(SeriesDistance):
    """Dynamic time warping that matches (Raffel 2016, chapter 4): see matching_kernels.py for the recursion.

    `local`: "cosine", "squared" or "absolute"; `penalty`: of every step that is not diagonal, a number >= 0 or
    "median", the median local cost of the pair; `gully`: the share of the shorter series that must be covered, 0..1;
    `normalise`: "path_mean", the cost over the cells of the path and the mean cost of the submatrix that bounds it,
    "path", over its cells, or "none"; `standardise` as in `DTWDistance`. The score is a sum or a mean of costs, never
    a root.
    """

    name: Literal["dtw-matching"] = "dtw-matching"
    kind: Literal["series"] = "series"

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

    def parameters(self) -> dict[str, Any]:
        return {
            "local": self.local,
            "penalty": self.penalty,
            "gully": self.gully,
            "normalise": self.normalise,
            "standardise": self.standardise,
        }

    @property
    def _form(self) -> tuple[int, float, float, int]:
        penalty = -1.0 if isinstance(self.penalty, str) else float(self.penalty)
        return LOCALS[self.local], penalty, float(self.gully), FORMS[self.normalise]

    def match(self, a: Any, b: Any) -> Match:
        """How two series, (T,) or (T, F) arrays, match. Raises SeriesError and EmptySequenceError."""
        x, y = frames_of(a, "first", *self._changes), frames_of(b, "second", *self._changes)
        require_features(x, y)
        score, cost, penalty, backwards = kernels.match(x, y, *self._form, np.inf)
        return Match(float(score), float(cost), backwards[::-1].copy(), float(penalty))

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) scores of a[a_rows[i]] and b[b_rows[i]]; inf where above cutoffs[i]."""
        require_series(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        found = np.empty(len(first))
        x, x_offsets, x_rows = prepared_rows(a, first, *self._changes)
        y, y_offsets, y_rows = prepared_rows(b, second, *self._changes)
        local, penalty, gully, form = self._form
        kernels.pairs_kernel(x, x_offsets, x_rows, y, y_offsets, y_rows, local, penalty, gully, form, limits, found)
        return found

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        """The k least scores among (Q, C) candidate rows, -1 padded, verified in the order given."""
        return self._rerank(queries, targets, candidates, k, stop)[0]

    def exact_with_pruning(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, int]:
        """`exact`, and the number of pairs that the bound ruled out before their recursion."""
        require_series(queries, targets)
        require_count(k)
        chosen = allowed_rows(allowed, len(targets))
        rows, distances = empty_answer(len(queries), k)
        pruned = 0
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES_A_STEP):
                part = queries[first : first + _QUERIES_A_STEP]
                found, ruled_out = self._rerank(part, targets, np.tile(chosen, (len(part), 1)), k, None)
                rows[first : first + len(part)], distances[first : first + len(part)] = found.rows, found.distances
                pruned += ruled_out
                task.advance(len(part))
        return Neighbours(rows, distances), pruned

    def _rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, stop: DoubleArray | None
    ) -> tuple[Neighbours, int]:
        require_series(queries, targets)
        require_count(k)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        ends = np.zeros((1, 1)) if stop is None else stop_bounds(stop, wanted)
        x, x_offsets = self.prepared(queries)
        y, y_offsets, places = prepared_rows(targets, wanted, *self._changes)
        rows, distances = empty_answer(len(queries), k)
        pruned = np.zeros(len(queries), np.int64)
        local, penalty, gully, form = self._form
        kernels.rerank_kernel(
            x,
            x_offsets,
            y,
            y_offsets,
            places,
            ends,
            stop is not None,
            local,
            penalty,
            gully,
            form,
            rows,
            distances,
            pruned,
        )
        return Neighbours(rows_of_places(rows, places, wanted), distances), int(pruned.sum())
