"""Measuring the curve of recall over budgets: at build on sequences kept out, later on members or given queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ann import CandidateIndex
from ..arrays import BoolArray, DoubleArray, IntArray
from ..distances import Distance, Neighbours
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .budget import Budget, Group, Point
from .calibration import USUAL, Calibration
from .curves import LOST_MORE, Bounds, worthwhile
from .ladders import MANY, Ladder, ladder_of
from .measuring import DIVIDING, Reordering, measure, measured_whole
from .outcomes import CALIBRATED_K
from .pipeline import Pipeline, Queries, Stage, Trace, joined
from .proposals import Proposals
from .stages import Exact, Propose, ProposeParts, ProposeShared, Reorder
from .strangers import Removed, Strangers, grouped

PROVING, QUERIES = 5.0, (500, 2000)  # shares of the loss allowed that a calibration has queries for; at least, at most
DEAR = 5e10  # cells of a comparison of one query with everything, from which on fewer are asked for
PROVING_DEAR, PER_SHARE = 2.0, 20_000
"""Shares at least where they are dear, and rows of an index for each: what a large one takes to build, it may take."""
AHEAD = 8  # candidates a neighbour, the first of which, by their order, tell how far the last neighbour is at most
FEWEST_TO_LEAVE_OUT = 1000  # sequences below which members are not asked as well
MIXED = 100  # queries by whose candidates two orders are weighed
PARTS_K = (1, 10)
"""Of a distance to parts, for which more neighbours are dear to know."""
BANDED = 0.5  # of the cost of a comparison, where a part is looked for in a band


def calibrate(
    pipeline: Pipeline,
    queries: Sequences | Queries,
    target: float,
    *,
    allowed: BoolArray | None = None,
    exclude: IntArray | None = None,
    progress: Progress = SILENT,
) -> Calibration:
    """Measure the recall of every budget on `queries` against exact truth over the `allowed` rows (all live ones).

    `exclude`, (Q,): the row each query is itself, when the queries are members: it counts neither as a neighbour nor as
    a candidate. An index of one sequence has no other to be found, so nothing is measured.
    """
    queries = Queries.of(queries)
    size = int((pipeline.live if allowed is None else allowed).sum())
    others = size - (exclude is not None)
    if not len(queries) or others < 1:
        return Calibration(target, 0, size)
    first, last = pipeline.stages[0], pipeline.stages[-1]
    assert isinstance(first, Propose | ProposeParts | ProposeShared)
    assert isinstance(last, Exact)
    whole = isinstance(first, Propose)
    ks = tuple(k for k in (CALIBRATED_K if whole else PARTS_K) if k <= others) or (1,)
    few, lost = is_dear(queries.sequences.lengths, others, last.distance), counted(last.distance)
    removed = Removed.sizes(len(queries), others, max(ks), dear=few) if whole else None
    pipeline, reorder = _in_order(pipeline, queries, allowed, exclude) if whole else (pipeline, None)

    def nearest(who: IntArray, count: int) -> Neighbours:
        own, some = None if exclude is None else exclude[who], queries[who]
        near, wide = None, None
        if few and whole:
            wide = _enough_to_bound(first, others, count, ordered=reorder is not None)
        if wide is not None:  # nobody has to be farther than so many candidates are
            near = pipeline.staged(some, count, wide, allowed=allowed, exclude=own)
        return pipeline.neighbours(some, count, None, allowed=allowed, exclude=own, near=near, progress=progress)

    everyone = np.arange(len(queries))
    known = nearest(everyone, max(ks)) if removed is None else removed.nearest(nearest, max(ks))
    truth = Neighbours(known.rows[:, : max(ks)], known.distances[:, : max(ks)])
    strange = Strangers.of(known, removed, max(ks))
    asked, sequences = queries, queries.sequences

    def verify(who: IntArray, rows: IntArray, cutoffs: DoubleArray) -> DoubleArray:
        return last.pairs(sequences, who if strange is None else strange.owners[who], rows, cutoffs)

    budgets = ladder_of(first, others, wider=True)
    largest = max(budget.candidates for budget in budgets)
    proposals = Proposals(pipeline, queries, exclude, strange, largest)

    def search(budget: Budget) -> tuple[Neighbours, float]:
        trace = Trace()
        found = pipeline.staged(asked, max(ks), budget, allowed=allowed, exclude=exclude, trace=trace)
        return found, trace[last.name].compared / len(asked)

    cost = last.cost(sequences, truth) * (BANDED if isinstance(first, ProposeParts) else 1.0)
    costs = (cost,) if reorder is None else (reorder.cost(sequences, truth), cost)
    by_proof = last.distance.exhaustive_cost(sequences.lengths, others, cost)

    def curve(points: list[Point]) -> tuple[Point, ...]:
        if not isinstance(first, ProposeShared):
            points = [_with_cost(point, first.index) for point in points]
        return tuple(worthwhile(points, costs))

    def is_far(who: IntArray) -> bool:
        return bool(lost > 1 and 2 * np.count_nonzero(who >= len(queries)) >= len(who))

    interval, ordered, groups = None, None, list[Group]()
    with progress.task("calibrating", len(budgets)) as task:
        ladder = Ladder(budgets)
        if whole:
            every, owners = truth, everyone
            if strange is not None:
                every, owners = joined([truth, strange.truth]), strange.owners
            ordering = (
                None if reorder is None else Reordering(reorder, sequences if strange is None else sequences[owners])
            )
            beside = None if allowed is not None else Neighbours(known.rows[owners], known.distances[owners])
            measured = measure(
                every, proposals.of, verify, ladder, ks, task, known=beside, usual=len(queries), ordering=ordering
            )
            dear = last.costs(sequences.lengths[owners], every)
            points = curve(measured.points(everyone, None, dear))
            interval, ordered = measured.interval, measured.ordered
            for members in [] if strange is None else grouped(measured.first, target, lost):
                own = curve(measured.points(members.who, Bounds.of(members, is_far), dear))
                groups.append(Group(members.reach, len(members.who), own, members.united, DIVIDING))
        elif isinstance(first, ProposeShared):
            measured = measure(truth, proposals.of, verify, ladder, ks, task, may_stop=False)
            points = curve(measured.points(everyone))
        else:
            points = curve(measured_whole(truth, search, ladder, ks, task))
    return Calibration(
        target,
        len(queries),
        size,
        points,
        costs,
        interval,
        by_proof,
        float(np.quantile(truth.distances[:, 0], USUAL, method="higher")),
        groups=tuple(groups),
        mixing=None if reorder is None else reorder.mixing,
        ordered=ordered,
    )


def _in_order(
    pipeline: Pipeline, queries: Queries, allowed: BoolArray | None, exclude: IntArray | None
) -> tuple[Pipeline, Reorder | None]:
    """The stages with that which puts candidates in order told, by some of the queries, how much of that is its own;
    and that one, None where nothing does."""
    reorder = next((stage for stage in pipeline.stages if isinstance(stage, Reorder)), None)
    budgets = ladder_of(pipeline.stages[0], pipeline.size)
    if reorder is None or not len(budgets):
        return pipeline, None
    some = np.arange(min(len(queries), MIXED))
    budget = next((budget for budget in budgets if budget.candidates >= MANY), budgets[-1])
    asked, own = queries[some], None if exclude is None else exclude[some]
    fitted = reorder.fitted(asked, pipeline.proposed(asked, budget, allowed, own))
    stages = tuple(fitted if stage is reorder else stage for stage in pipeline.stages)
    return replace(pipeline, stages=stages), fitted if fitted.orders else None


def _enough_to_bound(first: Stage, others: int, count: int, *, ordered: bool) -> Budget | None:
    """A budget that finds about as many candidates as neighbours are wanted; None where there are no more. Where they
    are `ordered`, it compares the first of many."""
    most = count * (AHEAD if ordered else 1)
    wide = next((budget for budget in ladder_of(first, others) if budget.candidates >= most), None)
    return replace(wide, kept=(count + count // 4,)) if wide is not None and ordered else wide


def is_dear(lengths: IntArray, others: int, distance: Distance) -> bool:
    """Whether the nearest of a query are dear to know: where queries of these lengths, (m,), are compared with so many
    `others` of like lengths. By a rule of the data, so that one seed gives one index."""
    cells = others * float(np.mean(np.square(lengths.astype(np.float64)))) if len(lengths) else 0.0
    return distance.kind == "tokens" and not distance.partial and cells > DEAR


def counted(distance: Distance | None) -> float:
    """How often what far queries lose counts: see `LOST_MORE`."""
    return LOST_MORE if distance is not None and distance.kind == "series" and not distance.partial else 1.0


def enough_queries(recall: float, size: int = 0, *, dear: bool = False, lost: float = 1.0) -> int:
    """How many queries a calibration for a recall needs: a fifth of the loss allowed is what one more would prove; half
    of it where they are `dear` in an index of few rows, of `size` in all. `lost`: how often what far ones lose counts.
    """
    shares = float(np.clip(size / PER_SHARE, PROVING_DEAR, PROVING)) if dear else PROVING
    least, most = QUERIES
    return int(np.clip(np.ceil(shares * lost / max(1 - recall, 1e-9)), round(least * shares / PROVING), most))


def left_out(known: BoolArray, held: int, enough: int, rng: np.random.Generator) -> IntArray:
    """Members to be asked for their others beside the `held` queries that were kept out of the index, where these are
    fewer than `enough`: (m,) rows of the `known` ones, (rows,), ascending. None of a tiny set, where comparing with all
    is cheap.
    """
    rows = np.flatnonzero(known)
    more = min(enough - held, len(rows))
    if len(rows) + held < FEWEST_TO_LEAVE_OUT or more < 1:
        return np.zeros(0, np.int64)
    return np.sort(rng.choice(rows, more, replace=False)).astype(np.int64)


def members(live: BoolArray, most: int, seed: int) -> IntArray:
    """The rows, ascending, of up to `most` random members to be asked for their others."""
    rows = np.flatnonzero(live)
    rng = np.random.default_rng(seed)
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def held_out(size: int, most: int, rng: np.random.Generator) -> IntArray:
    """Rows to take out as calibration queries: a twentieth of the data, at most `most`, none of a tiny set."""
    if size < 40 or most < 1:
        return np.zeros(0, np.int64)
    return np.sort(rng.choice(size, min(most, max(20, size // 20)), replace=False)).astype(np.int64)


def _with_cost(point: Point, index: CandidateIndex) -> Point:
    """With what it costs to propose, where the effort is not that of a graph."""
    if point.lists is None:
        return point
    return replace(point, proposing=round(index.effort_cost(point.candidates, point.lists), 2))
