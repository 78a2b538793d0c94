"""How far an alignment agrees with another of the same sequences (Thompson, Plewniak and Poch, NAR 27, 1999)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import MismatchError


def agreement(rows: Sequence[str], reference: Sequence[str]) -> tuple[float, float]:
    """(Q, TC): the share of pairs of letters aligned in the `reference` that `rows` align too, and of its columns with
    two letters or more that `rows` have whole, no letter left out.

    Row i of both holds the same letters; gaps are `-` or `.`, upper and lower case are one. Both are 1 where the
    reference aligns nothing. Raises MismatchError for rows of different sequences.
    """
    test, there = _places(rows), _places(reference)
    if len(test) != len(there):
        raise MismatchError(f"{len(rows)} rows are not those of a reference of {len(reference)}")
    for number, (one, other) in enumerate(zip(rows, reference, strict=True), start=1):
        if _bare(one) != _bare(other):
            raise MismatchError(f"row {number} holds other letters than row {number} of the reference")
    return _shares(test, there)


def _bare(row: str) -> str:
    return row.upper().replace("-", "").replace(".", "")


def _places(rows: Sequence[str]) -> BoolArray:
    """(n, C) whether there is a letter."""
    if len({len(row) for row in rows}) > 1:
        raise MismatchError("the rows of an alignment are of one length")
    return np.array([[letter not in "-." for letter in row] for row in rows], np.bool_).reshape(len(rows), -1)


def _shares(test: BoolArray, reference: BoolArray) -> tuple[float, float]:
    column_of = [np.flatnonzero(row) for row in test]  # of every letter
    held: AnyArray = np.full(reference.shape, -1, np.int64)  # in the reference: where the letter is in the other
    for row, there in enumerate(reference):
        held[row, there] = column_of[row]
    sizes: IntArray = test.sum(axis=0)
    pairs = kept = columns = whole = 0
    for column in held.T:
        places, counts = np.unique(column[column >= 0], return_counts=True)
        n = int(counts.sum())
        if n < 2:
            continue
        pairs += n * (n - 1) // 2
        kept += int((counts * (counts - 1) // 2).sum())
        columns += 1
        whole += len(places) == 1 and int(sizes[places[0]]) == n
    return (kept / pairs, whole / columns) if columns else (1.0, 1.0)
