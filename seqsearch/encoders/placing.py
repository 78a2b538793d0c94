"""Where the points of a network lie in a geometry: the last step of every embedding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..arrays import AnyArray, FloatArray
from ..geometry import project_to_ball, project_to_sphere

GAIN = "place.gain"
RADIUS = "place.radius"


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
