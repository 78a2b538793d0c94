import Levenshtein
import numpy as np
import pytest
from distance_oracles import edit_oracle, family, mutated
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein as Fuzzy

from seqsearch.distances import EditDistance
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import ALPHABETS, DNA, INTEGERS, TEXT, Sequences

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


@pytest.mark.parametrize("name", sorted(ALPHABETS))
def test_matrix_equals_levenshtein_on_slices_of_a_column(name):
    rng = np.random.default_rng(47)
    whole = family(ALPHABETS[name], 640, 150, rng)
    for a, b in ((whole[5:17], whole[20:40]), (whole[:20], whole[40:])):
        truth = table(a, b)
        assert np.array_equal(EDIT.matrix(a, b), truth)
        assert np.array_equal(EDIT.matrix(b, a), truth.T)


def test_rerank_stops_where_no_later_candidate_is_expected_to_enter():
    queries = Sequences.from_texts(["AAAA"], DNA)
    targets = Sequences.from_texts(["AAAT", "AATT", "AAAA"], DNA)
    candidates = np.array([[0, 1, 2]])
    assert EDIT.rerank(queries, targets, candidates, 1, stop=np.array([[0.0, 1.0, 1.0]])).rows[0, 0] == 2
    assert EDIT.rerank(queries, targets, candidates, 1, stop=np.array([[0.0, 1.5, 1.5]])).rows[0, 0] == 0


def test_errors_name_what_is_wrong():
    dna, text = Sequences.from_texts(["ACGT", "AC"], DNA), Sequences.from_texts(["abc"], TEXT)
    zero = np.zeros(1, np.int64)
    with pytest.raises(MismatchError, match="alphabet text does not fit alphabet dna"):
        EDIT.matrix(dna, text)
    with pytest.raises(MismatchError, match="alphabet text does not fit alphabet dna"):
        EDIT.searcher(dna).search(text, 1)
    with pytest.raises(ParameterError, match=r"b_rows: row 2 is outside 0\.\.1"):
        EDIT.pairs(dna, zero, dna, zero + 2)
    with pytest.raises(ParameterError, match="do not pair"):
        EDIT.pairs(dna, zero, dna, np.zeros(2, np.int64))
    with pytest.raises(ParameterError, match="cutoffs of shape"):
        EDIT.pairs(dna, zero, dna, zero, np.zeros(3))
    with pytest.raises(ParameterError, match="a cutoff is not a number"):
        EDIT.pairs(dna, zero, dna, zero, np.array([np.nan]))
