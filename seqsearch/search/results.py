"""What a search answers: columns of rows and exact distances that read like lists of hits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

from ..arrays import BoolArray, DoubleArray, IntArray
from ..distances import Neighbours, Ranges
from ..errors import ParameterError
from ..sequences import Sequences, Strings
from .alignment import Alignments
from .pipeline import Trace
from .table import HitTable, Listed


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: the `id` of a stored sequence, its exact `distance` to the query, its `rank` from 1.

    `strand`: "+", or "-" where the reverse complement of the query is what was found.
    """

    id: str
    distance: float
    rank: int
    strand: str = "+"


class Hits(Listed[Hit]):
    """The hits of one query, nearest first (ties in the order they were stored)."""

    __slots__ = ("_distances", "_ids", "_minus", "query")

    def __init__(self, query: str, ids: list[str], distances: DoubleArray, minus: BoolArray | None = None) -> None:
        self.query = query
        self._ids = ids
        self._distances = distances
        self._minus = minus

    def __len__(self) -> int:
        return len(self._ids)

    def at(self, position: int) -> Hit:
        """The item at a position."""
        strand = "-" if self._minus is not None and self._minus[position] else "+"
        return Hit(self._ids[position], float(self._distances[position]), position + 1, strand)

    def __repr__(self) -> str:
        return f"Hits({self.query!r}, {self[:3]!r}{' ...' if len(self) > 3 else ''})"


@dataclass(frozen=True)
class Explanation:
    """How answers were found: the `budget` in words, what to beware of (`cautions`), whether the queries are `unlike`
    those that the recall was measured on, in words, and whether that matters (`calibrated`); whether the distance is
    that of a path of edits (`alignable`), and what the stages did.
    """

    budget: str = ""
    cautions: tuple[str, ...] = ()
    unlike: str | None = None
    calibrated: bool = False
    alignable: bool = True
    trace: Trace = field(default_factory=Trace)


class Answers(Listed[Hits]):
    """The answers to Q queries, `queries` by name; `targets`: the sequences of all rows, as they were when they were
    searched; `how` they were found.
    """

    def __init__(self, queries: Strings, targets: Sequences, how: Explanation) -> None:
        self.queries = queries
        self.targets = targets
        self.how = how

    @property
    def budget(self) -> str:
        """What was searched, in words."""
        return self.how.budget

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to beware of, a sentence each."""
        return self.how.cautions + (() if self.how.unlike is None else (self.how.unlike,))

    @property
    def stored(self) -> Strings:
        """The names of all rows."""
        return self.targets.ids

    def align(self, queries: Sequences, table: HitTable | None = None) -> Alignments:
        """How `queries`, those of these answers, and their hits, or some of them, align: the paths behind the edit
        distances. Raises ParameterError for series, and for a distance that has no such paths.
        """
        if not self.how.alignable and self.targets.kind == "tokens":
            raise ParameterError("identity and alignments are of edit distances: the distance of this index is another")
        return Alignments(queries, self.targets, self.table() if table is None else table)

    @abstractmethod
    def table(self) -> HitTable:
        """All hits as flat columns."""

    @abstractmethod
    def _of(self, query: int) -> tuple[IntArray, DoubleArray, BoolArray | None]:
        """(h,) rows, distances and strands of one query."""

    def __len__(self) -> int:
        return len(self.queries)

    def at(self, position: int) -> Hits:
        """The item at a position."""
        rows, distances, minus = self._of(position)
        return Hits(self.queries[position], [self.stored[row] for row in rows.tolist()], distances, minus)


class Results(Answers):
    """The k nearest of Q queries.

    `rows`: (Q, k) stored rows, -1 padded; `distances`: (Q, k) exact distances, inf padded; `minus`: (Q, k) where a hit
    was found on the minus strand, None when only the plus strand was searched;
    `confidence`: (Q, k) from 0 to 1, of a distance that knows one: above .5 the two match.
    """

    def __init__(
        self,
        queries: Strings,
        targets: Sequences,
        found: Neighbours,
        minus: BoolArray | None = None,
        confidence: DoubleArray | None = None,
        how: Explanation = Explanation(),
    ) -> None:
        super().__init__(queries, targets, how)
        self.rows = found.rows
        self.distances = found.distances
        self.minus = minus
        self.confidence = confidence

    def table(self) -> HitTable:
        """All hits as flat columns."""
        return HitTable.of_padded(self.rows, self.distances, self.minus)

    def _of(self, query: int) -> tuple[IntArray, DoubleArray, BoolArray | None]:
        there = self.rows[query] >= 0
        minus = None if self.minus is None else self.minus[query][there]
        return self.rows[query][there], self.distances[query][there], minus

    def __repr__(self) -> str:
        return f"Results(queries={len(self)}, k={self.rows.shape[1]}, budget={self.budget!r})"


class RangeResults(Answers):
    """Everything within a radius of Q queries: query q owns offsets[q]:offsets[q + 1] of `rows` and `distances`."""

    def __init__(
        self, queries: Strings, targets: Sequences, found: Ranges, minus: BoolArray | None, how: Explanation
    ) -> None:
        super().__init__(queries, targets, how)
        self.offsets = found.offsets
        self.rows = found.rows
        self.distances = found.distances
        self.minus = minus

    def table(self) -> HitTable:
        """All hits as flat columns."""
        return HitTable.of_ragged(self.offsets, self.rows, self.distances, self.minus)

    def _of(self, query: int) -> tuple[IntArray, DoubleArray, BoolArray | None]:
        part = slice(self.offsets[query], self.offsets[query + 1])
        return self.rows[part], self.distances[part], None if self.minus is None else self.minus[part]

    def __repr__(self) -> str:
        return f"RangeResults(queries={len(self)}, hits={len(self.rows)})"
