from __future__ import annotations

import numpy as np

from seqsearch.distances import EditDistance, range_search
from seqsearch.sequences import DNA, Sequences
from tests.families import families


def test_families_of_more_than_the_first_step_asks_for() -> None:
    targets, queries = families(9, 80, 60, edits=12), families(9, 2, 60, edits=12, prefix="q")
    matrix = EditDistance().matrix(queries, targets)
    for radius in (0, 9, 30, 45):
        found = range_search(EditDistance(), queries, targets, radius)
        owners = np.repeat(np.arange(len(queries)), np.diff(found.offsets))
        near = np.zeros(matrix.shape, np.bool_)
        near[owners, found.rows] = True
        np.testing.assert_array_equal(near, matrix <= radius)
        np.testing.assert_array_equal(found.distances, matrix[owners, found.rows])


def test_more_copies_than_any_step_asks_for() -> None:
    targets = Sequences.from_texts(["ACGTACGT"] * 700 + ["TTTTTTTT"] * 700, DNA)
    found = range_search(EditDistance(), Sequences.from_texts(["ACGTACGA", "TTTTTTTT"], DNA), targets, 1)
    assert found.rows.tolist() == list(range(1400))
    assert found.distances.tolist() == [1.0] * 700 + [0.0] * 700
