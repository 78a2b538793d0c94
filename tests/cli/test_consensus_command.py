"""`seqsearch consensus`: of a file, of clusters, of labels, of an index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, consensus, read
from seqsearch.cli.main import run
from seqsearch.sequences import Sequences, Strings, write_fasta
from tests.families import families

_MADE = families(3, 6, 40, edits=3, seed=6)
LABELS = [f"family{row // 6}" for row in range(18)]
STORED = Sequences(_MADE.data, _MADE.offsets, _MADE.ids, _MADE.alphabet, None, Strings.of(LABELS))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("consensus") / "reads.csv"
    rows = (f"{id},{label},{text}" for id, label, text in zip(STORED.ids, LABELS, STORED.texts(), strict=True))
    place.write_text("id,label,sequence\n" + "\n".join(rows) + "\n")
    return place


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["consensus", *map(str, words)]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


@pytest.mark.parametrize("how", [["--by", "label"], ["--within", 8]])
def test_each_cluster_has_its_own(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: list[object]
) -> None:
    text = told(capsys, table, *how, "--alphabet", "dna", "-o", tmp_path / "out.fasta", "--format", "json")
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["size"] for row in rows] == [6, 6, 6]
    made = read(tmp_path / "out.fasta")
    assert list(made.ids) == [row["cluster"] for row in rows]
    expected = [consensus(STORED[start : start + 6]) for start in (0, 6, 12)]
    assert made.texts() == [found.text for found in expected]
    assert [row["total"] for row in rows] == [found.total for found in expected]


def test_sizes_count_and_small_clusters_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sized.fasta"
    path.write_text(">a;size=9\nACGTACGT\n>b;size=1\nACGTACCT\n>c;size=1\nTTTTTTTTTTGG\n")
    text = told(capsys, path, "--size-in", "--within", 1, "--least", 2, "-o", tmp_path / "out.fasta")
    assert text.splitlines() == ["cluster\tsize\ttotal\tmedian\tmean\tfarthest", "a\t2\t1\t1\t0.1\t1"]
    assert read(tmp_path / "out.fasta").texts() == ["ACGTACGT"]


def test_an_index_is_taken_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fasta(tmp_path / "a.fasta", STORED[:6])
    SequenceIndex.build(tmp_path / "a.ss", STORED[:6], encoder="kmer").close()
    assert told(capsys, tmp_path / "a.ss") == told(capsys, tmp_path / "a.fasta")


def test_what_does_not_fit_is_told(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--within and --by exclude each other" in told(capsys, table, "--within", 1, "--by", "label", code=2)
    assert "no such column: label" in told(capsys, table, "--by", "genus", code=2)
