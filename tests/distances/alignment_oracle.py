"""Alignments with affine gaps in plain Python, by trying every length of every gap (Waterman, Smith and Beyer 1976)."""

from __future__ import annotations

from seqsearch.arrays import AnyArray
from seqsearch.distances import AlignmentDistance
from seqsearch.sequences import Alphabet


def score_oracle(distance: AlignmentDistance, alphabet: Alphabet, x: AnyArray, y: AnyArray) -> int:
    scores = distance.matrix_of_scores.by_code(alphabet)
    free, local = distance.mode != "global", distance.mode == "local"
    m, n = len(x), len(y)

    def gap(length: int) -> int:
        return distance.gap_open + distance.gap_extend * length

    table = [[0] * (n + 1) for _ in range(m + 1)]
    for i in range(m + 1):
        for j in range(n + 1):
            if i * j == 0:
                table[i][j] = 0 if free or i + j == 0 else -gap(i + j)
                continue
            reached = [table[i - 1][j - 1] + int(scores[x[i - 1], y[j - 1]])]
            reached += [table[i - k][j] - gap(k) for k in range(1, i + 1)]
            reached += [table[i][j - k] - gap(k) for k in range(1, j + 1)]
            table[i][j] = max(reached + [0] * local)
    if local:
        return max(map(max, table))
    if free:
        return max([table[i][n] for i in range(1, m + 1)] + table[m][1:])
    return table[m][n]


def alignment_oracle(distance: AlignmentDistance, alphabet: Alphabet, x: AnyArray, y: AnyArray) -> float:
    scores = distance.matrix_of_scores.by_code(alphabet)
    own = [sum(max(int(scores[code, code]), 0) for code in each.tolist()) for each in (x, y)]
    whole = {"mean": sum(own) / 2, "query": own[0], "shorter": min(own), "longer": max(own)}[distance.normalise]
    return max(0.0, 1 - score_oracle(distance, alphabet, x, y) / max(whole, 1))
