"""seqsearch evaluate"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .progress import progress_for
from .shared import quiet_option, read_noting, reading_arguments, reading_options, threads_option

if TYPE_CHECKING:
    from ..search import Budget, SequenceIndex


@click.command("evaluate", short_help="Recall against exact truth, over a sweep of budgets.")
@click.argument("index", type=click.Path())
@click.argument("queries")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Neighbours of each query.")
@click.option("--candidates", metavar="N,N,...", help="Budgets to measure  [default: a ladder]")
@click.option("--truth", type=click.Path(), metavar="TRUTH.npz", help="Exact neighbours written by `seqsearch truth`.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "tsv", "json"]), default="table", show_default=True
)
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw recall against queries per second.")
@reading_options
@threads_option
@quiet_option
def command(
    index: str,
    queries: str,
    k: int,
    candidates: str | None,
    truth: str | None,
    output_format: str,
    plot: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare the index with exact truth on QUERIES: recall, candidate recall and speed of every budget.

    A hit counts when its exact distance is at most that of the true K-th neighbour, so ties count.

    \b
    Examples:
      seqsearch evaluate refs.ss queries.fasta
      seqsearch evaluate refs.ss queries.fasta --candidates 50,100,200 --format json --plot recall.png
    """
    from ..distances import Truth
    from ..evaluation.sweep import Sweep
    from ..search import SequenceIndex

    reading = reading_arguments(options)
    with SequenceIndex.open(index) as opened:
        reading["alphabet"] = reading["alphabet"] or opened.alphabet_name
        budgets = _budgets(opened, candidates, k)
        asked = read_noting(queries, **reading)
        known = None
        if truth is not None:
            known = Truth.load(truth)
            known.require(asked, opened.sequences, opened.distance, k)
        sweep = Sweep(
            opened.evaluate(
                asked,
                k,
                truth=None if known is None else known.neighbours,
                budgets=budgets,
                progress=progress_for(quiet),
            )
        )
    show(sweep, output_format)
    if plot is not None:
        from ..evaluation.plots import plot_speed

        plot_speed(sweep.as_rows(index), plot, title=f"{len(asked):,} queries, {k} neighbours")


def show(sweep: Any, output_format: str) -> None:
    """Print a sweep on stdout."""
    if output_format == "json":
        click.echo(sweep.as_json_lines(), nl=False)
    elif output_format == "tsv":
        click.echo(sweep.as_tsv(), nl=False)
    else:
        from rich.console import Console

        Console().print(sweep.as_table())


def _budgets(index: SequenceIndex, asked: str | None, k: int) -> list[Budget] | None:
    if asked is None:
        return None
    try:
        counts = [int(count) for count in asked.split(",")]
    except ValueError:
        raise click.BadParameter(f"{asked!r} is not a list of numbers", param_hint="--candidates") from None
    chosen = [index.budget(k, candidates=count)[0] for count in counts]
    return [budget for budget in chosen if budget is not None]
