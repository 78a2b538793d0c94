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
from ..progress import SILENT, Progress, Watching, watched
from ..sequences import Sequences, SequencesLike
from ..sequences.coercion import taken
from ..sequences.strings import offsets_of
from .alignment import Alignments, radius_of_identity
from .strands import BOTH, PLUS, require_strand, reverse_complement, united
from .table import HitTable

_QUERIES = 1 << 15  # compared with everything at once: bounds the memory of the pairs
_FEWEST = 1 << 11  # taken at once beside few centroids


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Clusters of n sequences: two are in one when a chain joins them, each a duplicate of the next, or both are of one
    centroid (see `duplicates`).

    `representatives`, (n,): the row that stands for each one's cluster (of a distance that is not symmetric the one
    that contains it); `distances`, (n,): the exact distance to it, which a chain may carry beyond the radius; `equal`:
    sequences that equal an earlier one; `pairs`: pairs of distinct duplicates, of centroids those with them; `minus`,
    (n,): which
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

    def alignments(self, sequences: Sequences, distance: Distance) -> Alignments:
        """(n,) how each of the `sequences` aligns with the one that stands for it. Raises ParameterError for series,
        and for a distance that has no alignments."""
        if not distance.alignable and distance.aligner is None:
            raise ParameterError(f"there are no alignments by {distance.name}")
        rows = np.arange(len(sequences))
        minus = np.zeros(len(rows), np.bool_) if self.minus is None else self.minus
        table = HitTable(rows, self.representatives, self.distances, minus, len(rows))
        return Alignments(sequences, sequences, table, distance.aligner)


def duplicates(
    sequences: SequencesLike,
    distance: Distance | str,
    radius: float = 0.0,
    progress: Watching = False,
    *,
    strand: str = PLUS,
    sizes: ArrayLike | None = None,
    identity: float | None = None,
    linkage: str | None = None,
    order: str | None = None,
) -> Duplicates:
    """The clusters of sequences that are equal, or within `radius` of each other, or of an `identity`, nobody
    overlooked.

    Equal sequences are told by their bytes, others are looked for by the lossless range search. `identity`, above 0 to
    1, in place of a radius: equal columns over all columns of the alignment by edit distance, gaps at the ends among
    them (BLAST's pident, vsearch's --iddef 1; what is of identity P to m letters is at most m (1 - P) / P edits away,
    which bounds the search). `linkage`: "single" (the default of a radius) joins what a chain of duplicates leads to;
    "centroid" (the default of an identity) takes one after the other: each joins the nearest centroid before it that is
    within the radius, or of the identity, or becomes one itself, as vsearch --cluster_size does (for complete and
    average linkage see `SequenceIndex.cluster`). `order`: who comes first, and stands for a cluster: "input",
    "abundance" (how often it was seen; the default of centroids, and with sizes) or "length"; of equals the first.
    By a distance that is not symmetric (infix) one is a duplicate only of one at least as long that is kept itself and
    has it within the radius: the nearest of those, without chains, so that two genes stay two however many reads they
    share. `sequences`: what `as_sequences` takes; `distance`: one, or its name; `strand`: "both" takes the reverse
    complements of DNA and RNA for the same sequences; `sizes`, (n,): how often each was seen. Raises ParameterError for
    a negative radius, an identity out of range, what does not go together, and sizes that do not fit, MismatchError for
    sequences of another kind.

    >>> import seqsearch as ss
    >>> ss.duplicates(["anna", "hanna", "otto", "anna"], "edit", radius=1).representatives
    array([0, 0, 2, 0])
    >>> ss.duplicates(["anna", "hanna", "hannah"], "edit", identity=0.8).representatives
    array([0, 0, 2])
    """
    sequences = taken(sequences, "sequences").sequences
    if isinstance(distance, str):
        distance = distance_named(distance)
    alike = Alike(distance, radius, identity, strand)
    linkage = linkage or (SINGLE if identity is None else CENTROID)
    order = order or (ABUNDANCE if linkage == CENTROID or sizes is not None else INPUT)
    _require_sense(distance, linkage, order)
    if sequences.kind != distance.kind:
        raise MismatchError(f"the {distance.name} distance compares {distance.kind}, not {sequences.kind}")
    weights = None if sizes is None else _weights(sizes, len(sequences))
    turned = reverse_complement(sequences) if strand == BOTH else None
    original = equal_rows(sequences, turned)
    distinct = np.flatnonzero(original == np.arange(len(sequences)))
    first = _in_order(sequences, original, weights, order)
    parent, pairs = np.arange(len(distinct)), 0
    if not distance.symmetric:
        parent, pairs = _contained(sequences[distinct], alike, watched(progress))
    elif linkage == CENTROID:
        ranks = _ranks_of_groups(sequences, distinct, original, weights, order)
        parent, pairs = _greedy(sequences[distinct], alike, ranks, watched(progress))
    elif radius > 0 or identity is not None or not distance.metric:
        parent, pairs = _joined(sequences[distinct], alike, watched(progress))
    representatives = distinct[parent[np.searchsorted(distinct, original)]]
    equal_only = linkage == CENTROID or not distance.symmetric
    representatives = _foremost(representatives, first, original if equal_only else None)
    equal, minus = len(sequences) - len(distinct), None
    if turned is None:
        away = _distances(sequences, sequences, distance, representatives, distinct)[original]
    else:
        everyone = np.arange(len(sequences))
        away = _distances(sequences, sequences, distance, representatives, everyone)
        other = _distances(turned, sequences, distance, representatives, everyone)
        away, minus = np.minimum(away, other), np.asarray(other < away)
    return Duplicates(representatives, away, equal, pairs, minus, weights)


