"""Where the points of a network lie in a geometry: the last step of every embedding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray
from ..errors import MismatchError
from ..geometry import project_to_ball, project_to_sphere
from ..sequences import Sequences

GAIN = "place.gain"
RADIUS = "place.radius"
REACH = "place.reach"
ROOM = 1.5
"""The radius of the sphere of inner products, in norms of the longest vector there was: longer ones may come later."""


def placed(points: FloatArray, geometry: str, weights: Mapping[str, AnyArray]) -> FloatArray:
    """(n, D) outputs of a network as points: hyperbolic ones go into the ball, or onto the sphere of the saved radius.

    The saved gain comes first; it keeps a fresh network well inside the ball. Other geometries take the outputs as
    they are.
    """
    if geometry != "hyperbolic":
        return points
    scaled = points * np.float32(weights[GAIN].item()) if GAIN in weights else points
    on_sphere = RADIUS in weights
    inside: FloatArray = (
        project_to_sphere(scaled, float(weights[RADIUS].item())) if on_sphere else project_to_ball(scaled)
    )
    return inside


def lifted(sequences: Sequences, points: FloatArray, weights: Mapping[str, AnyArray], *, stored: bool) -> FloatArray:
    """(n, D + 1) points whose nearest have the largest inner product of all (Bachrach et al., RecSys 2014, 3.1).

    A stored x becomes (x, sqrt(R^2 - |x|^2)), on a sphere of the saved radius R, a query q becomes (q, 0): then
    |q - x|^2 = |q|^2 + R^2 - 2 q.x.

    Raises MismatchError naming a vector to be stored that is longer than R.
    """
    out = np.zeros((len(points), points.shape[1] + 1), np.float32)
    out[:, :-1] = points
    if stored and len(points):
        reach = float(weights[REACH].item())
        squares: DoubleArray = np.einsum("nd,nd->n", points, points, dtype=np.float64)
        row = int(np.argmax(squares))
        if squares[row] > reach * reach:
            raise MismatchError(
                f"the vector {sequences.ids[row]} has the norm {np.sqrt(squares[row]):g}: this index of inner products "
                f"has room for norms up to {reach:g}, {ROOM:g} times the longest it was built with; build it again"
            )
        out[:, -1] = np.sqrt(reach * reach - squares)
    return out
