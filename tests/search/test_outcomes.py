"""What is found of what one budget proposed, beside comparing one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqsearch.distances import EditDistance, Neighbours, recall_at
from seqsearch.search.budget import Budget
from seqsearch.search.intervals import Stop
from seqsearch.search.outcomes import COMPARED, STOPPED, Hits, Proposal
from seqsearch.search.stages import Exact
from seqsearch.sequences import DNA, as_sequences

WIDE = 400
TRUE = hnp.arrays(np.int64, (4, 10), elements=st.integers(0, 30)).map(lambda x: np.sort(x, axis=1).astype(np.float64))


def proposal(seed: int, true: np.ndarray) -> Proposal:
    rng = np.random.default_rng(seed)
    distances = rng.integers(0, 60, (len(true), WIDE)).astype(np.float64)
    distances[rng.random(distances.shape) < 0.1] = np.inf  # too far to count, or none
    scores = np.sort(distances + rng.normal(0, 20, distances.shape), axis=1).astype(np.float32)
    truth = Neighbours(np.zeros(true.shape, np.int64), true)
    return Proposal(Budget(WIDE, lists=4), scores, distances, truth)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), TRUE, st.integers(0, 10), st.integers(0, WIDE))
def test_the_first_so_many_find_what_they_find_by_themselves(
    seed: int, true: np.ndarray, known: int, first: int
) -> None:
    true[0, known:] = np.inf  # of a query that has no more neighbours
    made = proposal(seed, true)
    for k in (1, 5, 10):
        hits = Hits(made.distances, made.truth, k)
        best = np.full((len(true), k), np.inf)
        some = np.sort(made.distances[:, :first], axis=1)[:, :k]
        best[:, : some.shape[1]] = some
        assert hits.among(first) == pytest.approx(recall_at(best, true, k))
        each = np.array([first, 0, WIDE, first // 2])
        assert [hits.among(each)[q] for q in range(4)] == [hits.among(int(each[q]))[q] for q in range(4)]


def found_until(made: Proposal, stop: Stop, k: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """One candidate after the other."""
    recalls, compared = [], []
    for q in range(len(made.truth)):
        best: list[float] = []
        for c in range(most):
            full = len(best) >= k
            if full and stop.bounds(made.scores[q, c : c + 1])[0] > best[k - 1]:
                break
            best = sorted([*best, made.distances[q, c]])
        else:
            c = most
        compared.append(c)
        row = np.array([*best, *[np.inf] * k])[None, :k]
        recalls.append(recall_at(row, made.truth.distances[q : q + 1], k)[0])
    return np.array(recalls), np.array(compared)


@pytest.mark.parametrize("seed", range(3))
def test_stops_among_the_first_in_order(seed: int) -> None:
    true = np.sort(np.random.default_rng(seed).integers(0, 8, (6, 10)), axis=1).astype(np.float64)
    made = proposal(seed, true).ordered_by(proposal(seed, true).scores)
    stop = Stop(0.1, (0.0, 3.0, 6.0, 60.0), (-20.0, 0.0, 12.0))
    outcomes = {(o.budget.kept, o.k): o for o in made.stopped((1, 10), [stop])}
    assert {kept for kept, _ in outcomes} == {(count,) for count in STOPPED if count <= WIDE}
    for ((count,), k), outcome in outcomes.items():
        recalls, compared = found_until(made, stop, k, count)
        assert outcome.each == pytest.approx(recalls)
        assert outcome.compared is not None
        assert (np.minimum(outcome.compared, count) == compared).all()
    whole = {(o.budget.kept, o.k): o for o in made.narrowed((1, 10))}
    assert {kept for kept, _ in whole} == {(count,) for count in COMPARED if count <= WIDE // 2}
    for ((count,), k), outcome in whole.items():
        some = np.sort(made.distances[:, :count], axis=1)[:, :k]
        assert outcome.each == pytest.approx(recall_at(some, true, k))


def test_what_is_compared_with_far_queries_costs_more() -> None:
    texts = as_sequences(["ACGT" * 300, "ACGT" * 300, "GATTACA"], DNA)
    stage = Exact(EditDistance(), texts, np.ones(3, np.bool_))
    truth = Neighbours(np.zeros((3, 2), np.int64), np.array([[0.0, 3.0], [400.0, 500.0], [np.inf, np.inf]]))
    near, far, short = stage.costs(texts.lengths, truth).tolist()
    assert far > 5 * near > 5 * short
    assert near == EditDistance().verification_cost(texts.lengths[:1], 3.0)
    assert stage.cost(texts, truth) == pytest.approx((near + far + short) / 3)
