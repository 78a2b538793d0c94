"""What the engine answers: searches, each as if it had come alone, however many are answered together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..distances import Neighbours, Ranges
from ..distributed import ShardedIndex
from ..search import Answers, RangeResults, Results
from ..search.pipeline import Queries
from ..search.questions import cautions_of
from ..search.state import State
from ..search.strands import PLUS
from ..search.unlike_lengths import unlike_lengths
from ..search.wanted import BudgetOptions, Wanted, unusual
from ..sequences import Sequences
from .hosted import Hosted

_FIRST = 16


@dataclass(frozen=True)
class Search:
    """The k nearest, in one way: see `SequenceIndex.search`; or all within a distance of `within`."""

    hosted: Hosted
    k: int = 10
    recall: float | None = None
    candidates: int | None = None
    ef: int | None = None
    lists: int | None = None
    exact: bool = False
    guarantee: str | None = None
    within: float | None = None
    strand: Literal["plus", "both"] = "plus"
    where: str | None = None
    ids: tuple[str, ...] | None = None

    @property
    def budget(self) -> BudgetOptions:
        """What it may cost."""
        return {
            "recall": self.recall,
            "candidates": self.candidates,
            "ef": self.ef,
            "lists": self.lists,
            "exact": self.exact,
            "guarantee": self.guarantee,
        }

    @property
    def first(self) -> int:
        """See `Group.first`: nobody knows how much is within a distance."""
        return _FIRST if self.within is None else 1

    def answer(self, parts: list[Sequences]) -> list[Answers]:
        """See `Group.answer`."""
        self.hosted.look()
        if len(parts) == 1 or isinstance(self.hosted.index, ShardedIndex):  # whose warnings are made where they are
            return [self._found(part) for part in parts]
        together = self._found(Sequences.concatenate(parts))
        with self.hosted.one.state() as state:
            return [self._told(state, part, own) for part, own in zip(parts, split(together, parts), strict=True)]

    def _told(self, state: State, queries: Sequences, found: Answers) -> Answers:
        """With what is to be said of these queries alone: what is said of all together may be about those of others."""
        unmet = state.asked(self.ids, self.where)[1] if self.where is not None else ()
        if not isinstance(found, Results):
            found.how = replace(found.how, cautions=(*unmet, *unlike_lengths(state, queries)))
            return found
        choice = state.choice(self.k, Wanted(**self.budget))
        turned = self.strand == PLUS and self.ids is None and self.where is None
        nearest = Neighbours(found.rows, found.distances)
        cautions = cautions_of(state, Queries(queries), nearest, choice, turned=turned)
        unlike = unusual(state.calibration, found.distances[:, 0]) if found.how.calibrated else None
        found.how = replace(found.how, cautions=(*cautions, *unmet), unlike=unlike)
        return found

    def _found(self, asked: Sequences) -> Answers:
        index = self.hosted.index
        if self.within is not None:
            return index.within(asked, self.within, ids=self.ids, where=self.where, strand=self.strand)
        return index.search(asked, self.k, ids=self.ids, where=self.where, strand=self.strand, **self.budget)


def no_farther(found: Answers, limit: float) -> Answers:
    """The same without the hits beyond a distance."""
    if not isinstance(found, Results):
        return found
    kept = found.distances <= limit
    nearest = Neighbours(np.where(kept, found.rows, -1), np.where(kept, found.distances, np.inf))
    asked = found.asked
    return Results(
        found.queries, found.targets, nearest, found.minus, found.confidence, found.how, asked, found.guarantee
    )


def split(found: Answers, parts: list[Sequences]) -> Iterator[Answers]:
    """The answers to each of several requests that were searched together.

    What is said of all queries together is left out."""
    start = 0
    how = replace(found.how, cautions=(), unlike=None)
    for part in parts:
        rows = slice(start, start + len(part))
        minus = found.minus
        if isinstance(found, RangeResults):
            first, last = found.offsets[rows.start], found.offsets[rows.stop]
            offsets = found.offsets[rows.start : rows.stop + 1] - first
            ranges = Ranges(np.asarray(offsets), found.rows[first:last], found.distances[first:last])
            own = None if minus is None else minus[first:last]
            yield RangeResults(part.ids, found.targets, ranges, own, how, part)
        elif isinstance(found, Results):
            nearest = Neighbours(found.rows[rows], found.distances[rows])
            sure = None if found.confidence is None else found.confidence[rows]
            own = None if minus is None else minus[rows]
            yield Results(part.ids, found.targets, nearest, own, sure, how, part, found.guarantee[rows])
        start = rows.stop
