from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'seqsearch[sklearn]'")
from seqsearch import NoveltyScorer
from seqsearch.errors import ParameterError
from seqsearch.sequences import Sequences
from tests.families import families

KNOWN, NEW = families(25, 12, 50, seed=1), families(10, 4, 50, seed=2)


@pytest.fixture(scope="module")
def scorer() -> NoveltyScorer:
    return NoveltyScorer("mean", k=4, fpr=0.05, encoder="kmer").fit(KNOWN[::2])


def test_the_signs_are_those_of_scikit_learn(scorer: NoveltyScorer) -> None:
    for asked in (KNOWN[1::2], NEW):
        scores, decision = scorer.score_samples(asked), scorer.decision_function(asked)
        assert decision.tolist() == pytest.approx((scores - scorer.offset_).tolist())
        assert scorer.predict(asked).tolist() == np.where(decision < 0, -1, 1).tolist()
        assert (scorer.predict(asked) == np.where(scorer.p_values(asked) <= 0.05, -1, 1)).all()
    assert (scorer.predict(NEW) == -1).mean() > 0.8
    assert (scorer.predict(KNOWN[1::2]) == 1).mean() > 0.8


def test_members_are_judged_without_themselves() -> None:
    together = Sequences.concatenate([KNOWN, families(2, 1, 50, seed=5, prefix="odd")])
    scorer = NoveltyScorer(fpr=0.01, encoder="kmer")
    said = scorer.fit_predict(together)
    assert said[-2:].tolist() == [-1, -1]
    assert (said == -1).sum() <= 0.01 * (len(together) + 1)
    assert (scorer.index_.member_scores() > -scorer.offset_).tolist() == (said == -1).tolist()


def test_strings_and_series() -> None:
    names = [f"{first} {last}" for first in ("anna", "otto", "emil", "ida") for last in ("meyer", "mayer", "schulz")]
    scorer = NoveltyScorer(fpr=0.2, encoder="kmer").fit(names)
    assert scorer.predict(["anna meier", "1234567890-1234567890"]).tolist() == [1, -1]
    rng = np.random.default_rng(0)
    waves = [np.sin(np.arange(20) / 3 + rng.uniform(0, 1)) for _ in range(20)]
    series = NoveltyScorer(fpr=0.1, encoder="curve", distance="dtw").fit(waves)
    assert series.predict([np.sin(np.arange(20) / 3 + 0.5), 5 * rng.standard_normal(20)]).tolist() == [1, -1]


def test_parameters() -> None:
    scorer = NoveltyScorer("kth", k=3)
    assert repr(scorer) == "NoveltyScorer(k=3, method='kth')"
    with pytest.raises(ParameterError, match="has not been fitted: call fit first"):
        scorer.predict(NEW)
    with pytest.raises(ParameterError, match="fpr must be above 0"):
        NoveltyScorer(fpr=0.0).fit(KNOWN)


def test_too_few_to_judge() -> None:
    """Ten known sequences cannot promise one false alarm in a hundred: nothing is called novel."""
    scorer = NoveltyScorer(fpr=0.01, encoder="kmer").fit(KNOWN[:10])
    assert scorer.offset_ == -np.inf
    assert (scorer.predict(NEW) == 1).all()
