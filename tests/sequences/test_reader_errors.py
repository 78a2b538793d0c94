"""Every way a file can be wrong: the class of the error and its whole text."""

import bz2
import gzip
import io
import lzma
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqsearch.errors import (
    DuplicateIdError,
    EmptyInputError,
    EmptySequenceError,
    InputError,
    ParameterError,
    ParseError,
    SeqsearchError,
    SeriesError,
    SymbolError,
)
from seqsearch.sequences import read, read_batches
from seqsearch.sequences.readers import READERS


def npy(values):
    raw = io.BytesIO()
    np.save(raw, values, allow_pickle=True)
    return raw.getvalue()


def npz(**arrays):
    raw = io.BytesIO()
    np.savez(raw, **arrays)
    return raw.getvalue()


GUESSED = " (which was guessed from the first records; if it is another, name it: alphabet)"
TS = b"@classLabel true a b\n@data\n"
LONG = "".join(f">{n}\n{'ACGT' * 20}\n" for n in range(500)).encode()

CASES = [
    # file name, content, options, error, text after the path
    ("x.fasta", b"", {}, EmptyInputError, "the file is empty"),
    ("x.fasta.gz", gzip.compress(b""), {}, EmptyInputError, "the file is empty"),
    ("x.fasta", b"\n\n", {}, EmptyInputError, "the file holds no record"),
    ("x.csv", b"id,sequence\n", {}, EmptyInputError, "the file holds no record"),
    ("x.npy", npy(np.zeros((0, 3))), {}, EmptyInputError, "the file holds no record"),
    (
        "x.fasta",
        b">a\nA1\n",
        {"on_error": "skip", "alphabet": "dna"},
        EmptyInputError,
        "no record is left: all 1 were skipped",
    ),
    ("x.fasta.gz", gzip.compress(LONG)[:-20], {}, ParseError, "the compressed file ends early: it is truncated"),
    ("x.fasta.bz2", bz2.compress(LONG)[:-20], {}, ParseError, "the compressed file ends early: it is truncated"),
    ("x.fasta.xz", lzma.compress(LONG)[:-20], {}, ParseError, "the compressed file ends early: it is truncated"),
    ("x.fasta.gz", LONG, {}, ParseError, "the compressed data is damaged: Not a gzipped file (b'>0')"),
    ("x.fasta.bz2", LONG, {}, ParseError, "the compressed data is damaged: Invalid data stream"),
    ("x.fasta.xz", LONG, {}, ParseError, "the compressed data is damaged: Input format not supported by decoder"),
    # FASTA and FASTQ
    ("x.fasta", b"ACGT\n", {}, ParseError, "line 1: Expected '>' at beginning of record, but got 'ACGT'."),
    (
        "x.fasta",
        b">a\nACGT\n>b\nAC\xff\xfe\x00\n",
        {},
        ParseError,
        "line 4: record 2: byte 0xff is not UTF-8 text: this is no FASTA file, or it is damaged",
    ),
    (
        "x.fasta",
        b"\x00\x01\xff",
        {},
        ParseError,
        "line 1: byte 0xff is not UTF-8 text: this is no FASTA file, or it is damaged",
    ),
    (
        "x.fasta",
        b">a\nACGTACGTACGT\n>b x\nAC\nG!\n",
        {},
        SymbolError,
        f"line 3: record 2 (b): symbol '!' at position 4 is not in the dna alphabet{GUESSED}",
    ),
    (
        "x.fasta",
        ">a\nACGTACGTACGÄ\n".encode(),
        {"alphabet": "dna"},
        SymbolError,
        "line 1: record 1 (a): symbol 'Ä' at position 12 is not in the dna alphabet",
    ),
    ("x.fasta", b">a\nACGT\n>b\n\n>c\nA\n", {}, EmptySequenceError, "line 3: record 2 (b): the sequence is empty"),
    ("x.fasta", b">a\nACGT\n>\nACGT\n", {}, ParseError, "line 3: record 2: the record has no id"),
    (
        "x.fasta",
        b">a\nA\n>b\nC\n>a z\nG\n",
        {},
        DuplicateIdError,
        (
            "line 5: record 3 (a): the id 'a' was used before, by record 1: with duplicate_ids (--duplicate-ids) "
            "'rename' it gets a number, with 'skip' it is left out"
        ),
    ),
    (
        "x.fastq",
        b"@a\nACGT\n+\nIIII\n@b\nACGT\n+\nIII\n",
        {},
        ParseError,
        "line 8: record 2: Length of sequence and qualities differ",
    ),
    (
        "x.fastq",
        b"@a\nACGT\n+\nIIII\n@b\nAC",
        {},
        ParseError,
        "line 6: record 2: Premature end of file encountered. The incomplete final record was: '@b\\nAC'",
    ),
    (
        "x.fastq",
        b"@a\nACGT\n+\nIIII\n@b\nACXT\n+\nIIII\n",
        {},
        SymbolError,
        f"line 5: record 2 (b): symbol 'X' at position 3 is not in the dna alphabet{GUESSED}",
    ),
    # tables and lines
    (
        "x.csv",
        b"id,letters,n\na,b,c\n",
        {},
        ParseError,
        (
            "line 1: no column is known to hold the sequences; name it (sequence_column); "
            "the columns are 'id', 'letters', 'n'"
        ),
    ),
    (
        "x.csv",
        b"id,sequence\na,b\n",
        {"label_column": "kind"},
        ParseError,
        "line 1: there is no column 'kind'; the columns are 'id', 'sequence'",
    ),
    ("x.csv", b"id,sequence\na,b\nc,d,e\n", {}, ParseError, "line 3: record 2: the row has 3 fields, the header 2"),
    ("x.csv", b'id,sequence\na,"b\n', {}, ParseError, "line 2: not a well-formed table: unexpected end of data"),
    ("x.csv", b"id,sequence\na,b\nc,\xe9\n", {}, ParseError, "line 3: byte 0xe9 is not UTF-8 text"),
    (
        "x.csv",
        b"id,sequence\na,ACGJ\n",
        {"alphabet": "dna"},
        SymbolError,
        "line 2: record 1 (a): symbol 'J' at position 4 is not in the dna alphabet",
    ),
    (
        "x.csv",
        b"id,sequence\na,1 2\nb,3 x\n",
        {"alphabet": "integers"},
        SymbolError,
        "line 3: record 2 (b): 'x' at position 2 is not an integer token",
    ),
    (
        "x.csv",
        b"id,sequence\na,1\nb, \n",
        {"alphabet": "integers"},
        EmptySequenceError,
        "line 3: record 2 (b): the sequence is empty",
    ),
    ("x.txt", b"one\n\nthree\n", {}, EmptySequenceError, "line 2: record 2 (2): the sequence is empty"),
    ("x.txt", b"one\ntwo\nthr\xe9e\n", {}, ParseError, "line 3: byte 0xe9 is not UTF-8 text"),
    # arrays
    ("x.npy", npy(np.zeros(3)), {}, ParseError, "the array has shape (3,): series are (n, T) or (n, T, F)"),
    ("x.npy", npy(np.float32(1)), {}, ParseError, "the array has shape (): series are (n, T) or (n, T, F)"),
    ("x.npy", npy(np.zeros((2, 3, 0))), {}, ParseError, "the array has shape (2, 3, 0): series without a feature"),
    ("x.npy", npy(np.zeros((2, 0))), {}, EmptySequenceError, "record 1 (1): the sequence is empty"),
    ("x.npy", npy(np.array([["a"]])), {}, ParseError, "the array has dtype <U1: a series needs real numbers"),
    (
        "x.npy",
        npy(np.zeros((1, 2), complex)),
        {},
        ParseError,
        "the array has dtype complex128: a series needs real numbers",
    ),
    ("x.npy", npy(np.zeros((1, 2), bool)), {}, ParseError, "the array has dtype bool: a series needs real numbers"),
    (
        "x.npy",
        npy(np.array([[None]], object)),
        {},
        ParseError,
        "the array holds pickled Python objects, which are never read",
    ),
    (
        "x.npy",
        npy(np.zeros((1, 2))),
        {"alphabet": "integers"},
        ParseError,
        "the array has dtype float64: integer tokens need integers",
    ),
    (
        "x.npy",
        npy(np.array([[1, 2], [3, -4]])),
        {"alphabet": "integers"},
        SymbolError,
        "record 2 (2): token -4 at position 2 is not a whole number in 0..4294967295",
    ),
    (
        "x.npy",
        npy(np.zeros((1, 3, 3), int)),
        {"alphabet": "integers"},
        ParseError,
        "integer tokens need one feature, not 3",
    ),
    (
        "x.npy",
        npy(np.array([[1, 2], [3, np.nan]])),
        {},
        SeriesError,
        "record 2 (2): value nan at step 2 is not a finite float32 number",
    ),
    (
        "x.npy",
        npy(np.array([[[1, 2], [3, -np.inf]]])),
        {},
        SeriesError,
        "record 1 (1): value -inf at step 2, feature 2 is not a finite float32 number",
    ),
    (
        "x.npy",
        npy(np.array([[1e39, 1]])),
        {},
        SeriesError,
        "record 1 (1): value 1e+39 at step 1 is not a finite float32 number",
    ),
    ("x.npy", npy(np.zeros((4, 2)))[:-8], {}, ParseError, "the array ends early: 56 bytes of 64 are there"),
    (
        "x.npy",
        b"garbage garbage",
        {},
        ParseError,
        "the array has no readable .npy header: the magic string is not correct; expected b'\\x93NUMPY', got b'garbag'",
    ),
    (
        "x.npz",
        npz(y=np.zeros(3), z=np.array(["a"])),
        {},
        ParseError,
        "no array holds series of numbers; name it (sequence_column); the arrays are y float64(3,), z <U1(1,)",
    ),
    (
        "x.npz",
        npz(a=np.zeros((3, 1)), b=np.zeros((3, 2))),
        {},
        ParseError,
        (
            "several arrays may hold the series; name it (sequence_column); "
            "the arrays are a float64(3, 1), b float64(3, 2)"
        ),
    ),
    (
        "x.npz",
        npz(X=np.zeros((2, 1))),
        {"label_column": "y"},
        ParseError,
        "there is no array 'y'; the arrays are X float64(2, 1)",
    ),
    (
        "x.npz",
        npz(X=np.zeros((2, 1)), y=np.zeros(3)),
        {},
        ParseError,
        "array 'y' must be one row of 2 strings or numbers; the arrays are X float64(2, 1), y float64(3,)",
    ),
    (
        "x.npz",
        npz(X=np.array([[None]], object)),
        {"sequence_column": "X"},
        ParseError,
        "array 'X' holds pickled Python objects, which are never read",
    ),
    (
        "x.npz",
        npz(values=np.zeros(5), offsets=np.array([0, 4, 2, 5])),
        {},
        ParseError,
        (
            "the offsets (0..5) must ascend from 0 to 5, the steps of array 'values'; "
            "the arrays are values float64(5,), offsets int64(4,)"
        ),
    ),
    (
        "x.npz",
        npz(values=np.zeros(5), lengths=np.array([2, 2])),
        {},
        ParseError,
        (
            "the offsets (0..4) must ascend from 0 to 5, the steps of array 'values'; "
            "the arrays are values float64(5,), lengths int64(2,)"
        ),
    ),
    (
        "x.npz",
        npz(values=np.zeros(2), lengths=np.array([2, 0])),
        {},
        EmptySequenceError,
        "record 2 (2): the sequence is empty",
    ),
    (
        "x.npz",
        npz(X=np.zeros((2, 3)), lengths=np.array([1, 4])),
        {},
        ParseError,
        "a length of 4 exceeds the 3 steps of array 'X'; the arrays are X float64(2, 3), lengths int64(2,)",
    ),
    (
        "x.npz",
        npz(X=np.zeros((2, 3, 1)), lengths=np.array([1])),
        {},
        ParseError,
        "1 lengths for 2 series; the arrays are X float64(2, 3, 1), lengths int64(1,)",
    ),
    (
        "x.npz",
        npz(X=np.zeros((2, 3)), lengths=np.array([1, -1])),
        {},
        ParseError,
        "array 'lengths' holds a negative length, -1; the arrays are X float64(2, 3), lengths int64(2,)",
    ),
    (
        "x.npz",
        npz(X=np.zeros((2, 3)), lengths=np.array([1.0, 2])),
        {},
        ParseError,
        (
            "array 'lengths' must be one row of integers, not float64(2,); "
            "the arrays are X float64(2, 3), lengths float64(2,)"
        ),
    ),
    ("x.npz", b"PK\x03\x04 garbage", {}, ParseError, "not a readable .npz archive: File is not a zip file"),
    # time series
    (
        "x.ts",
        TS + b"1,nan:a\n",
        {"alphabet": "integers"},
        SymbolError,
        "line 3: record 1 (1): token nan at position 2 is not a whole number in 0..4294967295",
    ),
    ("x.ts", TS + b"1,2:a\n1,x:a\n", {}, SeriesError, "line 4: record 2 (2): value 'x' at step 2 is not a number"),
    (
        "x.ts",
        TS + b"1,?,3:a\n",
        {},
        SeriesError,
        "line 3: record 1 (1): value nan at step 2 is not a finite float32 number",
    ),
    (
        "x.ts",
        TS + b"1,2:a\n1,2:3,4:b\n",
        {},
        SeriesError,
        "line 4: record 2 (2): the series has 2 dimensions, the first one 1",
    ),
    (
        "x.ts",
        TS + b"1,2:3,4,5:b\n",
        {},
        SeriesError,
        "line 3: record 1 (1): the dimensions of one series differ in length: 2, 3",
    ),
    (
        "x.ts",
        TS + b"1,2\n",
        {},
        ParseError,
        "line 3: record 1 (1): class '1,2' is not among those of the @classLabel line",
    ),
    ("x.ts", TS + b"a\n", {}, ParseError, "line 3: record 1 (1): the line holds a class but no series"),
    ("x.ts", TS + b":a\n", {}, EmptySequenceError, "line 3: record 1 (1): the sequence is empty"),
    ("x.ts", b"@classLabel false\n1,2\n", {}, ParseError, "line 2: expected a line that starts with @, not '1,2'"),
    (
        "x.ts",
        b"@timeStamps true\n@data\n(0,1)\n",
        {},
        ParseError,
        "line 1: time stamps are not supported: the steps must be equally spaced",
    ),
    ("x.ts", b"@classLabel false\n", {}, ParseError, "there is no @data line: this is no .ts file"),
    ("x.ts", TS + b"1,\xff:a\n", {}, ParseError, "line 3: byte 0xff is not UTF-8 text"),
    (
        "x.tsv",
        b"1\t1\t2\t3\n2\t1\tNaN\t3\n",
        {},
        SeriesError,
        "line 2: record 2 (2): value nan at step 2 is not a finite float32 number",
    ),
    ("x.tsv", b"1\t1\t2\t3\n2\tNaN\tNaN\tNaN\n", {}, EmptySequenceError, "line 2: record 2 (2): the sequence is empty"),
]


