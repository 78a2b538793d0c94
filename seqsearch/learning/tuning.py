"""Hyperparameter search: short training runs, each told by the ones before, the poor ones stopped early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..distances import Distance
from ..encoders.families import FAMILIES, family_named
from ..errors import MissingExtraError, ParameterError, StrPath
from ..geometry import geometry_named
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .plan import TrainingPlan, require_choice
from .trainer import train

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "random")
OBJECTIVES = {"recall": ("recall_at_10", "maximize"), "rmse": ("percent_rmse", "minimize")}


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

    def draw(self, trial: optuna.Trial) -> dict[str, Any]:
        """One setting of everything."""
        encoder = trial.suggest_categorical("encoder", list(self.encoders))
        drawn: dict[str, Any] = {
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


@dataclass(frozen=True)
class Study:
    """Rows of trial, state, value, steps and settings, best first, those without a value last; `objective` names the
    value.
    """

    objective: str
    rows: list[dict[str, Any]]

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best finished trial. Raises ParameterError when none is."""
        for row in self.rows:
            if row["state"] == "complete":
                return row
        raise ParameterError("no trial was finished")


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
    seed: int = 0,
    progress: Progress = SILENT,
) -> Study:
    """Run `trials` more trials, each one training run of `plan`, judged on its held-out sequences.

    `study`: an SQLite file that keeps every trial; a study that is there goes on. A run worse than the median of the
    ones before at the same step is stopped. Raises ParameterError and MissingExtraError (optuna).
    """
    require_choice("objective", objective, OBJECTIVES)
    require_choice("sampler", sampler, SAMPLERS)
    if trials < 1:
        raise ParameterError(f"trials must be at least 1, not {trials}")
    space = space if space is not None else SearchSpace()
    space.check(sequences.kind)
    plan = plan if plan is not None else TrainingPlan.of_effort("low")
    module = _optuna()
    running = _study(module, objective, sampler, study, seed)
    with progress.task("tuning", trials) as task:

        def once(trial: optuna.Trial) -> float:
            value = _trial(trial, sequences, distance, space, plan, OBJECTIVES[objective][0], seed, module.TrialPruned)
            task.advance()
            task.say(f"{objective} {value:.4f}")
            return value

        running.optimize(once, n_trials=trials)
    return Study(objective, _rows(running, OBJECTIVES[objective][1] == "maximize"))


def _trial(
    trial: optuna.Trial,
    sequences: Sequences,
    distance: Distance,
    space: SearchSpace,
    plan: TrainingPlan,
    column: str,
    seed: int,
    pruned: type[Exception],
) -> float:
    drawn = space.draw(trial)
    settings: dict[str, Any] = {name: drawn[name] for name in ("dim", "dropout") if name in drawn}
    own = replace(plan, rate=drawn["rate"], batch=drawn["batch"], geometry=drawn["geometry"])

    def watch(row: dict[str, float]) -> None:
        trial.report(row[column], int(row["step"]))
        if trial.should_prune():
            raise pruned

    _, log = train(sequences, distance, encoder=drawn["encoder"], plan=own, seed=seed, settings=settings, watch=watch)
    values = [row[column] for row in log.rows]
    return max(values) if column == "recall_at_10" else min(values)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("optuna", "tune") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _study(optuna: Any, objective: str, sampler: str, path: StrPath | None, seed: int) -> Any:
    import os

    storage = None if path is None else f"sqlite:///{os.path.abspath(os.fspath(path))}"
    running = optuna.create_study(
        study_name=f"seqsearch-{objective}",
        storage=storage,
        load_if_exists=True,
        direction=OBJECTIVES[objective][1],
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    later = seed + len(running.trials)  # a study that goes on must not draw the same settings again
    samplers: dict[str, Callable[[], Any]] = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=later),
        "random": lambda: optuna.samplers.RandomSampler(seed=later),
    }
    running.sampler = samplers[sampler]()
    return running


def _rows(running: Any, highest_first: bool) -> list[dict[str, Any]]:
    rows = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "value": trial.value,
            "steps": max(trial.intermediate_values, default=0),
            **trial.params,
        }
        for trial in running.trials
    ]
    sign = -1 if highest_first else 1
    return sorted(
        rows, key=lambda row: (row["state"] != "complete", sign * row["value"] if row["value"] is not None else 0.0)
    )
