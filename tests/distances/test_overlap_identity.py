"""The most identical of candidates, of which few are aligned, against the paths of all."""

from __future__ import annotations

import numpy as np
import pytest
from distance_oracles import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import OverlapDistance, distance_named, overlap_seeds
from seqsearch.distances.overlap_identity import may_be_as_identical
from seqsearch.search.identity import by_paths
from seqsearch.sequences import DNA, PROTEIN, Alphabet, Sequences

OVERLAP = OverlapDistance()


def relatives(alphabet: Alphabet, seed: int, nearest: float) -> tuple[Sequences, Sequences]:
    """Partial genes: of one family, farther from the first ones; ends alone, strangers, and repeats."""
    rng = np.random.default_rng(seed)
    symbols = 4 if alphabet is DNA else 20
    root = rng.integers(0, symbols, 600).astype(alphabet.dtype)

    def one(rate: float, begin: int, end: int) -> np.ndarray:
        return mutated(root[begin:end], int(rate * (end - begin)), alphabet, rng)

    queries = [one(nearest, 40, 560), one(nearest, 0, 300), one(0.0, 250, 600), rng.integers(0, symbols, 200), root[:9]]
    stored = [one(rate, *rng.integers(0, 150, 1), 450 + rng.integers(0, 150)) for rate in np.linspace(nearest, 0.5, 14)]
    stored += [one(0.0, 0, 70), one(0.02, 520, 600), one(0.05, 200, 330), root[540:], np.tile(root[:5], 60)]
    stored += [np.insert(root, 300, np.tile(root[:7], 20)), rng.integers(0, symbols, 400)]
    made = (
        Sequences.from_arrays([np.asarray(each, alphabet.dtype) for each in some], alphabet)
        for some in (queries, stored)
    )
    return next(made), next(made)


@pytest.mark.parametrize("nearest", [0.0, 0.03, 0.15, 0.3])
@pytest.mark.parametrize("alphabet", [DNA, PROTEIN], ids=lambda alphabet: alphabet.name)
def test_it_is_what_all_paths_say(alphabet: Alphabet, nearest: float) -> None:
    queries, targets = relatives(alphabet, int(100 * nearest), nearest)
    rows = np.tile(np.arange(len(targets)), (len(queries), 1))
    rows[1, ::4] = -1
    for k, coverage in ((1, 0.0), (1, 0.8), (3, 0.5), (len(targets) + 2, 0.0)):
        found, slow = (
            OVERLAP.most_identical(queries, targets, rows, k, coverage),
            by_paths(OVERLAP, queries, targets, rows, k, coverage),
        )
        assert found is not None
        some = slow.identities > 0  # 0: nothing is aligned
        assert (found.rows >= 0).tolist() == some.tolist()
        np.testing.assert_allclose(found.identities[some], slow.identities[some])
        np.testing.assert_array_equal(found.distances[some], slow.distances[some])
        np.testing.assert_array_equal(found.rows[some], slow.rows[some])


def test_with_wildcards_it_is_what_all_paths_say() -> None:
    distance = distance_named("overlap", wildcards=True)
    queries, targets = relatives(DNA, 4, 0.04)
    unsure = queries.data.copy()
    unsure[::40] = DNA.encode("N")[0]
    queries = Sequences.from_arrays(np.split(unsure, queries.offsets[1:-1]), DNA)
    rows = np.tile(np.arange(len(targets)), (len(queries), 1))
    found, slow = (
        distance.most_identical(queries, targets, rows, 2, 0.3),
        by_paths(distance, queries, targets, rows, 2, 0.3),
    )
    assert found is not None
    np.testing.assert_allclose(found.identities, slow.identities)
    np.testing.assert_array_equal(found.rows, slow.rows)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_what_cannot_be_as_identical_is_not(seed: int) -> None:
    """Whatever the best overlap is, its own identity, coverage and score are never ruled out; and others are."""
    queries, targets = relatives(DNA, seed, float(np.random.default_rng(seed).choice([0.0, 0.02, 0.06])))
    codes, m = queries[0].data, len(queries[0])
    seeds = overlap_seeds.seeds_of(codes)
    starts, lengths = targets.offsets[:-1].copy(), targets.lengths
    shared = overlap_seeds.shared_of(seeds, m, targets.data, starts, lengths)
    ruled_out = 0
    for row, target in enumerate(targets):
        path, n = OVERLAP.align(queries[0], target), len(target)
        assert path.score is not None
        total = overlap_seeds.counted(seeds, shared, row, m, targets.data, starts, lengths)
        known = shared.counts[row], int(shared.known[row])
        coverage = path.coverage(m, n)
        for counted in {False, total >= 0}:
            for score in (0, path.score) if path.columns else ():
                assert may_be_as_identical(*known, counted, seeds.q, m, n, score, path.identity - 1e-9, coverage - 1e-9)
        ruled_out += not may_be_as_identical(*known, total >= 0, seeds.q, m, n, path.score, 0.99, 0.0)
    assert ruled_out > 8
