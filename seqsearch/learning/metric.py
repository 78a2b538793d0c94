"""The geometry of the points while a network learns: placing them and measuring all pairs of a batch.

Everything is written in a *root* form r of the distance that behaves like a length near zero: |u - v| for Euclidean and
squared, sqrt(1 - cos) for cosine, the distance itself for Manhattan and hyperbolic. The predicted distance is
(factor * r)^exponent with exponent >= 1, so its gradient is finite (zero) where two points are equal.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..arrays import AnyArray
from ..encoders.placing import GAIN, RADIUS
from ..errors import ParameterError
from ..geometry import BALL_LIMIT, SPHERE_LIMIT, geometry_named
from .plan import require_choice

POWERS = {"euclidean": 1.5, "squared": 0.75, "manhattan": 1.5, "cosine": 0.75, "hyperbolic": 1.5}
"""p of the predicted distance scale * d^p, between what is right far away (d) and near by (d^2)."""

MODES = ("ball", "sphere")
START_NORM = 0.2
"""Median norm of fresh points in the ball: so near the origin that no step leaves the ball, far enough to bend."""
START_RADIUS = 1e-2
LEAST_RADIUS = 1e-4
_ROOTS_A_DISTANCE = {"squared": 2, "cosine": 2}
_LEAST_SQUARE = 1e-20
_PRECISION = 1e-6  # of float32 squares, summed


class Metric(nn.Module):
    """Places points in `geometry` and predicts distances; what it learns is saved with the model.

    Bounded geometries (cosine, hyperbolic) learn `factor`; the others grow their points instead. `mode`: "ball" or
    "sphere" (hyperbolic only): anywhere inside, or all at one learnt radius.
    """

    gain: Tensor

    def __init__(self, geometry: str, *, mode: str = "ball", power: float | None = None) -> None:
        super().__init__()
        geometry_named(geometry)
        require_choice("hyperbolic mode", mode, MODES)
        self.geometry = geometry
        self.power = POWERS[geometry] if power is None else power
        self.exponent = self.power * _ROOTS_A_DISTANCE.get(geometry, 1)
        if self.exponent < 1:
            raise ParameterError(f"power {self.power} of the {geometry} distance has no gradient at equal points")
        learns = geometry in ("cosine", "hyperbolic")
        self.log_factor = nn.Parameter(torch.zeros(()), requires_grad=learns)
        self.register_buffer("gain", torch.ones(()))
        sphere = geometry == "hyperbolic" and mode == "sphere"
        self.log_radius = nn.Parameter(torch.tensor(math.log(START_RADIUS))) if sphere else None

    def start(self, outputs: Tensor) -> None:
        """Choose the gain from the outputs of a fresh network, (B, D): in the ball the points start near the origin."""
        if self.geometry == "hyperbolic":
            norm = float(outputs.double().norm(dim=1).median())
            self.gain.fill_(START_NORM / norm if norm > 0 else 1.0)

    @property
    def radius(self) -> Tensor | None:
        """The learnt radius of sphere mode, held inside the ball."""
        return None if self.log_radius is None else self.log_radius.exp().clamp(LEAST_RADIUS, SPHERE_LIMIT)

    @property
    def factor(self) -> float:
        return float(self.log_factor.detach().exp())

    @factor.setter
    def factor(self, value: float) -> None:
        with torch.no_grad():
            self.log_factor.fill_(math.log(value))

    def place(self, outputs: Tensor) -> Tensor:
        """(B, D) outputs of the network to points of the geometry."""
        if self.geometry != "hyperbolic":
            return outputs
        points = outputs * self.gain
        if self.radius is not None:
            return _directions(points) * self.radius
        norm = _norm(points)
        return points * torch.where(norm > BALL_LIMIT, BALL_LIMIT / norm, torch.ones_like(norm))

    def roots(self, points: Tensor) -> Tensor:
        """(B, B) root forms of the distances of placed points."""
        if self.geometry == "manhattan":
            return torch.cdist(points, points, p=1)
        if self.geometry == "cosine":
            return _lengths_by_products(_directions(points)) * math.sqrt(0.5)
        if self.geometry != "hyperbolic":
            return _lengths_by_products(points)
        lengths = _lengths(points)
        room = (1 - points.double().square().sum(1)).clamp_min(1e-6).to(points.dtype)  # float32 has no digits left here
        return 2 * torch.asinh(lengths * (room[:, None] * room).rsqrt())

    def flat(self, outputs: Tensor) -> Tensor:
        """(B, D) points whose nearest by straight lines are about the nearest of the geometry."""
        points = self.place(outputs)
        return _directions(points) if self.geometry == "cosine" or self.radius is not None else points

    def forward(self, outputs: Tensor) -> Tensor:
        """(B, B) predicted distances, in the unit of the factor."""
        return (self.roots(self.place(outputs)) * self.log_factor.exp()).pow(self.exponent)

    def saved(self) -> dict[str, AnyArray]:
        """What an embedding needs to know, for the weights of a model."""
        if self.geometry != "hyperbolic":
            return {}
        kept: dict[str, AnyArray] = {GAIN: self.gain.detach().cpu().numpy().copy()}
        if self.radius is not None:
            kept[RADIUS] = self.radius.detach().cpu().numpy().copy()
        return kept


def _lengths(points: Tensor) -> Tensor:
    """(B, B) |u - v| by differences; the gradient at zero is zero, not NaN."""
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def _lengths_by_products(points: Tensor) -> Tensor:
    """(B, B) |u - v| by inner products of centred points, ten times as fast as by differences, and never below a
    thousandth of the longest: a predicted distance of 1e-4 edits or so, with no gradient.
    """
    centred = points - points.mean(0, keepdim=True).detach()
    squares = centred.square().sum(1)
    squared = torch.addmm(squares[None, :], centred, centred.T, alpha=-2) + squares[:, None]
    least = _PRECISION * float(squares.detach().max()) + _LEAST_SQUARE
    return squared.clamp_min(least).sqrt()


def _norm(points: Tensor) -> Tensor:
    """(B, 1) norms in float64 inside, so that none overflows; never below 1e-10, so that dividing is safe."""
    return points.double().square().sum(1, keepdim=True).clamp_min(_LEAST_SQUARE).sqrt().to(points.dtype)


def _directions(points: Tensor) -> Tensor:
    """Points scaled to norm 1; a point too near zero to have a direction is only scaled up."""
    return points / _norm(points)
