from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqsearch as ss
from seqsearch import SequenceIndex
from seqsearch.ann import CandidateIndex
from seqsearch.arrays import IntArray
from seqsearch.cli.main import run
from seqsearch.distances import DTWDistance, EditDistance, InfixDTW, Neighbours, recall_at
from seqsearch.errors import ParameterError
from seqsearch.search.budget import Budget, Group, Grouped, Point, controlled
from seqsearch.search.calibration import Calibration
from seqsearch.search.calibrator import counted, enough_queries, is_dear, left_out
from seqsearch.search.curves import Bounds, far_series_bounds, group_bounds, lower_bound
from seqsearch.search.guarantees import weakest
from seqsearch.search.pipeline import Pipeline, Queries
from seqsearch.search.proposals import Proposals
from seqsearch.search.state import State
from seqsearch.search.strangers import Removed, Strangers, grouped
from seqsearch.search.wanted import Wanted
from seqsearch.sequences import Sequences
from tests.families import families

STORED = families(90, 12, 30)
ASKED = families(90, 1, 30, seed=5, prefix="q")  # of other ancestors: strangers


FEW = 150  # queries that calibrations of these tests have, so that they are quick


@pytest.fixture(scope="module", params=["exact", "hnsw", "ivf", "hamming"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SequenceIndex]:
    bits = 64 if request.param == "hamming" else None
    path = tmp_path_factory.mktemp("guarantees") / f"{request.param}.ss"
    kind = "auto" if bits else request.param
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("seqsearch.search.calibrator.QUERIES", (FEW, 2000))
        made = SequenceIndex.build(path, STORED, encoder="kmer", dim=64, index=kind, bits=bits, recall=0.9)
    with made as built:
        yield built


# -- conformal risk control -------------------------------------------------------------------------------------------


def curve_of(losses: np.ndarray) -> tuple[Point, ...]:
    """The points of (n, B) losses of n queries under budgets that cost more and more."""
    means = 1 - losses.mean(axis=0)
    bounds = [controlled(float(mean), len(losses)) for mean in means]
    both = zip(means.tolist(), bounds, strict=True)
    return tuple(Point(10, 10 * (b + 1), None, mean, bound) for b, (mean, bound) in enumerate(both))


@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("queries", [60, 200])
def test_the_expected_loss_of_exchangeable_queries_is_at_most_what_was_asked(alpha: float, queries: int) -> None:
    rng, delivered = np.random.default_rng(0), []
    for _ in range(400):
        hardness = rng.exponential(size=(queries + 50, 1))
        losses = np.clip(np.exp(-np.arange(12) / (0.5 + hardness)) - 0.05, 0, 1)  # monotone in the budget
        group = Group(1.0, queries, curve_of(losses[:queries]))
        chosen = Calibration(0.9, queries, 10**9, groups=(group,)).choose_by_groups(1 - alpha, 10, 10**9)
        delivered.append(0.0 if chosen is None else losses[queries:, chosen.candidates // 10 - 1].mean())
    error = np.std(delivered) / np.sqrt(len(delivered))
    assert np.mean(delivered) <= alpha + 3 * error
    assert np.mean(delivered) > 0, "it is no comparison with everything"


@given(st.floats(0, 1, allow_subnormal=False), st.integers(1, 10**6))
def test_the_controlled_recall_is_that_of_the_paper(recall: float, queries: int) -> None:
    loss = queries / (queries + 1) * (1 - recall) + 1 / (queries + 1)
    assert controlled(recall, queries) == pytest.approx(1 - loss, abs=1e-12)
    assert controlled(recall, queries) <= recall
    assert controlled(recall, queries) <= controlled(recall, queries + 1)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=300))
def test_a_group_is_bound_by_both(tenths: list[int]) -> None:
    each = np.array(tenths) / 10
    both = np.stack([each, np.ones(len(each))])
    assert group_bounds(both)[0] <= controlled(each.mean(), len(each)) + 1e-12
    assert lower_bound(each) - 1e-12 <= lower_bound(each, 1.0) <= each.mean() + 1e-12
    assert group_bounds(both)[0] <= lower_bound(each, 1.0) + 1e-12
    assert group_bounds(np.ones((1, 199))) == pytest.approx(0.995)
    assert (far_series_bounds(both) == 1 - 1.5 * (1 - group_bounds(both))).all()


def test_no_part_of_several_groups_pays_for_another() -> None:
    """All queries of some groups prove a recall together, which each of the groups has by itself as well."""
    first = np.arange(900.0)
    members = next(each for each in grouped(first, 0.99) if each.united == 4 and each.reach == first[-1])
    assert [len(part) for part in members.parts] == [225, 225, 225], "the farthest few are no part by themselves"
    each = np.ones((2, len(members.who)))
    each[0, -225:] = 0.9  # of which a fourth of the queries pays for the farthest
    each[1, ::9] = 0.95
    bounds = Bounds.of(members, lambda who: False)
    assert (bounds.lower(each) == group_bounds(each)).all()
    assert bounds.least(each) == pytest.approx([0.9, each[1].reshape(3, -1).mean(axis=1).min()])
    far = Bounds.of(members, lambda who: bool((who >= 675).all()))
    assert far.least(each)[0] == pytest.approx(1 - 1.5 * 0.1), "what far series lose counts more"
    assert (Bounds.of(grouped(first, 0.99)[0], lambda who: True).lower(each) == far_series_bounds(each)).all()
    assert np.isinf(Bounds().least(each)).all()


def test_five_hundred_queries_that_find_everything_prove_995() -> None:
    point = Point(10, 100, 100, 1.0, 0.9946)
    curve = Calibration(0.99, 500, 10**6, (point,))
    assert curve.choose(0.99, 10)[0] == Budget(100, 100)
    assert curve.choose(0.995, 10)[0] == Budget(100, 100), "Wilson's bound alone would not"
    assert curve.choose(0.999, 10)[0] is None
    surer, dearer = Point(10, 200, 200, 1.0, 0.9951), Point(10, 201, 201, 1.0, 0.9951)
    assert replace(curve, points=(point, surer)).choose(0.995, 10)[0] == Budget(200, 200), "Wilson's where it can"
    assert replace(curve, points=(point, dearer)).choose(0.995, 10)[0] == Budget(100, 100), "unless it is too dear"


def test_the_farthest_are_apart_or_together_whichever_is_cheaper() -> None:
    easy = (Point(10, 20, None, 0.999, 0.991), Point(10, 100, None, 1.0, 0.995))
    alone = (Point(10, 100, None, 1.0, 0.98),)
    groups = (
        Group(1.0, 200, easy),
        Group(2.0, 150, easy),
        Group(3.0, 50, alone),
        Group(3.0, 200, (Point(10, 60, None, 0.999, 0.992),), united=2),
    )
    curve = Calibration(0.9, 99, 1000, easy, groups=groups, exact_cost=1000.0)
    together = curve.choose_by_groups(0.99, 10, 1000)
    assert together == Budget(20, groups=Grouped((1.0, 2.0, 3.0), (Budget(20), Budget(60), Budget(60), None)))
    apart = replace(curve, exact_cost=250.0).choose_by_groups(0.99, 10, 1000)
    assert apart == Budget(20, groups=Grouped((1.0, 2.0, 3.0), (Budget(20), Budget(20), None, None)))
    document = json.loads(json.dumps(curve.to_json()))
    assert Calibration.from_json(document) == curve
    document["groups"][3] = {**document["groups"][3], "together": True}  # as of before, when two could be one
    del document["groups"][3]["united"]
    assert Calibration.from_json(document) == curve


def test_as_many_queries_as_the_recall_needs() -> None:
    assert [enough_queries(r) for r in (0.5, 0.99, 0.995, 0.999, 1.0)] == [500, 500, 1000, 2000, 2000]
    assert [enough_queries(r, dear=True) for r in (0.5, 0.99, 0.995, 0.999, 1.0)] == [200, 200, 400, 2000, 2000]
    assert [enough_queries(0.99, n, dear=True) for n in (10_000, 60_000, 10**6)] == [200, 300, 500]
    assert [enough_queries(0.99, n) for n in (10, 10**6)] == [500, 500]
    assert [enough_queries(r, lost=1.5) for r in (0.5, 0.99, 0.999)] == [500, 750, 2000]
    assert [counted(each) for each in (DTWDistance(), InfixDTW(), EditDistance(), None)] == [1.5, 1, 1, 1]
    genes, names = np.full(10, 2900), np.full(10, 12)
    assert is_dear(genes, 9169, EditDistance())
    assert not is_dear(genes, 5000, EditDistance())
    assert not is_dear(names, 10**6, EditDistance())
    assert not is_dear(genes, 10**6, DTWDistance()), "its bounds spare nearly all of them"
    for recall in (0.9, 0.99, 0.995):  # queries that find everything prove it, in each of two groups
        assert group_bounds(np.ones((1, enough_queries(recall, dear=True)))) >= recall
    rng, known = np.random.default_rng(0), np.ones(2000, np.bool_)
    known[:100] = False
    drawn = left_out(known, 100, 500, rng)
    assert len(np.unique(drawn)) == 400
    assert len(left_out(known, 100, 200, rng)) == 100
    assert drawn.min() >= 100
    assert not len(left_out(known, 500, 500, rng)), "enough are held out"
    assert not len(left_out(np.ones(900, np.bool_), 45, 500, rng)), "so few are compared with everything"


def test_a_small_index_proves_its_recall_on_members_left_out(index: SequenceIndex) -> None:
    assert index.calibration.queries == FEW
    assert index.calibration.size == len(STORED)


# -- groups -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 9), min_size=1, max_size=400), st.integers(0, 5), st.sampled_from([0.5, 0.99]))
def test_every_query_with_a_candidate_is_in_one_group(scores: list[float], without: int, target: float) -> None:
    first = np.array(scores + [np.inf] * without)
    groups = [(each.reach, each.who) for each in grouped(first, target) if each.united == 1]
    assert np.array_equal(np.sort(np.concatenate([who for _, who in groups])), np.flatnonzero(np.isfinite(first)))
    reaches = [reach for reach, _ in groups]
    assert reaches == sorted(set(reaches))
    assert reaches[-1] == max(scores)
    before = -np.inf
    for reach, who in groups:
        assert ((first[who] > before) & (first[who] <= reach)).all()
        before = reach
    placed = Grouped(tuple(reaches), (None,) * (len(reaches) + 1)).of(first[:, None])
    assert all((placed[who] == number).all() for number, (_, who) in enumerate(groups))
    assert (placed[~np.isfinite(first)] == len(groups)).all(), "beyond all that was measured"
    assert grouped(np.full(3, np.inf), 0.9) == []
    many = np.arange(900.0)
    assert [len(each.who) for each in grouped(many, 0.99)] == [
        225,
        225,
        225,
        180,
        45,
        450,
        675,
        855,
        225,
        450,
        675,
        900,
    ]
    assert [len(each.who) for each in grouped(many, 0.99, 1.5)] == [300, 300, 255, 45, 600, 855, 300, 600, 900], (
        "what counts more needs more"
    )


def test_strangers_are_asked_for_what_is_left(index: SequenceIndex) -> None:
    own = np.arange(0, 1080, 36)
    matrix = EditDistance().matrix(STORED[own], STORED)
    with index.state() as state:
        matrix[:, ~state.live] = np.inf
        matrix[np.arange(len(own)), own] = np.inf
        removed = Removed.sizes(len(own), 1079, 10)
        assert removed is not None
        queries = state.members(own)
        known = state.neighbours(queries, 10 + removed.most, None, exclude=own)
        strange = Strangers.of(known, removed, 10)
        assert strange is not None
        assert len(strange.who) > 10
        proposals = Proposals(state.pipeline, queries, own, strange, 1079)
        everything = proposals.of(Budget(1079, 1079, lists=10**6)).rows[len(own) :]
        few = proposals.of(Budget(20, 300, lists=10**6)).rows[len(own) :]
    for place, who in enumerate(strange.owners[len(own) :].tolist()):
        distances = matrix[who]
        radius = np.sort(distances)[removed.counts[who] - 1]
        left = np.where(distances > radius, distances, np.inf)
        assert strange.truth.distances[place].tolist() == np.sort(left)[:10].tolist()
        proposed = everything[place][everything[place] >= 0]
        assert np.array_equal(np.sort(proposed), np.flatnonzero(np.isfinite(left)))
        assert np.isfinite(left[few[place]]).all()
        assert len(np.unique(few[place])) == 20
    assert Removed.sizes(5, 9, 1) is None, "nothing can be spared"


def test_the_nearest_are_known_as_deep_as_each_query_needs(index: SequenceIndex) -> None:
    own = np.arange(0, 1080, 24)
    removed = Removed.sizes(len(own), 1079, 10)
    assert removed is not None
    asked: list[int] = []
    with index.state() as state:
        queries = state.members(own)

        def search(who: IntArray, count: int) -> Neighbours:
            asked.append(count)
            return state.neighbours(queries[who], count, None, exclude=own[who])

        known = removed.nearest(search, 10)
        whole = state.neighbours(queries, 10 + removed.most, None, exclude=own)
    assert len(asked) == 5, "and those again of which many are as near"
    assert asked[4] == max(asked) == 10 + removed.most
    deep = (known.rows >= 0).sum(axis=1)
    assert (deep >= 10 + removed.counts).all()
    assert deep.mean() < 0.8 * whole.k
    for line, count in enumerate(deep.tolist()):
        assert known.rows[line, :count].tolist() == whole.rows[line, :count].tolist()
        assert known.distances[line, :count].tolist() == whole.distances[line, :count].tolist()
        assert (known.distances[line, count:] == whole.distances[line, count - 1]).all(), "known up to there"
    some, all_of_them = Strangers.of(known, removed, 10), Strangers.of(whole, removed, 10)
    assert some is not None
    assert all_of_them is not None
    assert some.who.tolist() == all_of_them.who.tolist()
    assert some.truth.rows.tolist() == all_of_them.truth.rows.tolist()
    assert some.removed.tolist() == all_of_them.removed.tolist()


def test_one_wide_search_proposes_what_many_would(index: SequenceIndex) -> None:
    own = np.concatenate([np.arange(0, 1080, 45), [-1, -1]])  # of members, and of queries that are none
    with index.state() as state:
        pipeline = state.pipeline
        queries = Queries(Sequences.concatenate([STORED[own[:-2]], ASKED[:2]]))
        known = state.neighbours(queries, 60, None, exclude=own)
        strange = Strangers.of(known, Removed.sizes(len(own), 1079, 10), 10)
        assert strange is not None
        proposals = Proposals(pipeline, queries, own, strange, 400)
        for lists, count in itertools.product((1, 2, 4), (10, 40, 100, 150, 400)):
            budget = Budget.of(count, index_of(state).effort, lists if index_of(state).effort == "lists" else 4 * count)
            found, alone = proposals.of(budget), pipeline.proposed(queries, budget, exclude=own)
            np.testing.assert_array_equal(found.scores[: len(own)], alone.scores)
            assert (found.rows[: len(own)] >= 0).all(), "a search looks on until it finds so many"
            wider = replace(budget, candidates=count + strange.most, ef=budget.ef and budget.ef + strange.most)
            left = strange.left(pipeline.proposed(queries[strange.who], wider, exclude=own[strange.who]))
            if index_of(state).effort != "lists":  # of lists, these few more may lead to others
                np.testing.assert_array_equal(found.scores[len(own) :], left.scores[:, :count])
            assert (found.rows[len(own) :] >= 0).all()


def index_of(state: State) -> CandidateIndex:
    assert state.candidates is not None
    return state.candidates


def test_each_group_is_searched_within_its_own_budget(index: SequenceIndex) -> None:
    queries = Queries(Sequences.concatenate([STORED[:40], ASKED]))
    with index.state() as state:
        pipeline = state.pipeline
        first = pipeline.proposed(queries, Budget(12, 40, lists=4)).scores[:, 0]
        low, high = np.quantile(first, [0.3, 0.6]).tolist()
        near, far = Budget(12, 40, lists=4), Budget(40, 80, lists=8)
        asked = replace(near, groups=Grouped((low, high), (near, far, None)))
        found = pipeline.neighbours(queries, 5, asked)
        alone = [pipeline.neighbours(queries[q : q + 1], 5, asked) for q in range(len(queries))]
        for q in range(len(queries)):
            budget = near if first[q] <= low else far if first[q] <= high else None
            expected = pipeline.neighbours(queries[q : q + 1], 5, budget)
            assert found.rows[q].tolist() == expected.rows[0].tolist() == alone[q].rows[0].tolist()
            assert found.distances[q].tolist() == expected.distances[0].tolist()
            assert found.proved[q] == alone[q].proved[0] == (budget is None)
    assert 0 < found.proved.sum() < len(queries)


def test_batches_and_members_that_are_left_out(index: SequenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    own = np.arange(0, 200, 3)
    with index.state() as state:
        first = state.pipeline.proposed(state.members(own), Budget(12, 40, lists=4), exclude=own).scores[:, 0]
        near, reach = Budget(12, 40, lists=4), float(np.median(first))
        asked = replace(near, groups=Grouped((reach,), (near, None)))
        at_once = state.neighbours(state.members(own), 5, asked, exclude=own)
        monkeypatch.setattr("seqsearch.search.pipeline.QUERY_BATCH", 7)
        parts = state.neighbours(state.members(own), 5, asked, exclude=own)
    assert np.array_equal(at_once.rows, parts.rows)
    assert np.array_equal(at_once.proved, parts.proved)
    assert np.array_equal(at_once.proved, first > reach)
    assert not (at_once.rows == own[:, None]).any()


def test_strangers_get_the_recall_that_they_ask_for(index: SequenceIndex) -> None:
    found = index.search(ASKED, k=10, recall=0.9)
    truth = index.search(ASKED, k=10, exact=True)
    assert recall_at(found.distances, truth.distances, 10).mean() >= 0.89


def test_the_budget_of_each_group_is_the_cheapest_that_reaches_it() -> None:
    points = tuple(Point(10, n, None, recall, recall - 0.005) for n, recall in ((10, 0.9), (20, 0.96), (40, 1.0)))
    unsure = tuple(replace(point, lower=0.9 * point.recall) for point in points)
    groups = (Group(1.0, 999, points), Group(2.0, 999, points[:2]), Group(3.0, 9, unsure))
    curve = Calibration(0.9, 99, 1000, points, groups=groups, exact_cost=75.0)
    chosen = curve.choose_by_groups(0.95, 10, 1000)
    assert chosen == Budget(20, groups=Grouped((1.0, 2.0, 3.0), (Budget(20), Budget(20), None, None)))
    hard = curve.choose_by_groups(0.99, 10, 1000)
    assert hard is None, "by proof where that is cheaper, or no budget is surely enough"
    assert curve.choose_by_groups(0.95, 20, 10**9).candidates == 40, "more neighbours, more candidates"  # type: ignore[union-attr]
    assert chosen.verified() == "20 candidates verified a query, all for the farthest"
    assert chosen is not None
    assert chosen.groups is not None
    assert chosen.groups.measured == pytest.approx((2 * 999 * 0.96 + 9) / (2 * 999 + 9))
    assert Wanted(0.95).budget(curve, None, 1000, 10).reason.endswith("; measured recall 0.9602 (asked 0.95)")
    assert Calibration.from_json(json.loads(json.dumps(curve.to_json()))) == curve


def test_a_stored_copy_does_not_make_a_query_near(index: SequenceIndex) -> None:
    """Members are asked as they stand: their own copy is at 0, their neighbours are where they were without it."""
    calibration = index.calibration
    assert {group.rank for group in calibration.groups} == {10}
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration
    queries = STORED[::9]
    found, truth = index.search(queries, k=10, recall=0.9), index.search(queries, k=10, exact=True)
    assert (truth.distances[:, 0] == 0).all()
    assert recall_at(found.distances, truth.distances, 10).mean() >= 0.89
    scores = np.array([[0.0, 5.0, 5.0], [1.0, 2.0, 9.0]])
    assert Grouped((1.5, 7.0), (None,) * 3, rank=3).of(scores).tolist() == [1, 2]
    assert Grouped((1.5, 7.0), (None,) * 3, rank=2).of(scores).tolist() == [1, 1]
    assert Grouped((1.5, 7.0), (None,) * 3, rank=99).of(scores).tolist() == [1, 2], "the last there is"
    assert Grouped((1.5, 7.0), (None,) * 3, rank=2).of(scores[:, :0]).tolist() == [2, 2]


def test_a_calibration_without_groups_is_marginal(tmp_path: Path) -> None:
    curve = Calibration(0.9, 99, 1000, (Point(10, 20, None, 0.99, 0.95),))
    assert "groups" not in curve.to_json()
    assert Wanted().budget(curve, None, 1000, 10).guarantee == "marginal"
    choice = Wanted(guarantee="group").budget(curve, None, 1000, 10)
    assert (choice.budget, choice.guarantee) == (None, "proved")
    assert (
        choice.reason
        == "compared with everything: the recall was not measured by groups of queries: seqsearch calibrate INDEX does"
    )


# -- what answers carry -----------------------------------------------------------------------------------------------


def test_every_answer_says_what_it_rests_on(index: SequenceIndex) -> None:
    assert set(index.search(ASKED, k=5).guarantee) <= {"proved", "group", "marginal"}
    assert set(index.search(ASKED, k=5, exact=True).guarantee) == {"proved"}
    proved = index.search(ASKED, k=5, guarantee="proved")
    assert set(proved.guarantee) == {"proved"}
    assert np.array_equal(proved.rows, index.search(ASKED, k=5, exact=True).rows)
    assert set(index.search(ASKED, k=5, candidates=20).guarantee) == {"none"}
    assert set(index.search(ASKED, k=5, candidates=10**5).guarantee) == {"proved"}
    assert set(index.within(ASKED, 12).guarantee) == {"proved"}
    few = index.search(ASKED[:3], k=2, guarantee="proved")
    assert [row["guarantee"] for row in few.to_dicts(["query", "guarantee"])] == ["proved"] * 6


def test_a_filter_was_not_there_when_the_recall_was_measured(index: SequenceIndex) -> None:
    some = [f"s{number}" for number in range(300)]
    assert set(index.search(ASKED, k=5, ids=some, recall=0.5, guarantee="marginal").guarantee) <= {"none", "proved"}
    assert set(index.search(ASKED, k=5, ids=some, guarantee="proved").guarantee) == {"proved"}


def test_novelty_and_references_say_it_too(index: SequenceIndex) -> None:
    proved = index.novelty(ASKED, sample=50, guarantee="proved")
    assert set(proved.guarantee) == {"proved"}
    assert proved[0].guarantee == "proved"
    exact = index.search(ASKED, k=1, exact=True)
    assert np.array_equal(proved.distances, exact.distances[:, 0])
    assert set(index.novelty(ASKED, sample=50, by="embedding", method="mean").guarantee) == {"none"}
    refs = ss.References(STORED[:50])
    assert set(refs.search(ASKED[:4], k=2).guarantee) == {"proved"}
    with pytest.raises(ParameterError, match="guarantee 'proved' is of exact distances, which mean by embedding does"):
        index.novelty(ASKED, by="embedding", method="mean", guarantee="proved")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"guarantee": "sure"}, "guarantee must be proved, group or marginal, not 'sure'"),
        (
            {"guarantee": "group", "candidates": 5},
            "guarantee 'group' and candidates exclude each other: ask for recall",
        ),
        ({"guarantee": "proved", "recall": 0.9}, "guarantee 'proved' finds everything: recall means nothing"),
        ({"guarantee": "group", "exact": True}, "guarantee 'group' and exact exclude each other: exact proves every"),
    ],
)
def test_what_cannot_be_asked_for(asked: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Wanted(**asked)  # type: ignore[arg-type]


def test_on_the_command_line(index: SequenceIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "q.fasta"
    file.write_text("".join(f">{one.id}\n{one.text}\n" for one in ASKED[:3]))

    def lines(*arguments: str) -> list[str]:
        capsys.readouterr()
        assert run(["search", index.path, str(file), "-k", "2", "-q", *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    objects = [json.loads(line) for line in lines("--format", "json", "--guarantee", "proved")]
    assert [found["guarantee"] for found in objects] == ["proved"] * 6
    assert lines("--columns", "query,guarantee", "--candidates", "5")[:2] == ["query\tguarantee", "q0\tnone"]
    assert "guarantee" not in lines()[0]
    assert run(["search", index.path, str(file), "--guarantee", "often"]) == 2
    assert "guarantee must be proved, group or marginal, not 'often'" in capsys.readouterr().err


def test_parts_rest_on_the_weakest() -> None:
    parts = [np.array(["proved", "group", "none"], object), np.array(["marginal", "proved", "proved"], object)]
    assert weakest(parts).tolist() == ["marginal", "group", "none"]


def test_a_pipeline_of_everything_proves(index: SequenceIndex) -> None:
    with index.state() as state:
        found = Pipeline(state.pipeline.stages, state.live).neighbours(Queries(ASKED), 3, None)
    assert found.proved.all()
