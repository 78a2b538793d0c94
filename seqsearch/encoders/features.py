"""Sparse features of token sequences of any length, on three scales: k-mers, k-mers by window, symbols by position.

A sequence becomes a list of (feature, weight). A k-mer of ambiguous symbols spreads its weight of 1 evenly over the
k-mers it may be; one that may be more than `MOST_READINGS` is left out.

Windows are soft: their centres lie evenly over the sequence, and a k-mer between two centres is shared linearly between
them, so an insertion moves a little weight instead of moving everything. A symbol at position p falls into one of
`bins` position bins: p itself while sequences are no longer than `length`, shared linearly between two bins where
there are more positions than bins, and compressed where a sequence is longer than anything seen in training.

k-mers alone forget where a change is, positions alone lose everything behind an insertion: measured on 16S V4 genes
the three together propose more of the true neighbours than any two of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .. import threads
from ..arrays import JSON, AnyArray, FloatArray, IntArray
from ..jit import kernel, prange
from ..sequences import Sequences
from .inputs import InputSpec
from .layers import Layers, Lists, forward

MOST_READINGS = 16
_LISTED = 1 << 14  # features listed at once: they leave most of the second cache to a chunk of a table
_ALONE = 4  # sequences so few that one thread has them sooner
BESIDE_WINDOWS = 0.4  # what k-mers of the whole and symbols by position count beside k-mers by window
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)


class _Block(NamedTuple):
    """k-mers of one length, in `windows` soft windows (0: in the whole sequence), each of so many `columns`."""

    k: int
    columns: int
    windows: int
    first: int  # column


class _Layout(NamedTuple):
    """`SparseFeatures` as the kernels read them: `lengths` is 1 for a column of them; `counts` and `members` are the
    symbols that a token may be."""

    ks: IntArray
    columns: IntArray
    window_k: int
    window_columns: int
    windows: int
    bins: int
    length: int
    lengths: int
    symbols: int
    counts: IntArray
    members: IntArray


@dataclass(frozen=True)
class SparseFeatures:
    """Which features: `ks` k-mer lengths, each in at most `buckets` columns (hashed beyond); `window_k`-mers in each of
    `windows` soft windows; symbols in `bins` position bins; `lengths`: and log(1 + the length), in the last column.
    """

    spec: InputSpec
    ks: tuple[int, ...] = (5,)
    windows: int = 0
    window_k: int = 3
    bins: int = 0
    buckets: int = 4096
    lengths: bool = False

    @classmethod
    def counts(cls, spec: InputSpec) -> SparseFeatures:
        """k-mers alone, k as large as 1,024 columns allow (short ones beside it where the alphabet is large)."""
        k = max(1, int(np.log(1100) / np.log(max(spec.symbols, 2))))
        return cls(spec, (k,) if k >= 3 else (1, 2, 3))

    @classmethod
    def standard(cls, spec: InputSpec) -> SparseFeatures:
        """All three scales, in about 1,600 columns for DNA (3,200 for whole genes) and never above 8,000.

        Longer sequences get longer k-mers, so that not all of them hold each, and more windows.
        """
        symbols = max(spec.symbols, 2)
        k = max(1, int(np.log(min(max(300, spec.length), 1100)) / np.log(symbols)))
        ks = (k,) if k >= 3 else (1, 2)
        window_k = max(1, int(np.log(70) / np.log(symbols)))
        wanted = min(max(12, spec.length // 50), 24)
        windows = min(wanted, max(2, spec.length // 4), max(2, 128 * wanted // symbols**window_k))
        return cls(spec, ks, windows, window_k, min(160, spec.length, max(8, 1024 // symbols)))

    def columns_of(self, k: int) -> int:
        """Columns that k-mers of one length take."""
        return int(min(self.buckets, self.spec.symbols**k))

    @property
    def size(self) -> int:
        """M: number of features."""
        windowed = self.windows * self.columns_of(self.window_k)
        return sum(self.columns_of(k) for k in self.ks) + windowed + self.bins * self.spec.symbols + self.lengths

    @property
    def block_weights(self) -> FloatArray:
        """(M,) how much each feature counts in a distance of points that nothing was learned for.

        k-mers by window find the nearest where an insertion has moved all positions and where a family shares its
        k-mers, so the others count less beside them; measured on V4 and whole 16S genes (`components`).
        """
        windows = self.windows * self.columns_of(self.window_k)
        weights = np.full(self.size, BESIDE_WINDOWS if windows else 1.0, np.float32)
        first = sum(self.columns_of(k) for k in self.ks)
        weights[first : first + windows] = 1.0
        return weights

    @cached_property
    def _most(self) -> int:
        """Features of a token, about."""
        return len(self.ks) + 2 * (self.windows > 0) + 2 * (self.bins > 0)

    @cached_property
    def _layout(self) -> _Layout:
        counts, members = self.spec.members
        ks = np.array(self.ks, np.int64)
        columns = np.array([self.columns_of(k) for k in self.ks], np.int64)
        window = self.window_k, self.columns_of(self.window_k), self.windows
        places = self.bins, self.spec.length, int(self.lengths)
        return _Layout(ks, columns, *window, *places, self.spec.symbols, counts, members)

    def dense(self, sequences: Sequences) -> FloatArray:
        """(n, M) float32 counts."""
        self.spec.require(sequences)
        threads.numba_threads()
        out = np.zeros((len(sequences), self.size), np.float32)
        _dense(out, self.spec.tokens(sequences), sequences.offsets, self._layout)
        return out

    def project(self, sequences: Sequences, layers: Layers) -> FloatArray:
        """(n, D): the counts through `layers`, without ever making the counts. A row depends on its sequence alone."""
        self.spec.require(sequences)
        out = np.empty((len(sequences), layers.dim), np.float32)
        tokens, offsets = self.spec.tokens(sequences), sequences.offsets
        block = max(1, _LISTED // max(1, self._most * int(offsets[-1] - offsets[0]) // max(1, len(sequences))))
        if len(sequences) <= min(block, _ALONE):
            _project(out, tokens, offsets, self._layout, layers)  # sooner done than other threads are awake
        else:
            block = min(block, -(-len(sequences) // threads.numba_threads()))
            threads.in_blocks(
                len(sequences),
                block,
                lambda first, last: _project(out[first:last], tokens, offsets[first : last + 1], self._layout, layers),
            )
        return out

    def to_json(self) -> JSON:
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "spec"}
        if not self.lengths:  # so that models without it stay as they were, byte for byte
            del own["lengths"]
        return {**own, "ks": list(self.ks)}

    @classmethod
    def from_json(cls, spec: InputSpec, document: JSON) -> SparseFeatures:
        return cls(spec, **{**document, "ks": tuple(document["ks"])})


def principal_axes(points: FloatArray, dim: int) -> FloatArray:
    """(M, dim) leading principal axes of (n, M) points, the leading first."""
    centred = points - points.mean(axis=0)
    covariance = (centred.T @ centred).astype(np.float64)
    axes = np.linalg.eigh(covariance)[1]
    leading: FloatArray = np.ascontiguousarray(axes[:, ::-1][:, :dim], np.float32)
    return leading


@kernel()
def _column(value: np.uint64, columns: int, exact: bool) -> np.int64:
    if exact:
        return np.int64(value)
    return np.int64(((value * _MIX) >> np.uint64(32)) % np.uint64(columns))


@kernel()
def _kmer_readings(
    tokens: AnyArray, layout: _Layout, block: _Block, features: AnyArray, weights: FloatArray, used: int
) -> int:
    """Write the k-mers of one sequence, or of its soft windows, to features[used:]; the new end."""
    counts, members, symbols = layout.counts, layout.members, layout.symbols
    k, columns, windows = block.k, block.columns, block.windows
    exact = float(symbols) ** k <= columns
    last = len(tokens) - k
    for start in range(last + 1):
        readings = 1
        for j in range(k):
            readings *= counts[tokens[start + j]]
            if readings > MOST_READINGS:
                break
        if readings > MOST_READINGS:
            continue
        place = start * (windows - 1) / last if windows > 1 and last > 0 else 0.0
        window = int(place)
        into_next = place - window
        for reading in range(readings):
            rest = reading
            value = np.uint64(0)
            for j in range(k):
                token = tokens[start + j]
                value = value * np.uint64(symbols) + np.uint64(members[token, rest % counts[token]])
                rest //= counts[token]
            features[used] = block.first + window * columns + _column(value, columns, exact)
            weights[used] = (1.0 - into_next) / readings
            used += 1
            if into_next > 0:
                features[used] = features[used - 1] + columns
                weights[used] = into_next / readings
                used += 1
    return used


@kernel()
def _positions(
    tokens: AnyArray, layout: _Layout, first: int, features: AnyArray, weights: FloatArray, used: int
) -> int:
    """Write the position features of one sequence; return the new end."""
    counts, bins = layout.counts, layout.bins
    reach = max(len(tokens), layout.length)
    for p in range(len(tokens)):
        place = p * bins / reach
        bin_ = int(place)
        into_next = place - bin_ if reach > bins and bin_ + 1 < bins else 0.0
        token = tokens[p]
        for m in range(counts[token]):
            column = first + bin_ * layout.symbols + layout.members[token, m]
            features[used] = column
            weights[used] = (1.0 - into_next) / counts[token]
            used += 1
            if into_next > 0:
                features[used] = column + layout.symbols
                weights[used] = into_next / counts[token]
                used += 1
    return used


@kernel()
def _plain(tokens: AnyArray, counts: IntArray) -> bool:
    """Whether every token is one symbol."""
    widest = 1
    for token in tokens:
        widest = max(widest, counts[token])
    return widest == 1


@kernel()
def _plain_kmers(
    tokens: AnyArray, layout: _Layout, block: _Block, features: AnyArray, weights: FloatArray, used: int
) -> int:
    """`_kmer_readings` of a sequence without ambiguous tokens."""
    members, symbols = layout.members, np.uint64(layout.symbols)
    k, columns, windows = block.k, block.columns, block.windows
    exact = float(symbols) ** k <= columns
    last = len(tokens) - k
    gone = np.uint64(1)  # the place value of the symbol that leaves, modulo 2^64 as all of the number
    for _ in range(k):
        gone *= symbols
    value = np.uint64(0)
    for p in range(min(k - 1, len(tokens))):
        value = value * symbols + np.uint64(members[tokens[p], 0])
    left = np.uint64(0)
    for start in range(last + 1):
        value = value * symbols + np.uint64(members[tokens[start + k - 1], 0]) - left * gone
        left = np.uint64(members[tokens[start], 0])
        column = block.first + _column(value, columns, exact)
        if windows > 1 and last > 0:
            place = start * (windows - 1) / last
            window = int(place)
            into_next = place - window
            features[used] = column + window * columns
            weights[used] = 1.0 - into_next
            features[used + 1] = column + (window + 1) * columns
            weights[used + 1] = into_next
            used += 1 + int(into_next > 0)
        else:
            features[used] = column
            weights[used] = 1.0
            used += 1
    return used


@kernel()
def _kmers(tokens: AnyArray, layout: _Layout, block: _Block, features: AnyArray, weights: FloatArray, used: int) -> int:
    if _plain(tokens, layout.counts):
        return _plain_kmers(tokens, layout, block, features, weights, used)
    return _kmer_readings(tokens, layout, block, features, weights, used)


@kernel()
def _list(tokens: AnyArray, layout: _Layout, features: AnyArray, weights: FloatArray, used: int) -> int:
    """Write all features of one sequence to features[used:] and their weights; the new end."""
    first = 0
    for i in range(len(layout.ks)):
        block = _Block(layout.ks[i], layout.columns[i], 0, first)
        used = _kmers(tokens, layout, block, features, weights, used)
        first += layout.columns[i]
    if layout.windows > 0:
        block = _Block(layout.window_k, layout.window_columns, layout.windows, first)
        used = _kmers(tokens, layout, block, features, weights, used)
        first += layout.windows * layout.window_columns
    if layout.bins > 0:
        used = _positions(tokens, layout, first, features, weights, used)
        first += layout.bins * layout.symbols
    if layout.lengths > 0:
        features[used] = first
        weights[used] = np.log(1.0 + len(tokens))
        used += 1
    return used


@kernel()
def _lists(tokens: AnyArray, offsets: IntArray, layout: _Layout) -> Lists:
    """The features of some sequences."""
    room = len(offsets)  # a length each, and one more may be written and not kept
    for i in range(len(offsets) - 1):
        room += _room(tokens[offsets[i] : offsets[i + 1]], len(layout.ks), layout.counts)
    features = np.empty(room, np.int32)
    weights = np.empty(room, np.float32)
    ends = np.zeros(len(offsets), np.int64)
    for i in range(len(offsets) - 1):
        ends[i + 1] = _list(tokens[offsets[i] : offsets[i + 1]], layout, features, weights, ends[i])
    return Lists(features, weights, ends)


@kernel()
def _room(tokens: AnyArray, ks: int, counts: IntArray) -> int:
    """An upper bound of the features of one sequence of which `ks` k-mer lengths are counted beside the windows."""
    ambiguous = 0
    wide = 0
    for token in tokens:
        if counts[token] > 1:
            ambiguous += 1
            wide += counts[token]
    # an ambiguous symbol lies in at most k windows, of at most MOST_READINGS readings each (k <= 16 throughout)
    return len(tokens) * (ks + 4) + ambiguous * (ks + 2) * 16 * MOST_READINGS + 2 * wide


@kernel(parallel=True)
def _dense(out: FloatArray, tokens: AnyArray, offsets: IntArray, layout: _Layout) -> None:
    for i in prange(len(offsets) - 1):
        listed = _lists(tokens, offsets[i : i + 2], layout)
        for j in range(listed.ends[1]):
            out[i, listed.features[j]] += listed.weights[j]


@kernel()
def _project(out: FloatArray, tokens: AnyArray, offsets: IntArray, layout: _Layout, layers: Layers) -> None:
    forward(_lists(tokens, offsets, layout), layers, out)
