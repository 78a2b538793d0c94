"""What a build trains on: different sequences, however often they are repeated."""

from dataclasses import replace

import numpy as np
import pytest

from seqsearch.learning import trainer
from seqsearch.learning.plan import TrainingPlan
from seqsearch.search import SequenceIndex, build_encoder
from seqsearch.sequences import DNA, Sequences


class Enough(Exception):
    """What ends a build once its sample is known."""


def taught(monkeypatch, path, sequences, most):
    """The texts that a build trains on, of at most `most` sequences."""
    plan, seen = replace(TrainingPlan(), sequences=most), []
    monkeypatch.setattr(TrainingPlan, "of_effort", classmethod(lambda cls, effort: plan))

    def train(sample, *arguments, **options):
        seen.extend(sample.texts())
        raise Enough

    monkeypatch.setattr(trainer, "train", train)
    with pytest.raises(Enough):
        SequenceIndex.build(path, sequences, encoder="mlp")
    return seen


def repeated(different, copies):
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(different)]
    return Sequences.from_texts([text for text in texts for _ in range(copies)], DNA)


@pytest.mark.parametrize("most", [10_000, 300])
def test_copies_are_left_out(tmp_path, monkeypatch, most):
    monkeypatch.setattr(build_encoder, "_FEWEST", 100)
    seen = taught(monkeypatch, tmp_path / "i.ss", repeated(400, 20), most)
    assert len(seen) == len(set(seen)) == min(most, 400)


def test_of_few_all_are_taken(tmp_path, monkeypatch):
    seen = taught(monkeypatch, tmp_path / "i.ss", repeated(50, 3), 1000)
    assert len(seen) > len(set(seen)) > 40


def test_different_sequences_are_drawn_as_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(build_encoder, "_FEWEST", 100)
    sequences = repeated(500, 1)
    seen = taught(monkeypatch, tmp_path / "i.ss", sequences, 200)
    rng = np.random.default_rng(0)
    held = np.sort(rng.choice(500, 25, replace=False))
    chosen = rng.choice(np.setdiff1d(np.arange(500), held), 200, replace=False)
    assert seen == sequences[np.sort(chosen)].texts()
