from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.errors import ParameterError
from seqsearch.search import Alignments, HitTable
from seqsearch.search.alignment import path_between, radius_of_identity
from seqsearch.sequences import INTEGERS, TEXT, Sequences

texts = st.text("abc", min_size=1, max_size=14)


@settings(deadline=None)
@given(texts, texts)
def test_a_path_is_a_shortest_one(a: str, b: str) -> None:
    first, second = (Sequences.from_texts([text], TEXT) for text in (a, b))
    path = path_between(first.data, second.data)
    assert path.edits == EditDistance().matrix(first, second)[0, 0]
    assert path.count("=XI") == len(a)
    assert path.count("=XD") == len(b)
    assert path.columns == path.edits + path.count("=")
    i = j = 0
    for letter, length in path.runs:
        if letter in "=X":
            assert all((x == y) == (letter == "=") for x, y in zip(a[i : i + length], b[j : j + length], strict=True))
        i, j = i + length * (letter != "D"), j + length * (letter != "I")


@settings(deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.lists(texts, min_size=1, max_size=8), st.floats(0.01, 1))
def test_the_identity_filter_is_that_of_every_path(asked: list[str], stored: list[str], identity: float) -> None:
    queries, targets = Sequences.from_texts(asked, TEXT), Sequences.from_texts(stored, TEXT)
    matrix = EditDistance().matrix(queries, targets)
    owners, rows = np.divmod(np.arange(matrix.size), len(stored))
    table = HitTable(owners, rows, matrix.ravel(), np.zeros(matrix.size, np.bool_), len(asked))
    alignments = Alignments(queries, targets, table)
    kept = alignments.at_least(identity)
    assert kept.tolist() == [path.identity >= identity for path in alignments]
    radius = radius_of_identity(queries.lengths, identity)[owners]
    assert (matrix.ravel()[kept] <= radius[kept]).all()


def test_identity_must_be_a_share() -> None:
    for wrong in (0, 1.5):
        with pytest.raises(ParameterError, match="above 0 and at most 1"):
            radius_of_identity(np.array([10]), wrong)


def test_tokens_of_several_digits_stay_in_their_columns() -> None:
    queries, targets = (Sequences.from_texts([text], INTEGERS) for text in ("7 120 5 9", "7 5 9000 9"))
    table = HitTable(np.array([0]), np.array([0]), np.array([2.0]), np.array([False]), 1)
    query, marks, target = Alignments(queries, targets, table).drawn(0).splitlines()
    assert query.split()[2:-1] in (["7", "120", "5", "9"], ["7", "120", "5", "-", "9"])
    assert len(query.rsplit(" ", 1)[0]) == len(target.rsplit(" ", 1)[0])
    assert marks.count("|") in (2, 3)
