"""What every edit of a string would change about its distances to others, all edits at once.

With F[i, j] the distance of the first i letters of the centre to the first j of a member and B[i, j] that of what
follows, putting c in place of letter i costs min over j of F[i, j] + [c != y_j] + B[i + 1, j + 1], or F[i, j] + 1 +
B[i + 1, j] where c is left over; c before it and leaving it out likewise. Of a member at distance d only the diagonals
up to d + 2 count: one edit changes a distance by 1 at most, and shifts what follows by 1. So it is where each edit
costs 1; with other `Costs`, d counts the shifts that such a distance may be of.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, IntArray
from ..jit import kernel, prange

_FAR = np.int32(1 << 28)


class Costs(NamedTuple):
    """What it costs that a member has another letter than the centre, lacks one of its letters, has one more."""

    other: int = 1
    missing: int = 1
    more: int = 1

    @property
    def greatest(self) -> int:
        return max(self)

    @property
    def of_shift(self) -> int:
        """The least that it costs to be shifted against each other by one letter."""
        return min(self.missing, self.more)


EDITS = Costs()
"""The sum is a number of edits."""


@kernel()
def _forward(centre: IntArray, member: IntArray, band: int, costs: Costs, table: IntArray) -> None:
    """(n + 1, 2 band + 1) F, by diagonals: column k of row i is j = i + k - band."""
    n, m, width = len(centre), len(member), 2 * band + 1
    other, missing, more = costs
    for i in range(n + 1):
        for k in range(width):
            j = i + k - band
            if j < 0 or j > m:
                table[i, k] = _FAR
                continue
            if i == 0:
                table[i, k] = j * more
                continue
            best = table[i - 1, k + 1] + missing if k + 1 < width else _FAR
            if j > 0:
                best = min(best, table[i - 1, k] + other * (centre[i - 1] != member[j - 1]))
                if k > 0:
                    best = min(best, table[i, k - 1] + more)
            table[i, k] = best


@kernel()
def _backward(centre: IntArray, member: IntArray, band: int, costs: Costs, table: IntArray) -> None:
    """(n + 1, 2 band + 1) B, by the same diagonals."""
    n, m, width = len(centre), len(member), 2 * band + 1
    other, missing, more = costs
    for i in range(n, -1, -1):
        for k in range(width - 1, -1, -1):
            j = i + k - band
            if j < 0 or j > m:
                table[i, k] = _FAR
                continue
            if i == n:
                table[i, k] = (m - j) * more
                continue
            best = table[i + 1, k - 1] + missing if k > 0 else _FAR
            if j < m:
                best = min(best, table[i + 1, k] + other * (centre[i] != member[j]))
                if k + 1 < width:
                    best = min(best, table[i, k + 1] + more)
            table[i, k] = best


@kernel()
def _moves(
    member: IntArray,
    band: int,
    costs: Costs,
    forward: IntArray,
    backward: IntArray,
    left_out: IntArray,
    put: IntArray,
    inserted: IntArray,
) -> None:
    """The distance to one member after every edit: of leaving out letter i, (n,), of putting c in its place, (n, A),
    and before it, (n + 1, A)."""
    rows, width, m = forward.shape[0], forward.shape[1], len(member)
    unlike, missing, _ = costs
    letters = put.shape[1]
    for i in range(rows):
        gone, other, between, beside = _FAR, _FAR, _FAR, _FAR
        for c in range(letters):
            inserted[i, c] = _FAR
            if i < rows - 1:
                put[i, c] = _FAR
        for k in range(width):
            j, ahead = i + k - band, forward[i, k]
            if ahead >= _FAR:
                continue
            between = min(between, ahead + backward[i, k] + missing)
            if j < m and k + 1 < width:
                rest = ahead + backward[i, k + 1]
                beside = min(beside, rest + unlike)
                inserted[i, member[j]] = min(inserted[i, member[j]], rest)
            if i == rows - 1:
                continue
            if k > 0:
                gone = min(gone, ahead + backward[i + 1, k - 1])
            if j < m:
                rest = ahead + backward[i + 1, k]
                other = min(other, rest + unlike)
                put[i, member[j]] = min(put[i, member[j]], rest)
        for c in range(letters):
            inserted[i, c] = min(inserted[i, c], min(between, beside))
            if i < rows - 1:
                put[i, c] = min(put[i, c], min(gone + missing, other))
        if i < rows - 1:
            left_out[i] = gone


@kernel(parallel=True)
def move_distances(
    centre: IntArray,
    data: IntArray,
    offsets: IntArray,
    bands: IntArray,
    costs: Costs,
    distances: AnyArray,
    left_out: AnyArray,
    put: AnyArray,
    inserted: AnyArray,
) -> None:
    """Fill, for each of N members, its distance (N,) and those after every edit of the centre: (N, n), (N, n, A) and
    (N, n + 1, A), all int32. `bands`: (N,) at least the letters by which they may be shifted, and 2 more."""
    n = len(centre)
    for one in prange(len(bands)):
        member, band = data[offsets[one] : offsets[one + 1]], bands[one]
        forward = np.empty((n + 1, 2 * band + 1), np.int32)
        backward = np.empty((n + 1, 2 * band + 1), np.int32)
        _forward(centre, member, band, costs, forward)
        _backward(centre, member, band, costs, backward)
        distances[one] = backward[0, band]
        _moves(member, band, costs, forward, backward, left_out[one], put[one], inserted[one])
