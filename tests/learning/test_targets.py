from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqsearch import geometry, threads
from seqsearch.distances import EditDistance, distance_named
from seqsearch.encoders.model import Model
from seqsearch.encoders.reconstruction import reconstruction_errors
from seqsearch.errors import ParameterError
from seqsearch.learning.edits import edited
from seqsearch.learning.losses import TARGET_LOSSES, contrastive, triplet
from seqsearch.learning.metric import Metric
from seqsearch.learning.pair_objective import recall_within
from seqsearch.learning.plan import TARGETS, TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from tests.families import families

SHORT = TrainingPlan(steps=40, batch=32, check=10, validate=24)
SMALL = {"dim": 16, "hidden": 32}
SPACES = [(name, "ball") for name in geometry.GEOMETRIES] + [("hyperbolic", "sphere")]


def beats(count: int, *, seed: int = 0) -> Sequences:
    """Bumps of different place, width and height, in noise, of different length."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        steps = np.arange(int(rng.integers(20, 30)))
        bump = rng.uniform(0.5, 3) * np.exp(-(((steps - rng.uniform(8, 14)) / rng.uniform(1, 4)) ** 2))
        rows.append(bump + 0.05 * rng.standard_normal(len(steps)))
    return Sequences.from_arrays(rows)


def test_triplet_loss_by_its_definition() -> None:
    rng = np.random.default_rng(0)
    predicted, true = rng.random((7, 7)), rng.integers(1, 6, (7, 7)).astype(float)
    terms = []
    for a in range(7):
        others = [j for j in range(7) if j != a]
        p = min(others, key=lambda j: true[a, j])
        terms += [max(0.0, predicted[a, p] - predicted[a, n] + 0.3) for n in others if true[a, n] > true[a, p]]
    found = float(triplet(torch.tensor(predicted), torch.tensor(true), 0.3))
    assert found == pytest.approx(sum(terms) / len(terms))


def test_contrastive_loss_by_hand() -> None:
    predicted, true = torch.tensor([0.5, 2.0, 1.0, 3.0]), torch.tensor([0.5, 1.0, 4.0, 5.0])
    assert float(contrastive(predicted, true, 1.0, 2.5)) == pytest.approx((0.25 + 4) / 2 + (1.5**2 + 0) / 2)


def test_recall_within_by_its_definition() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 5, (20, 20)).astype(np.float32)
    predicted = rng.random((20, 20)).astype(np.float32)
    shares = []
    for i in range(20):
        others = np.delete(np.arange(20), i)
        reach = np.sort(true[i, others])[2]
        nearest = others[np.argsort(predicted[i, others])[:3]]
        shares.append((true[i, nearest] <= reach).mean())
    assert recall_within(torch.tensor(predicted), torch.tensor(true), 3) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("target", TARGET_LOSSES)
def test_free_points_follow_every_target(target: str) -> None:
    """Points without a network before them, moved down the gradient, come to satisfy what the target asks for."""
    torch.manual_seed(0)
    true = torch.cdist(points := torch.randn(24, 3) * 2, points)
    metric, free = Metric("euclidean", power=1.0), torch.randn(24, 8, requires_grad=True)
    optimizer = torch.optim.Adam([free], 0.05)
    losses = []
    for _ in range(200):
        loss = TARGET_LOSSES[target](metric(free), true, 0.2, 0.1)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("target", [t for t in TARGETS if t != "hash"])  # which wants bits: test_hash_codes.py
def test_every_target_gives_a_model_that_finds_relatives(target: str) -> None:
    sequences = families(20, 6, 40, edits=4)
    plan = replace(SHORT, steps=20, check=20, target=target)
    model, log = train(sequences, EditDistance(), plan=plan, settings=SMALL, seed=0)
    assert all(math.isfinite(value) for row in log.rows for value in row.values())
    points = model.embed(sequences)
    away = geometry.matrix("euclidean", points, points)
    np.fill_diagonal(away, np.inf)
    assert (away.argmin(axis=1) // 6 == np.arange(120) // 6).mean() > 0.9


@pytest.mark.parametrize(("name", "mode"), SPACES)
def test_models_of_every_geometry_predict_distances(name: str, mode: str) -> None:
    """One ruler for all: scale * d^power between restored models' points is about the exact distance."""
    sequences = families(20, 6, 40)
    plan = replace(SHORT, geometry=name, mode=mode)
    model, log = train(sequences, EditDistance(), plan=plan, settings=SMALL, seed=0)
    assert all(math.isfinite(value) for row in log.rows for value in row.values())
    again = Model.restore(model.document(), model.weight_bytes())
    some = sequences[:60]
    points = again.embed(some)
    predicted = again.scale * geometry.matrix(name, points, points) ** again.power
    true = EditDistance().matrix(some, some)
    off = ~np.eye(60, dtype=bool)
    assert np.abs(predicted - true)[off].mean() < 0.25 * true[off].mean()


