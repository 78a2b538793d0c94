"""Files as they come, on the command line: several of them, ids used twice, queries without a hit."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from seqsearch import SequenceIndex
from tests.cli.conftest import Seqsearch


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    one, two = tmp_path / "one.fasta", tmp_path / "two.fasta"
    one.write_text(">a Bacteria;Firmicutes\nACGTACGTAC\n>b Archaea;Eury\nGG--TTGGTT.\n")
    two.write_text(">a Bacteria;Bacilli\nTTTTACGTAC\n>c nothing\nCCCCCGGGGG\n")
    return one, two


def test_several_messy_files_are_one_index(seqsearch: Seqsearch, parts: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "i.ss"
    refused = seqsearch("build", *parts, "-o", path, "--degap")
    assert refused.code == 1
    assert "two.fasta: line 1: record 1 (a): the id 'a' was used before, in an earlier file" in refused.err
    assert "--duplicate-ids" in refused.err
    messy = ("--degap", "--duplicate-ids", "rename", "--label-from", r"\S+;\S+", "--label-ranks", "1")
    built = seqsearch("build", *parts, "-o", path, *messy)
    assert built.code == 0, built.err
    assert "two.fasta: 2 records; 1 whose ids were used before have a number behind them now; 1 without" in built.err
    with SequenceIndex.open(path) as index:
        assert list(index.sequences.ids) == ["a", "b", "a_2", "c"]
        assert list(index.sequences.labels) == ["Bacteria", "Archaea", "Bacteria", ""]
        assert index["b"].text == "GGTTGGTT"
    more, other = tmp_path / "more.fasta", tmp_path / "other.fasta"
    more.write_text(">d\nACGTACGTAA\n")
    other.write_text(">e\nACGTACGTAG\n")
    assert "2 added, 6 sequences now" in seqsearch("add", path, more, other).err


def test_a_recipe_stands_alone(seqsearch: Seqsearch, parts: tuple[Path, Path]) -> None:
    said = seqsearch("build", "recipe.toml", parts[0])
    assert said.code == 2
    assert "one of several files is given" in said.err


@pytest.fixture
def index(seqsearch: Seqsearch, parts: tuple[Path, Path], tmp_path: Path) -> Path:
    path = tmp_path / "i.ss"
    assert seqsearch("build", parts[0], "-o", path, "--degap", "-q").code == 0
    return path


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "asked.fasta"
    path.write_text(">far\nTTTTTTTTTTTTTTTTTT\n>near\nACGTACGTAA\n>away\nCCCCCCCCCCCCCCCCCC\n")
    return path


def test_queries_without_a_hit_are_counted_and_listed(seqsearch: Seqsearch, index: Path, asked: Path) -> None:
    bounded = ("search", index, asked, "--max-distance", "2", "--exact")
    said = seqsearch(*bounded)
    assert said.out == "query\trank\ttarget\tdistance\nnear\t1\ta\t1\n"
    assert "asked.fasta: 1 of 3 queries matched" in said.err
    listed = seqsearch(*bounded, "--output-no-hits", "--no-header", "-q")
    assert listed.out == "far\t0\t*\tnan\nnear\t1\ta\t1\naway\t0\t*\tnan\n"
    assert listed.err == ""
    objects = [json.loads(line) for line in seqsearch(*bounded, "--output-no-hits", "--format", "json").lines]
    assert objects[0] == {"query": "far", "rank": 0, "target": "*", "distance": None, "guarantee": "proved"}
    blast = seqsearch(*bounded, "--output-no-hits", "--format", "blast6").lines
    assert blast[0].split("\t") == ["far", "*", "0.0", "0", "0", "0", "0", "0", "0", "0", "-1", "0"]
    assert "matched" not in seqsearch("search", index, asked, "--exact").err


def test_what_has_no_place_for_queries_without_a_hit(seqsearch: Seqsearch, index: Path, asked: Path) -> None:
    said = seqsearch("search", index, asked, "--output-no-hits", "--align")
    assert (said.code, "--align has not" in said.err) == (2, True)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_output_is_compressed_as_its_name_says(
    seqsearch: Seqsearch, index: Path, asked: Path, tmp_path: Path, ending: str
) -> None:
    from xopen import xopen

    plain, packed = tmp_path / "hits.tsv", tmp_path / f"hits.tsv.{ending}"
    for path in (plain, packed):
        assert seqsearch("search", index, asked, "--exact", "-o", path).code == 0
    with xopen(packed, threads=0) as file:
        assert file.read() == plain.read_text()
    if ending == "gz":
        assert gzip.decompress(packed.read_bytes()).decode() == plain.read_text()


def test_wildcards_are_asked_for(seqsearch: Seqsearch, tmp_path: Path) -> None:
    refs, asked = tmp_path / "refs.fasta", tmp_path / "asked.fasta"
    refs.write_text(">a\nGGACNTRCGG\n>b\nTTTTTTTTTT\n")
    asked.write_text(">q\nACGTAC\n")
    told = ("--distance", "infix", "-k", "1", "--columns", "distance,cigar,identity", "--no-header")
    assert seqsearch("search", refs, asked, *told).out == "2\t2=1X1=1X1=\t0.6667\n"
    assert seqsearch("search", refs, asked, *told, "-D", "wildcards=true").out == "0\t6=\t1.0\n"
    said = seqsearch("search", refs, asked, *told, "-D", "wildcards=perhaps")
    assert (said.code, "wildcards must be true or false, not 'perhaps'" in said.err) == (2, True)


def test_dedup_sums_abundances(seqsearch: Seqsearch, tmp_path: Path) -> None:
    reads, out, path = tmp_path / "reads.fasta", tmp_path / "out.fasta", tmp_path / "i.ss"
    reads.write_text(">a;size=2\nACGTACGT\n>b;size=30;\nACGTACGA\n>c;size=9;\nTTTTTTTT\n>d\nTTTTTTTT\n")
    sizes = ("--size-in", "--size-out", "--within", "1", "-o", out)
    assert seqsearch("dedup", reads, *sizes).code == 0
    assert out.read_text() == ">b;size=32\nACGTACGA\n>c;size=10\nTTTTTTTT\n"
    table = seqsearch("dedup", reads, "--size-in", "--within", "1").lines
    assert table[1:3] == ["a\tb\t32\t1", "b\tb\t32\t0"]
    assert seqsearch("dedup", reads, "--size-out", "-o", out).code == 0
    assert out.read_text().splitlines()[::2] == [">c;size=2", ">a;size=1", ">b;size=1"]
    assert seqsearch("build", reads, "-o", path, "--size-in", "-q").code == 0
    assert (
        seqsearch("search", path, reads, "-k", "1", "--where", "size > 20", "--columns", "target,size").lines[1]
        == "b\t30"
    )
    assert seqsearch("dedup", path, *sizes).code == 0
    assert out.read_text().startswith(">b;size=32\n")
