"""seqsearch truth"""

from __future__ import annotations

from typing import Any

import click

from . import output
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
@reading_options
@threads_option
@quiet_option
def command(
    references: str, queries: str, k: int, distance: str, distance_parameters: dict[str, Any], quiet: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Compare every query with every reference and print the K nearest: query, rank, target, distance.

    Ties are broken by the order of the references.

    \b
    Example:
      seqsearch truth refs.fasta queries.fasta -k 10 > truth.tsv
    """
    from ..distances import distance_named
    from ..search import Results

    reading = reading_arguments(options)
    targets = read_noting(references, **reading)
    if reading["alphabet"] is None and targets.alphabet is not None:
        reading["alphabet"] = targets.alphabet.name
    asked = read_noting(queries, **reading)
    found = distance_named(distance, **distance_parameters).exact(asked, targets, k, progress=progress_for(quiet))
    answers = Results(asked.ids, targets.ids, found.rows, found.distances)
    hits = output.Hits(answers, answers.table(), asked, targets)
    click.echo(output.header(output.PLAIN, "tsv") + output.text_of(hits, output.PLAIN, "tsv"), nl=False)
