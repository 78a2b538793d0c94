"""`seqsearch shard`, and the commands that take its folder as they take an index."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch import ShardedIndex
from seqsearch.cli.main import run
from seqsearch.sequences import write_fasta
from tests.families import families

_ALL = families(20, 8, 70, seed=8)
_ORDER = np.random.default_rng(1).permutation(len(_ALL))
STORED, MORE, QUERIES = _ALL[_ORDER[:120]], _ALL[_ORDER[120:140]], _ALL[_ORDER[140:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shard")
    for name, sequences in (("refs", STORED), ("more", MORE), ("queries", QUERIES)):
        write_fasta(place / f"{name}.fasta", sequences)
    build = ["--encoder", "kmer", "--quiet"]
    assert run(["shard", f"{place}/refs.fasta", "-o", f"{place}/refs.shards", "--shards", "3", *build]) == 0
    assert run(["build", f"{place}/refs.fasta", "-o", f"{place}/refs.ss", *build]) == 0
    return place


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    """What a command prints; what it says on stderr where it fails."""
    capsys.readouterr()
    assert run([str(word) for word in words]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


@pytest.mark.parametrize(
    "how",
    [
        ["--exact"],
        ["--exact", "--strand", "both", "--format", "blast6"],
        ["--all", "--max-distance", "6", "--columns", "query,target,distance,identity,cigar"],
        ["--exact", "--format", "sam"],
        ["--exact", "--where", "length > 66", "--output-no-hits", "--max-distance", "2"],
    ],
)
def test_hits_are_those_of_one_index_to_the_byte(
    folder: Path, capsys: pytest.CaptureFixture[str], how: list[str]
) -> None:
    texts = [
        told(capsys, "search", folder / name, folder / "queries.fasta", *how) for name in ("refs.ss", "refs.shards")
    ]
    assert texts[0] == texts[1]


def test_novelty_and_evaluate_take_shards(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [
        told(capsys, "novelty", folder / name, folder / "queries.fasta", "--method", "mean", "--sample", 80)
        for name in ("refs.ss", "refs.shards")
    ]
    assert texts[0] == texts[1]
    rows = told(capsys, "evaluate", folder / "refs.shards", folder / "queries.fasta", "-k", 3, "--format", "json")
    assert json.loads(rows.splitlines()[-1])["recall"] == 1
    rows = told(
        capsys,
        "evaluate",
        folder / "refs.shards",
        folder / "queries.fasta",
        "--candidates",
        "20,40",
        "--format",
        "json",
    )
    assert [json.loads(row)["candidates"] for row in rows.splitlines()] == [20, 40]


def test_changes_and_reports_take_shards(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "a.shards"
    told(capsys, "shard", folder / "refs.fasta", "-o", place, "--shards", 2, "--encoder", "kmer")
    told(capsys, "shard", folder / "more.fasta", "-o", place, "--append")
    assert "2 skipped" in _err(capsys, "add", place, tmp_path / "twice.fasta", "--on-error", "skip", some=STORED[:2])
    told(capsys, "remove", place, *list(STORED.ids)[:10])
    told(capsys, "update", place, folder / "more.fasta")
    told(capsys, "compact", place)
    assert "sampled recall" in told(capsys, "verify", place)
    facts = json.loads(told(capsys, "info", place, "--format", "json"))
    assert facts["sequences"] == 130
    assert [shard["name"] for shard in facts["shards"]] == ["0000", "0001"]
    assert "asked of each: recall of all" in told(capsys, "info", place)
    told(capsys, "shard", place, "-o", tmp_path / "b.shards", "--reshard", 4)
    with ShardedIndex.open(place) as two, ShardedIndex.open(tmp_path / "b.shards") as four:
        assert four.shards == 4
        assert four.info()["encoder_digest"] == two.info()["encoder_digest"]
        assert four.search(QUERIES, 6, exact=True).to_dicts() == two.search(QUERIES, 6, exact=True).to_dicts()


def _err(capsys: pytest.CaptureFixture[str], command: str, place: Path, path: Path, *words: str, some: object) -> str:
    write_fasta(path, some)  # type: ignore[arg-type]
    capsys.readouterr()
    assert run([command, str(place), str(path), *words]) == 0
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["shard", "refs.fasta", "--shards", "2"], "--output SHARDS is needed"),
        (["shard", "refs.fasta", "-o", "x"], "one of --shards, --append and --reshard is needed"),
        (["shard", "-", "-o", "x", "--shards", "2"], "standard input only once: give a file"),
        (["shard", "refs.fasta", "-o", "refs.shards", "--append", "--learn", "none"], "--learn means nothing with"),
        (["shard", "refs.shards", "-o", "x", "--reshard", "2", "--dim", "8"], "--dim means nothing with --reshard"),
        (["search", "refs.ss", "queries.fasta", "--ray", "local:1"], "--ray is for shards"),
        (["search", "refs.ss", "queries.fasta", "--partial"], "--partial is for shards"),
        (["classify", "refs.shards", "queries.fasta"], "holds shards, and neighbours of one index vote"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], error: str
) -> None:
    monkeypatch.chdir(folder)
    assert error in " ".join(told(capsys, *words, code=2).split())


def test_shards_opened_as_one_index_name_the_remedy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = told(capsys, "calibrate", folder / "refs.shards", code=1)
    assert "holds shards" in message
    assert "ShardedIndex.open" in message
