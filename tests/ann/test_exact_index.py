"""The exact scan where float32 products would mislead it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import geometry, threads
from seqsearch.ann.exact import ExactIndex


@pytest.mark.parametrize("name", list(geometry.GEOMETRIES))
@pytest.mark.parametrize("offset", [0.0, 0.55])
def test_near_points_far_from_the_origin_keep_their_order(name: str, offset: float) -> None:
    rng = np.random.default_rng(0)
    items = (offset + 1e-5 * rng.normal(size=(5000, 3))).astype(np.float32)
    queries = (offset + 1e-5 * rng.normal(size=(20, 3))).astype(np.float32)
    index = ExactIndex(geometry=name, dim=3)
    index.add(np.arange(5000), items)
    found = index.search(queries, 10)
    if name == "cosine":  # stored normalised in float32
        items, queries = geometry.normalised(items), geometry.normalised(queries)
    truth = geometry.matrix(name, queries, items).astype(np.float32)
    own = np.take_along_axis(truth, found.rows, axis=1)
    np.testing.assert_allclose(own, np.sort(truth, axis=1)[:, :10], rtol=1e-4, atol=1e-12)


def test_points_at_the_rim_keep_their_order() -> None:
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(3000, 4)) * 0.05 + 1
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    items = (directions * (1 - 10.0 ** rng.uniform(-6, -2, size=(3000, 1)))).astype(np.float32)
    index = ExactIndex(geometry="hyperbolic", dim=4)
    index.add(np.arange(3000), items)
    found = index.search(items[:50], 10)
    truth = geometry.matrix("hyperbolic", items[:50], items)
    own = np.take_along_axis(truth, found.rows, axis=1)
    np.testing.assert_allclose(own, np.sort(truth, axis=1)[:, :10], rtol=1e-6)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(50))


def test_huge_values_overflow_into_the_exact_path() -> None:
    items = np.array([[3e30, 0], [-3e30, 1e30], [1e25, 1e25], [2e25, 1e25]], dtype=np.float32)
    index = ExactIndex(geometry="euclidean", dim=2)
    index.add(np.arange(4), items)
    assert index.search(items, 2).rows.tolist() == [[0, 3], [1, 2], [2, 3], [3, 2]]


@pytest.mark.parametrize("queries", [1, 3, 7, 200])
def test_shares_of_queries_and_shares_of_vectors_agree(queries: int) -> None:
    rng = np.random.default_rng(2)
    items = rng.integers(-3, 4, size=(20_000, 32)).astype(np.float32)  # many ties
    index = ExactIndex(geometry="squared", dim=32)
    rows = rng.permutation(20_000)
    index.add(rows, items)
    with threads.using(1):
        alone = index.search(items[:queries], 15)
    found = index.search(items[:queries], 15)
    np.testing.assert_array_equal(found.rows, alone.rows)
    np.testing.assert_array_equal(found.distances, alone.distances)
    distances = geometry.matrix("squared", items[:queries], items)[:, np.argsort(rows)]
    expected = np.lexsort((np.broadcast_to(np.arange(20_000), distances.shape), distances), axis=-1)[:, :15]
    np.testing.assert_array_equal(found.rows, expected)


def test_removed_vectors_give_their_space_back(tmp_path: Path) -> None:
    index = ExactIndex(geometry="euclidean", dim=2)
    index.add(np.arange(1000), np.ones((1000, 2)))
    index.remove(np.arange(990))
    index.save(tmp_path / "index")
    assert (tmp_path / "index").stat().st_size < 1000
    assert index.search(np.ones((1, 2)), 3).rows.tolist() == [[990, 991, 992]]
