"""The graph and the lists that need no library, beside those of hnswlib and faiss: alike in what they find and keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import extras, threads
from seqsearch.ann import load_index, make_index, own_lists
from seqsearch.ann.graph import Graph
from seqsearch.ann.ivf_codes import Coder
from seqsearch.ann.ivf_entries import Entries
from seqsearch.ann.ivf_scan import Lists, centres_of
from seqsearch.ann.linked import LinkedGraph, best_graph, library_version
from seqsearch.ann.own_graph import OwnGraph
from seqsearch.ann.own_lists import OwnLists

DIM = 16
SETTINGS = {"dim": DIM, "m": 8, "ef_construction": 60, "seed": 5}


def points(count: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    centres = np.random.default_rng(99).normal(size=(60, dim))
    rng = np.random.default_rng(seed)
    return (centres[rng.integers(60, size=count)] + 0.4 * rng.normal(size=(count, dim))).astype(np.float32)


def distances(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    wide = items.astype(np.float64)
    return np.stack([((wide - query) ** 2).sum(axis=1) for query in queries.astype(np.float64)])


def recall(graph: LinkedGraph, queries: np.ndarray, items: np.ndarray, ef: int) -> float:
    truth = distances(queries, items)
    found, squared = graph.query(queries, 10, ef)
    np.testing.assert_allclose(squared, np.take_along_axis(truth, found, axis=1), rtol=1e-4, atol=1e-5)
    assert (np.diff(squared) >= 0).all()
    return float((np.take_along_axis(truth, found, axis=1) <= np.sort(truth)[:, 9:10] * (1 + 1e-6)).mean())


@pytest.fixture(scope="module")
def graphs() -> dict[type[LinkedGraph], LinkedGraph]:
    made: dict[type[LinkedGraph], LinkedGraph] = {kind: kind(**SETTINGS) for kind in (Graph, OwnGraph)}
    for graph in made.values():
        graph.add(points(2500))
        graph.add(points(500, seed=1))
    return made


def test_own_graphs_find_as_much_at_the_same_effort(graphs: dict[type[LinkedGraph], LinkedGraph]) -> None:
    items, queries = np.concatenate([points(2500), points(500, seed=1)]), points(300, seed=2)
    for ef, least in ((10, 0.7), (40, 0.95), (3000, 1.0)):
        own, theirs = recall(graphs[OwnGraph], queries, items, ef), recall(graphs[Graph], queries, items, ef)
        assert own >= max(least, theirs - 0.02)


@pytest.mark.parametrize(("writer", "reader"), [(Graph, OwnGraph), (OwnGraph, Graph), (OwnGraph, OwnGraph)])
def test_each_reads_what_the_other_wrote(
    graphs: dict[type[LinkedGraph], LinkedGraph], writer: type[LinkedGraph], reader: type[LinkedGraph]
) -> None:
    items, queries = np.concatenate([points(2500), points(500, seed=1)]), points(100, seed=2)
    state = graphs[writer].state()
    read = reader(**SETTINGS).restored(state)
    assert len(read) == 3000
    np.testing.assert_array_equal(read.vectors(np.arange(3000)), items)
    assert recall(read, queries, items, 60) == pytest.approx(recall(graphs[writer], queries, items, 60), abs=0.01)
    read.mark(np.arange(0, 3000, 2), deleted=True)
    read.add(points(300, seed=3))
    again = writer(**SETTINGS).restored(read.state())
    np.testing.assert_array_equal(again.marked, read.marked)
    kept = np.flatnonzero(~again.marked)
    found, _ = again.query(queries, 10, 3300)
    truth = distances(queries, np.concatenate([items, points(300, seed=3)])[kept])
    np.testing.assert_array_equal(np.sort(kept[np.argsort(truth, axis=1)[:, :10]]), np.sort(found))


def test_levels_are_geometric_and_links_sound() -> None:
    graph = OwnGraph(dim=4, m=4, ef_construction=20, seed=1)
    graph.add(np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32))
    state = graph.state()
    shares = [float((state.levels >= level).mean()) for level in (1, 2)]
    assert shares == pytest.approx([1 / 4, 1 / 16], rel=0.2)
    assert state.max_level == state.levels.max() == state.levels[state.entry_point]
    counts = np.ascontiguousarray(state.level0[:, :2]).view("<u2")
    assert counts.min() >= 1
    assert counts.max() == 8
    OwnGraph(dim=4, m=4, ef_construction=20, seed=1).restored(state)  # which proves every link


def test_a_file_of_one_library_is_searched_by_the_other(tmp_path: Path) -> None:
    items, queries = points(3000), points(50, seed=2)
    for hidden in ("hnswlib", "nothing"):
        with extras.without(hidden):
            index = make_index("hnsw", geometry="euclidean", dim=DIM, seed=1)
            index.add(np.arange(3000), items)
            index.save(tmp_path / hidden)
            expected = index.search(queries, 5, effort=200).rows
        with extras.without("hnswlib" if hidden == "nothing" else "nothing"):
            read = load_index(tmp_path / hidden)
            assert (read.search(queries, 5, effort=200).rows == expected).mean() > 0.99
    assert library_version().startswith("hnswlib ")
    with extras.without("hnswlib"):
        assert best_graph() is OwnGraph
        assert library_version().startswith("seqsearch ")


# -- lists -----------------------------------------------------------------------------------------------------------


def filled(made: type[Lists] | type[OwnLists], entries: Entries) -> Lists | OwnLists:
    lists, numbers = made(entries.coder, entries.centres), np.arange(len(entries.centres))
    lists.put(numbers, *entries.of_lists(numbers), entries.bytes())
    lists.counted(entries.live)
    return lists


@pytest.mark.parametrize("bits", [1, 2, 4, 8, None])
def test_own_lists_give_the_nearest_codes_by_their_definition(bits: int | None) -> None:
    items, queries = points(2000, dim=32), points(40, seed=2, dim=32)
    coder, centres = Coder.learned(items, bits, seed=1), centres_of(items, 20, seed=1)
    entries = Entries(coder, centres)
    entries.hold(coder.encode(items[:1500]), own_lists.nearest(items[:1500], centres))
    entries.append(coder.encode(items[1500:]), own_lists.nearest(items[1500:], centres))
    entries.drop(np.arange(0, 2000, 7))
    own, theirs = filled(OwnLists, entries), filled(Lists, entries)
    np.testing.assert_array_equal(own.nearest_lists(items), theirs.nearest_lists(items))
    wanted = np.arange(2000) % 3 > 0
    for probes, mask in ((20, None), (4, None), (6, wanted)):
        near = np.argsort(distances(queries, centres), axis=1)[:, :probes]
        truth = distances(queries, coder.decode(coder.encode(items)))
        for q in range(len(queries)):
            truth[q, ~np.isin(entries.lists, near[q])] = np.inf
        truth[:, entries.lists < 0] = np.inf
        if mask is not None:
            truth[:, ~mask] = np.inf
        with threads.using(2):
            found, squared = own.search(queries, 30, probes, mask)
        expected = np.sort(truth)[:, :30]
        np.testing.assert_allclose(squared, expected, rtol=1e-4, atol=1e-5)
        shown = np.where(found >= 0, np.take_along_axis(truth, np.maximum(found, 0), axis=1), np.inf)
        np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)
        with threads.using(1):
            np.testing.assert_array_equal(own.search(queries, 30, probes, mask)[0], found)
        if bits in (8, None):  # of parts faiss rounds its tables
            np.testing.assert_allclose(theirs.search(queries, 30, probes, mask)[1], squared, rtol=1e-4, atol=1e-4)


def test_own_centres_are_as_good_and_none_is_left_without_vectors() -> None:
    items = np.concatenate([points(3000), np.repeat(points(1, seed=9), 500, axis=0)])
    own = own_lists.centres_of(items, 64, seed=3)
    with extras.without("faiss"):
        np.testing.assert_array_equal(centres_of(items, 64, seed=3), own)
    lost = [float(distances(items, centres).min(axis=1).mean()) for centres in (own, centres_of(items, 64, seed=3))]
    assert lost[0] <= 1.1 * lost[1]
    assert np.bincount(own_lists.nearest(items, own), minlength=64).min() > 0
    few = own_lists.centres_of(items[:5], 5, seed=0)
    np.testing.assert_array_equal(np.unique(few, axis=0), np.unique(items[:5], axis=0))
