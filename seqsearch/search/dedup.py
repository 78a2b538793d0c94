"""Duplicates within a set: who is within a distance of whom, by proof, and the clusters that this makes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import BoolArray, DoubleArray, IntArray
from ..distances import Distance, Ranges, distance_named, range_search
from ..errors import MismatchError, ParameterError
from ..progress import Progress, Watching, watched
from ..sequences import Sequences, SequencesLike
from ..sequences.coercion import taken
from .strands import BOTH, PLUS, require_strand, reverse_complement, united

_QUERIES = 1 << 15  # compared with everything at once: bounds the memory of the pairs


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Clusters of n sequences: two are in one when a chain joins them, each within the radius of the next.

    `representatives`, (n,): the first row of each one's cluster (of a distance that is not symmetric the one that
    contains it); `distances`, (n,): the exact distance to it, which a chain may carry beyond the radius; `equal`:
    sequences that equal an earlier one; `pairs`: pairs of distinct sequences within the radius; `minus`, (n,): which
    are nearer to it on the other strand, None where one was looked at; `weights`, (n,): how often each was seen, None
    where that is not known.
    """

    representatives: IntArray
    distances: DoubleArray
    equal: int
    pairs: int
    minus: BoolArray | None = None
    weights: IntArray | None = None

    @property
    def first(self) -> BoolArray:
        """(n,) which rows stand for their clusters."""
        return np.asarray(self.representatives == np.arange(len(self.representatives)))

    @property
    def kept(self) -> IntArray:
        """Rows of the representatives, ascending."""
        return np.flatnonzero(self.first)

    @property
    def sizes(self) -> IntArray:
        """(n,) members of each one's cluster."""
        return np.bincount(self.representatives, minlength=len(self.representatives))[self.representatives]

    @property
    def abundances(self) -> IntArray:
        """(n,) how often the members of each one's cluster were seen, all together; once each where it is not known."""
        if self.weights is None:
            return self.sizes
        totals = np.zeros(len(self.representatives), np.int64)
        np.add.at(totals, self.representatives, self.weights)
        return totals[self.representatives]

    @property
    def ranked(self) -> IntArray:
        """Rows of the representatives, the most abundant clusters first, of equals the first row."""
        kept = self.kept
        return kept[np.argsort(-self.abundances[kept], kind="stable")]


def duplicates(
    sequences: SequencesLike,
    distance: Distance | str,
    radius: float = 0.0,
    progress: Watching = False,
    *,
    strand: str = PLUS,
    sizes: ArrayLike | None = None,
) -> Duplicates:
    """The clusters of sequences that are equal or within `radius` of each other, nobody overlooked.

    Equal sequences are told by their bytes; of the distinct ones each looks for all others within the radius by the
    lossless range search. By a distance that is not symmetric (infix) one is a duplicate only of one at least as long
    that is kept itself and has it within the radius: the nearest of those, without chains, so that two genes stay two
    however many reads they share. `sequences`: what `as_sequences` takes; `distance`: one, or its name; `strand`:
    "both" takes the reverse complements of DNA and RNA for the same sequences; `sizes`, (n,): how often each was seen:
    the most abundant of a cluster stands for it then, of equals the first (among sequences in a longer one, that one).
    Raises ParameterError for a negative radius and for sizes that do not fit, MismatchError for sequences of another
    kind.

    >>> import seqsearch as ss
    >>> ss.duplicates(["anna", "hanna", "otto", "anna"], "edit", radius=1).representatives
    array([0, 0, 2, 0])
    """
    sequences = taken(sequences, "sequences").sequences
    if isinstance(distance, str):
        distance = distance_named(distance)
    if not radius >= 0:
        raise ParameterError(f"a radius must be at least 0, not {radius:g}")
    if sequences.kind != distance.kind:
        raise MismatchError(f"the {distance.name} distance compares {distance.kind}, not {sequences.kind}")
    weights = None if sizes is None else _weights(sizes, len(sequences))
    require_strand(strand)
    turned = reverse_complement(sequences) if strand == BOTH else None
    original = equal_rows(sequences, turned)
    distinct = np.flatnonzero(original == np.arange(len(sequences)))
    parent, pairs = np.arange(len(distinct)), 0
    if not distance.symmetric:
        parent, pairs = _contained(sequences[distinct], distance, radius, strand, watched(progress))
    elif radius > 0 or not distance.metric:
        parent, pairs = _joined(sequences[distinct], distance, radius, strand, watched(progress))
    representatives = distinct[parent[np.searchsorted(distinct, original)]]
    if weights is not None:
        representatives = _most_abundant(representatives, weights, None if distance.symmetric else original)
    equal, minus = len(sequences) - len(distinct), None
    if turned is None:
        away = _distances(sequences, sequences, distance, representatives, distinct)[original]
    else:
        everyone = np.arange(len(sequences))
        away = _distances(sequences, sequences, distance, representatives, everyone)
        other = _distances(turned, sequences, distance, representatives, everyone)
        away, minus = np.minimum(away, other), np.asarray(other < away)
    return Duplicates(representatives, away, equal, pairs, minus, weights)


