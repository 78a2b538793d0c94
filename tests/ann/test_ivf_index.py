"""Compressed lists: what codes keep, what lists miss, how they grow; each beside the slow way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import geometry, threads
from seqsearch.ann import ivf as ivf_module
from seqsearch.ann import load_index, make_index
from seqsearch.ann.ivf import FEWEST, IvfIndex
from seqsearch.ann.ivf_codes import CENTROIDS, PART_DIMS, Coder, padded_dim
from seqsearch.ann.ivf_entries import Entries
from seqsearch.ann.ivf_lists import LONGEST, SHORT, ListSettings
from seqsearch.ann.ivf_space import CodedSpace, coded
from seqsearch.errors import CorruptIndexError, ParameterError


def points(count: int, dim: int = 32, seed: int = 0, groups: int = 40) -> np.ndarray:
    """Clustered vectors, inside the ball."""
    centres = np.random.default_rng(99).normal(size=(groups, dim)) * 0.3
    rng = np.random.default_rng(seed)
    made = centres[rng.integers(groups, size=count)] + rng.normal(size=(count, dim)) * 0.1
    return (made / np.sqrt(dim)).astype(np.float32)


def taught(name: str = "euclidean", dim: int = 32, count: int = 6000, **parameters: object) -> IvfIndex:
    index = make_index("ivf", geometry=name, dim=dim, parameters=parameters, seed=1)
    assert isinstance(index, IvfIndex)
    index.train(points(2000, dim, seed=7))
    if count:
        index.add(np.arange(count), points(count, dim))
    return index


def share(index: IvfIndex, queries: np.ndarray, items: np.ndarray, among: int, effort: int | None = None) -> float:
    """The part of the true ten that are among so many candidates."""
    truth = np.argsort(geometry.matrix(index.settings.geometry, queries, items), axis=1, kind="stable")[:, :10]
    found = index.search(queries, among, effort=effort).rows
    return float(np.mean([np.isin(near, own).mean() for near, own in zip(truth, found, strict=True)]))


# -- codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", PART_DIMS)
def test_each_part_is_coded_by_its_nearest_centroid(bits: int) -> None:
    vectors, size = points(300, 32), PART_DIMS[bits]
    coder = Coder.learned(vectors, bits, seed=1)
    plain = coder.encode(vectors).view(np.uint8)
    assert plain.shape == (300, 32 * bits // 8)
    numbers = np.stack([plain & 15, plain >> 4], axis=2).reshape(300, coder.parts)
    parts, books = vectors.reshape(300, coder.parts, size), coder.books.reshape(coder.parts, CENTROIDS, size)
    gaps = ((parts[:, :, None, :] - books[None]) ** 2).sum(axis=3)
    chosen = np.take_along_axis(gaps, numbers[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    np.testing.assert_allclose(chosen, gaps.min(axis=2), atol=1e-6)
    expected = np.take_along_axis(books[None], numbers[:, :, None, None].astype(np.int64), axis=2)[:, :, 0]
    np.testing.assert_array_equal(coder.decode(coder.encode(vectors)), expected.reshape(300, 32))


def test_more_bits_keep_more_and_floats_keep_all() -> None:
    vectors = points(3000)
    lost = []
    for bits in (1, 2, 4, 8, None):
        coder = Coder.learned(vectors, bits, seed=1)
        assert coder.sound() == ""
        lost.append(float(((coder.decode(coder.encode(vectors)) - vectors) ** 2).sum(axis=1).mean()))
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] == 0
    assert lost[2] < 0.02 * float(((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1).mean())


def test_codes_do_not_depend_on_threads_and_come_again_from_what_they_stand_for() -> None:
    vectors = points(3000)
    for bits in (1, 2, 4, 8):
        with threads.using(1):
            alone = Coder.learned(vectors, bits, seed=1)
            codes = alone.encode(vectors)
        together = Coder.learned(vectors, bits, seed=1)
        np.testing.assert_array_equal(alone.books, together.books)
        np.testing.assert_array_equal(codes, together.encode(vectors))
        if bits < 8:  # a byte stands for the middle of its step: the next below may round to it
            np.testing.assert_array_equal(alone.encode(alone.decode(codes)), codes)


def test_constant_and_missing_dimensions() -> None:
    vectors = points(500, 5)
    vectors[:, 2] = 0.25
    for bits in (1, 2, 4, 8):
        width = padded_dim(5, bits)
        whole = coded("euclidean", vectors, width)
        back = Coder.learned(whole, bits, seed=0).decode(Coder.learned(whole, bits, seed=0).encode(whole))
        np.testing.assert_allclose(back[:, 5 + (-5) % PART_DIMS.get(bits, 1) :], 0, atol=1e-6)
        if bits > 2:
            np.testing.assert_allclose(back[:, 2], 0.25, atol=1e-3)


@pytest.mark.parametrize("name", geometry.GEOMETRIES)
def test_coded_vectors_lead_back_to_the_geometry(name: str) -> None:
    vectors = points(400, 6)
    vectors *= (np.linspace(0, 0.999, 400) / np.linalg.norm(vectors, axis=1))[:, None].astype(np.float32)
    width = padded_dim(6, None)
    space = CodedSpace(name, Coder(None, width, np.zeros((0, 0), np.float32)), 6)
    np.testing.assert_allclose(space.restored(coded(name, vectors, width)), vectors, rtol=1e-5, atol=1e-5)


# -- entries ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.integers(0, 11), max_size=12), max_size=8), st.integers(0, 5))
def test_entries_are_the_different_pairs_of_list_and_code(batches: list[list[int]], drops: int) -> None:
    coder = Coder.learned(points(300, 8), 4, seed=0)
    items, lists = coder.encode(points(4, 8, seed=3)), np.array([0, 1, 2])
    entries = Entries(coder, np.zeros((3, 8), np.float32))
    known: dict[tuple[bytes, int], int] = {}
    for batch in batches:
        codes = items[[number % 4 for number in batch]].reshape(len(batch), coder.words)
        of = lists[[number // 4 for number in batch]].reshape(len(batch))
        found, fresh = entries.match(codes, of)
        entries.append(codes[fresh], of[fresh])
        for at, number in enumerate(found.tolist()):
            assert known.setdefault((codes[at].tobytes(), int(of[at])), number) == number
        for key in list(known)[:drops]:
            entries.drop(np.array([known.pop(key)]))
        assert entries.live == len(known)
    number = entries.compact()
    for (code, of_list), before in known.items():
        assert entries.codes(number[[before]]).tobytes() == code
        assert entries.lists[number[before]] == of_list


def test_equal_points_are_one_entry() -> None:
    index = taught(count=0)
    items = points(1000)
    index.add(np.arange(1000), items)
    before = index.health()["entries"]
    index.add(np.arange(1000, 2000), items)
    index.add(np.arange(2000, 2001), items[:1])
    assert index.health()["entries"] == before
    assert set(index.search(items[:1], 3).rows[0].tolist()) == {0, 1000, 2000}


# -- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "least"), [(1, 0.6), (2, 0.9), (4, 0.98), (8, 0.98), (None, 0.98)])
@pytest.mark.parametrize("name", geometry.GEOMETRIES)
def test_the_true_ten_are_among_a_hundred_candidates(name: str, bits: int | None, least: float) -> None:
    index = taught(name, bits=bits)
    assert index.health()["recall"] >= 0.99
    assert share(index, points(100, seed=5), points(6000), 100) >= least


@pytest.mark.parametrize("name", geometry.GEOMETRIES)
def test_floats_in_all_lists_give_the_true_distances(name: str) -> None:
    index, queries = taught(name, bits=None), points(30, seed=5)
    found = index.search(queries, 10, effort=10_000)
    truth = np.sort(geometry.matrix(name, queries, points(6000)), axis=1)[:, :10]
    right = np.isclose(found.distances, truth, rtol=2e-3, atol=1e-5)
    assert right.mean() >= (1.0 if CodedSpace(name, Coder(None, 32, points(0)), 32).native else 0.98)


def test_more_lists_find_more() -> None:
    index, queries, items = taught(lists=64), points(200, seed=5), points(6000)
    shares = [share(index, queries, items, 100, effort) for effort in (1, 4, 64)]
    assert shares[0] < shares[1] <= shares[2]
    assert shares[2] > 0.99
    efforts = index.efforts(100)
    assert list(efforts) == sorted(set(efforts))
    costs = [index.effort_cost(100, effort) for effort in efforts]
    assert costs == sorted(costs)
    with pytest.raises(ParameterError, match="at least 1 list must be looked into, not 0"):
        index.search(queries, 10, effort=0)


def test_few_rows_are_scanned_and_learn_by_themselves() -> None:
    items = points(FEWEST + 100)
    index = make_index("ivf", geometry="cosine", dim=32, seed=1)
    exact = make_index("exact", geometry="cosine", dim=32)
    assert isinstance(index, IvfIndex)
    for start in range(0, FEWEST - 96, 1000):
        index.add(np.arange(start, start + 1000), items[start : start + 1000])
        exact.add(np.arange(start, start + 1000), items[start : start + 1000])
    queries = points(20, seed=5)
    np.testing.assert_array_equal(index.search(queries, 10).rows, exact.search(queries, 10).rows)
    np.testing.assert_array_equal(index.search(queries, 10).distances, exact.search(queries, 10).distances)
    assert (index.lists, index.health()["recall"]) == (0, 1.0)
    index.add(np.arange(4000, FEWEST + 100), items[4000:])
    assert index.lists > 0
    assert len(index) == FEWEST + 100
    assert share(index, queries, items, 100) > 0.95


def test_rows_too_much_alike_teach_nothing() -> None:
    index = make_index("ivf", geometry="euclidean", dim=32)
    assert isinstance(index, IvfIndex)
    items = points(500)
    index.add(np.arange(5000), np.tile(items, (10, 1)))
    assert index.lists == 0
    assert index.search(items[:1], 10).rows[0].tolist() == list(range(0, 5000, 500))
    index.add(np.arange(5000, 15_000), points(10_000, seed=2))
    assert index.lists > 0


def test_learning_comes_first_and_once() -> None:
    index = make_index("ivf", geometry="euclidean", dim=32, parameters={"lists": 2000})
    assert index.training_rows == 128_000
    index.train(points(100))
    assert isinstance(index, IvfIndex)
    assert index.lists == 0
    index.train(points(1000))
    assert index.lists == 125  # no more than leave eight vectors to each
    with pytest.raises(ParameterError, match="learns before the first rows are added, and only once"):
        index.train(points(1000))
    with pytest.raises(ParameterError, match="vector 1 has a value beyond 1e"):
        index.add(np.arange(2), np.array([[0.0] * 32, [2e16] * 32]))


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"bits": 3}, "bits is the number of bits a dimension, 1, 2, 4 or 8, or None for floats, not 3"),
        ({"bits": True}, "or None for floats, not True"),
        ({"lists": 0}, "lists is a whole number from 1 to 1048575, not 0"),
        ({"lists": 2.5}, "lists is a whole number"),
        ({"target": 2}, "target is a recall from 0 to 1, not 2"),
        ({"probes": 3}, "an index of kind 'ivf' has no parameter 'probes': choose one of"),
    ],
)
def test_parameters_that_cannot_be(parameters: dict[str, object], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        make_index("ivf", geometry="euclidean", dim=3, parameters=parameters)


# -- growth ----------------------------------------------------------------------------------------------------------


def test_lists_that_grow_too_long_are_split() -> None:
    index = taught(count=0, lists=2)
    assert index.lists == 2
    for start in range(0, 12_000, 3000):
        index.add(np.arange(start, start + 3000), points(3000, seed=start + 1))
    items = np.concatenate([points(3000, seed=start + 1) for start in range(0, 12_000, 3000)])
    assert index.lists > 2
    assert index.health()["longest_list"] <= LONGEST * SHORT
    assert share(index, points(100, seed=5), items, 100) > 0.98
    assert share(index, points(100, seed=5), items, 100, effort=10_000) > 0.98


def test_what_is_removed_leaves_no_trace() -> None:
    index = taught()
    items = points(6000)
    index.remove(np.arange(0, 6000, 2))
    other = taught(count=0)
    other.add(np.arange(1, 6000, 2), items[1::2])
    queries = points(50, seed=5)
    for effort in (3, 1000):
        mine, others = index.search(queries, 20, effort=effort), other.search(queries, 20, effort=effort)
        np.testing.assert_allclose(mine.distances, others.distances, rtol=1e-6)
    index.remove(np.arange(1, 5000, 2))  # beyond half: numbered anew
    assert index.search(items[5999:], 1).rows[0, 0] == 5999


# -- changes in files of their own -----------------------------------------------------------------------------------


def changed(index: IvfIndex, seed: int) -> None:
    """Additions, removals and splits."""
    first = int(index.rows()[-1]) + 1
    index.add(np.arange(first, first + 400), points(400, seed=seed))
    index.remove(index.rows()[::9])
    index.add(np.arange(first + 400, first + 700), np.repeat(points(30, seed=seed + 1), 10, axis=0))


@pytest.mark.parametrize(("name", "bits"), [("cosine", 4), ("hyperbolic", 2), ("manhattan", None), ("euclidean", 8)])
def test_changes_repeat_what_was_done(
    name: str, bits: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqsearch.ann.ivf_lists.SHORT", 60)
    index = taught(name, bits=bits, lists=16)
    assert not index.save_changes(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    index.save(tmp_path / "whole")
    queries = points(30, seed=5)
    for number in range(3):
        changed(index, 10 * number + 20)
        assert index.save_changes(tmp_path / str(number))
    assert (tmp_path / "0").stat().st_size < (tmp_path / "whole").stat().st_size / 3
    again = load_index(tmp_path / "whole")
    for number in range(3):
        again.apply_changes(tmp_path / str(number))
    np.testing.assert_array_equal(again.rows(), index.rows())
    for count, effort in ((10, None), (100, 3)):
        mine, repeated = index.search(queries, count, effort=effort), again.search(queries, count, effort=effort)
        np.testing.assert_array_equal(mine.rows, repeated.rows)
        np.testing.assert_array_equal(mine.distances, repeated.distances)
    index.save(tmp_path / "a")
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    changed(again, 90)
    assert again.save_changes(tmp_path / "more")
    index.apply_changes(tmp_path / "more")
    assert len(index) == len(again)


def test_changes_of_another_state_are_refused(tmp_path: Path) -> None:
    index = taught()
    index.save(tmp_path / "whole")
    for name in ("first", "second"):
        changed(index, 30)
        index.save_changes(tmp_path / name)
    again = load_index(tmp_path / "whole")
    with pytest.raises(CorruptIndexError, match="not those that follow what the index holds"):
        again.apply_changes(tmp_path / "second")
    again.apply_changes(tmp_path / "first")
    with pytest.raises(CorruptIndexError, match="not those that follow"):
        again.apply_changes(tmp_path / "first")
    with pytest.raises(ParameterError, match="ExactIndex keeps no changes"):
        make_index("exact", geometry="euclidean", dim=3).apply_changes(tmp_path / "first")
    with pytest.raises(ParameterError, match="has learned nothing"):
        make_index("ivf", geometry="euclidean", dim=3).apply_changes(tmp_path / "first")


def test_too_many_changes_ask_for_a_whole_file(tmp_path: Path) -> None:
    index = taught()
    index.save(tmp_path / "whole")
    index.add(np.arange(6000, 12_000), points(6000, seed=3))
    assert not index.save_changes(tmp_path / "changes")
    index.save(tmp_path / "whole")
    assert index.save_changes(tmp_path / "changes")
    load_index(tmp_path / "whole").apply_changes(tmp_path / "changes")


def test_settings_fit_the_module() -> None:
    assert ListSettings("cosine", 100, bits=1).width == 128
    assert ListSettings("cosine", 100, bits=4).width == 104
    for dim, bits in ((24, 8), (25, 4)):
        narrow = make_index("ivf", geometry="cosine", dim=dim)
        assert isinstance(narrow, IvfIndex)
        assert narrow.settings.bits == bits
    assert ivf_module.IvfIndex.suited_parameters(70_000) == {"lists": 256}
