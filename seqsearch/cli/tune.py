"""seqsearch tune"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from .. import extras
from .options import (
    PATH,
    Command,
    DistanceOptions,
    Reading,
    format_option,
    names_of,
    numbers_of,
    option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for

if TYPE_CHECKING:
    from ..learning.tuning import SearchSpace


@dataclass(frozen=True)
class Trials:
    """How many runs are made, how their settings are drawn and judged."""

    trials: int = option("Training runs to add.", type=click.IntRange(1), default=20)
    max_time: float | None = option("Seconds that all runs may take: then none begins.", metavar="S")
    study: str | None = option("Keep trials here; go on when it is there.", type=PATH, metavar="FILE.sqlite")
    sampler: str = option("", type=click.Choice(["tpe", "random"]), default="tpe")
    objective: str = option(
        "Judge by recall@10 or by %RMSE of held-out sequences.", type=click.Choice(["recall", "rmse"]), default="recall"
    )


@dataclass(frozen=True)
class Options:
    """What is tried, how long a run may be, and what is shown."""

    encoders: str | None = option("Families to try  [default: five of them]", metavar="NAME,NAME,...")
    geometries: str | None = option("Geometries to try  [default: euclidean, cosine, hyperbolic]", metavar="NAME,...")
    dims: str | None = option("Dimensions to try  [default: 32,64,128]", metavar="D,D,...")
    steps: int = option("Batches in one run.", type=click.IntRange(1), default=400)
    seconds: float = option("Seconds for one run at most.", default=0.0, show_default=False, metavar="S")
    device: str = option("cpu, cuda, cuda:1, ...", metavar="NAME", default="cpu")
    output_format: str = format_option("table", "json")
    plot: str | None = option("Draw the best value of encoder and geometry.", type=PATH, metavar="FILE.png")
    seed: int = option("Seed of every random draw.", default=0)

    def space(self) -> SearchSpace:
        """What is tried."""
        from ..learning.tuning import SearchSpace

        lists: dict[str, Any] = {
            "encoders": names_of(self.encoders),
            "geometries": names_of(self.geometries),
            "dims": () if self.dims is None else numbers_of(self.dims, "--dims"),
        }
        return replace(SearchSpace(), **{name: values for name, values in lists.items() if values})


@click.command(
    "tune",
    cls=Command,
    first=("trials", "max_time", "study", "encoders", "plot"),
    short_help="Search encoder, geometry and training settings.",
)
@click.argument("references", metavar="REFS")
@takes(trials=Trials, distance=DistanceOptions, options=Options, reading=Reading)
@threads_and_quiet
def command(
    references: str, trials: Trials, distance: DistanceOptions, options: Options, reading: Reading, quiet: bool
) -> None:
    """Train short runs with different settings on REFS and print them, best first. Poor runs are stopped early.

    \b
    Examples:
      seqsearch tune refs.fasta --trials 30 --study refs.sqlite --plot tuning.png
      seqsearch tune refs.fasta --encoders cnn,gru --geometries hyperbolic --objective rmse
    """
    extras.require("torch", "training")
    extras.require("optuna", "searching settings")
    from ..learning.plan import TrainingPlan
    from ..learning.tuning import tune

    space, steps = options.space(), options.steps
    plan = replace(
        TrainingPlan.of_effort("low"),
        steps=steps,
        seconds=options.seconds,
        device=options.device,
        check=max(1, steps // 8),
    )
    found = tune(
        reading.read(references),
        distance.exact(),
        space=space,
        plan=plan,
        seed=options.seed,
        progress=progress_for(quiet),
        **vars(trials),
    )
    if options.output_format == "json":
        click.echo("".join(json.dumps(row) + "\n" for row in found), nl=False)
    else:
        _show(found, trials.objective)
    if options.plot is not None:
        from ..evaluation.plots import plot_heat_map

        plot_heat_map(
            [row for row in reversed(found) if row["state"] == "complete"],  # the last of a cell counts
            options.plot,
            value="value",
            title=f"Best {trials.objective} by encoder and geometry",
            lower_is_better=trials.objective == "rmse",
        )


def _show(rows: Sequence[Mapping[str, object]], objective: str) -> None:
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*(objective if name == "value" else name for name in names))
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
