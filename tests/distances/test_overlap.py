"""The overlap distance against parasail's semi-global alignment and the plain table."""

from __future__ import annotations

import numpy as np
import pytest
from distance_oracles import mutated, nearest_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from partial_oracles import overlap_oracle

from seqsearch.distances import (
    Distance,
    OverlapDistance,
    lanes,
    overlap_exact,
    overlap_lanes,
    overlap_paths,
    scoring_kernels,
)
from seqsearch.distances.shared_grams import SharedGrams, lost_of
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, TEXT, Sequences

OVERLAP = OverlapDistance()


def partial_pairs(alphabet, symbols, n, rng):
    """Pairs of parts of n sequences, with edits; some have nothing to do with each other."""
    first, second = [], []
    for row in range(n):
        whole = rng.integers(0, symbols, 200).astype(alphabet.dtype)
        begin, end = sorted(rng.integers(0, 200, 2).tolist())
        first.append(whole[begin : end + 1])
        other = (
            rng.integers(0, symbols, 90).astype(alphabet.dtype) if row % 5 == 0 else whole[int(begin * rng.random()) :]
        )
        second.append(mutated(other[: int(rng.integers(20, 200))], int(rng.integers(0, 9)), alphabet, rng))
    return Sequences.from_arrays(first, alphabet), Sequences.from_arrays(second, alphabet)


@pytest.mark.parametrize(("alphabet", "symbols"), [(DNA, 4), (PROTEIN, 20)], ids=["dna", "protein"])
def test_scores_are_those_of_parasail(alphabet, symbols):
    parasail = pytest.importorskip("parasail")
    letters = alphabet.letters[:symbols]
    matrix = parasail.matrix_create(letters, 1, -1)
    first, second = partial_pairs(alphabet, symbols, 300, np.random.default_rng(1))
    if alphabet is DNA:  # mutated draws ambiguity codes as well
        second = Sequences.from_arrays([second[row].data % symbols for row in range(len(second))], alphabet)
    else:
        second = Sequences.from_arrays(
            [np.minimum(second[row].data, symbols - 1) for row in range(len(second))], alphabet
        )
    rows = np.arange(len(first))
    found = OVERLAP.pairs(first, rows, second, rows)
    begins, ends = OVERLAP.spans(first, rows, second, rows)
    same_ends = 0
    for row in range(len(first)):
        x, y = first[row], second[row]
        told = parasail.sg_trace_scan_32(x.text, y.text, 1, 1, matrix)
        shorter = min(len(x), len(y))
        assert found[row] == shorter - max(told.score, 0)
        if told.score > 0:
            path = OVERLAP.align(x, y)
            assert path.score == told.score == path.count("=") - path.count("XID")
            assert (path.before[1], path.target_span[1]) == (begins[row], ends[row])
            same_ends += told.end_ref + 1 == ends[row]
        else:
            assert (begins[row], ends[row]) == (0, 0)
    assert same_ends > 0.9 * (found < np.minimum(first.lengths, second.lengths)).sum()


@settings(max_examples=150, deadline=None)
@given(st.text("abc", min_size=1, max_size=30), st.text("abcd", min_size=1, max_size=30))
def test_the_path_scores_what_the_distance_says(one, other):
    both = Sequences.from_texts([one, other], TEXT)
    found = OVERLAP.matrix(both, both)
    np.testing.assert_array_equal(found, found.T)
    assert found.diagonal().tolist() == [0, 0]
    x, y = both[0], both[1]
    assert found[0, 1] == overlap_oracle(x.data, y.data)
    path = OVERLAP.align(x, y)
    matches, edits = path.count("="), path.count("XID")
    assert path.score == matches - edits == min(len(x), len(y)) - found[0, 1]
    assert path.coverage(len(x), len(y)) == pytest.approx(
        (path.count("=XI") if len(x) <= len(y) else path.count("=XD")) / min(len(x), len(y))
    )
    begin, end = path.before[1], path.before[1] + path.count("=XD")
    zero, one_ = np.zeros(1, np.int64), np.ones(1, np.int64)
    assert [each.tolist() for each in OVERLAP.spans(both, zero, both, one_)] == (
        [[begin], [end]] if path.score else [[0], [0]]
    )
    # an overlap reaches an end of both at each side
    if path.score:
        assert min(path.before) == 0
        assert path.query_span[1] == len(x) or path.target_span[1] == len(y)