SINGLE, CENTROID = LINKAGES = ("single", "centroid")
INPUT, ABUNDANCE, LENGTH = ORDERS = ("input", "abundance", "length")


def _require_sense(distance: Distance, linkage: str, order: str) -> None:
    """Raise ParameterError for names that there are not, and what a distance that is not symmetric cannot do."""
    for what, name, known in (("linkage", linkage, LINKAGES), ("order", order, ORDERS)):
        if name not in known:
            raise ParameterError(f"no {what} {name!r}: choose one of {', '.join(known)}")
    if linkage == CENTROID and not distance.symmetric:
        how = f"by {distance.name} the shorter sequence joins the longer one"
        raise ParameterError(f"linkage {linkage!r} is for distances that are symmetric: {how}")


@dataclass(frozen=True)
class Alike:
    """When two sequences are duplicates: within a `radius` by a distance, or of an `identity`, on one strand or both.

    Raises ParameterError for numbers out of range, and for an identity by a distance without paths of edits.
    """

    distance: Distance
    radius: float
    identity: float | None
    strand: str

    def __post_init__(self) -> None:
        require_strand(self.strand)
        if not self.radius >= 0:
            raise ParameterError(f"a radius must be at least 0, not {self.radius:g}")
        if self.identity is None:
            return
        if not 0 < self.identity <= 1:
            raise ParameterError(f"identity must be above 0 and at most 1, not {self.identity}")
        if self.radius:
            raise ParameterError("a radius and an identity exclude each other")
        if not self.distance.alignable or self.distance.aligner is not None or not self.distance.symmetric:
            raise ParameterError(f"identity is of alignments by edit distance: {self.distance.name} takes a radius")

    def near(self, some: Sequences, targets: Sequences, progress: Progress = SILENT) -> Ranges:
        """All duplicates of `some` among targets, nearest first."""
        if not len(targets):
            return Ranges(np.zeros(len(some) + 1, np.int64), np.zeros(0, np.int64), np.zeros(0))
        radius: float | DoubleArray = self.radius
        if self.identity is not None:
            radius = radius_of_identity(some.lengths, self.identity)
        found, minus = range_search(self.distance, some, targets, radius, progress=progress), None
        if self.strand == BOTH:
            turned = range_search(self.distance, reverse_complement(some), targets, radius, progress=progress)
            found, minus = united(found, turned)
        if self.identity is None:
            return found
        table = HitTable.of_ragged(found.offsets, found.rows, found.distances, minus)
        kept = Alignments(some, targets, table).at_least(self.identity)
        offsets = offsets_of(np.bincount(table.owners[kept], minlength=len(some)))
        return Ranges(offsets, found.rows[kept], found.distances[kept])


