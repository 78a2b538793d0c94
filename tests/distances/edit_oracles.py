"""Distances of strings by their definitions, in plain Python."""

from __future__ import annotations

from seqsearch.arrays import AnyArray


def weighted_oracle(a: AnyArray, b: AnyArray, weights: tuple[int, int, int]) -> int:
    """`weights`: of an insertion, a deletion and a substitution on the way from a to b, by the whole table."""
    insertion, deletion, substitution = weights
    previous = [j * insertion for j in range(len(b) + 1)]
    for i, x in enumerate(a.tolist(), start=1):
        current = [i * deletion]
        for j, y in enumerate(b.tolist(), start=1):
            changed = previous[j - 1] + (substitution if x != y else 0)
            current.append(min(previous[j] + deletion, current[j - 1] + insertion, changed))
        previous = current
    return previous[-1]


def indel_oracle(a: AnyArray, b: AnyArray) -> int:
    return weighted_oracle(a, b, (1, 1, 2))


def osa_oracle(a: AnyArray, b: AnyArray) -> int:
    """The table of edits, with a swap of two neighbours."""
    x, y = a.tolist(), b.tolist()
    d = [[i + j if i * j == 0 else 0 for j in range(len(y) + 1)] for i in range(len(x) + 1)]
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (x[i - 1] != y[j - 1]))
            if i > 1 and j > 1 and x[i - 1] == y[j - 2] and x[i - 2] == y[j - 1]:
                d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1)
    return d[-1][-1]


def damerau_oracle(a: AnyArray, b: AnyArray) -> int:
    """Lowrance and Wagner (1975): a swap of x[k] and x[i] costs 1 and what stands between them in both."""
    x, y = a.tolist(), b.tolist()
    d = [[i + j if i * j == 0 else 0 for j in range(len(y) + 1)] for i in range(len(x) + 1)]
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            best = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (x[i - 1] != y[j - 1]))
            for k in range(1, i):
                for m in range(1, j):
                    if x[k - 1] == y[j - 1] and x[i - 1] == y[m - 1]:
                        best = min(best, d[k - 1][m - 1] + (i - k - 1) + 1 + (j - m - 1))
            d[i][j] = best
    return d[-1][-1]


def jaro_winkler_oracle(a: AnyArray, b: AnyArray, weight: float) -> float:
    """1 - similarity: Jaro (1989), and Winkler's prefix of at most four where it is above 0.7."""
    x, y = a.tolist(), b.tolist()
    reach = max(max(len(x), len(y)) // 2 - 1, 0)
    taken = [False] * len(y)
    of_x = []
    for i, symbol in enumerate(x):
        for j in range(max(0, i - reach), min(len(y), i + reach + 1)):
            if not taken[j] and y[j] == symbol:
                taken[j] = True
                of_x.append(symbol)
                break
    of_y = [symbol for j, symbol in enumerate(y) if taken[j]]
    matches = len(of_x)
    if not matches:
        return 1.0
    swaps = sum(p != q for p, q in zip(of_x, of_y, strict=True)) // 2
    jaro = (matches / len(x) + matches / len(y) + (matches - swaps) / matches) / 3
    prefix = 0
    while prefix < min(4, len(x), len(y)) and x[prefix] == y[prefix]:
        prefix += 1
    return 1 - (jaro + prefix * weight * (1 - jaro) if jaro > 0.7 else jaro)
