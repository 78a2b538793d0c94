"""Binary codes, as pure functions: signs to bits, bits to bytes, Hamming distances.

A code of b bits is a row of ceil(b / 8) bytes; bit j of the code is bit j % 8 (counted from the lowest) of byte j //
8, and unused bits of the last byte are 0. So a 16-bit code read as a little-endian uint16 has bit j at value 2^j.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arrays import AnyArray, BoolArray, ByteArray, IntArray
from .errors import MismatchError, ParameterError

_ONES: ByteArray = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def sign_bits(vectors: AnyArray) -> BoolArray:
    """(n, D) numbers -> (n, D) bits: 1 where the number is above 0."""
    bits: BoolArray = np.asarray(vectors) > 0
    return bits


def pack(bits: AnyArray) -> ByteArray:
    """(n, b) bits -> (n, ceil(b / 8)) bytes."""
    return np.packbits(np.asarray(bits, dtype=np.bool_), axis=-1, bitorder="little")


def unpack(codes: ByteArray, bits: int) -> BoolArray:
    """(n, ceil(bits / 8)) bytes -> (n, bits) bits; MismatchError when the codes do not have that many bytes."""
    checked(codes, bits)
    return np.unpackbits(codes, axis=-1, count=bits, bitorder="little").astype(np.bool_)


def codes_of(vectors: AnyArray) -> ByteArray:
    """(n, D) numbers -> (n, ceil(D / 8)) bytes: their signs, packed."""
    return pack(sign_bits(vectors))


def checked(codes: ByteArray, bits: int) -> ByteArray:
    """`codes` themselves, after a look at their type and width; MismatchError says what was expected."""
    if bits < 1:
        raise ParameterError(f"a code has at least 1 bit, not {bits}")
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != (bits + 7) // 8:
        raise MismatchError(
            f"codes of {bits} bits are uint8 of shape (n, {(bits + 7) // 8}), not {codes.dtype} of shape {codes.shape}"
        )
    return codes


def as_uint16(codes: ByteArray) -> npt.NDArray[np.uint16]:
    """(n, 2) bytes -> (n,) uint16, bit j worth 2^j."""
    checked(codes, 16)
    low, high = codes[:, 0].astype(np.uint16), codes[:, 1].astype(np.uint16)
    return low | (high << np.uint16(8))


def from_uint16(values: npt.NDArray[np.uint16]) -> ByteArray:
    """(n,) uint16 -> (n, 2) bytes, the inverse of `as_uint16`."""
    return np.stack([values & 0xFF, values >> 8], axis=-1).astype(np.uint8)


def as_words(codes: ByteArray) -> npt.NDArray[np.uint64]:
    """(n, B) bytes -> (n, ceil(B / 8)) uint64, filled up with zeros; Hamming distances stay the same."""
    rows, width = codes.shape
    padded = np.zeros((rows, (width + 7) // 8 * 8), dtype=np.uint8)
    padded[:, :width] = codes
    return padded.view("<u8").astype(np.uint64, copy=False)


def popcounts(codes: ByteArray) -> IntArray:
    """(..., B) bytes -> (...): how many bits are 1."""
    counts: IntArray = _ONES[codes].sum(axis=-1, dtype=np.int64)
    return counts


def hamming(a: ByteArray, b: ByteArray) -> IntArray:
    """Bits that differ between aligned codes, (..., B) and (..., B) -> (...)."""
    if a.shape[-1] != b.shape[-1]:
        raise MismatchError(f"codes of {a.shape[-1]} and of {b.shape[-1]} bytes have no Hamming distance")
    return popcounts(np.bitwise_xor(a, b))


def hamming_matrix(a: ByteArray, b: ByteArray, *, block: int = 64) -> IntArray:
    """Bits that differ between all pairs of rows, (Q, B) and (n, B) -> (Q, n), `block` rows of `a` at a time."""
    result = np.empty((len(a), len(b)), dtype=np.int64)
    for start in range(0, len(a), block):
        result[start : start + block] = hamming(a[start : start + block, None, :], b[None, :, :])
    return result


# -- how good codes are --------------------------------------------------------------------------------------------


def bhattacharyya(first: AnyArray, second: AnyArray) -> float:
    """Overlap of two populations of Hamming distances: sum of sqrt(p q) over their histograms, 0 (apart) to 1 (equal).

    The measure by which Raffel 2016, section 5.3, chooses hash networks: aligned pairs against others. Raises
    ParameterError for an empty population.
    """
    a, b = np.asarray(first, np.int64).ravel(), np.asarray(second, np.int64).ravel()
    if not len(a) or not len(b):
        raise ParameterError("the overlap of two populations needs both of them")
    size = int(max(a.max(), b.max())) + 1
    p, q = np.bincount(a, minlength=size) / len(a), np.bincount(b, minlength=size) / len(b)
    return float(np.sqrt(p * q).sum())


def bit_entropy(codes: ByteArray, bits: int) -> float:
    """Mean entropy of the single bits over (n, ceil(bits / 8)) codes, in bits: 1 where each is as often 0 as 1."""
    share = unpack(codes, bits).mean(axis=0)
    mixed = share[(share > 0) & (share < 1)]
    entropies = -mixed * np.log2(mixed) - (1 - mixed) * np.log2(1 - mixed)
    return float(entropies.sum() / bits)


def bit_correlation(codes: ByteArray, bits: int) -> float:
    """Mean absolute correlation of two different bits over (n, ceil(bits / 8)) codes: 0 where each tells its own.

    Bits that never change are left out; their entropy tells of them.
    """
    values = unpack(codes, bits).astype(np.float64)
    values = values[:, values.std(axis=0) > 0]
    if values.shape[1] < 2:
        return 0.0
    table = np.abs(np.corrcoef(values, rowvar=False))
    count = len(table)
    return float((table.sum() - np.trace(table)) / (count * (count - 1)))
