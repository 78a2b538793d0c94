"""A distance as another package would add one: a name, a kind, `pairs`; one line makes it known."""

from __future__ import annotations

import numpy as np

from seqsearch.arrays import JSON, DoubleArray, IntArray
from seqsearch.distances import Distance, register
from seqsearch.sequences import Sequences


class Mismatches(Distance):
    """Hamming's distance: symbols that differ place by place, and `overhang` for each that the longer one has more."""

    name = "mismatches"
    kind = "tokens"
    metric = True
    whole_numbers = True

    def __init__(self, *, overhang: int = 1) -> None:
        self.overhang = overhang

    def parameters(self) -> JSON:
        return {"overhang": self.overhang}

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        found = np.empty(len(a_rows))
        for at, (i, j) in enumerate(zip(a_rows.tolist(), b_rows.tolist(), strict=True)):
            x, y = a[i].data, b[j].data
            common = min(len(x), len(y))
            found[at] = (x[:common] != y[:common]).sum() + self.overhang * (max(len(x), len(y)) - common)
        return found


register(Mismatches)
