"""Points of whole series: they start as mean and deviation of every feature, over all steps there are."""

from __future__ import annotations

import numpy as np
import torch

from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.towers import AttentionTower, rotation
from seqsearch.learning.towers import TowerPlan, train_towers
from seqsearch.sequences import Sequences


def walks(n: int, seed: int) -> Sequences:
    rng = np.random.default_rng(seed)
    levels = rng.standard_normal((n, 3))
    return Sequences.from_arrays(
        [level + 0.5 * rng.standard_normal((int(rng.integers(9, 30)), 3)) for level in levels], layout="ntf"
    )


def test_a_fresh_tower_knows_the_statistics_of_all_steps() -> None:
    some = walks(12, 0)
    tower = AttentionTower(InputSpec.fit(some), dim=16, channels=(8, 8), hidden=8, heads=2).eval()
    tower.warm_up(some)
    values = tower.spec.standardized(some)
    parts = np.split(values, some.offsets[1:-1])
    found = np.array([np.concatenate([part.mean(axis=0), part.std(axis=0)]) for part in parts])
    units = (found - found.mean(axis=0)) / found.std(axis=0)
    with torch.no_grad():
        points = tower.encode(some).numpy()
        alone = tower.encode(some[3:4]).numpy()
    np.testing.assert_allclose(points, np.tanh(0.5 * units @ rotation(6, 16).numpy().T), atol=2e-3)
    np.testing.assert_allclose(alone[0], points[3], atol=1e-5)  # padding counts for nothing
    kept = rotation(6, 16)
    torch.testing.assert_close(kept.T @ kept, torch.eye(6))
    plain = AttentionTower(tower.spec, dim=16, channels=(8, 8), hidden=8, heads=2, statistics=False)
    assert not any("statistics" in name for name in plain.state_dict())


def test_training_sees_whole_series_of_unlike_lengths_and_keeps_what_statistics_tell() -> None:
    queries = walks(24, 1)
    rng = np.random.default_rng(2)
    longer = [np.concatenate([one.data, one.data[:5]]) for one in queries]
    others = Sequences.from_arrays([one + 0.1 * rng.standard_normal(one.shape) for one in longer], layout="ntf")
    plan = TowerPlan(steps=3, check=3, batch=8, temperature=0.03)
    settings = {"dim": 16, "channels": [8, 8], "hidden": 8, "heads": 2}
    pair, _ = train_towers(queries, others, family="attention", plan=plan, settings=settings)
    a, b = pair.points(queries, "query"), pair.points(others, "database")
    nearest = np.linalg.norm(a[:, None] - b, axis=2).argmin(axis=1)
    assert np.mean(nearest == np.arange(24)) > 0.5  # at random: .04
