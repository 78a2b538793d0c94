"""Distances between points, as pure functions: one definition for numpy arrays and torch tensors.

Every function takes arrays of shape (..., D) that broadcast, and returns distances of shape (...). The namespace comes
from the argument's type, so gradients flow where tensors come in, and torch is never imported from here. Sums are
taken in float64 whatever comes in, because differences of nearly equal float32 numbers lose their digits; the result
has the wider type of the two arguments, float32 at least. Equal points have distance 0 and gradient 0, never NaN.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeGuard, TypeVar, cast

import numpy as np

from .arrays import AnyArray, DoubleArray
from .errors import MismatchError, ParameterError
from .extras import TRAIN, imported, installed

if TYPE_CHECKING:
    from torch import Tensor

Points = TypeVar("Points", AnyArray, "Tensor")
"""A numpy array or a torch tensor."""

OUTERMOST = 1.0 - 1e-10
"""The norm at which hyperbolic distances stop to grow: points beyond are moved to it (1 - norm^2 stays above 2e-10)."""

BALL_LIMIT = 1.0 - 1e-5
"""The largest norm that `project_to_ball` leaves as it is: float32 still tells such a point from the rim."""

SPHERE_LIMIT = 1.0 - 1e-3
"""The largest radius of the sphere mode."""


def euclidean(u: Points, v: Points) -> Points:
    """|u - v|. Its gradient at u = v is 0."""
    return _narrow(_root(_square_sum(_wide(u) - _wide(v))), u, v)


def squared(u: Points, v: Points) -> Points:
    """|u - v|^2, no metric: the triangle inequality does not hold."""
    return _narrow(_square_sum(_wide(u) - _wide(v)), u, v)


def manhattan(u: Points, v: Points) -> Points:
    """The sum of |u_i - v_i|."""
    difference = _wide(u) - _wide(v)
    return _narrow(_namespace(difference).abs(difference).sum(-1), u, v)


def cosine(u: Points, v: Points) -> Points:
    """1 - cos(u, v), computed as |u/|u| - v/|v||^2 / 2, which keeps its digits where the two are nearly parallel.

    The zero vector has no direction and stays where it is: 1/2 from everything, 0 from itself.
    """
    return _narrow(_square_sum(normalised(_wide(u)) - normalised(_wide(v))) / 2, u, v)


def hyperbolic(u: Points, v: Points) -> Points:
    """The distance of two points of the Poincare ball, 2 asinh(|u - v| / sqrt((1 - |u|^2) (1 - |v|^2))).

    This form keeps its digits for near points, where arccosh(1 + 2|u-v|^2/...) cancels (Nickel and Kiela, 2017,
    equation 1, by cosh d = 1 + 2 sinh^2(d/2)). A point beyond norm `OUTERMOST` counts as the point at that norm in
    its direction.
    """
    u_in, v_in = project_to_ball(_wide(u), OUTERMOST), project_to_ball(_wide(v), OUTERMOST)
    xp = _namespace(u_in)
    room = (1 - _square_sum(u_in)) * (1 - _square_sum(v_in))
    return _narrow(2 * xp.arcsinh(_root(_square_sum(u_in - v_in)) / xp.sqrt(room)), u, v)


def normalised(x: Points) -> Points:
    """Every vector scaled to norm 1; a zero vector stays zero. Same shape and type as x."""
    wide = _wide(x)
    if isinstance(wide, np.ndarray):  # no derivatives to spare, and one query is waiting
        norms = np.sqrt(np.add.reduce(wide * wide, -1, keepdims=True))
        norms[norms == 0] = 1.0
        return _narrow(wide / norms, x)
    return _narrow(wide / _divisor(_root(_square_sum(wide)))[..., None], x)


def project_to_ball(x: Points, limit: float = BALL_LIMIT) -> Points:
    """Ball mode: vectors longer than `limit` are shortened to it, the others stay. Same shape and type as x."""
    wide = _wide(x)
    norm = _root(_square_sum(wide))
    xp = _namespace(wide)
    outside = norm > limit
    scale = xp.where(outside, limit / xp.where(outside, norm, xp.ones_like(norm)), xp.ones_like(norm))
    return _narrow(wide * scale[..., None], x)


def project_to_sphere(x: Points, radius: float | Tensor) -> Points:
    """Sphere mode: every vector gets norm `radius`, itself held within [1e-6, SPHERE_LIMIT]; a zero vector stays zero.

    `radius` is a number or a scalar tensor (a learnable parameter). On one sphere hyperbolic ranks equal cosine ranks.
    """
    held = min(max(radius, 1e-6), SPHERE_LIMIT) if isinstance(radius, float | int) else radius.clip(1e-6, SPHERE_LIMIT)
    return _narrow(normalised(_wide(x)) * held, x)


def lorentz(x: Points) -> Points:
    """Hyperboloid coordinates of points of the Poincare ball: (..., D) -> (..., 1 + D), float64.

    Time first: (1 + |x|^2, 2x) / (1 - |x|^2). With p = lorentz(u), q = lorentz(v): cosh d = p_0 q_0 - p_1 q_1 - ... -
    p_D q_D.
    """
    inside = project_to_ball(_wide(x), OUTERMOST)
    xp = _namespace(inside)
    norm2 = _square_sum(inside)[..., None]
    coordinates: Points = xp.concatenate((1 + norm2, 2 * inside), -1) / (1 - norm2)
    return coordinates


_SINGLE = np.dtype(np.float32)


class _Distance(Protocol):
    def __call__(self, u: Points, v: Points, /) -> Points: ...


@dataclass(frozen=True)
class Geometry:
    """A row of the table below."""

    name: str
    distance: _Distance
    metric: bool
    """Whether the triangle inequality holds."""
    scipy_name: str
    """The measure of scipy.spatial.distance.cdist that `matrix` starts from."""


GEOMETRIES: dict[str, Geometry] = {
    geometry.name: geometry
    for geometry in (
        Geometry("euclidean", euclidean, True, "euclidean"),
        Geometry("squared", squared, False, "sqeuclidean"),
        Geometry("manhattan", manhattan, True, "cityblock"),
        Geometry("cosine", cosine, False, "sqeuclidean"),
        Geometry("hyperbolic", hyperbolic, True, "sqeuclidean"),
    )
}


def geometry_named(name: str) -> Geometry:
    """The geometry called `name`; ParameterError with the names there are."""
    if name not in GEOMETRIES:
        raise ParameterError(f"no geometry is called {name!r}: choose one of {', '.join(GEOMETRIES)}")
    return GEOMETRIES[name]


def distance(name: str, u: Points, v: Points) -> Points:
    """The distance called `name` between aligned points, (..., D) and (..., D) -> (...)."""
    return geometry_named(name).distance(u, v)


def matrix(name: str, a: AnyArray, b: AnyArray, *, block: int = 1024) -> DoubleArray:
    """All distances between the rows of two numpy arrays, (Q, D) and (n, D) -> (Q, n) float64.

    Works through `block` rows of `a` at a time. MismatchError when the dimensions differ.
    """
    geometry = geometry_named(name)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise MismatchError(f"two (rows, D) arrays of one D are needed, not shapes {a.shape} and {b.shape}")
    wide_a, wide_b = _prepared(name, a), _prepared(name, b)
    result = np.empty((len(a), len(b)), dtype=np.float64)
    for start in range(0, len(a), block):
        part = slice(start, start + block)
        result[part] = _between(wide_a[part], wide_b, geometry.scipy_name)
        if name == "cosine":
            result[part] /= 2
        elif name == "hyperbolic":
            room = np.outer(1 - _square_sum(wide_a[part]), 1 - _square_sum(wide_b))
            result[part] = 2 * np.arcsinh(np.sqrt(result[part] / room))
    return result


def _between(a: DoubleArray, b: DoubleArray, measure: str) -> DoubleArray:
    """A measure of scipy between all rows, (Q, D) and (n, D) -> (Q, n); row by row where scipy is not installed."""
    if installed("scipy"):
        found: DoubleArray = imported("scipy.spatial.distance", TRAIN).cdist(a, b, measure)
        return found
    out = np.empty((len(a), len(b)), np.float64)
    for row, point in enumerate(a):
        differences = b - point
        out[row] = np.abs(differences).sum(axis=1) if measure == "cityblock" else _square_sum(differences)
    return np.sqrt(out) if measure == "euclidean" else out


def _prepared(name: str, points: AnyArray) -> DoubleArray:
    wide: DoubleArray = np.asarray(points, dtype=np.float64)
    if name == "cosine":
        return normalised(wide)
    return project_to_ball(wide, OUTERMOST) if name == "hyperbolic" else wide


def _is_tensor(x: object) -> TypeGuard[Tensor]:
    return type(x).__module__.partition(".")[0] == "torch"


def _namespace(x: object) -> ModuleType:
    """The module whose functions take x: torch for a tensor, numpy for the rest."""
    return sys.modules["torch"] if _is_tensor(x) else np


def _wide(x: Points) -> Points:
    return cast("Points", x.double() if _is_tensor(x) else np.asarray(x, dtype=np.float64))


def _narrow(result: object, *arguments: Points) -> Points:
    """`result` in the widest type of the arguments, float32 at least."""
    narrowed: object
    if _is_tensor(result):
        torch = sys.modules["torch"]
        wanted = torch.float32
        for x in arguments:
            wanted = torch.promote_types(wanted, x.dtype)
        narrowed = result.to(wanted)
    else:
        types = {np.asarray(x).dtype for x in arguments}
        wanted = np.float32 if types == {_SINGLE} else np.result_type(np.float32, *types)
        narrowed = cast("AnyArray", result).astype(wanted, copy=False)
    return cast("Points", narrowed)


def _square_sum(x: Points) -> Points:
    total: Points = (x * x).sum(-1)
    return total


def _divisor(norm: Points) -> Points:
    """The norm, or 1 where it is 0."""
    xp = _namespace(norm)
    divisor: Points = xp.where(norm > 0, norm, xp.ones_like(norm))
    return divisor


def _root(x: Points) -> Points:
    """sqrt with derivative 0 (not infinity) at 0: the root is only taken where x > 0."""
    xp = _namespace(x)
    positive = x > 0
    if xp is np:
        made: object = np.sqrt(x, where=positive, out=np.zeros_like(x))
        return cast("Points", made)
    root: Points = xp.where(positive, xp.sqrt(xp.where(positive, x, xp.ones_like(x))), xp.zeros_like(x))
    return root
