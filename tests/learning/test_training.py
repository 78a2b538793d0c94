from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqsearch import threads
from seqsearch.arrays import IntArray
from seqsearch.distances import Distance, EditDistance
from seqsearch.errors import ParameterError
from seqsearch.learning import pairs, plan
from seqsearch.learning.losses import near_weighted, off_diagonal, relative_error, squared_error
from seqsearch.learning.metric import Metric
from seqsearch.learning.mining import BatchSampler, near_rows
from seqsearch.learning.pairs import PairBatch, PairSource, all_pairs
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from tests.families import families

SHORT = TrainingPlan(steps=60, batch=48, check=20, validate=32)


def test_losses_by_hand() -> None:
    predicted, true = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0])
    assert float(squared_error(predicted, true)) == pytest.approx((1 + 4) / 2)
    assert float(near_weighted(predicted, true, 2.0, 0.5)) == pytest.approx((1 / 16 + 4 / 16 + 0.5 * 5) / 2)
    assert float(relative_error(predicted, true, 4.0)) == pytest.approx((1 / 4 + 2 / 4) / 2)


def test_near_weighted_gradient_by_finite_differences() -> None:
    predicted = torch.rand(6, dtype=torch.float64, requires_grad=True)
    true = torch.rand(6, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: near_weighted(p, true, 0.5, 0.1), (predicted,))


def test_distances_of_equal_points_have_finite_gradients() -> None:
    points = torch.zeros(4, 3, requires_grad=True)
    off_diagonal(Metric("euclidean")(points)).sum().backward()  # type: ignore[no-untyped-call]
    assert points.grad is not None
    assert torch.isfinite(points.grad).all()


def test_off_diagonal() -> None:
    assert off_diagonal(torch.arange(9.0).view(3, 3)).tolist() == [1, 2, 3, 5, 6, 7]


def test_near_rows_equal_a_full_sort() -> None:
    points = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(near_rows(points, 7), np.argsort(distances, axis=1)[:, :7])


def test_batches_hold_near_rows() -> None:
    neighbours = (np.arange(1000)[:, None] + np.arange(1, 65)) % 1000
    sampler = BatchSampler(neighbours, 96, np.random.default_rng(0))
    rows = sampler.draw()
    assert len(np.unique(rows)) == len(rows) <= 96
    gaps = np.abs(rows[:, None] - rows[None])
    np.fill_diagonal(gaps, 1000)
    assert (gaps.min(axis=1) <= 16).mean() > 0.5  # of 96 uniform rows of 1,000 hardly half lie that close


def source_of(sequences: Sequences, cells: float, steps: int, rounds: int = 1) -> PairSource:
    neighbours = near_rows(np.random.default_rng(9).standard_normal((len(sequences), 3)).astype(np.float32), 8)
    rng = np.random.default_rng(0)
    return PairSource(sequences, EditDistance(), BatchSampler(neighbours, 16, rng), cells, rng, steps, rounds)


def compared_rows(monkeypatch: pytest.MonkeyPatch) -> list[IntArray]:
    """What is compared from now on, set by set."""
    compared: list[IntArray] = []

    def noting(sequences: Sequences, rows: IntArray, distance: Distance) -> PairBatch:
        compared.append(rows)
        return all_pairs(sequences, rows, distance)

    monkeypatch.setattr(pairs, "all_pairs", noting)
    return compared


def test_batches_come_from_sets_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = families(30, 10, 40)
    monkeypatch.setattr(plan, "WIDEST_SET", 64)
    compared = compared_rows(monkeypatch)
    batches = list(itertools.islice(source_of(sequences, 5.1 * (64 * 40) ** 2 / 2, 100), 100))
    assert 5 <= len(compared) <= 7  # sequences of at most 40
    assert all(len(rows) <= 64 for rows in compared)
    for batch in batches:
        assert len(np.unique(batch.rows)) == len(batch.rows) <= 16
        assert any(np.isin(batch.rows, rows).all() for rows in compared)
        expected = EditDistance().matrix(sequences[batch.rows], sequences[batch.rows])
        np.testing.assert_array_equal(batch.distances, expected)
    learned = np.unique(np.concatenate([batch.rows for batch in batches]))
    assert len(learned) > 0.9 * len(np.unique(np.concatenate(compared)))


