"""What only the graph index does: health, fallback, copies, concurrency, the walk by the true distance."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from seqsearch import geometry, threads
from seqsearch.ann import kernels, load_index
from seqsearch.ann.exact import ExactIndex
from seqsearch.ann.graph import Graph
from seqsearch.ann.hnsw import HnswIndex
from seqsearch.ann.nodes import GraphSettings
from seqsearch.ann.reductions import log_map
from seqsearch.ann.walk import Links, walk


def points(count: int, dim: int, seed: int = 0, spread: float = 0.2) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(count, dim)) * spread).astype(np.float32)


def near_the_rim(count: int, dim: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, dim))
    directions = centres[rng.integers(40, size=count)] + 0.2 * rng.normal(size=(count, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return (directions * (1 - 10.0 ** rng.uniform(-4, -1.5, size=(count, 1)))).astype(np.float32)


def test_below_target_the_index_answers_exactly_and_says_so(tmp_path: Path) -> None:
    items = np.random.default_rng(0).uniform(-1, 1, size=(4000, 40)).astype(np.float32)
    index = HnswIndex(GraphSettings(geometry="squared", dim=40, m=2, ef_construction=2, ef=1, target=1.0))
    index.add(np.arange(4000), items)
    report = index.health(sample=200)
    assert report["exact"] is True
    assert isinstance(report["recall"], float)
    assert report["recall"] < 1
    assert report["ef"] == 13
    queries = np.random.default_rng(1).uniform(-1, 1, size=(50, 40)).astype(np.float32)
    oracle = ExactIndex(geometry="squared", dim=40)
    oracle.add(np.arange(4000), items)
    index.save(tmp_path / "index")
    for answering in (index, load_index(tmp_path / "index")):
        np.testing.assert_array_equal(answering.search(queries, 10).rows, oracle.search(queries, 10).rows)


def test_nodes_that_do_not_find_themselves_are_always_scanned() -> None:
    items = np.random.default_rng(0).uniform(-1, 1, size=(3000, 16)).astype(np.float32)
    index = HnswIndex(GraphSettings(geometry="euclidean", dim=16, m=5, ef_construction=20, ef=60, target=0.2))
    index.add(np.arange(3000), items)
    before = (index.search(items, 1).rows[:, 0] == np.arange(3000)).mean()
    report = index.health(sample=100)
    assert 0.97 < before < 1
    assert report["exact"] is False
    assert report["self_recall"] == pytest.approx(before)
    assert report["side_list"] == round(3000 * (1 - before))
    assert (index.search(items, 1, effort=60).rows[:, 0] == np.arange(3000)).all()


@pytest.mark.parametrize("name", ["manhattan", "hyperbolic"])
def test_recall_by_a_walk_in_the_true_geometry(name: str) -> None:
    items, queries = points(6000, 12), points(200, 12, seed=1)
    if name == "hyperbolic":
        items, queries = near_the_rim(6000, 12), near_the_rim(200, 12)
    index, oracle = HnswIndex(GraphSettings(geometry=name, dim=12)), ExactIndex(geometry=name, dim=12)
    for each in (index, oracle):
        each.add(np.arange(6000), items)
    truth = oracle.search(queries, 10).distances
    found = index.search(queries, 10).distances
    assert (found <= truth[:, -1:] * (1 + 1e-5)).mean() >= 0.99


def test_a_wide_walk_is_the_exact_order() -> None:
    items, queries = points(500, 6), points(20, 6, seed=2)
    graph = Graph(dim=6, m=8, ef_construction=100, seed=0)
    graph.add(items)
    links = Links.of(graph)
    for name, code in kernels.CODES.items():
        scales = (1 / (1 - kernels.squares_of(items))).astype(np.float32)
        if name != "hyperbolic":
            scales[:] = 1
        if name == "cosine":
            continue
        nodes = walk(code, links, queries, items, scales, 500)
        assert (np.sort(nodes, axis=1) == np.arange(500)).all()
        truth = np.sort(geometry.matrix(name, queries, items), axis=1)
        own = np.take_along_axis(geometry.matrix(name, queries, items), nodes, axis=1)
        np.testing.assert_allclose(own, truth, rtol=1e-5)


def test_links_are_those_of_the_library() -> None:
    items = points(800, 6)
    with threads.using(2):
        graph = Graph(dim=6, m=6, ef_construction=60, seed=1)
        graph.add(items)
    links = Links.of(graph)
    expected, _ = graph.query(items, 5, 40)
    found = walk(kernels.SQUARED, links, items, items, np.ones(800, np.float32), 40)[:, :5]
    assert (found == expected).mean() > 0.999


def test_points_farther_out_than_any_before_are_found() -> None:
    index = HnswIndex(GraphSettings(geometry="hyperbolic", dim=6))
    index.add(np.arange(2000), points(2000, 6, spread=0.1))
    outer = near_the_rim(900, 6)
    for start in range(0, 900, 100):
        index.add(np.arange(2000 + start, 2100 + start), outer[start : start + 100])
        found = index.search(outer[: start + 100], 1)
        assert (found.rows[:, 0] == np.arange(2000, 2100 + start)).mean() > 0.99


def test_the_logarithm_map_does_what_its_formula_says() -> None:
    items = points(300, 5)
    centre = np.zeros(5)
    lengths = 2 * np.linalg.norm(log_map(items).astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, geometry.hyperbolic(items.astype(np.float64), centre), rtol=1e-5)
    assert (log_map(np.zeros((1, 5), np.float32)) == 0).all()


def test_copies_share_a_node_and_signs_of_zero_do_not_matter() -> None:
    index = HnswIndex(GraphSettings(geometry="euclidean", dim=3))
    items = np.repeat(points(50, 3), 100, axis=0)
    items[:100] = 0
    items[50:100] = -0.0
    index.add(np.arange(5000), items)
    assert index.nodes == 50
    found = index.search(items[::100], 10)
    assert (found.rows == np.arange(0, 5000, 100)[:, None] + np.arange(10)).all()
    assert (found.distances == 0).all()


@pytest.mark.parametrize("geometry", ["euclidean", "hyperbolic"])
def test_copies_share_a_node_after_loading(geometry: str, tmp_path: Path) -> None:
    index = HnswIndex(GraphSettings(geometry=geometry, dim=3))
    items = 0.1 * points(60, 3)
    index.add(np.arange(50), items[:50])
    index.save(tmp_path / "saved.ann")
    loaded = HnswIndex.load(tmp_path / "saved.ann")
    loaded.add(np.arange(50, 110), items)
    assert loaded.nodes == 60
    found = loaded.search(items[:50], 2)
    assert (found.rows == np.arange(50)[:, None] + [0, 50]).all()


def test_scaled_copies_are_one_direction() -> None:
    index = HnswIndex(GraphSettings(geometry="cosine", dim=3))
    one = points(1, 3)
    index.add(np.arange(8), np.concatenate([one * 2.0**power for power in range(8)]))
    assert index.nodes == 1


def test_removing_most_builds_anew() -> None:
    items = points(5000, 4)
    index = HnswIndex(GraphSettings(geometry="euclidean", dim=4))
    index.add(np.arange(5000), items)
    index.remove(np.arange(4000))
    assert index.nodes == 1000
    assert (index.search(items[4000:], 1).rows[:, 0] == np.arange(4000, 5000)).all()
    index.add(np.arange(4000), items[:4000])
    assert (index.search(items, 1).rows[:, 0] == np.arange(5000)).mean() > 0.999


def test_searches_and_changes_at_once() -> None:
    items = points(6000, 8)
    index = HnswIndex(GraphSettings(geometry="euclidean", dim=8))
    index.add(np.arange(1000), items[:1000])
    errors: list[BaseException] = []
    stop = threading.Event()

    def keep_searching() -> None:
        try:
            while not stop.is_set():
                found = index.search(items[:64], 5)
                assert (found.rows >= 0).all()
        except BaseException as error:
            errors.append(error)

    searchers = [threading.Thread(target=keep_searching) for _ in range(3)]
    for searcher in searchers:
        searcher.start()
    for start in range(1000, 6000, 250):
        index.add(np.arange(start, start + 250), items[start : start + 250])
        index.remove(np.arange(start, start + 100))
    stop.set()
    for searcher in searchers:
        searcher.join()
    assert not errors
    assert len(index) == 4000


def test_a_graph_gives_what_it_has_where_the_library_would_raise() -> None:
    graph = Graph(dim=2, m=2, ef_construction=4, seed=0)
    graph.add(points(300, 2))
    graph.mark(np.arange(1, 300), deleted=True)
    nodes, distances = graph.query(points(5, 2, seed=1), 10, 10)
    assert set(nodes[:, 0].tolist()) <= {0, -1}
    assert (nodes[:, 1:] == -1).all()
    assert np.isinf(distances[:, 1:]).all()
    np.testing.assert_array_equal(graph.vectors(np.array([0, 5])), points(300, 2)[[0, 5]])
    assert graph.marked.sum() == 299


def test_an_ef_that_costs_more_than_a_scan_is_not_used() -> None:
    items = np.random.default_rng(0).normal(size=(3000, 48)).astype(np.float32)
    index = HnswIndex(GraphSettings(geometry="manhattan", dim=48, ef=16, target=0.99))
    index.add(np.arange(3000), items)
    report = index.health(sample=200)
    assert report["recall"] >= 0.99  # type: ignore[operator]
    assert report["ef"] > 16  # type: ignore[operator]
    assert report["exact"] is True


@pytest.mark.parametrize("name", ["euclidean", "cosine"])
def test_two_copies_of_a_vector_whose_rows_are_all_gone_come_back(name: str) -> None:
    index = HnswIndex(GraphSettings(geometry=name, dim=4))
    index.add(np.arange(50), points(50, 4))
    index.remove(np.array([7]))
    index.add(np.array([60, 61]), points(50, 4)[[7, 7]])
    assert index.nodes == 50
    assert index.search(points(50, 4)[7:8], 2).rows.tolist() == [[60, 61]]
