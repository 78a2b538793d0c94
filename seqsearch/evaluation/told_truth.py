"""Exact neighbours as a file of ann-benchmarks tells them: looked up there, not computed for minutes."""

from __future__ import annotations

import numpy as np

from ..arrays import IntArray
from ..distances import Neighbours
from ..errors import MismatchError, StrPath
from ..search import SequenceIndex
from ..sequences import Sequences
from ..sequences.readers.hdf5 import told_neighbours

_SAMPLE = 20  # queries whose neighbours are computed, to see that the file speaks of this index
_ROUNDING = 1e-5  # of the distances that the file's neighbours were chosen by


def told_truth(path: StrPath, index: SequenceIndex, queries: Sequences, k: int) -> Neighbours:
    """The k nearest of `queries`, the test vectors of an HDF5 file, among its train vectors, which `index` holds under
    their numbers from 1. Their distances are computed here.

    Raises MismatchError where the index lacks some of them, or where they are not the nearest for some queries that are
    compared with everything; ParseError as `told_neighbours`.
    """
    told = told_neighbours(path, k)
    if len(told) != len(queries):
        raise MismatchError(f"{path} holds the neighbours of {len(told)} queries, these are {len(queries)}")
    numbers, places = np.unique(told, return_inverse=True)
    names = [str(number + 1) for number in numbers.tolist()]
    held = index.holds(names)
    if not held.all():
        missing = names[int(np.argmin(held))]
        raise MismatchError(f"{path} names the vector {missing}, which {index.path} does not hold")
    owners: IntArray = np.repeat(np.arange(len(queries)), k)
    distances = index.distance.pairs(queries, owners, index.get(names), places.reshape(-1)).reshape(-1, k)
    order = np.argsort(distances, axis=1, kind="stable")
    truth = Neighbours(np.take_along_axis(told, order, axis=1), np.take_along_axis(distances, order, axis=1))
    _require_nearest(path, index, queries, truth)
    return truth


def _require_nearest(path: StrPath, index: SequenceIndex, queries: Sequences, truth: Neighbours) -> None:
    some = np.unique(np.linspace(0, len(queries) - 1, _SAMPLE).round().astype(np.int64))
    exact = index.search(queries[some], truth.k, exact=True).distances
    farther = truth.distances[some] > exact + _ROUNDING * (1 + np.abs(exact))
    if farther.any():
        name = queries.ids[int(some[np.argmax(farther.any(axis=1))])]
        problem = f"its neighbours of query {name} are not the nearest of what {index.path} holds"
        raise MismatchError(f"{path}: {problem}: evaluate without this truth")