def test_series_learn_sums_of_squares_by_their_root() -> None:
    distance = distance_named("dtw")
    model, log = train(beats(240), distance, plan=replace(SHORT, steps=100), settings=SMALL, seed=0)
    assert model.power == 3.0
    unseen = beats(60, seed=1)
    points = model.embed(unseen)
    predicted = model.scale * geometry.matrix("euclidean", points, points) ** model.power
    true = distance.matrix(unseen, unseen)
    upper = np.triu_indices(60, 1)
    assert np.corrcoef(predicted[upper], true[upper])[0, 1] > 0.8
    assert log.rows[-1]["recall_at_10"] > 0.5


def test_contrastive_training_pulls_edited_copies_near() -> None:
    """Of unseen families: a copy with 5% of its symbols edited is nearer to its original than other families are."""
    plan = replace(SHORT, target="contrastive")
    model, log = train(families(40, 6, 60), EditDistance(), plan=plan, settings=SMALL, seed=0)
    assert log.rows[-1]["validation_loss"] < log.rows[0]["validation_loss"]
    unseen = families(30, 1, 60, seed=7)
    points, copies = model.embed(unseen), model.embed(edited(unseen, 0.05, np.random.default_rng(0)))
    away = geometry.matrix("euclidean", copies, points)
    assert (away.argmin(axis=1) == np.arange(30)).mean() > 0.9


def test_an_autoencoder_keeps_its_decoder_and_some_sequences_unseen() -> None:
    sequences = families(40, 12, 40, edits=4)
    plan = replace(SHORT, steps=60, target="autoencode")
    model, _ = train(sequences, EditDistance(), plan=plan, settings=SMALL, seed=0)
    held = model.training["held_out"]
    assert len(set(held)) == 48 + 24  # a tenth, and those that were looked at
    assert model.training["sequences"] == 480 - 48 - 24
    again = Model.restore(model.document(), model.weight_bytes())
    unseen = sequences[[int(name[1:]) for name in held]]
    errors = reconstruction_errors(again, unseen)
    assert errors.tolist() == reconstruction_errors(model, unseen).tolist()
    strangers = reconstruction_errors(again, families(72, 1, 40, seed=5))
    assert (strangers[:, None] > errors).mean() > 0.9
    assert errors.mean() < 0.95 * strangers.mean()


def test_an_autoencoder_of_series() -> None:
    model, _ = train(
        beats(240), distance_named("dtw"), plan=replace(SHORT, target="autoencode"), settings=SMALL, seed=0
    )
    noise = Sequences.from_arrays([row * 3 for row in np.random.default_rng(0).standard_normal((30, 25))])
    assert reconstruction_errors(model, beats(30, seed=4)).max() < reconstruction_errors(model, noise).min()


def test_a_time_limit_ends_a_run() -> None:
    plan = replace(SHORT, steps=10_000_000, seconds=1.0, patience=1000)
    with threads.using(1):
        _, log = train(families(20, 6, 30), EditDistance(), plan=plan, settings=SMALL, seed=0)
    assert 0 < log.rows[-1]["step"] < 10_000_000


def test_plans_that_cannot_be_followed() -> None:
    with pytest.raises(ParameterError, match="no training target 'mae': choose one of near, rank"):
        TrainingPlan(target="mae")
    with pytest.raises(ParameterError, match="batch must be at least 1, not 0"):
        TrainingPlan(batch=0)
    with pytest.raises(ParameterError, match="device 'abacus' cannot be used"):
        train(families(30, 8, 30), EditDistance(), plan=replace(SHORT, device="abacus"))
