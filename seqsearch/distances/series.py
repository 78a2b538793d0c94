"""What the distances of series share: their frames made ready, their parameters, the order of an answer."""

from __future__ import annotations

import numpy as np

from ..arrays import IntArray
from ..errors import ParameterError
from ..sequences import Sequences
from ..threads import numba_threads
from . import dtw_kernels
from .arguments import Columns
from .distance import Distance

LOCALS = {"squared": dtw_kernels.SQUARED, "absolute": dtw_kernels.ABSOLUTE, "cosine": dtw_kernels.COSINE}

_UNPRUNED = 0.05  # series that lower bounds leave to be compared


class SeriesDistance(Distance):
    """A distance of series by its `local` cost of two frames, each feature brought to one scale where `standardise`.

    Raises ParameterError for an unknown local cost.
    """

    kind = "series"

    def __init__(self, local: str, standardise: bool) -> None:
        if local not in LOCALS:
            raise ParameterError(f"no local cost {local!r}: choose one of {', '.join(LOCALS)}")
        self.local = local
        self.standardise = standardise

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        return others * verification * _UNPRUNED

    def prepared(self, sequences: Sequences) -> Columns:
        """(sum T, F) float64 frames of a set, standardised or of unit length as the distance asks."""
        first, last = sequences.offsets[0], sequences.offsets[-1]
        data = sequences.data[first:last].astype(np.float64)
        offsets = sequences.offsets - first
        numba_threads()
        if self.standardise or self.local == "cosine":
            dtw_kernels.prepare_kernel(data, offsets, self.standardise, self.local == "cosine")
        return Columns(data, offsets)

    def prepared_rows(self, sequences: Sequences, rows: IntArray) -> tuple[Columns, IntArray]:
        """`prepared` of a set that holds the sequences of `rows`, and where in it each of them is; -1 stays -1."""
        used, places = np.unique(rows, return_inverse=True)
        if 2 * len(used) > len(sequences):
            return self.prepared(sequences), rows
        without = int(len(used) > 0 and used[0] < 0)
        return self.prepared(sequences[used[without:]]), places.reshape(rows.shape) - without


def rows_of_places(found: IntArray, places: IntArray, wanted: IntArray) -> IntArray:
    """Rows of the targets for the places among those that were prepared; -1 stays -1."""
    table = np.full(int(places.max(initial=-1)) + 2, -1, np.int64)
    table[places[places >= 0]] = wanted[places >= 0]
    rows: IntArray = table[found]
    return rows
