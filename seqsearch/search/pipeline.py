"""Retrieve, then verify: stages, cheapest first, each ranking what the one before kept; the last one decides.

This is the only place where that is written. An index of sequences has two stages (embeddings propose, the exact
distance verifies), one of series of two kinds up to three (embeddings, DTW of hash sequences, exact DTW).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, TypedDict, TypeVar, Unpack

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Neighbours, Pruning
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .budget import Budget
from .relatives import Walk

SPARE = 4
"""So many more than are wanted are verified where float32 rounding alone may have put them in another order."""
QUERY_BATCH = 4096  # queries encoded and ranked at once: bounds the memory of candidate lists
Made = TypeVar("Made")


@dataclass(frozen=True)
class Parts:
    """Where on a row a query is expected to begin: from `first` to `last`, (Q, C), give or take `reach` letters; and
    `walk`: where the best of the rows may lead."""

    first: IntArray
    last: IntArray
    reach: int
    walk: Walk | None = None

    def without(self, exclude: IntArray, kept: BoolArray, shape: tuple[int, ...]) -> Parts:
        """Those of a mask `kept`, (Q, C), in another shape, and rows `exclude`, (Q,), that no walk leads to."""
        walk = None if self.walk is None else replace(self.walk, exclude=exclude)
        return Parts(self.first[kept].reshape(shape), self.last[kept].reshape(shape), self.reach, walk)

    def __getitem__(self, some: slice | IntArray) -> Parts:
        """Those of some queries."""
        return Parts(self.first[some], self.last[some], self.reach, None if self.walk is None else self.walk[some])


@dataclass(frozen=True)
class Ranked:
    """What a stage says of Q queries: `rows` (Q, C), best first, -1 padded, and their `scores` (Q, C), the less the
    better, inf padded; `pruning`: what it took where all was compared; `parts`: where on the rows, if that is known;
    `compared`: entries that the stage compared, where these are not those that came."""

    rows: IntArray
    scores: AnyArray
    pruning: Pruning | None = None
    parts: Parts | None = None
    compared: int | None = None

    def without(self, exclude: IntArray | None) -> Ranked:
        """(Q, C - 1): each query's own row of `exclude` (Q,) left out, or its last where that is not among them."""
        if exclude is None:
            return self
        kept: BoolArray = (self.rows != exclude[:, None]) | (self.rows < 0)
        kept[kept.all(axis=1), -1] = False
        shape = (len(self.rows), self.rows.shape[1] - 1)
        parts = None if self.parts is None else self.parts.without(exclude, kept, shape)
        return Ranked(self.rows[kept].reshape(shape), self.scores[kept].reshape(shape), self.pruning, parts)

    def followed_by(self, more: Ranked) -> Ranked:
        """What is said of these queries, and then of others; no parts are known of them."""
        wide = max(self.rows.shape[1], more.rows.shape[1])
        rows, scores = zip(*(each.widened(wide) for each in (self, more)), strict=True)
        return Ranked(np.concatenate(rows), np.concatenate(scores))

    def widened(self, count: int) -> tuple[IntArray, AnyArray]:
        """Rows and scores, (Q, count), padded."""
        if count == self.rows.shape[1]:
            return self.rows, self.scores
        lack = ((0, 0), (0, count - self.rows.shape[1]))
        return np.pad(self.rows, lack, constant_values=-1), np.pad(self.scores, lack, constant_values=np.inf)

    def first(self, count: int) -> Ranked:
        """The first `count` of each line; of what has no parts."""
        return self if count >= self.rows.shape[1] else Ranked(self.rows[:, :count], self.scores[:, :count])

    def __getitem__(self, some: IntArray) -> Ranked:
        """What is said of some of the queries."""
        parts = None if self.parts is None else self.parts[some]
        return Ranked(self.rows[some], self.scores[some], self.pruning, parts)

    def padded(self, k: int) -> Neighbours:
        """The first k of each line, padded where there are fewer."""
        rows, scores = self.rows[:, :k], np.asarray(self.scores[:, :k], np.float64)
        if (lack := k - rows.shape[1]) > 0:
            rows = np.pad(rows, ((0, 0), (0, lack)), constant_values=-1)
            scores = np.pad(scores, ((0, 0), (0, lack)), constant_values=np.inf)
        return Neighbours(rows, scores)


