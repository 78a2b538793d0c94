"""Lower precision while learning: the network alone, and nothing of it in the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seqsearch.cli.main import run
from seqsearch.distances import EditDistance
from seqsearch.encoders.encoder import Encoder
from seqsearch.encoders.families import FAMILIES
from seqsearch.errors import ParameterError
from seqsearch.learning.metric import Metric
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences, write_fasta
from tests.families import families

PLAN = TrainingPlan(steps=4, batch=24, check=2, validate=12, precision="bfloat16")
TRAINED = [name for name, family in FAMILIES.items() if family.trained]


@pytest.fixture(scope="module")
def sequences() -> Sequences:
    return families(12, 6, 40)


@pytest.mark.parametrize("encoder", TRAINED)
def test_every_family_learns_in_bfloat16(encoder: str, sequences: Sequences) -> None:
    lower, log = train(sequences, EditDistance(), encoder=encoder, plan=PLAN)
    full, expected = train(sequences, EditDistance(), encoder=encoder, plan=replace(PLAN, precision="float32"))
    losses = np.array([[row["loss"] for row in rows.rows] for rows in (log, expected)])
    assert np.isfinite(losses).all()
    assert (losses[0] != losses[1]).any()  # it was asked for
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.2)
    points = lower.embed(sequences)
    assert points.dtype == np.float32
    assert all(weight.dtype == full.weights[name].dtype for name, weight in lower.weights.items())
    assert lower.training["plan"]["precision"] == "bfloat16"


@pytest.mark.parametrize("geometry", ["euclidean", "hyperbolic"])
def test_distances_and_looks_are_in_float32(
    geometry: str, sequences: Sequences, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[bool, torch.dtype]] = []
    measured: set[torch.dtype] = set()
    encode, forward = Encoder.encode, Metric.forward

    def watched(network: Encoder, some: Sequences) -> torch.Tensor:
        points = encode(network, some)
        encoded.append((network.training and torch.is_grad_enabled(), points.dtype))
        return points

    def measuring(metric: Metric, outputs: torch.Tensor) -> torch.Tensor:
        distances = forward(metric, outputs)
        measured.update((outputs.dtype, distances.dtype))
        return distances

    monkeypatch.setattr(Encoder, "encode", watched)
    monkeypatch.setattr(Metric, "forward", measuring)
    train(sequences, EditDistance(), encoder="mlp", plan=replace(PLAN, geometry=geometry))
    assert {dtype for learning, dtype in encoded if learning} == {torch.bfloat16}
    looks = [dtype for learning, dtype in encoded if not learning]
    assert looks[-1] == looks[-2] == torch.float32  # the last look and the fit of the scale
    assert measured == {torch.float32}


def test_precisions_that_there_are_not(
    sequences: Sequences, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ParameterError, match="no precision 'float8': choose one of float32, bfloat16"):
        TrainingPlan(precision="float8")
    write_fasta(tmp_path / "refs.fasta", sequences)
    asked = ["train", str(tmp_path / "refs.fasta"), "-o", str(tmp_path / "m"), "--steps", "3", "-q", "--precision"]
    assert run([*asked, "half"]) == 2
    assert "no precision 'half'" in capsys.readouterr().err
    assert run([*asked, "bfloat16"]) == 0
