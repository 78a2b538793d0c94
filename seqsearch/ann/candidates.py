"""What a candidate index answers, and what every kind of it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np

from .. import mapped
from ..arrays import JSON, AnyArray, BoolArray, FloatArray, IntArray, filled
from ..errors import ParameterError, StrPath
from ..registry import call

Parameter = int | float | str | bool | None
Health = dict[str, Parameter]
Parameters = Mapping[str, Parameter]


@dataclass(frozen=True)
class Candidates:
    """The nearest rows of Q queries, each line sorted by (distance, row)."""

    rows: IntArray
    """(Q, C), -1 where there are no more."""
    distances: FloatArray
    """(Q, C), infinity where there are no more."""

    @classmethod
    def none(cls, queries: int, count: int) -> Self:
        """Nothing found: (queries, count) of padding."""
        return cls(filled((queries, count), -1, np.int64), filled((queries, count), np.inf, np.float32))

    def __len__(self) -> int:
        return len(self.rows)


class CandidateIndex(ABC):
    """Rows (whole numbers chosen by the caller, unique, best dense from 0) and their vectors or codes.

    A kind is a subclass, which says by class attributes what it can, and is added to the table by
    `ann.register(MyIndex)`, or by an entry point of the group `seqsearch.candidates`. Every call is atomic: threads may
    search while another adds or removes, and each search answers from one state, that before or after a change.
    """

    kind: ClassVar[str]
    """Its name in the table, in files and in settings."""
    takes_effort: ClassVar[bool] = False
    """Searches take an `effort`, and may miss neighbours: recall is bought by it."""
    effort: ClassVar[Literal["", "ef", "lists"]] = ""
    """What the effort of a search is called: "ef" of a graph, "lists" looked into; "" where none is taken."""
    estimates: ClassVar[bool] = False
    """The distances of answers are estimated from compressed vectors: they order candidates, and are not true."""
    keeps_changes: ClassVar[bool] = False
    """Offers `save_changes` and `apply_changes`."""
    needs_bits: ClassVar[bool] = False
    """Holds packed codes of `bits` bits; the others hold vectors of a `geometry` and `dim`."""
    compresses: ClassVar[tuple[int, ...]] = ()
    """To how many bits a dimension it can compress vectors: its parameter `bits` (None: as they are)."""
    has_snapshot: ClassVar[bool] = False
    """Worth a file of its own: building it anew takes longer than verifying a file. All kinds can be saved."""
    counts_by_distance: ClassVar[bool] = False
    """Offers `distance_counts`."""
    library: ClassVar[str] = ""
    """Name and version of the library behind it, "" where there is none."""

    @classmethod
    def make(cls, parameters: Parameters, seed: int = 0) -> CandidateIndex:
        """An empty index from `geometry` and `dim`, or `bits`, and the other parameters, by name: `cls(**parameters)`.

        A kind that draws at random overrides this to take `seed`. ParameterError for parameters that it does not take.
        """
        return call(cls, f"an index of kind {cls.kind!r}", **parameters)

    @classmethod
    def suited_parameters(cls, size: int) -> dict[str, Parameter]:
        """The parameters that suit `size` rows, where they are not those of the constructor."""
        return {}

    @classmethod
    def vector_parameters(cls, space: str) -> dict[str, Parameter]:
        """The parameters that suit vectors whose exact distance is that of this `space` itself."""
        return {}

    @classmethod
    def usual_effort(cls, count: int) -> int | None:
        """The effort of a search for `count` candidates of which no more is known; None: what `health` measured."""
        return None

    @abstractmethod
    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """Take in vectors (n, D) or packed codes (n, bits / 8) under the given rows (n,).

        MismatchError for a wrong shape; ParameterError for a row that is negative, repeated or already there, and for a
        vector that is not finite (hyperbolic: not inside the ball). After an error the index is what it was before.
        """

    @abstractmethod
    def remove(self, rows: IntArray) -> None:
        """Forget rows; UnknownIdError when one is not there, and then none is forgotten."""

    @abstractmethod
    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """The nearest `count` rows of each query, always min(count, matching rows) of them.

        `allowed` is a mask over row numbers (rows beyond its end do not match). `effort` is how hard to look (None: as
        hard as `health` found to be enough); kinds that do not take it ignore it.
        """

    @property
    def nests(self) -> bool:
        """Whether, of one effort, the first of more candidates are those of fewer: then `search_within` may be asked
        for many, once, in place of several searches."""
        return False

    def search_within(self, queries: AnyArray, count: int, effort: int | None) -> Candidates:
        """As `search`, but never harder than the effort says: of a query there may be fewer than `count`."""
        return self.search(queries, count, effort=effort)

    def efforts(self, count: int) -> tuple[int, ...]:
        """The efforts worth trying for `count` candidates, cheapest first; () where none is taken."""
        return ()

    def effort_cost(self, count: int, effort: int | None = None) -> float:
        """The work of a search for `count` candidates, in units of one candidate of a graph.

        It follows from the data and the parameters, and is never timed: budgets are compared by it.
        """
        return float(count)

    @property
    def training_rows(self) -> int:
        """How many vectors `train` would like; 0 for kinds that learn nothing."""
        return 0

    def train(self, sample: AnyArray) -> None:  # noqa: B027 (most kinds learn nothing)
        """Learn what the kind needs to know of its vectors from (n, D) of them, before the first `add`.

        Without it, a kind that learns does so from what is added first. ParameterError when there are rows already.
        """

    def distance_counts(self, queries: AnyArray) -> IntArray:
        """(Q, bits / 8) codes -> (Q, bits + 1): how many live rows lie at distance 0, 1, ..., bits.

        ParameterError for kinds that do not offer it (see `counts_by_distance`).
        """
        raise ParameterError(f"{type(self).__name__} does not count rows by distance")

    @abstractmethod
    def __len__(self) -> int:
        """Live rows."""

    @abstractmethod
    def rows(self) -> IntArray:
        """The live rows, ascending."""

    def health(self, *, sample: int = 1000, seed: int = 0) -> Health:
        """Measure what the index finds, JSON-able; kinds that are exact by construction say so at once."""
        return {"kind": self.kind, "rows": len(self), "exact": True, "self_recall": 1.0, "recall": 1.0}

    @abstractmethod
    def save(self, path: StrPath) -> None:
        """Write everything to one file, through a temporary name beside it."""

    @classmethod
    @abstractmethod
    def load(cls, path: StrPath) -> CandidateIndex:
        """Read what `save` wrote. CorruptIndexError for every file that `save` cannot have written."""

    def save_changes(self, path: StrPath) -> bool:
        """Write what changed since the last `save`, `load` or `save_changes`, a file small for few changes.

        False, and no file, where the kind cannot.
        """
        return False

    def apply_changes(self, path: StrPath) -> None:
        """Repeat the changes in a file of `save_changes` on an index in the state before them.

        CorruptIndexError for a file that does not fit it; ParameterError for kinds that keep no changes.
        """
        raise ParameterError(f"{type(self).__name__} keeps no changes")


class FlatIndex(CandidateIndex):
    """A kind that is made again from its rows and their vectors or codes: its file holds these and nothing else."""

    @abstractmethod
    def contents(self) -> tuple[JSON, IntArray, AnyArray]:
        """What a file holds: the parameters it is made by, the rows (n,), and their float32 vectors or codes."""

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        fields, rows, items = self.contents()
        mapped.write(path, self.kind, fields, {"rows": rows, "codes" if self.needs_bits else "vectors": items})

    @classmethod
    def load(cls, path: StrPath) -> CandidateIndex:
        """See `CandidateIndex.load`."""
        fields, arrays = mapped.read(path, cls.kind)
        name, dtype = ("codes", np.uint8) if cls.needs_bits else ("vectors", np.float32)
        rows, items = arrays.get("rows"), arrays.get(name)
        if rows is None or items is None or rows.dtype != np.int64 or items.dtype != dtype:
            raise mapped.corrupt(path, "an array is missing or has another type")
        try:
            index = cls.make(fields)
        except (ValueError, TypeError) as error:
            raise mapped.corrupt(path, f"its fields do not describe an index of kind {cls.kind!r}: {error}") from error
        try:
            index.add(rows, items)
        except ValueError as error:
            raise mapped.corrupt(path, str(error)) from error
        return index
