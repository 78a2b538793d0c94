"""Slow and plain definitions of the distances to parts of a target."""

from __future__ import annotations

import numpy as np

from seqsearch.arrays import AnyArray


def infix_table(x: AnyArray, y: AnyArray) -> list[list[int]]:
    """Sellers' table (1980): the first row is 0, so that a part may begin anywhere."""
    table = [[0] * (len(y) + 1)]
    for i, a in enumerate(x.tolist(), start=1):
        line = [i]
        for j, b in enumerate(y.tolist(), start=1):
            line.append(min(table[-1][j] + 1, line[-1] + 1, table[-1][j - 1] + (a != b)))
        table.append(line)
    return table


def infix_oracle(x: AnyArray, y: AnyArray) -> int:
    """The least edit distance of x to any part of y."""
    return min(infix_table(x, y)[-1])


def overlap_score(x: AnyArray, y: AnyArray) -> int:
    """The most that matches less edits come to in any overlap: free ends on all four sides, 0 for none."""
    before, best = [0] * (len(y) + 1), 0
    for i, a in enumerate(x.tolist(), start=1):
        line = [0]
        for j, b in enumerate(y.tolist(), start=1):
            line.append(max(before[j] - 1, line[-1] - 1, before[j - 1] + (1 if a == b else -1)))
        best = max(best, line[-1])
        before = line
        if i == len(x):
            best = max(best, *line)
    return best


def overlap_oracle(x: AnyArray, y: AnyArray) -> int:
    """What the shorter one lacks of that."""
    return min(len(x), len(y)) - overlap_score(x, y)


def warped_part_oracle(costs: AnyArray) -> float:
    """The least DTW sum of a query and any part of a target, of all local costs (m, n), by the whole table: a path may
    begin and end in any column."""
    before = [0.0] * (costs.shape[1] + 1)
    for row in costs.tolist():
        line = [np.inf]
        for j, cost in enumerate(row):
            line.append(min(before[j], before[j + 1], line[-1]) + cost)
        before = line
    return min(before[1:])


def parts(m: int, n: int, window: float | None) -> list[tuple[int, int]]:
    """All parts of n frames that a query of m is compared with, in the order in which they are told."""
    if window is not None:
        return [(begin, begin + min(m, n)) for begin in range(max(1, n - m + 1))]
    return [(begin, end) for end in range(1, n + 1) for begin in range(end - 1, -1, -1)]
