"""What the alignments of all pairs say together of two letters: through third sequences as well as directly.

The extended library of T-Coffee (Notredame, Higgins and Heringa, J. Mol. Biol. 302, 2000): letters p of a and q of b
support each other by every sequence z whose pairwise alignments take p to some letter and that one to q, with the
lesser of the two identities; z = a and z = b are the direct alignment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from ..progress import SILENT, Progress
from .profile_kernels import best_path, reach_of
from .profiles import FIRST, GAP, SECOND, columns_in, profile_of
from .scheme import Scheme

WEIGHT = 100.0
"""What two letters score besides when everything supports them, beside 5 for a match: of 5, 20 and 100 the one that
agreed best with Greengenes' own alignment, on groups that no benchmark uses."""


class Library(NamedTuple):
    """`partners`: (n, n, L) int32 the letter of the second to which a letter of the first is aligned, -1 for none;
    `identities`: (n, n) of the aligned letters of a pair; `weights`: (n,) equal sequences that each stands for."""

    partners: AnyArray
    identities: DoubleArray
    weights: DoubleArray


class Placed(NamedTuple):
    """Rows of an alignment: `rows`, (k,) which of n; `columns`: (k, L) where their letters stand, in row i of
    rows[i]."""

    rows: IntArray
    columns: IntArray


def library_of(
    texts: list[AnyArray], weights: DoubleArray, between: AnyArray, scheme: Scheme, progress: Progress = SILENT
) -> Library:
    """The pairwise alignments of n arrays of letters, (n, n) edits `between` them."""
    n, longest = len(texts), max(map(len, texts))
    partners = np.full((n, n, longest), GAP, np.int32)
    identities = np.eye(n)
    profiles = [profile_of(text[None], np.ones(1), len(scheme.scores)) for text in texts]
    with progress.task("aligning all pairs", n) as task:
        for a in range(n):
            partners[a, a, : len(texts[a])] = np.arange(len(texts[a]))
            for b in range(a):
                reach = reach_of(float(between[a, b]), len(texts[a]), len(texts[b]))
                steps = best_path(profiles[a], profiles[b], scheme, reach)
                of_a, of_b = np.full((2, len(steps)), GAP)
                of_a[columns_in(steps, SECOND)] = np.arange(len(texts[a]))
                of_b[columns_in(steps, FIRST)] = np.arange(len(texts[b]))
                here = (of_a != GAP) & (of_b != GAP)
                partners[a, b, of_a[here]] = of_b[here]
                partners[b, a, of_b[here]] = of_a[here]
                same = texts[a][of_a[here]] == texts[b][of_b[here]]
                identities[a, b] = identities[b, a] = same.mean() if len(same) else 0.0
            task.advance()
    return Library(partners, identities, weights)


def alone(text: AnyArray, row: int, longest: int) -> Placed:
    """A sequence that is aligned with nothing yet."""
    columns = np.zeros((1, longest), np.int64)
    columns[0, : len(text)] = np.arange(len(text))
    return Placed(np.array([row]), columns)


def joined(x: Placed, y: Placed, steps: AnyArray) -> Placed:
    """The rows of both, aligned by (P,) steps."""
    columns = [columns_in(steps, SECOND)[x.columns], columns_in(steps, FIRST)[y.columns]]
    return Placed(np.concatenate([x.rows, y.rows]), np.concatenate(columns))


def support(library: Library, x: Placed, y: Placed, columns: tuple[int, int]) -> FloatArray:
    """The support of every column of x and one of y, of so many `columns`: of all pairs of their letters together."""
    extra = np.zeros(columns, np.float32)
    scale = WEIGHT / library.weights.sum()
    _support(*library, x.rows, x.columns, y.rows, y.columns, scale, extra)
    return extra


@kernel()
def _support(
    partners: AnyArray,
    identities: DoubleArray,
    weights: DoubleArray,
    x_rows: IntArray,
    x_columns: IntArray,
    y_rows: IntArray,
    y_columns: IntArray,
    scale: float,
    extra: FloatArray,
) -> None:
    for a in range(len(x_rows)):
        one = x_rows[a]
        for through in range(len(partners)):
            for b in range(len(y_rows)):
                other = y_rows[b]
                weight = scale * weights[one] * weights[through] * weights[other]
                weight *= min(identities[one, through], identities[through, other])
                for p in range(partners.shape[2]):
                    middle = partners[one, through, p]
                    q = partners[through, other, middle] if middle >= 0 else -1
                    if q >= 0:
                        extra[x_columns[a, p], y_columns[b, q]] += weight
