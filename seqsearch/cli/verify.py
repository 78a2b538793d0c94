"""seqsearch verify"""

from __future__ import annotations

import json

import click

from .options import PATH, threads_and_quiet
from .progress import progress_for
from .shared import shown
from .source import open_index


@click.command("verify", short_help="Check every value of an index, and its recall.")
@click.argument("index", type=PATH)
@click.option(
    "--sample",
    type=click.IntRange(0),
    metavar="N",
    default=100,
    show_default=True,
    help="Members whose nearest others are compared with exact truth.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw of members.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@threads_and_quiet
@click.pass_context
def command(ctx: click.Context, index: str, sample: int, seed: int, output_format: str, quiet: bool) -> None:
    """Read everything INDEX holds and say what is wrong. Exits with 1 when anything is damaged.

    Checks every checksum, the order of chunks and log, that every id leads to its sequence and the candidate index
    holds exactly those that are there, that the model makes the stored vectors, and the recall of sampled members.

    \b
    Examples:
      seqsearch verify refs.ss
      seqsearch verify refs.ss --format json --sample 1000
    """
    from ..errors import CorruptIndexError
    from ..search import VerificationReport

    try:
        with open_index(index) as opened:
            report = opened.verify(sample=sample, seed=seed, progress=progress_for(quiet))
    except CorruptIndexError as error:  # not even its head can be read
        report = VerificationReport(problems=[str(error)])
    if output_format == "json":
        click.echo(json.dumps({"index": index, **report.to_json()}))
    else:
        for name, count in {**report.counts, **report.health}.items():
            click.echo(f"{name:<20} {shown(count)}")
        if report.recall is not None:
            click.echo(f"{'sampled recall':<20} {report.recall:.4f} of {report.sampled} members")
        for note in report.notes:
            click.echo(f"note: {note}")
    for problem in report.problems:
        click.echo(f"seqsearch: error: {_named(index, problem)}", err=True)
    if not report.ok:
        ctx.exit(1)
    if not quiet:
        click.echo(f"{index}: sound", err=True)


def _named(index: str, problem: str) -> str:
    return problem if problem.startswith(index) else f"{index}: {problem}"
