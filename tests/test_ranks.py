import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqsearch.errors import ParameterError

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from harness.ranks import candidate_recall, mean_reciprocal_rank, n95, share_within

INF = np.inf


def test_candidate_recall_by_hand():
    truth = np.array([[1.0, 2, 2], [3, 4, 5]])
    # of the first query's candidates 2 and 2 are within its second distance, of the second's only 3
    assert candidate_recall([[9, 2, 2, 7], [6, 3, INF, INF]], truth, 2) == pytest.approx((1 + 0.5) / 2)
    assert candidate_recall([[1], [4]], truth, 2) == pytest.approx((0.5 + 0.5) / 2)
    with pytest.raises(ParameterError, match=r"the distances of candidates have shape \(2,\)"):
        candidate_recall([1, 2], truth, 2)


@given(hnp.arrays(np.int64, (3, 8), elements=st.integers(0, 6)), st.integers(1, 5), st.integers(1, 8))
def test_candidate_recall_against_a_plain_loop(distances, k, count):
    truth = np.sort(distances, axis=1)
    candidates = distances[:, :count]
    shares = [
        min(k, sum(d <= true[k - 1] for d in proposed)) / k for proposed, true in zip(candidates, truth, strict=True)
    ]
    assert candidate_recall(candidates, truth, k) == pytest.approx(sum(shares) / 3)


def test_summaries_of_ranks_by_hand():
    ranks = [1, 2, 4, INF]
    assert mean_reciprocal_rank(ranks) == pytest.approx((1 + 0.5 + 0.25) / 4)
    assert [share_within(ranks, top) for top in (1, 3, 100)] == [0.25, 0.5, 0.75]
    # 19 of 20 matches are among the first 40 of 200, which is 20%
    assert n95([*range(1, 19), 40, 199], 200) == pytest.approx(20)
    assert n95([*range(1, 19), 40, 199], 200, share=1) == pytest.approx(99.5)
    assert n95(ranks, 200) == math.inf
    assert n95(ranks, 200, share=0.75) == pytest.approx(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_reciprocal_rank([]), "ranks must be one a query, not of shape (0,)"),
        (lambda: share_within([1, 0], 1), "a rank counts from 1: 0.0 is none"),
        (lambda: n95([1, np.nan], 9), "a rank counts from 1: nan is none"),
        (lambda: n95([1], 0), "size must be at least 1 and share in (0, 1], not 0 and 0.95"),
    ],
)
def test_what_is_no_rank_is_named(call, message):
    with pytest.raises(ParameterError) as caught:
        call()
    assert str(caught.value) == message
