"""The nearest string of several: every edit is weighed as a plain loop weighs it, and none is left that helps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from seqsearch import consensus
from seqsearch.distances.consensus_kernels import Costs
from seqsearch.distances.consensus_search import Members, Search
from seqsearch.errors import EmptyInputError, MismatchError, ParameterError
from seqsearch.sequences import DNA, TEXT, Sequences
from tests.families import mutate

words = st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=6)


def total(centre: str, members: list[str], weights: list[int] | None = None) -> int:
    return sum(w * Levenshtein.distance(centre, y) for y, w in zip(members, weights or [1] * len(members), strict=True))


def neighbours(centre: str, letters: str) -> list[str]:
    """Whatever one edit makes of it."""
    places = range(len(centre) + 1)
    out = [centre[:i] + centre[i + 1 :] for i in places[:-1]]
    out += [centre[:i] + c + centre[i + 1 :] for i in places[:-1] for c in letters]
    return out + [centre[:i] + c + centre[i:] for i in places for c in letters]


@given(words, st.data())
@settings(max_examples=60, deadline=None)
def test_no_single_edit_is_better(members: list[str], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(1, 3), min_size=len(members), max_size=len(members)))
    found = consensus(Sequences.from_texts(members, TEXT), weights=weights, tries=3)
    assert found.total == total(found.text, members, weights)
    assert found.distances.tolist() == [Levenshtein.distance(found.text, member) for member in members]
    assert found.median == min(total(member, members, weights) for member in members)
    assert found.total <= found.median
    letters = "".join(sorted(set("".join(members))))
    assert all(total(other, members, weights) >= found.total for other in neighbours(found.text, letters) if other)


def test_the_origin_of_noisy_copies_is_found() -> None:
    rng = np.random.default_rng(0)
    origin = rng.integers(4, size=400).astype(np.uint8)
    copies = Sequences.from_arrays([mutate(origin, 40, 4, rng) for _ in range(15)], DNA)
    found = consensus(copies)
    assert (found.sequence[0].data == origin).all()
    assert found.total < found.median / 1.5


def test_more_starts_are_never_worse_and_help_now_and_then() -> None:
    rng = np.random.default_rng(7)
    gained = 0
    for _ in range(25):
        members = Sequences.from_texts(
            ["".join(rng.choice(list("abc"), int(rng.integers(8, 14)))) for _ in range(7)], TEXT
        )
        one, five = consensus(members, starts=1, tries=0), consensus(members, starts=5, tries=0)
        assert one.median == five.median
        assert five.total <= one.total
        gained += five.total < one.total
    assert gained


def test_no_two_edits_are_better() -> None:
    """Beside all strings two edits away, where one edit at a time gets stuck now and then."""
    rng = np.random.default_rng(3)
    farther = 0
    for _ in range(12):
        members = ["".join(rng.choice(list("ab"), int(rng.integers(4, 8)))) for _ in range(5)]
        given = Sequences.from_texts(members, TEXT)
        found = consensus(given, starts=1, tries=0, edits=2)
        assert found.total == total(found.text, members)
        for one in neighbours(found.text, "ab"):
            assert all(total(other, members) >= found.total for other in neighbours(one, "ab"))
        farther += found.total < consensus(given, starts=1, tries=0).total
    assert farther


def test_one_alone_and_equal_ones_are_their_own() -> None:
    assert consensus(Sequences.from_texts(["anna"], TEXT)).text == "anna"
    assert consensus(["otto", "otto", "otto"]).total == 0


def test_the_same_seed_gives_the_same() -> None:
    rng = np.random.default_rng(5)
    some = ["".join(rng.choice(list("abcd"), 12)) for _ in range(8)]
    assert consensus(some, seed=3).text == consensus(some, seed=3).text
    assert consensus(some, tries=200).total <= consensus(some, tries=0).total


def test_what_has_no_consensus_is_refused() -> None:
    with pytest.raises(MismatchError, match="a consensus is of strings"):
        consensus(np.zeros((3, 5)))
    with pytest.raises(EmptyInputError, match="there is no sequence"):
        consensus([])
    with pytest.raises(ParameterError, match="tries must be at least 0, not -1"):
        consensus(["a"], tries=-1)
    with pytest.raises(ParameterError, match="starts must be at least 1, not 0"):
        consensus(["a"], starts=0)
    with pytest.raises(ParameterError, match="edits must be 1 or 2, not 3"):
        consensus(["a"], edits=3)
    with pytest.raises(ParameterError, match="weights are 2 whole numbers from 1"):
        consensus(["a", "b"], weights=[1, 0])


@given(words, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)))
@settings(max_examples=40, deadline=None)
def test_edits_of_other_costs_are_weighed_as_rapidfuzz_weighs_them(
    members: list[str], given: tuple[int, int, int]
) -> None:
    costs, letters = Costs(*given), "abc"
    coded = [np.array([letters.index(c) for c in member], np.int32) for member in members]
    offsets = np.cumsum([0, *map(len, coded)])
    those = Members(np.concatenate(coded), offsets, np.ones(len(members), np.int64), len(letters))
    centre = members[0]

    def away(text: str) -> list[int]:
        weights = (costs.more, costs.missing, costs.other)
        return [Levenshtein.distance(text, member, weights=weights) for member in members]

    found = Search(those, coded[0], np.array(away(centre)), costs)
    assert found.distances.tolist() == away(centre)
    left_out, put, inserted = found._sums
    for i in range(len(centre) + 1):
        for c, letter in enumerate(letters):
            assert inserted[i, c] == sum(away(centre[:i] + letter + centre[i:]))
            if i < len(centre):
                assert put[i, c] == sum(away(centre[:i] + letter + centre[i + 1 :]))
                assert left_out[i] == sum(away(centre[:i] + centre[i + 1 :]))


def test_reads_that_lost_letters_of_runs_are_completed() -> None:
    rng = np.random.default_rng(3)
    origin = np.repeat(rng.integers(4, size=150), rng.integers(1, 4, size=150)).astype(np.uint8)
    lost = np.where(np.convolve(np.diff(origin, prepend=9) == 0, np.ones(2), "same") > 0.5, 0.2, 0.04)
    copies = Sequences.from_arrays([origin[rng.random(len(origin)) > lost] for _ in range(9)], DNA)
    plain, likeliest = consensus(copies), consensus(copies, reads=True)
    whole = Sequences.from_arrays([origin], DNA)[0].text
    left = [Levenshtein.distance(found.text, whole) for found in (plain, likeliest)]
    assert left[1] < left[0] / 2
    assert likeliest.total == likeliest.distances.sum() == total(likeliest.text, copies.texts())
    assert likeliest.total >= plain.total


def test_equal_reads_are_what_they_were_read_of() -> None:
    assert consensus(["GATTACA"] * 3, reads=True).text == "GATTACA"
