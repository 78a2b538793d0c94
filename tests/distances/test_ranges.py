from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import DTWDistance, EditDistance, EditNeighbours, Ranges, within_radius
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, TEXT, Sequences
from tests.families import families


def check(found: Ranges, matrix: np.ndarray, radii: np.ndarray, allowed: np.ndarray) -> None:
    """Against every distance there is."""
    for q in range(len(matrix)):
        rows = np.flatnonzero((matrix[q] <= radii[q]) & allowed)
        rows = rows[np.lexsort((rows, matrix[q][rows]))]
        part = slice(found.offsets[q], found.offsets[q + 1])
        assert found.rows[part].tolist() == rows.tolist()
        np.testing.assert_array_equal(found.distances[part], matrix[q][rows])


@pytest.mark.parametrize("radius", [0, 1, 4, 9, 30, 1000])
def test_everything_within_a_radius_and_nothing_else(radius: int) -> None:
    targets = families(25, 60, 60, edits=12)
    queries = families(25, 2, 60, edits=12, prefix="q")
    allowed = np.random.default_rng(radius).random(len(targets)) < 0.8
    matrix = EditDistance().matrix(queries, targets)
    everything = np.ones(len(targets), np.bool_)
    radii = np.full(len(queries), radius)
    check(within_radius(EditDistance(), queries, targets, radius), matrix, radii, everything)
    check(within_radius(EditDistance(), queries, targets, radius, allowed=allowed), matrix, radii, allowed)


def test_a_radius_for_each_query() -> None:
    targets, queries = families(10, 80, 40), families(10, 3, 40, prefix="q")
    radii = np.random.default_rng(0).integers(0, 40, len(queries)).astype(float)
    matrix = EditDistance().matrix(queries, targets)
    check(within_radius(EditDistance(), queries, targets, radii), matrix, radii, np.ones(len(targets), np.bool_))


def test_more_copies_than_any_step_asks_for() -> None:
    targets = Sequences.from_texts(["ACGTACGT"] * 700 + ["TTTTTTTT"] * 700, DNA)
    found = within_radius(EditDistance(), Sequences.from_texts(["ACGTACGA", "TTTTTTTT"], DNA), targets, 1)
    assert found.rows.tolist() == list(range(1400))
    assert found.distances.tolist() == [1.0] * 700 + [0.0] * 700


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=60),
    st.lists(st.text("abcd", min_size=1, max_size=12), min_size=1, max_size=4),
    st.integers(0, 12),
)
def test_any_strings(texts: list[str], asked: list[str], radius: int) -> None:
    targets, queries = Sequences.from_texts(texts, TEXT), Sequences.from_texts(asked, TEXT)
    matrix = EditDistance().matrix(queries, targets)
    radii = np.full(len(asked), radius)
    check(within_radius(EditDistance(), queries, targets, radius), matrix, radii, np.ones(len(texts), np.bool_))
    nearest, _ = EditNeighbours(targets).search(queries, 3, within=radii)
    free, _ = EditNeighbours(targets).search(queries, 3)
    inside = free.distances <= radius
    np.testing.assert_array_equal(nearest.rows, np.where(inside, free.rows, -1))
    np.testing.assert_array_equal(nearest.distances, np.where(inside, free.distances, np.inf))


def test_series() -> None:
    rng = np.random.default_rng(0)
    targets = Sequences.from_arrays([rng.normal(size=(20, 1)).cumsum(axis=0) for _ in range(120)])
    queries = targets[::30]
    distance = DTWDistance()
    matrix = distance.matrix(queries, targets)
    radius = float(np.quantile(matrix, 0.4))
    found = within_radius(distance, queries, targets, radius)
    for q in range(len(queries)):
        part = slice(found.offsets[q], found.offsets[q + 1])
        assert set(found.rows[part].tolist()) == set(np.flatnonzero(matrix[q] <= radius).tolist())


def test_bad_radii_and_nothing_to_find() -> None:
    some = Sequences.from_texts(["ACGT"], DNA)
    for radius, shown in ((-1, "-1"), (np.nan, "nan")):
        with pytest.raises(ParameterError, match=f"at least 0, not {shown}"):
            within_radius(EditDistance(), some, some, radius)
    nothing = within_radius(EditDistance(), some, some[:0], 3)
    assert (len(nothing), len(nothing.rows)) == (1, 0)
    assert len(within_radius(EditDistance(), some[:0], some, 3)) == 0


def test_a_distance_of_another_kind() -> None:
    walks = Sequences.from_arrays([np.array([0.0, 1.0]), np.array([1.0, 2.0])])
    texts = Sequences.from_texts(["abc"], TEXT)
    with pytest.raises(MismatchError, match="edit compares tokens, not series"):
        within_radius(EditDistance(), walks, walks, 1)
    with pytest.raises(MismatchError, match="dtw compares series, not tokens"):
        within_radius(DTWDistance(), texts, texts, 1)


def test_a_searcher_answers_again_and_again_as_the_distance_does() -> None:
    targets, queries = families(10, 30, 60, edits=9), families(10, 2, 60, edits=9, prefix="q")
    allowed = np.arange(len(targets)) % 3 > 0
    ready = EditDistance().searcher(targets, allowed)
    for q in range(0, len(queries), 4):
        found, _ = ready.search(queries[q : q + 4], 5)
        wanted = EditDistance().exact(queries[q : q + 4], targets, 5, allowed=allowed)
        np.testing.assert_array_equal(found.rows, wanted.rows)
    walks = Sequences.from_arrays([np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([5.0, 5.0])])
    assert DTWDistance().searcher(walks).search(walks, 1)[0].rows.tolist() == [[0], [1], [2]]
