"""The budgets of groups, chosen together: what is proposed for all of them is proposed once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import SequenceIndex
from seqsearch.search.budget import Budget, Group, Grouped, Point
from seqsearch.search.calibration import Calibration
from seqsearch.search.group_choice import ALIKE, Chosen, GroupChoice, beside
from seqsearch.search.pipeline import Queries, Trace
from seqsearch.sequences import Sequences, as_sequences

COSTS = (0.5,)
POINTS = st.builds(
    lambda candidates, lists, lower, verified: Point(
        10,
        candidates,
        None,
        lower,
        lower,
        None,
        min(verified, candidates),
        lists=lists,
        proposing=20.0 * lists + candidates,
    ),
    st.integers(10, 200),
    st.sampled_from([1, 2, 8]),
    st.floats(0.8, 1.0),
    st.integers(10, 200),
)
GROUPS = st.lists(st.tuples(st.integers(1, 300), st.lists(POINTS, min_size=1, max_size=5)), min_size=1, max_size=4).map(
    lambda drawn: tuple(Group(float(at), size, tuple(points)) for at, (size, points) in enumerate(drawn))
)


def total(groups: tuple[Group, ...], chosen: Chosen, everything: float) -> float:
    """What all queries of a calibration cost."""
    each = zip(groups, chosen.points, strict=True)
    ways = [g.queries * (everything if point is None else beside(point, chosen.first, COSTS)) for g, point in each]
    return sum(g.queries for g in groups) * chosen.first.proposing_cost + sum(ways)


@settings(deadline=None, max_examples=200)
@given(GROUPS, st.floats(0.8, 0.99), st.sampled_from([150.0, 1000.0, np.inf]))
def test_no_other_way_is_much_cheaper(groups: tuple[Group, ...], recall: float, everything: float) -> None:
    best = GroupChoice(groups, recall, 10, COSTS, everything).best()
    enough = [[p for p in g.points if p.lower >= recall and p.cost(COSTS) <= everything] for g in groups]
    if best is None:
        assert not any(p.cost(COSTS) < everything for some in enough for p in some)
        return
    for point, some in zip(best.points, enough, strict=True):
        assert point is None or point in some
    for first in (point for some in enough for point in some):
        if any(first == min(some, key=lambda p: p.cost(COSTS)) for some in enough if some):  # as if chosen apart
            own = [min(some, key=lambda p: beside(p, first, COSTS), default=None) for some in enough]
            own = [None if p is None or beside(p, first, COSTS) >= everything else p for p in own]
            if any(own):
                other = total(groups, Chosen(first, tuple(own), 0.0), everything)
                assert total(groups, best, everything) <= ALIKE * other + 1e-9


def test_what_a_few_far_queries_need_is_proposed_to_all_where_that_is_cheaper_than_looking_again() -> None:
    near, far = (
        Point(10, n, None, 0.99, 0.98, None, lists=lists, proposing=p) for n, lists, p in ((20, 4, 90.0), (75, 4, 95.0))
    )
    groups = (Group(1.0, 90, (near, far)), Group(2.0, 10, (replace(near, lower=0.5), far)))
    curve = Calibration(0.95, 100, 10**6, groups=groups, costs=COSTS)
    shared = curve.choose_by_groups(0.95, 10, 10**6)
    assert shared == Budget(75, lists=4, groups=Grouped((1.0, 2.0), (Budget(20, lists=4), Budget(75, lists=4), None)))
    told = "the first 20 of 75 candidates of 4 lists verified a query, up to 75 for queries farther away"
    assert shared.verified() == f"{told}, all for the farthest"
    rare = replace(curve, groups=(groups[0], replace(groups[1], queries=2)))
    assert rare.choose_by_groups(0.95, 10, 10**6).candidates == 20  # type: ignore[union-attr]  # sooner looked for again


def test_nearest_groups_that_are_dearer_by_budget_are_compared_with_everything() -> None:
    point = Point(10, 50, None, 0.99, 0.98)
    groups = (Group(1.0, 10, (replace(point, lower=0.1),)), Group(2.0, 10, (point,)))
    chosen = Calibration(0.95, 20, 1000, groups=groups, costs=COSTS, exact_cost=900.0).choose_by_groups(0.95, 10, 1000)
    assert chosen == Budget(50, groups=Grouped((1.0, 2.0), (None, Budget(50), None)))
    assert Calibration(0.95, 20, 1000).choose_by_groups(0.95, 10, 1000) is None


def words(count: int, seed: int) -> Sequences:
    rng = np.random.default_rng(seed)
    roots = np.random.default_rng(0).integers(4, size=(40, 60))
    letters = np.where(
        rng.random((count, 60)) < 0.2, rng.integers(4, size=(count, 60)), roots[rng.integers(40, size=count)]
    )
    return as_sequences(["".join("ACGT"[code] for code in row) for row in letters], "dna")


@pytest.mark.parametrize("kind", ["exact", "hnsw", "ivf"])
def test_the_first_of_what_is_proposed_to_all_are_what_a_group_would_have_got(tmp_path: Path, kind: str) -> None:
    with SequenceIndex.build(tmp_path / "w.ss", words(900, 1), learn="none", index=kind, seed=0) as index:
        queries = Queries(words(60, 2))
        with index.state() as state:
            name = state.proposals.effort
            wide, narrow = (Budget.of(n, name, 128 if name == "ef" else 4) for n in (80, 20))
            scores = state.pipeline.proposed(queries, wide).scores
            reach = float(np.median(scores[:, 9]))
            groups = replace(wide, groups=Grouped((reach, np.inf), (narrow, wide, None), rank=10))
            trace = Trace()
            found = state.pipeline.staged(queries, 5, groups, trace=trace)
            assert trace["embedding"].queries == 60, "nothing is proposed again"
            assert trace["exact distance"].compared == 80 * 60 - 60 * (scores[:, 9] <= reach).sum()
            for at in range(0, 60, 7):  # one alone is answered as among others, and as within its own budget
                alone = state.pipeline.staged(queries[np.array([at])], 5, groups)
                assert alone.rows.tolist() == found.rows[at : at + 1].tolist()
                own = narrow if scores[at, 9] <= reach else wide
                assert state.pipeline.staged(queries[np.array([at])], 5, own).rows.tolist() == alone.rows.tolist()
