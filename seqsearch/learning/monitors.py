"""What tells whether binary codes learn: how far alike pairs and others lie apart, and what the bits are worth."""

from __future__ import annotations

import numpy as np

from ..arrays import BoolArray, ByteArray
from ..hashing import bhattacharyya, bit_correlation, bit_entropy, hamming_matrix


def code_monitors(codes: ByteArray, bits: int, alike: BoolArray) -> dict[str, float]:
    """`bhattacharyya`, `bit_entropy` and `bit_correlation` of (n, bits / 8) codes; `alike`: (n, n) pairs.

    The Bhattacharyya coefficient is left out where all pairs are of one sort.
    """
    upper = np.triu_indices(len(codes), 1)
    apart, same = hamming_matrix(codes, codes)[upper], alike[upper]
    measured = {"bit_entropy": bit_entropy(codes, bits), "bit_correlation": bit_correlation(codes, bits)}
    if same.any() and not same.all():
        measured["bhattacharyya"] = bhattacharyya(apart[same], apart[~same])
    return measured
