"""The stages there are: a candidate index proposes, bounds reorder or hash sequences are warped, the exact
distance decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..ann import CandidateIndex
from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Distance, HashDTW, HashSequences, Neighbours
from ..distances.distance import Proposer, Ranker
from ..distances.neighbours import Identical
from ..distances.windowed import WindowedDistance
from ..sequences import Sequences
from ..sequences.packed import is_packable, packed
from .gathering import gathered, original
from .identity import by_paths
from .lossless import Lossless
from .ordering import mixed, mixing_of
from .pipeline import SPARE, Keep, Queries, Ranked, joined

if TYPE_CHECKING:
    from .windows import WindowIndex

_USUAL_K = 10  # neighbours that most ask for
_HASH_CELL = 1e-3  # of DTW of hash sequences, in candidates proposed: 16 entries at once, measured on tunes


@dataclass(frozen=True)
class Propose:
    """A candidate index over what `encode` makes of sequences: always the first stage.

    `decides`: its order is that of the exact distance, but for float32 rounding.
    """

    index: CandidateIndex
    encode: Callable[[Sequences], AnyArray]
    name: str = "embedding"
    decides: bool = False
    optional: bool = False

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """See `Stage.rank`; scores are float32."""
        points = queries.points(self.name, self.encode)
        effort = None if keep.budget is None else keep.budget.effort(self.index.effort)
        found = self.index.search(points, keep.count, effort=effort, allowed=keep.allowed)
        return Ranked(found.rows, found.distances)

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """The unit."""
        return 1.0


@dataclass(frozen=True)
class ProposeParts:
    """Windows of the targets: the first stage of a distance to parts of them. Candidates are windows, which lead to as
    many rows at most, with the stretch of each where the query may lie."""

    windows: WindowIndex
    name: str = "windows"
    decides: bool = False
    optional: bool = False

    @property
    def index(self) -> CandidateIndex:
        """The candidate index of the windows."""
        return self.windows.index

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """See `Stage.rank`."""
        effort = None if keep.budget is None else keep.budget.effort(self.index.effort)
        return self.windows.propose(queries.sequences, keep.count, effort=effort, allowed=keep.allowed)

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """The unit."""
        return 1.0


@dataclass(frozen=True)
class ProposeShared:
    """What two sequences share proposes: the first stage of a distance that counts it, over the `live` rows."""

    distance: Distance
    targets: Sequences
    live: BoolArray
    name: str = "shared q-grams"
    decides: bool = False
    optional: bool = False

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """See `Stage.rank`."""
        by_share = keep.budget is not None and keep.budget.by_share
        shape = (len(queries), 0)
        rows, scores = np.zeros(shape, np.int64), np.zeros(shape)
        for first, proposer, size in self._proposers:
            allowed = None if keep.allowed is None else keep.allowed[first : first + size]
            near, far = proposer.nearest(queries.sequences, keep.count, allowed, by_share=by_share)
            rows = np.concatenate([rows, np.where(near >= 0, near + first, -1)], axis=1)
            scores = np.concatenate([scores, far], axis=1)
        if not len(self._proposers):
            return Ranked(np.full((len(queries), keep.count), -1), np.full((len(queries), keep.count), np.inf))
        order = np.argsort(scores, axis=1, kind="stable")[:, : keep.count]
        return Ranked(np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1))

    @cached_property
    def _proposers(self) -> list[tuple[int, Proposer, int]]:
        """The first row of each block of targets, what proposes from it, and how many rows it has."""
        made = []
        for first, block, there in Lossless(self.distance, self.targets, self.live).blocks(self.live):
            proposer = self.distance.proposer(block, there)
            assert proposer is not None
            made.append((first, proposer, len(block)))
        return made

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """The unit."""
        return 1.0


@dataclass(frozen=True)
class WarpHashes:
    """DTW of hash sequences, of queries by `encode` and of all stored rows (`live` ones count)."""

    hashes: HashSequences
    live: BoolArray
    encode: Callable[[Sequences], HashSequences]
    distance: HashDTW
    name: str = "hash DTW"
    decides: bool = False
    optional: bool = False

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """See `Stage.rank`."""
        scores, rows = self.scores(queries, before, keep.allowed), None if before is None else before.rows
        order = np.argsort(scores, axis=1, kind="stable")[:, : keep.count]
        scores = np.take_along_axis(scores, order, axis=1)
        found = order if rows is None else np.take_along_axis(rows, order, axis=1)
        return Ranked(np.where(np.isfinite(scores), found, -1), scores)

    def scores(self, queries: Queries, before: Ranked | None = None, allowed: BoolArray | None = None) -> DoubleArray:
        """(Q, C) of what came before, or (Q, rows) of all that is live and allowed; inf for what is neither."""
        own = queries.encoded(self.name, self.encode)
        if before is None:
            found = self.distance.scores(own, self.hashes)
            return np.where(self.live if allowed is None else self.live & allowed, found, np.inf)
        out = np.full(before.rows.shape, np.inf)
        for query in range(len(queries)):
            there = before.rows[query] >= 0
            entries = self.hashes.take(before.rows[query][there])
            out[query, there] = self.distance.scores(own.take(np.array([query])), entries)[0]
        return out

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """By the cells of the recursion."""
        steps = float(queries.lengths.mean()) * len(self.hashes.codes) / max(1, len(self.hashes))
        return steps * _HASH_CELL


@dataclass(frozen=True)
class Reorder:
    """Candidates in an order that is nearly that of the exact distance, of which only the first are then compared.
    Queries of lengths that it does not rank keep all of theirs. `mixing`: how often its own scores count beside those
    that came; None where no calibration has told, and nothing is put in order unless its own do so alone."""

    distance: Distance
    targets: Sequences
    name: str = "order"
    mixing: float | None = None
    decides: bool = False
    optional: bool = True

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """See `Stage.rank`."""
        assert before is not None
        if not self.orders:
            return before
        able = self._ranker.able(queries.sequences)
        if not able.any():
            return before
        if able.all():
            scores = self._ranker.scores(queries.sequences, before.rows)
            return _first(before.rows, self.order(before.scores, scores), keep.count)
        scores = np.array(before.scores, np.float64)
        own = self._ranker.scores(queries.sequences[np.flatnonzero(able)], before.rows[able])
        scores[able] = self.order(before.scores[able], own)
        order = np.tile(np.arange(before.rows.shape[1]), (len(queries), 1))
        order[able] = np.argsort(scores[able], axis=1, kind="stable")
        rows, scores = np.take_along_axis(before.rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
        rows[able, keep.count :], scores[able, keep.count :] = -1, np.inf
        scores[~able] = np.where(rows[~able] >= 0, -np.inf, np.inf)  # nothing is known of when to stop within these
        return Ranked(rows, scores)

    def scores(self, queries: Sequences, rows: IntArray) -> AnyArray | None:
        """(Q, C) of candidates, (Q, C) rows, inf for -1; None where some queries are of other lengths."""
        return self._ranker.scores(queries, rows) if self._ranker.able(queries).all() else None

    def order(self, before: AnyArray, own: AnyArray) -> AnyArray:
        """(Q, C) scores by which candidates are chosen, of those `before`, by which they were proposed, and its
        `own`: these alone, or both."""
        if self.alone:
            return own
        assert self.mixing is not None
        return mixed(before, own, self.mixing)

    @property
    def orders(self) -> bool:
        """Whether it is known how."""
        return self.alone or self.mixing is not None

    def fitted(self, queries: Queries, proposed: Ranked) -> Reorder:
        """The same, with what its scores count beside those by which candidates of some queries were `proposed`."""
        own = None if self.alone else self.scores(queries.sequences, proposed.rows)
        return self if own is None else replace(self, mixing=mixing_of(proposed.scores, own))

    @property
    def alone(self) -> bool:
        """Whether its own scores order candidates."""
        return self._ranker.alone

    @cached_property
    def _ranker(self) -> Ranker:
        return self.distance.ranker(self.targets)

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """By the steps of a series."""
        return self.distance.ranking_cost(queries.lengths)


@dataclass(frozen=True)
class Exact:
    """The exact distance to `targets`, all rows of a state: of what came before, or of everything, by proof."""

    distance: Distance
    targets: Sequences
    live: BoolArray
    name: str = field(default="exact distance")
    decides: bool = True
    optional: bool = False

    def rank(self, queries: Queries, before: Ranked | None, keep: Keep) -> Ranked:
        """See `Stage.rank`. Where the budget says so a list ends early, or the stage before counts in the order."""
        budget = keep.budget
        if before is None:
            allowed, within, progress = keep.allowed, keep.within, keep.progress
            found, pruning = self.lossless.neighbours(
                queries.sequences, keep.count, allowed=allowed, within=within, progress=progress
            )
            return Ranked(found.rows, found.distances, pruning)
        if budget is not None and budget.weight:
            return self._weighed(queries.sequences, before, keep.count, budget.weight)
        if before.parts is not None:
            return self._of_parts(queries.sequences, before, keep.count, keep.within)
        stop = None if budget is None or budget.stop is None else budget.stop.bounds(before.scores)
        return self._verified(queries.sequences, before.rows, keep.count, stop)

    def _verified(self, queries: Sequences, rows: IntArray, count: int, stop: DoubleArray | None) -> Ranked:
        """The best of candidates, (Q, C) rows."""
        parts = [] if len(rows) else [Neighbours.none(0, count)]
        for part, targets, met, places in gathered(self.targets, rows):
            bounds = None if stop is None else stop[part]
            asked = queries if len(places) == len(queries) else queries[part]
            found = self.distance.rerank(asked, targets, places, count, stop=bounds)
            parts.append(Neighbours(original(found.rows, met), found.distances))
        best = joined(parts)
        return Ranked(best.rows, best.distances)

    def _of_parts(self, queries: Sequences, before: Ranked, count: int, within: DoubleArray | None) -> Ranked:
        """The best of candidates, and of those that they lead to, by the stretches where the query is expected; the
        best of these are then compared as a whole, so that the distances are those of all of each row, wherever it is
        nearest."""
        from .parts import nearest_by_parts, nearest_wholly

        assert isinstance(self.distance, WindowedDistance)
        leading, packed_targets = _leading(before, count), self._as_packed
        best, compared = nearest_by_parts(self.distance, queries, packed_targets, self.live, before, leading, within)
        some = Neighbours(best.rows[:, : count + SPARE], best.distances[:, : count + SPARE])
        found = nearest_wholly(self.distance, queries, self._as_packed, some, count)
        return Ranked(found.rows, found.distances, compared=compared)

    def _weighed(self, queries: Sequences, before: Ranked, count: int, weight: float) -> Ranked:
        """In the order of distances plus `weight` times the scores of the stage before."""
        exact = self.distances(queries, before.rows)
        with np.errstate(invalid="ignore"):
            mixed = np.where(np.isfinite(exact), exact + weight * before.scores, np.inf)
        order = np.argsort(mixed, axis=1, kind="stable")[:, :count]
        return Ranked(np.take_along_axis(before.rows, order, axis=1), np.take_along_axis(exact, order, axis=1))

    def compared(self, queries: Sequences, before: Ranked, count: int) -> IntArray:
        """(Q, C) rows, -1 padded, that `rank` compares for the best `count`: those that came, and what they lead to."""
        if before.parts is None:
            return before.rows
        from .parts import compared_by_parts

        assert isinstance(self.distance, WindowedDistance)
        leading = _leading(before, count)
        return compared_by_parts(self.distance, queries, self._as_packed, self.live, before, leading)

    def most_identical(self, queries: Sequences, rows: IntArray, k: int, coverage: float) -> Identical:
        """Of candidates, (Q, C) rows, the k of the highest identity that cover at least so much of the shorter one."""
        parts = [Identical.of(rows, rows.astype(float), rows.astype(float), k)] if not len(rows) else []
        for part, targets, met, places in gathered(self.targets, rows):
            asked = queries[part]
            found = self.distance.most_identical(asked, targets, places, k, coverage)
            if found is None:
                found = by_paths(self.distance, asked, targets, places, k, coverage)
            parts.append(replace(found, rows=original(found.rows, met)))
        rows, distances, identities = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "distances", "identities")
        )
        return Identical(rows, distances, identities)

    def distances(self, queries: Sequences, rows: IntArray, cutoffs: DoubleArray | None = None) -> DoubleArray:
        """(Q, C) exact distances of rows, inf for -1; those above a query's cutoff, (Q,), may be inf."""
        out = np.full(rows.shape, np.inf)
        there = rows >= 0
        owners = np.nonzero(there)[0]
        out[there] = self.pairs(queries, owners, rows[there], None if cutoffs is None else cutoffs[owners])
        return out

    def pairs(
        self, queries: Sequences, owners: IntArray, rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) exact distances of queries[owners[i]] to the row rows[i]; those above their cutoff, (m,), may be inf."""
        out = np.empty(len(rows))
        for part, targets, _, places in gathered(self.targets, rows[:, None]):
            limits = None if cutoffs is None else cutoffs[part]
            out[part] = self.distance.pairs(queries, owners[part], targets, places[:, 0], limits)
        return out

    @cached_property
    def _as_packed(self) -> Sequences:
        """The targets with their letters packed, where these are such as can be."""
        packable = self.targets.resident and is_packable(self.targets.alphabet)
        return packed(self.targets) if packable else self.targets

    @cached_property
    def lossless(self) -> Lossless:
        """The search by proof, which keeps what it has made ready."""
        return Lossless(self.distance, self.targets, self.live)

    def cost(self, queries: Sequences, truth: Neighbours) -> float:
        """The mean of `costs`."""
        return float(self.costs(queries.lengths, truth).mean())

    def costs(self, lengths: IntArray, truth: Neighbours) -> DoubleArray:
        """(Q,) of a comparison with each query, by its length and by how far its tenth neighbour is: those of far ones
        take many times as long as those of near ones."""
        near = truth.distances[:, :_USUAL_K]
        reach = np.where(np.isfinite(near), near, 0.0).max(axis=1, initial=0.0).tolist()
        each = (self.distance.verification_cost(lengths[q : q + 1], far) for q, far in enumerate(reach))
        return np.fromiter(each, np.float64, len(lengths))


def _first(rows: IntArray, scores: AnyArray, count: int) -> Ranked:
    """The best `count` of (Q, C) candidates, in order."""
    if count < rows.shape[1]:
        best = np.argpartition(scores, count - 1, axis=1)[:, :count]
        rows, scores = np.take_along_axis(rows, best, axis=1), np.take_along_axis(scores, best, axis=1)
    order = np.argsort(scores, axis=1, kind="stable")
    return Ranked(np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1))


def _leading(before: Ranked, count: int) -> int:
    """How many of the nearest lead on to their relatives, where `count` are wanted."""
    from .parts import NARROWER, WIDE

    return max(count, WIDE, int(before.rows.shape[1]) // NARROWER) + SPARE
