"""Plain vectors: arrays in, exact distances out, beside numpy; what cannot be compared is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import SequenceIndex, threads
from seqsearch.arrays import AnyArray
from seqsearch.distances import DISTANCES, Distance, distance_named, recall_at
from seqsearch.errors import MismatchError, ParameterError, SeriesError
from seqsearch.sequences import Sequences

SPACES = ("euclidean", "cosine", "inner-product")


def vectors(count: int, seed: int, width: int = 10) -> AnyArray:
    """Clusters of several lengths."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(97).standard_normal((20, width))
    near = centres[rng.integers(0, 20, count)] + 0.5 * rng.standard_normal((count, width))
    return (near * rng.uniform(0.5, 1.5, (count, 1))).astype(np.float32)


STORED, ASKED = vectors(600, 0), vectors(40, 1)


def by_numpy(space: str, asked: AnyArray, stored: AnyArray) -> AnyArray:
    q, x = asked.astype(np.float64), stored.astype(np.float64)
    if space == "euclidean":
        return np.sqrt(((q[:, None] - x[None]) ** 2).sum(axis=2))
    if space == "cosine":
        q, x = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (q, x))
        return 1 - q @ x.T
    return -(q @ x.T)


@pytest.fixture(scope="module", params=SPACES)
def space(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["exact", "hnsw", "ivf"])
def index(request: pytest.FixtureRequest, space: str, tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    path = tmp_path_factory.mktemp("vectors") / "v.ss"
    options = {"index_parameters": {"lists": 8}} if request.param == "ivf" else {}
    with threads.using(1):
        return SequenceIndex.build(path, STORED, distance=space, index=request.param, recall=0.9, **options)


def test_hits_are_those_of_numpy(index: SequenceIndex, space: str) -> None:
    true = by_numpy(space, ASKED, STORED)
    nearest = np.sort(true, axis=1)[:, :10]
    everything = index.search(ASKED, 10, exact=True)
    np.testing.assert_allclose(everything.distances, nearest, rtol=1e-6, atol=1e-7)
    for asked in ({}, {"candidates": 100}):
        found = index.search(ASKED, 10, **asked)
        np.testing.assert_allclose(found.distances, np.take_along_axis(true, found.rows, axis=1), rtol=1e-6, atol=1e-7)
        assert recall_at(found.distances, everything.distances, 10).mean() > 0.9
        assert (np.diff(found.distances, axis=1) >= 0).all()


def test_the_encoder_is_the_vector_and_nothing_is_learned(index: SequenceIndex, space: str) -> None:
    info = index.info()
    assert (info["encoder"], info["distance"], info["dim"]) == ("identity", space, 10 + (space == "inner-product"))
    points = index.model.embed(index.sequences[:5])
    np.testing.assert_array_equal(points[:, :10], STORED[:5])
    assert index.verify().problems == []


def test_one_vector_is_one_query(index: SequenceIndex) -> None:
    expected = index.search(ASKED[:1], 5)
    for one in (ASKED[0], ASKED[0].tolist(), [ASKED[0]], ASKED[0].astype(np.float64)):
        found = index.search(one, 5)
        np.testing.assert_array_equal(found.rows, expected.rows)


def test_a_budget_verifies_no_more_than_the_answers_need(index: SequenceIndex) -> None:
    found = index.search(ASKED, 10, candidates=200)
    compared = found.how.trace["exact distance"].compared
    estimated = index.info()["index"] == "ivf"  # by compressed vectors, whose order is not the true one
    assert compared == len(ASKED) * (200 if estimated else 14)


def test_everything_within_a_radius(index: SequenceIndex, space: str) -> None:
    true = by_numpy(space, ASKED, STORED)
    radius = float(np.quantile(true, 0.02))  # of inner products below zero
    found = index.within(ASKED, radius)
    gap = np.abs(true - radius).min()
    assert gap > 1e-9
    assert [sorted(int(hit.id) - 1 for hit in hits) for hits in found] == [
        np.flatnonzero(row <= radius).tolist() for row in true
    ]


def test_what_cannot_be_compared_is_named(index: SequenceIndex, space: str) -> None:
    with pytest.raises(MismatchError, match="the vector 2 has 9 numbers where 10 are needed"):
        index.search([ASKED[0], ASKED[1][:9]], 3)
    with pytest.raises(MismatchError, match="the vector 1 has 9 numbers where 10 are needed"):
        index.search(ASKED[:, :9], 3, exact=True)
    with pytest.raises(MismatchError, match="the vector 1 has 11 numbers where 10 are needed"):
        index.add(np.ones((2, 11)))
    wrong = ASKED.copy()
    wrong[3, 2] = np.nan
    with pytest.raises(SeriesError, match=r"queries: record 4 \(4\): value nan at step 3"):
        index.search(wrong, 3)
    wrong[3] = 0
    if space != "cosine":
        assert len(index.search(wrong, 3)) == len(wrong)
        return
    for refused in (index.search, index.add, lambda given: index.search(given, exact=True)):
        with pytest.raises(SeriesError, match=r"record 4 \(4\): the vector is all zeros, which has no direction"):
            refused(wrong)


def test_a_build_names_what_it_cannot_store(tmp_path: Path) -> None:
    rows = STORED.copy()
    rows[70] = 0
    for given_ in (
        rows,
        iter([Sequences.from_arrays(rows[:60]), Sequences.from_arrays(rows[60:], ids=map(str, range(540)))]),
    ):
        with pytest.raises(SeriesError, match="record 71 .*all zeros"):
            SequenceIndex.build(tmp_path / "z.ss", given_, distance="cosine")
    with pytest.raises(MismatchError, match="the vector 3 has 4 numbers where 10 are needed"):
        SequenceIndex.build(tmp_path / "w.ss", [rows[0], rows[1], rows[2][:4]], distance="euclidean")


def test_inner_products_take_longer_vectors_up_to_a_limit(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "i.ss", STORED, distance="inner-product", index="hnsw") as index:
        longest = float(np.linalg.norm(STORED, axis=1).max())
        direction = ASKED[0] / np.linalg.norm(ASKED[0])
        index.add([direction * np.float32(1.4 * longest)])
        assert index.search(ASKED[0], 1, candidates=20)[0][0].id == "601"
        with pytest.raises(MismatchError, match=r"the vector 1 has the norm .* build it again"):
            index.add([direction * np.float32(1.6 * longest)])
        assert len(index) == 601


def test_arrays_of_series_keep_their_meaning(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "d.ss", STORED[:50, :8], distance="dtw", encoder="curve") as index:
        assert index.distance.matrix(index.sequences[:1], index.sequences[:3]).shape == (1, 3)
        with pytest.raises(ParameterError, match="goes in a list"):
            index.search(ASKED[0, :8], 3)
    with SequenceIndex.build(tmp_path / "e.ss", STORED[:50].reshape(50, 5, 2), distance="euclidean") as index:
        found = index.search(ASKED.reshape(-1, 5, 2), 3, exact=True)
        np.testing.assert_allclose(found.distances[:, 0], by_numpy("euclidean", ASKED, STORED[:50]).min(1), rtol=1e-6)


def test_a_matrix_and_a_list_of_rows_are_one() -> None:
    whole, listed = Sequences.from_arrays(STORED), Sequences.from_arrays(list(STORED))
    assert whole.digest() == listed.digest()
    assert np.shares_memory(whole.data, STORED)
    assert Sequences.from_arrays(STORED.astype(np.float64)).digest() == whole.digest()


extreme = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(extreme, min_size=3, max_size=3), min_size=2, max_size=12), st.sampled_from(SPACES))
@settings(max_examples=60, deadline=None)
def test_bounds_lose_nothing_whatever_the_numbers(rows: list[list[float]], space: str) -> None:
    """Products of float32 overflow, cancel and vanish here: what a search by proof finds is the least of all pairs."""
    values = np.array(rows, np.float32)
    if space == "cosine":
        values = values[values.any(axis=1)]
    some = Sequences.from_arrays(list(values)) if len(values) else None
    if some is None:
        return
    distance = distance_named(space)
    matrix = distance.matrix(some, some)
    found = distance.exact(some, some, 4)
    order = np.lexsort((np.broadcast_to(np.arange(len(some)), matrix.shape), matrix))[:, :4]
    np.testing.assert_array_equal(found.rows[:, : order.shape[1]], order)


def test_every_distance_of_vectors_says_its_space() -> None:
    assert [name for name, distance in DISTANCES.items() if distance.space] == list(SPACES)


@pytest.mark.parametrize("width", [3, 300])
@pytest.mark.parametrize("candidates", [1, 40])
def test_candidates_that_are_asked_for_ahead_are_compared_as_any(space: str, width: int, candidates: int) -> None:
    """More and fewer than are brought into the cache ahead, some of them none; with one thread and with several."""
    distance, rng = distance_named(space), np.random.default_rng(5)
    queries, targets = (Sequences.from_arrays(vectors(count, seed, width)) for seed, count in ((1, 60), (2, 500)))
    rows = np.array([rng.choice(500, candidates, replace=False) for _ in range(60)])
    rows[rng.random(rows.shape) < 0.2] = -1
    slow = Distance.rerank(distance, queries, targets, rows, 5)
    for number in (1, 2):
        with threads.using(number):
            fast = distance.rerank(queries, targets, rows, 5)
        np.testing.assert_array_equal(fast.rows, slow.rows)
        np.testing.assert_array_equal(fast.distances, slow.distances)
