"""The least sum of edit distances of any string to three, exactly: the string itself is not looked for.

A column of an alignment of the three costs what the best letter, or none, costs in it: 3 less how often the most
frequent of its letters and gaps stands there (Sankoff 1975). Alignments that cost at most `most` keep close to the
diagonal: where one string is o letters ahead of another, what is before costs o or more, and what follows as much as
the rest of the difference of their lengths.
"""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, IntArray
from ..jit import kernel, prange

_FAR = np.int32(1 << 28)


@kernel()
def _column(a: int, b: int, c: int) -> int:
    """What a column of two or three letters costs, -1 for a gap."""
    if a == b and b == c:
        return 0
    return 1 if a in (b, c) or b == c else 2


@kernel()
def _ahead(n: int, m: int, most: int) -> tuple[int, int]:
    """How far the second of two strings can be behind and ahead of the first."""
    spare = max(0, most - abs(m - n)) // 2
    return min(0, m - n) - spare, max(0, m - n) + spare


@kernel()
def _of_three(x: AnyArray, y: AnyArray, z: AnyArray, most: int) -> int:
    """The least sum, where it is at most `most`; else more than `most`, or it."""
    n, m, o = len(x), len(y), len(z)
    low_y, high_y = _ahead(n, m, most)
    low_z, high_z = _ahead(n, o, most)
    wide, deep = high_y - low_y + 1, high_z - low_z + 1
    before = np.full((wide, deep), _FAR, np.int32)
    here = np.full((wide, deep), _FAR, np.int32)
    for i in range(n + 1):
        before, here = here, before
        a = x[i - 1] if i > 0 else -1
        for p in range(wide):
            j = i + p + low_y
            for q in range(deep):
                k = i + q + low_z
                best = _FAR
                if j < 0 or j > m or k < 0 or k > o:
                    here[p, q] = best
                    continue
                if i == 0 and j == 0 and k == 0:
                    best = np.int32(0)
                b = y[j - 1] if j > 0 else -1
                c = z[k - 1] if k > 0 else -1
                if i > 0:  # of row i - 1, the same place is one diagonal on
                    if j > 0 and k > 0:
                        best = min(best, before[p, q] + _column(a, b, c))
                    if j > 0 and q + 1 < deep:
                        best = min(best, before[p, q + 1] + _column(a, b, -1))
                    if k > 0 and p + 1 < wide:
                        best = min(best, before[p + 1, q] + _column(a, -1, c))
                    if p + 1 < wide and q + 1 < deep:
                        best = min(best, before[p + 1, q + 1] + 1)
                if j > 0 and p > 0:
                    best = min(best, here[p - 1, q] + 1)
                    if k > 0 and q > 0:
                        best = min(best, here[p - 1, q - 1] + _column(-1, b, c))
                if k > 0 and q > 0:
                    best = min(best, here[p, q - 1] + 1)
                here[p, q] = best
    found: int = here[m - n - low_y, o - n - low_z]
    return found


@kernel(parallel=True)
def medians_of_three(data: AnyArray, offsets: IntArray, triples: IntArray, most: IntArray, sums: IntArray) -> None:
    """Fill (t,) least sums of (t, 3) rows of strings; `most`: (t,) sums that they do not exceed."""
    for one in prange(len(triples)):
        a, b, c = triples[one]
        x, y = data[offsets[a] : offsets[a + 1]], data[offsets[b] : offsets[b + 1]]
        sums[one] = _of_three(x, y, data[offsets[c] : offsets[c + 1]], most[one])