@dataclass(frozen=True)
class Found(Neighbours):
    """The k best of Q queries, and which of these were compared with everything: `proved`, (Q,); `group`, (Q,): of
    which group of the budget each was, None where it has none."""

    proved: BoolArray
    group: IntArray | None = None

    @classmethod
    def of(cls, found: Neighbours, proved: bool, group: IntArray | None = None) -> Found:
        """Of queries that were all searched in one way."""
        return cls(found.rows, found.distances, np.full(len(found), proved), group)

    def __getitem__(self, some: IntArray | BoolArray) -> Found:
        group = None if self.group is None else self.group[some]
        return Found(self.rows[some], self.distances[some], self.proved[some], group)

    def put(self, where: IntArray, part: Found) -> None:
        """Take in the answers of some queries, (m,)."""
        self.rows[where], self.distances[where], self.proved[where] = part.rows, part.distances, part.proved
        if self.group is not None and part.group is not None:
            self.group[where] = part.group


@dataclass(frozen=True)
class Points:
    """Points or codes, as an index stores them, that are known without an encoder: those of `rows` (n,), which `fetch`
    gives, (m,) -> (m, ...)."""

    fetch: Callable[[IntArray], AnyArray]
    rows: IntArray

    @classmethod
    def of(cls, points: AnyArray) -> Points:
        """Those of an array, in order."""
        return cls(points.__getitem__, np.arange(len(points)))


class Queries:
    """Some queries, and what encoders make of them: made once, however often they are ranked. `points`: those that came
    along, which no encoder has to make."""

    def __init__(self, sequences: Sequences, points: Points | None = None) -> None:
        self.sequences = sequences
        self.known = points
        self._made: dict[str, object] = {}

    @classmethod
    def of(cls, queries: Sequences | Queries) -> Queries:
        """Sequences without points, or queries as they are."""
        return queries if isinstance(queries, Queries) else cls(queries)

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, some: slice | IntArray) -> Queries:
        """Some of them, with their points, and what arrays were made of them."""
        known = self.known
        part = Queries(self.sequences[some], None if known is None else Points(known.fetch, known.rows[some]))
        part._made = {name: made[some] for name, made in self._made.items() if isinstance(made, np.ndarray)}
        return part

    def points(self, name: str, encode: Callable[[Sequences], AnyArray]) -> AnyArray:
        """The points that came along, or what `encode` makes, kept under a name."""
        known = self.known
        return self.encoded(name, encode if known is None else lambda _: known.fetch(known.rows))

    def encoded(self, name: str, encode: Callable[[Sequences], Made]) -> Made:
        """`encode(sequences)`, kept under a name."""
        if name not in self._made:
            self._made[name] = encode(self.sequences)
        return self._made[name]  # type: ignore[return-value]  # one name, one encoder


@dataclass(frozen=True)
class Keep:
    """What a stage is asked for: the best `count` of what it compares, of `allowed` rows where it is the first, within
    `budget` (None: by proof). The last one may leave out what is farther than `within`, (Q,)."""

    count: int
    budget: Budget | None = None
    allowed: BoolArray | None = None
    progress: Progress = SILENT
    within: DoubleArray | None = None


class Stage(Protocol):
    """One way to compare queries with stored rows."""

    @property
    def name(self) -> str:
        """What it is called in reports."""

    @property
    def decides(self) -> bool:
        """Whether it ranks as the last stage does, so that this one need not look at more than are wanted."""

    @property
    def optional(self) -> bool:
        """Whether a budget that keeps nothing by it leaves it out."""

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """The best of what `before` kept, or of all stored rows where nothing came before."""

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """Of one comparison, in candidates proposed: a rule of the data alone, never timed, so that one seed gives one
        index. `truth`: the nearest of the queries, as far as they are known."""


@dataclass
class StageReport:
    """What a stage did for `queries`: entries `compared` and `kept`, and the `seconds` it took, all in all."""

    name: str
    queries: int = 0
    compared: int = 0
    kept: int = 0
    seconds: float = 0.0


class Trace(dict[str, StageReport]):
    """What the stages of a search did, by name; `everything`: how many queries were compared with all there is, and the
    `pruning` of these."""

    everything = 0
    pruning: Pruning | None = None

    def add_everything(self, queries: int, pruning: Pruning) -> None:
        """Some more queries were compared with all there is."""
        self.everything += queries
        self.pruning = pruning if self.pruning is None else self.pruning + pruning

    def add(self, name: str, compared: int, kept: IntArray, seconds: float) -> int:
        """One more batch of queries: how many entries came, and the (Q, C) rows that were kept, -1 padded; how many."""
        report, count = self.setdefault(name, StageReport(name)), int(np.count_nonzero(kept >= 0))
        report.queries += len(kept)
        report.compared += compared
        report.kept += count
        report.seconds += seconds
        return count


class Limits(TypedDict, total=False):
    """`allowed`, (rows,): rows that may be answered; `exclude`, (Q,): one row a query that may not be: the query
    itself, when it is a member; `near`: what was found of their other strands, so that what is farther may be left out;
    `deferred` takes the places of queries that would be compared with everything, which then have no answer yet;
    `trace` is told what the stages did.
    """

    allowed: BoolArray | None
    exclude: IntArray | None
    near: Neighbours | None
    deferred: list[int] | None
    trace: Trace | None
    progress: Progress


