from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import ParameterError
from seqsearch.evaluation.labels import LabelReport, adjusted_rand, grouping_scores, v_measure
from seqsearch.evaluation.plots import plot_confusion
from seqsearch.learning.scores import accuracy, confusion, f1_scores, macro_f1
from seqsearch.sequences import TEXT, Sequences, Strings, Tagged

GROUPINGS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(2)))
)


def test_a_report_by_hand() -> None:
    true = ["a", "a", "a", "b", "b", "c"]
    told = ["a", "a", "b", "b", "", "a"]
    report = LabelReport.of(true, told, np.array([0.9, 0.8, 0.6, 0.7, 0.1, 0.5]))
    assert report.labels == ("a", "b", "c")
    assert report.counts.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert report.accuracy == pytest.approx(3 / 5)
    assert report.abstained == 1
    a, b, c = report.rows()
    assert (a["precision"], a["recall"], a["f1"]) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (b["precision"], b["recall"], b["f1"]) == pytest.approx((1 / 2, 1, 2 / 3))
    assert (c["precision"], c["recall"], c["f1"]) == (None, 0.0, 0.0)
    assert report.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert sum(b.count for b in report.bins) == 5
    assert 0 <= report.calibration_error <= 1


def test_a_true_label_that_training_did_not_know_is_wrong_and_seen() -> None:
    report = LabelReport.of(["a", "new"], ["a", "a"])
    assert report.accuracy == 0.5
    assert report.rows()[1] == {
        "label": "new",
        "support": 1,
        "predicted": 0,
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
    }
    assert np.isnan(report.calibration_error)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ParameterError, match="1 predicted labels cannot be compared with 2 true ones"):
        LabelReport.of(["a", "b"], ["a"])
    with pytest.raises(ParameterError, match="groups of shape"):
        v_measure(np.array([1, 2]), np.array([1]))


@given(GROUPINGS)
@settings(max_examples=60, deadline=None)
def test_scores_of_classes_against_loops(pair: tuple[list[int], list[int]]) -> None:
    true, told = pair
    counts = confusion(np.array(true), np.array(told), 5)
    assert counts.tolist() == [
        [sum(t == a and g == b for t, g in zip(true, told, strict=True)) for b in range(5)] for a in range(5)
    ]
    assert accuracy(counts) == pytest.approx(np.mean(np.array(true) == np.array(told)))
    wanted = []
    for k in range(5):
        right = sum(t == g == k for t, g in zip(true, told, strict=True))
        if true.count(k) + told.count(k):
            wanted.append(2 * right / (true.count(k) + told.count(k)))
    assert macro_f1(counts) == pytest.approx(np.mean(wanted))
    assert np.nansum(f1_scores(counts)) == pytest.approx(sum(wanted))


@given(GROUPINGS)
@settings(max_examples=60, deadline=None)
def test_adjusted_rand_against_all_pairs(pair: tuple[list[int], list[int]]) -> None:
    true, told = pair
    pairs = list(itertools.combinations(range(len(true)), 2))
    both = sum(true[i] == true[j] and told[i] == told[j] for i, j in pairs)
    first = sum(true[i] == true[j] for i, j in pairs)
    second = sum(told[i] == told[j] for i, j in pairs)
    expected = first * second / len(pairs) if pairs else 0.0
    most = (first + second) / 2
    wanted = 1.0 if most == expected else (both - expected) / (most - expected)
    assert adjusted_rand(np.array(true), np.array(told)) == pytest.approx(wanted, abs=1e-9)


@given(GROUPINGS, st.permutations(range(5)))
@settings(max_examples=60, deadline=None)
def test_names_of_groups_do_not_matter(pair: tuple[list[int], list[int]], names: list[int]) -> None:
    true, told = np.array(pair[0]), np.array(pair[1])
    renamed = np.array(names)[told]
    for score in (v_measure, adjusted_rand):
        assert score(true, told) == pytest.approx(score(true, renamed))
        assert score(true, told) == pytest.approx(score(told, true))  # both treat the two sides alike
        assert score(true, np.array(names)[true]) == pytest.approx(1)
    assert -1e-9 <= v_measure(true, told) <= 1 + 1e-9


def test_v_measure_by_hand() -> None:
    true, told = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    # H(true) = ln 2; H(true | told) = 3/4 H(1/3); H(told) = H(1/4); H(told | true) = 1/2 ln 2
    h = lambda p: -(p * np.log(p) + (1 - p) * np.log(1 - p))  # noqa: E731
    homogeneity, completeness = 1 - 0.75 * h(1 / 3) / np.log(2), 1 - 0.5 * np.log(2) / h(1 / 4)
    assert v_measure(true, told) == pytest.approx(2 * homogeneity * completeness / (homogeneity + completeness))
    assert v_measure(true, np.zeros(4)) == pytest.approx(0)


@given(GROUPINGS)
@settings(max_examples=30, deadline=None)
def test_grouping_scores_equal_scikit_learn(pair: tuple[list[int], list[int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    assert v_measure(np.array(pair[0]), np.array(pair[1])) == pytest.approx(metrics.v_measure_score(*pair), abs=1e-9)
    assert adjusted_rand(np.array(pair[0]), np.array(pair[1])) == pytest.approx(metrics.adjusted_rand_score(*pair))


def test_groups_are_judged_sequence_by_sequence_on_known_elements() -> None:
    sequences = Sequences.from_texts(["abcd", "ef", "g"], TEXT)
    known = np.array([True, True, True, False, True, True, False])
    data = Tagged(sequences, sequences.offsets, Strings.of("xxyxzzz"), known)
    assert grouping_scores(data, np.array([0, 0, 1, 1, 0, 0, 0])) == {"v_measure": 1.0, "adjusted_rand": 1.0}
    split = grouping_scores(data, np.array([0, 0, 1, 1, 0, 1, 0]))
    assert split["adjusted_rand"] == pytest.approx(0.5)
    with pytest.raises(ParameterError, match="no element is known"):
        grouping_scores(Tagged(sequences, data.offsets, data.tags, np.zeros(7, np.bool_)), np.zeros(7, np.int64))


@pytest.mark.parametrize("labels", [3, 12, 30])
def test_a_confusion_picture(labels: int, tmp_path: Path) -> None:
    counts = np.random.default_rng(0).integers(0, 50, (labels, labels))
    plot_confusion(counts, [f"label {k}" for k in range(labels)], tmp_path / "c.png")
    assert (tmp_path / "c.png").stat().st_size > 5000
    with pytest.raises(ParameterError, match=r"counts of shape \(3, 4\) do not fit 3 labels"):
        plot_confusion(np.zeros((3, 4)), ["a", "b", "c"], tmp_path / "c.png")
