import Levenshtein
import numpy as np
import pytest
from distance_oracles import edit_oracle, family, mutated, nearest_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein as Fuzzy

from seqsearch import threads
from seqsearch.distances import EditDistance, distance_named
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import ALPHABETS, DNA, INTEGERS, PROTEIN, TEXT, Sequences

EDIT = EditDistance()


def one(a, b, alphabet, cutoff=None):
    first, second = Sequences.from_arrays([a], alphabet), Sequences.from_arrays([b], alphabet)
    zero = np.zeros(1, np.int64)
    return EDIT.pairs(first, zero, second, zero, None if cutoff is None else np.array([cutoff]))[0]


def table(a, b):
    return np.array([[Fuzzy.distance(x.data.tolist(), y.data.tolist()) for y in b] for x in a], float)


@pytest.mark.parametrize("name", sorted(ALPHABETS))
def test_pairs_equal_levenshtein_with_and_without_cutoffs(name):
    rng = np.random.default_rng(7)
    for longest in (3, 64, 65, 150, 700):
        a = family(ALPHABETS[name], 60, longest, rng)
        b = family(ALPHABETS[name], 60, longest, rng)
        close = Sequences.from_arrays(
            [mutated(x.data, int(rng.integers(0, 9)), ALPHABETS[name], rng) for x in a], ALPHABETS[name]
        )
        rows = np.arange(60)
        for other in (b, close):
            truth = np.array([Fuzzy.distance(x.data.tolist(), y.data.tolist()) for x, y in zip(a, other, strict=True)])
            assert np.array_equal(EDIT.pairs(a, rows, other, rows), truth)
            for spread in (1, 3, 40, 90):
                cutoffs = (truth + rng.integers(-spread, spread, 60)).astype(float)
                expected = np.where(truth <= cutoffs, truth, np.inf)
                assert np.array_equal(EDIT.pairs(a, rows, other, rows, cutoffs), expected)


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90), st.integers(0, 95))
def test_text_equals_levenshtein_and_the_table(a, b, cutoff):
    coded = [TEXT.encode(x.encode("utf-16", "surrogatepass").decode("utf-16", "replace")) for x in (a, b)]
    x, y = (TEXT.decode(c) for c in coded)
    truth = Levenshtein.distance(x, y)
    assert edit_oracle(*coded) == truth
    assert one(*coded, TEXT) == truth
    assert one(*coded, TEXT, float(cutoff)) == (truth if truth <= cutoff else np.inf)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=80), min_size=3, max_size=3))
def test_metric_laws(codes):
    a, b, c = (np.array(x, np.uint8) for x in codes)
    ab, ba, bc, ac = one(a, b, DNA), one(b, a, DNA), one(b, c, DNA), one(a, c, DNA)
    assert one(a, a, DNA) == 0
    assert ab == ba
    assert ac <= ab + bc
    assert (ab == 0) == np.array_equal(a, b)
    assert abs(len(a) - len(b)) <= ab <= max(len(a), len(b))


def test_lengths_far_apart():
    rng = np.random.default_rng(2)
    for m, n in ((1, 500), (500, 1), (64, 640), (640, 64), (63, 63), (128, 128)):
        a, b = rng.integers(0, 4, m).astype(np.uint8), rng.integers(0, 4, n).astype(np.uint8)
        truth = edit_oracle(a, b)
        assert one(a, b, DNA) == truth
        for cutoff in (abs(m - n) - 1, abs(m - n), truth - 1, truth, truth + 1):
            assert one(a, b, DNA, float(cutoff)) == (truth if truth <= cutoff else np.inf)


def test_code_points_that_share_a_hash_slot():
    rng = np.random.default_rng(5)
    symbols = rng.choice(2**32, 400, replace=False).astype(np.uint32)
    a, b = rng.choice(symbols, 900), rng.choice(symbols, 700)
    assert one(a, b, INTEGERS) == Fuzzy.distance(a.tolist(), b.tolist())


def test_matrix_equals_levenshtein_on_slices_of_a_column():
    rng = np.random.default_rng(3)
    whole = family(PROTEIN, 40, 120, rng)
    a, b = whole[5:17], whole[20:40]
    assert np.array_equal(EDIT.matrix(a, b), table(a, b))


@pytest.mark.parametrize("alphabet", [DNA, TEXT])
def test_rerank_equals_sorting_the_candidates(alphabet):
    rng = np.random.default_rng(11)
    targets, queries = family(alphabet, 120, 90, rng), family(alphabet, 25, 90, rng)
    distances = table(queries, targets)
    candidates = np.array([rng.permutation(120)[:50] for _ in range(25)])
    candidates[3, 20:] = -1
    candidates[4] = -1
    kept = np.full_like(distances, np.inf)
    for q, row in enumerate(candidates):
        kept[q, row[row >= 0]] = distances[q, row[row >= 0]]
    for k in (1, 7, 60):
        found = EDIT.rerank(queries, targets, candidates, k)
        rows, values = nearest_oracle(kept, k)
        assert np.array_equal(found.rows, rows)
        assert np.array_equal(found.distances, values)