def test_an_overhang_is_free_and_what_is_left_of_the_shorter_counts_once():
    texts = Sequences.from_texts(["GGGGACGTACGTAC", "ACGTACGTACTTTTTT", "ACGTAGGTAC", "CCCC"], DNA)
    found = OVERLAP.matrix(texts, texts)
    assert found[0, 1] == 14 - 10  # ten letters overlap, four of the shorter hang over
    assert found[0, 2] == 2  # one edit within
    assert found[3, 2] == 3  # one letter at an end


def test_more_symbols_than_a_byte_has():
    rng = np.random.default_rng(2)
    whole = rng.integers(0, 2**32, 700).astype(np.uint32)
    texts = Sequences.from_arrays([whole[:500], whole[200:]], INTEGERS)
    assert OVERLAP.matrix(texts, texts).tolist() == [[0.0, 200.0], [200.0, 0.0]]
    path = OVERLAP.align(texts[0], texts[1])
    assert (path.cigar, path.before, path.coverage(500, 500)) == ("300=", (200, 0), 0.6)


def relatives(alphabet, symbols, n, rng):
    """Parts of one sequence of 60 symbols with few edits or many, and some of nothing."""
    root = rng.integers(0, symbols, 60)
    rows = []
    for _ in range(n):
        begin = int(rng.integers(0, 40))
        row = root[begin : begin + int(rng.integers(1, 60))] if rng.random() < 0.8 else rng.integers(0, symbols, 30)
        rows.append(mutated(row.astype(alphabet.dtype), int(rng.integers(0, 1 + len(row) // 6)), alphabet, rng))
    return Sequences.from_arrays(rows, alphabet)


@pytest.mark.parametrize(("alphabet", "symbols"), [(DNA, 4), (TEXT, 200)], ids=["dna", "text"])
def test_side_by_side_and_within_a_band_it_is_what_pairs_say(alphabet, symbols):
    rng = np.random.default_rng(3)
    queries, targets = relatives(alphabet, symbols, 12, rng), relatives(alphabet, symbols, 600, rng)
    rows, others = np.divmod(np.arange(12 * 600), 600)
    table = OVERLAP._scored(queries, rows, targets, others).reshape(12, 600)
    for row in range(0, 12, 3):
        for at in range(0, 600, 60):
            assert table[row, at] == overlap_oracle(queries[row].data, targets[at].data)
    np.testing.assert_array_equal(OVERLAP.matrix(queries, targets), table)
    np.testing.assert_array_equal(OVERLAP.matrix(targets, queries), table.T)
    few = np.concatenate([np.arange(0, 600), np.arange(600, 620), np.arange(1200, 1260)])
    some = rng.permutation(few)  # of one query more than a register has lanes, of others few
    np.testing.assert_array_equal(OVERLAP.pairs(queries, rows[some], targets, others[some]), table.ravel()[some])
    searcher = OVERLAP.searcher(targets)
    coding, packed, longest = searcher._coding, searcher._packed, int(targets.lengths.max())
    for row in range(12):
        query = lanes.query_of(coding.codes(queries[row : row + 1]), 0, len(queries[row]))
        work = overlap_lanes.work_for(query, longest)
        for cutoff in (0, 1, 4, 9, 20, 60):
            told = np.zeros(600, np.int64)
            for chosen in (np.arange(512), np.arange(512, 600)):
                overlap_exact._measure(query, packed, chosen, cutoff, work, told)
            near = table[row] <= cutoff
            np.testing.assert_array_equal(told[near], table[row][near])
            assert (told >= table[row]).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 14), st.sampled_from([DNA, TEXT]))
def test_the_lossless_search_is_that_of_all_pairs(seed, k, radius, alphabet):
    rng = np.random.default_rng(seed)
    queries, targets = relatives(alphabet, 4, 6, rng), relatives(alphabet, 4, 70, rng)
    allowed = rng.random(70) < 0.8
    for within in (None, np.full(len(queries), float(radius))):
        fast, pruning = OVERLAP.searcher(targets, allowed).search(queries, k, within=within)
        slow, _ = Distance.searcher(OVERLAP, targets, allowed).search(queries, k, within=within)
        np.testing.assert_array_equal(fast.rows, slow.rows)
        np.testing.assert_array_equal(fast.distances, slow.distances)
        assert pruning.pairs == 6 * allowed.sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([DNA, TEXT]))
def test_lost_grams_never_say_more_than_the_distance(seed, alphabet):
    rng = np.random.default_rng(seed)
    queries, targets = relatives(alphabet, 4, 3, rng), relatives(alphabet, 4, 20, rng)
    searcher = OVERLAP.searcher(targets)
    for row in range(3):
        bounds = overlap_exact.bounds_of(queries[row].data, searcher._packed, searcher._shared.grams)
        for at in range(20):
            assert bounds[at] <= overlap_oracle(queries[row].data, targets[at].data)


def test_bounds_rule_out_what_has_nothing_in_common():
    rng = np.random.default_rng(4)
    wholes = rng.integers(0, 4, (40, 300)).astype(np.uint8)
    targets = Sequences.from_arrays([wholes[row // 20, row % 20 :] for row in range(800)], DNA)
    queries = Sequences.from_arrays([wholes[3, 50:270], wholes[30, :200]], DNA)
    found, pruning = OVERLAP.searcher(targets).search(queries, 5)
    rows, distances = nearest_oracle(OVERLAP.matrix(queries, targets), 5)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.distances, distances)
    assert pruning.verified < pruning.pairs // 5
    assert "absent q-grams" in pruning.ruled_out


@pytest.mark.parametrize("symbols", [2, 4])
def test_bytes_side_by_side_in_a_band(symbols):
    """Exact up to the cutoff, above it elsewhere: of lengths that differ, of groups, and of candidates."""
    rng = np.random.default_rng(symbols)
    first, second = partial_pairs(DNA, symbols, 130, rng)
    asked, owners, rows = first[:1], np.zeros(130, np.int64), np.arange(130)
    expected = np.array([overlap_oracle(asked[0].data, second[row].data) for row in range(130)], np.float64)
    np.testing.assert_array_equal(OVERLAP.pairs(asked, owners, second, rows), expected)
    limits = rng.integers(0, 60, 130).astype(np.float64)
    found = OVERLAP.pairs(asked, owners, second, rows, limits)
    np.testing.assert_array_equal(found[expected <= limits], expected[expected <= limits])
    assert (found[expected > limits] > limits[expected > limits]).all()
    near = OVERLAP.rerank(asked, second, rng.permutation(130)[None], 9)
    np.testing.assert_array_equal(near.distances[0], np.sort(expected)[:9])
    np.testing.assert_array_equal(expected[near.rows[0]], near.distances[0])


def test_the_path_in_a_band_is_that_of_the_whole_table():
    first, second = partial_pairs(DNA, 4, 150, np.random.default_rng(4))
    scheme = OVERLAP._scheme(first)
    for row in range(150):
        x, y = first[row].data, second[row].data
        whole, banded = scoring_kernels.path_of(scheme, x, y), overlap_paths.path_of(x, y)
        assert max(whole[0], 0) == banded[0]
        if banded[0]:
            assert whole[1:3] == banded[1:3]
            np.testing.assert_array_equal(whole[3], banded[3])


def test_q_grams_that_are_lost():
    rng = np.random.default_rng(6)
    first, second = partial_pairs(DNA, 4, 80, rng)
    shared = SharedGrams(second)
    q = shared.grams.q
    for query in range(5):
        codes = first[query].data
        held = [{text.tobytes() for text in np.lib.stride_tricks.sliding_window_view(s.data, q)} for s in second]
        grams = [g.tobytes() for g in np.lib.stride_tricks.sliding_window_view(codes, q)] if len(codes) >= q else []
        expected = [sum(gram not in each for gram in grams) for each in held]
        assert lost_of(codes, shared.grams)[: len(second)].tolist() == expected
        lacking = np.maximum(0, np.array(expected) - np.maximum(len(codes) - second.lengths, 0))
        mask = rng.random(len(second)) < 0.5
        rows, scores = shared.nearest(first[query : query + 1], 9, mask)
        np.testing.assert_array_equal(np.sort(lacking[mask])[:9], scores[0])
        np.testing.assert_array_equal(lacking[rows[0]], scores[0])
