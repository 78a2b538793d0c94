"""Classic dynamic time warping as a `Distance`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from . import dtw_bounds, dtw_kernels
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

# Bounds held in memory at once, 8 bytes each.
_BOUNDS_A_STEP = 8 << 20


@dataclass(frozen=True)
class SeriesPruning:
    """What became of all pairs of a lossless search: ruled out by exactly one bound, or verified.

    `kim`, `keogh`: by the greater of LB_Kim and LB_Keogh; `improved`: by LB_Improved; `cutoff`: given up in the
    recursion, or above the k-th distance of that moment; `entered`: then one of the k nearest.
    """

    pairs: int
    kim: int
    keogh: int
    improved: int
    cutoff: int
    entered: int

    @property
    def verified(self) -> int:
        """Pairs that entered the recursion."""
        return self.cutoff + self.entered

    def __str__(self) -> str:
        named = (
            ("LB_Kim", self.kim),
            ("LB_Keogh", self.keogh),
            ("LB_Improved", self.improved),
            ("cutoff", self.cutoff),
        )
        parts = ", ".join(f"{name} {count / max(self.pairs, 1):.2%}" for name, count in named)
        return f"{self.pairs:,} pairs: ruled out by {parts}; entered {self.entered:,}"


class DTWDistance(SeriesDistance):
    """Classic dynamic time warping between series of any length, with the same number of features.

    `local`: cost of two frames, summed over features ("squared" or "absolute" differences) or "cosine", 1 - cosine (a
    frame of zeros is at 1 from any other). The distance is the *sum* of the costs along the best path, as in aeon; with
    `root` its square root, as in dtaidistance and tslearn. `window`: the Sakoe-Chiba band reaches int(window * shorter
    length) steps beyond the diagonals through both corners, None is no band. `slope`: Itakura's parallelogram with this
    greatest slope, >= 1. `standardise`: each feature of each series is brought to mean 0 and deviation 1 first; a
    constant becomes zeros. Raises ParameterError for a value outside its range.
    """

    name: Literal["dtw"] = "dtw"
    kind: Literal["series"] = "series"

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

    def parameters(self) -> dict[str, Any]:
        return {
            "local": self.local,
            "window": self.window,
            "slope": self.slope,
            "root": self.root,
            "standardise": self.standardise,
        }

    # -- the parameters as kernels take them -----------------------------------------------------------------------

    @property
    def _form(self) -> tuple[int, float, float]:
        window = -1.0 if self.window is None else float(self.window)
        return LOCALS[self.local], window, 0.0 if self.slope is None else float(self.slope)

    def _told(self, sums: DoubleArray) -> DoubleArray:
        return np.sqrt(sums) if self.root else sums

    def _untold(self, distances: DoubleArray) -> DoubleArray:
        return np.square(distances) if self.root else distances

    # -- the Distance protocol -------------------------------------------------------------------------------------

    def between(self, a: Any, b: Any) -> float:
        """The distance of two series, (T,) or (T, F) arrays. Raises SeriesError and EmptySequenceError."""
        x, y = _columns(a), _columns(b)
        if self.standardise or self.local == "cosine" or x.shape[1:] != y.shape[1:] or x.ndim != 2:
            x, y = frames_of(a, "first", *self._changes), frames_of(b, "second", *self._changes)
            require_features(x, y)
        found = float(dtw_kernels.pair(x, y, *self._form))
        if np.isnan(found):
            frames_of(a, "first", False, False)
            frames_of(b, "second", False, False)
        return math.sqrt(found) if self.root else found

    def path(self, a: Any, b: Any) -> tuple[float, IntArray]:
        """(distance, path) of two series; path: (P, 2) pairs of steps, from (0, 0) to the last of both.

        Of equal predecessors the diagonal one is taken first, then the one before in `a`.
        """
        x, y = frames_of(a, "first", *self._changes), frames_of(b, "second", *self._changes)
        require_features(x, y)
        found, path = dtw_kernels.path_of(x, y, *self._form)
        return (float(np.sqrt(found)) if self.root else float(found)), path

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) distances of a[a_rows[i]] and b[b_rows[i]]; inf where above cutoffs[i]."""
        require_series(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        sums = np.where(limits < 0, -1.0, self._untold(limits))
        found = np.empty(len(first))
        x, x_offsets, x_rows = prepared_rows(a, first, *self._changes)
        y, y_offsets, y_rows = prepared_rows(b, second, *self._changes)
        local, window, slope = self._form
        dtw_kernels.pairs_kernel(x, x_offsets, x_rows, y, y_offsets, y_rows, local, window, slope, sums, found)
        return self._told(found)

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        """The k nearest among (Q, C) candidate rows, -1 padded, verified in the order given; see `Distance.rerank`."""
        require_series(queries, targets)
        require_count(k)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        ends = np.zeros((1, 1)) if stop is None else self._untold(stop_bounds(stop, wanted))
        x, x_offsets = self.prepared(queries)
        y, y_offsets, places = prepared_rows(targets, wanted, *self._changes)
        rows, distances = empty_answer(len(queries), k)
        local, window, slope = self._form
        dtw_kernels.rerank_kernel(
            x, x_offsets, y, y_offsets, places, ends, stop is not None, local, window, slope, rows, distances
        )
        return Neighbours(rows_of_places(rows, places, wanted), self._told(distances))

    def exact_with_pruning(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, SeriesPruning]:
        """`exact`, and how many pairs each bound ruled out."""
        require_series(queries, targets)
        require_count(k)
        chosen = allowed_rows(allowed, len(targets))
        chosen = chosen[np.argsort(targets.lengths[chosen], kind="stable")]
        rows, distances = empty_answer(len(queries), k)
        tally = np.zeros((len(queries), 5), np.int64)
        x, offsets = self.prepared(queries)
        y, y_offsets = self.prepared(targets)
        local, window, slope = self._form
        step = max(4, min(64, _BOUNDS_A_STEP // max(len(chosen), 1)))
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), step):
                last = min(len(queries), first + step)
                bounds = np.empty((last - first, len(chosen)))
                by_kim = np.empty(bounds.shape, np.bool_)
                part = offsets[first : last + 1]
                dtw_bounds.bounds_kernel(x, part, y, y_offsets, chosen, local, window, bounds, by_kim)
                dtw_bounds.exact_kernel(
                    x,
                    part,
                    y,
                    y_offsets,
                    chosen,
                    local,
                    window,
                    slope,
                    bounds,
                    by_kim,
                    rows[first:last],
                    distances[first:last],
                    tally[first:last],
                )
                task.advance(last - first)
        pruning = SeriesPruning(len(queries) * len(chosen), *map(int, tally.sum(axis=0)))
        return Neighbours(rows, self._told(distances)), pruning


def _columns(series: Any) -> DoubleArray:
    frames = np.ascontiguousarray(series, np.float64)
    return frames[:, None] if frames.ndim == 1 else frames
