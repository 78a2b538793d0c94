"""`seqsearch consensus`: of a file, of clusters, of labels, of an index."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, align_multiple, consensus, read
from seqsearch.cli.main import run
from seqsearch.distances import EditDistance
from seqsearch.sequences import Sequences, Strings, write_fasta
from seqsearch.trees import dendrogram, exact_distances
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


def test_clusters_of_a_tree_and_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tree of exact distances cut where the families part, and the table of `dedup`, are the clusters of --within."""
    write_fasta(tmp_path / "a.fasta", STORED)
    distances = exact_distances(STORED, EditDistance())
    tree = dendrogram(distances, STORED.ids, np.arange(18))
    (tmp_path / "a.nwk").write_text(tree.newick())
    expected = told(capsys, tmp_path / "a.fasta", "--within", 8)
    assert told(capsys, tmp_path / "a.fasta", "--cluster", "dedup", "--within", 8) == expected
    for where in (["--cut", 15], ["--into", 3]):
        assert told(capsys, tmp_path / "a.fasta", "--cluster", tmp_path / "a.nwk", *where) == expected
    assert run(["dedup", str(tmp_path / "a.fasta"), "--within", "8", "--clusters", str(tmp_path / "a.tsv")]) == 0
    assert told(capsys, tmp_path / "a.fasta", "--cluster", tmp_path / "a.tsv") == expected
    write_fasta(tmp_path / "more.fasta", STORED[::-1])
    (tmp_path / "some.tsv").write_text(f"sequence\trepresentative\n{STORED.ids[3]}\tx\n{STORED.ids[1]}\tx\n")
    capsys.readouterr()
    assert run(["consensus", str(tmp_path / "a.fasta"), "--cluster", str(tmp_path / "some.tsv")]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].split("\t")[:2] == [STORED.ids[1], "2"]
    assert "16 of 18 sequences are not in" in captured.err


def test_bounds_and_sizes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sized.fasta"
    path.write_text(">a;size=9\nACGTACGT\n>b;size=1\nACGTACCT\n>c\nTTTTTTTTTTGG\n")
    words = (path, "--size-in", "--within", 1, "--bound", "--size-out", "-o", tmp_path / "out.fasta")
    lines = told(capsys, *words).splitlines()
    assert lines == [
        "cluster\tsize\ttotal\tmedian\tmean\tfarthest\tbound",
        "a\t2\t1\t1\t0.1\t1\t1",
        "c\t1\t0\t0\t0.0\t0\t0",
    ]
    assert (tmp_path / "out.fasta").read_text() == ">a;size=10\nACGTACGT\n>c;size=1\nTTTTTTTTTTGG\n"


def test_alignments_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fasta(tmp_path / "a.fasta", STORED)
    told(capsys, tmp_path / "a.fasta", "--within", 8, "--msa", tmp_path / "msa-{}.fasta")
    for number, start in enumerate((0, 6, 12), start=1):
        part = STORED[start : start + 6]
        assert read(tmp_path / f"msa-{number}.fasta", degap=True).texts() == part.texts()
        lines = (tmp_path / f"msa-{number}.fasta").read_text().splitlines()
        assert lines[1::2] == align_multiple(part).rows
    assert "there are 3 clusters; write {}" in told(
        capsys, tmp_path / "a.fasta", "--within", 8, "--msa", tmp_path / "one.fasta", code=2
    )
    SequenceIndex.build(tmp_path / "a.ss", STORED, encoder="kmer").close()
    told(capsys, tmp_path / "a.ss", "--msa", tmp_path / "index.fasta")
    assert read(tmp_path / "index.fasta", degap=True).texts() == STORED.texts()


@pytest.mark.parametrize(
    ("words", "problem", "code"),
    [
        (["--cluster", "dedup"], "--cluster dedup needs --within R", 2),
        (["--cluster", "a.nwk", "--by", "label"], "--cluster a.nwk excludes --by", 2),
        (["--cluster", "a.nwk", "--within", 1], "excludes --by and --within", 2),
        (["--cut", 1], "--cut and --into belong to --cluster TREE", 2),
        (["--cluster", "a.nwk", "--cut", 1, "--into", 2], "--cut and --into exclude each other", 2),
        (["--cluster", "a.nwk"], "a.nwk is a tree: where is it cut? --cut D or --into N", 2),
        (["--cluster", "a.nwk", "--cut", 1], "a.nwk: 'other' is not in a.fasta", 1),
        (["--cluster", "a.tsv", "--cut", 1], "a.tsv does not begin with '('", 2),
        (["--cluster", "a.tsv"], "neither a tree in Newick format nor a table with the columns", 1),
        (["--cluster", "gone.nwk", "--cut", 1], "gone.nwk: cannot be read", 1),
    ],
)
def test_clusters_that_do_not_fit_are_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[object],
    problem: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_fasta("a.fasta", STORED[:2])
    Path("a.nwk").write_text(f"({STORED.ids[0]}:1,other:2);")
    Path("a.tsv").write_text("id\tcluster\na\tb\n")
    assert problem in told(capsys, "a.fasta", *words, code=code)


def test_what_does_not_fit_is_told(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--within and --by exclude each other" in told(capsys, table, "--within", 1, "--by", "label", code=2)
    (tmp_path / "names.txt").write_text("anna\notto\n")
    words = (tmp_path / "names.txt", "--msa", tmp_path / "a.fasta")
    assert "names.txt holds text, and an alignment is of dna, rna or protein" in told(capsys, *words, code=2)
    assert "no such column: label" in told(capsys, table, "--by", "genus", code=2)