@pytest.mark.parametrize(("name", "content", "options", "error", "text"), CASES, ids=[c[4][:60] for c in CASES])
def test_what_is_wrong_is_named_with_its_place(tmp_path, name, content, options, error, text):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read(path, **options)
    assert type(caught.value) is error
    assert str(caught.value) == f"{path}: {text}"
    with pytest.raises(error) as caught:
        list(read_batches(path, size=1, **options))
    assert str(caught.value) == f"{path}: {text}"


def test_a_zip_directory_that_points_before_the_file_is_named(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(npz(X=np.zeros((1, 1)))[:-6] + b"\xff\xff\xff\x7f\x00\x00")
    with pytest.raises(ParseError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: not a readable .npz archive: ")  # the rest is Python's


def test_a_path_that_is_no_file_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path / "none.fasta")
    assert str(caught.value) == f"{tmp_path / 'none.fasta'}: there is no such file"
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path}: this is a directory, not a file"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="cannot be read: Too many levels of symbolic links"):
        read(tmp_path / "loop")


def test_standard_input_is_named_and_may_be_missing(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b">a\nACGT\n>b\nA!\n")))
    with pytest.raises(SymbolError) as caught:
        read("-", alphabet="dna")
    assert str(caught.value) == "<stdin>: record 2 (b): symbol '!' at position 2 is not in the dna alphabet"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="<stdin>: there is no standard input"):
        read("-")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"format": "bam"},
            (
                "no format 'bam': choose one of fasta, fastq, csv, tsv, lines, npy, npz, ts, ucr, parquet, arrow, "
                "hdf5, midi"
            ),
        ),
        ({"alphabet": "xna"}, "no alphabet 'xna': choose one of dna, rna, protein, text, integers"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip', not 'ignore'"),
        ({"id_column": "id"}, "id_column='id' means nothing for a fasta file: it has no columns"),
        ({"format": "npy", "alphabet": "dna"}, "alphabet 'dna' does not fit a npy file, which holds series"),
    ],
)
def test_arguments_that_fit_no_file(tmp_path, options, text):
    path = tmp_path / "x.fasta"
    path.write_text(">a\nA\n")
    with pytest.raises(ParameterError) as caught:
        read(path, **options)
    assert str(caught.value) == text


def test_a_batch_needs_a_size(tmp_path):
    with pytest.raises(ParameterError, match="size must be at least 1, not 0"):
        read_batches(tmp_path / "none", size=0)  # at once, not when the first batch is asked for


SEEDS = [case[1] for case in CASES if case[1]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4),
    st.sampled_from([*READERS, None]),
    st.integers(0, 4000),
    st.sampled_from(["raise", "skip"]),
)
def test_garbage_raises_nothing_but_our_errors(tmp_path, content, changes, format, length, on_error):
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    path = tmp_path / "x"
    path.write_bytes(bytes(damaged[: max(1, length)]))
    try:
        read(path, format=format, on_error=on_error)
    except SeqsearchError as error:
        assert str(error).startswith(str(path))  # noqa: PT017  # passing without an error is as good
