"""seqsearch calibrate"""

from __future__ import annotations

import json

import click

from .options import PATH, QUERY_VECTORS, Command, Reading, query_vectors_option, takes, threads_and_quiet
from .progress import progress_for
from .shared import curve


@click.command(
    "calibrate",
    cls=Command,
    first=("queries", "recall", "sample", "seed", "output_format"),
    short_help="Measure anew how many candidates a recall takes.",
)
@click.argument("index", type=PATH)
@click.option("--queries", metavar="FILE", help="Sequences like those that will be asked  [default: random members]")
@click.option("--recall", type=float, metavar="R", help="Recall that searches aim at by default from now on.")
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="Members to ask, where there is no FILE  [default: as many as the recall needs, 500 to 2,000]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw of members.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@query_vectors_option
@takes(reading=Reading)
@threads_and_quiet
def command(
    index: str,
    queries: str | None,
    recall: float | None,
    sample: int | None,
    seed: int,
    output_format: str,
    query_vectors: str | None,
    reading: Reading,
    quiet: bool,
) -> None:
    """Measure the recall of growing numbers of candidates on the data as they are now, and keep the curve.

    Worth it when a fifth of the data has changed since (`info` says: stale), or when the queries to come are not like
    the stored sequences: then give some of them. Members are asked for their nearest others, never for themselves.

    \b
    Examples:
      seqsearch calibrate refs.ss
      seqsearch calibrate refs.ss --queries typical.fasta --recall 0.95
    """
    from ..search import SequenceIndex

    with SequenceIndex.open(index) as opened:
        asked = None if queries is None else reading.suiting(opened.alphabet_name).read(queries, queries=True)
        rows = reading.rows(query_vectors, QUERY_VECTORS)
        measured = opened.calibrate(
            asked, vectors=rows, recall=recall, sample=sample, seed=seed, progress=progress_for(quiet)
        )
        _, message = opened.budget(10)
    if output_format == "json":
        click.echo(json.dumps({**measured.to_json(), "stale": False}))
        return
    click.echo(curve(measured.to_json()["points"]))
    if not quiet:
        click.echo(f"{index}: measured on {measured.queries:,} queries; a search takes {message}", err=True)
