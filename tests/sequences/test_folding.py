"""Texts that are folded before they are compared: everywhere alike, and what was written is kept."""

from __future__ import annotations

import itertools
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import EmptySequenceError, ParameterError
from seqsearch.sequences import TEXT, Sequences, alphabet_named, read
from seqsearch.sequences.coercion import taken
from seqsearch.sequences.folding import FOLDS, checked_folds, folded

EVERY = [each for count in range(1, 5) for each in itertools.combinations(FOLDS, count)]


@pytest.mark.parametrize(
    ("text", "folds", "expected"),
    [
        ("Müller", ("casefold",), "müller"),
        ("STRASSE", ("casefold",), "strasse"),
        ("Straße", ("casefold",), "strasse"),
        ("e\u0301", ("nfc",), "\u00e9"),
        ("ﬁn ①", ("nfc",), "ﬁn ①"),
        ("ﬁn ①", ("nfkc",), "fin 1"),
        ("Ａ", ("nfkc", "casefold"), "a"),
        ("Łódź Ångström", ("accents",), "Łodz Angstrom"),
        ("ΣΊΣΥΦΟΣ", ("casefold", "accents"), "σισυφοσ"),
        ("한국", ("accents",), "한국"),
        ("A", (), "A"),
    ],
)
def test_by_hand(text, folds, expected):
    assert folded(text, folds) == expected


@pytest.mark.parametrize("folds", EVERY, ids="+".join)
@given(text=st.text(max_size=20))
def test_folding_again_changes_nothing_and_what_it_says_holds(folds, text):
    made = folded(text, folds)
    assert folded(made, folds) == made
    assert made == unicodedata.normalize("NFKC" if "nfkc" in folds else "NFC", made)
    if "casefold" in folds:
        assert folded(text.upper(), folds) == folded(text.upper().lower().upper(), folds)
    if "accents" in folds:
        assert not any(unicodedata.category(c) == "Mn" for c in unicodedata.normalize("NFD", made))


def test_equivalent_writings_become_one():
    for folds in EVERY:
        assert folded("caf\u00e9", folds) == folded("cafe\u0301", folds)


def test_an_alphabet_is_named_by_what_it_does():
    alphabet = alphabet_named("text+Accents+casefold")
    assert alphabet.name == "text+casefold+accents"
    assert alphabet is alphabet_named(alphabet.name)
    assert alphabet.is_open
    assert TEXT.folds == ()
    assert alphabet.decode(alphabet.encode("José")) == "jose"
    with pytest.raises(
        ParameterError, match="texts cannot be folded by 'lower': choose from nfc, nfkc, casefold, accents"
    ):
        alphabet_named("text+lower")
    with pytest.raises(ParameterError, match="no alphabet 'dna\\+casefold'"):
        alphabet_named("dna+casefold")
    assert checked_folds(["casefold", "nfc", "nfc"]) == ("nfc", "casefold")


def test_every_way_in_folds_and_keeps_what_was_written(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("José\nSTRAẞE\nanna\n", encoding="utf-8")
    by_file = read(path, alphabet="text+casefold+accents")
    by_texts = Sequences.from_texts(["José", "STRAẞE", b"anna"], "text+casefold+accents")
    by_list = taken(["José", "STRAẞE", "anna"], "queries", like=by_file).sequences
    by_set = taken(Sequences.from_texts(["José", "STRAẞE", "anna"], TEXT), "queries", like=by_file).sequences
    for made in (by_file, by_texts, by_list, by_set):
        assert made.texts() == ["jose", "strasse", "anna"]
        assert list(made.descriptions) == ["José", "STRAẞE", "anna"]
        assert list(made.ids) == ["1", "2", "3"]
        assert made.lengths.tolist() == [4, 7, 4]


def test_descriptions_that_are_there_stay(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("id,sequence,description\na,É,first\nb,E,second\n", encoding="utf-8")
    made = read(path, alphabet="text+accents", description_column="description")
    assert (made.texts(), list(made.descriptions)) == (["E", "E"], ["first", "second"])


def test_a_text_of_which_nothing_is_left_is_an_error():
    with pytest.raises(EmptySequenceError, match="empty"):
        Sequences.from_texts(["a", "\u0301"], "text+accents")
    with pytest.raises(EmptySequenceError, match="empty"):
        taken(["a", "\u0301"], "queries", alphabet=alphabet_named("text+accents"))


def test_codes_are_taken_as_they_are():
    made = Sequences.from_arrays([np.array([0x41])], "text+casefold")
    assert made.texts() == ["A"]
