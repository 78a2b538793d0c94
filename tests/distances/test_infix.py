"""The infix distance against edlib and the plain table: distances, the parts they are to, and the paths."""

from __future__ import annotations

import numpy as np
import pytest
from distance_oracles import SYMBOLS, mutated, nearest_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from partial_oracles import infix_oracle, infix_table

from seqsearch.distances import Distance, InfixDistance, distance_named, gram_lists, infix_exact, lanes
from seqsearch.distances.gram_lists import digits_of, grams_of, lacking, lacking_exactly
from seqsearch.errors import ParameterError
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, RNA, TEXT, Sequences

INFIX = InfixDistance()


def parts_and_texts(alphabet, n, longest, rng):
    """(queries, targets): most queries are parts of targets with some edits."""
    low, high = SYMBOLS[alphabet.name]
    targets = [rng.integers(low, high, int(rng.integers(1, longest + 1))).astype(alphabet.dtype) for _ in range(n)]
    queries = []
    for row in range(n):
        target = targets[row]
        begin = int(rng.integers(0, len(target)))
        part = target[begin : begin + int(rng.integers(1, longest))]
        queries.append(mutated(part, int(rng.integers(0, 1 + len(part) // 5)), alphabet, rng))
    return Sequences.from_arrays(queries, alphabet), Sequences.from_arrays(targets, alphabet)


def as_text(codes, low):
    return "".join(chr(0x100 + int(code) - low) for code in codes)


@pytest.mark.parametrize("alphabet", [DNA, RNA, PROTEIN, TEXT], ids=lambda alphabet: alphabet.name)
def test_distances_and_places_are_those_of_edlib(alphabet):
    edlib = pytest.importorskip("edlib")
    rng = np.random.default_rng(1)
    queries, targets = parts_and_texts(alphabet, 150, 220, rng)
    rows = np.arange(len(targets))
    others = rng.permutation(len(targets))
    for at in (rows, others):
        found = INFIX.pairs(queries, rows, targets, at)
        begins, ends = INFIX.spans(queries, rows, targets, at)
        for row in range(len(rows)):
            x, y = (as_text(s.data, SYMBOLS[alphabet.name][0]) for s in (queries[row], targets[int(at[row])]))
            if len(set(x + y)) > 256:
                continue  # more than edlib takes
            told = edlib.align(x, y, mode="HW", task="locations")
            assert found[row] == told["editDistance"]
            if found[row] < len(x):  # else edlib names a part, and we the empty one
                assert (int(begins[row]), int(ends[row]) - 1) == told["locations"][0]


@settings(max_examples=120, deadline=None)
@given(st.text("abc", min_size=1, max_size=70), st.text("abcd", min_size=1, max_size=90))
def test_the_part_that_is_told_is_at_that_distance_and_the_path_shows_it(asked, text):
    queries, targets = Sequences.from_texts([asked], TEXT), Sequences.from_texts([text], TEXT)
    x, y = queries[0].data, targets[0].data
    zero = np.zeros(1, np.int64)
    (distance,) = INFIX.pairs(queries, zero, targets, zero)
    (begin,), (end,) = INFIX.spans(queries, zero, targets, zero)
    last = infix_table(x, y)[-1]
    assert distance == min(last) == last[end]
    assert end == last.index(min(last))
    path = INFIX.align(queries[0], targets[0])
    assert path.count("XID") == distance
    assert path.query_span == (1, len(x))
    assert path.before == (0, begin)
    assert path.count("=XD") == end - begin
    assert path.identity == path.count("=") / path.columns


def test_a_query_of_many_symbols_is_compared_all_the_same():
    rng = np.random.default_rng(2)
    targets = Sequences.from_arrays([rng.integers(0, 2**32, 400).astype(np.uint32) for _ in range(5)], INTEGERS)
    queries = Sequences.from_arrays([targets[row].data[30:330] for row in range(5)], INTEGERS)
    found, _ = INFIX.searcher(targets).search(queries, 2)
    assert found.rows[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert found.distances.tolist() == [[0.0, 300.0]] * 5


def test_it_is_not_symmetric():
    both = Sequences.from_texts(["GATTACA", "CCGATTACACC"], DNA)
    assert INFIX.matrix(both, both).tolist() == [[0.0, 0.0], [4.0, 0.0]]
    assert not InfixDistance.symmetric
    assert not InfixDistance.metric


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 14))
def test_the_lossless_search_is_that_of_all_pairs(seed, k, radius):
    rng = np.random.default_rng(seed)
    queries, targets = parts_and_texts(DNA, 12, 120, rng)
    for within in (None, np.full(len(queries), float(radius))):
        fast, _ = INFIX.searcher(targets).search(queries, k, within=within)
        slow, _ = Distance.searcher(INFIX, targets).search(queries, k, within=within)
        np.testing.assert_array_equal(fast.rows, slow.rows)
        np.testing.assert_array_equal(fast.distances, slow.distances)


@pytest.mark.parametrize("alphabet", [DNA, TEXT], ids=lambda alphabet: alphabet.name)
def test_absent_grams_never_say_more_than_the_distance(alphabet):
    queries, targets = parts_and_texts(alphabet, 600, 60, np.random.default_rng(3))
    queries = queries[:40]
    grams = grams_of(targets, np.arange(len(targets)))
    far = 0
    for row in range(len(queries)):
        asked = queries[row].data
        digits = digits_of(grams.q, len(asked))
        planes = lacking(grams, asked, 0, len(asked), digits, grams.q)
        for target in range(0, len(targets), 7):
            told = [
                c
                for c in range(1 << digits)
                if int(lacking_exactly(planes, digits, target >> 6, c)) >> (target & 63) & 1
            ]
            assert len(told) == 1
            assert told[0] <= infix_oracle(asked, targets[target].data)
            far += told[0] > 3
    assert far > 100  # and it says something


@pytest.mark.parametrize("alphabet", [DNA, TEXT], ids=lambda alphabet: alphabet.name)
def test_long_targets_are_searched_block_by_block_and_in_groups(alphabet):
    rng = np.random.default_rng(4)
    low, high = SYMBOLS[alphabet.name]
    root = rng.integers(low, min(high, low + 60), 900).astype(alphabet.dtype)
    targets = [mutated(root, int(rng.integers(50, 200)), alphabet, rng) for _ in range(2300)]
    queries = []
    for row in range(0, 36, 3):
        begin = int(rng.integers(0, 700))
        queries.append(
            mutated(targets[row][begin : begin + int(rng.integers(40, 300))], int(rng.integers(0, 25)), alphabet, rng)
        )
    asked, stored = Sequences.from_arrays(queries, alphabet), Sequences.from_arrays(targets, alphabet)
    searcher = INFIX.searcher(stored)
    assert searcher._blocks.q > 0
    table = INFIX.matrix(asked, stored)
    for k, radius in ((10, None), (3, 20.0), (2200, None)):
        within = None if radius is None else np.full(len(asked), radius)
        found, pruning = searcher.search(asked, k, within=within)
        rows, distances = nearest_oracle(table if radius is None else np.where(table <= radius, table, np.inf), k)
        np.testing.assert_array_equal(found.rows, rows)
        np.testing.assert_array_equal(found.distances, distances)
        if alphabet is DNA:  # more than are measured as a whole
            assert pruning.verified > 256 * len(asked)


def test_what_prefixes_cost_and_suffixes_lack_never_says_more_than_the_distance():
    rng = np.random.default_rng(8)
    root = rng.integers(0, 4, 900).astype(np.uint8)
    stored = Sequences.from_arrays([mutated(root, int(rng.integers(0, 260)), DNA, rng) for _ in range(300)], DNA)
    asked = Sequences.from_arrays([mutated(root[a : a + 120], a // 20, DNA, rng) for a in (0, 300, 700)], DNA)
    searcher, table = INFIX.searcher(stored), INFIX.matrix(asked, stored)[:, INFIX.searcher(stored)._members]
    groups, blocks = searcher._groups, searcher._blocks
    own, count, ruled_out = digits_of(blocks.q, 120), int(blocks.counts[0]), 0
    form = gram_lists.Form(blocks.q, blocks.base, blocks.bits, blocks.letters)
    for row, query in enumerate(asked):
        buckets, m = np.empty(len(query), np.int64), len(query)
        held = gram_lists.buckets_of(query.data, 0, m, form, buckets)
        for size in (m // 3, m // 2):
            lacks = np.empty(count * (gram_lists.SPARED + own) * 8, np.uint64)
            gram_lists.lacking_blocks(blocks, 0, buckets[size:held], min(3, count), own, lacks)
            for cutoff in (4, 15, 25):
                near, every = np.full(8, ~np.uint64(0)), int(groups.columns[0])
                prefix = lanes.query_of(query.data, 0, size)
                infix_exact._beside_suffix(prefix, groups, 0, 0, every, lacks, own, count, cutoff, near)
                left = np.unpackbits(near.view(np.uint8), bitorder="little")[:300].astype(bool)
                assert left[table[row] <= cutoff].all()
                ruled_out += int((~left).sum())
    assert ruled_out > 1000


def test_edits_have_no_score():
    assert INFIX.aligner.bit_scores(np.zeros(3)) is None
    assert INFIX.aligner.e_values(np.zeros(3), np.zeros(3), 9) is None
    with pytest.raises(ParameterError, match="the distance infix has no parameter 'mode'"):
        distance_named("infix", mode="HW")
