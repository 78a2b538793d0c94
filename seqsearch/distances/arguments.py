"""The arrays that every distance takes, and checks of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Sequences


class Columns(NamedTuple):
    """A set as kernels take it: sequence i is data[offsets[i]:offsets[i + 1]].

    Kernels take such tuples of arrays, and unpack one before a parallel loop that writes to it: numba leaves out a loop
    that only writes through an attribute.
    """

    data: AnyArray
    offsets: IntArray


Found = tuple[IntArray, DoubleArray]
"""(Q, k) rows and distances, which a kernel fills: -1 and inf before."""


def columns_of(sequences: Sequences) -> Columns:
    """The columns of a set, as they are."""
    return Columns(sequences.data, sequences.offsets)


def rows_within(rows: IntArray, count: int, name: str) -> IntArray:
    """`rows` as int64. Raises ParameterError naming one that is outside 0..count-1."""
    checked = np.ascontiguousarray(rows, np.int64)
    if checked.size and (checked.min() < 0 or checked.max() >= count):
        wrong = checked[(checked < 0) | (checked >= count)].ravel()[0]
        raise ParameterError(f"{name}: row {wrong} is outside 0..{count - 1}")
    return checked


def candidate_rows(candidates: IntArray, queries: int, targets: int) -> IntArray:
    """(Q, C) candidates as int64, each -1 or a row of the targets. Raises ParameterError."""
    checked = np.ascontiguousarray(candidates, np.int64)
    if checked.ndim != 2 or len(checked) != queries:
        raise ParameterError(f"candidates of shape {checked.shape} do not fit {queries} queries")
    if checked.size and (checked.min() < -1 or checked.max() >= targets):
        wrong = checked[(checked < -1) | (checked >= targets)][0]
        raise ParameterError(f"candidates: row {wrong} is outside 0..{targets - 1}")
    return checked


def stop_bounds(stop: DoubleArray | None, candidates: IntArray) -> DoubleArray:
    """`stop` as float64, in the shape of the candidates, or (0, 0) for None. Raises ParameterError."""
    if stop is None:
        return np.zeros((0, 0))
    checked = np.ascontiguousarray(stop, np.float64)
    if checked.shape != candidates.shape:
        raise ParameterError(f"stop of shape {checked.shape} does not fit candidates of shape {candidates.shape}")
    return checked


def pair_arguments(
    a_rows: IntArray, a_count: int, b_rows: IntArray, b_count: int, cutoffs: DoubleArray | None
) -> tuple[IntArray, IntArray, DoubleArray]:
    """The three as (m,) arrays, cutoffs inf where None. Raises ParameterError when they do not fit."""
    first, second = rows_within(a_rows, a_count, "a_rows"), rows_within(b_rows, b_count, "b_rows")
    if first.shape != second.shape or first.ndim != 1:
        raise ParameterError(f"a_rows of shape {first.shape} do not pair with b_rows of shape {second.shape}")
    limits = np.full(len(first), np.inf) if cutoffs is None else np.asarray(cutoffs, np.float64)
    if limits.shape != first.shape:
        raise ParameterError(f"cutoffs of shape {limits.shape} do not fit {len(first)} pairs")
    if np.isnan(limits).any():
        raise ParameterError("a cutoff is not a number")
    return first, second, limits


def allowed_rows(allowed: BoolArray | None, count: int) -> IntArray:
    """The rows a mask over `count` rows leaves, all for None. Raises ParameterError for a mask of another shape."""
    if allowed is None:
        return np.arange(count)
    mask = np.asarray(allowed)
    if mask.shape != (count,) or mask.dtype != np.bool_:
        raise ParameterError(f"allowed must be a mask over {count} rows, not {mask.dtype} of shape {mask.shape}")
    return np.flatnonzero(mask)
