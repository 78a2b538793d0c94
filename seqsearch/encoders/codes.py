"""Binary codes of points without further training: iterative quantization, and the random projection beside it."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, FloatArray
from ..errors import ParameterError

HASH_MEAN = "hash.mean"
HASH_ROTATION = "hash.rotation"
_ROUNDS = 50


def checked_bits(bits: int) -> int:
    """`bits` when it is a multiple of 8 from 8 to 1,024; else ParameterError."""
    if not 8 <= bits <= 1024 or bits % 8:
        raise ParameterError(f"bits must be a multiple of 8 from 8 to 1024, not {bits}")
    return bits


def quantizer(points: FloatArray, bits: int, rng: np.random.Generator) -> dict[str, AnyArray]:
    """Mean and (D, bits) rotation whose signs keep neighbours together, as two entries of a model's weights.

    Iterative quantization (Gong and Lazebnik, CVPR 2011): rotate the leading principal components so that the points
    lie close to the corners of the cube. More bits than dimensions: the points are first widened by a random
    projection, so that every bit cuts them in a direction of its own.
    """
    checked_bits(bits)
    mean = points.mean(axis=0)
    centred = (points - mean).astype(np.float64)
    dim = centred.shape[1]
    if bits <= dim:
        _, axes = np.linalg.eigh(centred.T @ centred)
        basis = axes[:, ::-1][:, :bits]  # (D, bits)
    else:
        basis = rng.standard_normal((dim, bits)) / np.sqrt(bits)
    spread = centred @ basis
    rotation, _ = np.linalg.qr(rng.standard_normal((bits, bits)))
    for _ in range(_ROUNDS):
        corners = np.where(spread @ rotation > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(corners.T @ spread)
        rotation = (left @ right).T
    return {
        HASH_MEAN: mean.astype(np.float32), HASH_ROTATION: np.ascontiguousarray((basis @ rotation).astype(np.float32))
    }  # fmt: skip
