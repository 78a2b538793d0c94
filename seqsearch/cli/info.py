"""seqsearch info"""

from __future__ import annotations

import json

import click

from .options import PATH
from .shared import shown
from .source import is_model, open_index


@click.command("info", short_help="What an index holds and how well it finds it; what a model is.")
@click.argument("index", metavar="INDEX|MODEL", type=PATH)
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
    """Show what an index holds, how it was made, and what a search takes for a recall; or what a model reads and
    predicts, and how well it did on what was held out of training.

    \b
    Examples:
      seqsearch info refs.ss
      seqsearch info refs.ss --verbose
      seqsearch info refs.ss --format json
      seqsearch info reviews.model
    """
    if is_model(index):
        _of_model(index, output_format)
        return
    from .facts import brief, whole

    with open_index(index) as opened:
        facts = opened.info()
    if output_format == "json":
        click.echo(json.dumps(facts))
        return
    click.echo(whole(facts) if verbose else brief(facts))


def _of_model(path: str, output_format: str) -> None:
    from ..encoders.model_file import load_model
    from ..evaluation.rows import as_table

    model = load_model(path)
    facts, judges = model.facts(), model.training.get("choice", {}).get("judges", [])
    if output_format == "json":
        click.echo(json.dumps({**facts, "judges": judges}))
        return
    for name, value in facts.items():
        click.echo(f"{name:<20} {shown(value)}")
    if judges:
        from rich.console import Console

        Console().print(as_table(judges, title="On what was held out"))
