"""The first few queries of a search by proof, which are compared with the targets as they lie."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch.distances import EditDistance
from seqsearch.search.lossless import Lossless
from seqsearch.sequences import DNA, Sequences, as_sequences
from seqsearch.sequences.packed import packed


def relatives(count: int, length: int, seed: int) -> Sequences:
    rng, root = np.random.default_rng(seed), np.random.default_rng(9).integers(4, size=length)
    texts = []
    for _ in range(count):
        letters, changed = root.copy(), rng.random(length) < rng.uniform(0, 0.5)
        letters[changed] = rng.integers(4, size=int(changed.sum()))
        texts.append("".join("ACGT"[code] for code in letters[rng.random(length) > rng.uniform(0, 0.05)]))
    return as_sequences(texts, DNA)


@pytest.mark.parametrize("on_disk", [False, True], ids=["resident", "packed"])
def test_a_few_queries_make_nothing_ready_and_are_answered_alike(on_disk: bool) -> None:
    stored, asked, live = relatives(300, 400, 1), relatives(24, 400, 2), np.arange(300) % 7 > 0
    brute = np.where(live, EditDistance().matrix(asked, stored), np.inf)
    lossless = Lossless(EditDistance(), packed(stored) if on_disk else stored, live)
    order = np.lexsort((np.broadcast_to(np.arange(300), brute.shape), brute))[:, :5]
    for first, last, ready in ((0, 4, False), (4, 10, False), (10, 24, True), (0, 3, True)):
        found, pruning = lossless.neighbours(asked[first:last], 5)
        assert found.rows.tolist() == order[first:last].tolist()
        assert ("_of_all" in vars(lossless)) == ready
        assert pruning.pairs == (last - first) * int(live.sum())
    within = np.sort(brute, axis=1)[:3, 2]
    near, _ = Lossless(EditDistance(), stored, live).neighbours(asked[:3], 5, within=within)
    assert (near.rows >= 0).sum(axis=1).tolist() == [
        (line <= most).sum() for line, most in zip(brute[:3], within, strict=True)
    ]


def test_so_many_are_few_as_are_compared_sooner_than_targets_are_made_ready() -> None:
    few = [EditDistance().few(np.full(10, length)) for length in (8, 250, 400, 1450, 2900, 9000)]
    assert few == [16, 16, 10, 3, 1, 0]
    assert EditDistance().few(np.zeros(0, np.int64)) == 0


@pytest.mark.parametrize("k", [1, 11, 60, 150])
def test_the_nearest_by_counts_come_first_and_the_answers_stay(k: int) -> None:
    """Groups of more targets than are compared one by one, asked without and with a distance to stay within."""
    stored, asked = relatives(700, 300, 3), relatives(6, 300, 4)
    brute = EditDistance().matrix(asked, stored)
    order = np.lexsort((np.broadcast_to(np.arange(700), brute.shape), brute))[:, :k]
    searcher = EditDistance().searcher(stored)
    assert searcher.search(asked, k)[0].rows.tolist() == order.tolist()
    radii = np.take_along_axis(brute, order, axis=1)[:, -1]
    for within in (radii, radii + 40.0):
        found, pruning = searcher.search(asked, k, within=within)
        assert found.rows.tolist() == order.tolist()
        assert pruning.pairs == 6 * 700
    fewer = searcher.search(asked, k, within=radii - 1)[0]
    for line, most in enumerate(radii - 1):
        assert (fewer.rows[line] >= 0).sum() == (brute[line] <= most).sum()


@pytest.mark.parametrize(("threads", "queries"), [(1, 1), (2, 1), (3, 2), (8, 3)])
def test_targets_are_divided_where_threads_would_stand_idle(
    monkeypatch: pytest.MonkeyPatch, threads: int, queries: int
) -> None:
    stored, asked, live = relatives(101, 120, 5), relatives(queries, 120, 6), np.arange(101) % 5 > 0
    monkeypatch.setattr("seqsearch.distances.distance._DIVIDED", 50)
    monkeypatch.setattr("seqsearch.threads.count", lambda: threads)
    brute = np.where(live, EditDistance().matrix(asked, stored), np.inf)
    order = np.lexsort((np.broadcast_to(np.arange(101), brute.shape), brute))[:, :30]
    found, _ = EditDistance().one_by_one(stored, live).search(asked, 30)
    assert found.rows.tolist() == order.tolist()
    assert found.distances.tolist() == np.take_along_axis(brute, order, axis=1).tolist()
