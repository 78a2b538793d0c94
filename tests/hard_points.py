"""Points where distances are hardest to compute."""

from __future__ import annotations

import numpy as np


def hard_pairs(count: int, dim: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """float32 pairs at norms 1e-15 to 1 - 1e-7; a quarter equal, a quarter a few roundings apart, some opposite."""
    near_zero = 10.0 ** rng.uniform(-15, 0, size=(2, count))
    near_rim = 1 - 10.0 ** rng.uniform(-7, -0.01, size=(2, count))
    norms = np.where(rng.random((2, count)) < 0.5, near_zero, near_rim).clip(1e-15, 1 - 1e-7)
    directions = rng.normal(size=(2, count, dim))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    u, v = (directions * norms[..., None]).astype(np.float32)
    kinds = rng.integers(8, size=count)
    v[kinds < 2] = u[kinds < 2]
    steps = rng.integers(-3, 4, size=u.shape).astype(np.float32)
    nudged = u * (1 + steps * np.float32(2**-23))
    v[(kinds == 2) | (kinds == 3)] = nudged[(kinds == 2) | (kinds == 3)]
    v[kinds == 4] = -u[kinds == 4]
    u[kinds == 5] = 0
    return u, v


def hard_triples(count: int, dim: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float64 triples of the same kind: the third is near one of the others, or hard by itself."""
    u, v = (x.astype(np.float64) for x in hard_pairs(count, dim, rng))
    _, w = (x.astype(np.float64) for x in hard_pairs(count, dim, rng))
    kinds = rng.integers(4, size=count)[:, None]
    w = np.where(kinds == 0, (u + v) / 2, np.where(kinds == 1, u * (1 - 1e-9), np.where(kinds == 2, -v, w)))
    return u, v, w
