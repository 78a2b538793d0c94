"""Columns on the command line: build and add keep them, --where asks for them, --columns prints them."""

import json

import pyarrow.parquet
import pytest


@pytest.fixture
def built(seqsearch, tmp_path):
    """A folder with sequences, a table beside them, and an index of both."""
    folder = tmp_path
    letters = ["ACGTACGT", "ACGTACGA", "TTTTTTTT", "ACGTACCC"]
    (folder / "refs.fasta").write_text("".join(f">r{row} d\n{text}\n" for row, text in enumerate(letters)))
    (folder / "table.tsv").write_text(
        "id\tyear\tgenus\tseen\nr0\t2019\tBacteroides\t2020-01-01\nr1\t2020\tPrevotella\t\nr2\t\tBacteroides\t2020-02-01\nzz\t1\tx\t\n"
    )
    made = seqsearch(
        "build",
        folder / "refs.fasta",
        "-o",
        folder / "refs.ss",
        "--encoder",
        "kmer",
        "--metadata",
        folder / "table.tsv",
    )
    assert made.code == 0
    assert "table.tsv: 1 of 4 sequences have no row in it: r3" in made.err
    assert "table.tsv: 1 of 4 rows are of no sequence: zz" in made.err
    (folder / "q.fasta").write_text(">q\nACGTACGT\n")
    return folder


def search(seqsearch, built, *arguments):
    return seqsearch("search", built / "refs.ss", built / "q.fasta", *arguments)


def test_conditions_and_columns(seqsearch, built):
    asked = search(
        seqsearch, built, "--where", 'genus = "Bacteroides" or year >= 2020', "--columns", "target,year,genus,seen"
    )
    assert (
        asked.out == "target\tyear\tgenus\tseen\nr0\t2019\tBacteroides\t2020-01-01\n"
        "r1\t2020\tPrevotella\t\nr2\t\tBacteroides\t2020-02-01\n"
    )
    told = search(
        seqsearch, built, "--format", "json", "--columns", "target,year,seen", "--where", "seen is not missing"
    )
    assert [json.loads(line) for line in told.out.splitlines()] == [
        {"target": "r0", "year": 2019, "seen": "2020-01-01"},
        {"target": "r2", "year": None, "seen": "2020-02-01"},
    ]
    near = search(
        seqsearch, built, "--all", "--max-distance", "2", "--where", "year < 2020", "--columns", "target,columns.year"
    )
    assert near.out == "target\tcolumns.year\nr0\t2019\n"
    assert json.loads(seqsearch("info", built / "refs.ss", "--format", "json").out)["columns"] == {
        "year": "int",
        "genus": "text",
        "seen": "date",
    }


def test_parquet_has_the_types_of_the_columns(seqsearch, built):
    into = built / "hits.parquet"
    search(seqsearch, built, "--format", "parquet", "-o", into, "--columns", "target,year,seen,genus")
    found = pyarrow.parquet.read_table(into)
    assert list(map(str, found.schema.types)) == ["string", "int64", "date32[day]", "string"]
    assert found["year"].to_pylist() == [2019, 2020, None, None]


def test_what_is_wrong_ends_with_2_and_nothing_fulfilled_is_told(seqsearch, built):
    wrong = search(seqsearch, built, "--where", "genos = x")
    assert wrong.code == 2
    assert "position 1: there is no column 'genos': did you mean 'genus'? There are year, genus, seen, id" in wrong.err
    nothing = search(seqsearch, built, "--where", "year > 3000")
    assert (nothing.code, nothing.out) == (0, "query\trank\ttarget\tdistance\n")
    assert "warning: no sequence of 4 fulfils 'year > 3000'" in nothing.err
    unknown = search(seqsearch, built, "--columns", "colour")
    assert "no column 'colour'" in unknown.err
    assert "of the index: year, genus, seen" in unknown.err
    assert (
        "--metadata-id belongs to --metadata"
        in seqsearch("build", built / "q.fasta", "-o", built / "x", "--metadata-id", "a").err
    )


def test_tables_keep_their_columns_and_added_ones_have_the_kinds_of_the_index(seqsearch, tmp_path):
    (tmp_path / "t.csv").write_text("id,text,code,n,far\na,anna,007,1,x\nb,otto,010,2,y\n")
    index = tmp_path / "t.ss"
    assert (
        seqsearch("build", tmp_path / "t.csv", "-o", index, "--encoder", "kmer", "--columns", "code:text,n").code == 0
    )
    (tmp_path / "more.csv").write_text("id,text,n,code,other\nc,emma,3,011,z\n")
    assert seqsearch("add", index, tmp_path / "more.csv").code == 0
    (tmp_path / "new.csv").write_text("id,text,n\na,anne,5\n")
    assert seqsearch("update", index, tmp_path / "new.csv").code == 0
    (tmp_path / "q.txt").write_text("anna\n")
    found = seqsearch("search", index, tmp_path / "q.txt", "--columns", "target,distance,code,n")
    assert found.out == "target\tdistance\tcode\tn\na\t1\t007\t5\nc\t3\t011\t3\nb\t4\t010\t2\n"
    (tmp_path / "bad.csv").write_text("id,text,n\nd,dora,many\n")
    wrong = seqsearch("add", index, tmp_path / "bad.csv")
    assert wrong.code == 1
    assert "bad.csv: line 2: record 1 (d): column 'n' holds 'many', which is not a whole number" in wrong.err
