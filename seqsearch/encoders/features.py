"""Sparse features of token sequences of any length: k-mers, and symbols by position.

A sequence becomes a list of (feature, weight). A k-mer of ambiguous symbols spreads its weight of 1 evenly over the
k-mers it may be; one that may be more than `MOST_READINGS` is left out. A symbol at position p falls into one of
`bins` position bins: p itself while sequences are no longer than `length`, shared linearly between two bins where
there are more positions than bins, and compressed where a sequence is longer than anything seen in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import threads
from ..arrays import AnyArray, FloatArray, IntArray
from ..jit import kernel, prange
from ..sequences import Sequences
from .inputs import InputSpec

MOST_READINGS = 16
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)


@dataclass(frozen=True)
class SparseFeatures:
    """Which features: `ks` k-mer lengths, each in at most `buckets` columns (hashed beyond), `bins` position bins."""

    spec: InputSpec
    ks: tuple[int, ...] = (5,)
    bins: int = 0
    buckets: int = 4096

    @classmethod
    def standard(cls, spec: InputSpec, bins: int | None = None, buckets: int = 4096) -> SparseFeatures:
        """Features that fit the alphabet: k so that k-mers nearly fill 1,024 columns; at most 160 position bins."""
        k = max(1, int(np.log(1100) / np.log(max(spec.symbols, 2)))) if spec.symbols < 1100 else 1
        ks = (k,) if k >= 3 else (1, 2, 3) if spec.symbols < 300 else (1, 2)
        return cls(spec, ks, min(160, spec.length) if bins is None else bins, buckets)

    def columns_of(self, k: int) -> int:
        """Columns that k-mers of one length take."""
        return int(min(self.buckets, self.spec.symbols**k))

    @property
    def size(self) -> int:
        """M: number of features."""
        return sum(self.columns_of(k) for k in self.ks) + self.bins * self.spec.symbols

    def _arguments(self, sequences: Sequences) -> tuple[Any, ...]:
        counts, members = self.spec.members
        ks = np.array(self.ks, np.int64)
        columns = np.array([self.columns_of(k) for k in self.ks], np.int64)
        return (
            self.spec.codes(sequences), sequences.offsets, ks, columns, counts, members, self.spec.symbols, self.bins,
            self.spec.length,
        )  # fmt: skip

    def dense(self, sequences: Sequences) -> FloatArray:
        """(n, M) float32 counts."""
        self.spec.require(sequences)
        threads.numba_threads()
        out = np.zeros((len(sequences), self.size), np.float32)
        _dense(out, *self._arguments(sequences))
        return out

    def project(self, sequences: Sequences, table: FloatArray) -> FloatArray:
        """(n, W): the counts times `table` (M, W), without ever making the counts."""
        self.spec.require(sequences)
        threads.numba_threads()
        out = np.zeros((len(sequences), table.shape[1]), np.float32)
        _project(out, np.ascontiguousarray(table), *self._arguments(sequences))
        return out

    def to_json(self) -> dict[str, Any]:
        return {"ks": list(self.ks), "bins": self.bins, "buckets": self.buckets}

    @classmethod
    def from_json(cls, spec: InputSpec, document: dict[str, Any]) -> SparseFeatures:
        return cls(spec, tuple(document["ks"]), int(document["bins"]), int(document["buckets"]))


@kernel()
def _column(value: np.uint64, columns: int, exact: bool) -> np.int64:
    if exact:
        return np.int64(value)
    return np.int64(((value * _MIX) >> np.uint64(32)) % np.uint64(columns))


@kernel()
def _kmer_readings(
    codes: AnyArray, k: int, columns: int, counts: IntArray, members: IntArray, symbols: int, first: int,
    features: IntArray, weights: FloatArray, used: int,
) -> int:  # fmt: skip
    """Write the k-mers of one sequence to features[used:] and weights[used:]; return the new end."""
    exact = float(symbols) ** k <= columns
    for start in range(len(codes) - k + 1):
        readings = 1
        for j in range(k):
            readings *= counts[codes[start + j]]
            if readings > MOST_READINGS:
                break
        if readings > MOST_READINGS:
            continue
        for reading in range(readings):
            rest = reading
            value = np.uint64(0)
            for j in range(k):
                code = codes[start + j]
                value = value * np.uint64(symbols) + np.uint64(members[code, rest % counts[code]])
                rest //= counts[code]
            features[used] = first + _column(value, columns, exact)
            weights[used] = 1.0 / readings
            used += 1
    return used


@kernel()
def _positions(
    codes: AnyArray, bins: int, length: int, counts: IntArray, members: IntArray, symbols: int, first: int,
    features: IntArray, weights: FloatArray, used: int,
) -> int:  # fmt: skip
    """Write the position features of one sequence; return the new end."""
    reach = max(len(codes), length)
    for p in range(len(codes)):
        place = p * bins / reach
        bin_ = int(place)
        into_next = place - bin_ if reach > bins and bin_ + 1 < bins else 0.0
        code = codes[p]
        for m in range(counts[code]):
            column = first + bin_ * symbols + members[code, m]
            features[used] = column
            weights[used] = (1.0 - into_next) / counts[code]
            used += 1
            if into_next > 0:
                features[used] = column + symbols
                weights[used] = into_next / counts[code]
                used += 1
    return used


@kernel()
def _features_of(
    codes: AnyArray, ks: IntArray, columns: IntArray, counts: IntArray, members: IntArray, symbols: int, bins: int,
    length: int, features: IntArray, weights: FloatArray,
) -> int:  # fmt: skip
    used = 0
    first = 0
    for i in range(len(ks)):
        used = _kmer_readings(
            codes, ks[i], columns[i], counts, members, symbols, first, features, weights, used
        )  # fmt: skip
        first += columns[i]
    if bins > 0:
        used = _positions(codes, bins, length, counts, members, symbols, first, features, weights, used)
    return used


@kernel()
def _room(codes: AnyArray, ks: int, counts: IntArray) -> int:
    """An upper bound of the features of one sequence."""
    ambiguous = 0
    wide = 0
    for code in codes:
        if counts[code] > 1:
            ambiguous += 1
            wide += counts[code]
    # an ambiguous symbol lies in at most k windows, of at most MOST_READINGS readings each (k <= 16 throughout)
    return len(codes) * (ks + 2) + ambiguous * ks * 16 * MOST_READINGS + 2 * wide


@kernel(parallel=True)
def _dense(
    out: FloatArray, codes: AnyArray, offsets: IntArray, ks: IntArray, columns: IntArray, counts: IntArray,
    members: IntArray, symbols: int, bins: int, length: int,
) -> None:  # fmt: skip
    for i in prange(len(offsets) - 1):
        own = codes[offsets[i] : offsets[i + 1]]
        room = _room(own, len(ks), counts)
        features = np.empty(room, np.int64)
        weights = np.empty(room, np.float32)
        used = _features_of(own, ks, columns, counts, members, symbols, bins, length, features, weights)
        for j in range(used):
            out[i, features[j]] += weights[j]


@kernel(parallel=True, fastmath=True)
def _project(
    out: FloatArray, table: FloatArray, codes: AnyArray, offsets: IntArray, ks: IntArray, columns: IntArray,
    counts: IntArray, members: IntArray, symbols: int, bins: int, length: int,
) -> None:  # fmt: skip
    width = table.shape[1]
    for i in prange(len(offsets) - 1):
        own = codes[offsets[i] : offsets[i + 1]]
        room = _room(own, len(ks), counts)
        features = np.empty(room, np.int64)
        weights = np.empty(room, np.float32)
        used = _features_of(own, ks, columns, counts, members, symbols, bins, length, features, weights)
        row = out[i]
        for j in range(used):
            column = table[features[j]]
            weight = weights[j]
            for w in range(width):
                row[w] += weight * column[w]
