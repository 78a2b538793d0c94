"""Teachers: distances within a band and estimates of them, beside the exact ones."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch.distances import DTWDistance, EditDistance, distance_named
from seqsearch.errors import ParameterError
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.teachers import WINDOW, Sketched, Teacher, teacher_of
from seqsearch.learning.trainer import train
from seqsearch.sequences import DNA, Sequences


def family(rng: np.random.Generator, origins: int, copies: int, length: int, edits: int) -> Sequences:
    """Origins of DNA, each with copies that some substitutions tell apart."""
    made = []
    for _ in range(origins):
        origin = rng.integers(4, size=length)
        for _ in range(copies):
            copy = origin.copy()
            copy[rng.integers(length, size=edits)] = rng.integers(4, size=edits)
            made.append(copy.astype(np.uint8))
    return Sequences.from_arrays(made, DNA)


@pytest.fixture(scope="module")
def genes() -> Sequences:
    return family(np.random.default_rng(0), 24, 8, 160, 12)


@pytest.fixture(scope="module")
def banded(genes: Sequences) -> Teacher:
    return teacher_of("banded", EditDistance(), genes, np.random.default_rng(1))


@pytest.fixture(scope="module")
def sketch(genes: Sequences) -> Teacher:
    return teacher_of("sketch", EditDistance(), genes, np.random.default_rng(1))


def test_near_sequences_are_told_exactly_and_others_about(genes: Sequences, banded: Teacher) -> None:
    assert isinstance(banded.distance, Sketched)
    assert banded.share < 1
    exact, told = EditDistance().matrix(genes, genes), banded.distance.matrix(genes, genes)
    near = exact <= banded.distance.within
    assert near.sum() > 3 * len(genes)
    assert (told[near] == exact[near]).mean() > 0.99  # the sketch may take a near one for a far one
    assert (told[~near] >= banded.distance.within).all()
    assert np.array_equal(told, told.T)
    assert not np.diag(told).any()
    assert np.abs(told[~near] - exact[~near]).mean() < 0.1 * exact[~near].mean()


def test_pairs_are_those_of_the_matrix(genes: Sequences, banded: Teacher, sketch: Teacher) -> None:
    rows, others = np.random.default_rng(2).integers(len(genes), size=(2, 200))
    for told in (banded.distance, sketch.distance):
        whole, other = told.matrix(genes, genes[:100]), told.pairs(genes, rows, genes, others)
        some = others < 100
        assert np.allclose(whole[rows[some], others[some]], other[some], atol=1e-3)


def test_estimates_order_pairs_as_the_distance_does(genes: Sequences, sketch: Teacher) -> None:
    told = sketch.distance.matrix(genes, genes)
    exact = EditDistance().matrix(genes, genes)
    same = np.arange(len(genes)) // 8
    kin = (same[:, None] == same) & ~np.eye(len(genes), dtype=bool)
    assert np.quantile(told[kin], 0.99) < np.quantile(told[same[:, None] != same], 0.01)
    assert abs(told[kin].mean() - exact[kin].mean()) < 0.3 * exact[kin].mean()


def test_time_warping_is_told_within_a_band() -> None:
    rng = np.random.default_rng(3)
    series = Sequences.from_arrays([np.cumsum(rng.standard_normal(40)) for _ in range(30)])
    exact = DTWDistance(root=True)
    teacher = teacher_of("banded", exact, series, rng)
    assert teacher.distance == DTWDistance(root=True, window=WINDOW)
    assert (teacher.distance.matrix(series, series) >= exact.matrix(series, series) - 1e-9).all()


def test_the_exact_teacher_is_the_distance_itself(genes: Sequences) -> None:
    rng = np.random.default_rng(4)
    before = rng.bit_generator.state
    teacher = teacher_of("exact", EditDistance(), genes, rng)
    assert teacher.distance == EditDistance()
    assert teacher.share == 1
    assert rng.bit_generator.state == before  # so that a seed gives the model that it gave


def test_a_network_learns_from_an_inexact_teacher(genes: Sequences) -> None:
    plan = TrainingPlan(steps=100, check=50, batch=64, teacher="banded", sequences=150)
    model, log = train(genes, EditDistance(), encoder="linear", plan=plan, settings={"dim": 16})
    assert log.rows[-1]["recall_at_10"] > 0.5
    assert model.training["plan"]["teacher"] == "banded"


def test_what_no_band_stands_for_is_refused(genes: Sequences) -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(ParameterError, match="no teacher 'guess': choose one of exact, banded, sketch"):
        TrainingPlan(teacher="guess")
    with pytest.raises(ParameterError, match=r"the teacher banded stands for edit and dtw, not for .*choose sketch"):
        teacher_of("banded", distance_named("osa"), genes, rng)
    with pytest.raises(ParameterError, match="the teacher banded is no narrower than DTWDistance"):
        teacher_of("banded", DTWDistance(window=0.05), genes, rng)
