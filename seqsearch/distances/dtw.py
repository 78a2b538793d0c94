"""Classic dynamic time warping as a `Distance`."""

from __future__ import annotations

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from . import dtw_bounds, dtw_kernels, dtw_many
from .arguments import Columns, allowed_rows, candidate_rows, pair_arguments, stop_bounds
from .distance import LEAST_COST, Ranker
from .dtw_paths import path_of
from .dtw_ranking import KeoghRanker
from .neighbours import Neighbours, Pruning
from .series import LOCALS, SeriesDistance, rows_of_places

_BOUNDS = ("LB_Kim", "LB_Keogh", "LB_Improved")
_BOUNDS_A_STEP = 8 << 20  # held in memory at once, 8 bytes each
_NARROW = 0.3  # a band, as a share of the length, beyond which envelopes tell little
_RANKED = 1 << 26  # numbers of all targets that are kept beside their envelopes
_CELL = 0.001  # of the recursion, in candidates proposed: 8 pairs at once
_BOUND_STEP, _UNPRUNED = 0.0025, 0.1  # of a target that is ruled out; targets that are not
_RANKED_STEP = 0.0075  # of a candidate that is ranked by what is outside of envelopes
_ROUNDING = 1e-12  # what is just within a radius is not lost to the rounding of its square or cosine


class DTWDistance(SeriesDistance):
    """Classic dynamic time warping between series of any length, with the same number of features.

    `local`: cost of two frames, summed over features ("squared" or "absolute" differences) or "cosine", 1 - cosine (a
    frame of zeros is at 1 from any other). The distance is the *sum* of the costs along the best path, as in aeon; with
    `root` its square root, as in dtaidistance and tslearn. `window`: the Sakoe-Chiba band reaches int(window * shorter
    length) steps beyond the diagonals through both corners, None is no band. `slope`: Itakura's parallelogram with this
    greatest slope, >= 1. `standardise`: each feature of each series is brought to mean 0 and deviation 1 first; a
    constant becomes zeros. Raises ParameterError for a value outside its range.
    """

    name = "dtw"
    ranked_by = "bounds"

    def __init__(
        self,
        *,
        local: str = "squared",
        window: float | None = None,
        slope: float | None = None,
        root: bool = False,
        standardise: bool = False,
    ) -> None:
        if window is not None and not 0 <= window <= 1:
            raise ParameterError(f"window must be a share from 0 to 1 of the shorter series, not {window}")
        if slope is not None and not 1 <= slope < np.inf:
            raise ParameterError(f"slope must be at least 1, not {slope}")
        super().__init__(local, standardise)
        self.window, self.slope, self.root = window, slope, root
        band = -1.0 if window is None else float(window)
        self._form = dtw_kernels.Form(LOCALS[local], band, 0.0 if slope is None else float(slope))

    def parameters(self) -> JSON:
        return {name: getattr(self, name) for name in ("local", "window", "slope", "root", "standardise")}

    @property
    def power(self) -> float:
        return 2.0 if self.local != "absolute" and not self.root else 1.0

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        found = np.empty(len(first))
        x, x_rows = self.prepared_rows(a, first)
        y, y_rows = self.prepared_rows(b, second)
        dtw_many.pairs_kernel(x, x_rows, y, y_rows, self._form, self._sums(limits), found)
        return self._distances(found)

    def path(self, a: AnyArray, b: AnyArray) -> IntArray:
        """(P, 2) pairs of steps along a best path of two series, (T,) or (T, F) arrays. Raises SeriesError, and
        MismatchError for unlike numbers of features."""
        first, second = Sequences.from_arrays([a]), Sequences.from_arrays([b])
        self.require(first, second)
        return path_of(self.prepared(first).data, self.prepared(second).data, self._form)

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        self.require(queries, targets)
        found = Neighbours.none(len(queries), k)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        ends = self._sums(stop_bounds(stop, wanted))
        y, places = self.prepared_rows(targets, wanted)
        dtw_many.rerank_kernel(self.prepared(queries), y, places, ends, self._form, (found.rows, found.distances))
        return Neighbours(rows_of_places(found.rows, places, wanted), self._distances(found.distances))

    def ranks(self, targets: Sequences) -> bool:
        """Within a band, where all series have one length, and not more of them than are kept in memory thrice."""
        banded = self.window is not None and self.window <= _NARROW and self.slope is None
        return banded and 0 < targets.steps <= _RANKED and int(np.ptp(targets.lengths)) == 0

    def ranker(self, targets: Sequences) -> Ranker:
        return KeoghRanker(self, self._form, targets) if self.ranks(targets) else super().ranker(targets)

    def ranking_cost(self, lengths: IntArray) -> float:
        return max(LEAST_COST, float(lengths.mean()) * _RANKED_STEP)

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """By the cells of the band, of pairs side by side."""
        mean = float(lengths.mean())
        width = mean if self.window is None else min(mean, 2 * self.window * mean + 1)
        return max(LEAST_COST, mean * width * _CELL)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        return others * (float(lengths.mean()) * _BOUND_STEP + verification * _UNPRUNED)

    def proof_cost(self, lengths: IntArray, reach: float, compared: float) -> float:
        return float(lengths.mean()) * _BOUND_STEP + compared * self.verification_cost(lengths, reach)

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> DTWNeighbours:
        self.require(targets)
        return DTWNeighbours(self, targets, allowed)

    def _distances(self, sums: DoubleArray) -> DoubleArray:
        return np.sqrt(sums) if self.root else sums

    def _sums(self, distances: DoubleArray) -> DoubleArray:
        return np.where(distances < 0, -1.0, np.square(distances)) if self.root else distances


