from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import pytest

from seqsearch import threads
from seqsearch.distances import EditDistance
from seqsearch.encoders.pair import TowerPair
from seqsearch.errors import CorruptIndexError, MismatchError
from seqsearch.learning.loop import Row, RunOptions
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.towers import TowerPlan, train_towers
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from tests.families import families

PLAN = TrainingPlan(steps=30, batch=32, check=10, validate=32, patience=50)


class _StopError(Exception):
    pass


@pytest.mark.parametrize(
    ("encoder", "plan"),
    [
        ("projection", PLAN),
        ("projection", replace(PLAN, cells=1e6)),  # the distances of few batches are used again and again
        ("projection", replace(PLAN, rounds=6, check=5)),  # near rows mined again, at steps 5, 10, ...
        ("mlp", replace(PLAN, geometry="hyperbolic", mode="sphere")),  # draws of dropout, a learnt radius
    ],
)
def test_a_resumed_run_ends_as_if_it_had_never_stopped(encoder: str, plan: TrainingPlan, tmp_path: Path) -> None:
    sequences = families(12, 8, 30)
    settings = {"dropout": 0.1, "hidden": 32} if encoder == "mlp" else {"dim": 8, "hidden": 16}
    place = tmp_path / "run.checkpoint"

    def stop(row: dict[str, float]) -> None:
        if row["step"] == 10:
            raise _StopError

    with threads.using(1):
        whole, log = train(sequences, EditDistance(), encoder=encoder, plan=plan, seed=5, settings=settings)
        with pytest.raises(_StopError):
            train(
                sequences,
                EditDistance(),
                encoder=encoder,
                plan=plan,
                seed=5,
                settings=settings,
                checkpoint=place,
                watch=stop,
            )
        seen: list[float] = []
        resumed, resumed_log = train(
            sequences,
            EditDistance(),
            encoder=encoder,
            plan=plan,
            seed=5,
            settings=settings,
            checkpoint=place,
            watch=lambda row: seen.append(row["step"]),
        )
        finished, _ = train(
            sequences, EditDistance(), encoder=encoder, plan=plan, seed=5, settings=settings, checkpoint=place
        )
    assert seen == list(range(10 + plan.check, 31, plan.check))
    assert resumed_log.rows == log.rows
    assert resumed.weight_bytes() == whole.weight_bytes() == finished.weight_bytes()
    assert resumed.scale == whole.scale


def test_towers_go_on_as_if_they_had_never_stopped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    queries = Sequences.from_arrays([rng.standard_normal((int(t), 2)) for t in rng.integers(20, 30, 24)])
    database = Sequences.from_arrays([np.tanh(queries[row].data @ np.ones((2, 3))) for row in range(24)])
    plan = TowerPlan(steps=6, batch=8, check=2)

    def stop(row: Row) -> None:
        raise _StopError

    def made(**options: Unpack[RunOptions]) -> TowerPair:
        return train_towers(queries, database, plan=plan, **{"seed": 1, "settings": {"dim": 8}, **options})[0]

    with threads.using(1):
        whole = made()
        with pytest.raises(_StopError):
            made(checkpoint=tmp_path / "run", watch=stop)
        resumed = made(checkpoint=tmp_path / "run")
    assert resumed.training == whole.training
    for name, weights in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], weights)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    sequences = families(12, 8, 30)
    place = tmp_path / "run.checkpoint"
    plan = replace(PLAN, steps=10)
    small = {"dim": 8, "hidden": 0}
    train(sequences, EditDistance(), plan=plan, checkpoint=place, seed=1, settings=small)
    with pytest.raises(MismatchError, match="run.checkpoint belongs to a run with another seed"):
        train(sequences, EditDistance(), plan=plan, checkpoint=place, seed=2, settings=small)
    with pytest.raises(MismatchError, match="another data"):
        train(sequences[:-1], EditDistance(), plan=plan, checkpoint=place, seed=1, settings=small)
    place.write_bytes(place.read_bytes().replace(b'\\"version\\": 2', b'\\"version\\": 1'))
    with pytest.raises(MismatchError, match="written by another version of seqsearch: remove it to begin anew"):
        train(sequences, EditDistance(), plan=plan, checkpoint=place, seed=1, settings=small)
    place.write_bytes(place.read_bytes()[:50])
    with pytest.raises(CorruptIndexError, match="run.checkpoint is not a training checkpoint"):
        train(sequences, EditDistance(), plan=plan, checkpoint=place, seed=1, settings=small)
