from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import CorruptIndexError, MismatchError, ParameterError
from seqsearch.search.novelty.conformal import KnownScores, benjamini_hochberg, shares_of
from seqsearch.sequences import DNA, Sequences

SCORES = st.lists(st.integers(0, 6).map(float), max_size=30)


def known(scores: list[float]) -> KnownScores:
    return KnownScores.of(np.array(scores, np.float64), "nearest exact 1", 100, "members", {})


@given(scores=SCORES, asked=SCORES, share=st.floats(0, 1))
def test_p_values_are_counts(scores: list[float], asked: list[float], share: float) -> None:
    told = known(scores)
    shares = np.full(len(asked), share)
    for at, score in enumerate(asked):
        above, equal = sum(s > score for s in scores), sum(s == score for s in scores)
        smoothed = told.p_values(np.array(asked), shares)[at]
        assert smoothed == pytest.approx((above + share * (equal + 1)) / (len(scores) + 1))
        assert told.p_values(np.array(asked))[at] == pytest.approx((above + equal + 1) / (len(scores) + 1))


@settings(max_examples=30)
@given(scores=st.lists(st.integers(0, 3).map(float), min_size=2, max_size=12))
def test_smoothed_p_values_of_exchangeable_scores_are_exactly_uniform(scores: list[float]) -> None:
    """Each of n scores against the n - 1 others: averaged over all, P(p <= t) is t, however many are tied."""
    levels = np.linspace(0, 1, 21)
    shares = (np.arange(2000) + 0.5) / 2000  # all shares there are
    below = np.zeros(len(levels))
    for at, score in enumerate(scores):
        others = known(scores[:at] + scores[at + 1 :])
        p = others.p_values(np.full(len(shares), score), shares)
        below += (p[:, None] <= levels).mean(axis=0) / len(scores)
    assert below == pytest.approx(levels, abs=2e-3)


@given(scores=SCORES, fpr=st.floats(0.001, 0.999))
def test_the_threshold_is_where_conservative_p_values_pass(scores: list[float], fpr: float) -> None:
    told = known(scores)
    values = np.arange(-1, 8.0)
    assert (values > told.threshold(fpr)).tolist() == (told.p_values(values) <= fpr + 1e-9).tolist()


def naive_q_values(p: list[float]) -> list[float]:
    """The least level at which the step-up procedure rejects each, by trying all levels that matter."""
    n = len(p)
    levels = sorted({min(1.0, value * n / rank) for value in p for rank in range(1, n + 1)})

    def rejected(level: float) -> list[bool]:
        ranks = [r for r in range(1, n + 1) if sorted(p)[r - 1] <= level * r / n * (1 + 1e-12)]
        limit = sorted(p)[max(ranks) - 1] if ranks else -1.0
        return [value <= limit for value in p]

    return [next((level for level in levels if rejected(level)[i]), 1.0) for i in range(n)]


@settings(max_examples=50, deadline=None)
@given(p=st.lists(st.integers(1, 50).map(lambda i: i / 50), max_size=9))
def test_benjamini_hochberg_by_trying_levels(p: list[float]) -> None:
    assert benjamini_hochberg(np.array(p)).tolist() == pytest.approx(naive_q_values(p))


def test_benjamini_hochberg_keeps_the_false_discovery_rate() -> None:
    """9 of 10 queries are known: among what is called novel at .1, about 9% are known, never far above 10%."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        told = known(rng.standard_normal(999).tolist())
        scores = np.concatenate([rng.standard_normal(180), 4 + rng.standard_normal(20)])
        called = benjamini_hochberg(told.p_values(scores)) <= 0.1
        shares.append(called[:180].sum() / max(1, called.sum()))
    assert 0.06 < np.mean(shares) < 0.11
    with pytest.raises(ParameterError, match="p-values lie from 0 to 1"):
        benjamini_hochberg(np.array([0.5, np.nan]))


def test_scores_survive_as_bytes() -> None:
    told = KnownScores.of(np.array([2.0, np.inf, 1.0]), "shells", 7, "members", {"bandwidth": 0.1})
    again = KnownScores.from_bytes(told.to_bytes())
    assert again is not None
    assert again.scores.tolist() == [1, 2, np.inf]
    assert (again.key, again.size, again.source, again.parameters) == ("shells", 7, "members", {"bandwidth": 0.1})
    assert repr(again) == "KnownScores('shells', n=3, of members, 7 stored)"
    assert KnownScores.from_bytes(told.to_bytes().replace(b'version\\": 1', b'version\\": 2')) is None
    with pytest.raises(CorruptIndexError, match="a calibration of novelty cannot be read"):
        KnownScores.from_bytes(b"nothing of the kind")
    with pytest.raises(MismatchError, match="scored by 'shells', the queries are by 'nearest exact 1'"):
        again.require("nearest exact 1")


def test_shares_belong_to_sequences() -> None:
    texts = ["ACGT", "ACG", "T", "ACGT"]
    sequences = Sequences.from_texts(texts, DNA)
    shares = shares_of(sequences, 3)
    assert shares[0] == shares[3]
    assert len(set(shares.tolist())) == 3
    assert shares[1:].tolist() == shares_of(sequences[1:], 3).tolist()
    assert (shares != shares_of(sequences, 4)).all()
    many = Sequences.from_arrays(np.random.default_rng(0).standard_normal((4000, 3)))
    drawn = np.sort(shares_of(many, 0))
    assert np.abs(drawn - np.linspace(0, 1, 4000)).max() < 1.63 / np.sqrt(4000)  # Kolmogorov-Smirnov, 1%