def test_no_more_sets_are_compared_than_batches_need(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = families(30, 10, 40)
    monkeypatch.setattr(plan, "WIDEST_SET", 64)
    compared = compared_rows(monkeypatch)
    list(itertools.islice(source_of(sequences, 6e7, 80), 80))
    assert len(compared) == 80 // plan.REUSED
    monkeypatch.undo()
    compared = compared_rows(monkeypatch)
    list(itertools.islice(source_of(sequences, 3e8, 400), 80))
    assert [rows.tolist() for rows in compared] == [list(range(300))]  # all of them are one set


def test_other_near_rows_are_drawn_from_once_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = families(30, 10, 40)
    monkeypatch.setattr(plan, "WIDEST_SET", 64)
    source = source_of(sequences, 6e7, 80, 2)
    batches = iter(source)
    list(itertools.islice(batches, 40))
    compared = compared_rows(monkeypatch)
    source.renew(np.tile(np.arange(8), (300, 1)))
    later = list(itertools.islice(batches, 40))
    assert len(compared) == 40 // plan.REUSED
    assert all(any(np.isin(batch.rows, rows).all() for rows in compared) for batch in later)
    assert np.mean([np.isin(np.arange(8), rows).mean() for rows in compared]) > 0.8  # of 64 of 300 at random .2


def test_where_distances_are_cheap_every_batch_is_compared_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = compared_rows(monkeypatch)
    batches = list(itertools.islice(source_of(families(30, 10, 40), 1e12, 80), 80))
    assert [rows.tolist() for rows in compared] == [batch.rows.tolist() for batch in batches]
    assert len({tuple(rows) for rows in compared}) == 80


@pytest.mark.parametrize(("widest", "cells"), [(64, 3e7), (512, 3e8), (512, 1e9)])
def test_passed_over_batches_are_not_compared(widest: int, cells: float, monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = families(30, 10, 40)
    monkeypatch.setattr(plan, "WIDEST_SET", widest)
    monkeypatch.setattr(plan, "FRESH", 0.01 if cells < 1e9 else 1.0)
    whole = list(itertools.islice(source_of(sequences, cells, 40), 40))
    compared = compared_rows(monkeypatch)
    source = source_of(sequences, cells, 40)
    source.skip(30)
    assert not compared
    for one, other in zip(whole[30:], source, strict=False):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.distances, other.distances)


def test_training_beats_its_start_and_predicts_distances() -> None:
    everything = families(40, 8, 80, edits=10)
    is_unseen = np.arange(len(everything)) % 4 == 0
    unseen = everything[is_unseen]
    model, log = train(everything[~is_unseen], EditDistance(), plan=replace(SHORT, steps=100), seed=1)
    assert log.rows[-1]["validation_loss"] < log.rows[0]["validation_loss"]
    points = model.embed(unseen).astype(np.float64)
    predicted = model.scale * np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)) ** model.power
    true = EditDistance().matrix(unseen, unseen)
    family = np.repeat(np.arange(40), 2)
    upper = np.triu(np.ones_like(true, bool), 1)
    same = upper & (family[:, None] == family)
    assert predicted[same].max() < predicted[upper & ~same].min()
    assert np.abs(predicted - true)[upper].mean() < 0.2 * true[upper].mean()
    assert [row["step"] for row in log.rows][:3] == [20, 40, 60]


def test_one_seed_gives_one_model() -> None:
    sequences = families(20, 6, 50)
    with threads.using(1):
        first, _ = train(sequences, EditDistance(), plan=SHORT, seed=3)
        second, _ = train(sequences, EditDistance(), plan=SHORT, seed=3)
        other, _ = train(sequences, EditDistance(), plan=SHORT, seed=4)
    assert first.weight_bytes() == second.weight_bytes()
    assert first.weight_bytes() != other.weight_bytes()


def test_too_few_sequences() -> None:
    few = families(2, 4, 30)
    assert train(few, EditDistance())[0].family == "kmer"
    with pytest.raises(ParameterError, match="8 sequences are too few to train on: at least 32 are needed"):
        train(few, EditDistance(), encoder="projection")


def test_unknown_effort() -> None:
    with pytest.raises(ParameterError, match="effort must be low, normal or high, not 'max'"):
        TrainingPlan.of_effort("max")