def _radii(limits: Limits) -> DoubleArray | None:
    """(Q,) what is farther than the k found on the other strands."""
    near = limits.get("near")
    return None if near is None else near.distances[:, -1]


def of_queries(limits: Limits, some: IntArray | BoolArray) -> Limits:
    """The limits of some of the queries; nothing of them is deferred."""
    exclude, near = limits.get("exclude"), limits.get("near")
    return {
        **limits,
        "exclude": None if exclude is None else exclude[some],
        "near": None if near is None else near[some],
        "deferred": None,
    }


@dataclass(frozen=True)
class Pipeline:
    """`stages`, the last of which decides, over the `live` rows, (rows,) bool, of one state."""

    stages: tuple[Stage, ...]
    live: BoolArray

    @cached_property
    def size(self) -> int:
        """How many rows are live: counted once, for one query alone is shorter than a walk over all of them."""
        return int(np.count_nonzero(self.live))

    def neighbours(
        self, queries: Sequences | Queries, k: int, budget: Budget | None, **limits: Unpack[Limits]
    ) -> Found:
        """The k best of each query as the last stage ranks them.

        `budget`: what the stages keep; None, or more candidates than there are rows, compares with everything, by
        proof.
        """
        if budget is not None and (budget.kept or budget.candidates < self.size):
            return self.staged(queries, k, budget, **limits)
        exclude, progress = limits.get("exclude"), limits.get("progress", SILENT)
        keep = Keep(k + (exclude is not None), None, limits.get("allowed"), progress, _radii(limits))
        found = self.stages[-1].rank(Queries.of(queries), None, keep).without(exclude)
        trace = limits.get("trace")
        if trace is not None and found.pruning is not None:
            trace.add_everything(len(queries), found.pruning)
        return Found.of(Neighbours(found.rows, found.scores), True)

    def staged(self, queries: Sequences | Queries, k: int, budget: Budget, **limits: Unpack[Limits]) -> Found:
        """`neighbours` by the stages, even where comparing with everything would be no more work; queries that a budget
        with groups sends there are compared with everything, all together."""
        queries = Queries.of(queries)
        if len(queries) == 1:  # which is answered before anybody could watch
            found, unproved = self._batch(queries, k, budget, limits)
        else:
            found, unproved = self._batches(queries, k, budget, limits)
        deferred = limits.get("deferred")
        if deferred is not None:
            deferred += unproved.tolist()
        elif len(unproved):
            found.put(unproved, self.neighbours(queries[unproved], k, None, **of_queries(limits, unproved)))
        return found

    def _batches(self, queries: Queries, k: int, budget: Budget, limits: Limits) -> tuple[Found, IntArray]:
        """`_batch` of many queries, one batch after the other."""
        group = None if budget.groups is None else np.zeros(len(queries), np.int64)
        found, unproved = Found.of(Neighbours.none(len(queries), k), False, group), [np.zeros(0, np.int64)]
        with limits.get("progress", SILENT).task("searching", len(queries)) as task:
            for start in range(0, len(queries), QUERY_BATCH):
                places = np.arange(start, min(start + QUERY_BATCH, len(queries)))
                asked = queries[start : start + QUERY_BATCH]
                part, left = self._batch(asked, k, budget, of_queries(limits, places))
                found.put(places, part)
                unproved.append(left + start)
                task.advance(len(asked))
        return found, np.concatenate(unproved)

    def _batch(self, queries: Queries, k: int, budget: Budget, limits: Limits) -> tuple[Found, IntArray]:
        """The answers of one batch, and which of its queries have to be compared with everything instead."""
        none, exclude, trace = np.zeros(0, np.int64), limits.get("exclude"), limits.get("trace")
        last = Keep(k, budget, limits.get("allowed"), within=_radii(limits))
        if len(self.stages) == 1:
            return Found.of(self.proposed(queries, budget, last.allowed, exclude, k).padded(k), False), none
        before = self._begun(queries, budget, last.allowed, exclude, trace, wanted=k)
        if budget.groups is None:
            return Found.of(self._last(queries, before, last, trace), False), none
        group = budget.groups.of(before.scores)
        own = budget.groups.budgets[group[0]]
        if own is not None and own.proposes_within(budget) and (len(group) == 1 or (group == group[0]).all()):
            mine = Keep(k, own, last.allowed, within=last.within)
            return Found.of(self._last(queries, before.first(own.candidates), mine, trace), False, group), none
        return self._by_groups(queries, before, group, last, limits)

    def _by_groups(
        self, queries: Queries, before: Ranked, group: IntArray, last: Keep, limits: Limits
    ) -> tuple[Found, IntArray]:
        """Each `group`, (Q,), of queries within its own budget; `before`: what was proposed within that of
        `last`.

        A group without a budget is left to be compared with everything - but for queries whose other strand was
        answered within a group: what is as near as that would be predicted to be so on this strand too, so that no
        farther group's budget is needed.
        """
        assert last.budget is not None
        assert last.budget.groups is not None
        exclude, trace, other = limits.get("exclude"), limits.get("trace"), limits.get("near")
        settled = ~other.proved if isinstance(other, Found) else np.zeros(len(queries), np.bool_)
        found, unproved = Found.of(Neighbours.none(len(queries), last.count), False, group), [np.zeros(0, np.int64)]
        if isinstance(other, Found) and other.group is not None:
            group = np.where(settled, np.minimum(group, other.group), group)
        usual = last.budget.alone
        for number in np.unique(group).tolist():
            budget, places = last.budget.groups.budgets[number], np.flatnonzero(group == number)
            if budget is None:
                unproved.append(places[~settled[places]])
                budget, places = usual, places[settled[places]]
                if not len(places):
                    continue
            asked, own = queries[places], None if exclude is None else exclude[places]
            if budget.proposes_within(usual):
                begun = before[places].first(budget.candidates)
            else:
                begun = self._begun(asked, budget, last.allowed, own, trace, wanted=last.count)
            within = None if last.within is None else last.within[places]
            mine = replace(last, budget=budget, within=within)
            found.put(places, Found.of(self._last(asked, begun, mine, trace), False))
        return found, np.concatenate(unproved)

    def _last(self, queries: Queries, before: Ranked, last: Keep, trace: Trace | None) -> Neighbours:
        """What the stages after the first make of what was proposed."""
        assert last.budget is not None
        before, start = self._narrowed(queries, before, last.budget, trace), time.perf_counter()
        found = self.stages[-1].rank(queries, before, Keep(last.count, last.budget, within=last.within))
        if trace is not None:
            came = int(np.count_nonzero(before.rows >= 0)) if found.compared is None else found.compared
            trace.add(self.stages[-1].name, came, found.rows, time.perf_counter() - start)
        return found.padded(last.count)

    def kept(
        self,
        queries: Queries,
        budget: Budget,
        allowed: BoolArray | None = None,
        exclude: IntArray | None = None,
        trace: Trace | None = None,
        *,
        wanted: int | None = None,
    ) -> Ranked:
        """What reaches the last stage; `wanted`: how many the last one is asked for."""
        begun = self._begun(queries, budget, allowed, exclude, trace, wanted=wanted)
        return self._narrowed(queries, begun, budget, trace)

    def _begun(
        self,
        queries: Queries,
        budget: Budget,
        allowed: BoolArray | None,
        exclude: IntArray | None,
        trace: Trace | None,
        *,
        wanted: int | None,
    ) -> Ranked:
        """What the first stage proposes; as `kept`."""
        start = time.perf_counter()
        enough = None
        if wanted is not None and self.stages[0].decides and len(self.stages) == 2:
            enough = min(budget.candidates, wanted + SPARE)
        ranked = self.proposed(queries, budget, allowed, exclude, enough)
        if trace is not None:
            trace.add(self.stages[0].name, len(queries) * self.size, ranked.rows, time.perf_counter() - start)
        return ranked

    def _narrowed(self, queries: Queries, ranked: Ranked, budget: Budget, trace: Trace | None) -> Ranked:
        """What the stages between the first and the last leave of what was proposed."""
        for stage, count in itertools.zip_longest(self.stages[1:-1], budget.kept[: len(self.stages) - 2]):
            if count is None and stage.optional:
                continue
            start, came = time.perf_counter(), int(np.count_nonzero(ranked.rows >= 0))
            ranked = stage.rank(queries, ranked, Keep(count, budget))
            if trace is not None:
                trace.add(stage.name, came, ranked.rows, time.perf_counter() - start)
        return ranked

    def proposed(
        self,
        queries: Queries,
        budget: Budget,
        allowed: BoolArray | None = None,
        exclude: IntArray | None = None,
        count: int | None = None,
    ) -> Ranked:
        """What the first stage keeps: `count`, by default the candidates of the budget."""
        count = budget.candidates if count is None else count
        if exclude is not None:
            count, budget = count + 1, replace(budget, ef=None if budget.ef is None else budget.ef + 1)
        return self.stages[0].rank(queries, None, Keep(count, budget, allowed)).without(exclude)


def joined(parts: list[Neighbours]) -> Neighbours:
    """The answers to batches of queries as one."""
    if len(parts) == 1:
        return parts[0]
    return Neighbours(np.concatenate([p.rows for p in parts]), np.concatenate([p.distances for p in parts]))
