"""seqsearch bench"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from ..evaluation.comparing import Compared


@click.command("bench", short_help="Which encoder and index suit your file.")
@click.argument("references", metavar="FILE")
@click.option("--queries", metavar="FILE", help="Sequences to ask  [default: up to 1,000 of FILE, which are held out]")
@click.option(
    "--encoders",
    metavar="NAME,...",
    help="Encoders to compare  [default: projection, linear, and counts of k-mers or the shape of a curve]",
)
@click.option("--kinds", metavar="NAME,...", default="hnsw,exact,hamming", show_default=True, help="Kinds of index.")
@click.option("--bits", type=int, default=128, show_default=True, help="Bits of the codes of hamming.")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Neighbours of each query.")
@click.option("--recall", type=float, default=0.99, show_default=True, help="The recall you want.")
@click.option(
    "--seconds",
    type=float,
    default=60.0,
    show_default=True,
    help="At most for training an encoder, for sweeping a cell, and for the exact truth.",
)
@click.option("--effort", metavar="LEVEL", default="low", show_default=True, help="Training: low, normal or high.")
@click.option("--distance", metavar="NAME", default="edit", show_default=True, help="edit or dtw.")
@distance_parameters_option
@click.option(
    "--format", "output_format", type=click.Choice(["table", "tsv", "json"]), default="table", show_default=True
)
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw recall against queries per second.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@reading_options
@threads_option
@quiet_option
def command(
    references: str,
    queries: str | None,
    encoders: str | None,
    kinds: str,
    output_format: str,
    plot: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare encoders and kinds of index on FILE, and recommend one.

    Trains every encoder, builds every cell in a temporary folder, and measures recall against exact truth and speed
    over growing budgets. The table has one line a cell, at the cheapest budget that reaches --recall; json and tsv have
    one line a budget, and the recommendation goes to stderr.

    \b
    Examples:
      seqsearch bench refs.fasta --plot bench.png
      seqsearch bench refs.fasta --queries typical.fasta --encoders projection,cnn,kmer --kinds hnsw,exact
      seqsearch bench beats.npz --distance dtw -D window=0.1 --recall 0.95 --seconds 30 --format json
    """
    from ..evaluation.comparing import Comparison, compare, held_out_queries

    reading = reading_arguments(options)
    asked = Comparison(encoders=_names(encoders), kinds=_names(kinds), **options)
    stored = read_noting(references, **reading)
    if queries is None:
        stored, searched = held_out_queries(stored, asked.seed)
    else:
        alphabet = reading["alphabet"] or (None if stored.alphabet is None else stored.alphabet.name)
        searched = read_noting(queries, **{**reading, "alphabet": alphabet})
    compared = compare(stored, searched, asked, progress_for(quiet))
    _show(compared, output_format)
    advice = recommendation(compared, references, reading)
    click.echo(advice, err=output_format != "table")
    if plot is not None:
        _plot(compared, plot, Path(references).name)


def _names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _show(compared: Compared, output_format: str) -> None:
    from ..evaluation import as_json_lines, as_table, as_tsv

    if output_format == "json":
        click.echo(as_json_lines(compared.rows()), nl=False)
    elif output_format == "tsv":
        click.echo(as_tsv(compared.rows()), nl=False)
    else:
        from rich.console import Console

        title = f"{compared.size:,} stored, {compared.queries:,} queries, k = {compared.asked.k}"
        table = as_table(compared.summary(), f"{title}, at recall {compared.asked.recall:g}")
        for column in table.columns[2:-1]:
            column.justify = "right"
        screen = Console()
        (screen if screen.is_terminal else Console(width=200)).print(table)  # a file has no edge to be wrapped at


def recommendation(compared: Compared, references: str, reading: dict[str, Any]) -> str:
    """What to build, and the command line that does."""
    recall, exact = compared.asked.recall, f"{compared.exact_qps:,.0f} queries/s"
    best = compared.best()
    if best is None:
        return (
            f"No cell reaches recall {recall:g} within its time. Comparing with everything answers {exact}: build any "
            f"of them and search with --exact, or give more --seconds."
        )
    cell, row = best
    said = f"{row.candidates:,} candidates reach {row.recall:.4f} at {row.qps:,.0f} queries/s"
    command = _build_command(compared, cell, references, reading)
    if row.qps <= compared.exact_qps:
        return (
            f"Comparing with everything is as fast as any index here: {exact} (best cell: {cell.name}, {said}). Build "
            f"one and search with --exact:\n  {command}"
        )
    times = row.qps / compared.exact_qps
    return (
        f"For recall {recall:g} take {cell.name}: {said}, {times:,.1f} times as fast as comparing with everything "
        f"({exact}). Build it, trained to the end:\n  {command}"
    )


def _build_command(compared: Compared, cell: Any, references: str, reading: dict[str, Any]) -> str:
    asked = compared.asked
    name = Path(references).name.split(".")[0] if references != "-" else ""
    words = ["seqsearch", "build", references, "-o", f"{name or 'index'}.ss", "--encoder", cell.encoder]
    words += ["--index", cell.kind] + ([] if cell.bits is None else ["--bits", str(cell.bits)])
    words += ["--recall", f"{asked.recall:g}"]
    if asked.distance != "edit":
        words += ["--distance", asked.distance]
    for parameter, value in asked.distance_parameters.items():
        words += ["-D", f"{parameter}={value}"]
    words += ["--seed", str(asked.seed)] if asked.seed else []
    options = {"format": "input_format"}
    for option, value in reading.items():
        if value is not None and (option, value) != ("on_error", "raise"):
            words += [f"--{options.get(option, option).replace('_', '-')}", str(value)]
    return shlex.join(words)


def _plot(compared: Compared, path: str, name: str) -> None:
    from ..evaluation.plots import plot_speed

    rows = [row for row in compared.rows() if row.get("qps") is not None]
    title = f"{name}: {compared.size:,} stored, {compared.queries:,} queries, k = {compared.asked.k}"
    plot_speed(rows, path, title=title, target=compared.asked.recall)
