import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import ParameterError
from seqsearch.evaluation import (
    distance_errors,
    distortion,
    kendall,
    mean_absolute_error,
    percent_rmse,
    relative_error,
    spearman,
)

distances = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=15)


def test_values_by_hand():
    # 15/150 = .1 against .12 and 30/150 = .2 against .16: squared errors .0004 and .0016, mean .001
    assert percent_rmse([15, 30], [0.12, 0.16], 150) == pytest.approx(100 * math.sqrt(0.001))
    assert mean_absolute_error([15, 30], [18, 24]) == pytest.approx(4.5)
    assert relative_error([15, 30, 0], [18, 24, 5]) == pytest.approx(0.2)
    # the ratios are 1.2 and .8
    assert distortion([15, 30, 0], [18, 24, 5]) == pytest.approx(1.5)
    assert spearman([1, 2, 3], [10, 30, 20]) == pytest.approx(0.5)
    assert kendall([1, 2, 3], [10, 30, 20]) == pytest.approx(1 / 3)


def test_a_row_has_them_all_in_edits():
    row = distance_errors([15, 30], [0.12, 0.16], 150)
    assert row == {
        "pairs": 2,
        "percent_rmse": pytest.approx(100 * math.sqrt(0.001)),
        "mae": pytest.approx(4.5),
        "relative_error": pytest.approx(0.2),
        "spearman": pytest.approx(1),
        "kendall": pytest.approx(1),
        "distortion": pytest.approx(1.5),
    }


@given(distances)
def test_against_plain_loops(pairs):
    exact, predicted = map(list, zip(*pairs, strict=True))
    errors = [p - e for e, p in pairs]
    assert percent_rmse(exact, predicted, 1) == pytest.approx(100 * math.sqrt(sum(x * x for x in errors) / len(errors)))
    assert mean_absolute_error(exact, predicted) == pytest.approx(sum(map(abs, errors)) / len(errors))
    apart = [(e, p) for e, p in pairs if e]
    if apart and all(p for _, p in apart):
        expansion, contraction = max(p / e for e, p in apart), max(e / p for e, p in apart)
        assert distortion(exact, predicted) == pytest.approx(expansion * contraction)
    if len(set(exact)) > 1 and len(set(predicted)) > 1:
        assert kendall(exact, predicted) == pytest.approx(plain_tau_b(exact, predicted))
        assert spearman(exact, predicted) == pytest.approx(
            np.corrcoef(mean_ranks(exact), mean_ranks(predicted))[0, 1], abs=1e-9
        )


def plain_tau_b(a, b):
    products = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in combinations(range(len(a)), 2)]
    untied = [sum(values[i] != values[j] for i, j in combinations(range(len(a)), 2)) for values in (a, b)]
    return sum(products) / math.sqrt(untied[0] * untied[1])


def mean_ranks(values):
    return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]


def test_what_has_no_value_is_nan_or_infinite():
    assert math.isnan(relative_error([0, 0], [1, 2]))
    assert math.isnan(distortion([0, 0], [1, 2]))
    assert distortion([1, 2], [0, 2]) == math.inf
    assert math.isnan(spearman([1, 1], [1, 2]))
    assert math.isnan(kendall([1, 2], [3, 3]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_absolute_error([1, 2], [1]), "exact distances of shape (2,) and predicted of (1,) are no pairs"),
        (lambda: spearman([], []), "no pair of distances is there to be compared"),
        (lambda: kendall([1, np.nan], [1, 2]), "the exact distance of pair 2 is nan"),
        (lambda: distortion([1, 2], [np.inf, 2]), "the predicted distance of pair 1 is inf"),
        (lambda: percent_rmse([1], [1], 0), "length must be above 0, not 0"),
    ],
)
def test_what_is_no_pair_is_named(call, message):
    with pytest.raises(ParameterError) as caught:
        call()
    assert str(caught.value) == message
