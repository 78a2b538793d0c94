"""Two scores of the same candidates as one."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqsearch.search.ordering import ROUNDING, both_scores

SCORES = hnp.arrays(np.float64, (3, 7), elements=st.one_of(st.just(np.inf), st.floats(0, 1000, width=32)))


@settings(deadline=None, max_examples=80)
@given(SCORES, SCORES)
def test_the_sum_of_standard_deviations_from_the_mean(one: np.ndarray, other: np.ndarray) -> None:
    found = both_scores(one.astype(np.float32), other)
    for line, (a, b) in enumerate(zip(one.astype(np.float32).astype(np.float64), other, strict=True)):
        there = np.isfinite(a) & np.isfinite(b)
        assert (np.isfinite(found[line]) == there).all()
        if there.any():
            a, b = a[there], b[there]
            assume(
                all(not 0.1 < x.std() / max(ROUNDING * x.mean(), 1e-30) < 100 for x in (a, b))
            )  # equal, or clearly not
            expected = sum((x - x.mean()) / (x.std() if x.std() > ROUNDING * x.mean() else 1.0) for x in (a, b))
            assert np.allclose(found[line][there], expected, rtol=1e-3, atol=1e-3)


def test_scores_that_are_equal_but_for_rounding_leave_the_order_to_the_others() -> None:
    equal, other = np.full((1, 7), np.float32(0.1)), np.array([[3.0, 1.0, 2.0, 7.0, 5.0, 4.0, 6.0]])
    equal[0, 2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert both_scores(equal, other)[0].argsort().tolist() == other[0].argsort().tolist()


def test_a_query_is_ordered_alike_whoever_comes_along() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((5, 400)).astype(np.float32), rng.integers(0, 300, (5, 400)).astype(np.float32)
    whole = both_scores(one, other)
    for line in range(5):
        assert both_scores(one[line : line + 1], other[line : line + 1])[0].tolist() == whole[line].tolist()


def test_nothing_to_order() -> None:
    assert both_scores(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)
    assert both_scores(np.zeros((2, 0)), np.zeros((2, 0))).shape == (2, 0)
