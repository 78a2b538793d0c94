import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import InputError, MismatchError
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences, Strings, read, write_fasta

words = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=["Z", "C"]), min_size=1
)


@given(
    st.dictionaries(words, st.text(alphabet=DNA.letters, min_size=1), min_size=1),
    st.lists(st.lists(words, max_size=3).map(" ".join), min_size=30, max_size=30),
)
def test_what_is_written_is_read_again(tmp_path_factory, records, descriptions):
    path = tmp_path_factory.mktemp("fasta") / "written.fasta"
    made = Sequences.from_texts(records.values(), DNA, records)
    rows = np.arange(len(made)) % len(descriptions)
    made.descriptions = Strings.of(descriptions).take(rows)
    assert write_fasta(path, made) == len(made)
    again = read(path, alphabet="dna")
    assert again.digest() == made.digest()
    assert again.descriptions == made.descriptions


def test_batches_follow_one_another_and_the_extension_compresses(tmp_path):
    path = tmp_path / "x.fa.gz"
    parts = [Sequences.from_texts(["MKV"], PROTEIN, ["a"]), Sequences.from_texts(["MWW"], PROTEIN, ["b"])]
    assert write_fasta(path, iter(parts)) == 2
    assert gzip.decompress(path.read_bytes()) == b">a\nMKV\n>b\nMWW\n"


def test_dash_is_standard_output(capsysbinary):
    write_fasta("-", Sequences.from_texts(["ACGT"], DNA))
    assert capsysbinary.readouterr().out == b">1\nACGT\n"


@pytest.mark.parametrize(
    ("sequences", "error", "message"),
    [
        (Sequences.from_texts(["x"], TEXT), MismatchError, "FASTA holds dna, rna or protein, not text"),
        (Sequences.from_arrays([[1.0]]), MismatchError, "FASTA holds dna, rna or protein, not series"),
        (Sequences.from_texts(["A", "A"], DNA, ["a", "b c"]), InputError, "record 2 ('b c'): an id in FASTA needs"),
    ],
)
def test_what_fasta_cannot_hold_leaves_the_old_file_alone(tmp_path, sequences, error, message):
    path = tmp_path / "old.fasta"
    path.write_text("old")
    with pytest.raises(error) as caught:
        write_fasta(path, sequences)
    assert message in str(caught.value)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["old.fasta"]


def test_a_missing_directory_is_named(tmp_path):
    path = tmp_path / "none" / "x.fasta"
    with pytest.raises(InputError) as caught:
        write_fasta(path, Sequences.from_texts(["A"], DNA))
    assert str(caught.value) == f"{path}: cannot be written: No such file or directory"
