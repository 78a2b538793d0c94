"""seqsearch search"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .progress import progress_for
from .shared import quiet_option, read_batches_noting, reading_arguments, reading_options, threads_option

if TYPE_CHECKING:
    from ..search import Results


@click.command("search", short_help="Nearest stored sequences of each query.")
@click.argument("index", type=click.Path())
@click.argument("queries")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Neighbours of each query.")
@click.option("--recall", type=float, metavar="R", help="Take the cheapest budget measured to reach this recall.")
@click.option("--candidates", type=int, metavar="N", help="Verify N candidates of each query.")
@click.option("--ef", type=int, metavar="N", help="Effort of the graph search, with --candidates.")
@click.option("--exact", is_flag=True, help="Compare with everything: exact by proof.")
@click.option("--where", metavar="label=VALUE", help="Only sequences with this label.")
@click.option("--format", "output_format", type=click.Choice(["tsv", "json"]), default="tsv", show_default=True)
@reading_options
@threads_option
@quiet_option
def command(index: str, queries: str, output_format: str, where: str | None, quiet: bool, **options: Any) -> None:
    """Find the K nearest stored sequences of each query, with their exact distances.

    TSV has the columns query, rank, target, distance; JSON has one object a line with the same names.

    \b
    Examples:
      seqsearch search refs.ss queries.fasta -k 10
      seqsearch search refs.ss queries.fasta --recall 0.95 --format json
      cat reads.fq | seqsearch search refs.ss - --candidates 200
    """
    from ..search import SequenceIndex

    reading = reading_arguments(options)
    progress = progress_for(quiet)
    with SequenceIndex.open(index) as opened:
        reading["alphabet"] = reading["alphabet"] or opened.alphabet_name
        said = None
        for part in read_batches_noting(queries, **reading):
            results = opened.search(part, where=_condition(where), progress=progress, **options)
            if said is None and not quiet:
                click.echo(f"{index}: {results.budget}", err=True)
            if said is None and output_format == "tsv":
                click.echo("query\trank\ttarget\tdistance")
            said = results.budget
            click.echo(tsv_of(results) if output_format == "tsv" else json_of(results), nl=False)


def tsv_of(results: Results) -> str:
    """Lines of query, rank, target, distance."""
    lines = [
        f"{hits.query}\t{hit.rank}\t{hit.id}\t{number(hit.distance)}\n" for hits in results for hit in hits
    ]  # fmt: skip
    return "".join(lines)


def json_of(results: Results) -> str:
    """One JSON object a hit."""
    lines = [
        json.dumps({"query": hits.query, "rank": hit.rank, "target": hit.id, "distance": _plain(hit.distance)}) + "\n"
        for hits in results
        for hit in hits
    ]
    return "".join(lines)


def number(distance: float) -> str:
    """A distance without a needless fraction: edit distances are whole numbers."""
    return str(_plain(distance))


def _plain(distance: float) -> int | float:
    return int(distance) if distance.is_integer() else distance


def _condition(where: str | None) -> dict[str, str] | None:
    if where is None:
        return None
    column, equals, value = where.partition("=")
    if not equals:
        raise click.BadParameter(f"{where!r} is not of the form label=VALUE", param_hint="--where")
    return {column: value}
