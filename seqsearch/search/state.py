"""One committed state of an index: everything that a search looks at, taken once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Unpack

import numpy as np

from ..ann import CandidateIndex
from ..arrays import AnyArray, BoolArray, IntArray, spread
from ..distances import Distance, HashDTW, HashSequences, Neighbours
from ..distances.neighbours import Identical
from ..encoders.model import Model
from ..errors import MismatchError
from ..memory import keep_freed
from ..sequences import Sequences
from .budget import Budget
from .calibration import Calibration
from .conditions import Where, shown
from .encoding import OneModel, TwoTowers
from .filtering import mask_of
from .identity import looked_at
from .pipeline import Found, Limits, Pipeline, Points, Queries, Stage, of_queries
from .stages import Exact, Propose, ProposeParts, ProposeShared, Reorder, WarpHashes
from .wanted import Choice, Wanted
from .windows import WindowIndex

_CHOICES = 1024  # that are remembered
_LENGTHS = 4096
"""Stored sequences whose lengths are looked at."""


@dataclass(frozen=True, eq=False)
class State:
    """The rows of one commit, and what answers over them. Never changed: a later commit makes another one.

    `targets`: the sequences of all rows, deleted ones too, so that a row is a position, with their ids and labels;
    `live`: (rows,) which are not deleted; `candidates` holds the live rows; `find` and `rows_of`: ids to rows, (m,),
    with -1 or an UnknownIdError for those that are not there; `vectors`: what is stored of rows, (m,) -> (m, ...);
    `generation`: of the numbers of rows, which a compaction gives anew.
    """

    targets: Sequences
    live: BoolArray
    encoder: OneModel | TwoTowers
    candidates: CandidateIndex | None
    distance: Distance | None
    pipeline: Pipeline
    calibration: Calibration
    find: Callable[[Iterable[str]], IntArray]
    rows_of: Callable[[Iterable[str]], IntArray]
    vectors: Callable[[IntArray], AnyArray]
    generation: int = 0

    def __len__(self) -> int:
        return self.pipeline.size

    @cached_property
    def usual_lengths(self) -> tuple[float, float, float] | None:
        """Lengths of some of the stored sequences: nineteen of twenty are as long as the first, half of them as
        the second, and one of twenty is longer than the third. None where there are none."""
        rows = spread(len(self.live), _LENGTHS)
        rows = rows[self.live[rows]]
        if not len(rows):
            return None
        low, middle, high = np.quantile(self.targets.lengths_of(rows), [0.05, 0.5, 0.95])
        return float(low), float(middle), float(high)

    @property
    def model(self) -> Model:
        """The encoder. Raises MismatchError for an index of two kinds of series, which has two."""
        if not isinstance(self.encoder, OneModel):
            raise MismatchError("an index of two kinds of series has an encoder a side, and no single model")
        return self.encoder.model

    @property
    def exact(self) -> Exact:
        """The last stage. Raises MismatchError where queries and stored series cannot be compared directly."""
        last = self.pipeline.stages[-1]
        if not isinstance(last, Exact) or isinstance(self.encoder, TwoTowers):
            raise MismatchError("queries and stored sequences are of two kinds: no exact distance compares them")
        return last

    @property
    def shares(self) -> bool:
        """Whether what sequences share proposes candidates."""
        return isinstance(self.pipeline.stages[0], ProposeShared)

    @property
    def proposals(self) -> CandidateIndex:
        """The candidate index of the first stage. Raises MismatchError where there is none."""
        if isinstance(first := self.pipeline.stages[0], ProposeParts):
            return first.index
        if self.candidates is None:
            raise MismatchError("this index has no embeddings: its first stage compares hash sequences")
        return self.candidates

    def by_embedding(self) -> Pipeline:
        """The first stage alone."""
        return Pipeline(self.pipeline.stages[:1], self.live)

    def choice(self, k: int, wanted: Wanted) -> Choice:
        """The budget for k neighbours, and why: of one state always the same."""
        known = self._choices.get((k, wanted))
        if known is None:
            kind = None if self.candidates is None or self.shares else type(self.proposals)
            known = wanted.budget(self.calibration, kind, len(self), k)
            if len(self._choices) >= _CHOICES:  # whoever asks a service chooses the numbers
                self._choices.clear()
            self._choices[k, wanted] = known
        return known

    @cached_property
    def _choices(self) -> dict[tuple[int, Wanted], Choice]:
        return {}

    def members(self, rows: IntArray) -> Queries:
        """Stored sequences as queries. Vectors that were made elsewhere are those stored."""
        known = Points(self.vectors, rows) if self.encoder.own is not None else None
        return Queries(self.targets[rows], known)

    def neighbours(
        self, queries: Sequences | Queries, k: int, budget: Budget | None, **limits: Unpack[Limits]
    ) -> Found:
        """See `Pipeline.neighbours`. Raises MismatchError for queries of another kind."""
        queries = Queries.of(queries)
        self.encoder.require(queries.sequences)
        if budget is not None and budget.groups is not None and self.distance is not None and self.distance.space:
            self.distance.check(queries.sequences, self.targets[:1])  # whole, so that an error counts from the first
        short = None if budget is None else self._short(queries.sequences)
        if budget is None or short is None or not short.any():
            return self.pipeline.neighbours(queries, k, budget, **limits)
        return self._apart(queries, k, budget, short, limits)

    def most_identical(
        self, queries: Queries, k: int, budget: Budget | None, coverage: float, **limits: Unpack[Limits]
    ) -> Identical:
        """Of the nearest that a budget finds, the k of the highest identity; raises as `neighbours`.

        They are near for the length of the shorter sequence where what proposes can tell.
        """
        self.encoder.require(queries.sequences)
        count, first = looked_at(k), self.pipeline.stages[0]
        if budget is None or not isinstance(first, ProposeShared):
            rows = self.neighbours(queries, count, budget, **limits).rows
        else:
            wide = replace(budget, candidates=max(count, budget.candidates), by_share=True)
            rows = self.pipeline.proposed(queries, wide, limits.get("allowed")).rows
        return self.exact.most_identical(queries.sequences, rows, k, coverage)

    def _short(self, queries: Sequences) -> BoolArray | None:
        """(Q,) which are too short to ask for windows; None where there are none."""
        first = self.pipeline.stages[0]
        return queries.lengths < first.windows.settings.cut.least if isinstance(first, ProposeParts) else None

    def told_short(self, queries: Sequences) -> tuple[str, ...]:
        """What to say of queries that windows cannot find."""
        short, first = self._short(queries), self.pipeline.stages[0]
        if short is None or not short.any() or not isinstance(first, ProposeParts):
            return ()
        cut, count = first.windows.settings.cut, int(np.count_nonzero(short))
        told = f"{count} of {len(queries)} queries are shorter than {cut.least} letters, too short for windows of "
        return (f"{told}{cut.length}: they were compared with everything; build with -D window= as long as they are",)

    def _apart(self, queries: Queries, k: int, budget: Budget, short: BoolArray, limits: Limits) -> Found:
        """Queries that are `short`, (Q,), beside windows compared with everything, the others within the budget."""
        found = Found.of(Neighbours.none(len(queries), k), False)
        for mask, work in ((short, None), (~short, budget)):
            if mask.any():
                places = np.flatnonzero(mask)
                found.put(places, self.pipeline.neighbours(queries[places], k, work, **of_queries(limits, places)))
        return found

    def allowed(self, ids: Iterable[str] | None, where: Where | None) -> BoolArray | None:
        """(rows,) mask of the live rows that a filter lets through, None without one.

        Raises UnknownIdError for an id that is not there, ConditionError for a condition that cannot be read or does
        not fit the columns.
        """
        where = None if where == {} else where
        if ids is None and where is None:
            return None
        mask = self.live.copy()
        if ids is not None:
            chosen = np.zeros_like(mask)
            chosen[self.rows_of(ids)] = True
            mask &= chosen
        if where is not None:
            mask &= mask_of(where, self.targets)
        return mask

    def asked(self, ids: Iterable[str] | None, where: Where | None) -> tuple[BoolArray | None, tuple[str, ...]]:
        """`allowed`, and what to say of it."""
        mask = self.allowed(ids, where)
        if mask is None or where is None or mask.any():
            return mask, ()
        among = "" if ids is None else " and has one of these ids"
        return mask, (f"no sequence of {len(self):,} fulfils {shown(where)!r}{among}",)


def pipeline_of(
    targets: Sequences,
    live: BoolArray,
    encoder: OneModel | TwoTowers,
    candidates: CandidateIndex | None,
    distance: Distance | None,
    hashes: tuple[HashSequences, HashDTW] | None = None,
    windows: WindowIndex | None = None,
    mixing: float | None = None,
) -> Pipeline:
    """The stages over these rows: embeddings, of windows where there are any, or what sequences share propose, hash
    sequences are warped where there are any, the exact distance decides where both sides can be compared. `mixing`: see
    `Reorder`, as a calibration tells."""
    keep_freed()
    stages: list[Stage] = []
    if windows is not None:
        stages.append(ProposeParts(windows))
    elif distance is not None and distance.proposes:
        stages.append(ProposeShared(distance, targets, live))
    elif candidates is not None:
        decides = encoder.orders_as(distance) and not candidates.estimates
        stages.append(Propose(candidates, encoder.of_queries, decides=decides))
        if distance is not None and isinstance(encoder, OneModel) and distance.ranks(targets):
            stages.append(Reorder(distance, targets, f"order of {distance.ranked_by}", mixing))
    if hashes is not None and isinstance(encoder, TwoTowers):
        stages.append(WarpHashes(hashes[0], live, encoder.hashed_queries, hashes[1]))
    if distance is not None:
        exact = Exact(distance, targets, live)
        stages.append(exact if hashes is None else replace(exact, name="exact DTW"))
    return Pipeline(tuple(stages), live)
