"""Hyperparameter search: short training runs, each learning from the ones before, the poor ones stopped early."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .. import extras
from ..arrays import JSON
from ..distances import Distance
from ..encoders.families import FAMILIES, family_named
from ..errors import ParameterError, StrPath
from ..geometry import geometry_named
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .deadline import Deadline
from .loop import Row, RunOptions
from .plan import TrainingPlan, require_choice
from .trainer import train

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "random")
OBJECTIVES: dict[str, tuple[str, Literal["maximize", "minimize"]]] = {
    "recall": ("recall_at_10", "maximize"),
    "rmse": ("percent_rmse", "minimize"),
}


@dataclass(frozen=True)
class SearchSpace:
    """What is varied: encoder families, geometries, dimensions; learning rate, batch and dropout within ranges."""

    encoders: Sequence[str] = ("projection", "mlp", "cnn", "gru", "transformer")
    geometries: Sequence[str] = ("euclidean", "cosine", "hyperbolic")
    dims: Sequence[int] = (32, 64, 128)
    rates: tuple[float, float] = (3e-4, 1e-2)
    batches: Sequence[int] = (64, 128, 256)
    dropouts: tuple[float, float] = (0.0, 0.3)

    def check(self, kind: str) -> None:
        """Raise ParameterError for a name there is not."""
        for name in self.encoders:
            if not family_named(name, kind).trained:
                raise ParameterError(f"encoder {name!r} has nothing to tune")
        for name in self.geometries:
            geometry_named(name)

    def draw(self, trial: optuna.Trial) -> JSON:
        """One setting of everything."""
        encoder = trial.suggest_categorical("encoder", list(self.encoders))
        drawn: JSON = {
            "encoder": encoder,
            "geometry": trial.suggest_categorical("geometry", list(self.geometries)),
            "dim": trial.suggest_categorical("dim", list(self.dims)),
            "rate": trial.suggest_float("rate", *self.rates, log=True),
            "batch": trial.suggest_categorical("batch", list(self.batches)),
        }
        family = FAMILIES.get(encoder)
        if family is not None and family.dropout:
            drawn["dropout"] = trial.suggest_float("dropout", *self.dropouts)
        return drawn


def tune(
    sequences: Sequences,
    distance: Distance,
    *,
    trials: int,
    space: SearchSpace | None = None,
    plan: TrainingPlan | None = None,
    objective: str = "recall",
    sampler: str = "tpe",
    study: StrPath | None = None,
    max_time: float | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[JSON]:
    """Run `trials` more trials, each one training run of `plan`, judged on its held-out sequences.

    Rows of trial, state, value, steps and settings, best first, those without a value last. `study`: an SQLite file
    that keeps every trial; a study that is there goes on. A run worse than the median of the ones before at the same
    step is stopped. `max_time`: seconds after which no trial begins, and the one that runs ends early. Raises
    ParameterError.
    """
    extras.require("optuna", "searching settings")
    import optuna  # a slow import

    require_choice("objective", objective, OBJECTIVES)
    require_choice("sampler", sampler, SAMPLERS)
    if trials < 1:
        raise ParameterError(f"trials must be at least 1, not {trials}")
    if max_time is not None and not max_time > 0:
        raise ParameterError(f"max_time must be above 0 seconds, not {max_time}")
    deadline = Deadline(max_time)
    space = space if space is not None else SearchSpace()
    space.check(sequences.kind)
    plan = plan if plan is not None else TrainingPlan.of_effort("low")
    column, direction = OBJECTIVES[objective]
    best = max if direction == "maximize" else min
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    running = optuna.create_study(
        study_name=f"seqsearch-{objective}",
        storage=None if study is None else f"sqlite:///{os.path.abspath(os.fspath(study))}",
        load_if_exists=True,
        direction=direction,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    later = seed + len(running.trials)  # a study that goes on must not draw the same settings again
    samplers = optuna.samplers
    running.sampler = samplers.TPESampler(seed=later) if sampler == "tpe" else samplers.RandomSampler(seed=later)
    with progress.task("tuning", trials) as task:

        def once(trial: optuna.Trial) -> float:
            drawn = space.draw(trial)
            settings: JSON = {name: drawn[name] for name in ("dim", "dropout") if name in drawn}
            own = replace(plan, rate=drawn["rate"], batch=drawn["batch"], geometry=drawn["geometry"])
            limits = [seconds for seconds in (plan.seconds, deadline.left) if seconds]
            own = replace(own, seconds=min(limits, default=0.0))

            def watch(row: Row) -> None:
                trial.report(row[column], int(row["step"]))
                if trial.should_prune():
                    raise optuna.TrialPruned

            options = RunOptions(seed=seed, settings=settings, watch=watch)
            _, log = train(sequences, distance, encoder=drawn["encoder"], plan=own, **options)
            value = best(row[column] for row in log.rows)
            task.advance()
            task.say(f"{objective} {value:.4f}")
            return value

        running.optimize(once, n_trials=trials, timeout=max_time)
    return _rows(running, -1 if direction == "maximize" else 1)


def _rows(running: optuna.Study, sign: int) -> list[JSON]:
    rows: list[JSON] = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "value": trial.value,
            "steps": max(trial.intermediate_values, default=0),
            **trial.params,
        }
        for trial in running.trials
    ]
    return sorted(
        rows, key=lambda row: (row["state"] != "complete", sign * row["value"] if row["value"] is not None else 0.0)
    )
