"""What binary codes are worth: overlap, entropy, correlation; and the codes that need no training."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch.encoders.codes import HASH_MEAN, HASH_ROTATION, QUANTIZERS, quantizer
from seqsearch.errors import ParameterError
from seqsearch.hashing import bhattacharyya, bit_correlation, bit_entropy, codes_of, hamming_matrix, pack
from seqsearch.learning.hash_metric import code_monitors


def test_overlap_by_hand() -> None:
    assert bhattacharyya([1, 1, 2, 2], [2, 2, 3, 3]) == pytest.approx(0.5)
    assert bhattacharyya([1, 2], [2, 1]) == pytest.approx(1.0)
    assert bhattacharyya([0], [16]) == 0.0
    with pytest.raises(ParameterError, match="needs both of them"):
        bhattacharyya([], [1])


def test_entropy_and_correlation_by_their_definitions() -> None:
    rng = np.random.default_rng(0)
    bits = rng.random((400, 12)) < rng.uniform(0.1, 0.9, 12)
    bits[:, 3] = bits[:, 1]
    bits[:, 7] = True  # never changes
    share = bits.mean(axis=0)
    told = [-(p * np.log2(p) + (1 - p) * np.log2(1 - p)) if 0 < p < 1 else 0.0 for p in share]
    assert bit_entropy(pack(bits), 12) == pytest.approx(np.mean(told))
    moving = [j for j in range(12) if j != 7]
    pairs = [abs(np.corrcoef(bits[:, a], bits[:, b])[0, 1]) for a in moving for b in moving if a < b]
    assert bit_correlation(pack(bits), 12) == pytest.approx(np.mean(pairs))
    assert bit_correlation(pack(bits[:, 7:8]), 1) == 0.0


def test_monitors_tell_good_codes_from_bad_ones() -> None:
    rng = np.random.default_rng(1)
    family = np.arange(60) // 6
    alike = family[:, None] == family
    centres = rng.random((10, 32)) < 0.5
    good = centres[family] ^ (rng.random((60, 32)) < 0.05)
    bad = rng.random((60, 32)) < 0.5
    told, poor = (code_monitors(pack(bits), 32, alike) for bits in (good, bad))
    assert told["bhattacharyya"] < 0.1 < 0.8 < poor["bhattacharyya"]
    assert "bhattacharyya" not in code_monitors(pack(good), 32, np.ones_like(alike))


@pytest.mark.parametrize("kind", QUANTIZERS)
@pytest.mark.parametrize("bits", [8, 24, 64])
def test_unlearned_codes_keep_neighbours_together(kind: str, bits: int) -> None:
    rng = np.random.default_rng(2)
    centres = 3 * rng.standard_normal((12, 20))
    points = (centres.repeat(15, axis=0) + 0.3 * rng.standard_normal((180, 20)) + 5).astype(np.float32)
    head = quantizer(points, bits, np.random.default_rng(0), kind)
    assert head[HASH_ROTATION].shape == (20, bits)
    codes = codes_of((points - head[HASH_MEAN]) @ head[HASH_ROTATION])
    apart = hamming_matrix(codes, codes)
    same = np.arange(180)[:, None] // 15 == np.arange(180) // 15
    assert apart[same].mean() < 0.5 * apart[~same].mean()
    again = quantizer(points, bits, np.random.default_rng(0), kind)
    np.testing.assert_array_equal(again[HASH_ROTATION], head[HASH_ROTATION])


def test_unknown_codes() -> None:
    with pytest.raises(ParameterError, match="no codes 'lsh': choose one of learned, itq, pca, projection"):
        quantizer(np.zeros((4, 4), np.float32), 8, np.random.default_rng(0), "lsh")
