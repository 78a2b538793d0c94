import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import ParameterError, SymbolError
from seqsearch.sequences import ALPHABETS, DNA, INTEGERS, PROTEIN, RNA, TEXT, alphabet_named
from seqsearch.sequences.alphabet import NOT_A_SYMBOL

FIXED = [DNA, RNA, PROTEIN]


@pytest.mark.parametrize("alphabet", FIXED, ids=repr)
def test_every_letter_has_its_position_as_code_in_either_case(alphabet):
    codes = np.arange(len(alphabet.letters))
    assert alphabet.encode(alphabet.letters).tolist() == codes.tolist()
    assert alphabet.encode(alphabet.letters.lower()).tolist() == codes.tolist()
    assert alphabet.decode(codes) == alphabet.letters


@pytest.mark.parametrize("alphabet", FIXED, ids=repr)
def test_lookup_marks_every_byte_that_is_no_symbol(alphabet):
    symbols = set((alphabet.letters + "".join(alphabet.aliases)).encode())
    codes = alphabet.lookup(bytes(range(256)))
    for byte in range(256):
        known = bytes([byte]).upper()[0] in symbols
        assert (codes[byte] != NOT_A_SYMBOL) == known


@pytest.mark.parametrize("alphabet", FIXED, ids=repr)
def test_a_profile_is_a_distribution_over_the_members_of_the_mixture(alphabet):
    np.testing.assert_allclose(alphabet.profiles.sum(axis=1), 1, rtol=1e-6)
    for letter, members in alphabet.mixtures.items():
        profile = alphabet.profiles[alphabet.letters.index(letter)]
        assert {alphabet.canonical[at] for at in np.flatnonzero(profile)} == set(members)


def test_dna_and_rna_read_each_other():
    assert DNA.encode("ACGU").tolist() == DNA.encode("ACGT").tolist()
    assert RNA.decode(RNA.encode("ACGTN")) == "ACGUN"


@given(st.text())
def test_text_comes_back(text):
    assert TEXT.decode(TEXT.encode(text)) == text
    assert TEXT.encode(text).tolist() == [ord(c) for c in text]


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_integers_come_back(values):
    text = " ".join(map(str, values))
    assert INTEGERS.encode(text).tolist() == values
    assert INTEGERS.decode(INTEGERS.encode(text)) == text


@pytest.mark.parametrize(
    ("alphabet", "text", "message"),
    [
        (DNA, "ACGJ", "symbol 'J' at position 4 is not in the dna alphabet"),
        (DNA, b"A-CG", "symbol '-' at position 2 is not in the dna alphabet"),
        (DNA, "ACÄG", "symbol 'Ä' at position 3 is not in the dna alphabet"),
        (PROTEIN, "MK1", "symbol '1' at position 3 is not in the protein alphabet"),
        (INTEGERS, "1 x 3", "'x' at position 2 is not an integer token"),
        (INTEGERS, "--5", "'--5' at position 1 is not an integer token"),
        (INTEGERS, "1 -5", "token -5 is outside 0..4294967295"),
        (INTEGERS, "4294967296", "token 4294967296 is outside 0..4294967295"),
    ],
)
def test_a_wrong_symbol_is_named_with_its_place(alphabet, text, message):
    with pytest.raises(SymbolError) as caught:
        alphabet.encode(text)
    assert str(caught.value) == message


def test_an_unknown_alphabet_lists_those_there_are():
    with pytest.raises(ParameterError, match="no alphabet 'xna': choose one of dna, rna, protein, text, integers"):
        alphabet_named("xna")
    assert all(alphabet_named(name) is alphabet for name, alphabet in ALPHABETS.items())
