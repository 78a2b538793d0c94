"""seqsearch tune"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click

from .progress import progress_for
from .shared import (
    distance_parameters_option,
    quiet_option,
    read_noting,
    reading_arguments,
    reading_options,
    threads_option,
)


@click.command("tune", short_help="Search encoder, geometry and training settings.")
@click.argument("references", metavar="REFS")
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="Training runs to add.")
@click.option("--study", type=click.Path(), metavar="FILE.sqlite", help="Keep trials here; go on when it is there.")
@click.option("--sampler", type=click.Choice(["tpe", "random"]), default="tpe", show_default=True)
@click.option(
    "--objective",
    type=click.Choice(["recall", "rmse"]),
    default="recall",
    show_default=True,
    help="Judge by recall@10 or by %RMSE of held-out sequences.",
)
@click.option("--distance", metavar="NAME", default="edit", show_default=True, help="edit or dtw.")
@distance_parameters_option
@click.option("--encoders", metavar="NAME,NAME,...", help="Families to try  [default: five of them]")
@click.option("--geometries", metavar="NAME,...", help="Geometries to try  [default: euclidean, cosine, hyperbolic]")
@click.option("--dims", metavar="D,D,...", help="Dimensions to try  [default: 32,64,128]")
@click.option("--steps", type=click.IntRange(1), default=400, show_default=True, help="Batches in one run.")
@click.option("--seconds", type=float, default=0.0, metavar="S", help="Seconds for one run at most.")
@click.option("--device", metavar="NAME", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw the best value of encoder and geometry.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@reading_options
@threads_option
@quiet_option
def command(
    references: str,
    trials: int,
    study: str | None,
    sampler: str,
    objective: str,
    distance: str,
    distance_parameters: dict[str, Any],
    encoders: str | None,
    geometries: str | None,
    dims: str | None,
    steps: int,
    seconds: float,
    device: str,
    output_format: str,
    plot: str | None,
    seed: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Train short runs with different settings on REFS and print them, best first. Poor runs are stopped early.

    \b
    Examples:
      seqsearch tune refs.fasta --trials 30 --study refs.sqlite --plot tuning.png
      seqsearch tune refs.fasta --encoders cnn,gru --geometries hyperbolic --objective rmse
    """
    from ..distances import distance_named
    from ..learning.plan import TrainingPlan
    from ..learning.tuning import SearchSpace, tune

    sequences = read_noting(references, **reading_arguments(options))
    given: dict[str, Any] = {"encoders": encoders, "geometries": geometries}
    asked: dict[str, Any] = {name: text.split(",") for name, text in given.items() if text is not None}
    if dims is not None:
        try:
            asked["dims"] = [int(number) for number in dims.split(",")]
        except ValueError:
            raise click.BadParameter(f"{dims!r} is not a list of numbers", param_hint="--dims") from None
    plan = replace(TrainingPlan.of_effort("low"), steps=steps, seconds=seconds, device=device, check=max(1, steps // 8))
    exact = distance_named(distance, **distance_parameters)
    found = tune(
        sequences,
        exact,
        trials=trials,
        space=SearchSpace(**asked),
        plan=plan,
        objective=objective,
        sampler=sampler,
        study=study,
        seed=seed,
        progress=progress_for(quiet),
    )
    if output_format == "json":
        click.echo("".join(json.dumps(row) + "\n" for row in found.rows), nl=False)
    else:
        _show(found.rows, objective)
    if plot is not None:
        from ..evaluation.plots import plot_heat_map

        finished = [row for row in reversed(found.rows) if row["state"] == "complete"]  # the last of a cell counts
        plot_heat_map(
            finished,
            plot,
            value="value",
            title=f"Best {objective} by encoder and geometry",
            lower_is_better=objective == "rmse",
        )


def _show(rows: list[dict[str, Any]], objective: str) -> None:
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*(objective if name == "value" else name for name in names))
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
