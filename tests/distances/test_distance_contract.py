"""What every distance in the table promises, held against plain definitions; one from outside is among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from alignment_oracle import alignment_oracle
from distance_oracles import COSTS, dtw_oracle, edit_oracle, family, matching_score, nearest_oracle, standardised, walks
from edit_oracles import damerau_oracle, indel_oracle, jaro_winkler_oracle, osa_oracle, weighted_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from own_distances import Endpoints, Letters, Overlap
from partial_oracles import infix_oracle, overlap_oracle, parts, warped_part_oracle
from toy_distance import Mismatches

from seqsearch import threads
from seqsearch.arrays import AnyArray
from seqsearch.distances import (
    DISTANCES,
    AlignmentDistance,
    CosineDistance,
    DamerauLevenshteinDistance,
    Distance,
    DTWDistance,
    EditDistance,
    EuclideanDistance,
    IndelDistance,
    InfixDistance,
    InfixDTW,
    InnerProductDistance,
    JaroWinklerDistance,
    MatchingDTW,
    Neighbours,
    OSADistance,
    OverlapDistance,
    WeightedEditDistance,
    distance_named,
    range_search,
    register,
    usual_distance,
)
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, TEXT, Alphabet, Sequences


@dataclass(frozen=True)
class Case:
    """A distance, how n sequences for it are drawn, and what it is by definition (None: only what follows from it)."""

    distance: Distance
    draw: Callable[[int, np.random.Generator], Sequences]
    oracle: Callable[[AnyArray, AnyArray], float] | None


def tokens(alphabet: Alphabet, longest: int) -> Callable[[int, np.random.Generator], Sequences]:
    return lambda n, rng: family(alphabet, n, longest, rng)


def series(features: int) -> Callable[[int, np.random.Generator], Sequences]:
    return lambda n, rng: walks(n, 19, features, rng)


def vectors(n: int, rng: np.random.Generator) -> Sequences:
    """Of whole numbers and of others, in clusters."""
    values = rng.normal(size=(n, 13)) + 3 * rng.integers(-1, 2, (n, 1))
    return Sequences.from_arrays(np.where(rng.random((n, 1)) < 0.3, np.round(values), values))


def cosine_of(x: AnyArray, y: AnyArray) -> float:
    return (x * y).sum() / (np.linalg.norm(x) * np.linalg.norm(y))


def mismatches(x: AnyArray, y: AnyArray, overhang: int) -> int:
    common = min(len(x), len(y))
    return sum(p != q for p, q in zip(x.tolist(), y.tolist(), strict=False)) + overhang * (len(x) + len(y) - 2 * common)


def warped(distance: DTWDistance) -> Callable[[AnyArray, AnyArray], float]:
    """The whole table; the band as a corridor around both corner diagonals."""

    def by_table(x: AnyArray, y: AnyArray) -> float:
        if distance.standardise:
            x, y = standardised(x), standardised(y)
        m, n = len(x), len(y)
        radius = m + n if distance.window is None else int(distance.window * min(m, n))
        low, high = -max(0, m - n) - radius, max(0, n - m) + radius
        found = dtw_oracle(x, y, COSTS[distance.local], lambda i, j: low <= j - i <= high)
        return np.sqrt(found) if distance.root else found

    return by_table


def dtw(features: int = 1, **form: object) -> Case:
    distance = DTWDistance(**form)
    return Case(distance, series(features), None if distance.slope else warped(distance))


def warped_part(features: int = 1, **form: object) -> Case:
    distance = InfixDTW(**form)

    def least(x: AnyArray, y: AnyArray) -> float:
        if distance.window is None:
            found = warped_part_oracle(np.array([[COSTS[distance.local](p, q) for q in y] for p in x], float))
            return np.sqrt(found) if distance.root else found
        whole = warped(DTWDistance(**form))
        return min(whole(x, y[begin:end]) for begin, end in parts(len(x), len(y), distance.window))

    return Case(distance, series(features), least)


def matching(features: int = 3, **form: object) -> Case:
    distance = MatchingDTW(**form)
    return Case(distance, series(features), lambda x, y: matching_score(distance, x, y)[0])


def aligned(alphabet: Alphabet, **form: object) -> Case:
    distance = AlignmentDistance(**form)
    return Case(distance, tokens(alphabet, 25), lambda x, y: alignment_oracle(distance, alphabet, x, y))


CASES = [
    Case(EditDistance(), tokens(DNA, 60), edit_oracle),
    Case(EditDistance(), tokens(TEXT, 90), edit_oracle),
    Case(Mismatches(), tokens(DNA, 12), lambda x, y: mismatches(x, y, 1)),
    Case(Mismatches(overhang=3), tokens(TEXT, 12), lambda x, y: mismatches(x, y, 3)),
    Case(InfixDistance(), tokens(DNA, 60), infix_oracle),
    Case(InfixDistance(), tokens(TEXT, 90), infix_oracle),
    Case(InfixDistance(), tokens(INTEGERS, 9), infix_oracle),
    Case(InfixDistance(), tokens(PROTEIN, 200), infix_oracle),
    Case(OverlapDistance(), tokens(DNA, 40), overlap_oracle),
    Case(OverlapDistance(), tokens(TEXT, 30), overlap_oracle),
    Case(WeightedEditDistance(), tokens(DNA, 30), edit_oracle),
    Case(
        WeightedEditDistance(insertion=2, deletion=3, substitution=4),
        tokens(TEXT, 20),
        lambda x, y: weighted_oracle(x, y, (2, 3, 4)),
    ),
    Case(
        WeightedEditDistance(insertion=2, deletion=2, substitution=5),
        tokens(PROTEIN, 20),
        lambda x, y: weighted_oracle(x, y, (2, 2, 5)),
    ),
    Case(IndelDistance(), tokens(TEXT, 90), indel_oracle),
    Case(OSADistance(), tokens(DNA, 30), osa_oracle),
    Case(OSADistance(), tokens(INTEGERS, 9), osa_oracle),
    Case(DamerauLevenshteinDistance(), tokens(DNA, 12), damerau_oracle),
    Case(JaroWinklerDistance(), tokens(TEXT, 25), lambda x, y: jaro_winkler_oracle(x, y, 0.1)),
    Case(JaroWinklerDistance(prefix_weight=0), tokens(DNA, 25), lambda x, y: jaro_winkler_oracle(x, y, 0)),
    aligned(PROTEIN),
    aligned(PROTEIN, mode="global", normalise="longer", matrix="pam30"),
    aligned(PROTEIN, mode="semi-global", normalise="shorter", gap_open=3, gap_extend=2),
    aligned(DNA, mode="local", normalise="query", matrix="dnafull"),
    Case(Letters(), tokens(TEXT, 12), lambda x, y: len(set(x.tolist()) ^ set(y.tolist()))),
    Case(Endpoints(), tokens(DNA, 12), lambda x, y: abs(int(x[0]) - int(y[0])) + abs(int(x[-1]) - int(y[-1]))),
    Case(Overlap(share=0.5), series(2), lambda x, y: 0.5 * float(np.abs(x.mean(axis=0) - y.mean(axis=0)).sum())),
    dtw(),
    dtw(window=0.0),
    dtw(3, window=0.2),
    dtw(local="absolute", window=0.3),
    dtw(3, local="cosine"),
    dtw(slope=1.0),
    dtw(3, slope=2.0, window=0.4, root=True),
    dtw(local="absolute", standardise=True, root=True),
    warped_part(),
    warped_part(3, local="absolute"),
    warped_part(3, local="cosine", root=True),
    warped_part(window=0.2, standardise=True),
    warped_part(3, window=0.5, local="absolute"),
    matching(),
    matching(penalty=0.3, normalise="path", gully=0.5),
    matching(penalty=2.0, local="squared", normalise="none", gully=1.0),
    matching(1, penalty=0.0, local="absolute", gully=0.0),
    matching(local="squared", standardise=True),
    Case(EuclideanDistance(), vectors, lambda x, y: float(np.linalg.norm(x - y))),
    Case(CosineDistance(), vectors, lambda x, y: 1 - float(cosine_of(x, y))),
    Case(InnerProductDistance(), vectors, lambda x, y: -float((x * y).sum())),
]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.distance))


def drawn(case: Case, seed: int = 0, size: int = 70) -> tuple[Sequences, Sequences, AnyArray]:
    """(queries, targets, all distances); some targets are there twice, and some are queries."""
    rng = np.random.default_rng(seed)
    some = case.draw(size - 10, rng)
    targets = Sequences.concatenate([some, some[:10]])
    queries = Sequences.concatenate([targets[3:5], case.draw(6, rng)])
    return queries, targets, case.distance.matrix(queries, targets)


def check(found: Neighbours, distances: AnyArray, k: int) -> None:
    """Against all distances, inf where a target is not asked for."""
    rows, values = nearest_oracle(distances, k)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.distances, values)


def test_every_distance_has_a_case():
    ours = {name for name, distance in DISTANCES.items() if distance.__module__.startswith("seqsearch.")}
    assert ours <= {case.distance.name for case in CASES}


@every_case
def test_matrix_and_pairs_are_what_the_definition_says(case):
    rng = np.random.default_rng(1)
    a, b = case.draw(9, rng), case.draw(80, rng)
    found = case.distance.matrix(a, b)
    assert found.shape == (9, 80)
    assert found.dtype == np.float64
    i, j = np.divmod(np.arange(found.size), 80)
    np.testing.assert_array_equal(case.distance.pairs(a, i, b, j), found.ravel())
    if case.oracle is not None:
        for at in range(0, found.size, 3):
            x, y = (s.data if a.kind == "tokens" else s.data.astype(float) for s in (a[int(i[at])], b[int(j[at])]))
            assert found.flat[at] == pytest.approx(case.oracle(x, y), rel=1e-9, abs=1e-12)
    if case.distance.whole_numbers:
        np.testing.assert_array_equal(found, np.round(found))


@every_case
def test_pairs_keep_what_is_at_most_the_cutoff(case):
    queries, targets, distances = drawn(case)
    i, j = np.divmod(np.arange(distances.size), len(targets))
    true = distances.ravel()
    for cutoffs in (true, true * 0.5, true * 2, np.full(true.shape, np.median(true)), np.full(true.shape, -1.0)):
        found = case.distance.pairs(queries, i, targets, j, cutoffs)
        near = (cutoffs >= 0) & (true <= cutoffs * (1 - 1e-9))
        np.testing.assert_array_equal(found[near], true[near])
        far = true > cutoffs + 1e-9 * np.abs(cutoffs)
        assert ((found[far] == true[far]) | (found[far] == np.inf)).all()


@every_case
def test_exact_neighbours_with_ties_by_row(case):
    queries, targets, distances = drawn(case)
    allowed = np.random.default_rng(2).random(len(targets)) < 0.4
    for k in (1, 5, len(targets) + 3):
        check(case.distance.exact(queries, targets, k), distances, k)
        left = case.distance.exact(queries, targets, k, allowed=allowed)
        check(left, np.where(allowed, distances, np.inf), k)


@every_case
def test_a_searcher_answers_again_and_again_and_accounts_for_every_pair(case):
    queries, targets, distances = drawn(case)
    allowed = np.random.default_rng(3).random(len(targets)) < 0.7
    asked = np.where(allowed, distances, np.inf)
    searcher = case.distance.searcher(targets, allowed)
    radii = np.quantile(distances, np.linspace(0, 1, len(queries)), axis=1).diagonal().copy()
    for part in (slice(0, 3), slice(3, None)):
        found, pruning = searcher.search(queries[part], 4)
        check(found, asked[part], 4)
        assert pruning.pairs == len(found) * allowed.sum() == sum(pruning.ruled_out.values()) + pruning.verified
        assert (found.rows >= 0).sum() <= pruning.entered <= pruning.verified
        assert str(pruning).endswith("% ruled out without computing")
        within = np.where(asked <= radii[:, None], asked, np.inf)
        check(searcher.search(queries[part], 4, within=radii[part])[0], within[part], 4)


@every_case
def test_rerank_takes_the_nearest_of_the_candidates(case):
    queries, targets, distances = drawn(case)
    rng = np.random.default_rng(4)
    candidates = np.array([rng.permutation(len(targets))[:30] for _ in range(len(queries))])
    candidates[2, 3:] = -1
    candidates[3] = -1
    candidates[4, ::2] = -1
    kept = np.full_like(distances, np.inf)
    for q, rows in enumerate(candidates):
        kept[q, rows[rows >= 0]] = distances[q, rows[rows >= 0]]
    # No later candidate is nearer than this: a list that ends there is as good as the whole.
    in_order = np.where(candidates >= 0, np.take_along_axis(distances, np.maximum(candidates, 0), axis=1), np.inf)
    lowest = np.minimum.accumulate(in_order[:, ::-1], axis=1)[:, ::-1]
    just_below = np.minimum(lowest * (1 - 1e-9), lowest * (1 + 1e-9))
    for k in (1, 4, 40):
        check(case.distance.rerank(queries, targets, candidates, k), kept, k)
        check(case.distance.rerank(queries, targets, candidates, k, stop=just_below), kept, k)


@every_case
def test_rerank_stops_where_nothing_nearer_is_expected(case):
    queries, targets, distances = drawn(case)
    candidates = np.tile(np.arange(len(targets)), (len(queries), 1))
    for k, seen in ((1, 1), (3, 20), (5, 2)):
        stop = np.full(candidates.shape, case.distance.least)
        stop[:, seen:] = np.inf
        kept = distances.copy()
        kept[:, max(k, seen) :] = np.inf
        check(case.distance.rerank(queries, targets, candidates, k, stop=stop), kept, k)


@every_case
def test_everything_within_a_radius(case):
    queries, targets, distances = drawn(case)
    allowed = np.random.default_rng(5).random(len(targets)) < 0.8
    radii = np.quantile(np.maximum(distances, 0), np.linspace(0, 1, len(queries)), axis=1).diagonal().copy()
    for radius in (0.0, float(np.median(distances)), radii, np.inf):
        for mask in (None, allowed):
            found = range_search(case.distance, queries, targets, radius, allowed=mask)
            limits = np.broadcast_to(radius, (len(queries),))
            for q in range(len(queries)):
                rows = np.flatnonzero((distances[q] <= limits[q]) & (True if mask is None else mask))
                rows = rows[np.lexsort((rows, distances[q][rows]))]
                part = slice(found.offsets[q], found.offsets[q + 1])
                assert found.rows[part].tolist() == rows.tolist()
                np.testing.assert_array_equal(found.distances[part], distances[q][rows])


@every_case
def test_what_the_class_says_holds(case):
    some = case.draw(14, np.random.default_rng(6))
    found = case.distance.matrix(some, some)
    assert (found >= 0).all() or case.distance.kind == "series"
    if case.distance.metric:
        same = np.array([[x.data.tolist() == y.data.tolist() for y in some] for x in some])
        np.testing.assert_array_equal(found == 0, same)
        np.testing.assert_array_equal(found, found.T)
        assert (found[:, None, :] <= found[:, :, None] + found[None, :, :]).all()


@every_case
def test_it_is_made_again_from_its_name_and_parameters(case):
    distance = case.distance
    again = distance_named(distance.name, **json.loads(json.dumps(distance.parameters())))
    assert (again, hash(again), repr(again)) == (distance, hash(distance), repr(distance))
    assert type(distance) is DISTANCES[distance.name]
    with pytest.raises(ParameterError, match=f"the distance {distance.name} has no parameter 'sigma': "):
        distance_named(distance.name, sigma=1)


@every_case
def test_nothing_to_search_and_nothing_to_search_for(case):
    some = case.draw(3, np.random.default_rng(7))
    assert case.distance.matrix(some[:0], some).shape == (0, 3)
    assert case.distance.matrix(some, some[:0]).shape == (3, 0)
    assert case.distance.exact(some[:0], some, 2).rows.shape == (0, 2)
    assert case.distance.exact(some, some[:0], 2).rows.tolist() == [[-1, -1]] * 3
    assert case.distance.rerank(some, some, np.zeros((3, 0), np.int64), 2).rows.tolist() == [[-1, -1]] * 3
    assert len(range_search(case.distance, some[:0], some, 3).rows) == 0
    assert len(range_search(case.distance, some, some[:0], 3).rows) == 0


@every_case
def test_one_thread_and_all_give_the_same(case):
    queries, targets, _ = drawn(case)
    with threads.using(1):
        alone = case.distance.exact(queries, targets, 5)
    together = case.distance.exact(queries, targets, 5)
    np.testing.assert_array_equal(alone.rows, together.rows)
    np.testing.assert_array_equal(alone.distances, together.distances)


@every_case
def test_costs_are_positive_and_grow_with_the_set(case):
    lengths = np.array([10, 90])
    one = case.distance.verification_cost(lengths, 3.0)
    assert 0.1 <= one <= case.distance.verification_cost(lengths * 9, 3.0)
    assert 0 < case.distance.exhaustive_cost(lengths, 10, one) < case.distance.exhaustive_cost(lengths, 1000, one)


@every_case
def test_errors_name_what_is_wrong(case):
    distance = case.distance
    some, zero = case.draw(2, np.random.default_rng(8)), np.zeros(1, np.int64)
    other = Sequences.from_arrays([np.zeros(4)]) if some.kind == "tokens" else Sequences.from_texts(["ACGT"], DNA)
    said = f"{distance.name} compares {some.kind}, not {other.kind}: use the distance {usual_distance(other.kind)}"
    for compare in (
        lambda: distance.matrix(other, other),
        lambda: distance.pairs(other, zero, other, zero),
        lambda: distance.rerank(other, other, zero[None], 1),
        lambda: distance.exact(other, other, 1),
        lambda: distance.searcher(other),
        lambda: range_search(distance, other, other, 1),
    ):
        with pytest.raises(MismatchError, match=said):
            compare()
    with pytest.raises(MismatchError, match="cannot be compared"):
        distance.exact(other, some, 1)
    with pytest.raises(MismatchError, match="cannot be compared"):
        distance.searcher(some).search(other, 1)
    with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
        distance.exact(some, some, 0)
    with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
        distance.rerank(some, some, np.zeros((2, 1), np.int64), 0)
    with pytest.raises(ParameterError, match=r"candidates: row 7 is outside 0\.\.1"):
        distance.rerank(some, some, np.array([[0], [7]]), 1)
    with pytest.raises(ParameterError, match="do not fit 2 queries"):
        distance.rerank(some, some, np.array([[0]]), 1)
    with pytest.raises(ParameterError, match="stop of shape"):
        distance.rerank(some, some, np.array([[0], [1]]), 1, stop=np.zeros((1, 1)))
    with pytest.raises(ParameterError, match=r"allowed must be a mask over 2 rows, not bool of shape \(3,\)"):
        distance.exact(some, some, 1, allowed=np.ones(3, bool))
    with pytest.raises(ParameterError, match="allowed must be a mask over 2 rows, not int64"):
        distance.exact(some, some, 1, allowed=np.arange(2))
    for radius, shown in ((-1, "-1"), (np.nan, "nan")):
        if radius >= distance.least:  # no mistake
            continue
        with pytest.raises(ParameterError, match=f"at least {distance.least:g}, not {shown}"):
            range_search(distance, some, some, radius)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=60),
    st.lists(st.text("abcd", min_size=1, max_size=12), min_size=1, max_size=4),
    st.integers(1, 70),
    st.integers(0, 12),
)
def test_the_fast_paths_of_edits_equal_what_every_distance_inherits(texts, asked, k, radius):
    targets, queries = Sequences.from_texts(texts, TEXT), Sequences.from_texts(asked, TEXT)
    distance, radii = EditDistance(), np.full(len(asked), float(radius))
    np.testing.assert_array_equal(distance.matrix(queries, targets), Distance.matrix(distance, queries, targets))
    for within in (None, radii):
        fast, _ = distance.searcher(targets).search(queries, k, within=within)
        slow, _ = Distance.searcher(distance, targets).search(queries, k, within=within)
        np.testing.assert_array_equal(fast.rows, slow.rows)
        np.testing.assert_array_equal(fast.distances, slow.distances)
    candidates = np.tile(np.arange(len(texts))[::-1], (len(asked), 1))
    fast = distance.rerank(queries, targets, candidates, k)
    np.testing.assert_array_equal(fast.rows, Distance.rerank(distance, queries, targets, candidates, k).rows)


def test_a_class_that_lacks_something_is_not_registered():
    class Nameless(Distance):
        kind = "tokens"

    class Numbers(Mismatches):
        name = "numbers"
        kind = "numbers"

    class Taken(Mismatches):
        name = "edit"

    with pytest.raises(ParameterError, match="the distance Nameless has no name and no pairs"):
        register(Nameless)
    with pytest.raises(ParameterError, match="the distance numbers compares tokens or series, not 'numbers'"):
        register(Numbers)
    with pytest.raises(ParameterError, match="the distance 'edit' is there already"):
        register(Taken)
    with pytest.raises(ParameterError, match="no distance 'jaccard': choose one of edit, dtw, dtw-matching"):
        distance_named("jaccard")
