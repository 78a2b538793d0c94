from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.search.intervals import ALPHAS, Interval, Stop, predicted_of, stopped
from seqsearch.sequences import DNA, Sequences


def interval_of(seed: int, noise: float = 1.0, count: int = 6000) -> Interval:
    rng = np.random.default_rng(seed)
    exact = rng.integers(0, 40, count).astype(float)
    interval = Interval.fit(exact, exact + noise * rng.standard_normal(count))
    assert interval is not None
    return interval


@pytest.mark.parametrize("alpha", ALPHAS)
def test_further_neighbours_stay_within_the_reach(alpha: float) -> None:
    stop = interval_of(1).at(alpha)
    rng = np.random.default_rng(2)
    exact = rng.integers(0, 40, 50_000).astype(float)
    bounds = stop.bounds((exact + rng.standard_normal(50_000))[:, None].astype(np.float32))[:, 0]
    lost = float((bounds > exact).mean())
    assert lost <= alpha + 4 * np.sqrt(alpha / 6000) + 1e-3, "a neighbour is lost where more is expected of it"


def test_bounds_never_fall_with_the_predicted_distance() -> None:
    predicted = np.linspace(-5, 60, 500, dtype=np.float32)[None]
    for alpha in ALPHAS:
        assert (np.diff(interval_of(3).at(alpha).bounds(predicted)) >= 0).all()
    assert interval_of(3).at(0.1).bounds(np.array([[-9.0, np.inf]], np.float32)).tolist() == [
        [0.0, pytest.approx(np.nextafter(39.0, 40))]
    ]


def test_neighbours_that_were_not_proposed_forbid_to_stop() -> None:
    exact = np.repeat([1.0, 2.0], 400)
    predicted = np.concatenate([np.ones(400), np.where(np.arange(400) < 40, np.inf, 2.0)])
    interval = Interval.fit(exact, predicted)
    assert interval is not None
    assert interval.at(0.1).bounds(np.array([[1.5, 99.0]], np.float32)).tolist() == [[2.0, 2.0]]
    assert Interval.fit(exact[:100], predicted[:100]) is None, "too few to say anything"


def test_round_trip_with_infinite_reaches() -> None:
    interval = Interval((1.0, 2.0), ((np.inf,),) * len(ALPHAS))
    assert Interval.from_json(interval.to_json()) == interval


def test_predicted_distances_of_true_rows() -> None:
    rows = np.array([[7, 3, 9, -1], [2, -1, -1, -1]])
    predicted = np.array([[1, 2, 3, np.inf], [5, np.inf, np.inf, np.inf]], np.float32)
    truth = np.array([[9, 7, 0], [0, 2, -1]])
    assert predicted_of(truth, rows, predicted).tolist() == [[3, 1, np.inf], [np.inf, 5, np.inf]]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_simulation_is_what_reranking_does(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACGT"), rng.integers(1, 14))) for _ in range(20)]
    targets = Sequences.from_texts(texts, DNA)
    queries = targets[:3]
    candidates = np.stack([rng.permutation(20)[:15] for _ in range(3)])
    exact = EditDistance().matrix(queries, targets).astype(float)
    told = np.take_along_axis(exact, candidates, axis=1)
    predicted = np.sort(rng.random((3, 15)) * 12, axis=1).astype(np.float32)
    if seed % 2:
        predicted = predicted[:, rng.permutation(15)]  # the same where a stage ranks by something else
    stop = Stop(0.1, (0.0, 2.0, 4.0, 9.0), (3.0, 5.0, 8.0))
    bounds, (least, reach) = stop.bounds(predicted), stop.classes
    nearest, verified = np.full((3, k), np.inf), np.zeros(3, np.int64)
    stopped(told, predicted, reach, least, nearest, verified)
    found = EditDistance().rerank(queries, targets, candidates, k, stop=bounds)
    for q in range(3):
        by_count = [padded(told[q, :count], k) for count in range(16)]
        np.testing.assert_array_equal(nearest[q], by_count[verified[q]])
        # the kernel compares candidates two by two, so it may notice later that it can stop, never earlier
        assert any((found.distances[q] == by_count[count]).all() for count in range(verified[q], 16))
        if verified[q] < 15:
            assert bounds[q, verified[q]] > nearest[q, k - 1]


def padded(distances: np.ndarray, k: int) -> np.ndarray:
    """(k,) least of the distances, inf where there are fewer."""
    return np.concatenate([np.sort(distances), np.full(k, np.inf)])[:k]