class DTWNeighbours:
    """Series made ready for lossless search by lower bounds: `search` may be called many times."""

    def __init__(self, distance: DTWDistance, targets: Sequences, allowed: BoolArray | None = None) -> None:
        chosen = allowed_rows(allowed, len(targets))
        self.distance, self.targets = distance, targets
        self._chosen = chosen[np.argsort(targets.lengths[chosen], kind="stable")]
        self._prepared = distance.prepared(targets)

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the bounds ruled out; see `Searcher`.

        `within` is the cutoff from the start.
        """
        distance, form = self.distance, self.distance._form
        distance.require(queries, self.targets)
        found = Neighbours.none(len(queries), k)
        tally = np.zeros((len(queries), len(_BOUNDS) + 2), np.int64)
        radii = np.full(len(queries), np.inf) if within is None else np.asarray(within, np.float64)
        slack = _ROUNDING if distance.local == "cosine" else 0.0  # 1 - cosine of equal frames may be below 0
        limits = distance._sums(radii) * (1 + _ROUNDING) + slack
        x, offsets = distance.prepared(queries)
        step = max(4, min(64, _BOUNDS_A_STEP // max(len(self._chosen), 1)))
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), step):
                part = slice(first, min(len(queries), first + step))
                asked = Columns(x, offsets[first : part.stop + 1])
                shape = (part.stop - first, len(self._chosen))
                bounds = dtw_bounds.Bounds(np.empty(shape), np.empty(shape, np.bool_))
                dtw_bounds.bounds_kernel(asked, self._prepared, self._chosen, form, bounds)
                answers = dtw_bounds.Found(found.rows[part], found.distances[part], limits[part], tally[part])
                dtw_bounds.exact_kernel(asked, self._prepared, self._chosen, form, bounds, answers)
                task.advance(shape[0])
        *ruled_out, _, entered = tally.sum(axis=0).tolist()
        pruning = Pruning(len(queries) * len(self._chosen), entered, dict(zip(_BOUNDS, ruled_out, strict=True)))
        return Neighbours(found.rows, distance._distances(found.distances)).within(within), pruning
