"""What the distances of series share: their frames made ready, their parameters, the order of an answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..errors import EmptySequenceError, MismatchError, ParameterError, SeriesError
from ..sequences import Sequences
from ..threads import numba_threads
from . import dtw_kernels
from .proof import Provable

LOCALS = {"squared": dtw_kernels.SQUARED, "absolute": dtw_kernels.ABSOLUTE, "cosine": dtw_kernels.COSINE}


class SeriesDistance(Provable):
    """A distance of series by its `local` cost of two frames, each feature brought to one scale where `standardise`.

    Two distances with the same parameters are equal. Raises ParameterError for an unknown local cost.
    """

    def __init__(self, local: str, standardise: bool) -> None:
        if local not in LOCALS:
            raise ParameterError(f"no local cost {local!r}: choose one of {', '.join(LOCALS)}")
        self.local = local
        self.standardise = standardise

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """JSON values from which `distance_named(name, **parameters)` makes an equal distance."""

    @abstractmethod
    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) distances of a[a_rows[i]] and b[b_rows[i]]; inf where above cutoffs[i]."""

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        """All distances, (len(a), len(b)) float64."""
        a_rows, b_rows = np.divmod(np.arange(len(a) * len(b)), max(len(b), 1))
        return self.pairs(a, a_rows, b, b_rows).reshape(len(a), len(b))

    def prepared(self, sequences: Sequences) -> tuple[DoubleArray, IntArray]:
        """((sum T, F) float64 frames, offsets) of a set, standardised or of unit length as the distance asks."""
        return prepared(sequences, *self._changes)

    @property
    def _changes(self) -> tuple[bool, bool]:
        return self.standardise, self.local == "cosine"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.parameters().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.parameters() == other.parameters()

    def __hash__(self) -> int:
        return hash(tuple(self.parameters().values()))


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
