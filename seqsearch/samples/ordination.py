"""Principal coordinates: samples as points whose straight distances are about the given ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray
from ..errors import ParameterError
from ..extras import SAMPLES, imported

_DENSE = 200  # samples up to which all axes are found


@dataclass(frozen=True, eq=False)
class Ordination:
    """`places`, (S, D), the axis that says most first, and `shares`, (D,), of what all axes with a meaning say."""

    places: DoubleArray
    shares: DoubleArray


def principal_coordinates(distances: FloatArray, dimensions: int = 2, *, seed: int = 0) -> Ordination:
    """Classical scaling (Gower, Biometrika 53 (1966)) of (S, S) distances; axes that there are not are zeros.

    Shares are of the trace of the centred matrix, which counts negative axes as less than nothing.
    """
    if dimensions < 1:
        raise ParameterError(f"dimensions must be at least 1, not {dimensions}")
    squared = -0.5 * np.asarray(distances, np.float64) ** 2
    means = squared.mean(axis=0)
    grand = float(means.mean())
    trace = float(np.trace(squared) - 2 * means.sum() + len(means) * grand)
    count = min(dimensions, len(squared))
    if len(squared) <= _DENSE or count >= len(squared) - 1:
        centred = squared - means - means[:, None] + grand
        values, axes = np.linalg.eigh(centred)
    else:

        def product(vector: AnyArray) -> DoubleArray:
            flat = vector.ravel()
            centred = flat - flat.mean()
            out = squared @ centred
            found: DoubleArray = out - out.mean()
            return found

        linear = imported("scipy.sparse.linalg", SAMPLES)
        start = np.random.default_rng(seed).standard_normal(len(squared))
        operator = linear.LinearOperator(squared.shape, matvec=product, dtype=np.float64)
        values, axes = linear.eigsh(operator, k=count, which="LA", v0=start)
    order = np.argsort(-values)[:count]
    values, axes = np.maximum(values[order], 0.0), axes[:, order]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(count)] < 0, -1.0, 1.0)  # one sign for all runs
    places, shares = np.zeros((len(squared), dimensions)), np.zeros(dimensions)
    places[:, :count] = axes * np.sqrt(values)
    shares[:count] = values / trace if trace > 0 else 0.0
    return Ordination(places, shares)
