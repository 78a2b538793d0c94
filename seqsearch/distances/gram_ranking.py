"""Candidates in the order of the q-grams that only one of two sequences has: a bit for every q-gram that occurs.

An edit changes at most q of them (Ukkonen 1992), so their number grows with the edit distance. As bits it costs a
hundredth of a verification, and what it errs by has little to do with what an embedding errs by: added to the scores
of whole 16S genes it puts .991 of the ten nearest among the first 75, where the embedding alone needs 300 and the bits
200 (docs/recall.md).
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..jit import kernel, popcount
from ..sequences import Sequences
from ..threads import numba_threads
from .filled import Filled

_WORD = 64
_FEWEST_WORDS, _MOST_WORDS = 2, 64
_SHARE = 1.4  # bits a letter of the usual sequence: more tell little more
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""A q-gram is a number of 64 bits, as many a letter as there is room for; of this multiple the first digits are its bit
(Knuth's multiplicative hash)."""
_Q, _USUAL_Q = {"dna": 8, "rna": 8, "protein": 3}, 4


class GramRanker:
    """Targets with the bits of their q-grams, which are made when a target is first met: about 1.4 bits a letter."""

    alone = False

    def __init__(self, targets: Sequences, length: float) -> None:
        """`length`: of a usual target."""
        alphabet = targets.alphabet
        self._q = _USUAL_Q if alphabet is None else _Q.get(alphabet.name, _USUAL_Q)
        self._words = words_of(length)
        self._bits = Filled((len(targets), self._words), np.uint64, lambda rows: self._bits_of(targets[rows]), length)

    def able(self, queries: Sequences) -> BoolArray:
        """All are."""
        return np.ones(len(queries), np.bool_)

    def _bits_of(self, sequences: Sequences) -> AnyArray:
        """(n, W) uint64."""
        out = np.zeros((len(sequences), self._words), np.uint64)
        numba_threads()
        _bits_kernel(sequences.data, sequences.offsets, self._q, out)
        return out

    def scores(self, queries: Sequences, rows: IntArray) -> FloatArray:
        """(Q, C) float32 bits that a query and a row of the targets do not share; inf for the row -1."""
        out = np.full(rows.shape, np.inf, np.float32)
        if out.size:
            wanted = np.ascontiguousarray(rows)
            _differing_kernel(self._bits_of(queries), self._bits.holding(wanted), wanted, out)
        return out


def words_of(length: float) -> int:
    """Words of 64 bits for sequences of a length: a power of two."""
    words = 2 ** int(np.ceil(np.log2(max(1.0, _SHARE * length / _WORD))))
    return int(np.clip(words, _FEWEST_WORDS, _MOST_WORDS))


@kernel(parallel=True)
def _bits_kernel(letters: AnyArray, offsets: IntArray, q: int, out: AnyArray) -> None:
    """Set the bit of every q-gram of each sequence in its line of `out`, (n, W), W a power of two."""
    step = 64 // q
    letter, gram = (np.uint64(1) << np.uint64(step)) - np.uint64(1), ~np.uint64(0) >> np.uint64(64 - q * step)
    digits, bits = 0, out.shape[1] * _WORD
    while (1 << digits) < bits:
        digits += 1
    shift = np.uint64(64 - digits)
    for row in numba.prange(out.shape[0]):
        number = np.uint64(0)
        first, stop = offsets[row], offsets[row + 1]
        for at in range(first, stop):
            number = ((number << np.uint64(step)) | (np.uint64(letters[at]) & letter)) & gram
            if at >= first + q - 1:
                place = ((number ^ (number >> np.uint64(29))) * _SPREAD) >> shift
                out[row, place >> np.uint64(6)] |= np.uint64(1) << (place & np.uint64(63))


@kernel(parallel=True)
def _differing_kernel(queries: AnyArray, targets: AnyArray, rows: IntArray, out: FloatArray) -> None:
    """out[q, c] = the bits that queries[q] and targets[rows[q, c]] do not share."""
    for q in numba.prange(rows.shape[0]):
        for c in range(rows.shape[1]):
            row = rows[q, c]
            if row >= 0:
                count = np.uint64(0)
                for word in range(queries.shape[1]):
                    count += popcount(queries[q, word] ^ targets[row, word])
                out[q, c] = np.float32(count)
