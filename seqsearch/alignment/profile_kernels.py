"""The best path of two profiles by dynamic programming, where a column pair scores the sum over all pairs of rows.

Gotoh's three states (J. Mol. Biol. 162, 1982). How many pairs of rows open a gap in a column is told from where gaps
begin and end in each profile, without what the other row did before: the quasi-natural count (Altschul, J. Theor. Biol.
138, 1989), exact for two sequences. Only a band about the straight line from corner to corner is looked at.
"""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from .profiles import BOTH, FIRST, GAP, SECOND, Profile
from .scheme import Scheme

_FAR = -1e300
_SLACK = 16  # columns to each side beyond those that are known to be needed
_UNLIKE = 0.25  # edits a letter from which everything is looked at

NOTHING = np.zeros((0, 0), np.float32)


def best_path(x: Profile, y: Profile, scheme: Scheme, reach: float, extra: FloatArray = NOTHING) -> AnyArray:
    """(P,) int8 steps of a path of the highest score that is found.

    `reach`: how far a good path is known to stray from the line; the band is that wide and some more, and widened until
    the path that is found keeps clear of its edges. `extra`: (C of x, C of y) what two columns score besides.
    """
    n, m = len(x.gaps), len(y.gaps)
    band = int(min(reach, max(n, m))) + _SLACK
    while True:
        _, steps, clear = _align(x, y, scheme, band, extra)
        if clear or band >= max(n, m):
            return steps
        band *= 2


def reach_of(distance: float, n: int, m: int) -> float:
    """How far from the line the path of so many edits between n and m letters can stray: out, and back to the corner.
    Of sequences that are hardly alike any path may be good."""
    return max(n, m) if distance > _UNLIKE * max(n, m) else (distance + abs(n - m)) / 2


def reach_in(x: AnyArray, y: AnyArray) -> float:
    """How far the path that an alignment, (n, C) and (m, C) rows, makes of the two parts strays."""
    i, j = (np.cumsum((rows != GAP).any(axis=0)) for rows in (x, y))
    return float(np.abs(j - i * (j[-1] / i[-1])).max())


def path_score(x: Profile, y: Profile, scheme: Scheme, band: int) -> float:
    """The score of the best path in a band, as the kernel counts it."""
    return _align(x, y, scheme, band)[0]


def _align(
    x: Profile, y: Profile, scheme: Scheme, band: int, extra: FloatArray = NOTHING
) -> tuple[float, AnyArray, bool]:
    n, m = len(x.gaps), len(y.gaps)
    steps = np.empty(n + m, np.int8)
    against = np.ascontiguousarray(scheme.scores @ y.counts.T)  # (A, m): a letter beside all rows of a column
    score, first, clear = _path(
        x.counts,
        against,
        *(_residues(x), x.starts, _ends(x), x.size),
        *(_residues(y), y.starts, _ends(y), y.size),
        scheme.gap_open,
        scheme.gap_extend,
        band,
        extra,
        steps,
    )
    return score, steps[first:], clear


def _residues(profile: Profile) -> DoubleArray:
    """(C + 1,) weight of rows with a letter, entry c + 1 of column c; before the first as if all had one."""
    return np.concatenate([[profile.size], profile.size - profile.gaps])


def _ends(profile: Profile) -> DoubleArray:
    """(C,) weight of rows with a letter here and a gap in the column before."""
    return np.concatenate([[0.0], profile.gaps[:-1]]) + profile.starts - profile.gaps


@kernel()
def _range(i: int, n: int, m: int, band: int) -> tuple[int, int]:
    middle = i * m // n if n > 0 else 0
    return max(0, middle - band), min(m, middle + band)


@kernel()
def _row_scores(counts: DoubleArray, against: DoubleArray, lo: int, hi: int, scores: DoubleArray) -> None:
    """A column of x beside columns lo - 1 to hi - 1 of y, letters alone."""
    for j in range(lo, hi + 1):
        scores[j] = 0.0
    for letter in range(len(counts)):
        weight = counts[letter]
        if weight != 0.0:
            for j in range(max(lo, 1), hi + 1):
                scores[j] += weight * against[letter, j - 1]


