"""Small tunes made by hand for the tests of music and matching."""

from __future__ import annotations

import numpy as np

from seqsearch.sequences.readers.midi import Notes


def tune(seed: int, count: int = 60) -> Notes:
    """A random walk over a scale, one note after the other."""
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])
    steps = np.clip(np.cumsum(rng.integers(-2, 3, count)) % 10, 0, 9)
    length = rng.choice([0.25, 0.5], count)
    start = np.concatenate([[0.0], np.cumsum(length)[:-1]])
    return Notes(60 + scale[steps], start, start + length, np.full(count, 80.0))
