"""Slow and plain definitions to hold the fast paths against."""

from __future__ import annotations

import numpy as np

from seqsearch.arrays import AnyArray
from seqsearch.sequences import Alphabet, Sequences


def edit_oracle(a: AnyArray, b: AnyArray) -> int:
    """Levenshtein's distance by the whole table (Wagner and Fischer 1974)."""
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a.tolist(), start=1):
        current = [i]
        for j, y in enumerate(b.tolist(), start=1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (x != y)))
        previous = current
    return previous[-1]


def nearest_oracle(table: AnyArray, k: int) -> tuple[AnyArray, AnyArray]:
    """(rows, distances) of the k least of each line of a distance table; ties: smallest row; -1 and inf padded."""
    rows = np.full((len(table), k), -1)
    distances = np.full((len(table), k), np.inf)
    for q, line in enumerate(table):
        order = sorted((value, row) for row, value in enumerate(line.tolist()) if np.isfinite(value))[:k]
        for place, (value, row) in enumerate(order):
            rows[q, place], distances[q, place] = row, value
    return rows, distances


SYMBOLS = {"dna": (0, 4), "rna": (0, 15), "protein": (0, 27), "text": (950, 1100), "integers": (0, 2**32)}


def mutated(tokens: AnyArray, edits: int, alphabet: Alphabet, rng: np.random.Generator) -> AnyArray:
    """`tokens` after random insertions, deletions and substitutions, never empty."""
    low, high = SYMBOLS[alphabet.name]
    changed = tokens.tolist()
    for _ in range(edits):
        at = int(rng.integers(0, len(changed)))
        action = rng.integers(3)
        if action == 0:
            changed.insert(at, int(rng.integers(low, high)))
        elif action == 1 and len(changed) > 1:
            changed.pop(at)
        else:
            changed[at] = int(rng.integers(low, high))
    return np.array(changed, alphabet.dtype)


def family(alphabet: Alphabet, n: int, longest: int, rng: np.random.Generator, ancestors: int = 4) -> Sequences:
    """n sequences of 1..longest symbols, most of them mutated from a few ancestors, a fifth unrelated."""
    low, high = SYMBOLS[alphabet.name]

    def fresh() -> AnyArray:
        return rng.integers(low, high, int(rng.integers(1, longest + 1))).astype(alphabet.dtype)

    roots = [fresh() for _ in range(ancestors)]
    rows = []
    for _ in range(n):
        if rng.random() < 0.2:
            rows.append(fresh())
        else:
            root = roots[int(rng.integers(ancestors))]
            rows.append(mutated(root, int(rng.integers(0, max(2, len(root) // 4))), alphabet, rng))
    return Sequences.from_arrays(rows, alphabet)


def dtw_oracle(x: AnyArray, y: AnyArray, cost, allowed=lambda i, j: True) -> float:
    """The DTW sum by the whole table, in plain Python."""
    table = {}
    for i in range(len(x)):
        for j in range(len(y)):
            before = [table.get(cell, np.inf) for cell in ((i - 1, j - 1), (i - 1, j), (i, j - 1))]
            least = 0.0 if i == j == 0 else min(before)
            table[i, j] = least + float(cost(x[i], y[j])) if allowed(i, j) else np.inf
    return table[len(x) - 1, len(y) - 1]


def squared(p, q):
    return ((p - q) ** 2).sum()


def absolute(p, q):
    return np.abs(p - q).sum()


def cosine(p, q):
    norms = np.linalg.norm(p) * np.linalg.norm(q)
    return 1 - (p @ q) / norms if norms > 0 else 1.0


COSTS = {"squared": squared, "absolute": absolute, "cosine": cosine}


def walks(n: int, longest: int, features: int, rng: np.random.Generator, shortest: int = 1) -> Sequences:
    """n random walks of float32 frames, shortest..longest steps."""
    lengths = rng.integers(shortest, longest + 1, n)
    return Sequences.from_arrays([rng.standard_normal((int(t), features)).cumsum(axis=0) for t in lengths])


def matching_oracle(costs: AnyArray, penalty: float, gully: float) -> tuple[float, list[tuple[int, int]]]:
    """(cost, path) of the matching form on a stored matrix of local costs, in plain Python."""
    m, n = costs.shape
    total = costs.astype(float).copy()
    came = {}
    for i in range(1, m):
        for j in range(1, n):
            choices = [
                (total[i - 1, j - 1], (i - 1, j - 1)),
                (total[i - 1, j] + penalty, (i - 1, j)),
                (total[i, j - 1] + penalty, (i, j - 1)),
            ]
            least, came[i, j] = min(choices, key=lambda choice: choice[0])  # the first of equal ones
            total[i, j] += least
    free = min(int(gully * min(m, n)), min(m, n) - 1)
    i = free + int(np.argmin(total[free:, -1]))
    j = free + int(np.argmin(total[-1, free:]))
    at = (m - 1, j) if total[-1, j] < total[i, -1] else (i, n - 1)
    path = [at]
    while path[-1] in came:
        path.append(came[path[-1]])
    return float(total[at]), path[::-1]


def standardised(series: AnyArray) -> AnyArray:
    """Each feature to mean 0 and deviation 1; a constant to zeros."""
    return (series - series.mean(0)) / np.where(series.std(0) > 1e-9, series.std(0), np.inf)


def matching_score(distance, a: AnyArray, b: AnyArray) -> tuple[float, list[tuple[int, int]]]:
    """(score, path) of a `MatchingDTW` from a stored matrix of local costs."""
    if distance.standardise:
        a, b = standardised(a), standardised(b)
    costs = np.array([[COSTS[distance.local](x, y) for y in b] for x in a], float)
    penalty = np.median(costs) if distance.penalty == "median" else distance.penalty
    cost, path = matching_oracle(costs, penalty, distance.gully)
    if distance.normalise == "none":
        return cost, path
    box = costs[path[0][0] : path[-1][0] + 1, path[0][1] : path[-1][1] + 1]
    scale = box.mean() if distance.normalise == "path_mean" and box.mean() != 0 else 1.0
    return cost / (len(path) * scale), path
