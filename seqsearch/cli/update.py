"""seqsearch update"""

from __future__ import annotations

from typing import Any

import click

from .progress import progress_for
from .shared import change, quiet_option, reading_arguments, reading_options, threads_option


@click.command("update", short_help="Replace sequences of the same ids.")
@click.argument("index", type=click.Path())
@click.argument("sequences")
@reading_options
@threads_option
@quiet_option
def command(index: str, sequences: str, quiet: bool, **options: Any) -> None:
    """Put SEQUENCES in place of the stored ones with the same ids, each batch in one step.

    An id that INDEX does not hold is an error, or left out and counted with --on-error skip.

    \b
    Example:
      seqsearch update refs.ss corrected.fasta
    """
    from ..search import SequenceIndex

    progress = progress_for(quiet)
    with SequenceIndex.open(index) as opened:
        done = change(
            opened,
            sequences,
            reading_arguments(options),
            lambda part: opened.update(part, progress=progress),
            known=True,
        )
        if not quiet:
            click.echo(f"{index}: {done:,} updated, {len(opened):,} sequences now", err=True)
