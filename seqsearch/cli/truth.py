"""seqsearch truth"""

from __future__ import annotations

from typing import Any

import click

from .output import PLAIN, Hits, header, text_of
from .progress import progress_for
from .shared import (
    distance_parameters_option,
    quiet_option,
    read_noting,
    reading_arguments,
    reading_options,
    threads_option,
)


@click.command("truth", short_help="Exact nearest neighbours, without an index.")
@click.argument("references", metavar="REFS")
@click.argument("queries")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Neighbours of each query.")
@click.option("--distance", metavar="NAME", default="edit", show_default=True, help="edit or dtw.")
@distance_parameters_option
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="TRUTH.npz",
    help="Write a truth file, which `evaluate --truth` reads, in place of the table.",
)
@reading_options
@threads_option
@quiet_option
def command(
    references: str,
    queries: str,
    k: int,
    distance: str,
    distance_parameters: dict[str, Any],
    output: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare every query with every reference and print the K nearest: query, rank, target, distance.

    Ties are broken by the order of the references. A truth file remembers which sequences, distance and parameters it
    belongs to, and is refused for others.

    \b
    Examples:
      seqsearch truth refs.fasta queries.fasta -k 10 > truth.tsv
      seqsearch truth refs.fasta queries.fasta -k 10 -o truth.npz
      seqsearch evaluate refs.ss queries.fasta --truth truth.npz
    """
    from ..distances import Truth, distance_named
    from ..search import Results

    reading = reading_arguments(options)
    targets = read_noting(references, **reading)
    if reading["alphabet"] is None and targets.alphabet is not None:
        reading["alphabet"] = targets.alphabet.name
    asked = read_noting(queries, **reading)
    exact = distance_named(distance, **distance_parameters)
    found, pruning = exact.exact_with_pruning(asked, targets, k, progress=progress_for(quiet))
    if not quiet:
        click.echo(f"exact: {pruning}", err=True)
    if output is not None:
        Truth.of(found, asked, targets, exact).save(output)
        return
    answers = Results(asked.ids, targets, found)
    hits = Hits(answers, answers.table(), asked)
    click.echo(header(PLAIN, "tsv") + text_of(hits, PLAIN, "tsv"), nl=False)
