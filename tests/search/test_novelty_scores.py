from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.search.novelty.outlier_factor import local_outlier_factor
from seqsearch.search.novelty.scores import BANDWIDTHS, fitted_bandwidth, kth_distance, mean_distance, shell_surprise

INF = np.inf


def test_scores_of_padded_distances() -> None:
    distances = np.array([[1.0, 2.0, 6.0], [3.0, 5.0, INF], [INF, INF, INF]])
    assert kth_distance(distances).tolist() == [6, 5, INF]
    assert mean_distance(distances).tolist() == [3, 4, INF]


class Line:
    """Points on a line: nearest others by sorting, and the local outlier factor by its definition."""

    def __init__(self, points: np.ndarray) -> None:
        self.points = points

    def nearest(self, at: float, k: int, without: set[int]) -> list[tuple[float, int]]:
        away = sorted((abs(p - at), i) for i, p in enumerate(self.points.tolist()) if i not in without)
        return away[:k]

    def lists(self, count: int):
        def found(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self.padded([self.nearest(self.points[row], count, {row}) for row in rows.tolist()], count)

        return found

    @staticmethod
    def padded(lists: list[list[tuple[float, int]]], k: int) -> tuple[np.ndarray, np.ndarray]:
        rows, distances = np.full((len(lists), k), -1), np.full((len(lists), k), INF)
        for q, near in enumerate(lists):
            rows[q, : len(near)] = [i for _, i in near]
            distances[q, : len(near)] = [d for d, _ in near]
        return rows, distances

    def factor(self, at: float, k: int, own: int, floor: float) -> float:
        def reach(o: int) -> float:
            others = self.nearest(self.points[o], k, {o, own})
            return others[-1][0] if others else 0.0

        def density(here: float, without: set[int]) -> float | None:
            near = self.nearest(here, k, without)
            if not near:
                return None
            return 1 / max(float(np.mean([max(d, reach(o)) for d, o in near])), floor)

        near = self.nearest(at, k, {own})
        if not near:
            return INF
        theirs = [d for d in (density(self.points[o], {o, own}) for _, o in near) if d is not None]
        here = density(at, {own})
        assert here is not None
        return float(np.mean(theirs)) / here if theirs else 1.0


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.integers(0, 40), min_size=0, max_size=14),
    queries=st.lists(st.integers(-5, 60), max_size=4),
    k=st.integers(1, 5),
    floor=st.sampled_from([0.5, 1e-10]),
)
def test_local_outlier_factor_is_its_definition(points: list[int], queries: list[int], k: int, floor: float) -> None:
    """Queries and members, duplicates and sets of fewer than k points among them."""
    line = Line(np.array(points, np.float64))
    asked = [(float(q), -1) for q in queries] + [(float(p), i) for i, p in enumerate(points)]
    rows, distances = line.padded([line.nearest(at, k, {own}) for at, own in asked], k)
    own = np.array([o for _, o in asked], np.int64)
    found = local_outlier_factor(rows, distances, own, line.lists(k + 1), floor)
    assert found.tolist() == pytest.approx([line.factor(at, k, o, floor) for at, o in asked])


def test_the_factor_is_one_inside_and_more_outside() -> None:
    line = Line(np.concatenate([np.arange(30.0), 1000 + 20 * np.arange(30.0)]))
    asked = [15.5, 1310.0, 40.0]
    rows, distances = line.padded([line.nearest(at, 5, set()) for at in asked], 5)
    inside, thin, between = local_outlier_factor(rows, distances, np.full(3, -1), line.lists(6)).tolist()
    assert inside == pytest.approx(1, abs=0.2)
    assert thin == pytest.approx(1, abs=0.2)
    assert between > 3


def test_shell_surprise_is_a_density_over_all_codes() -> None:
    """With 4 bits: the kernel sums to 1 over all 16 codes, and the shells give the sum over stored codes."""
    rng = np.random.default_rng(0)
    stored = rng.integers(16, size=9)
    ones = np.array([bin(code).count("1") for code in range(16)])
    away = ones[np.arange(16)[:, None] ^ stored]  # (16, 9)
    counts = np.stack([(away == r).sum(axis=1) for r in range(5)], axis=1)
    for bandwidth in (0.05, 0.3):
        density = np.exp(-shell_surprise(counts, bandwidth))
        assert density.sum() == pytest.approx(1)
        assert density.tolist() == pytest.approx((bandwidth**away * (1 - bandwidth) ** (4 - away)).mean(axis=1))
    assert shell_surprise(np.zeros((1, 5), int), 0.1).tolist() == [INF]


def test_the_bandwidth_follows_the_spread() -> None:
    tight, wide = np.zeros((50, 17), int), np.zeros((50, 17), int)
    tight[:, 0], wide[:, 6] = 40, 40
    assert fitted_bandwidth(tight) == BANDWIDTHS[0]
    assert abs(fitted_bandwidth(wide) - 6 / 16) < 0.1
    assert fitted_bandwidth(np.zeros((3, 17), int)) in BANDWIDTHS
