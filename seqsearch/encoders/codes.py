"""Binary codes of points, as two entries of a model's weights: the sign of (points - mean) rotation, (D, bits).

What is learned elsewhere takes this form too, so that every code is made in the same way, without torch. Here are the
codes that need no training: random projection, principal components, iterative quantization.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray
from ..errors import ParameterError

HASH_MEAN = "hash.mean"
HASH_ROTATION = "hash.rotation"
LEARNED = "learned"
_ROUNDS = 50


def checked_bits(bits: int) -> int:
    """`bits` when it is a multiple of 8 from 8 to 1,024; else ParameterError."""
    if not 8 <= bits <= 1024 or bits % 8:
        raise ParameterError(f"bits must be a multiple of 8 from 8 to 1024, not {bits}")
    return bits


def quantizer(points: FloatArray, bits: int, rng: np.random.Generator, kind: str = "itq") -> dict[str, AnyArray]:
    """Mean and (D, bits) rotation of an unlearned code of `points`, as entries of a model's weights.

    `kind`: one of `QUANTIZERS`. Raises ParameterError for another, and for bits there cannot be.
    """
    checked_bits(bits)
    if kind not in QUANTIZERS:
        raise ParameterError(f"no codes {kind!r}: choose one of {', '.join(CODES)}")
    mean = points.mean(axis=0)
    rotation = QUANTIZERS[kind]((points - mean).astype(np.float64), bits, rng)
    return {HASH_MEAN: mean.astype(np.float32), HASH_ROTATION: np.ascontiguousarray(rotation.astype(np.float32))}


def _random_projection(centred: DoubleArray, bits: int, rng: np.random.Generator) -> DoubleArray:
    """Random hyperplanes (Charikar, STOC 2002): the share of bits that differ estimates the angle."""
    drawn: DoubleArray = rng.standard_normal((centred.shape[1], bits)) / np.sqrt(bits)
    return drawn


def _principal_components(centred: DoubleArray, bits: int, rng: np.random.Generator) -> DoubleArray:
    """The leading principal components. More bits than dimensions: random projections make up the number."""
    _, axes = np.linalg.eigh(centred.T @ centred)
    leading: DoubleArray = axes[:, ::-1][:, :bits]
    missing = bits - leading.shape[1]
    return np.concatenate([leading, _random_projection(centred, missing, rng)], axis=1) if missing else leading


def _iterative_quantization(centred: DoubleArray, bits: int, rng: np.random.Generator) -> DoubleArray:
    """Iterative quantization (Gong and Lazebnik, CVPR 2011).

    The leading principal components, rotated so that the points lie close to the corners of the cube. More bits than
    dimensions: the points are first widened by a random projection, so that every bit cuts them in a direction of its
    own.
    """
    widened = bits > centred.shape[1]
    basis = _random_projection(centred, bits, rng) if widened else _principal_components(centred, bits, rng)
    spread = centred @ basis
    rotation, _ = np.linalg.qr(rng.standard_normal((bits, bits)))
    for _ in range(_ROUNDS):
        corners = np.where(spread @ rotation > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(corners.T @ spread)
        rotation = (left @ right).T
    turned: DoubleArray = basis @ rotation
    return turned


QUANTIZERS: dict[str, Callable[[DoubleArray, int, np.random.Generator], DoubleArray]] = {
    "itq": _iterative_quantization,
    "pca": _principal_components,
    "projection": _random_projection,
}
CODES = (LEARNED, *QUANTIZERS)
"""How a code may be made."""
