"""One shard: an ordinary index, asked by global rows. What it answers can be sent: nothing of the index is in it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Unpack

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Distance, Neighbours
from ..encoders.model import Model
from ..errors import StrPath
from ..progress import SILENT, Progress
from ..registry import call
from ..search import RangeResults, Results, SequenceIndex, VerificationReport
from ..search.budget import Budget
from ..search.conditions import Where
from ..search.guarantees import Guarantees
from ..search.pipeline import Limits, Queries
from ..search.state import State
from ..search.strands import nearest_of
from ..search.table import HitTable
from ..search.wanted import BudgetOptions, Wanted
from ..sequences import Sequences
from .placement import GLOBAL_ROW, global_rows, shards_of, unnumbered


@dataclass(frozen=True)
class Found:
    """What was found: `sequences` (m,) with their global `rows` (m,), ascending."""

    rows: IntArray
    sequences: Sequences


@dataclass(frozen=True)
class Told:
    """How a shard answered: see `Explanation`."""

    reason: str
    cautions: tuple[str, ...]
    unlike: str | None
    calibrated: bool


@dataclass(frozen=True)
class Nearest:
    """The k nearest of Q queries in one shard: global `rows` (Q, k), -1 padded, `distances` (Q, k), `minus` (Q, k);
    `guarantee`: (Q,) as in `Results`."""

    rows: IntArray
    distances: DoubleArray
    minus: BoolArray | None
    found: Found
    told: Told
    guarantee: Guarantees


@dataclass(frozen=True)
class InRange:
    """Everything within a radius of Q queries in one shard, as flat columns: `owners` (h,) queries, global `rows` (h,),
    `distances` (h,) and `minus` (h,)."""

    owners: IntArray
    rows: IntArray
    distances: DoubleArray
    minus: BoolArray
    found: Found
    told: Told


@dataclass(frozen=True)
class Facts:
    """What a shard is: what `info` says, how its queries are read (`nothing`: no sequences of its kind) and compared,
    the `encoder` by its digest, and whether there are `labels`."""

    info: JSON
    nothing: Sequences
    distance: Distance
    encoder: str
    labels: bool


@dataclass(frozen=True)
class Mark:
    """A commit of a shard, and what it holds: live `sequences`, with global rows `first` <= row < `stop`."""

    generation: int
    lsn: int
    sequences: int
    first: int
    stop: int


@dataclass(frozen=True)
class Placed:
    """The live records of a state: their global rows `numbers` (n,), ascending, and their rows in the shard (n,)."""

    numbers: IntArray
    rows: IntArray

    @classmethod
    def of(cls, state: State) -> Placed:
        """Those of all live rows."""
        live = np.flatnonzero(state.live)
        numbers = global_rows(state.targets.columns, live)
        order = np.argsort(numbers)
        return cls(numbers[order], live[order])

    def find(self, numbers: IntArray) -> IntArray:
        """(m,) rows in the shard of global rows, -1 for what is not here."""
        if not len(self.rows):
            return np.full(len(numbers), -1, np.int64)
        at = np.minimum(np.searchsorted(self.numbers, numbers), len(self.rows) - 1)
        return np.where(self.numbers[at] == numbers, self.rows[at], -1)


class Shard:
    """The index at `path`; `distance` as in `SequenceIndex.open`. Raises what opening raises."""

    def __init__(self, path: StrPath, distance: Distance | None = None) -> None:
        self.index = SequenceIndex.open(path, distance=distance)
        self._placed: tuple[weakref.ref[State], Placed] | None = None

    def _places(self, state: State) -> Placed:
        """Those of a state: found once, as all that comes by global rows needs them."""
        known = self._placed
        if known is not None and known[0]() is state:
            return known[1]
        made = Placed.of(state)
        self._placed = weakref.ref(state), made
        return made

    def close(self) -> None:
        self.index.close()

    # -- looking -------------------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        index = self.index
        with index.state() as state:
            labels = len(state.targets.labels.data) > 0
        return Facts(index.info(), unnumbered(index.get([])), index.distance, encoder_digest(index), labels)

    def some(self, count: int) -> Sequences:
        """The first of its records."""
        with self.index.state() as state:
            return unnumbered(state.targets[np.flatnonzero(state.live)[:count]])

    def model(self) -> Model:
        """The encoder."""
        return self.index.model

    def mark(self) -> Mark:
        generation, lsn = self.index.commit
        rows = self.rows()
        bounds = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
        return Mark(generation, lsn, len(rows), *bounds)

    def rows(self) -> IntArray:
        """(n,) global rows of the live records, ascending."""
        with self.index.state() as state:
            return self._places(state).numbers

    def at(self, rows: IntArray) -> tuple[IntArray, Sequences]:
        """Of global rows (m,) the places of those that are here, and their records, without those numbers."""
        with self.index.state() as state:
            own = self._places(state).find(rows)
            mine = np.flatnonzero(own >= 0)
            return mine, unnumbered(state.targets[own[mine]])

    def get(self, ids: list[str]) -> Sequences:
        """The records of ids. Raises UnknownIdError."""
        return unnumbered(self.index.get(ids))

    def holds(self, ids: list[str]) -> BoolArray:
        """(m,) which of many ids are there."""
        return self.index.holds(ids)

    def largest_number(self) -> int:
        """The largest number among the ids."""
        with self.index.state() as state:
            ids = state.targets.ids.take(np.flatnonzero(state.live))
        return max((int(name) for name in ids if name.isascii() and name.isdecimal()), default=0)

    def count(self, where: Where | None, ids: list[str] | None) -> int:
        return self.index.count(where, ids=ids)

    def matching(self, where: Where, ids: list[str] | None) -> Found:
        """What fulfils a condition."""
        found = self.index.matching(where, ids=ids)
        return _found(found, np.arange(len(found)))

    def budget(self, k: int, **asked: Unpack[BudgetOptions]) -> tuple[Budget | None, str]:
        """As `SequenceIndex.budget`."""
        return self.index.budget(k, **asked)

    # -- searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        queries: Sequences,
        k: int,
        ids: list[str] | None,
        where: Where | None,
        strand: str,
        progress: Progress = SILENT,
        **budget: Unpack[BudgetOptions],
    ) -> Nearest:
        """As `SequenceIndex.search`."""
        answers = self.index.search(queries, k, ids=ids, where=where, strand=strand, progress=progress, **budget)
        return _nearest(answers)

    def others(
        self, queries: Sequences, own: IntArray, k: int, strand: str, **budget: Unpack[BudgetOptions]
    ) -> Neighbours:
        """The k nearest of stored records, `queries` with global rows `own` (Q,), which may be here or in other shards:
        without themselves, as global rows. With the budget of k, not of one more: a member is no neighbour of its own.
        """
        with self.index.state() as state:
            chosen = state.choice(k, call(Wanted, "search", **budget)).budget
            exclude = self._places(state).find(own)

            def found(asked: Queries, own: Limits) -> Neighbours:
                return state.neighbours(asked, k, chosen, **own)

            near = nearest_of(strand, Queries(queries), found, exclude)
            there, rows = near.rows >= 0, np.full(near.rows.shape, -1, np.int64)
            rows[there] = global_rows(state.targets.columns, near.rows[there])
            return Neighbours(rows, near.distances)

    def within(
        self,
        queries: Sequences,
        radius: float | AnyArray,
        ids: list[str] | None,
        where: Where | None,
        strand: str,
        progress: Progress = SILENT,
    ) -> InRange:
        """As `SequenceIndex.within`."""
        answers = self.index.within(queries, radius, ids=ids, where=where, strand=strand, progress=progress)
        table = answers.table()
        found, rows = _of_table(answers, table)
        return InRange(table.owners, rows, table.distances, table.minus, found, _told(answers))

    # -- changing ------------------------------------------------------------------------------------------------

    def add(self, sequences: Sequences) -> Mark:
        self.index.add(sequences)
        return self.mark()

    def update(self, sequences: Sequences) -> Mark:
        self.index.update(sequences)
        return self.mark()

    def remove(self, ids: list[str]) -> Mark:
        self.index.remove(ids)
        return self.mark()

    def compact(self) -> Mark:
        self.index.compact()
        return self.mark()

    def refresh(self) -> bool:
        """See what was committed since, by this or another process."""
        return self.index.refresh()

    def verify(self, number: int, shards: int, sample: int, seed: int) -> VerificationReport:
        """As `SequenceIndex.verify`, and that every record belongs here, each with a place of its own."""
        report = self.index.verify(sample=sample, seed=seed)
        if report.ok:
            ids = self.index.sequences.ids
            foreign = np.flatnonzero(shards_of(ids, shards) != number)
            if len(foreign):
                report.problems.append(f"{len(foreign)} records belong to other shards, {ids[int(foreign[0])]!r} first")
            rows = self.rows()
            if len(np.unique(rows)) < len(rows):
                report.problems.append(f"two records have one {GLOBAL_ROW}")
        return report


def encoder_digest(index: SequenceIndex) -> str:
    """Equal encoders have equal digests."""
    import hashlib
    import json

    model = index.model
    h = hashlib.blake2b(json.dumps(model.document(), sort_keys=True).encode(), digest_size=16)
    h.update(model.weight_bytes())
    return h.hexdigest()


def _nearest(answers: Results) -> Nearest:
    table = answers.table()
    found, placed = _of_table(answers, table)
    rows = np.full(answers.rows.shape, -1, np.int64)
    rows[answers.rows >= 0] = placed
    return Nearest(rows, answers.distances, answers.minus, found, _told(answers), answers.guarantee)


def _of_table(answers: Results | RangeResults, table: HitTable) -> tuple[Found, IntArray]:
    """What is in a table, each record once, and (h,) global rows of its hits."""
    here, places = np.unique(table.rows, return_inverse=True)
    found = _found(answers.targets, here)
    numbers = global_rows(answers.targets.columns, here)
    return found, numbers[places]


def _found(targets: Sequences, here: IntArray) -> Found:
    rows = global_rows(targets.columns, here)
    order = np.argsort(rows)
    return Found(rows[order], unnumbered(targets[here[order]]))


def _told(answers: Results | RangeResults) -> Told:
    how = answers.how
    return Told(how.budget, how.cautions, how.unlike, how.calibrated)


def some_of(ids: Iterable[str], shards: int) -> list[list[str]]:
    """Ids by the shard they belong to."""
    names = list(ids)
    out: list[list[str]] = [[] for _ in range(shards)]
    for name, shard in zip(names, shards_of(names, shards).tolist(), strict=True):
        out[shard].append(name)
    return out
