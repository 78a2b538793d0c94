"""seqsearch info"""

from __future__ import annotations

import json

import click

from .options import PATH
from .shared import curve, shown
from .source import is_model, open_index


@click.command("info", short_help="What an index holds and how well it finds it; what a model is.")
@click.argument("index", metavar="INDEX|MODEL", type=PATH)
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(index: str, output_format: str) -> None:
    """Show what an index holds, how it was made, and its measured recall; or what a model reads and tells, and how well
    it did on what was held out of training.

    \b
    Examples:
      seqsearch info refs.ss
      seqsearch info refs.ss --format json
      seqsearch info reviews.model
    """
    if is_model(index):
        _of_model(index, output_format)
        return
    with open_index(index) as opened:
        facts = opened.info()
    if output_format == "json":
        click.echo(json.dumps(facts))
        return
    calibration, parts = facts.pop("calibration"), facts.pop("bytes_by_part")
    levels = facts.pop("levels", [])
    if "shards" in facts:
        facts["shards"] = ", ".join(f"{shard['name']} {shard['sequences']:,}" for shard in facts["shards"])
    for name, value in facts.items():
        click.echo(f"{name:<20} {shown(value)}")
    click.echo(
        f"{'calibration':<20} {calibration['queries']} queries, default recall {calibration['target']}"
        + (", stale" if calibration["stale"] else "")
    )
    each = max(1, facts["sequences"])
    shares = ", ".join(f"{part} {count / each:,.1f}" for part, count in parts.items() if count)
    click.echo(f"{'bytes a sequence':<20} {facts['bytes'] / each:,.1f}: {shares}")
    if levels:
        asked = [level for level in levels if level["k"] == levels[0]["k"]]
        merged = ", ".join(f"{level['asked']}: {level['recall']:.4f}" for level in asked)
        click.echo(f"{'merged':<20} asked of each: recall of all, k {levels[0]['k']}: {merged}")
    click.echo("\n" + curve(calibration["points"]))


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
