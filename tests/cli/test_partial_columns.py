"""Distances to parts of targets on the command line: places, coverage, strands, and what a build says."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch import write_fasta
from seqsearch.cli.main import run
from seqsearch.sequences import DNA, Sequences


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = tmp_path_factory.mktemp("partial")
    rng = np.random.default_rng(0)
    genes = [rng.integers(0, 4, 200).astype(np.uint8) for _ in range(5)]
    write_fasta(path / "genes.fa", Sequences.from_arrays(genes, DNA, ids=[f"gene{n}" for n in range(5)]))
    reads = [genes[0][20:60], np.concatenate([genes[2][150:], rng.integers(0, 4, 50).astype(np.uint8)])]
    write_fasta(path / "reads.fa", Sequences.from_arrays(reads, DNA, ids=["inner", "hanging"]))
    return path


@pytest.fixture(scope="module")
def indexes(files):
    for distance in ("infix", "overlap"):
        build = ["build", files / "genes.fa", "-o", files / f"{distance}.ss", "--distance", distance, "-q"]
        assert run([str(each) for each in build]) == 0
    return files


def told(capsys, *arguments):
    assert run([str(each) for each in arguments]) == 0
    said = capsys.readouterr()
    return [line.split("\t") for line in said.out.splitlines()], said.err


def test_a_search_tells_where_and_how(indexes, capsys):
    lines, said = told(capsys, "search", indexes / "infix.ss", indexes / "reads.fa", "-k", 1)
    assert lines[0] == ["query", "rank", "target", "distance", "target_start", "target_end"]
    assert lines[1] == ["inner", "1", "gene0", "0", "21", "60"]
    assert ": infix is the distance to a part of what is stored" in said
    lines, _ = told(capsys, "search", indexes / "infix.ss", indexes / "reads.fa", "-k", 1, "--format", "blast6", "-q")
    assert lines[0] == ["inner", "gene0", "100.000", "40", "0", "0", "1", "40", "21", "60", "-1", "0"]


def test_overhangs_and_coverage(indexes, capsys):
    names = "query,target,distance,identity,coverage,score,target_start,target_end,qstart,qend"
    search = ("search", indexes / "overlap.ss", indexes / "reads.fa", "-k", 1, "--columns", names, "-q")
    lines, _ = told(capsys, *search)
    assert lines[1] == ["inner", "gene0", "0", "1.0", "1.0", "40", "21", "60", "1", "40"]
    assert lines[2][:2] == ["hanging", "gene2"]
    assert float(lines[2][4]) == pytest.approx(0.5, abs=0.1)
    lines, _ = told(capsys, *search, "--min-coverage", "0.9")
    assert [line[0] for line in lines[1:]] == ["inner"]
    assert run([*map(str, search), "--min-coverage", "2"]) == 2
    assert "must be above 0 and at most 1, not 2" in capsys.readouterr().err


def test_truth_needs_no_index(files, capsys):
    lines, _ = told(capsys, "truth", files / "genes.fa", files / "reads.fa", "-k", 1, "--distance", "infix", "-q")
    assert lines[1] == ["inner", "1", "gene0", "0", "21", "60"]


def test_truth_says_what_an_index_would(tmp_path, capsys):
    rng = np.random.default_rng(8)
    genes = ["".join(rng.choice(list("ACGT"), 300)) for _ in range(6)]
    proteins = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 200)) for _ in range(4)]
    turned = [gene[40:280][::-1].translate(str.maketrans("ACGT", "TGCA")) for gene in genes]
    for name, texts in (
        ("genes", genes),
        ("proteins", proteins),
        ("reads", [gene[60:120] for gene in genes]),
        ("turned", turned),
    ):
        (tmp_path / f"{name}.fa").write_text("".join(f">{name}{n}\n{text}\n" for n, text in enumerate(texts)))
    _, said = told(capsys, "truth", tmp_path / "genes.fa", tmp_path / "reads.fa", "-k", 1)
    assert "much shorter than the references (medians: 60 and 300 steps)" in said
    assert "--distance infix finds the part" in said
    _, said = told(capsys, "truth", tmp_path / "reads.fa", tmp_path / "genes.fa", "-k", 1)
    assert "much longer than the references" in said
    _, said = told(capsys, "truth", tmp_path / "genes.fa", tmp_path / "turned.fa", "-k", 1, "--distance", "infix")
    assert "near on the other strand: search both" in said
    for more in (("--strand", "both"), ("-q",)):
        _, said = told(
            capsys, "truth", tmp_path / "genes.fa", tmp_path / "turned.fa", "-k", 1, "--distance", "infix", *more
        )
        assert "warning" not in said
    assert run(["truth", str(tmp_path / "proteins.fa"), str(tmp_path / "reads.fa"), "-k", "1"]) == 1
    assert "are bases (A, C, G, T, U, N), and the references are proteins: translate them" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [("classify", "-k", 1), ("novelty",), ("evaluate", "-k", 1, "--candidates", 5)])
def test_lengths_unlike_those_stored_are_told_on_every_route(asked, wholes, capsys):
    for flags, expected in (((), 1), (("-q",), 0)):
        _, said = told(capsys, asked[0], wholes / "wholes.ss", wholes / "pieces.fa", *asked[1:], *flags)
        assert said.count("much shorter than what is stored (medians: 60 and 300 steps)") == expected


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """An index under edit distance of labelled genes, and pieces of these."""
    path, rng = tmp_path_factory.mktemp("wholes"), np.random.default_rng(9)
    genes = [rng.integers(0, 4, 300).astype(np.uint8) for _ in range(12)]
    write_fasta(path / "wholes.fa", Sequences.from_arrays(genes, DNA, ids=[f"{'ab'[n % 2]}_{n}" for n in range(12)]))
    write_fasta(path / "pieces.fa", Sequences.from_arrays([gene[50:110] for gene in genes], DNA))
    build = ["build", path / "wholes.fa", "-o", path / "wholes.ss", "--learn", "none", "-q", "--label-from", "^(.)"]
    assert run([str(each) for each in build]) == 0
    return path


def test_a_build_says_that_it_compares_with_everything(files, capsys):
    _, said = told(capsys, "build", files / "genes.fa", "-o", files / "told.ss", "--distance", "infix")
    assert "every search will compare with everything: infix is the distance to a part of what is stored" in said