def _weights(sizes: ArrayLike, count: int) -> IntArray:
    """Abundances of so many sequences as whole numbers. Raises ParameterError."""
    given = np.asarray(sizes)
    if given.shape != (count,) or given.dtype.kind not in "iu":
        raise ParameterError(f"sizes are {count} whole numbers, not {given.dtype} of shape {given.shape}")
    if count and given.min() < 1:
        raise ParameterError(f"a size is at least 1, not {given.min()}: sequence {int(given.argmin()) + 1}")
    return given.astype(np.int64)


def _in_order(sequences: Sequences, original: IntArray, weights: IntArray | None, order: str) -> IntArray:
    """(n,) rows, those that come first first; how often a sequence is there counts where sizes are not known."""
    rows = np.arange(len(sequences))
    if order == INPUT:
        return rows
    if order == LENGTH:
        return np.argsort(-sequences.lengths, kind="stable")
    if weights is None:
        weights = np.bincount(original, minlength=len(sequences))[original]
    return np.argsort(-weights, kind="stable")


def _ranks_of_groups(
    sequences: Sequences, distinct: IntArray, original: IntArray, weights: IntArray | None, order: str
) -> IntArray:
    """(d,) the distinct sequences, those that come first first: with the abundance of all that are equal."""
    if order == ABUNDANCE:
        totals = np.zeros(len(sequences), np.int64)
        np.add.at(totals, original, 1 if weights is None else weights)
        return np.argsort(-totals[distinct], kind="stable")
    return _in_order(sequences[distinct], np.arange(len(distinct)), None, order)


def _foremost(representatives: IntArray, order: IntArray, original: IntArray | None) -> IntArray:
    """(n,) the row of each one's cluster that comes first; `original`: among rows that are equal to the representative
    only."""
    if original is not None:
        order = order[original[order] == original[representatives[order]]]
    firsts = np.full(len(representatives), -1)
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


def _joined(sequences: Sequences, alike: Alike, progress: Progress) -> tuple[IntArray, int]:
    """(n,) the first row of each one's cluster, and the number of pairs that are duplicates."""
    forest, pairs = UnionFind(len(sequences)), 0
    for start in range(0, len(sequences), _QUERIES):
        some = sequences[start : start + _QUERIES]
        found = alike.near(some, sequences, progress)
        owners = start + np.repeat(np.arange(len(some)), np.diff(found.offsets))
        later = found.rows > owners  # each pair is found from both ends
        pairs += int(np.count_nonzero(later))
        forest.join(owners[later], found.rows[later])
    return forest.roots(), pairs


def _greedy(sequences: Sequences, alike: Alike, order: IntArray, progress: Progress) -> tuple[IntArray, int]:
    """(n,) the centroid of each, itself or the nearest of those before it in `order`, (n,), and how many joined one.

    Block by block: each is compared with the centroids before the block, and with those of the block that none of these
    is a duplicate of, which alone can become centroids.
    """
    parent, centroids = np.full(len(order), -1), np.zeros(0, np.int64)
    with progress.task("clustering", len(order)) as task:
        start = 0
        while start < len(order):
            block = order[start : start + max(_FEWEST, min(_QUERIES, len(centroids)))]
            some = sequences[block]
            known = alike.near(some, sequences[centroids])
            fresh = block[np.diff(known.offsets) == 0]
            inner = alike.near(some, sequences[fresh])
            for at, row in enumerate(block.tolist()):
                best, nearest = row, np.inf
                for found, rows in ((known, centroids), (inner, fresh)):
                    for place in range(int(found.offsets[at]), int(found.offsets[at + 1])):
                        other, away = int(rows[found.rows[place]]), float(found.distances[place])
                        if away >= nearest:
                            break
                        if parent[other] == other and other != row:
                            best, nearest = other, away
                            break
                parent[row] = best
            centroids = np.concatenate([centroids, fresh[parent[fresh] == fresh]])
            start += len(block)
            task.advance(len(block))
    return parent, int(np.count_nonzero(parent != np.arange(len(parent))))


def _contained(sequences: Sequences, alike: Alike, progress: Progress) -> tuple[IntArray, int]:
    """(n,) the kept one that each is contained in, or itself, and the number of (contained, container) within the
    radius. Longer ones are decided on first, equally long ones in their order.
    """
    order = np.lexsort((np.arange(len(sequences)), -sequences.lengths))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    parent, pairs = np.arange(len(sequences)), 0
    for start in range(0, len(order), _QUERIES):
        some = order[start : start + _QUERIES]
        found = alike.near(sequences[some], sequences, progress)
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
