"""What a search answers: columns of rows and exact distances that read like lists of hits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..arrays import BoolArray, DoubleArray, IntArray
from ..distances import Aligner, Distance, Neighbours, Ranges
from ..errors import MismatchError, ParameterError, UnknownNameError
from ..sequences import Sequence, Sequences, Strings
from ..sequences.columns import Value
from .alignment import Alignments
from .exporting import Exported, Values, preview, usual
from .guarantees import NONE, PROVED, Guarantees, guarantees
from .pipeline import Trace
from .strands import reverse_complement
from .table import HitTable, Listed
from .wanted import EVERYTHING

Names = npt.NDArray[np.object_]
"""Ids as an array of objects: one long id does not widen all of them, and data frames take it as it is."""


@dataclass(frozen=True, init=False)
class Hit:
    """One answer: the `id` of a stored sequence, its exact `distance` to the query, its `rank` from 1.

    `strand`: "+", or "-" where the reverse complement of the query is what was found. `sequence`: what was found, as it
    was stored when it was searched. A hit is pickled with its own sequence, and no other.

    >>> import seqsearch as ss
    >>> hit = ss.SequenceIndex.build("words.ss", ["anna", "hanna", "otto"], encoder="kmer").search("ana", k=1)[0][0]
    >>> hit, hit.sequence.text
    (Hit(id='1', distance=1.0, rank=1, strand='+'), 'anna')
    """

    __slots__ = ("_found", "_part", "distance", "id", "rank", "strand")
    id: str
    distance: float
    rank: int
    strand: str

    def __init__(
        self,
        id: str,
        distance: float,
        rank: int,
        strand: str = "+",
        found: tuple[Sequences, int] | None = None,
        part: tuple[int, int] | None = None,
    ) -> None:
        """`found`: a set and the row in it of what was found; `part`: its first and last symbol there, None for all."""
        put = object.__setattr__
        put(self, "id", id)
        put(self, "distance", distance)
        put(self, "rank", rank)
        put(self, "strand", strand)
        put(self, "_found", found)  # no field: it is neither compared nor shown
        put(self, "_part", part)

    @property
    def sequence(self) -> Sequence:
        """The stored sequence, with its letters or series, label and description.

        Raises MismatchError for a hit that was made by hand.
        """
        targets, row = self._place
        return targets[row]

    @property
    def label(self) -> str:
        """The label of the stored sequence, "" where it has none."""
        return self.sequence.label

    @property
    def columns(self) -> dict[str, Value]:
        """The values of the columns beside the stored sequence by name, None where one is missing."""
        targets, row = self._place
        return targets.columns.at(row)

    def __getitem__(self, name: str) -> Value:
        """The value of one column, None where it is missing. Raises UnknownNameError listing the columns."""
        targets, row = self._place
        try:
            return targets.columns.select(name, np.array([row])).tolist()[0]
        except KeyError as error:
            raise UnknownNameError(str(error.args[0])) from None

    @property
    def _place(self) -> tuple[Sequences, int]:
        found: tuple[Sequences, int] | None = self._found  # type: ignore[attr-defined]
        if found is None:
            raise MismatchError(f"hit {self.id} does not know its sequence")
        return found

    @property
    def target_start(self) -> int:
        """The first symbol, from 1, of the part of the sequence that the distance is to; 1 where it is to all."""
        part: tuple[int, int] | None = self._part  # type: ignore[attr-defined]
        return 1 if part is None else part[0]

    @property
    def target_end(self) -> int:
        """The last symbol, from 1, of that part."""
        part: tuple[int, int] | None = self._part  # type: ignore[attr-defined]
        return len(self.sequence) if part is None else part[1]

    def __reduce__(self) -> tuple[type[Hit], tuple[object, ...]]:
        found: tuple[Sequences, int] | None = self._found  # type: ignore[attr-defined]
        own = None if found is None else (found[0][[found[1]]], 0)
        return Hit, (self.id, self.distance, self.rank, self.strand, own, self._part)  # type: ignore[attr-defined]


class Hits(Listed[Hit]):
    """The hits of one query, nearest first (ties in the order they were stored).

    `query`: its id; `ids`: of what was found; `rows`: (h,) where that is among `targets`; `distances`: (h,) exact;
    `minus`: (h,) found on the minus strand, None when only the plus strand was searched; `parts`: (h,) and (h,), first
    and last symbol of the parts that the distances are to, None where they are to all of a sequence.

    >>> import seqsearch as ss
    >>> hits = ss.SequenceIndex.build("words.ss", ["anna", "hanna", "otto"], encoder="kmer").search("ana", k=2)[0]
    >>> hits.ids, hits.distances, [hit.rank for hit in hits]
    (['1', '2'], array([1., 2.]), [1, 2])
    """

    __slots__ = ("_places", "distances", "ids", "minus", "parts", "query", "rows", "targets")

    def __init__(
        self,
        query: str,
        targets: Sequences,
        rows: IntArray,
        distances: DoubleArray,
        minus: BoolArray | None = None,
        parts: tuple[IntArray, IntArray] | None = None,
    ) -> None:
        self.query = query
        self.parts = parts
        self.targets = targets
        self.rows = rows
        self.distances = distances
        self.minus = minus
        self._places: list[int] = rows.tolist()
        names = targets.ids
        self.ids = [names[place] for place in self._places]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sequences(self) -> Sequences:
        """(h,) what was found."""
        return self.targets[self.rows]

    def at(self, position: int) -> Hit:
        """The item at a position."""
        strand = "-" if self.minus is not None and self.minus[position] else "+"
        found = self.targets, self._places[position]
        part = None if self.parts is None else (int(self.parts[0][position]), int(self.parts[1][position]))
        return Hit(self.ids[position], float(self.distances[position]), position + 1, strand, found, part)

    def __reduce__(self) -> tuple[type[Hits], tuple[object, ...]]:
        """Pickled with the sequences that were found, and no others."""
        return Hits, (self.query, self.sequences, np.arange(len(self)), self.distances, self.minus, self.parts)

    def __repr__(self) -> str:
        return f"Hits({self.query!r}, {self[:3]!r}{' ...' if len(self) > 3 else ''})"


@dataclass(frozen=True)
class Explanation:
    """How answers were found: the `budget` in words, what to beware of (`cautions`), whether the queries are `unlike`
    those that the recall was measured on, in words, and whether that matters (`calibrated`); whether the distance is
    that of a path of edits (`alignable`), or what shows its alignments (`aligner`), or one to `parts` of what is
    stored, and what the stages did.
    """

    budget: str = ""
    cautions: tuple[str, ...] = ()
    unlike: str | None = None
    calibrated: bool = False
    alignable: bool = True
    aligner: Aligner | None = None
    parts: Distance | None = None
    trace: Trace = field(default_factory=Trace)

    @property
    def in_words(self) -> str:
        """The budget, and what comparing with everything took, where that was done."""
        pruning, queries = self.trace.pruning, self.trace.everything
        if pruning is None:
            return self.budget
        compared = f"compared with all {pruning.pairs // max(1, queries):,}"
        if self.budget.startswith(EVERYTHING):
            return self.budget.replace(EVERYTHING, f"{compared}; {pruning}", 1)
        return f"{self.budget}; {'1 query' if queries == 1 else f'{queries:,} queries'} {compared}"


class Answers(Exported, Listed[Hits]):
    """The answers to Q queries, `queries` by name; `how` they were found; `rows`: of what was found, in the index.

    `targets`: the sequences of all rows, as they were when they were searched, so that a row is a position. Answers are
    pickled with the sequences that were found, and no others: everything but the rest of `targets` is still there, and
    rows of `table` are positions in `targets` as before.
    """

    queries: Strings
    targets: Sequences
    how: Explanation
    rows: IntArray
    distances: DoubleArray
    minus: BoolArray | None
    guarantee: Guarantees

    def __init__(self, queries: Strings, targets: Sequences, how: Explanation, asked: Sequences | None = None) -> None:
        """`asked`: the queries themselves, which tell what parts of the targets are near where those are `parts`, and
        how they align."""
        self.queries = queries
        self.targets = targets
        self.how = how
        self._asked = asked
        self._held: IntArray | None = None  # (m,) ascending rows that `targets` are of, where they are not of all

    @property
    def asked(self) -> Sequences | None:
        """The queries themselves; None of answers that were pickled."""
        return self._asked

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
        """The names of `targets`."""
        return self.targets.ids

    @cached_property
    def ids(self) -> Names:
        """The ids of what was found, in the shape of `rows`: an array of strings as objects, "" where there is none."""
        names: Names = np.full(self.rows.shape, "", dtype=object)
        there = self.rows >= 0
        found = self.stored.take(self._places(self.rows[there]))
        names[there] = np.fromiter(found, object, len(found))
        return names

    def align(self, queries: Sequences, table: HitTable | None = None) -> Alignments:
        """How `queries`, those of these answers, and their hits, or some of them, align: the paths behind the edit
        distances, or of the scores of a substitution matrix. Raises ParameterError for series, and for a distance that
        has no such paths.
        """
        aligner = self.how.aligner
        if aligner is None and not self.how.alignable and self.targets.kind == "tokens":
            raise ParameterError("identity and alignments are of edit distances: the distance of this index is another")
        return Alignments(queries, self.targets, self.table() if table is None else table, aligner)

    @cached_property
    def paths(self) -> Alignments:
        """How the queries and the hits of `table` align, as of `align`: found when a column needs it.

        Raises ParameterError for answers without their queries, as pickled ones are."""
        if self._asked is None:
            raise ParameterError("answers that were pickled are without their queries: ask before, or align(queries)")
        return self.align(self._asked)

    def parts_of(self, queries: Sequences, table: HitTable) -> tuple[IntArray, IntArray]:
        """(h,) where the parts that `queries` were compared with begin and end in the targets, as slices."""
        begins, ends = np.zeros(len(table), np.int64), self.targets.lengths_of(table.rows)
        for minus in (False, True) if self.how.parts is not None else ():
            there = np.flatnonzero(table.minus == minus)
            if self.how.parts is None or not len(there):
                continue
            asked = reverse_complement(queries) if minus else queries
            rows, places = np.unique(table.rows[there], return_inverse=True)
            found = self.how.parts.spans(asked, table.owners[there], self.targets[rows], places)
            if found is not None:
                begins[there], ends[there] = found
        return begins, ends

    @cached_property
    def parts(self) -> tuple[IntArray, IntArray]:
        """(h,) first and (h,) last symbol, from 1, of the part of the target behind each hit of `table`."""
        table = self.table()
        if self._asked is None or self.how.parts is None:
            return np.ones(len(table), np.int64), self.targets.lengths_of(table.rows)
        begins, ends = self.parts_of(self._asked, table)
        return begins + 1, ends

    @abstractmethod
    def table(self) -> HitTable:
        """All hits as flat columns; its rows are positions in `targets`."""

    @abstractmethod
    def _part(self, query: int) -> slice | tuple[int, BoolArray]:
        """Where the hits of one query are in `rows`, `distances` and `minus`."""

    @property
    def usual_columns(self) -> tuple[str, ...]:
        """The columns of a table of hits."""
        return usual(self.minus is not None, self.how.parts is not None)

    @property
    def own_columns(self) -> dict[str, Callable[[Answers], Values]]:
        """Columns that other answers have not."""
        return {}

    def __len__(self) -> int:
        return len(self.queries)

    def at(self, position: int) -> Hits:
        """The item at a position."""
        part = self._part(position)
        minus = None if self.minus is None else self.minus[part]
        parts = None
        if self.how.parts is not None:
            within = slice(*self.table().offsets[position : position + 2].tolist())
            parts = self.parts[0][within], self.parts[1][within]
        rows = self._places(self.rows[part])
        return Hits(self.queries[position], self.targets, rows, self.distances[part], minus, parts)

    def _places(self, rows: IntArray) -> IntArray:
        """(h,) positions in `targets` of rows (h,) of the index."""
        return rows if self._held is None else np.searchsorted(self._held, rows)

    def __getstate__(self) -> dict[str, object]:
        held = np.unique(self.rows[self.rows >= 0])
        queries = self.queries.take(np.arange(len(self)))  # without the letters of others beside them
        if self._asked is not None and self.how.parts is not None:
            assert self.parts  # found while the queries are here
        left = ("ids", "paths", "_asked")
        state = {name: value for name, value in self.__dict__.items() if name not in left}
        return state | {"queries": queries, "targets": self.targets[self._places(held)], "_held": held, "_asked": None}


class Results(Answers):
    """The k nearest of Q queries.

    `rows`: (Q, k) stored rows, -1 padded; `distances`: (Q, k) exact distances, inf padded; `ids`: (Q, k) strings, ""
    padded; `minus`: (Q, k) where a hit was found on the minus strand, None when only the plus strand was searched;
    `confidence`: (Q, k) from 0 to 1, of a distance that knows one: above .5 the two match; `guarantee`: (Q,) what each
    answer rests on, "proved", "group", "marginal" or "none" (docs/recall.md).

    >>> import seqsearch as ss
    >>> index = ss.SequenceIndex.build("words.ss", ["anna", "hanna", "otto"], encoder="kmer")
    >>> found = index.search(["ana", "ott"], k=2)
    >>> found.ids
    array([['1', '2'],
           ['3', '1']], dtype=object)
    >>> found.distances
    array([[1., 2.],
           [1., 4.]])
    >>> found[0][0].sequence.text
    'anna'
    >>> found.to_dicts()[0]
    {'query': '1', 'rank': 1, 'target': '1', 'distance': 1.0}
    """

    def __init__(
        self,
        queries: Strings,
        targets: Sequences,
        found: Neighbours,
        minus: BoolArray | None = None,
        confidence: DoubleArray | None = None,
        how: Explanation = Explanation(),
        asked: Sequences | None = None,
        guarantee: Guarantees | None = None,
    ) -> None:
        """`guarantee`: None where nothing is told of it."""
        super().__init__(queries, targets, how, asked)
        self.rows = found.rows
        self.distances = found.distances
        self.minus = minus
        self.confidence = confidence
        self.guarantee = guarantees(np.zeros(len(found), np.bool_), NONE) if guarantee is None else guarantee

    def table(self) -> HitTable:
        """All hits as flat columns; its rows are positions in `targets`."""
        rows = self.rows if self._held is None else np.where(self.rows < 0, -1, self._places(self.rows))
        return HitTable.of_padded(rows, self.distances, self.minus)

    def _part(self, query: int) -> tuple[int, BoolArray]:
        return query, self.rows[query] >= 0

    @property
    def usual_columns(self) -> tuple[str, ...]:
        """The columns of a table of hits."""
        return super().usual_columns + tuple(self.own_columns)

    @property
    def own_columns(self) -> dict[str, Callable[[Answers], Values]]:
        """The confidence, of a distance that knows one."""
        sure = self.confidence
        return {} if sure is None else {"confidence": lambda answers: sure[answers.rows >= 0]}

    def __repr__(self) -> str:
        return f"Results(queries={len(self)}, k={self.rows.shape[1]}, budget={self.budget!r})\n{preview(self)}"


class RangeResults(Answers):
    """Everything within a radius of Q queries: query q owns offsets[q]:offsets[q + 1] of `rows`, `ids`, `distances`.

    `guarantee`: (Q,) "proved", always.

    >>> import seqsearch as ss
    >>> index = ss.SequenceIndex.build("words.ss", ["anna", "hanna", "otto"], encoder="kmer")
    >>> index.within(["ana", "lotte"], radius=2).to_dicts(["query", "target", "distance"])
    [{'query': '1', 'target': '1', 'distance': 1.0}, {'query': '1', 'target': '2', 'distance': 2.0}, \
{'query': '2', 'target': '3', 'distance': 2.0}]
    """

    def __init__(
        self,
        queries: Strings,
        targets: Sequences,
        found: Ranges,
        minus: BoolArray | None,
        how: Explanation,
        asked: Sequences | None = None,
    ) -> None:
        super().__init__(queries, targets, how, asked)
        self.offsets = found.offsets
        self.rows = found.rows
        self.distances = found.distances
        self.minus = minus
        self.guarantee = guarantees(np.ones(len(found), np.bool_), PROVED)

    def table(self) -> HitTable:
        """All hits as flat columns; its rows are positions in `targets`."""
        return HitTable.of_ragged(self.offsets, self._places(self.rows), self.distances, self.minus)

    def _part(self, query: int) -> slice:
        return slice(self.offsets[query], self.offsets[query + 1])

    def __repr__(self) -> str:
        return f"RangeResults(queries={len(self)}, hits={len(self.rows)})\n{preview(self)}"
