"""Vectors made elsewhere on the command line: build, search, add and every other question, from .npy files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, Sequences, write_fasta
from seqsearch.encoders.model import kmer_model
from seqsearch.sequences import DNA
from tests.cli.conftest import Seqsearch
from tests.families import families

EVERYTHING = families(30, 5, 50, edits=5)
MODEL = kmer_model(EVERYTHING, 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """refs, queries and more: sequences as .fasta, vectors as .npy."""
    folder = tmp_path_factory.mktemp("vectors")
    rows = np.random.default_rng(0).permutation(150)
    for name, some in (("refs", rows[:120]), ("queries", rows[120:140]), ("more", rows[140:])):
        write_fasta(folder / f"{name}.fasta", EVERYTHING[some])
        np.save(folder / f"{name}.npy", MODEL.embed(EVERYTHING[some]))
    SequenceIndex.build(
        folder / "own.ss",
        Sequences.from_arrays([EVERYTHING[int(row)].data for row in rows[:120]], DNA, labels=["x", "y"] * 60),
        vectors=folder / "refs.npy",
    ).close()
    return folder


def test_build_search_and_change(seqsearch: Seqsearch, files: Path, tmp_path: Path) -> None:
    index, refs, queries, more = (
        tmp_path / "own.ss",
        files / "refs.fasta",
        files / "queries.fasta",
        files / "more.fasta",
    )
    of_queries = ("--query-vectors", files / "queries.npy")
    said = seqsearch(
        "build",
        refs,
        "-o",
        index,
        "--vectors",
        files / "refs.npy",
        "--queries",
        queries,
        *of_queries,
        "--index",
        "hnsw",
    )
    assert said.code == 0, said.err
    facts = json.loads(seqsearch("info", index, "--format", "json").out)
    assert (facts["encoder"], facts["geometry"], facts["dim"]) == ("own vectors", "cosine", 64)
    assert facts["calibration"]["queries"] == 20

    said = seqsearch("search", index, queries, *of_queries, "-k", 1, "--candidates", 30)
    assert len(said.lines) == 21
    exact = seqsearch("search", index, queries, "-k", 1, "--exact", "-q")  # needs none
    assert exact.code == 0
    assert np.mean([a == b for a, b in zip(said.lines, exact.lines, strict=True)]) > 0.6

    assert "10 added, 130 sequences now" in seqsearch("add", index, more, "--vectors", files / "more.npy").err
    assert "10 updated" in seqsearch("update", index, more, "--vectors", files / "more.npy").err
    said = seqsearch("search", index, more, "--query-vectors", files / "more.npy", "-k", 1, "--candidates", 5)
    assert [line.split("\t")[3] for line in said.lines[1:]] == ["0"] * 10
    said = seqsearch("verify", index)
    assert said.code == 0
    assert "whether they are those of the sequences was not checked" in said.out + said.err


def test_every_other_question(seqsearch: Seqsearch, files: Path, tmp_path: Path) -> None:
    index, queries, of_queries = files / "own.ss", files / "queries.fasta", ("--query-vectors", files / "queries.npy")
    for command, *more in (
        ("novelty", "--known", files / "more.fasta", "--known-vectors", files / "more.npy"),
        ("evaluate", "--format", "json"),
        ("classify", "-k", 3),
    ):
        said = seqsearch(command, index, queries, *of_queries, *more)
        assert (said.code, bool(said.out)) == (0, True), said.err
    said = seqsearch("calibrate", index, "--queries", queries, *of_queries)
    assert "measured on 20 queries" in said.err
    lacks = "queries: this index holds own vectors, 64 dimensions, cosine, and cannot embed sequences"
    for command in ("search", "novelty", "evaluate", "classify"):
        said = seqsearch(command, index, queries)
        assert (said.code, said.out) == (2, "")
        assert f"{lacks}: give vectors= (on the command line --query-vectors FILE.npy)" in said.err.replace("\n", " ")
    said = seqsearch("embed", index, queries, "-o", tmp_path / "x.npy")
    assert (said.code, "cannot embed sequences" in said.err) == (2, True)


def test_what_does_not_fit(seqsearch: Seqsearch, files: Path, tmp_path: Path) -> None:
    index, queries, refs = files / "own.ss", files / "queries.fasta", files / "refs.fasta"
    broken = np.load(files / "refs.npy")
    broken[7, 2] = np.nan
    np.save(tmp_path / "nan.npy", broken)
    for line, code, told in (
        (
            ("search", index, queries, "--query-vectors", files / "more.npy"),
            1,
            "more.npy: 10 rows of vectors for 20 seq",
        ),
        (
            ("add", index, files / "more.fasta", "--vectors", files / "refs.npy"),
            1,
            "refs.npy: 120 rows of vectors for 10",
        ),
        (("add", index, files / "more.fasta"), 2, "give vectors= (on the command line --vectors FILE.npy)"),
        (
            ("build", refs, "-o", tmp_path / "x.ss", "--vectors", tmp_path / "nan.npy"),
            1,
            "nan.npy: row 7 (counted from 0",
        ),
        (
            ("build", refs, "-o", tmp_path / "x.ss", "--vectors", files / "more.npy"),
            1,
            "more.npy: 10 rows of vectors for",
        ),
        (("build", refs, "-o", tmp_path / "x.ss", "--vectors", refs), 1, "refs.fasta: is no .npy file of numbers"),
        (("build", "a.toml", "--vectors", files / "refs.npy"), 2, "--vectors is not for a recipe"),
        (
            ("search", index, queries, "--query-vectors", files / "queries.npy", "--on-error", "skip"),
            2,
            "--on-error skip is not for --query-vectors",
        ),
        (
            ("search", index, queries, "--query-vectors", files / "queries.npy", "--all", "--max-distance", 3),
            2,
            "--all compares with everything, without vectors: --query-vectors means nothing",
        ),
    ):
        said = seqsearch(*line)
        assert (said.code, told in said.err.replace("\n", " ")) == (code, True), (line, said.err)
    assert not (tmp_path / "x.ss").exists()
    with SequenceIndex.open(index) as opened:
        assert len(opened) == 120
