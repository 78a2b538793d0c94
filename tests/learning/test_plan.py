from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.distances import EditDistance
from seqsearch.errors import ParameterError
from seqsearch.evaluation.comparing import Comparison, compare
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from tests.families import families


@pytest.mark.parametrize(("length", "wanted"), [(60, "euclidean"), (120, "cosine")])
def test_the_geometry_that_suits(length: int, wanted: str, tmp_path: Path) -> None:
    sequences = families(20, 4, length)
    assert TrainingPlan().suited_to(sequences).geometry == wanted
    assert TrainingPlan(bits=64).suited_to(sequences).geometry == "euclidean"
    assert TrainingPlan(target="contrastive").suited_to(sequences).geometry == "euclidean"
    assert TrainingPlan(geometry="hyperbolic").suited_to(sequences).geometry == "hyperbolic"
    with SequenceIndex.build(tmp_path / "a.ss", sequences, effort="low") as index:
        assert index.model.geometry == wanted


def test_series_and_nothing_are_euclidean() -> None:
    walks = Sequences.from_arrays([np.zeros(500), np.ones(500)])
    assert TrainingPlan().suited_to(walks).geometry == "euclidean"
    assert TrainingPlan().suited_to(walks[:0]).geometry == "euclidean"


def test_training_resolves_what_auto_means() -> None:
    model, _ = train(families(10, 4, 120), EditDistance(), plan=TrainingPlan(steps=4, check=2))
    assert model.geometry == "cosine"
    assert model.training is not None
    assert model.training["plan"]["geometry"] == "cosine"
    model, _ = train(families(10, 4, 120), EditDistance(), plan=TrainingPlan(steps=4, check=2, bits=16))
    assert (model.geometry, model.bits) == ("euclidean", 16)
    with pytest.raises(ParameterError, match="codes of bits have no cosine geometry"):
        TrainingPlan(bits=16, geometry="cosine")


@pytest.mark.parametrize("power", [0.0, -1.0, float("nan")])
def test_a_power_that_cannot_be_is_told_before_any_work(power: float) -> None:
    with pytest.raises(ParameterError, match=f"the power must be above 0, not {power}"):
        TrainingPlan(power=power)


@pytest.mark.parametrize("encoder", ["kmer", "auto"])
def test_what_is_not_trained_is_euclidean(encoder: str) -> None:
    model, _ = train(families(4, 4, 120), EditDistance(), encoder=encoder, plan=TrainingPlan(steps=4))
    assert (model.family, model.geometry) == ("kmer", "euclidean")


@pytest.mark.parametrize("codes", [None, "itq"])
def test_codes_are_of_euclidean_points(codes: str | None, tmp_path: Path) -> None:
    options = {"bits": 16, "codes": codes, "effort": "low"}
    with SequenceIndex.build(tmp_path / "a.ss", families(10, 4, 120), **options) as index:
        assert (index.model.geometry, index.model.bits) == ("euclidean", 16)


def test_a_comparison_trains_what_a_build_would(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(SequenceIndex, "build", lambda *_, model, **__: seen.append(model.geometry) or refuse())
    sequences = families(20, 10, 120)
    asked = Comparison(("projection",), ("exact",), effort="low", seconds=5)
    (cell,) = compare(sequences, sequences[:20], asked).cells
    assert (seen, cell.failed) == (["cosine"], "seen")


def refuse() -> None:
    raise ParameterError("seen")
