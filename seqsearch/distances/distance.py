"""What every exact distance can do, and the table of those there are.

A distance of one's own is a subclass of `CustomDistance` with a name and a function of two sequences, or of `Distance`
with a name, a kind and `pairs`; everything else is derived from these, slowly and rightly, and may be overridden by
something faster. `register(MyDistance)` makes it known by name.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np

from .. import threads
from ..arrays import JSON, AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import MismatchError, ParameterError
from ..progress import SILENT, Progress
from ..registry import Registry, call
from ..sequences import Kind, Sequence, Sequences
from .arguments import allowed_rows, candidate_rows, stop_bounds
from .neighbours import Identical, Neighbours, Pruning
from .paths import AlignedPath

LEAST_COST = 0.1
_CELL = 0.001  # a cell of a dynamic programme in candidates proposed by the graph: measured with time warping
_RULED_OUT = 0.1  # a sequence that bounds rule out: measured with heartbeats under time warping
_QUERIES_A_STEP, _PAIRS_A_STEP = 64, 1 << 20  # at most
_DIVIDED = 1 << 12  # targets from which on parts of them are compared side by side


Space = Literal["", "euclidean", "cosine", "inner-product"]


class Searcher(Protocol):
    """Targets that are searched by proof, made ready once for many searches."""

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest of the targets, ties to the smallest row, and what became of all pairs.

        `within`, (Q,): only targets at most at this distance of their query. Raises MismatchError when the queries are
        of another kind or alphabet, ParameterError for a `k` below 1.
        """


class Proposer(Protocol):
    """Targets that propose candidates without vectors of them, made ready once for many queries."""

    def nearest(
        self, queries: Sequences, count: int, allowed: BoolArray | None = None, *, by_share: bool = False
    ) -> tuple[IntArray, DoubleArray]:
        """(Q, count) rows that are likely to be near, -1 padded, and scores, the less the better, inf padded.

        `allowed`, (rows,), leaves some of them out; `by_share`: near for the length of the shorter one.
        """


class Ranker(Protocol):
    """Targets made ready to be ordered nearly as their distances order them, for a small part of what these cost.

    `alone`: its scores order them by themselves; otherwise they are added to those by which they were proposed.
    """

    alone: bool

    def able(self, queries: Sequences) -> BoolArray:
        """(Q,) for which queries it is."""

    def scores(self, queries: Sequences, rows: IntArray) -> AnyArray:
        """(Q, C) scores of rows of the targets, (Q, C), -1 padded: the less the better, inf for -1."""


class Aligner(Protocol):
    """What aligns two sequences and scores that, where a distance is not one of edits."""

    def align(self, query: Sequence, target: Sequence) -> AlignedPath:
        """A best alignment, with its score."""

    def bit_scores(self, scores: AnyArray) -> DoubleArray | None:
        """Scores in bits; None where no statistics are known."""

    def e_values(self, scores: AnyArray, lengths: AnyArray, total: int) -> DoubleArray | None:
        """How many alignments of such scores chance brings, for queries of these `lengths` among `total` symbols; None
        where no statistics are known."""


