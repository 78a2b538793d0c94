"""No string has a lesser sum than the bound, which is what the best of all short strings has where it can be shown."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from seqsearch import consensus, consensus_bound
from seqsearch.distances.median_of_three import medians_of_three
from seqsearch.errors import EmptyInputError, MismatchError, ParameterError
from seqsearch.sequences import TEXT, Sequences
from tests.families import families

EVERY = ["".join(letters) for length in range(6) for letters in product("ab", repeat=length)]
words = st.text("ab", min_size=1, max_size=5)


def least(members: list[str], weights: list[int]) -> int:
    """Of all strings that can be the best: no longer than the members, of their letters."""
    return min(sum(w * Levenshtein.distance(c, y) for y, w in zip(members, weights, strict=True)) for c in EVERY)


@given(st.lists(st.tuples(words, st.integers(1, 3)), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_no_string_is_below_it(members: list[tuple[str, int]]) -> None:
    texts, weights = [text for text, _ in members], [weight for _, weight in members]
    bound = consensus_bound(Sequences.from_texts(texts, TEXT), weights=weights)
    assert 0 <= bound <= least(texts, weights)


@given(st.tuples(words, words, words))
@settings(max_examples=30, deadline=None)
def test_of_three_it_is_exact(three: tuple[str, str, str]) -> None:
    texts = list(three)
    assert consensus_bound(Sequences.from_texts(texts, TEXT)) == least(texts, [1, 1, 1])
    members = Sequences.from_texts(texts, TEXT)
    found, best = np.zeros(1, np.int64), min(sum(Levenshtein.distance(c, y) for y in texts) for c in texts)
    rows = np.array([[0, 1, 2]])
    medians_of_three(members.data.astype(np.int32), members.offsets, rows, np.array([best]), found)
    assert found[0] == least(texts, [1, 1, 1])


def test_triples_prove_what_pairs_do_not() -> None:
    """Three that differ at one place each way: pairs allow 1.5, whole numbers 2; and more of them than one."""
    texts = ["aaaa", "baaa", "caaa", "aada", "aaea", "aafa", "aaab"]
    found = consensus(Sequences.from_texts(texts, TEXT))
    assert consensus_bound(Sequences.from_texts(texts, TEXT), most=found.total) == found.total == 6
    assert consensus_bound(["otto", "otto"]) == 0


def test_a_family_is_proved_to_have_no_better_string() -> None:
    members = families(1, 12, 80, edits=3, seed=2)
    found = consensus(members)
    assert consensus_bound(members, most=found.total) == found.total
    assert consensus_bound(members) == found.total


def test_parts_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    members = families(1, 11, 60, edits=9, seed=5)
    members = members[np.sort(np.unique(members.texts(), return_index=True)[1])]
    assert len(members) > 8
    whole, total = consensus_bound(members), consensus(members).total
    monkeypatch.setattr("seqsearch.distances.consensus_bound._TOGETHER", 4)
    parts = sum(consensus_bound(members[start : start + 4]) for start in (0, 4, 8))
    assert 0 < consensus_bound(members, most=total) == parts <= whole <= total


def test_what_has_no_bound_is_refused() -> None:
    with pytest.raises(MismatchError, match="a consensus is of strings"):
        consensus_bound(np.zeros((3, 5)))
    with pytest.raises(EmptyInputError, match="there is no sequence"):
        consensus_bound([])
    with pytest.raises(ParameterError, match="most must be at least 0, not -1"):
        consensus_bound(["a"], most=-1)
