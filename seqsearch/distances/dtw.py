"""Classic dynamic time warping as a `Distance`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..errors import EmptySequenceError, MismatchError, ParameterError, SeriesError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import numba_threads
from . import dtw_bounds, dtw_kernels
from .arguments import allowed_rows, candidate_rows, pair_arguments, stop_bounds
from .neighbours import Neighbours, require_count
from .proof import Provable

LOCALS = {"squared": dtw_kernels.SQUARED, "absolute": dtw_kernels.ABSOLUTE, "cosine": dtw_kernels.COSINE}

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
            ("LB_Kim", self.kim), ("LB_Keogh", self.keogh), ("LB_Improved", self.improved), ("cutoff", self.cutoff),
        )  # fmt: skip
        parts = ", ".join(f"{name} {count / max(self.pairs, 1):.2%}" for name, count in named)
        return f"{self.pairs:,} pairs: ruled out by {parts}; entered {self.entered:,}"


class DTWDistance(Provable):
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
        self, *, local: str = "squared", window: float | None = None, slope: float | None = None, root: bool = False,
        standardise: bool = False,
    ) -> None:  # fmt: skip
        if local not in LOCALS:
            raise ParameterError(f"no local cost {local!r}: choose one of {', '.join(LOCALS)}")
        if window is not None and not 0 <= window <= 1:
            raise ParameterError(f"window must be a share from 0 to 1 of the shorter series, not {window}")
        if slope is not None and not 1 <= slope < np.inf:
            raise ParameterError(f"slope must be at least 1, not {slope}")
        self.local, self.window, self.slope, self.root, self.standardise = local, window, slope, root, standardise

    def parameters(self) -> dict[str, Any]:
        return {
            "local": self.local, "window": self.window, "slope": self.slope, "root": self.root,
            "standardise": self.standardise,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"DTWDistance({', '.join(f'{name}={value!r}' for name, value in self.parameters().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTWDistance) and self.parameters() == other.parameters()

    def __hash__(self) -> int:
        return hash(tuple(self.parameters().values()))

    # -- the parameters as kernels take them -----------------------------------------------------------------------

    @property
    def _form(self) -> tuple[int, float, float]:
        window = -1.0 if self.window is None else float(self.window)
        return LOCALS[self.local], window, 0.0 if self.slope is None else float(self.slope)

    def prepared(self, sequences: Sequences) -> tuple[DoubleArray, IntArray]:
        """((sum T, F) float64 frames, offsets) of a set, standardised or of unit length as the distance asks."""
        return prepared(sequences, *self._changes)

    @property
    def _changes(self) -> tuple[bool, bool]:
        return self.standardise, self.local == "cosine"

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

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        """All distances, (len(a), len(b)) float64."""
        a_rows, b_rows = np.divmod(np.arange(len(a) * len(b)), max(len(b), 1))
        return self.pairs(a, a_rows, b, b_rows).reshape(len(a), len(b))

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
        self, queries: Sequences, targets: Sequences, k: int, *, allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, SeriesPruning]:  # fmt: skip
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
                    x, part, y, y_offsets, chosen, local, window, slope, bounds, by_kim, rows[first:last],
                    distances[first:last], tally[first:last],
                )  # fmt: skip
                task.advance(last - first)
        pruning = SeriesPruning(len(queries) * len(chosen), *map(int, tally.sum(axis=0)))
        return Neighbours(rows, self._told(distances)), pruning


def prepared(sequences: Sequences, standardise: bool, unit: bool) -> tuple[DoubleArray, IntArray]:
    """((sum T, F) float64 frames, offsets) of a set, standardised and with frames of unit length where asked for."""
    first, last = sequences.offsets[0], sequences.offsets[-1]
    data = sequences.data[first:last].astype(np.float64)
    offsets = sequences.offsets - first
    numba_threads()
    if standardise or unit:
        dtw_kernels.prepare_kernel(data, offsets, standardise, unit)
    return data, offsets


def prepared_rows(
    sequences: Sequences, rows: IntArray, standardise: bool, unit: bool
) -> tuple[DoubleArray, IntArray, IntArray]:
    """`prepared` of a set that holds the sequences of `rows`, and where in it each of them is; -1 stays -1."""
    used, places = np.unique(rows, return_inverse=True)
    if 2 * len(used) > len(sequences):
        return *prepared(sequences, standardise, unit), rows
    without = int(len(used) > 0 and used[0] < 0)
    return *prepared(sequences[used[without:]], standardise, unit), places.reshape(rows.shape) - without


def frames_of(series: Any, which: str, standardise: bool, unit: bool) -> DoubleArray:
    """A (T,) or (T, F) array as prepared (T, F) float64 frames. Raises SeriesError and EmptySequenceError."""
    frames = np.array(series, np.float64)
    frames = frames[:, None] if frames.ndim == 1 else frames
    if frames.ndim != 2:
        raise SeriesError(f"the {which} series has shape {np.shape(series)}, not (T,) or (T, F)")
    if len(frames) == 0:
        raise EmptySequenceError(f"the {which} series is empty")
    if not np.isfinite(frames).all():
        step, feature = np.argwhere(~np.isfinite(frames))[0]
        raise SeriesError(f"the {which} series has {frames[step, feature]} at step {step + 1}")
    dtw_kernels.prepare(frames, standardise, unit)
    return frames


def _columns(series: Any) -> DoubleArray:
    frames = np.ascontiguousarray(series, np.float64)
    return frames[:, None] if frames.ndim == 1 else frames


def require_features(x: DoubleArray, y: DoubleArray) -> None:
    """Raise SeriesError unless two (T, F) arrays have as many features."""
    if x.shape[1] != y.shape[1]:
        raise SeriesError(f"series of {x.shape[1]} and of {y.shape[1]} features cannot be compared")


def empty_answer(queries: int, k: int) -> tuple[IntArray, DoubleArray]:
    """(rows, distances) that hold no neighbour yet."""
    return np.full((queries, k), -1, np.int64), np.full((queries, k), np.inf)


def rows_of_places(found: IntArray, places: IntArray, wanted: IntArray) -> IntArray:
    """Rows of the targets for the places among those that were prepared; -1 stays -1."""
    table = np.full(int(places.max(initial=-1)) + 2, -1, np.int64)
    table[places[places >= 0]] = wanted[places >= 0]
    rows: IntArray = table[found]
    return rows


def require_series(a: Sequences, b: Sequences) -> None:
    """Raise MismatchError unless both sets are series of as many features."""
    a.require_same_kind(b)
    if a.kind != "series":
        raise MismatchError("dynamic time warping compares series, not tokens: use the distance edit")