class Distance(ABC):
    """An exact distance between sequences. All distances are float64; `a`, `b`, `queries`, `targets` are columnar sets.

    Every method raises MismatchError when the two sets cannot be compared, or are not of the distance's kind.
    Two distances of one class with the same parameters are equal.

    What a distance is, for those who use it:
    `metric`: symmetric, 0 exactly between equal sequences, and it keeps the triangle inequality;
    `whole_numbers`: every distance is one;
    `alignable`: it counts the edits of a path, which can be shown;
    `symmetric`: two sequences may change places; where they may not, the query comes first;
    `partial`: a part of a target decides, which `spans` tells, so that no vector of the whole target leads to it;
    `space`: it compares sequences of one shape as vectors, in this space, so that they need no encoder; "" for others;
    `least`: no distance is less;
    `proposes`: it has a `proposer`;
    `ranked_by`: what its `ranker` goes by; "" where it has none.

    >>> import seqsearch as ss
    >>> edit = ss.distance_named("edit")
    >>> names, asked = ss.as_sequences(["anna", "hanna", "otto"]), ss.as_sequences(["ana", "ott"])
    >>> edit.matrix(asked, names)
    array([[1., 2., 4.],
           [4., 5., 1.]])
    >>> edit.exact(asked, names, k=1).rows
    array([[0],
           [2]])
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    metric: bool = False  # may depend on its parameters
    whole_numbers: ClassVar[bool] = False
    alignable: ClassVar[bool] = False
    symmetric: ClassVar[bool] = True
    partial: ClassVar[bool] = False
    space: ClassVar[Space] = ""
    least: ClassVar[float] = 0.0
    proposes: ClassVar[bool] = False
    ranked_by: ClassVar[str] = ""

    @abstractmethod
    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) distances of a[a_rows[i]] and b[b_rows[i]]; those above `cutoffs`, (m,), may be inf."""

    def parameters(self) -> JSON:
        """JSON values from which `distance_named(name, **parameters)` makes an equal distance."""
        return {}

    @property
    def power(self) -> float:
        """It grows like this power of a length: 2 for a sum of squares, which is learned by its root."""
        return 1.0

    def matrix(self, a: Sequences, b: Sequences) -> DoubleArray:
        """(n, m) float64: the distances of all of `a` and all of `b`."""
        self.require(a, b)
        a_rows, b_rows = np.divmod(np.arange(len(a) * len(b)), max(len(b), 1))
        return self.pairs(a, a_rows, b, b_rows).reshape(len(a), len(b))

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        """The k nearest among `candidates`, (Q, C) rows of `targets`, -1 padded, verified in the order given.

        The running k-th distance is the cutoff of the next. `stop`, (Q, C): the least distance expected of this and all
        later candidates of the query; its list ends where that exceeds the running k-th distance.
        """
        self.require(queries, targets)
        wanted = candidate_rows(candidates, len(queries), len(targets))
        distances = np.full(wanted.shape, np.inf)
        given = wanted >= 0
        distances[given] = self.pairs(queries, np.nonzero(given)[0], targets, wanted[given])
        if stop is not None:
            ends, best = stop_bounds(stop, wanted), Neighbours.none(len(queries), k).distances
            for c in range(wanted.shape[1]):
                distances[given[:, c] & (ends[:, c] > best[:, -1]), c:] = np.inf
                best = np.sort(np.column_stack([best, distances[:, c]]), axis=1)[:, :k]
        return nearest_of(wanted, distances, k)

    def most_identical(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, coverage: float
    ) -> Identical | None:
        """Of `candidates`, (Q, C) rows of `targets`, -1 padded, the k with the highest identity that align at least the
        share `coverage` of the shorter sequence's letters; None where that is told by the paths alone."""
        return None

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> Searcher:
        """The targets made ready for many lossless searches; `allowed`, (len(targets),), leaves targets out."""
        return self.one_by_one(targets, allowed)

    def one_by_one(self, targets: Sequences, allowed: BoolArray | None = None) -> Searcher:
        """The targets as they are, each of them compared with: nothing is made ready; see `few`."""
        self.require(targets)
        return _Everything(self, targets, allowed_rows(allowed, len(targets)))

    def few(self, lengths: IntArray) -> int:
        """So many queries are compared with targets of these lengths `one_by_one` before a `searcher` of them is made.
        A rough rule, of measured costs."""
        return 0

    def proposer(self, targets: Sequences, allowed: BoolArray | None = None) -> Proposer | None:
        """What proposes candidates where no vector of a whole target leads to a part of it; None where nothing does."""
        return None

    def ranks(self, targets: Sequences) -> bool:
        """Whether there is a `ranker` of these targets."""
        return False

    def ranker(self, targets: Sequences) -> Ranker:
        """What orders candidates nearly as the distance does. Raises MismatchError unless it `ranks` these targets."""
        raise MismatchError(f"nothing is ranked nearly as the distance {self.name} ranks it")

    def ranking_cost(self, lengths: IntArray) -> float:
        """What a `ranker` costs a candidate, in candidates proposed: a rough rule as below."""
        return LEAST_COST

    def exact(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> Neighbours:
        """The k nearest of all targets, by proof; `allowed`, (len(targets),), leaves targets out. Ties: the smallest
        row. Keep a `searcher` to search a set more than once.
        """
        self.require(queries, targets)
        return self.searcher(targets, allowed).search(queries, k, progress=progress)[0]

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """What it costs to verify one candidate, in candidates proposed by a graph: at least `LEAST_COST`.

        A rough rule that depends on the data alone, so that one seed gives one index. `lengths`: of the queries;
        `reach`: the median distance of true neighbours, 0 where none is known.
        """
        length = float(lengths.mean())
        return max(LEAST_COST, length * length * _CELL)

    def exhaustive_cost(self, lengths: IntArray, others: int, verification: float) -> float:
        """What it costs to search `others` sequences by proof, in candidates proposed: a rough rule as above.

        `lengths`: of the queries; `verification`: what `verification_cost` says.
        """
        return others * verification

    def proof_cost(self, lengths: IntArray, reach: float, compared: float) -> float:
        """What a target costs in a search by proof, in candidates proposed, where bounds leave a share `compared`.

        A rough rule as above, of what bounds were seen to rule out: `reach`, the distance of the last neighbour asked.
        """
        return _RULED_OUT + compared * self.verification_cost(lengths, reach)

    @property
    def aligner(self) -> Aligner | None:
        """What shows the alignment behind a distance that is not one of edits; None where there is nothing to show."""
        return None

    def spans(self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray) -> tuple[IntArray, IntArray] | None:
        """(m,) where the part of b[b_rows[i]] that was compared with a[a_rows[i]] begins and ends, as a slice; None
        where that is always all of it.
        """
        return None

    def confidence(self, distances: DoubleArray) -> DoubleArray | None:
        """(Q, k) from 0 to 1: how sure it is that sequences at these distances match; None where that is not known."""
        return None

    def require(self, *sets: Sequences) -> None:
        """Raise MismatchError unless all sets are of the distance's kind, and can be compared with each other."""
        for each in sets:
            sets[0].require_same_kind(each)
        if sets[0].kind != self.kind:
            there = sets[0].kind
            raise MismatchError(
                f"the distance {self.name} compares {self.kind}, not {there}: use the distance {usual_distance(there)}"
            )

    def check(self, sequences: Sequences, like: Sequences | None = None) -> None:  # noqa: B027 (most compare all)
        """Raise InputError or MismatchError naming the first of some sequences that cannot be stored to be compared.

        `like`: some that are stored already, if any.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.parameters().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.parameters() == other.parameters()

    def __hash__(self) -> int:
        return hash(repr(self))


@dataclass(frozen=True)
class _Everything:
    """Ranks all targets of the rows `chosen` for every query, for want of bounds."""

    distance: Distance
    targets: Sequences
    chosen: IntArray

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        self.distance.require(queries, self.targets)
        found = Neighbours.none(len(queries), k)
        step = max(1, min(_QUERIES_A_STEP, _PAIRS_A_STEP // max(len(self.chosen), 1)))
        with progress.task("exact neighbours", len(queries)) as task:
            for first in range(0, len(queries), step):
                part = queries[first : first + step]
                nearest = self._nearest(part, k)
                found.rows[first : first + step], found.distances[first : first + step] = (
                    nearest.rows,
                    nearest.distances,
                )
                task.advance(len(part))
        found = found.within(within)
        return found, Pruning(len(queries) * len(self.chosen), int(np.count_nonzero(found.rows >= 0)))

    def _nearest(self, queries: Sequences, k: int) -> Neighbours:
        """Of a few queries, each of which is asked for several parts of the targets where threads would stand idle."""
        parts = -(-threads.count() // len(queries)) if len(self.chosen) >= _DIVIDED else 1
        width = -(-len(self.chosen) // parts)
        rows = np.full(parts * width, -1, np.int64)
        rows[: len(self.chosen)] = self.chosen
        asked = queries if parts == 1 else queries[np.repeat(np.arange(len(queries)), parts)]
        near = self.distance.rerank(asked, self.targets, np.tile(rows.reshape(parts, width), (len(queries), 1)), k)
        if parts == 1:
            return near
        return nearest_of(near.rows.reshape(len(queries), -1), near.distances.reshape(len(queries), -1), k)


def nearest_of(rows: IntArray, distances: DoubleArray, k: int) -> Neighbours:
    """The k least of each line by (distance, row); what is at infinity is none."""
    found = Neighbours.none(len(rows), k)
    order = np.lexsort((rows, distances))[:, :k]
    best = np.take_along_axis(distances, order, axis=1)
    found.distances[:, : order.shape[1]] = best
    found.rows[:, : order.shape[1]] = np.where(np.isfinite(best), np.take_along_axis(rows, order, axis=1), -1)
    return found


# -- the table ---------------------------------------------------------------------------------------------------------

DISTANCES: Registry[type[Distance]] = Registry("distance", "seqsearch.distances")
"""The distances by name; other packages add theirs by entry points of the group `seqsearch.distances`."""

D = TypeVar("D", bound=Distance)


def register(distance: type[D]) -> type[D]:
    """Make a distance known by its name: `distance_named`, an index and the command line find it there.

    Raises ParameterError for a class that lacks a name, a kind or `pairs`, and for a name that is taken. The same class
    defined anew, as a cell of a notebook does that runs again, takes its own place.
    """
    missing = [each for each in ("name", "kind") if not hasattr(distance, each)]
    missing += sorted(distance.__abstractmethods__) if inspect.isabstract(distance) else []
    if missing:
        raise ParameterError(f"the distance {distance.__name__} has no {' and no '.join(missing)}")
    if distance.kind not in ("tokens", "series"):
        raise ParameterError(f"the distance {distance.name} compares tokens or series, not {distance.kind!r}")
    again = distance.name in DISTANCES and full_name(DISTANCES[distance.name]) == full_name(distance)
    DISTANCES.register(distance.name, distance, replace=again)
    return distance


def full_name(distance: type[Distance]) -> str:
    """The class by its module, to be imported from there."""
    return f"{distance.__module__}.{distance.__qualname__}"


def distance_named(name: str, **parameters: object) -> Distance:
    """The distance of that name. Raises ParameterError for an unknown name or parameter.

    >>> import seqsearch as ss
    >>> ss.distance_named("dtw", window=0.1).name
    'dtw'
    """
    return call(DISTANCES[name], f"the distance {name}", **parameters)


def usual_distance(kind: Kind) -> str:
    """The name of the distance that sequences of a kind are compared by, when nothing is asked for."""
    return next(name for name, distance in DISTANCES.items() if distance.kind == kind)
