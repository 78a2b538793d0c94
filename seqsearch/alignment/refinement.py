"""Better alignments of what is aligned: the rows of a part of the tree are aligned anew with the rest, as profiles.

Tree-dependent bipartition (Hirosawa et al., CABIOS 11, 1995; MUSCLE and MAFFT do likewise); leaves are parts too, which
is leaving one out. A change is kept when the exact sum of pairs is higher.
"""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..progress import SILENT, Progress
from .profile_kernels import best_path, reach_in
from .profiles import FIRST, GAP, SECOND, columns_in, profile_of
from .scheme import Scheme
from .sums import sum_across

_HIGHER = 1e-9


def refined(
    rows: AnyArray, weights: DoubleArray, children: IntArray, scheme: Scheme, rounds: int, progress: Progress = SILENT
) -> tuple[AnyArray, int]:
    """(n, C) rows after at most so many rounds over the parts of a tree, (n - 1, 2) merges; and how many there were.

    It ends after a round in which nothing became better.
    """
    parts = _parts(children, len(rows))
    for number in range(rounds):
        better = False
        with progress.task(f"refining, round {number + 1}", len(parts)) as task:
            for part in parts:
                found = _realigned(rows, part, weights, scheme)
                if found is not None:
                    rows, better = found, True
                task.advance()
        if not better:
            return rows, number + 1
    return rows, rounds


def _parts(children: IntArray, n: int) -> list[BoolArray]:
    """The rows under every branch of the tree: of the root's two, which part alike, one."""
    under = [np.arange(n) == leaf for leaf in range(n)]
    for one, other in children.tolist():
        under.append(under[one] | under[other])
    return under[: max(0, 2 * n - 3)]


def _realigned(rows: AnyArray, part: BoolArray, weights: DoubleArray, scheme: Scheme) -> AnyArray | None:
    """The rows with a part aligned anew; None where that is no better."""
    x, y = rows[part], rows[~part]
    letters = len(scheme.scores)
    some, others = (np.ascontiguousarray(each[:, (each != GAP).any(axis=0)]) for each in (x, y))
    one, other = profile_of(some, weights[part], letters), profile_of(others, weights[~part], letters)
    steps = best_path(one, other, scheme, reach_in(x, y))
    made = np.full((len(rows), len(steps)), GAP, rows.dtype)
    made[np.ix_(part, columns_in(steps, SECOND))] = some
    made[np.ix_(~part, columns_in(steps, FIRST))] = others
    gain = sum_across(made[part], made[~part], weights[part], weights[~part], scheme)
    gain -= sum_across(x, y, weights[part], weights[~part], scheme)
    return made if gain > _HIGHER else None
