"""seqsearch info"""

from __future__ import annotations

import json

import click

from .options import PATH
from .source import open_index


@click.command("info", short_help="What an index holds and how well it finds it.")
@click.argument("index", type=PATH)
@click.option("-v", "--verbose", is_flag=True, help="Every fact, and all that was measured, not one screen of them.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: every fact, in one object.",
)
def command(index: str, verbose: bool, output_format: str) -> None:
    """Show what an index holds, how it was made, and what a search takes for a recall.

    \b
    Examples:
      seqsearch info refs.ss
      seqsearch info refs.ss --verbose
      seqsearch info refs.ss --format json
    """
    from .facts import brief, whole

    with open_index(index) as opened:
        facts = opened.info()
    if output_format == "json":
        click.echo(json.dumps(facts))
        return
    click.echo(whole(facts) if verbose else brief(facts))
