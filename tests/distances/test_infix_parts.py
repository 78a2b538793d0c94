"""Candidates of the infix distance where they are expected: stretches, and bands of packed letters."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import InfixDistance
from seqsearch.distances.infix_bands import BESIDE, HEIGHT, reach_of
from seqsearch.sequences import DNA, Sequences
from seqsearch.sequences.packing import pack
from tests.distances.partial_oracles import infix_oracle

INFIX = InfixDistance()


def random_set(rng: np.random.Generator, count: int, low: int, high: int, letters: int = 4) -> Sequences:
    return Sequences.from_arrays(
        [rng.integers(0, letters, int(n)).astype(np.uint8) for n in rng.integers(low, high, count)], DNA
    )


def in_bands(
    queries: Sequences, targets: Sequences, bases: np.ndarray, k: int, bands: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """What the bands find that begin with these letters, (Q, C), of the targets in order; -1 for none."""
    packed, _, _ = pack(targets.data, targets.offsets)
    first = (targets.offsets[:-1] + 3 * np.arange(len(targets))) // 4
    found, near = np.full((len(queries), k), -1), np.full((len(queries), k), np.inf)
    INFIX.nearest_in_bands(queries, packed, np.where(bases >= 0, first + bases // 4, -1), found, near, bands)
    return found, near


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1), length=st.integers(1, 200), edits=st.integers(0, 6), bands=st.sampled_from([1, 2])
)
def test_bands_find_what_begins_within_them(seed: int, length: int, edits: int, bands: int) -> None:
    rng, reach = np.random.default_rng(seed), reach_of(bands)
    targets = random_set(rng, 21, length + reach + 4, length + reach + 200)
    begin = int(rng.integers(0, reach - 16 + 1)) + 8  # not so near to an edge that edits may lead over it
    base = int(rng.integers(0, (len(targets[3].data) - length - reach) // 4 + 1)) * 4
    part = targets[3].data[base + begin : base + begin + length].tolist()
    for _ in range(edits):
        at = int(rng.integers(0, len(part) + 1))
        part[at : at + int(rng.integers(0, 2))] = [int(rng.integers(0, 4))] * int(rng.integers(0, 2))
    query = Sequences.from_arrays([np.array(part or [0], np.uint8)], DNA)
    bases = np.zeros((1, len(targets)), np.int64)
    bases[0, 3] = base
    found, near = in_bands(query, targets, bases, len(targets), bands)
    order = np.argsort(found[0])
    true = np.array([infix_oracle(query[0].data, target.data) for target in targets])
    assert (near[0, order] >= true).all()
    own = targets[3].data[base + begin : base + begin + length]
    assert near[0, order][3] <= max(1, infix_oracle(query[0].data, own))
    assert (np.diff(near[0]) >= 0).all()


def test_bands_leave_out_what_is_not_there_and_keep_what_was_found() -> None:
    rng = np.random.default_rng(1)
    targets = random_set(rng, 40, 300, 301)
    queries = targets[[7, 8]]
    queries = Sequences.from_arrays([each.data[60:160] for each in queries], DNA)
    bases = np.where(np.arange(40) % 2, 20, -1) * np.ones((2, 1), np.int64)
    found, near = in_bands(queries, targets, bases, 3)
    assert (found % 2 == 1).all()
    assert (found[0, 0], near[0, 0]) == (7, 0.0)
    packed, _, _ = pack(targets.data, targets.offsets)
    first = (targets.offsets[:-1] + 3 * np.arange(40)) // 4
    INFIX.nearest_in_bands(queries, packed, np.where(bases < 0, first + 5, -1), found, near)
    assert (found[:, 0].tolist(), near[:, 0].tolist()) == ([7, 8], [0.0, 0.0])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), bands=st.sampled_from([1, 2]))
def test_bands_tell_where_a_part_begins(seed: int, bands: int) -> None:
    rng = np.random.default_rng(seed)
    targets = random_set(rng, 40, 400, 420)
    begins = rng.integers(0, reach_of(bands), 40)
    order = rng.permutation(40)
    parts = [targets[int(row)].data[40 + begins[row] : 140 + begins[row]] for row in order]
    queries = Sequences.from_arrays(parts, DNA)
    packed, _, _ = pack(targets.data, targets.offsets)
    bases = (targets.offsets[:-1] + 3 * np.arange(40)) // 4 + 10
    found, near = np.full((40, 1), -1), np.full((40, 1), np.inf)
    behind = INFIX.nearest_in_bands(queries, packed, np.tile(bases, (40, 1)), found, near, bands)
    np.testing.assert_array_equal(found[:, 0], order)
    assert (near == 0).all()
    np.testing.assert_array_equal(behind[np.arange(40), order], begins[order])


def test_letters_that_are_no_bases_match_nothing_in_a_query() -> None:
    targets = Sequences.from_texts(["ACGT" * 60], "dna")
    queries = Sequences.from_texts(["ACGTNCGTACGT"], "dna")
    assert in_bands(queries, targets, np.zeros((1, 1), np.int64), 1)[1].tolist() == [[1.0]]


def test_bands_overlap_by_as_much_as_insertions_may_take() -> None:
    assert BESIDE < HEIGHT
    assert BESIDE % 4 == 0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), letters=st.sampled_from([4, 15]), length=st.integers(1, 140))
def test_stretches_are_compared_as_sequences_of_their_own(seed: int, letters: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    queries, targets = random_set(rng, 3, length, length + 1, letters), random_set(rng, 30, 20, 90, letters)
    starts = targets.offsets[:-1] + rng.integers(0, 20, (3, 30))
    ends = np.minimum(starts + rng.integers(0, 80, (3, 30)), targets.offsets[1:])
    starts[:, ::5] = -1
    found, near = np.full((3, 4), -1), np.full((3, 4), np.inf)
    INFIX.nearest_parts(queries, targets.data, starts, ends, found, near)
    for q in range(3):
        there = np.flatnonzero(starts[q] >= 0)
        true = np.array([infix_oracle(queries[q].data, targets.data[starts[q, c] : ends[q, c]]) for c in there])
        np.testing.assert_array_equal(near[q], np.sort(true)[:4])
        for place, distance in zip(found[q], near[q], strict=True):
            assert true[np.flatnonzero(there == place)[0]] == distance
