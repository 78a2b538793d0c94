"""Every format, whole and in batches, compressed or not, against the records it was written from."""

import bz2
import gzip
import io
import itertools
import lzma
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import DuplicateIdError
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, RNA, TEXT, ReadReport, Sequences, Strings, read, read_batches
from seqsearch.sequences.ids import IdIndex, hash_ids
from seqsearch.sequences.readers.opening import Source
from seqsearch.sequences.readers.table import reader_of

SHARED = Path(os.environ.get("SEQSEARCH_SHARED", Path(__file__).parents[3] / "shared"))

FASTA = """\
>a first one
ACGT
ACGN
>b\tsecond   one

acgu
# a comment
> c
RYK
"""
FASTQ = "@a first\nACGT\n+\nIIII\n@b\nAC\n+b\nII\n"
CSV = 'name,sequence,class,comment\na,"hello, ""you""",x,"two\nlines"\nb,wörld,y,\n'
TSV = "label\ttext\npos\t\"a quote at the start\nneg\tit's\n"
TS = """\
# a comment
@problemName Tiny
@timeStamps false
@univariate false
@dimensions 2
@equalLength false
@classLabel true up down
@data
1,2,3:4,5,6:up
7,8:9,1e1:down
"""
UCR = "1\t0.5\t1.5\t2.5\n-1\t3.5\t4.5\tNaN\n1.0\t5\t6\t7\n"


def contents(sequences):
    """What there is, as plain Python."""
    data = [r.data.tolist() if sequences.kind == "series" else r.text for r in sequences]
    return list(zip(sequences.ids, data, sequences.labels, sequences.descriptions, strict=True))


EXPECTED = {
    "x.fasta": (
        DNA,
        FASTA,
        [("a", "ACGTACGN", "", "first one"), ("b", "ACGT", "", "second   one"), ("c", "RYK", "", "")],
    ),
    "x.fastq": (DNA, FASTQ, [("a", "ACGT", "", "first"), ("b", "AC", "", "")]),
    "x.csv": (TEXT, CSV, [("a", 'hello, "you"', "x", "two\nlines"), ("b", "wörld", "y", "")]),
    "x.tsv": (TEXT, TSV, [("1", '"a quote at the start', "pos", ""), ("2", "it's", "neg", "")]),
    "x.txt": (TEXT, "one line\ntwö\n", [("1", "one line", "", ""), ("2", "twö", "", "")]),
    "x.ts": (None, TS, [("1", [[1, 4], [2, 5], [3, 6]], "up", ""), ("2", [[7, 9], [8, 10]], "down", "")]),
    "ucr.tsv": (
        None,
        UCR,
        [("1", [[0.5], [1.5], [2.5]], "1", ""), ("2", [[3.5], [4.5]], "-1", ""), ("3", [[5], [6], [7]], "1", "")],
    ),
}
COMPRESSORS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("compression", COMPRESSORS)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_is_what_it_was_written_from(tmp_path, name, line_break, compression):
    alphabet, text, expected = EXPECTED[name]
    if name == "x.csv" and line_break == "\r\n":
        expected = [(*expected[0][:3], "two\r\nlines"), expected[1]]  # inside quotes a line break is data
    path = tmp_path / (name + compression)
    path.write_bytes(COMPRESSORS[compression](text.replace("\n", line_break).encode()))
    found = read(path)
    assert found.alphabet == alphabet
    assert contents(found) == expected
    for size in (1, 2, 1000):
        parts = list(read_batches(path, size=size))
        assert max(map(len, parts)) <= size
        assert [entry for part in parts for entry in contents(part)] == expected


def test_zstandard_too(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "x.fasta.zst"
    path.write_bytes(zstandard.compress(FASTA.encode()))
    assert contents(read(path)) == EXPECTED["x.fasta"][2]


@pytest.mark.parametrize("compression", COMPRESSORS)
@pytest.mark.parametrize("name", EXPECTED)
def test_standard_input_is_told_by_its_first_bytes(monkeypatch, name, compression):
    alphabet, text, expected = EXPECTED[name]
    raw = COMPRESSORS[compression](text.encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Dribble(raw))))
    found = read("-")
    assert found.alphabet == alphabet
    assert contents(found) == expected
    assert not sys.stdin.buffer.closed


