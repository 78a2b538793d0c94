"""The averages of series that benchmarks compare learned towers with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import ParameterError
from seqsearch.hashing import unpack
from seqsearch.sequences import Sequences

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from averages import averaged_hashes, statistics


def test_averages_by_their_definitions() -> None:
    rng = np.random.default_rng(0)
    sequences = Sequences.from_arrays([rng.standard_normal((steps, 20)) for steps in (4, 9, 13)])
    hashes = averaged_hashes(sequences, 4)
    assert hashes.bits == 32
    for row in range(3):
        values = sequences[row].data.astype(np.float64)
        for at, code in enumerate(hashes.take(np.array([row])).codes):
            expected = values[4 * at : 4 * at + 4].mean(axis=0) > values.mean(axis=0)
            bits = unpack(np.array([code]).view(np.uint8)[None], 32)[0]
            assert bits.tolist() == [*expected.tolist(), *[False] * 12]
    found = statistics(sequences)
    np.testing.assert_allclose(found[1], np.r_[sequences[1].data.mean(0), sequences[1].data.std(0)], rtol=1e-5)
    with pytest.raises(ParameterError, match="65 features do not fit a hash of 64 bits"):
        averaged_hashes(Sequences.from_arrays([np.zeros((2, 65))]), 4)
