"""`seqsearch build RECIPE.toml`: what the command line says wins over the recipe, and is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, read, write_fasta
from tests.cli.conftest import Seqsearch
from tests.families import families

RECIPE = """
seed = 3
[data]
references = "refs.fasta"
hold_out = 20
[encoder]
name = "kmer"
[index]
kind = "hnsw"
m = 8
[search]
recall = 0.9
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_fasta(tmp_path / "refs.fasta", families(20, 10, 50))
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def facts(seqsearch: Seqsearch, index: Path) -> dict[str, object]:
    said: dict[str, object] = json.loads(seqsearch("info", index, "--format", "json").out)
    return said


def test_the_command_line_wins_over_the_recipe(seqsearch: Seqsearch, recipe: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "own.ss"
    place.parent.mkdir()
    done = seqsearch("build", recipe, "-o", place, "--recall", 0.8, "--seed", 5, "--index", "exact", "-q")
    assert done.code == 0, done.err
    assert not (tmp_path / "tiny").exists()
    assert not (tmp_path / "tiny.queries.fasta").exists()
    info = facts(seqsearch, place)
    assert info["index"] == "exact"
    assert info["index_parameters"] == {}  # m belongs to the recipe's kind
    assert info["calibration"]["target"] == 0.8
    assert len(read(place.with_name("own.queries.fasta"))) == 20
    assert json.loads(seqsearch("build", recipe, "-q").out or "{}") == {}
    assert list(read(tmp_path / "tiny.queries.fasta").ids) != list(read(place.with_name("own.queries.fasta")).ids)
    assert facts(seqsearch, tmp_path / "tiny")["index_parameters"] == {"m": 8}


def test_a_model_and_queries_are_taken_from_the_command_line(
    seqsearch: Seqsearch, recipe: Path, tmp_path: Path
) -> None:
    model, queries = tmp_path / "a.model", tmp_path / "queries.fasta"
    train = ("train", tmp_path / "refs.fasta", "-o", model, "--encoder", "linear", "--dim", 12, "--steps", 2, "-q")
    assert seqsearch(*train).code == 0
    write_fasta(queries, families(20, 10, 50)[::10])
    done = seqsearch("build", recipe, "--model", model, "--queries", queries, "--overwrite")
    assert done.code == 0, done.err
    info = facts(seqsearch, tmp_path / "tiny")
    assert (info["encoder"], info["dim"]) == ("linear", 12)
    assert info["calibration"]["queries"] == 20


def test_reading_options_win_and_a_wrong_one_is_a_usage_error(
    seqsearch: Seqsearch, recipe: Path, tmp_path: Path
) -> None:
    assert seqsearch("build", recipe, "--alphabet", "text", "--encoder", "projection", "-q").code == 0
    with SequenceIndex.open(tmp_path / "tiny") as index:
        assert index.alphabet_name == "text"
        assert index.model.family == "projection"
    assert seqsearch("build", recipe, "--recall", 2, "--overwrite").code == 2
    unfit = seqsearch("build", recipe, "-D", "window=3", "--overwrite")
    assert unfit.code == 2
    assert "distance edit" in unfit.err


def test_a_distance_of_its_own_leaves_the_parameters_of_the_recipe(seqsearch: Seqsearch, tmp_path: Path) -> None:
    np.savez(tmp_path / "beats.npz", values=np.random.default_rng(0).standard_normal((60, 12)))
    text = '[data]\nreferences = "beats.npz"\n[distance]\nname = "dtw"\nwindow = 0.5\n[encoder]\nname = "projection"\n'
    (tmp_path / "beats.toml").write_text(text)
    assert seqsearch("build", tmp_path / "beats.toml", "-D", "window=0.25", "-q").code == 0
    assert facts(seqsearch, tmp_path / "beats")["distance_parameters"]["window"] == 0.25
    assert seqsearch("build", tmp_path / "beats.toml", "--distance", "dtw", "--overwrite", "-q").code == 0
    assert facts(seqsearch, tmp_path / "beats")["distance_parameters"]["window"] == 0.5


@pytest.mark.parametrize("hold_out", [0, 5])
def test_records_that_are_skipped_are_counted(
    seqsearch: Seqsearch, recipe: Path, tmp_path: Path, hold_out: int
) -> None:
    with open(tmp_path / "refs.fasta", "a") as file:
        file.write(">nothing\n>odd\nAC!T\n")
    recipe.write_text(RECIPE.replace("hold_out = 20", f'hold_out = {hold_out}\non_error = "skip"'))
    done = seqsearch("build", recipe, "--recall", 0.5)
    assert done.code == 0, done.err
    assert "2" in next(line for line in done.err.splitlines() if "skipped" in line)