class Dribble(io.RawIOBase):
    """A pipe: no seeking, and less at a time than is asked for."""

    def __init__(self, raw):
        self._rest = io.BytesIO(raw)

    def readable(self):
        return True

    def readinto(self, buffer):
        part = self._rest.read(min(len(buffer), 7))
        buffer[: len(part)] = part
        return len(part)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x93NUMPY\x01\x00", "npy"),
        (b"PK\x03\x04", "npz"),
        (b"\n>a\nACGT", "fasta"),
        (b"@a\nACGT\n+\nIIII\n", "fastq"),
        (b"#c\n@problemName x\n@data\n", "ts"),
        (b"1,2,3\n", "ucr"),
        (b"\xef\xbb\xbfid,Seq\n", "csv"),
        (b'"id"\t"text"\n', "tsv"),
        (b"@user says\nsomething\nelse\n", "lines"),
        (b"no, this is a sentence\n", "lines"),
        (b"\xff\xfe\x00", "lines"),
    ],
)
def test_a_format_is_told_by_the_first_bytes(head, name):
    assert reader_of("x.dat", Source("x.dat", None, io.BytesIO(head))).name == name


@pytest.mark.parametrize(
    ("letters", "alphabet"),
    [
        ("ACGTACGTNNRYACGTACGTACGTACGTACGTACGTACGT", DNA),
        ("ACGUACGUACGUACGUACGU", RNA),
        ("MKVLAAGIVGLLLAQPSFADTTT", PROTEIN),
        ("ACDGHKMNRSTVWYB", PROTEIN),  # every letter is an IUPAC code too
        ("acgtacgtacgt", DNA),
    ],
)
def test_the_alphabet_is_guessed_from_the_letters(tmp_path, letters, alphabet):
    path = tmp_path / "x.fa"
    path.write_text(f">a\n{letters}\n")
    assert read(path).alphabet is alphabet
    path.write_text(f"@a\n{letters}\n+\n{'I' * len(letters)}\n")
    assert read(path, format="fastq").alphabet is alphabet