def _weights(sizes: ArrayLike, count: int) -> IntArray:
    """Abundances of so many sequences as whole numbers. Raises ParameterError."""
    given = np.asarray(sizes)
    if given.shape != (count,) or given.dtype.kind not in "iu":
        raise ParameterError(f"sizes are {count} whole numbers, not {given.dtype} of shape {given.shape}")
    if count and given.min() < 1:
        raise ParameterError(f"a size is at least 1, not {given.min()}: sequence {int(given.argmin()) + 1}")
    return given.astype(np.int64)


def _most_abundant(representatives: IntArray, weights: IntArray, original: IntArray | None) -> IntArray:
    """(n,) the most abundant row of each one's cluster, of equals the first; `original`: among rows that are equal to
    the representative only.
    """
    order = np.lexsort((np.arange(len(weights)), -weights))
    if original is not None:
        order = order[original[order] == original[representatives[order]]]
    firsts = np.full(len(weights), -1)
    firsts[representatives[order[::-1]]] = order[::-1]
    return np.asarray(firsts[representatives])


def equal_rows(sequences: Sequences, turned: Sequences | None = None) -> IntArray:
    """(n,) the first row that holds exactly the same sequence, or what it is when `turned`."""
    first: dict[bytes, int] = {}
    names = _bytes_of(sequences)
    if turned is not None:
        names = map(min, names, _bytes_of(turned))
    return np.fromiter((first.setdefault(name, row) for row, name in enumerate(names)), np.int64, len(sequences))


def _bytes_of(sequences: Sequences) -> Iterator[bytes]:
    """Each sequence as bytes."""
    width = sequences.data.itemsize * int(np.prod(sequences.data.shape[1:], dtype=np.int64))
    raw, bounds = memoryview(np.ascontiguousarray(sequences.data).tobytes()), (sequences.offsets * width).tolist()
    return (bytes(raw[start:end]) for start, end in itertools.pairwise(bounds))


def _within(
    some: Sequences, sequences: Sequences, distance: Distance, radius: float, strand: str, progress: Progress
) -> Ranges:
    """All `sequences` within the radius of some of them, on either strand where both are meant."""
    found = range_search(distance, some, sequences, radius, progress=progress)
    if strand == BOTH:
        found, _ = united(found, range_search(distance, reverse_complement(some), sequences, radius, progress=progress))
    return found


def _joined(
    sequences: Sequences, distance: Distance, radius: float, strand: str, progress: Progress
) -> tuple[IntArray, int]:
    """(n,) the first row of each one's cluster, and the number of pairs within the radius."""
    forest, pairs = UnionFind(len(sequences)), 0
    for start in range(0, len(sequences), _QUERIES):
        some = sequences[start : start + _QUERIES]
        found = _within(some, sequences, distance, radius, strand, progress)
        owners = start + np.repeat(np.arange(len(some)), np.diff(found.offsets))
        later = found.rows > owners  # each pair is found from both ends
        pairs += int(np.count_nonzero(later))
        forest.join(owners[later], found.rows[later])
    return forest.roots(), pairs


def _contained(
    sequences: Sequences, distance: Distance, radius: float, strand: str, progress: Progress
) -> tuple[IntArray, int]:
    """(n,) the kept one that each is contained in, or itself, and the number of (contained, container) within the
    radius. Longer ones are decided on first, equally long ones in their order.
    """
    order = np.lexsort((np.arange(len(sequences)), -sequences.lengths))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    parent, pairs = np.arange(len(sequences)), 0
    for start in range(0, len(order), _QUERIES):
        some = order[start : start + _QUERIES]
        found = _within(sequences[some], sequences, distance, radius, strand, progress)
        for at, row in enumerate(some.tolist()):
            rows = found.rows[found.offsets[at] : found.offsets[at + 1]]
            rows = rows[place[rows] < place[row]]
            pairs += len(rows)
            kept = rows[parent[rows] == rows]
            if len(kept):
                parent[row] = kept[0]
    return parent, pairs


def _distances(
    asked: Sequences, sequences: Sequences, distance: Distance, representatives: IntArray, rows: IntArray
) -> DoubleArray:
    """(n,) exact distances of some `rows` of `asked` to their representatives, 0 to themselves and for other rows."""
    out = np.zeros(len(sequences))
    apart = rows[representatives[rows] != rows]
    out[apart] = distance.pairs(asked, apart, sequences, representatives[apart])
    return out


class UnionFind:
    """Disjoint sets of n rows (Tarjan 1975), each named by its smallest row."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, row: int) -> int:
        """The smallest row of the set of `row`; the path to it is halved on the way."""
        parent = self._parent
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def join(self, a: IntArray, b: IntArray) -> None:
        """Unite the sets of a[i] and b[i]."""
        for one, other in zip(a.tolist(), b.tolist(), strict=True):
            first, second = self.root(one), self.root(other)
            self._parent[max(first, second)] = min(first, second)

    def roots(self) -> IntArray:
        """(n,) the smallest row of each one's set."""
        return np.fromiter((self.root(row) for row in range(len(self._parent))), np.int64, len(self._parent))
