"""`search`, `novelty` and `classify` of a file of references: the lines of an index, without one."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, read, write_fasta
from seqsearch.cli import source
from seqsearch.sequences import as_sequences
from tests.cli.conftest import Seqsearch
from tests.families import families

AS_DNA = ("--alphabet", "dna")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of references with labels and a column, its index, which compares with everything, and queries."""
    place = tmp_path_factory.mktemp("bare")
    made = families(10, 12, 60, edits=6)
    rows = [
        f"{name}\t{text}\tf{row // 12}\t{1990 + row % 30}"
        for row, (name, text) in enumerate(zip(made.ids, made.texts(), strict=True))
    ]
    stored = [row for number, row in enumerate(rows) if number % 12 < 10]
    (place / "refs.tsv").write_text("\n".join(["id\tsequence\tlabel\tyear", *stored]) + "\n")
    write_fasta(place / "asked.fasta", [made[10::12], families(3, 1, 60, seed=3, prefix="n")])
    SequenceIndex.build(place / "refs.ss", read(place / "refs.tsv", alphabet="dna"), encoder="kmer", recall=1.0).close()
    write_fasta(place / "plain.fasta", read(place / "refs.tsv", alphabet="dna"))
    return place


@pytest.mark.parametrize(
    "options",
    [
        ["-k", "4"],
        ["-k", "3", "--strand", "both", "--format", "blast6"],
        ["-k", "3", "--format", "json", "--columns", "query,target,distance,label,year,cigar,identity"],
        ["--all", "--max-distance", "9", "--output-no-hits"],
        ["--all", "--min-identity", "0.9", "--where", "year > 2005", "--columns", "query,target,year"],
        ["-k", "5", "--min-coverage", "0.9", "--max-distance", "20"],
        ["-k", "1", "--align"],
        ["-k", "2", "--ids-file", "IDS"],
    ],
)
def test_hits_are_printed_as_from_an_index(options: list[str], folder: Path, seqsearch: Seqsearch) -> None:
    (folder / "ids.txt").write_text("s3\ns40\ns77\n")
    options = [str(folder / "ids.txt") if option == "IDS" else option for option in options]
    exact = [] if "--all" in options else ["--exact"]
    told = seqsearch("search", folder / "refs.ss", folder / "asked.fasta", *options, *exact, *AS_DNA)
    said = seqsearch("search", folder / "refs.tsv", folder / "asked.fasta", *options, *AS_DNA)
    assert (said.code, said.out) == (0, told.out)
    assert said.lines
    first = f"{folder / 'refs.tsv'}: every query is compared with all 100 sequences"
    assert said.err.startswith(f"{first}; `seqsearch build` makes an index, which pays for many queries\n")


