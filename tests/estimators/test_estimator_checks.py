"""scikit-learn's own checks: arrays of numbers are series under time warping, so that nearly all of them apply."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'seqsearch[sklearn]'")
from sklearn.utils.estimator_checks import parametrize_with_checks

from seqsearch import NoveltyScorer, SequenceClassifier, SequenceEmbedder, SequenceNeighbors

FRAMES = "the columns of a data frame are id, sequence and label, not the steps of a series"
FAILS = {
    "SequenceClassifier": {"check_classifier_data_not_an_array": FRAMES},
    "NoveltyScorer": {
        "check_classifier_data_not_an_array": FRAMES,
        "check_outliers_fit_predict": "fit_predict judges each sequence among the others, predict finds it itself",
        "check_outliers_train": "predict finds what was fitted, at distance 0: none of it is novel",
    },
}


def expected(estimator: object) -> dict[str, str]:
    """What fails by design, and why."""
    return FAILS.get(type(estimator).__name__, {})


@parametrize_with_checks(
    [SequenceNeighbors(), SequenceEmbedder(encoder="curve"), SequenceClassifier(), NoveltyScorer(fpr=0.1)],
    expected_failed_checks=expected,
)
@pytest.mark.filterwarnings("default")  # checks warn of what they leave out
def test_the_checks_of_scikit_learn(estimator: object, check: Callable[[object], None]) -> None:
    check(estimator)
