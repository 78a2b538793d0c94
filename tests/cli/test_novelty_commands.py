from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, read, write_fasta
from tests.cli.conftest import Seqsearch
from tests.families import families


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 20 families, a file of 8 of its members and 4 strangers, a file of other relatives."""
    folder = tmp_path_factory.mktemp("novelty")
    everything = families(20, 12, 60, edits=6)
    stored = everything[[row for row in range(240) if row % 12 < 10]]
    SequenceIndex.build(folder / "i.ss", stored, encoder="kmer").close()
    strangers = families(4, 1, 60, seed=3, prefix="n")
    write_fasta(folder / "asked.fasta", [everything[10:240:30], strangers])
    write_fasta(folder / "known.fasta", everything[11::12])
    return folder


def test_novelty_as_a_table(files: Path, seqsearch: Seqsearch) -> None:
    said = seqsearch("novelty", files / "i.ss", files / "asked.fasta", "--fpr", 0.02)
    assert said.code == 0
    assert said.lines[0] == "query\tscore\tp_value\tnovel\tnearest\tdistance"
    rows = [line.split("\t") for line in said.lines[1:]]
    asked = read(files / "asked.fasta")
    with SequenceIndex.open(files / "i.ss") as index:
        found = index.novelty(asked, fpr=0.02)
    assert [row[0] for row in rows] == list(asked.ids)
    assert [float(row[1]) for row in rows] == found.scores.tolist()
    assert [float(row[2]) for row in rows] == pytest.approx(found.p_values.tolist(), rel=1e-3)
    assert [row[3] for row in rows] == ["yes" if novel else "no" for novel in found.novel]
    assert [(row[4], float(row[5])) for row in rows] == list(zip(found.nearest, found.distances, strict=True))
    assert [row[3] for row in rows[-4:]] == ["yes"] * 4
    assert "compared with 200 known sequences (members)" in said.err
    assert f"{int(found.novel.sum())} of 12 queries are novel" in said.err


def test_novelty_as_json_with_false_discovery_rate(files: Path, seqsearch: Seqsearch) -> None:
    said = seqsearch(
        "novelty",
        files / "i.ss",
        files / "asked.fasta",
        "--method",
        "mean",
        "-k",
        4,
        "--by",
        "embedding",
        "--bh",
        "--fpr",
        0.1,
        "--format",
        "json",
        "-q",
    )
    rows = [json.loads(line) for line in said.lines]
    assert list(rows[0]) == ["query", "score", "p_value", "novel", "nearest", "distance", "q_value", "guarantee"]
    assert all(row["novel"] == (row["q_value"] <= 0.1) and row["q_value"] >= row["p_value"] for row in rows)
    assert [row["novel"] for row in rows[-4:]] == [True] * 4
    assert said.err == ""


def test_novelty_beside_known_sequences_with_a_picture(files: Path, tmp_path: Path, seqsearch: Seqsearch) -> None:
    said = seqsearch(
        "novelty",
        files / "i.ss",
        files / "asked.fasta",
        "--known",
        files / "known.fasta",
        "--fpr",
        0.01,
        "--plot",
        tmp_path / "p.png",
    )
    assert said.code == 0
    assert "compared with 20 known sequences (given sequences)" in said.err
    drawn = "20 known sequences are few for 0.01: of what is newer than all of them, 21% are called novel, by lot"
    assert drawn in said.err
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_few_known_sequences_call_nothing_novel_where_ties_count(files: Path, seqsearch: Seqsearch) -> None:
    known = ("--known", files / "known.fasta", "--fpr", 0.01, "--ties", "conservative")
    said = seqsearch("novelty", files / "i.ss", files / "asked.fasta", *known)
    assert "nothing can be called novel at 0.01: no p-value is below 1 in 21" in said.err
    assert "0 of " in said.err.splitlines()[-1]


def test_novelty_says_what_is_wrong(files: Path, seqsearch: Seqsearch) -> None:
    for options, text in (
        (("--method", "age"), "no novelty method 'age'"),
        (("--fpr", 2), "fpr must be above 0 and below 1, not 2.0"),
        (("--method", "shells"), "shells needs an index of 16-bit codes"),
        (("--method", "reconstruction"), "reconstruction needs a model with a decoder"),
    ):
        said = seqsearch("novelty", files / "i.ss", files / "asked.fasta", *options)
        assert (said.code, said.out) == (2, "")
        assert text in said.err
    said = seqsearch("novelty", files / "i.ss", files / "missing.fasta")
    assert said.code == 1
    assert "missing.fasta" in said.err


def test_an_empty_index_has_no_numbers_for_json(tmp_path: Path, files: Path, seqsearch: Seqsearch) -> None:
    with SequenceIndex.build(tmp_path / "i.ss", families(1, 1, 60), encoder="kmer") as index:
        index.remove(["s0"])
    said = seqsearch("novelty", tmp_path / "i.ss", files / "asked.fasta", "--format", "json")
    assert json.loads(said.lines[0]) == {
        "query": "s10",
        "score": None,
        "p_value": pytest.approx(0.5, abs=0.5),
        "novel": False,
        "nearest": "",
        "distance": None,
        "guarantee": "proved",
    }


def test_dedup(tmp_path: Path, seqsearch: Seqsearch) -> None:
    (tmp_path / "in.fasta").write_text(">a\nACGTACGT\n>b\nACGTACGT\n>c\nACGTACGA\n>d\nACGTACCA\n>e\nTTTTTTTT\n")
    said = seqsearch("dedup", tmp_path / "in.fasta")
    assert said.lines == [
        "sequence\trepresentative\tsize\tdistance",
        "a\ta\t2\t0",
        "b\ta\t2\t0",
        "c\tc\t1\t0",
        "d\td\t1\t0",
        "e\te\t1\t0",
    ]
    assert "5 sequences in 4 clusters; 1 equal an earlier one" in said.err
    said = seqsearch(
        "dedup",
        tmp_path / "in.fasta",
        "--within",
        1,
        "-o",
        tmp_path / "out.fasta",
        "--clusters",
        tmp_path / "t.json",
        "--format",
        "json",
    )
    assert said.out == ""
    assert (tmp_path / "out.fasta").read_text() == ">a\nACGTACGT\n>e\nTTTTTTTT\n"
    rows = [json.loads(line) for line in (tmp_path / "t.json").read_text().splitlines()]
    assert rows[3] == {"sequence": "d", "representative": "a", "size": 4, "distance": 2}
    assert "2 pairs of others are within 1" in said.err


def test_dedup_of_text_lines_and_series(tmp_path: Path, seqsearch: Seqsearch) -> None:
    (tmp_path / "names.txt").write_text("Zürich\nZurich\nGenf\n")
    seqsearch("dedup", tmp_path / "names.txt", "--within", 1, "-o", tmp_path / "kept.txt", "-q")
    assert (tmp_path / "kept.txt").read_text() == "Zürich\nGenf\n"
    (tmp_path / "x.ts").write_text("@univariate true\n@classLabel false\n@data\n1,2,3\n1,2,2,3\n9,9,9\n")
    said = seqsearch("dedup", tmp_path / "x.ts")
    assert [line.split("\t")[1] for line in said.lines[1:]] == ["1", "1", "3"]
    said = seqsearch("dedup", tmp_path / "x.ts", "-o", tmp_path / "y.fasta")
    assert said.code == 1
    assert "FASTA holds dna, rna or protein, not series" in said.err
    said = seqsearch("dedup", tmp_path / "x.ts", "--within", -1)
    assert said.code == 2


def test_among_those_that_fulfil_a_condition(tmp_path: Path, seqsearch: Seqsearch) -> None:
    rows = ["id\tsequence\tsite", *(f"g{row}\tACGTACG{letter}\tgut" for row, letter in enumerate("TTAC"))]
    (tmp_path / "in.tsv").write_text("\n".join([*rows, "s1\tACGTACGT\tsoil", "s2\tTTTTTTTT\tsoil"]) + "\n")
    (tmp_path / "q.fasta").write_text(">q\nTTTTTTTT\n")
    reading = ["--where", "site = gut", "--alphabet", "dna"]
    assert seqsearch("build", tmp_path / "in.tsv", "-o", tmp_path / "i.ss", "--alphabet", "dna", "-q").code == 0
    wanted = ["g0\tg0\t2\t0", "g1\tg0\t2\t0", "g2\tg2\t1\t0", "g3\tg3\t1\t0"]
    assert seqsearch("dedup", tmp_path / "in.tsv", *reading).lines[1:] == wanted
    assert seqsearch("dedup", tmp_path / "i.ss", *reading[:2]).lines[1:] == wanted
    for place, words in (("i.ss", reading[:2]), ("in.tsv", reading)):
        said = seqsearch("novelty", tmp_path / place, tmp_path / "q.fasta", *words)
        assert said.lines[1].split("\t")[1] == "6", said.err
        assert "compared with 4 known sequences (members)" in said.err
    assert "no column 'sight'" in seqsearch("dedup", tmp_path / "i.ss", "--where", "sight = gut").err
