"""Levenshtein's edit distance: insertions, deletions and substitutions of one token cost 1 each."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import MismatchError, ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..threads import numba_threads
from . import edit_kernels, lanes
from .arguments import candidate_rows, pair_arguments, stop_bounds
from .coding import Coding
from .edit_exact import EditNeighbours, Pruning
from .neighbours import Neighbours, require_count, whole_neighbours
from .proof import Provable
from .vectors import LANES

# From this number of targets on, some lanes may stay empty and the vector form is still the faster.
_LANES_WORTHWHILE = 64


class EditDistance(Provable):
    """The edit distance between token sequences, on the columns themselves, over all cores."""

    name: Literal["edit"] = "edit"
    kind: Literal["tokens"] = "tokens"

    def parameters(self) -> dict[str, Any]:
        return {}

    def __repr__(self) -> str:
        return "EditDistance()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EditDistance)

    def __hash__(self) -> int:
        return hash(self.name)

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        """All distances, (len(a), len(b)) float64."""
        require_tokens(a, b)
        if len(a) > len(b):
            return np.ascontiguousarray(self.matrix(b, a).T)
        found = np.empty((len(a), len(b)))
        numba_threads()
        if len(b) < _LANES_WORTHWHILE:
            a_rows, b_rows = np.divmod(np.arange(found.size), max(len(b), 1))
            return self.pairs(a, a_rows, b, b_rows).reshape(found.shape)
        order = np.full(-(-len(b) // LANES) * LANES, -1, np.int64)
        order[: len(b)] = np.argsort(b.lengths, kind="stable")
        coding = Coding.of(b)
        packed = lanes.pack(coding.codes(b), b.offsets, order, coding.bits)
        lanes.matrix_kernel(
            coding.codes(a),
            a.offsets,
            packed.rows,
            packed.shortest,
            packed.longest,
            packed.planes,
            packed.starts,
            packed.columns,
            packed.bits,
            found,
        )
        return found

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) distances of a[a_rows[i]] and b[b_rows[i]]; inf where above cutoffs[i]."""
        require_tokens(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        found = np.empty(len(first))
        numba_threads()
        edit_kernels.pairs_kernel(a.data, a.offsets, first, b.data, b.offsets, second, limits, found)
        return found

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        """The k nearest among (Q, C) candidate rows, -1 padded, verified in the order given; see `Distance.rerank`."""
        require_tokens(queries, targets)
        require_count(k)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        ends = np.zeros((1, 1)) if stop is None else stop_bounds(stop, wanted)
        rows = np.full((len(queries), k), -1, np.int64)
        distances = np.full((len(queries), k), -1, np.int64)
        numba_threads()
        edit_kernels.rerank_kernel(
            queries.data,
            queries.offsets,
            targets.data,
            targets.offsets,
            wanted,
            ends,
            stop is not None,
            rows,
            distances,
        )
        return whole_neighbours(rows, distances)

    def exact_with_pruning(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, Pruning]:
        """`exact`, and how many pairs each bound ruled out. Keep a `searcher` to search a set more than once."""
        require_tokens(queries, targets)
        return self.searcher(targets, allowed).search(queries, k, progress=progress)

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> EditNeighbours:
        """The targets packed and counted once, for many searches. Raises MismatchError for series."""
        require_tokens(targets, targets)
        return EditNeighbours(targets, allowed)


def normalised(distances: AnyArray, a_lengths: IntArray, b_lengths: IntArray, form: str = "longest") -> DoubleArray:
    """Edit distances on a scale from 0 to 1; the three arrays broadcast, lengths are in tokens.

    `longest`: d / max(m, n), as rapidfuzz and most tools; `sum`: d / (m + n), as Levenshtein's ratio but with
    substitutions at cost 1; `metric`: 2 d / (m + n + d), which keeps the triangle inequality (Yujian and Bo 2007, "A
    normalized Levenshtein distance metric"). Raises ParameterError for another form.
    """
    d, m, n = np.broadcast_arrays(np.asarray(distances, np.float64), a_lengths, b_lengths)
    if form == "longest":
        share = d / np.maximum(np.maximum(m, n), 1)
    elif form == "sum":
        share = d / np.maximum(m + n, 1)
    elif form == "metric":
        share = 2 * d / np.maximum(m + n + d, 1)
    else:
        raise ParameterError(f"no normalised form {form!r}: choose one of longest, sum, metric")
    return np.asarray(share, np.float64)


def require_tokens(a: Sequences, b: Sequences) -> None:
    """Raise MismatchError unless both sets are tokens of the same alphabet."""
    a.require_same_kind(b)
    if a.kind != "tokens":
        raise MismatchError("the edit distance compares tokens, not series: use the distance dtw")
