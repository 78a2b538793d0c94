"""Files as they come: ids used twice, gaps of alignments, labels in headers or in a table beside them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import DuplicateIdError, InputError, ParameterError, ParseError, SymbolError
from seqsearch.sequences import ReadReport, Sequences, read, read_batches


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    path = tmp_path / "twice.fasta"
    path.write_text(">a one\nACGT\n>b two\nAC\n>a three\nGGGG\n>a_2 four\nTT\n>a five\nTTTT\n")
    return path


def test_an_id_used_twice_is_an_error_that_names_the_way_out(twice: Path) -> None:
    with pytest.raises(DuplicateIdError, match=r"twice.fasta.*'a'.*record 1: with duplicate_ids \(--duplicate-ids\)"):
        read(twice)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_renamed_records_are_all_there(twice: Path, size: int) -> None:
    report = ReadReport()
    parts = list(read_batches(twice, size=size, duplicate_ids="rename", report=report))
    found = Sequences.concatenate(parts)
    assert found.texts() == ["ACGT", "AC", "GGGG", "TT", "TTTT"]
    assert len(set(found.ids)) == 5
    assert [new[0] for new in found.ids] == ["a", "b", "a", "a", "a"]
    assert list(found.ids)[:2] == ["a", "b"]
    assert report.skipped == {}
    assert f"{report.renamed} whose ids were used before" in str(report)


def test_skipped_records_are_counted(twice: Path) -> None:
    report = ReadReport()
    assert list(read(twice, duplicate_ids="skip", report=report).ids) == ["a", "b", "a_2"]
    assert report.skipped == {"duplicate id": 2}


def test_skipping_ids_skips_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "wrong.fasta"
    path.write_text(">a\nACGT\n>a\nACGT\n>b\nAC!T\n")
    with pytest.raises(SymbolError, match="'!'"):
        read(path, alphabet="dna", duplicate_ids="skip")


def test_an_unknown_policy_is_named(twice: Path) -> None:
    with pytest.raises(ParameterError, match="duplicate_ids must be 'error', 'rename' or 'skip', not 'keep'"):
        read(twice, duplicate_ids="keep")  # type: ignore[typeddict-item]


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "b", "b_2"]), min_size=1, max_size=12))
def test_renaming_gives_every_record_an_id_of_its_own(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> None:
    path = tmp_path_factory.mktemp("ids") / "ids.fasta"
    path.write_text("".join(f">{name}\nACGT\n" for name in ids))
    found = list(read(path, duplicate_ids="rename").ids)
    assert len(found) == len(ids)
    assert max(Counter(found).values()) == 1
    assert all(new.startswith(old) for new, old in zip(found, ids, strict=True))


def test_ids_differ_over_several_files_of_one_reading(twice: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.fasta"
    other.write_text(">c\nACGT\n>b\nTTTT\n")
    first = ReadReport()
    read(twice, duplicate_ids="rename", report=first)
    with pytest.raises(DuplicateIdError, match="'b' was used before, in an earlier file"):
        read(other, report=first.following())
    again = ReadReport()
    read(twice, duplicate_ids="rename", report=again)
    assert list(read(other, duplicate_ids="rename", report=again.following()).ids) == ["c", "b_2"]


def test_gaps_of_an_alignment_are_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "aligned.fasta"
    path.write_text(">a\n--AC-GT..\n>b\nACGT\n>c\n..A..\n")
    with pytest.raises(SymbolError, match=r"symbol '-' at position 1 .*of an aligned file degap \(--degap\)"):
        read(path)
    assert read(path, degap=True).texts() == ["ACGT", "ACGT", "A"]


def test_a_sequence_of_nothing_but_gaps_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "aligned.fasta"
    path.write_text(">a\nAC-G\n>b\n----\n")
    with pytest.raises(InputError, match=r"line 3: record 2 \(b\): the sequence is empty"):
        read(path, degap=True)


def test_whole_headers_as_ids(tmp_path: Path) -> None:
    path = tmp_path / "silva.fasta"
    path.write_text(">AB1 Bacteria;Firmicutes\nACGT\n>AB1 Archaea\nAC\n")
    assert list(read(path, whole_header=True).ids) == ["AB1 Bacteria;Firmicutes", "AB1 Archaea"]


HEADERS = ">AB1.1 Bacteria;Firmicutes;Bacilli\nACGT\n>AB2 unknown\nAC\n>AB3 Archaea;Eury\nTT\n"


def test_labels_found_in_headers(tmp_path: Path) -> None:
    path = tmp_path / "silva.fasta"
    path.write_text(HEADERS)
    report = ReadReport()
    found = read(path, label_from=r"^\S+ (\S*;.*)", report=report)
    assert list(found.labels or []) == ["Bacteria;Firmicutes;Bacilli", "", "Archaea;Eury"]
    assert report.unlabelled == 1
    assert "1 without a label" in str(report)
    assert list(read(path, label_from=r"\S+;.*", label_ranks=2).labels or []) == [
        "Bacteria;Firmicutes",
        "",
        "Archaea;Eury",
    ]


def test_labels_of_a_table(tmp_path: Path) -> None:
    path, table = tmp_path / "silva.fasta", tmp_path / "taxonomy.tsv"
    path.write_text(HEADERS)
    table.write_text("Feature ID\tTaxon\tConfidence\nAB3\tArchaea; Eury\t.9\nAB1.1\tBacteria; Firm; Bac\t.7\n")
    assert list(read(path, label_file=table).labels or []) == ["Bacteria; Firm; Bac", "", "Archaea; Eury"]
    assert list(read(path, label_file=table, label_ranks=1).labels or []) == ["Bacteria", "", "Archaea"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_from": "("}, "is no regular expression"),
        ({"label_from": "zzz"}, "is found in none of the 3 headers, such as 'AB1.1 Bacteria"),
        ({"label_ranks": 0}, "at least 1, not 0"),
        ({"label_ranks": 2}, "cuts labels, and there are none"),
        ({"label_file": "x", "label_from": "y"}, "exclude each other"),
    ],
)
def test_what_gives_no_labels_is_an_error(tmp_path: Path, options: dict[str, str], message: str) -> None:
    path = tmp_path / "silva.fasta"
    path.write_text(HEADERS)
    with pytest.raises(ParameterError, match=message):
        read(path, **options)  # type: ignore[arg-type]


def test_a_table_of_labels_that_fits_nothing_or_is_none(tmp_path: Path) -> None:
    path, table = tmp_path / "silva.fasta", tmp_path / "taxonomy.tsv"
    path.write_text(HEADERS)
    table.write_text("x\ty\n")
    with pytest.raises(ParameterError, match=r"taxonomy.tsv has a label for none of the 3 ids, such as 'AB1.1"):
        read(path, label_file=table)
    table.write_text("AB1.1\tBacteria\nAB2 Bacteria\n")
    with pytest.raises(ParseError, match=r"taxonomy.tsv.*line 2.*a tab and a label"):
        read(path, label_file=table)
    with pytest.raises(InputError, match=r"missing.tsv"):
        read(path, label_file=tmp_path / "missing.tsv")


def test_abundances_are_a_column_and_no_part_of_ids(tmp_path: Path) -> None:
    path = tmp_path / "reads.fasta"
    path.write_text(">a;size=12;\nACGT\n>b x;size=3\nACGG\n>size=4;c\nAC\n>d;size=5;sample=x\nAA\n>e;oversize=9\nCC\n")
    found = read(path, sizes=True)
    assert list(found.ids) == ["a", "b", "c", "d;sample=x", "e;oversize=9"]
    assert found.columns["size"].tolist() == [12, 3, 4, 5, 1]
    assert found.columns["size"].kind == "int"
    assert next(iter(read(path).ids)) == "a;size=12;"
    assert "size" not in read(path).columns


def test_an_abundance_that_is_none_names_its_record(tmp_path: Path) -> None:
    path = tmp_path / "reads.fasta"
    for told in ("0", "many", "-2", ""):
        path.write_text(f">a\nACGT\n>b;size={told};\nACGG\n")
        with pytest.raises(ParseError, match=rf"line 3: record 2 \(b\): size={told} is no abundance"):
            read(path, sizes=True)
        assert list(read(path, sizes=True, on_error="skip").ids) == ["a"]
    table = tmp_path / "reads.csv"
    table.write_text("id,sequence\na,ACGT\n")
    with pytest.raises(ParameterError, match="sizes=True means nothing for a csv file"):
        read(table, sizes=True)
