"""Two scores of the same candidates as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqsearch.search.ordering import ROUNDING, mixed, mixing_of

SCORES = hnp.arrays(np.float64, (3, 7), elements=st.one_of(st.just(np.inf), st.floats(0, 1000, width=32)))


@settings(deadline=None, max_examples=80)
@given(SCORES, SCORES)
def test_the_root_of_one_and_the_other_vary_as_much_within_a_query(one: np.ndarray, other: np.ndarray) -> None:
    squares, means, count = np.zeros(2), np.zeros(2), 0
    for a, b in zip(np.sqrt(one), other, strict=True):
        there = np.isfinite(a) & np.isfinite(b)
        if there.any():
            squares += [((x[there] - x[there].mean()) ** 2).sum() for x in (a, b)]
            means += [x[there].mean() / len(one) for x in (a, b)]
            count += int(there.sum())
    deviations = np.sqrt(squares / max(1, count))
    clear = deviations > 10 * ROUNDING * means
    assume((clear | (deviations < ROUNDING * means / 10) | (deviations == 0)).all())
    expected = deviations[0] / deviations[1] if clear.all() else 1.0
    assert mixing_of(one, other) == pytest.approx(expected, rel=1e-6)


@given(SCORES, SCORES, st.floats(1e-6, 100))
def test_a_sum_that_is_inf_where_either_is(one: np.ndarray, other: np.ndarray, mixing: float) -> None:
    found = mixed(one.astype(np.float32), other, mixing)
    there = np.isfinite(one) & np.isfinite(other)
    assert found.dtype == np.float32
    assert (np.isfinite(found) == there).all()
    assert np.allclose(
        found[there], (np.sqrt(one.astype(np.float32).astype(np.float64)) + mixing * other)[there], rtol=1e-6
    )


def test_scores_that_are_equal_but_for_rounding_leave_the_order_to_the_others() -> None:
    equal, other = np.full((1, 7), np.float32(0.1)), np.array([[3.0, 1.0, 2.0, 7.0, 5.0, 4.0, 6.0]])
    equal[0, 2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert mixing_of(equal, other) == 1
    assert mixed(equal, other, 1.0)[0].argsort().tolist() == other[0].argsort().tolist()


def test_a_query_is_ordered_alike_whoever_comes_along() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((5, 400)).astype(np.float32), rng.integers(0, 300, (5, 400)).astype(np.float32)
    whole = mixed(one, other, 0.01)
    for line in range(5):
        assert mixed(one[line : line + 1], other[line : line + 1], 0.01)[0].tolist() == whole[line].tolist()


def test_nothing_to_order() -> None:
    for shape in ((0, 4), (2, 0)):
        assert mixed(np.zeros(shape), np.zeros(shape), 1.0).shape == shape
        assert mixing_of(np.zeros(shape), np.zeros(shape)) == 1
