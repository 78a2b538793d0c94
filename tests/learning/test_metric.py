from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import geometry
from seqsearch.encoders.placing import placed
from seqsearch.errors import ParameterError
from seqsearch.learning.metric import MODES, Metric

SPACES = [(name, "ball") for name in geometry.GEOMETRIES] + [("hyperbolic", "sphere")]


@pytest.mark.parametrize(("name", "mode"), SPACES)
def test_predictions_equal_the_saved_points_measured_in_float64(name: str, mode: str) -> None:
    torch.manual_seed(0)
    metric = Metric(name, mode=mode)
    outputs = torch.randn(30, 8) * 5
    metric.start(outputs)
    metric.factor = 1.7
    points = placed(outputs.numpy(), name, metric.saved())
    expected = metric.factor**metric.exponent * geometry.matrix(name, points, points) ** metric.power
    found = metric(outputs).detach().numpy()
    own = np.eye(len(found), dtype=bool)
    np.testing.assert_allclose(found[~own], expected[~own], rtol=2e-3, atol=2e-5)
    assert (found[own] <= 1e-3 * found.max() + 2e-5).all()  # where lengths come of products, none is below that


@pytest.mark.parametrize(("name", "mode"), SPACES)
@given(
    exponents=st.lists(st.floats(-15, 15), min_size=3, max_size=6),
    gain=st.sampled_from([1e-6, 1.0, 1e3]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_nothing_is_ever_not_a_number(name: str, mode: str, exponents: list[float], gain: float, seed: int) -> None:
    """Norms from 1e-15 to 1e15, equal points, opposite points and the origin: values and gradients stay finite."""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.nn.functional.normalize(torch.randn(4, generator=generator), dim=0) * 10.0**e for e in exponents]
    outputs = torch.stack([*rows, rows[0], -rows[1], torch.zeros(4)]).requires_grad_()
    metric = Metric(name, mode=mode)
    metric.gain.fill_(gain if name == "hyperbolic" else 1.0)
    near = metric.roots(metric.place(outputs))
    assert torch.isfinite(near).all()
    torch.autograd.backward(near.clamp_max(1e6).pow(metric.exponent).sum())
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()
    for parameter in metric.parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad)


@pytest.mark.parametrize("mode", MODES)
def test_fresh_points_lie_inside_the_ball(mode: str) -> None:
    metric = Metric("hyperbolic", mode=mode)
    outputs = torch.randn(50, 16) * 1000
    metric.start(outputs)
    norms = metric.place(outputs).detach().norm(dim=1)
    assert float(norms.max()) < 0.999
    assert float(norms.min()) > 0


def test_radius_and_factor_are_learnt_and_saved() -> None:
    metric = Metric("hyperbolic", mode="sphere")
    outputs = torch.randn(20, 4)
    wanted = torch.rand(20, 20)
    optimizer = torch.optim.Adam(metric.parameters(), 0.1)
    before = float(metric.saved()["place.radius"])
    for _ in range(20):
        optimizer.zero_grad()
        torch.autograd.backward(((metric(outputs) - wanted) ** 2).mean())
        optimizer.step()
    assert float(metric.saved()["place.radius"]) > before
    assert metric.factor > 1
    norms = np.linalg.norm(placed(outputs.numpy(), "hyperbolic", metric.saved()), axis=1)
    np.testing.assert_allclose(norms, metric.saved()["place.radius"], rtol=1e-5)


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(ParameterError, match="no hyperbolic mode 'disc': choose one of ball, sphere"):
        Metric("hyperbolic", mode="disc")
    with pytest.raises(ParameterError, match="no geometry is called 'flat'"):
        Metric("flat")
    with pytest.raises(ParameterError, match="power 0.4 of the squared distance has no gradient at equal points"):
        Metric("squared", power=0.4)