def test_references_from_standard_input_and_other_distances(
    folder: Path, seqsearch: Seqsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = folder / "reads.fasta"
    write_fasta(reads, as_sequences([text[10:40] for text in read(folder / "asked.fasta").texts()], "dna"))
    parts = ("--distance", "infix", "-k", 2)
    said = seqsearch("search", folder / "plain.fasta", reads, *parts)
    assert said.lines[0].split("\t") == ["query", "rank", "target", "distance", "target_start", "target_end"]
    assert said.err.startswith(f"{folder / 'plain.fasta'}: every query is compared with all 100 sequences\n")
    with open(folder / "plain.fasta", "rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read())))
    assert seqsearch("search", "-", reads, *parts, "-q").out == said.out
    longer = ("--distance", "weighted-edit", "-D", "insertion=3", "-k", 1, "-q")
    plain = seqsearch("search", folder / "plain.fasta", folder / "asked.fasta", "-k", 1, "-q")
    assert seqsearch("search", folder / "plain.fasta", folder / "asked.fasta", *longer).out != plain.out


@pytest.mark.parametrize("method", ["nearest", "lof"])
def test_novelty_is_that_of_an_index(method: str, folder: Path, seqsearch: Seqsearch) -> None:
    before = sorted(folder.iterdir())
    options = (folder / "asked.fasta", "--method", method, "--fpr", 0.05, *AS_DNA)
    told, said = (seqsearch("novelty", folder / name, *options) for name in ("refs.ss", "refs.tsv"))
    assert (said.code, said.out) == (0, told.out)
    assert [line.split("\t")[3] for line in said.lines[-3:]].count("yes") >= 1
    assert "compared with 100 known sequences (members)" in said.err
    assert sorted(folder.iterdir()) == before


def test_classes_are_those_of_an_index(folder: Path, seqsearch: Seqsearch) -> None:
    options = (folder / "asked.fasta", "-k", 5, "--abstain", 0.02, "--format", "json", *AS_DNA)
    told, said = (seqsearch("classify", folder / name, *options) for name in ("refs.ss", "refs.tsv"))
    assert (said.code, said.out) == (0, told.out)
    assert len({json.loads(line)["label"] for line in said.lines}) > 5
    table = folder / "labels.txt"
    table.write_text("".join(f"{record.id}\t{record.label}\n" for record in read(folder / "refs.tsv")))
    plain = seqsearch("classify", folder / "plain.fasta", *options, "--labels", table)
    assert plain.out == told.out


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (
            ("search", "REFS", "Q", "--recall", 0.9),
            2,
            "--recall means nothing for REFS, which is no index: `seqsearch build REFS -o",
        ),
        (("search", "REFS", "Q", "--candidates", 9), 2, "--candidates means nothing"),
        (("search", "REFS", "Q", "--query-vectors", "x.npy"), 2, "--query-vectors means nothing"),
        (("novelty", "REFS", "Q", "--known-vectors", "x.npy"), 2, "--known-vectors means nothing"),
        (("novelty", "REFS", "Q", "--method", "shells"), 2, "nearest, mean, kth, lof, not for shells"),
        (("classify", "REFS", "Q", "--recall", 0.9), 2, "--recall means nothing"),
        (("classify", "x.model", "Q", "--distance", "edit"), 2, "x.model is a model, which compares nothing"),
        (("search", "-", "-"), 2, "holds the references or the queries, not both"),
        (("search", "INDEX", "Q", "--distance", "infix"), 2, "compare by EditDistance(): leave out --distance"),
        (("search", "INDEX", "Q", "-D", "window=3"), 2, "window"),
        (("search", "REFS", "Q", "--distance", "edti"), 2, "edti"),
        (("search", "REFS", "Q", "--distance", "dtw"), 1, "compares series, not tokens: use the distance edit"),
        (("search", "EMPTY", "Q"), 1, "EMPTY"),
        (("search", "none.fasta", "Q"), 1, "none.fasta"),
    ],
)
def test_what_means_nothing_without_an_index(
    arguments: tuple[object, ...], code: int, problem: str, folder: Path, seqsearch: Seqsearch
) -> None:
    (folder / "empty.fasta").write_text("")
    names = {"REFS": "refs.tsv", "Q": "asked.fasta", "INDEX": "refs.ss", "EMPTY": "empty.fasta"}
    places = {name: str(folder / place) for name, place in names.items()}
    said = seqsearch(*(places.get(str(argument), argument) for argument in arguments))
    for name, place in places.items():
        problem = problem.replace(name, place)
    assert (said.code, said.out) == (code, "")
    assert problem in said.err


def test_the_distance_of_an_index_may_be_named(folder: Path, seqsearch: Seqsearch) -> None:
    plain = ("search", folder / "refs.ss", folder / "asked.fasta", "-q")
    assert seqsearch(*plain, "--distance", "edit").out == seqsearch(*plain).out


def test_what_is_taken_for_references(folder: Path) -> None:
    assert [source.is_references(name) for name in ("-", "greengenes:v4", "none.ss", str(folder / "refs.ss"))] == [
        True,
        True,
        False,
        False,
    ]
    assert source.is_references(str(folder / "refs.tsv"))
    assert not source.is_model(str(folder / "refs.tsv"))
    assert source.is_model("some.model")


def test_duplicates_of_what_an_index_holds(folder: Path, seqsearch: Seqsearch) -> None:
    told, said = (seqsearch("dedup", folder / name, "--within", 4, "-q") for name in ("plain.fasta", "refs.ss"))
    assert (said.code, said.out) == (0, told.out)
    assert len({line.split("\t")[1] for line in said.lines}) < 100
    assert "--alphabet is for reading a file" in seqsearch("dedup", folder / "refs.ss", *AS_DNA).err