@kernel()
def _path(
    counts: DoubleArray,
    against: DoubleArray,
    x_has: DoubleArray,
    x_starts: DoubleArray,
    x_ends: DoubleArray,
    x_size: float,
    y_has: DoubleArray,
    y_starts: DoubleArray,
    y_ends: DoubleArray,
    y_size: float,
    gap_open: float,
    extend: float,
    band: int,
    extra: FloatArray,
    steps: AnyArray,
) -> tuple[float, int, bool]:
    """The score of a best path; its steps at the end of `steps` (n + m,), and where they begin; whether it kept clear
    of the edges of the band."""
    n, m = len(x_has) - 1, len(y_has) - 1
    width = min(m, 2 * band) + 1
    came = np.zeros((n + 1, width), np.uint8)
    low = np.empty(n + 1, np.int64)
    both, first, second = np.full(m + 1, _FAR), np.full(m + 1, _FAR), np.full(m + 1, _FAR)
    last_both, last_first, last_second = np.full(m + 1, _FAR), np.full(m + 1, _FAR), np.full(m + 1, _FAR)
    scores = np.zeros(m + 1)
    for i in range(n + 1):
        lo, hi = _range(i, n, m, band)
        low[i] = lo
        both, last_both = last_both, both
        first, last_first = last_first, first
        second, last_second = last_second, second
        has, begin, end = x_has[i], 0.0, 0.0
        if i > 0:
            begin, end = x_starts[i - 1], x_ends[i - 1]
            _row_scores(counts[i - 1], against, lo, hi, scores)
            if len(extra) > 0:
                for j in range(max(lo, 1), hi + 1):
                    scores[j] += extra[i - 1, j - 1]
        if lo > 0:
            both[lo - 1] = first[lo - 1] = second[lo - 1] = _FAR
        for j in range(lo, hi + 1):
            here, beside = 0, y_has[j]
            best = _FAR
            if i == 0 and j == 0:
                best = 0.0
            elif i > 0 and j > 0:
                opens_x, opens_y = gap_open * begin * beside, gap_open * has * y_starts[j - 1]
                best = last_both[j - 1] - opens_x - opens_y
                if last_first[j - 1] - opens_x > best:
                    best, here = last_first[j - 1] - opens_x, FIRST
                if last_second[j - 1] - opens_y > best:
                    best, here = last_second[j - 1] - opens_y, SECOND
                best += scores[j] - extend * ((x_size - has) * beside + has * (y_size - beside))
            both[j] = best
            best = _FAR
            if i > 0:
                opens = gap_open * has * beside
                best, kind = last_both[j] - opens, BOTH
                if last_first[j] - gap_open * end * beside > best:
                    best, kind = last_first[j] - gap_open * end * beside, FIRST
                if last_second[j] - opens > best:
                    best, kind = last_second[j] - opens, SECOND
                best -= extend * has * y_size
                here |= kind << 2
            first[j] = best
            best = _FAR
            if j > lo:
                opens = gap_open * beside * has
                best, kind = both[j - 1] - opens, BOTH
                if first[j - 1] - opens > best:
                    best, kind = first[j - 1] - opens, FIRST
                if second[j - 1] - gap_open * y_ends[j - 1] * has > best:
                    best, kind = second[j - 1] - gap_open * y_ends[j - 1] * has, SECOND
                best -= extend * beside * x_size
                here |= kind << 4
            second[j] = best
            came[i, j - lo] = here
    score, state = both[m], BOTH
    if first[m] > score:
        score, state = first[m], FIRST
    if second[m] > score:
        score, state = second[m], SECOND
    at, clear = _walk(came, low, n, m, band, state, steps)
    return score, at, clear


@kernel()
def _walk(came: AnyArray, low: IntArray, n: int, m: int, band: int, state: int, steps: AnyArray) -> tuple[int, bool]:
    """Fill the steps from the end back; where they begin, and whether the edges of the band were never reached."""
    i, j, at, clear = n, m, n + m, True
    while i > 0 or j > 0:
        lo, hi = _range(i, n, m, band)
        if (j == lo and lo > 0) or (j == hi and hi < m):
            clear = False
        at -= 1
        steps[at] = state
        before = (came[i, j - low[i]] >> (2 * state)) & 3
        if state != SECOND:
            i -= 1
        if state != FIRST:
            j -= 1
        state = before
    return at, clear
