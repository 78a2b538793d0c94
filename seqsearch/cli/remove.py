"""seqsearch remove"""

from __future__ import annotations

from typing import TextIO

import click

from .options import PATH, quiet_option
from .source import open_index


@click.command("remove", short_help="Remove sequences by id.")
@click.argument("index", type=PATH)
@click.argument("ids", nargs=-1)
@click.option("--from-file", type=click.File("r", encoding="utf-8"), metavar="FILE", help='One id a line; "-": stdin.')
@quiet_option
def command(index: str, ids: tuple[str, ...], from_file: TextIO | None, quiet: bool) -> None:
    """Remove sequences by id: all of them, or none when one is unknown.

    \b
    Examples:
      seqsearch remove refs.ss id7 id8
      seqsearch remove refs.ss --from-file ids.txt
    """

    chosen = list(ids)
    if from_file is not None:
        chosen += [line.strip() for line in from_file if line.strip()]
    if not chosen:
        raise click.UsageError("no ids given")
    with open_index(index) as opened:
        opened.remove(chosen)
        if not quiet:
            click.echo(f"{index}: {len(chosen):,} removed, {len(opened):,} sequences now", err=True)
