"""Profiles and their best path in plain Python, pair of rows by pair of rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from seqsearch.alignment.scheme import Scheme

Rows = Sequence[Sequence[int]]
Weights = Sequence[float]
Step = tuple[int, int]


def pair_score(x: Sequence[int], y: Sequence[int], scheme: Scheme) -> float:
    """Of two rows: letters, and runs of columns in which one alone has a gap."""
    columns = [(a, b) for a, b in zip(x, y, strict=True) if a >= 0 or b >= 0]
    total = 0.0
    for at, (a, b) in enumerate(columns):
        if a >= 0 and b >= 0:
            total += float(scheme.scores[a, b])
            continue
        same = at > 0 and ((columns[at - 1][0] < 0) == (a < 0)) and ((columns[at - 1][1] < 0) == (b < 0))
        total -= scheme.gap_extend + (0 if same else scheme.gap_open)
    return total


def sum_score(rows: Rows, scheme: Scheme, weights: Weights | None = None) -> float:
    w = weights or [1.0] * len(rows)
    return sum(w[i] * w[j] * pair_score(rows[i], rows[j], scheme) for i in range(len(rows)) for j in range(i))


def best_path_score(x: Rows, y: Rows, wx: Weights, wy: Weights, scheme: Scheme) -> float:
    """The score that the kernel maximises: a pair opens a gap in a column where its row of a profile begins one there,
    or where a step turns; and where letters come back while the other profile is passed over."""
    n, m = len(x[0]), len(y[0])

    def gap(row: Sequence[int], column: int) -> bool:
        return column >= 0 and row[column] < 0

    def pairs() -> list[tuple[Sequence[int], Sequence[int], float]]:
        return [(a, b, u * v) for a, u in zip(x, wx, strict=True) for b, v in zip(y, wy, strict=True)]

    def both(i: int, j: int, before: str) -> float:
        total = 0.0
        for a, b, w in pairs():
            if a[i] >= 0 and b[j] >= 0:
                total += w * float(scheme.scores[a[i], b[j]])
            elif a[i] >= 0:
                fresh = not gap(b, j - 1) and before != "first"
                total -= w * (scheme.gap_extend + (scheme.gap_open if fresh else 0))
            elif b[j] >= 0:
                fresh = not gap(a, i - 1) and before != "second"
                total -= w * (scheme.gap_extend + (scheme.gap_open if fresh else 0))
        return total

    def alone(row_kind: str, i: int, j: int, before: str) -> float:
        """Column i of x beside a gap after column j of y; or the other way round."""
        total = 0.0
        for a, b, w in pairs():
            own, other, at, last = (a, b, i, j) if row_kind == "first" else (b, a, j, i)
            if own[at] < 0:
                continue
            fresh = not gap(other, last) and (before != row_kind or gap(own, at - 1))
            total -= w * (scheme.gap_extend + (scheme.gap_open if fresh else 0))
        return total

    @cache
    def best(i: int, j: int, state: str) -> float:
        if i == j == 0:
            return 0.0 if state == "both" else -np.inf
        back = {"both": (i - 1, j - 1), "first": (i - 1, j), "second": (i, j - 1)}[state]
        if min(back) < 0:
            return -np.inf
        found = -np.inf
        for before in ("both", "first", "second"):
            known = best(*back, before)
            if known > -np.inf:
                step = both(i - 1, j - 1, before) if state == "both" else alone(state, i - 1, j - 1, before)
                found = max(found, known + step)
        return found

    return max(best(n, m, state) for state in ("both", "first", "second"))
