"""seqsearch compact"""

from __future__ import annotations

import click

from .options import PATH, threads_and_quiet
from .progress import progress_for
from .source import open_index


@click.command("compact", short_help="Give back the space of removed sequences.")
@click.argument("index", type=PATH)
@threads_and_quiet
def command(index: str, quiet: bool) -> None:
    """Rewrite INDEX without the sequences that were removed or replaced.

    It may be killed at any moment, and readers keep answering meanwhile. Needs the space of the new index beside the
    old one.

    \b
    Example:
      seqsearch compact refs.ss
    """

    with open_index(index) as opened:
        before = opened.info()
        opened.compact(progress=progress_for(quiet))
        after = opened.info()
        if not quiet:
            click.echo(
                f"{index}: {before['deleted']:,} removed sequences gone, {before['bytes']:,} bytes before, "
                f"{after['bytes']:,} now",
                err=True,
            )
