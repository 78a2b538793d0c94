"""`dedup` as users of vsearch know it: identity, centroids by abundance, .uc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from seqsearch import read, write_fasta
from tests.cli.conftest import Seqsearch
from tests.families import families

GENE = "ACGTTGCAAACCCGGGTTTACGATCGTTAAACGCGGATTTAGGTACGTCCAGCCTGGTTA"
READS = f""">a;size=3
{GENE}
>b;size=10
{GENE[:-1]}C
>c
{GENE[:-1]}CGG
>d;size=2
TTTTACGTCAGACCTTAGTTACCTACGTATTTATGGGTATACGTTTTTACACCCGAGCCC
>e
{GENE}
"""


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    (tmp_path / "reads.fasta").write_text(READS)
    return tmp_path / "reads.fasta"


def test_clusters_of_an_identity_as_uc(seqsearch: Seqsearch, reads: Path) -> None:
    said = seqsearch("dedup", reads, "--identity", "0.95", "--sizein", "--format", "uc")
    assert said.code == 0
    assert [line.split("\t") for line in said.lines] == [
        ["S", "0", "60", "*", "*", "*", "*", "*", "b;size=10", "*"],
        ["H", "0", "60", "98.3", "+", "0", "0", "60M", "a;size=3", "b;size=10"],
        ["H", "0", "62", "96.8", "+", "0", "0", "60M2D", "c;size=1", "b;size=10"],
        ["H", "0", "60", "98.3", "+", "0", "0", "60M", "e;size=1", "b;size=10"],
        ["S", "1", "60", "*", "*", "*", "*", "*", "d;size=2", "*"],
        ["C", "0", "15", "*", "*", "*", "*", "*", "b;size=10", "*"],
        ["C", "1", "2", "*", "*", "*", "*", "*", "d;size=2", "*"],
    ]
    assert "5 sequences in 2 clusters; 1 equal an earlier one, 2 pairs of others are of identity 0.95" in said.err


def test_the_table_has_the_identity(seqsearch: Seqsearch, reads: Path) -> None:
    lines = seqsearch("dedup", reads, "--id", "0.95", "--sizein").lines
    assert lines[0].split("\t") == ["sequence", "representative", "size", "distance", "identity"]
    assert lines[3].split("\t") == ["c", "b", "15", "2", "0.9677"]
    assert lines[5].split("\t") == ["e", "b", "15", "1", "0.9833"]
    assert "identity" not in seqsearch("dedup", reads, "--within", "3").lines[0]


def test_centroids_and_their_sizes(seqsearch: Seqsearch, reads: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.fasta"
    said = seqsearch("dedup", reads, "--identity", "0.95", "--sizein", "--sizeout", "-o", out, "-q")
    assert said.code == 0
    assert list(read(out).ids) == ["b;size=15", "d;size=2"]
    for order, first in (("length", "c"), ("input", "a;size=3"), ("abundance", "a;size=3")):
        seqsearch("dedup", reads, "--identity", "0.95", "--order", order, "-o", out, "-q")
        assert first in list(read(out).ids), order


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--identity", "97"), "must be above 0 and at most 1, not 97: 97% is 0.97"),
        (("--identity", "0.9", "--within", "2"), "--within and --identity exclude each other"),
        (
            ("--identity", "0.9", "--distance", "infix"),
            "identity is of alignments by edit distance: infix takes a radius",
        ),
        (("--within", "1", "--distance", "infix", "--linkage", "centroid"), "is for distances that are symmetric"),
        (("--linkage", "complete"), "'complete' is not one of 'single', 'centroid'"),
    ],
)
def test_usage(seqsearch: Seqsearch, reads: Path, words: tuple[str, ...], told: str) -> None:
    said = seqsearch("dedup", reads, *words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err


@pytest.mark.skipif(shutil.which("vsearch") is None, reason="vsearch is not installed")
def test_as_vsearch_clusters(seqsearch: Seqsearch, tmp_path: Path) -> None:
    """Families that are far apart, so that the order in which vsearch looks at centroids cannot matter."""
    path = tmp_path / "g.fasta"
    write_fasta(path, families(12, 6, 120, edits=2))
    words = ["--cluster_size", path, "--id", "0.9", "--iddef", "1", "--maxaccepts", "0", "--maxrejects", "0"]
    theirs = tmp_path / "theirs.uc"
    subprocess.run(["vsearch", *map(str, words), "--uc", str(theirs), "--quiet"], check=True)
    ours = seqsearch("dedup", path, "--identity", "0.9", "--format", "uc", "-q").lines

    def clusters(lines: list[str]) -> set[frozenset[str]]:
        found: dict[str, set[str]] = {}
        for kind, number, *_, name, _ in (line.split("\t") for line in lines):
            if kind in "SH":
                found.setdefault(number, set()).add(name)
        return {frozenset(members) for members in found.values()}

    both = clusters(ours), clusters(theirs.read_text().splitlines())
    assert both[0] == both[1]
    assert len(both[0]) == 12


def test_min_identity_is_id_too(seqsearch: Seqsearch, index: Path, queries: Path) -> None:
    words = ("search", index, queries, "-k", "5", "-q")
    assert seqsearch(*words, "--id", "0.9").out == seqsearch(*words, "--min-identity", "0.9").out != ""
