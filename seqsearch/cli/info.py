"""seqsearch info"""

from __future__ import annotations

import json
from typing import Any

import click


@click.command("info", short_help="What an index holds and how well it finds it.")
@click.argument("index", type=click.Path())
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(index: str, output_format: str) -> None:
    """Show what an index holds, how it was made, and its measured recall.

    \b
    Examples:
      seqsearch info refs.ss
      seqsearch info refs.ss --format json
    """
    from ..search import SequenceIndex

    with SequenceIndex.open(index) as opened:
        facts = opened.info()
    if output_format == "json":
        click.echo(json.dumps(facts))
        return
    calibration = facts.pop("calibration")
    for name, value in facts.items():
        click.echo(f"{name:<20} {_shown(value)}")
    click.echo(f"{'calibration':<20} {calibration['queries']} queries, default recall {calibration['target']}"
               + (", stale" if calibration["stale"] else ""))  # fmt: skip
    click.echo(f"\n{'k':>5} {'candidates':>11} {'ef':>6} {'recall':>8} {'at least':>9}")
    for point in calibration["points"]:
        ef = "-" if point["ef"] is None else point["ef"]
        click.echo(f"{point['k']:>5} {point['candidates']:>11} {ef:>6} {point['recall']:>8.4f} {point['lower']:>9.4f}")


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items()) or "-"
    return "-" if value is None else str(value)
