"""What is answered over targets that have to be unpacked is what is answered over those in memory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from seqsearch.distances import distance_named, range_search
from seqsearch.search import gathering, lossless
from seqsearch.search.gathering import gathered, original
from seqsearch.search.lossless import Lossless
from seqsearch.sequences import DNA, Sequences


class Unpacked(Sequences):
    """A set that says that it lies on disk."""

    __slots__ = ()
    resident: ClassVar[bool] = False


def some(count: int, seed: int, longest: int = 40) -> Sequences:
    rng = np.random.default_rng(seed)
    return Sequences.from_arrays(
        [rng.integers(0, 4, rng.integers(1, longest)).astype(np.uint8) for _ in range(count)], DNA
    )


def as_on_disk(plain: Sequences) -> Sequences:
    return Unpacked(plain.data, plain.offsets, plain.ids, plain.alphabet)


@pytest.mark.parametrize("steps", [200, 1 << 20])
def test_candidates_are_gathered_each_once_and_in_order(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "GATHERED", steps)
    targets = some(300, 1)
    rows = np.random.default_rng(2).integers(-1, 300, (50, 7))
    met_queries = []
    for part, unpacked, met, places in gathered(as_on_disk(targets), rows):
        met_queries += list(range(50))[part]
        np.testing.assert_array_equal(met, np.unique(rows[part][rows[part] >= 0]))
        assert unpacked.texts() == targets[met].texts()
        np.testing.assert_array_equal(original(places, met), rows[part])
    assert met_queries == list(range(50))


def test_targets_in_memory_are_given_as_they_are() -> None:
    targets, rows = some(10, 1), np.array([[3, -1]])
    ((part, same, met, places),) = gathered(targets, rows)
    assert (part, same, len(met)) == (slice(0, 1), targets, 0)
    np.testing.assert_array_equal(original(places, met), rows)


@pytest.mark.parametrize("k", [1, 5, 400])
@pytest.mark.parametrize("filtered", [False, True])
def test_blocks_of_rows_answer_as_all_at_once(k: int, filtered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    targets, queries, distance = some(300, 1), some(20, 3), distance_named("edit")
    rng = np.random.default_rng(4)
    live, allowed = rng.random(300) < 0.8, rng.random(300) < 0.5
    wanted = allowed if filtered else None
    mask = live & allowed if filtered else live
    truth = distance.exact(queries, targets, k, allowed=mask)
    monkeypatch.setattr(lossless, "KEPT", 0)
    monkeypatch.setattr(lossless, "BLOCK", 500)
    found, pruning = Lossless(distance, as_on_disk(targets), live).neighbours(queries, k, allowed=wanted)
    np.testing.assert_array_equal(found.distances, truth.distances)
    np.testing.assert_array_equal(found.rows, truth.rows)
    assert pruning.pairs == 20 * mask.sum()
    assert pruning.verified <= pruning.pairs
    radii = np.full(20, 12.0)
    near, _ = Lossless(distance, as_on_disk(targets), live).neighbours(queries, k, allowed=wanted, within=radii)
    np.testing.assert_array_equal(near.rows, truth.within(radii).rows)


@pytest.mark.parametrize("filtered", [False, True])
def test_ranges_of_blocks_are_those_of_all(filtered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    targets, queries, distance = some(300, 1), some(20, 3), distance_named("edit")
    allowed = np.random.default_rng(4).random(300) < 0.5
    live = np.ones(300, np.bool_)
    truth = range_search(distance, queries, targets, 14.0, allowed=allowed if filtered else live)
    monkeypatch.setattr(lossless, "KEPT", 0)
    monkeypatch.setattr(lossless, "BLOCK", 500)
    found = Lossless(distance, as_on_disk(targets), live).ranges(queries, 14.0, allowed=allowed if filtered else None)
    for one, other in zip(
        (found.offsets, found.rows, found.distances), (truth.offsets, truth.rows, truth.distances), strict=True
    ):
        np.testing.assert_array_equal(one, other)
