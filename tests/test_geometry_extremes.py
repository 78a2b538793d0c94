"""The geometries where numbers are hardest, all pairs at once: metric laws, gradients, float32 beside float64, and the
form of them that training uses; for numpy arrays and torch tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqsearch import geometry
from seqsearch.geometry import GEOMETRIES
from seqsearch.learning.metric import Metric
from tests.hard_points import hard_pairs, hard_triples

NAMES = list(GEOMETRIES)
SPACES = [(name, "ball") for name in NAMES] + [("hyperbolic", "sphere")]
FORMS: dict[str, Callable[[np.ndarray], Any]] = {"numpy": np.asarray, "torch": torch.from_numpy}
LEAST = 1e-30  # below, float32 has no normal numbers left for a square


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dim", [2, 32])
def test_laws_of_a_metric_on_hard_triples(name: str, form: str, dim: int) -> None:
    triples = hard_triples(60_000, dim, np.random.default_rng(9))
    u, v, w = (FORMS[form](x) for x in triples)
    d = GEOMETRIES[name].distance
    uv, vw, uw = (np.asarray(d(a, b)) for a, b in ((u, v), (v, w), (u, w)))
    assert np.isfinite([uv, vw, uw]).all()
    assert (uv >= 0).all()
    np.testing.assert_array_equal(np.asarray(d(v, u)), uv)
    assert not np.asarray(d(u, u)).any()
    if GEOMETRIES[name].metric:
        # rounding of coordinates moves a point at the rim by 1e-16 / (1 - norm^2) in hyperbolic space
        assert (uw <= (uv + vw) * (1 + 1e-9) + 1e-8).all()
    if name in ("euclidean", "squared", "manhattan"):
        differ = np.abs(triples[0] - triples[1]).max(axis=1) > 1e-150
        assert (uv[differ] > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_million_hard_pairs_of_tensors_with_gradients(name: str) -> None:
    rng = np.random.default_rng(10)
    for _ in range(4):
        pairs = [torch.from_numpy(x) for x in hard_pairs(250_000, 8, rng)]
        found = {}
        for dtype in (torch.float32, torch.float64):
            u, v = (x.to(dtype, copy=True).requires_grad_() for x in pairs)
            d = geometry.distance(name, u, v)
            assert d.dtype == dtype
            torch.autograd.backward(d.sum())
            assert u.grad is not None
            assert v.grad is not None
            for numbers in (d, u.grad, v.grad):
                assert bool(torch.isfinite(numbers).all())
            found[dtype] = d.detach().double()
        single, double = found.values()
        far = double > LEAST
        assert float(far.double().mean()) > 0.4
        assert bool(((single - double).abs()[far] <= 1e-4 * double[far]).all())


@pytest.mark.parametrize("name", NAMES)
def test_gradients_at_every_pair_of_norms(name: str) -> None:
    """A grid of norms from 1e-15 to 1 - 1e-7 with directions equal, near, across and opposite: finite, and in float32
    what they are in float64.
    """
    norms = np.concatenate([10.0 ** np.arange(-15, 0), [0.3, 0.6], 1 - 10.0 ** -np.arange(1.0, 8)])
    a, b = (x.ravel() for x in np.meshgrid(norms, norms))
    angles = np.array([0.0, 1e-7, 1e-3, np.pi / 2, np.pi])
    u = np.tile(np.stack([a, 0 * a], 1), (len(angles), 1))
    v = np.concatenate([b[:, None] * [np.cos(angle), np.sin(angle)] for angle in angles])
    gradients = []
    for dtype in (torch.float32, torch.float64):
        x, y = (torch.tensor(points.astype(np.float32), dtype=dtype, requires_grad=True) for points in (u, v))
        torch.autograd.backward(geometry.distance(name, x, y).sum())
        assert x.grad is not None
        assert y.grad is not None
        gradients.append(torch.cat([x.grad, y.grad]).double())
        assert bool(torch.isfinite(gradients[-1]).all())
    single, double = gradients
    assert float((single - double).abs().max() / double.abs().max()) < 1e-6
    assert bool(((single - double).norm(dim=1) <= 1e-4 * double.norm(dim=1) + 1e-30).all())


@pytest.mark.parametrize(("name", "mode"), SPACES)
def test_a_million_hard_pairs_as_training_measures_them(name: str, mode: str) -> None:
    rows, _ = hard_pairs(1000, 8, np.random.default_rng(11))
    rows[500:750] = rows[:250]  # equal ones
    rows[750:] = rows[250:500] * np.float32(1 + 2**-20)  # near ones
    found = {}
    for dtype in (torch.float32, torch.float64):
        metric = Metric(name, mode=mode).to(dtype)
        outputs = torch.from_numpy(rows).to(dtype).requires_grad_()
        predicted = metric(outputs)
        torch.autograd.backward(predicted.sum())
        assert outputs.grad is not None
        assert bool(torch.isfinite(predicted).all())
        assert bool(torch.isfinite(outputs.grad).all())
        assert all(p.grad is None or bool(torch.isfinite(p.grad)) for p in metric.parameters())
        found[dtype] = predicted.detach().double()
    # float32 points are only known to a rounding: it is what is left between equal ones, and at the rim it moves far
    sure = torch.from_numpy(
        np.linalg.norm(rows, axis=1) < (0.999 if (name, mode) == ("hyperbolic", "ball") else np.inf)
    )
    assert int(sure.sum()) > 500
    single, double = (distances[sure][:, sure] for distances in found.values())
    assert bool(((single - double).abs() <= 1e-4 * double + 1e-5 * double.median()).all())
