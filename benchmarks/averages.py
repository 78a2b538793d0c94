"""Averages of series, the unlearned baselines of hash sequences and of whole-sequence points."""

from __future__ import annotations

import numpy as np

from seqsearch.arrays import FloatArray
from seqsearch.distances import HashSequences
from seqsearch.encoders.pair import WORD_BITS
from seqsearch.errors import ParameterError
from seqsearch.hashing import pack
from seqsearch.sequences import Sequences, offsets_of


def averaged_hashes(sequences: Sequences, pooling: int) -> HashSequences:
    """Thresholded piecewise aggregate approximation (TPAA): one bit a feature and `pooling` steps.

    The mean over each stretch of `pooling` steps (Keogh et al. 2001), 1 where it is above the mean of that feature
    over the whole series. More than 64 features are more than a hash holds: ParameterError.
    """
    if pooling < 1:
        raise ParameterError(f"pooling must be at least 1, not {pooling}")
    if sequences.features > WORD_BITS[-1]:
        raise ParameterError(f"{sequences.features} features do not fit a hash of {WORD_BITS[-1]} bits")
    lengths = -(-sequences.lengths // pooling)
    offsets = offsets_of(lengths)
    width = next(bits for bits in WORD_BITS if bits >= sequences.features) // 8
    codes = np.zeros((int(offsets[-1]), width), np.uint8)
    for row in range(len(sequences)):
        values = sequences[row].data.astype(np.float64)
        starts = np.arange(0, len(values), pooling)
        sums = np.add.reduceat(values, starts, axis=0)
        means = sums / np.minimum(pooling, len(values) - starts)[:, None]
        packed = pack(means > values.mean(axis=0))
        codes[offsets[row] : offsets[row + 1], : packed.shape[1]] = packed
    return HashSequences.of(codes, offsets)


def statistics(sequences: Sequences) -> FloatArray:
    """(n, 2 F): mean and standard deviation of each feature over time."""
    found = np.empty((len(sequences), 2 * sequences.features), np.float32)
    for row in range(len(sequences)):
        values = sequences[row].data.astype(np.float64)
        found[row] = np.concatenate([values.mean(axis=0), values.std(axis=0)])
    return found