def test_columns_may_be_named_and_integers_asked_for(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("key,tune,mood,sequence\n7,60 62 64,happy,zzz\n8,60,sad,zzz\n")
    found = read(path, sequence_column="tune", label_column="mood", alphabet="integers")
    assert found.alphabet is INTEGERS
    assert [record.data.tolist() for record in found] == [[60, 62, 64], [60]]
    assert (list(found.ids), list(found.labels)) == (["7", "8"], ["happy", "sad"])
    assert contents(read(path, id_column="mood"))[1] == ("sad", "zzz", "", "")


def test_a_single_column_is_the_sequence(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("name\nParis\nRome\n")
    assert contents(read(path)) == [("1", "Paris", "", ""), ("2", "Rome", "", "")]


def test_a_byte_order_mark_is_no_letter(tmp_path):
    (tmp_path / "x.csv").write_text("id,text\na,b\n", encoding="utf-8-sig")
    (tmp_path / "x.txt").write_text("b\n", encoding="utf-8-sig")
    assert contents(read(tmp_path / "x.csv")) == [("a", "b", "", "")]
    assert contents(read(tmp_path / "x.txt")) == [("1", "b", "", "")]


def test_a_field_of_a_table_may_be_long(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"id,sequence\na,{'ACGT' * 50_000}\n")
    assert read(path, alphabet="dna").lengths.tolist() == [200_000]


# -- arrays --------------------------------------------------------------------------------------------------------

VALUES = np.arange(24, dtype=np.float64).reshape(4, 6) / 7


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2)])
@pytest.mark.parametrize("archive", [False, True])
def test_arrays_of_numbers_are_series(tmp_path, dtype, order, shape, archive):
    values = np.asarray(VALUES.reshape(shape).astype(dtype), order=order)
    path = tmp_path / ("x.npz" if archive else "x.npy")
    if archive:
        np.savez_compressed(path, X=values, y=np.array([0.0, 1.0, 1.0, 2.0]), record=np.array(["p", "q", "q", "é"]))
    else:
        np.save(path, values)
    expected = values.astype(np.float32).reshape(4, shape[1], -1)
    for size in (1, 3, 100):
        parts = list(read_batches(path, size=size))
        found = Sequences.concatenate(parts)
        np.testing.assert_array_equal(found.data.reshape(expected.shape), expected)
        assert (found.alphabet, found.data.dtype) == (None, np.float32)
        assert list(found.ids) == ["1", "2", "3", "4"]
        assert list(found.labels) == (["0", "1", "1", "2"] if archive else [""] * 4)
        assert list(found.descriptions) == (["p", "q", "q", "é"] if archive else [""] * 4)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(["offsets", "lengths", "padded", "fortran"]),
)
def test_ragged_series_come_back(tmp_path_factory, lengths, features, size, how):
    path = tmp_path_factory.mktemp("ragged") / "x.npz"
    rows = [np.full((length, features), row, np.float32) for row, length in enumerate(lengths)]
    joined = np.concatenate(rows)
    if how == "padded":
        padded = np.full((len(rows), 5, features), np.nan, np.float32)  # padding is not looked at
        for row, values in enumerate(rows):
            padded[row, : len(values)] = values
        np.savez(path, X=padded, lengths=lengths)
    elif how == "lengths":
        np.savez(path, values=joined, lengths=lengths)
    else:
        order = np.asfortranarray(joined) if how == "fortran" else joined
        np.savez(path, values=order, offsets=np.cumsum([0, *lengths]))
    found = Sequences.concatenate(list(read_batches(path, size=size)))
    assert [record.data.tolist() for record in found] == [row.tolist() for row in rows]


def test_arrays_of_integers_may_be_tokens(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 2**32 - 1]]))
    found = read(tmp_path / "x.npy", alphabet="integers")
    assert found.texts() == ["1 2", "3 4294967295"]
    (tmp_path / "x.ts").write_text("@classLabel false\n@data\n1,2\n3\n")
    assert read(tmp_path / "x.ts", alphabet=INTEGERS).texts() == ["1 2", "3"]


def test_an_archive_on_standard_input(monkeypatch):
    raw = io.BytesIO()
    np.savez(raw, X=VALUES)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Dribble(raw.getvalue()))))
    assert read("-").lengths.tolist() == [6] * 4


def test_an_unused_array_of_objects_does_no_harm(tmp_path):
    np.savez(tmp_path / "x.npz", X=VALUES, note=np.array([{}, None], object))
    assert len(read(tmp_path / "x.npz")) == 4


# -- ids and skipping ------------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=4), max_size=40), st.integers(1, 7))
def test_seen_ids_are_a_dictionary(ids, size):
    seen, first = IdIndex(), {}
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        numbers = np.arange(start + 1, start + len(part) + 1)
        expected = []
        for number, id in zip(numbers.tolist(), part, strict=True):
            expected.append(first.get(id, 0))
            first.setdefault(id, number)
        assert seen.first_uses(Strings.of(part), numbers).tolist() == expected


def test_seen_ids_know_long_and_many_ids():
    ids = [f"{'x' * (n % 90)}{n}" for n in range(5000)]
    seen = IdIndex()
    for start in range(0, 5000, 100):
        numbers = np.arange(start + 1, start + 101)
        assert not seen.first_uses(Strings.of(ids[start : start + 100]), numbers).any()
    again = np.arange(5001, 10_001)
    assert len(seen) == 5000
    assert seen.first_uses(Strings.of(ids[::-1]), again).tolist() == list(range(5000, 0, -1))


