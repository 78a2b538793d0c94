"""seqsearch bench"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import (
    PICTURE,
    Command,
    DistanceOptions,
    Reading,
    format_option,
    named,
    names_of,
    option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for
from .shared import show_rows

if TYPE_CHECKING:
    from rich.table import Table

    from ..evaluation.comparing import Cell, Compared


@dataclass(frozen=True)
class Compare:
    """What is compared."""

    queries: str | None = option("Sequences to ask  [default: up to 1,000 of FILE, which are held out]", metavar="FILE")
    encoders: str | None = option(
        "Encoders to compare  [default: projection, linear, and counts of k-mers or the shape of a curve]",
        metavar="NAME,...",
    )
    kinds: str = option("Kinds of index.", metavar="NAME,...", default="hnsw,exact,hamming")
    bits: int = option("Bits of the codes of hamming.", default=128)
    k: int = option("Neighbours of each query.", default=10)
    recall: float = option("The recall you want.", default=0.99)
    seconds: float = option(
        "At most for training an encoder, for sweeping a cell, and for the exact truth.", default=60.0
    )
    max_time: float | None = option("Seconds that all of it may take: cells not begun by then say so.", metavar="S")
    effort: str = option("Training: low, normal or high.", metavar="LEVEL", default="low")


@dataclass(frozen=True)
class Show:
    """How it is shown, and the seed."""

    output_format: str = format_option("table", "tsv", "json")
    plot: str | None = option("Draw recall against queries per second.", type=PICTURE, metavar="FILE.png")
    seed: int = option("Seed of every random draw.", default=0)


@click.command(
    "bench",
    cls=Command,
    first=("recall", "k", "kinds", "encoders", "plot"),
    short_help="Which encoder and index suit your file.",
)
@click.argument("references", metavar="FILE")
@takes(options=Compare, distance=DistanceOptions, show=Show, reading=Reading)
@threads_and_quiet
def command(
    references: str, options: Compare, distance: DistanceOptions, show: Show, reading: Reading, quiet: bool
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

    lists = {"encoders": names_of(options.encoders), "kinds": names_of(options.kinds)}
    asked = Comparison(**named(options, Comparison) | lists | vars(distance), seed=show.seed)
    stored = reading.read(references)
    if options.queries is None:
        stored, searched = held_out_queries(stored, asked.seed)
    else:
        searched = reading.suiting(stored.alphabet).read(options.queries, queries=True)
    compared = compare(stored, searched, asked, progress_for(quiet))
    show_rows(compared.rows(), show.output_format, lambda: _table(compared))
    click.echo(recommendation(compared, references, reading), err=show.output_format != "table")
    if show.plot is not None:
        _plot(compared, show.plot, Path(references).name)


def _table(compared: Compared) -> Table:
    from ..evaluation.rows import as_table

    title = f"{compared.size:,} stored, {compared.queries:,} queries, k = {compared.asked.k}"
    table = as_table(compared.summary(), f"{title}, at recall {compared.asked.recall:g}")
    for column in table.columns[2:-1]:
        column.justify = "right"
    return table


def recommendation(compared: Compared, references: str, reading: Reading) -> str:
    """What to build, and the command line that does."""
    recall, exact = compared.asked.recall, f"{compared.exact_qps:,.0f} queries/s"
    best = compared.best()
    if best is None:
        return (
            f"No cell reaches recall {recall:g} within its time. Comparing with everything answers {exact}: build any "
            f"of them and search with --exact, or give more --seconds."
        )
    cell, row = best
    found = f"{row.candidates:,} candidates reach {row.recall:.4f} at {row.qps:,.0f} queries/s"
    command = _build_command(compared, cell, references, reading)
    if row.qps <= compared.exact_qps:
        return (
            f"Comparing with everything is as fast as any index here: {exact} (best cell: {cell.name}, {found}). Build "
            f"one and search with --exact:\n  {command}"
        )
    times = row.qps / compared.exact_qps
    return (
        f"For recall {recall:g} take {cell.name}: {found}, {times:,.1f} times as fast as comparing with everything "
        f"({exact}). Build it, trained to the end:\n  {command}"
    )


def _build_command(compared: Compared, cell: Cell, references: str, reading: Reading) -> str:
    asked = compared.asked
    stem = Path(references).name.split(".")[0] if references != "-" else ""
    words = ["seqsearch", "build", references, "-o", f"{stem or 'index'}.ss", "--encoder", cell.encoder]
    words += ["--index", cell.kind] + ([] if cell.bits is None else ["--bits", str(cell.bits)])
    words += ["--recall", f"{asked.recall:g}"]
    if asked.distance != type(asked).distance:
        words += ["--distance", asked.distance]
    for parameter, value in asked.distance_parameters.items():
        words += ["-D", f"{parameter}={value}"]
    words += ["--seed", str(asked.seed)] if asked.seed else []
    return shlex.join(words + reading.words())


def _plot(compared: Compared, path: str, name: str) -> None:
    from ..evaluation.plots import plot_speed

    rows = [row for row in compared.rows() if row.get("qps") is not None]
    title = f"{name}: {compared.size:,} stored, {compared.queries:,} queries, k = {compared.asked.k}"
    plot_speed(rows, path, title=title, target=compared.asked.recall)
