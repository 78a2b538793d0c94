"""add, update, remove, compact, verify, calibrate, info: an index over its life."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, write_fasta
from seqsearch.sequences import DNA, Sequences
from tests.cli.conftest import Seqsearch


@pytest.fixture
def own(tmp_path: Path, references: Sequences) -> Path:
    """An index of 150 sequences that a test may change."""
    SequenceIndex.build(tmp_path / "own.ss", references[:150], encoder="kmer", index="hnsw").close()
    return tmp_path / "own.ss"


def facts(seqsearch: Seqsearch, index: Path) -> dict[str, object]:
    said = seqsearch("info", index, "--format", "json")
    assert said.code == 0
    found: dict[str, object] = json.loads(said.out)
    return found


def test_a_life(seqsearch: Seqsearch, own: Path, tmp_path: Path, references: Sequences) -> None:
    write_fasta(tmp_path / "more.fasta", references[150:])
    said = seqsearch("add", own, tmp_path / "more.fasta")
    assert (said.code, said.out) == (0, "")
    assert "50 added, 200 sequences now" in said.err

    (tmp_path / "ids.txt").write_text("s3\ns4\n\n")
    said = seqsearch("remove", own, "s1", "s2", "--from-file", tmp_path / "ids.txt")
    assert said.code == 0
    assert "4 removed, 196 sequences now" in said.err

    corrected = Sequences.from_texts([sequence.text + "A" for sequence in references[5:7]], DNA, ["s5", "s6"])
    write_fasta(tmp_path / "corrected.fasta", corrected)
    said = seqsearch("update", own, tmp_path / "corrected.fasta")
    assert said.code == 0
    assert "2 updated, 196 sequences now" in said.err
    hits = [line.split("\t") for line in seqsearch("search", own, tmp_path / "corrected.fasta", "-k", "1").lines[1:]]
    assert hits == [["s5", "1", "s5", "0"], ["s6", "1", "s6", "0"]]

    before = facts(seqsearch, own)
    assert (before["sequences"], before["deleted"]) == (196, 6)
    said = seqsearch("compact", own)
    assert said.code == 0
    assert "6 removed sequences gone" in said.err
    after = facts(seqsearch, own)
    assert (after["sequences"], after["deleted"]) == (196, 0)
    again = [line.split("\t") for line in seqsearch("search", own, tmp_path / "corrected.fasta", "-k", "1").lines[1:]]
    assert again == hits
    assert seqsearch("verify", own, "-q").code == 0


def test_update_of_an_unknown_id(seqsearch: Seqsearch, own: Path, tmp_path: Path, references: Sequences) -> None:
    write_fasta(tmp_path / "some.fasta", references[148:152])
    said = seqsearch("update", own, tmp_path / "some.fasta", "-q")
    assert said.code == 1
    assert f"{tmp_path / 'some.fasta'}: " in said.err
    assert "'s150'" in said.err
    said = seqsearch("update", own, tmp_path / "some.fasta", "--on-error", "skip")
    assert said.code == 0
    assert "2 skipped: no such id is in the index" in said.err
    assert "2 updated, 150 sequences now" in said.err


def test_remove_is_all_or_nothing(seqsearch: Seqsearch, own: Path) -> None:
    said = seqsearch("remove", own, "s1", "nobody")
    assert said.code == 1
    assert "'nobody'" in said.err
    assert facts(seqsearch, own)["sequences"] == 150


def test_verify_reports_what_it_read(seqsearch: Seqsearch, own: Path) -> None:
    said = seqsearch("verify", own, "--sample", "40")
    assert said.code == 0
    assert "sound" in said.err
    assert "reachable ids        150" in said.out
    found = json.loads(seqsearch("verify", own, "--format", "json").out)
    assert found["ok"]
    assert found["counts"]["live rows"] == found["counts"]["reachable ids"] == 150
    assert found["sampled"] == 100
    assert 0.9 <= found["recall"] <= 1
    assert found["problems"] == found["notes"] == []


def test_verify_exits_with_1_on_damage(seqsearch: Seqsearch, own: Path) -> None:
    data = next(own.glob("data-*.mdb"))
    whole = data.read_bytes()
    at = whole.index(b"s77s78s79")  # ids of a sequence chunk
    data.write_bytes(whole[:at] + b"s77s87s79" + whole[at + 9 :])
    said = seqsearch("verify", own, "--format", "json")
    assert said.code == 1
    found = json.loads(said.out)
    assert not found["ok"]
    assert found["problems"]
    assert str(own) in said.err
    data.write_bytes(whole[: len(whole) // 3])
    said = seqsearch("verify", own)
    assert said.code == 1
    assert said.err.startswith(f"seqsearch: error: {own}")
    data.write_bytes(whole)
    assert seqsearch("verify", own).code == 0


def test_calibrate_clears_the_stale_mark(
    seqsearch: Seqsearch, own: Path, tmp_path: Path, references: Sequences
) -> None:
    fresh = facts(seqsearch, own)["calibration"]
    assert isinstance(fresh, dict)
    assert not fresh["stale"]
    write_fasta(tmp_path / "more.fasta", references[150:])
    seqsearch("add", own, tmp_path / "more.fasta", "-q")
    stale = facts(seqsearch, own)["calibration"]
    assert isinstance(stale, dict)
    assert stale["stale"]
    said = seqsearch("calibrate", own, "--sample", "60", "--recall", "0.9", "--format", "json")
    assert said.code == 0
    measured = json.loads(said.out)
    now = facts(seqsearch, own)["calibration"]
    assert measured == now
    assert (measured["queries"], measured["size"], measured["target"], measured["stale"]) == (60, 200, 0.9, False)


def test_calibrate_on_own_queries(seqsearch: Seqsearch, own: Path, tmp_path: Path, references: Sequences) -> None:
    write_fasta(tmp_path / "asked.fasta", references[150:180])
    said = seqsearch("calibrate", own, "--queries", tmp_path / "asked.fasta")
    assert said.code == 0
    assert said.lines[0].split() == ["k", "candidates", "ef", "recall", "at", "least"]
    assert "measured on 30 queries" in said.err


def test_info_as_text_and_json(seqsearch: Seqsearch, own: Path) -> None:
    found = facts(seqsearch, own)
    for name in ("distance", "encoder", "geometry", "dim", "bits", "index", "format_version", "bytes"):
        assert name in found
    assert sum(found["bytes_by_part"].values()) == found["bytes"]
    assert {"sequences", "ids", "vectors", "candidates", "mapped"} <= found["bytes_by_part"].keys()
    said = seqsearch("info", own, "--verbose")
    assert f"bytes a sequence     {found['bytes'] / 150:,.1f}: sequences " in said.out
    assert "sequences            150" in said.out
    assert "0.99 is the default" in said.out
    assert len(said.lines) > len(found["calibration"]["points"]) + len(found) - 5
    said = seqsearch("info", own)
    assert said.lines[0] == "sequences     150 dna"
    assert said.lines[1] == "distance      edit"


def test_lines_are_counted_on(seqsearch: Seqsearch, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("anna\notto\nemil\n")
    (tmp_path / "more.txt").write_text("ida\nhugo\n")
    path = tmp_path / "names.ss"
    assert seqsearch("build", tmp_path / "names.txt", "-o", path, "--encoder", "kmer").code == 0
    for options in ((), ("--on-error", "skip")):
        assert seqsearch("add", path, tmp_path / "more.txt", *options).code == 0
    with SequenceIndex.open(path) as index:
        assert [(record.id, record.text) for record in index][3:] == [
            ("4", "ida"),
            ("5", "hugo"),
            ("6", "ida"),
            ("7", "hugo"),
        ]


def test_columns_alone_are_updated_from_a_table(tmp_path: Path, seqsearch: Seqsearch) -> None:
    (tmp_path / "in.tsv").write_text("id\tsequence\tyear\na\tACGTAC\t2001\nb\tACGTTT\t2002\nc\tTTGTTT\t\n")
    index, table = tmp_path / "i.ss", tmp_path / "t.tsv"
    assert seqsearch("build", tmp_path / "in.tsv", "-o", index, "--alphabet", "dna", "-q").code == 0
    table.write_text("id\tyear\tsite\nb\t1999\tgut\nc\t2000\tsoil\nx\t5\tsea\n")
    said = seqsearch("update", index, "--metadata", table)
    assert (said.code, said.err) == (1, f"seqsearch: error: {table}: {index}: no record with the id 'x'\n")
    said = seqsearch("update", index, "--metadata", table, "--on-error", "skip")
    assert "the index has no column 'site' (it has year): new=True (--new-columns) makes one" in said.err
    said = seqsearch("update", index, "--metadata", table, "--on-error", "skip", "--columns", "year")
    assert said.err == f"{table}: 1 skipped: no such id is in the index\n{index}: 2 updated, 3 sequences now\n"
    words = ("--on-error", "skip", "--new-columns")
    assert "2 updated" in seqsearch("update", index, "--metadata", table, *words).err
    assert "0 updated" in seqsearch("update", index, "--metadata", table, *words).err
    (tmp_path / "q.fasta").write_text(">q\nACGTTT\n")
    shown = seqsearch("search", index, tmp_path / "q.fasta", "-k", 3, "--columns", "target,distance,year,site")
    assert shown.lines[1:] == ["b\t0\t1999\tgut", "a\t2\t2001\t", "c\t2\t2000\tsoil"]
    for arguments, problem in (
        ((), "give SEQUENCES to replace, or --metadata TABLE"),
        (("--metadata", table, "--alphabet", "dna"), "--alphabet belongs to SEQUENCES"),
        (("--metadata", table, "--vectors", "v.npy"), "--vectors belongs to SEQUENCES"),
        ((tmp_path / "in.tsv", "--new-columns"), "--new-columns is for --metadata alone"),
    ):
        said = seqsearch("update", index, *arguments)
        assert said.code == 2
        assert problem in said.err
