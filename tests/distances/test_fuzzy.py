"""Distances that rapidfuzz counts are those that rapidfuzz counts, on 10,000 pairs; wrong parameters are named."""

from __future__ import annotations

import numpy as np
import pytest
from rapidfuzz import distance as rapid

from seqsearch.distances import (
    DamerauLevenshteinDistance,
    IndelDistance,
    JaroWinklerDistance,
    OSADistance,
    WeightedEditDistance,
)
from seqsearch.distances.spelled import spelled, spelled_rows
from seqsearch.errors import ParameterError
from seqsearch.sequences import DNA, INTEGERS, TEXT, Sequences

PAIRS = 10_000
BOTH = [
    (WeightedEditDistance(insertion=1, deletion=1, substitution=2), rapid.Levenshtein, {"weights": (1, 1, 2)}),
    (WeightedEditDistance(insertion=3, deletion=5, substitution=4), rapid.Levenshtein, {"weights": (3, 5, 4)}),
    (IndelDistance(), rapid.Indel, {}),
    (OSADistance(), rapid.OSA, {}),
    (DamerauLevenshteinDistance(), rapid.DamerauLevenshtein, {}),
    (JaroWinklerDistance(), rapid.JaroWinkler, {"prefix_weight": 0.1}),
    (JaroWinklerDistance(prefix_weight=0.25), rapid.JaroWinkler, {"prefix_weight": 0.25}),
]


def words(letters: str, n: int, longest: int, seed: int) -> list[str]:
    """Half of them anew, half an edited one from before."""
    rng = np.random.default_rng(seed)
    made: list[str] = []
    for _ in range(n):
        if not made or rng.random() < 0.5:
            made.append("".join(rng.choice(list(letters), int(rng.integers(1, longest + 1)))))
            continue
        changed = list(made[int(rng.integers(len(made)))])
        for _ in range(int(rng.integers(0, 4))):
            at = int(rng.integers(len(changed)))
            changed[at : at + int(rng.integers(0, 2))] = list(rng.choice(list(letters), int(rng.integers(1, 3))))
        made.append("".join(changed)[:longest])
    return made


SETS = [(words("ACGTN", 2000, 70, 0), DNA), (words("abcdeéßΩあ😀\u0301 ", 2000, 24, 1), TEXT)]


@pytest.mark.parametrize(("texts", "alphabet"), SETS, ids=["dna", "unicode"])
@pytest.mark.parametrize(("distance", "measure", "arguments"), BOTH, ids=lambda value: repr(value)[:60])
def test_pairs_and_table_equal_rapidfuzz(distance, measure, arguments, texts, alphabet):
    rng = np.random.default_rng(2)
    some = Sequences.from_texts(texts, alphabet)
    i, j = rng.integers(0, len(texts), (2, PAIRS))
    expected = [measure.distance(texts[p], texts[q], **arguments) for p, q in zip(i.tolist(), j.tolist(), strict=True)]
    np.testing.assert_array_equal(distance.pairs(some, i, some, j), expected)
    table = [[measure.distance(p, q, **arguments) for q in texts[:90]] for p in texts[90:120]]
    np.testing.assert_array_equal(distance.matrix(some[90:120], some[:90]), table)


@pytest.mark.parametrize("weight", [0.5, "2", True, -1, 2_000_000])
def test_weights_are_whole_numbers(weight):
    with pytest.raises(
        ParameterError, match=rf"the deletion weight must be a whole number from 0 to 1000000, not {weight!r}"
    ):
        WeightedEditDistance(deletion=weight)


@pytest.mark.parametrize("weight", [-0.1, 0.26, float("nan")])
def test_a_prefix_weighs_at_most_a_quarter(weight):
    with pytest.raises(ParameterError, match=f"prefix_weight must be from 0 to 0.25, not {weight}"):
        JaroWinklerDistance(prefix_weight=weight)


def test_weights_say_what_it_costs_to_make_the_target_of_the_query():
    short, long = Sequences.from_texts(["AC"], DNA), Sequences.from_texts(["ACG"], DNA)
    distance = WeightedEditDistance(insertion=2, deletion=7)
    assert (distance.matrix(short, long).item(), distance.matrix(long, short).item()) == (2, 7)
    assert not distance.metric
    assert not WeightedEditDistance(insertion=0, deletion=0).metric
    assert WeightedEditDistance(substitution=2).metric


def test_sequences_are_spelled_as_they_are():
    texts = Sequences.from_texts(["naïve", "a", "\U0001f600b"], TEXT)
    assert spelled(texts) == ["naïve", "a", "\U0001f600b"]
    assert spelled(texts[1:]) == ["a", "\U0001f600b"]
    assert spelled_rows(texts, np.array([2, 0, 2])) == ["\U0001f600b", "naïve", "\U0001f600b"]
    numbers = Sequences.from_arrays([np.array([1, 2**32 - 1]), np.array([7])], INTEGERS)
    assert spelled(numbers) == [[1, 2**32 - 1], [7]]
    lone = Sequences.from_arrays([np.array([0xD800, 65])], TEXT)
    assert spelled(lone) == ["\ud800A"]
    assert OSADistance().matrix(lone, lone).item() == 0
