"""Candidates in the order of the q-grams that only one of two sequences has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.distances.gram_ranking import GramRanker, words_of
from seqsearch.sequences import DNA, PROTEIN, Alphabet, as_sequences

_64 = (1 << 64) - 1


def bits_by_hand(codes: list[int], q: int, words: int) -> set[int]:
    """The bits of a sequence, q-gram by q-gram."""
    digits = (64 * words).bit_length() - 1
    found = set()
    for at in range(len(codes) - q + 1):
        number = 0
        for code in codes[at : at + q]:
            number = (number << (64 // q)) | (code & ((1 << (64 // q)) - 1))
        found.add((((number ^ (number >> 29)) * 0x9E3779B97F4A7C15) & _64) >> (64 - digits))
    return found


def rows_of(queries: int, targets: int) -> np.ndarray:
    return np.tile(np.arange(targets), (queries, 1))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([(DNA, 8), (PROTEIN, 3)]),
    st.lists(st.text("ACGT", min_size=1, max_size=40), min_size=1, max_size=6),
    st.lists(st.text("ACGT", min_size=1, max_size=40), min_size=1, max_size=3),
    st.sampled_from([90.0, 200.0, 1450.0]),
)
def test_scores_are_the_bits_that_differ(
    alphabet: tuple[Alphabet, int], targets: list[str], queries: list[str], length: float
) -> None:
    letters, q = alphabet
    stored, asked = (as_sequences(texts, letters) for texts in (targets, queries))
    scores = GramRanker(stored, length).scores(asked, rows_of(len(asked), len(stored)))
    words = words_of(length)
    sets = [[bits_by_hand(each.data.tolist(), q, words) for each in some] for some in (asked, stored)]
    assert scores.tolist() == [[len(one ^ other) for other in sets[1]] for one in sets[0]]


def test_rows_that_are_none_are_infinite_and_rows_may_come_in_any_order() -> None:
    stored = as_sequences(["ACGTACGTACGTTT", "TTTTTTTTTTTTTT", "ACGTACGTACGTTA"], DNA)
    ranker = GramRanker(stored, 200.0)
    found = ranker.scores(stored[:1], np.array([[2, -1, 0]]))
    assert found[0, 1] == np.inf
    assert found[0, 2] == 0
    assert 0 < found[0, 0] < np.inf
    again = ranker.scores(stored[:1], np.array([[0, 1, 2]]))
    assert again[0].tolist()[::2] == [found[0, 2], found[0, 0]]
    assert ranker.scores(stored[:0], np.zeros((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize(("length", "words"), [(0, 2), (90, 2), (253, 8), (1450, 32), (2900, 64), (1e6, 64)])
def test_there_are_as_many_bits_as_pay(length: float, words: int) -> None:
    assert words_of(length) == words


def test_distances_of_short_sequences_are_not_ranked() -> None:
    distance = EditDistance()
    assert not distance.ranks(as_sequences(["ACGT" * 90] * 3, DNA))
    assert not distance.ranks(as_sequences(["ACGT" * 120], DNA)[:0])
    assert distance.ranks(as_sequences(["ACGT" * 120] * 3, DNA))


def test_near_sequences_come_first() -> None:
    rng = np.random.default_rng(0)
    source = "".join(rng.choice(list("ACGT"), 1000))
    other = "".join(rng.choice(list("ACGT"), 1000))

    def edited(edits: int) -> str:
        letters = list(source)
        for at in rng.choice(len(letters), edits, replace=False):
            letters[at] = str(rng.choice(list("ACGT")))
        return "".join(letters)

    stored = as_sequences([other, *[edited(edits) for edits in (320, 160, 80, 40, 20, 5)], source], DNA)
    scores = GramRanker(stored, 1000.0).scores(as_sequences([source], DNA), rows_of(1, len(stored)))[0]
    assert (np.diff(scores) < 0).all()


def test_bits_are_made_in_parts_that_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    stored = as_sequences(["".join(rng.choice(list("ACGT"), 500)) for _ in range(23)], DNA)
    whole = GramRanker(stored, 500.0).scores(stored, rows_of(23, 23))
    monkeypatch.setattr("seqsearch.distances.filled._AT_ONCE", 2500)
    made: list[int] = []
    bits_of = GramRanker._bits_of
    monkeypatch.setattr(GramRanker, "_bits_of", lambda self, some: (made.append(len(some)), bits_of(self, some))[1])
    assert GramRanker(stored, 500.0).scores(stored, rows_of(23, 23)).tolist() == whole.tolist()
    assert sorted(made) == [3, 5, 5, 5, 5, 23], "the queries at once"
