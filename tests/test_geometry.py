"""The geometries: against textbook formulas, as metrics, and where numbers are hardest."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqsearch import geometry
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.geometry import GEOMETRIES
from tests.hard_points import hard_pairs

NAMES = list(GEOMETRIES)
points = arrays(np.float64, (3, 4), elements=st.floats(-0.49, 0.49, allow_subnormal=False))


def textbook(name: str, u: np.ndarray, v: np.ndarray) -> float:
    if name == "euclidean":
        return float(np.linalg.norm(u - v))
    if name == "squared":
        return float(np.dot(u - v, u - v))
    if name == "manhattan":
        return float(np.abs(u - v).sum())
    if name == "cosine":
        return float(1 - np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v)))
    return float(np.arccosh(1 + 2 * np.dot(u - v, u - v) / ((1 - np.dot(u, u)) * (1 - np.dot(v, v)))))


@pytest.mark.parametrize("name", NAMES)
def test_matches_the_textbook(name: str) -> None:
    rng = np.random.default_rng(3)
    u, v = rng.normal(size=(2, 50, 6)) * 0.2
    expected = [textbook(name, a, b) for a, b in zip(u, v, strict=True)]
    np.testing.assert_allclose(geometry.distance(name, u, v), expected, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_matrix_holds_the_distances_of_all_pairs(name: str) -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(7, 5)) * 0.2, rng.normal(size=(9, 5)) * 0.2
    expected = geometry.distance(name, a[:, None], b[None])
    np.testing.assert_allclose(geometry.matrix(name, a, b, block=3), expected, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(points=points)
@settings(max_examples=60, deadline=None)
def test_laws_of_a_metric(name: str, points: np.ndarray) -> None:
    u, v, w = points
    d = GEOMETRIES[name].distance
    assert d(u, v) >= 0
    assert d(u, v) == d(v, u)
    assert d(u, u) == 0
    if GEOMETRIES[name].metric:
        assert d(u, w) <= (d(u, v) + d(v, w)) * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("name", ["squared", "cosine"])
def test_what_is_no_metric_is_said_to_be_none(name: str) -> None:
    u, v, w = np.array([[1.0, 0.0], [1.0, 0.5], [1.0, 1.0]])
    d = GEOMETRIES[name].distance
    assert not GEOMETRIES[name].metric
    assert d(u, w) > d(u, v) + d(v, w)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dim", [2, 128])
def test_gradients_are_finite_at_every_norm(name: str, dim: int) -> None:
    u, v = hard_pairs(5000, dim, np.random.default_rng(5))
    for dtype in (torch.float32, torch.float64):
        a = torch.tensor(u, dtype=dtype, requires_grad=True)
        b = torch.tensor(v, dtype=dtype, requires_grad=True)
        d = geometry.distance(name, a, b)
        assert d.dtype == dtype
        d.sum().backward()
        assert torch.isfinite(d).all()
        assert torch.isfinite(a.grad).all()
        assert torch.isfinite(b.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_right(name: str) -> None:
    rng = np.random.default_rng(6)
    u, v = (torch.tensor(x, requires_grad=True) for x in rng.normal(size=(2, 3, 4)) * 0.3)
    assert torch.autograd.gradcheck(GEOMETRIES[name].distance, (u, v))


@pytest.mark.parametrize("name", NAMES)
def test_a_million_hard_pairs_without_a_nan_and_float32_beside_float64(name: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(4):
        u, v = hard_pairs(250_000, 8, rng)
        single = geometry.distance(name, u, v)
        double = geometry.distance(name, u.astype(np.float64), v.astype(np.float64))
        assert single.dtype == np.float32
        assert np.isfinite(single).all()
        assert (single >= 0).all()
        far = double > 1e-30  # below, float32 has no normal numbers left for a square
        assert (np.abs(single[far] - double[far]) <= 1e-4 * double[far]).all()
    tensor = geometry.distance(name, torch.from_numpy(u), torch.from_numpy(v)).numpy()
    np.testing.assert_allclose(tensor, single, rtol=1e-6, atol=1e-37)


def test_hyperbolic_keeps_its_digits_where_arccosh_does_not() -> None:
    u = np.array([1e-3, 0.0])
    v = np.array([1e-3, 1e-9])
    assert geometry.hyperbolic(u, v) == pytest.approx(2e-9, rel=1e-5)
    assert textbook("hyperbolic", u, v) == 0


def test_points_on_and_beyond_the_rim_are_far_but_finite() -> None:
    beyond = np.array([[1.0, 0.0], [2.0, 0.0], [-3e30, 0.0]])
    distances = geometry.hyperbolic(beyond, np.zeros(2))
    assert np.isfinite(distances).all()
    np.testing.assert_allclose(distances, 2 * np.arctanh(geometry.OUTERMOST), rtol=1e-6)


def test_the_zero_vector_has_no_direction() -> None:
    zero, x = np.zeros(3), np.array([1.0, 2.0, 3.0])
    assert geometry.cosine(zero, x) == pytest.approx(0.5)
    assert geometry.cosine(zero, zero) == 0
    np.testing.assert_array_equal(geometry.normalised(zero), zero)


@given(arrays(np.float64, (5, 3), elements=st.floats(-10, 10)), st.floats(0.01, 0.999))
@settings(deadline=None)
def test_ball_mode_shortens_what_is_too_long_and_nothing_else(x: np.ndarray, limit: float) -> None:
    projected = geometry.project_to_ball(x, limit)
    norms = np.linalg.norm(x, axis=1)
    assert (np.linalg.norm(projected, axis=1) <= limit * (1 + 1e-12)).all()
    np.testing.assert_array_equal(projected[norms < limit * (1 - 1e-9)], x[norms < limit * (1 - 1e-9)])
    np.testing.assert_allclose(projected * norms[:, None], x * np.minimum(norms, limit)[:, None], atol=1e-9)


def test_sphere_mode_gives_one_norm_and_a_gradient_to_the_radius() -> None:
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    radius = torch.tensor(0.3, requires_grad=True)
    projected = geometry.project_to_sphere(x, radius)
    np.testing.assert_allclose(projected.detach().norm(dim=1).numpy(), 0.3, rtol=1e-6)
    projected.abs().sum().backward()
    assert radius.grad is not None
    assert float(radius.grad) > 0
    assert np.linalg.norm(geometry.project_to_sphere(np.ones((1, 4)), 5.0)) == pytest.approx(geometry.SPHERE_LIMIT)


def test_lorentz_coordinates_lie_on_the_hyperboloid_and_give_the_distance() -> None:
    u, v = np.random.default_rng(8).normal(size=(2, 20, 5)) * 0.2
    p, q = geometry.lorentz(u), geometry.lorentz(v)
    np.testing.assert_allclose(p[:, 0] ** 2 - (p[:, 1:] ** 2).sum(-1), 1, rtol=1e-9)
    cosh = p[:, 0] * q[:, 0] - (p[:, 1:] * q[:, 1:]).sum(-1)
    np.testing.assert_allclose(np.arccosh(cosh), geometry.hyperbolic(u, v), rtol=1e-6)


def test_narrow_types_are_computed_wide() -> None:
    u = torch.tensor([[0.1, 0.2]], dtype=torch.bfloat16)
    assert geometry.hyperbolic(u, u + 0.1).dtype == torch.float32
    assert geometry.euclidean(np.ones(3, np.float16), np.zeros(3, np.float64)).dtype == np.float64


def test_errors_say_what_was_wrong() -> None:
    with pytest.raises(
        ParameterError, match="no geometry is called 'taxicab': choose one of euclidean, squared, manhattan"
    ):
        geometry.distance("taxicab", np.ones(2), np.ones(2))
    with pytest.raises(MismatchError, match=r"not shapes \(2, 3\) and \(2, 4\)"):
        geometry.matrix("euclidean", np.ones((2, 3)), np.ones((2, 4)))


def test_geometry_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import seqsearch.geometry, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
