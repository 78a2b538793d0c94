"""Lossless nearest neighbours under the infix distance.

The q-grams that a target lacks bound its distance from below (gram_lists.py). Targets come in the order of that bound,
and are measured a vector at a time (infix_kernels.py) until the bound passes the k-th distance found.
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..jit import kernel, popcount
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import numba_threads
from .arguments import Columns, allowed_rows, columns_of
from .edit_kernels import place
from .edit_rerank import query_of
from .gram_lists import Grams, digits_of, grams_of, lacking, lacking_exactly
from .infix_kernels import distances_to, lanes_for
from .neighbours import Neighbours, Pruning, unfilled, whole_neighbours

_QUERIES_A_STEP = 256
_FAR = np.iinfo(np.int32).max  # farther than any distance
_BOUND = "absent q-grams"
_MEASURED, _ENTERED = 0, 1  # places of a tally


class InfixNeighbours:
    """Targets made ready for lossless search: `search` may be called many times.

    `allowed`, (len(targets),) bool, leaves targets out. Memory: at most 4 bytes a symbol of the targets, much less
    where they have q-grams in common.
    """

    def __init__(self, targets: Sequences, allowed: BoolArray | None = None) -> None:
        numba_threads()
        self.targets = targets
        self._rows = allowed_rows(allowed, len(targets))
        self._grams = grams_of(targets, self._rows)

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the bound ruled out; see `Searcher`."""
        self.targets.require_same_kind(queries)
        rows, distances = unfilled(len(queries), k, -1)
        tally = np.zeros((len(queries), 2), np.int64)
        limits = np.full(len(queries), _FAR) if within is None else np.minimum(within, _FAR).astype(np.int64)
        numba_threads()
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), _QUERIES_A_STEP):
                part = queries[first : first + _QUERIES_A_STEP]
                step = slice(first, first + len(part))
                targets, found = columns_of(self.targets), (rows[step], distances[step], tally[step])
                search_kernel(columns_of(part), targets, self._rows, self._grams, limits[step], *found)
                task.advance(len(part))
        pairs = len(queries) * len(self._rows)
        measured, entered = tally.sum(axis=0).tolist()
        return whole_neighbours(rows, distances), Pruning(pairs, entered, {_BOUND: pairs - measured})


@kernel()
def _entered(rows: IntArray, distances: IntArray, held: int, some: IntArray, found: IntArray, limit: int) -> int:
    """Enter what is near enough of `some` rows at the distances `found`; returns how many more have entered."""
    k, entered = len(rows), 0
    for i in range(len(some)):
        now = min(k, held + entered)
        worst = distances[k - 1] if now == k else limit
        if now == k and some[i] > rows[k - 1]:
            worst -= 1
        if found[i] <= min(worst, limit):
            place(rows, distances, now, some[i], found[i])
            entered += 1
    return entered


@kernel(parallel=True)
def search_kernel(
    queries: Columns,
    targets: Columns,
    members: IntArray,
    grams: Grams,
    limits: IntArray,
    rows: IntArray,
    distances: IntArray,
    tally: IntArray,
) -> None:
    """Fill `rows` and `distances`, (Q, k), -1 before: the nearest of the targets `members`, ascending rows."""
    data, offsets = queries
    k = rows.shape[1]
    for q in numba.prange(len(offsets) - 1):
        m = offsets[q + 1] - offsets[q]
        query = query_of(data, offsets[q], offsets[q + 1])
        digits = digits_of(grams, m)
        planes = lacking(grams, data, offsets[q], offsets[q + 1], digits)
        some, found = np.empty(lanes_for(m), np.int64), np.empty(lanes_for(m), np.int64)
        own_rows, own_distances = rows[q], distances[q]
        limit = limits[q]
        waiting = entered = 0
        for count in range(1 << digits):
            worst = own_distances[k - 1] if entered >= k else limit
            if count > min(worst, limit):
                break
            for word in range((len(members) + 63) >> 6):
                bits = lacking_exactly(planes, digits, word, count)
                while bits:
                    lane = 64 * word + popcount((bits & (~bits + np.uint64(1))) - np.uint64(1))
                    bits &= bits - np.uint64(1)
                    if lane >= len(members):
                        break
                    row = members[lane]
                    if entered >= k and (
                        count > own_distances[k - 1] or (count == own_distances[k - 1] and row > own_rows[k - 1])
                    ):
                        break
                    some[waiting] = row
                    waiting += 1
                    if waiting == len(some):
                        worst = min(own_distances[k - 1], limit) if entered >= k else limit
                        distances_to(query, targets, some, worst, found)
                        entered += _entered(own_rows, own_distances, min(entered, k), some, found, limit)
                        tally[q, 0] += waiting
                        waiting = 0
        if waiting:
            worst = min(own_distances[k - 1], limit) if entered >= k else limit
            distances_to(query, targets, some[:waiting], worst, found[:waiting])
            entered += _entered(own_rows, own_distances, min(entered, k), some[:waiting], found[:waiting], limit)
            tally[q, 0] += waiting
        tally[q, 1] = entered
