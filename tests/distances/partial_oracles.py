"""Slow and plain definitions of the distances to parts of a target."""

from __future__ import annotations

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
