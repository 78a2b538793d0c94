from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch.cli.main import run
from seqsearch.distances import EditDistance
from seqsearch.encoders.model_file import load_model
from seqsearch.errors import ParameterError
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.tuning import SearchSpace, tune
from seqsearch.sequences import Sequences, write_fasta
from tests.families import families


@pytest.fixture
def references(tmp_path: Path) -> tuple[Sequences, str]:
    sequences = families(12, 6, 40)
    write_fasta(tmp_path / "refs.fasta", sequences)
    return sequences, str(tmp_path / "refs.fasta")


def test_train_embed_and_build_agree(references: tuple[Sequences, str], tmp_path: Path) -> None:
    sequences, path = references
    model, points, log = (str(tmp_path / name) for name in ("a.model", "points.npy", "log.jsonl"))
    train = ["train", path, "-o", model, "--steps", "10", "--batch", "24", "--dim", "8", "--geometry", "cosine", "-q"]
    assert run([*train, "--log", log, "--plot", str(tmp_path / "log.png")]) == 0
    assert load_model(model).geometry == "cosine"
    rows = [json.loads(line) for line in Path(log).read_text().splitlines()]
    assert rows[-1]["step"] == 10
    assert (tmp_path / "log.png").stat().st_size > 1000
    assert run(["embed", model, path, "-o", points, "-q"]) == 0
    np.testing.assert_array_equal(np.load(points), load_model(model).embed(sequences))
    assert (tmp_path / "points.ids.txt").read_text().split() == [sequences.ids[i] for i in range(72)]
    index = str(tmp_path / "refs.ss")
    assert run(["build", path, "-o", index, "--model", model, "-q"]) == 0
    assert run(["embed", index, path, "-o", points, "-q"]) == 0
    np.testing.assert_array_equal(np.load(points), load_model(model).embed(sequences))


def test_what_the_command_line_says_of_mistakes(
    references: tuple[Sequences, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = references
    assert run(["train", path, "-o", str(tmp_path / "m"), "--geometry", "round", "-q"]) == 2
    assert "no geometry is called 'round'" in capsys.readouterr().err
    assert run(["embed", path, path, "-o", str(tmp_path / "p.npy"), "-q"]) == 1
    assert "is not a model file" in capsys.readouterr().err
    assert run(["tune", path, "--dims", "8,x", "-q"]) == 2
    assert "'8,x' is not a list of numbers" in capsys.readouterr().err


def test_a_study_goes_on(references: tuple[Sequences, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, path = references
    study = str(tmp_path / "study.sqlite")
    command = ["tune", path, "--study", study, "--encoders", "linear", "--dims", "4,8", "--steps", "8", "-q"]
    assert run([*command, "--trials", "2", "--format", "json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run([*command, "--trials", "1", "--plot", str(tmp_path / "study.png")]) == 0
    assert "linear" in capsys.readouterr().out
    assert (tmp_path / "study.png").stat().st_size > 1000


def test_tuning_puts_the_best_first() -> None:
    space = SearchSpace(encoders=("linear", "mlp"), geometries=("euclidean",), dims=(2, 16), batches=(32,))
    plan = TrainingPlan(steps=8, check=2, validate=24)
    for sampler in ("random", "tpe"):
        study = tune(
            families(12, 6, 40), EditDistance(), trials=5, space=space, plan=plan, sampler=sampler, objective="rmse"
        )
        values = [row["value"] for row in study if row["state"] == "complete"]
        assert len(study) == 5
        assert values == sorted(values)
        assert study[0]["value"] == values[0]


def test_what_cannot_be_tuned() -> None:
    sequences = families(12, 6, 40)
    with pytest.raises(ParameterError, match="no objective 'speed': choose one of recall, rmse"):
        tune(sequences, EditDistance(), trials=1, objective="speed")
    with pytest.raises(ParameterError, match="no sampler 'grid': choose one of tpe, random"):
        tune(sequences, EditDistance(), trials=1, sampler="grid")
    with pytest.raises(ParameterError, match="encoder 'kmer' has nothing to tune"):
        tune(sequences, EditDistance(), trials=1, space=SearchSpace(encoders=["kmer"]))
