from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import EmptyInputError, MismatchError, ParameterError, ParseError, SymbolError
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences, Strings, Tagged, read_tagged, untagged, words_of


def test_words_are_what_white_space_separates() -> None:
    words = words_of(Sequences.from_texts(["a  bc\td", " ", "e"], TEXT))
    assert words.words == ["a", "bc", "d", "e"]
    assert words.lengths.tolist() == [3, 0, 1]
    with pytest.raises(MismatchError, match="only text has words, not dna"):
        words_of(Sequences.from_texts(["ACGT"], DNA))


def test_tokens_with_labels(tmp_path: Path) -> None:
    place = tmp_path / "tagged.txt.gz"
    content = "# text = The cat\nThe\tDET\ncat\tNOUN\n\n\n# text\nNew York\tPROPN\n#\tSYM\n"
    place.write_bytes(gzip.compress(content.encode()))
    data = read_tagged(place)
    assert data.by_words
    assert data.sequences.texts() == ["The cat", "New_York #"]
    assert data.tags is not None
    assert list(data.tags) == ["DET", "NOUN", "PROPN", "SYM"]
    assert data.offsets.tolist() == [0, 2, 4]
    assert list(data[np.array([1])].tags or ()) == ["PROPN", "SYM"]


def test_tokens_without_labels(tmp_path: Path) -> None:
    place = tmp_path / "plain.tokens"
    place.write_text("The\ncat\n\nsat\n")
    data = read_tagged(place)
    assert data.tags is None
    assert data.sequences.texts() == ["The cat", "sat"]


def test_a_token_without_its_label_is_named(tmp_path: Path) -> None:
    place = tmp_path / "broken.tokens"
    place.write_text("The\tDET\ncat\n")
    with pytest.raises(ParseError, match=r"broken.tokens: line 2: 'cat' is not a word and its label"):
        read_tagged(place)
    place.write_text("\n\n")
    with pytest.raises(EmptyInputError, match="the file holds no word"):
        read_tagged(place)


def test_a_table_with_a_letter_for_every_element_and_a_mask(tmp_path: Path) -> None:
    place = tmp_path / "structure.tsv"
    place.write_text("id\tset\tsequence\tlabels\tresolved\np1\ttrain\tMKV\tCHH\t011\np2\ttrain\tGG\tCC\t11\n")
    data = read_tagged(place, alphabet="protein")
    assert data.sequences.alphabet is PROTEIN
    assert list(data.sequences.ids) == ["p1", "p2"]
    assert list(data.tags or ()) == ["C", "H", "H", "C", "C"]
    assert data.known.tolist() == [False, True, True, True, True]
    assert data[np.array([1])].known.tolist() == [True, True]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("p1\tMKV\tCH\t111", r"t.tsv: line 2: record 1 \(p1\): 2 labels for 3 elements"),
        ("p1\tMKV\tCHH\t11", r"line 2: record 1 \(p1\): 2 mask for 3 elements"),
        ("p1\tMKV\tCHH\t1x1", r"a mask holds 0 and 1, not 'x'"),
        ("p1\tMKV\tCHH", "line 2: record 1: the row has 3 fields, the header 4"),
        ("p1\tMK1\tCHH\t111", r"t.tsv: record 1 \(p1\): symbol '1' at position 3 is not in the protein alphabet"),
    ],
)
def test_rows_of_a_table_that_do_not_fit(row: str, problem: str, tmp_path: Path) -> None:
    place = tmp_path / "t.tsv"
    place.write_text(f"id\tsequence\tlabels\tmask\n{row}\n")
    with pytest.raises((ParseError, SymbolError), match=problem):
        read_tagged(place, alphabet="protein")


def test_labels_that_are_words(tmp_path: Path) -> None:
    place = tmp_path / "t.csv"
    place.write_text("text,tags\nthe cat,DET NOUN\nsit,VERB\n")
    assert list(read_tagged(place, unit="words").tags or ()) == ["DET", "NOUN", "VERB"]
    with pytest.raises(ParseError, match=r"line 2: record 1 \(1\): 2 labels for 7 elements"):
        read_tagged(place)
    with pytest.raises(ParseError, match="there is no column 'pos'; the columns are 'text', 'tags'"):
        read_tagged(place, unit="words", label_column="pos")
    with pytest.raises(ParameterError, match="no unit 'bytes'"):
        read_tagged(place, unit="bytes")


def test_vectors_with_labels(tmp_path: Path) -> None:
    place = tmp_path / "vectors.npz"
    values, tags = np.random.default_rng(0).standard_normal((5, 300)), np.array([0, 1, 0, 2, 2])
    np.savez(place, X=values, lengths=np.array([3, 2]), tags=tags, mask=np.array([1, 1, 0, 1, 1]))
    data = read_tagged(place)
    assert data.sequences.features == 300
    assert data.lengths.tolist() == [3, 2]
    assert list(data.tags or ()) == ["0", "1", "0", "2", "2"]
    assert data.known.tolist() == [True, True, False, True, True]
    np.savez(place, X=values, lengths=np.array([3, 2]), tags=tags[:4])
    with pytest.raises(MismatchError, match=r"vectors.npz: 4 labels for 5 elements"):
        read_tagged(place)
    np.savez(place, X=values, lengths=np.array([3, 2]))
    with pytest.raises(ParseError, match="there is no array 'names'"):
        read_tagged(place, label_column="names")


def test_sequences_alone(tmp_path: Path) -> None:
    place = tmp_path / "p.fasta"
    place.write_text(">a\nMKVLW\n>b\nGGHH\n")
    data = read_tagged(place, alphabet="protein")
    assert data.tags is None
    assert data.lengths.tolist() == [5, 4]
    assert untagged(Sequences.from_texts(["a b", "c"], TEXT), by_words=True).lengths.tolist() == [2, 1]


def test_columns_have_to_fit() -> None:
    sequences = Sequences.from_texts(["ab"], TEXT)
    with pytest.raises(MismatchError, match="1 labels for 2 elements"):
        Tagged(sequences, sequences.offsets, Strings.of(["x"]), np.ones(2, np.bool_))
    with pytest.raises(MismatchError, match="a mask of 3 for 2 elements"):
        Tagged(sequences, sequences.offsets, None, np.ones(3, np.bool_))