def test_rerank_stops_where_no_later_candidate_is_expected_to_enter():
    queries = Sequences.from_texts(["AAAA"], DNA)
    targets = Sequences.from_texts(["AAAT", "AATT", "AAAA"], DNA)
    candidates = np.array([[0, 1, 2]])
    assert EDIT.rerank(queries, targets, candidates, 1, stop=np.array([[0.0, 1.0, 1.0]])).rows[0, 0] == 2
    assert EDIT.rerank(queries, targets, candidates, 1, stop=np.array([[0.0, 1.5, 1.5]])).rows[0, 0] == 0


@pytest.mark.parametrize("alphabet", [DNA, TEXT])
def test_exact_equals_brute_force_with_ties_by_row(alphabet):
    rng = np.random.default_rng(13)
    targets, queries = family(alphabet, 300, 60, rng), family(alphabet, 40, 60, rng)
    distances = table(queries, targets)
    for k in (1, 10, 400):
        found = EDIT.exact(queries, targets, k)
        rows, values = nearest_oracle(distances, k)
        assert np.array_equal(found.distances, values)
        assert np.array_equal(found.rows, rows)
    allowed = rng.random(300) < 0.1
    found = EDIT.exact(queries, targets, 10, allowed=allowed)
    rows, values = nearest_oracle(np.where(allowed, distances, np.inf), 10)
    assert np.array_equal(found.rows, rows)
    assert np.array_equal(found.distances, values)


def test_one_thread_and_all_give_the_same():
    rng = np.random.default_rng(17)
    targets, queries = family(DNA, 100, 150, rng), family(DNA, 20, 150, rng)
    with threads.using(1):
        alone = EDIT.exact(queries, targets, 5)
    together = EDIT.exact(queries, targets, 5)
    assert np.array_equal(alone.rows, together.rows)
    assert np.array_equal(alone.distances, together.distances)


def test_no_queries_and_no_targets():
    some, none = family(DNA, 3, 9, np.random.default_rng(0)), Sequences.from_arrays([], DNA)
    assert EDIT.exact(none, some, 2).rows.shape == (0, 2)
    assert EDIT.exact(some, none, 2).rows.tolist() == [[-1, -1]] * 3
    assert EDIT.matrix(none, some).shape == (0, 3)


def test_errors_name_what_is_wrong():
    dna, text = Sequences.from_texts(["ACGT", "AC"], DNA), Sequences.from_texts(["abc"], TEXT)
    series = Sequences.from_arrays([np.zeros(4)])
    zero = np.zeros(1, np.int64)
    with pytest.raises(MismatchError, match="alphabet text does not fit alphabet dna"):
        EDIT.matrix(dna, text)
    with pytest.raises(MismatchError, match="compares tokens, not series: use the distance dtw"):
        EDIT.matrix(series, series)
    with pytest.raises(ParameterError, match=r"b_rows: row 2 is outside 0\.\.1"):
        EDIT.pairs(dna, zero, dna, zero + 2)
    with pytest.raises(ParameterError, match="do not pair"):
        EDIT.pairs(dna, zero, dna, np.zeros(2, np.int64))
    with pytest.raises(ParameterError, match="cutoffs of shape"):
        EDIT.pairs(dna, zero, dna, zero, np.zeros(3))
    with pytest.raises(ParameterError, match="a cutoff is not a number"):
        EDIT.pairs(dna, zero, dna, zero, np.array([np.nan]))
    with pytest.raises(ParameterError, match=r"candidates: row 7 is outside 0\.\.1"):
        EDIT.rerank(dna, dna, np.array([[0], [7]]), 1)
    with pytest.raises(ParameterError, match="do not fit 2 queries"):
        EDIT.rerank(dna, dna, np.array([[0]]), 1)
    with pytest.raises(ParameterError, match="stop of shape"):
        EDIT.rerank(dna, dna, np.array([[0], [1]]), 1, stop=np.zeros((1, 1)))
    with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
        EDIT.exact(dna, dna, 0)


def test_distance_named():
    assert distance_named("edit") == EDIT
    assert distance_named("edit", **EDIT.parameters()) == EDIT
    with pytest.raises(ParameterError, match="no distance 'hamming': choose one of edit"):
        distance_named("hamming")
    with pytest.raises(ParameterError, match=r"distance edit: .*no arguments"):
        distance_named("edit", sigma=1)