def test_ids_longer_than_any_table_are_told_apart():
    blocks = [letter * 1024 for letter in "abc"]
    ids = ["".join(order) + end for order in itertools.product(blocks, repeat=3) for end in ("", "x", "y")]
    assert len(set(hash_ids(Strings.of(ids)).tolist())) == len(ids)
    mixed = [ids[5], "short", "", "x" * 40, "y" * 1023, "z" * 1024]
    alone = [int(hash_ids(Strings.of([id]))[0]) for id in mixed]
    assert hash_ids(Strings.of(mixed)).tolist() == alone  # whatever stands beside


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.text(alphabet="ACGTJ-", max_size=4)), min_size=1, max_size=25),
    st.integers(1, 5),
)
def test_skipping_keeps_what_a_plain_loop_keeps(tmp_path_factory, records, size):
    path = tmp_path_factory.mktemp("skip") / "x.csv"
    path.write_text("id,sequence\n" + "".join(f"{id},{text}\n" for id, text in records))
    kept, skipped = {}, {}
    for id, text in records:
        if not text:
            reason = "empty sequence"
        elif set(text) - set("ACGT"):
            reason = "symbol outside the alphabet"
        elif id in kept:
            reason = "duplicate id"
        else:
            kept[id] = text
            continue
        skipped[reason] = skipped.get(reason, 0) + 1
    if not kept:
        return
    report = ReadReport()
    parts = list(read_batches(path, size=size, alphabet="dna", on_error="skip", report=report))
    found = Sequences.concatenate(parts)
    assert dict(zip(found.ids, found.texts(), strict=True)) == kept
    assert report.skipped == skipped
    assert (report.records, report.kept) == (len(records), len(kept))
    assert len(report.examples) == min(10, len(records) - len(kept))


def test_the_report_says_what_was_skipped(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,sequence\na,AC\nb\nc,\na,GT\nd,AJ\n,A\n")
    report = ReadReport()
    assert list(read(path, alphabet="dna", on_error="skip", report=report).ids) == ["a"]
    assert str(report) == (
        f"{path}: skipped 5 of 6 records: 1 duplicate id, 1 empty sequence, 2 malformed record, "
        "1 symbol outside the alphabet"
    )
    assert [str(error) for error in report.examples] == [
        f"{path}: line 3: record 2: the row has 1 fields, the header 2",
        f"{path}: line 4: record 3 (c): the sequence is empty",
        f"{path}: line 5: record 4 (a): the id 'a' was used before, by record 1",
        f"{path}: line 6: record 5 (d): symbol 'J' at position 2 is not in the dna alphabet",
        f"{path}: line 7: record 6: the record has no id",
    ]
    clean = ReadReport()
    path.write_text("id,sequence\na,AC\n")
    read(path, report=clean)
    assert str(clean) == f"{path}: 1 records"


def test_a_duplicate_is_found_across_batches_of_a_large_file(tmp_path):
    path = tmp_path / "x.fasta"
    path.write_text("".join(f">r{n % 4999}\nACGT\n" for n in range(5000)))
    with pytest.raises(DuplicateIdError) as caught:
        for _ in read_batches(path, size=64):
            pass
    place = f"{path}: line 9999: record 5000 (r0): the id 'r0' was used before, by record 1"
    assert str(caught.value).startswith(place)


# -- real data -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
@pytest.mark.parametrize(
    ("name", "n", "first"),
    [
        ("text/sentence_polarity.tsv", 8662, ("1", "simplistic , silly and tedious .", "neg", "")),
        ("dna/splice.csv", 2400, ("1", "CTAGGCTCCAGATAGCCATAGAAGAACCAAACACTTTCTGCGTGTGTGAGAATAATCAGA", "n", "")),
    ],
)
def test_shared_tables(name, n, first):
    found = read(SHARED / "data" / name)
    assert len(found) == n
    assert contents(found[:1]) == [first]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_shared_heartbeats():
    path = SHARED / "data" / "ecg" / "mitbih_beats.npz"
    found = read(path)
    with np.load(path) as arrays:
        np.testing.assert_array_equal(found.data.reshape(-1, 200), arrays["X"])
        assert list(found.labels) == arrays["y"].astype(str).tolist()
        assert list(found.descriptions) == arrays["record"].astype(str).tolist()
