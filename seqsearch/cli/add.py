"""seqsearch add"""

from __future__ import annotations

from typing import Any

import click

from .progress import progress_for
from .shared import quiet_option, read_batches_noting, reading_arguments, reading_options, threads_option


@click.command("add", short_help="Add sequences to an index.")
@click.argument("index", type=click.Path())
@click.argument("sequences")
@reading_options
@threads_option
@quiet_option
def command(index: str, sequences: str, quiet: bool, **options: Any) -> None:
    """Embed SEQUENCES with the index's own encoder and add them. Each batch is durable once it is added.

    \b
    Example:
      seqsearch add refs.ss more.fasta
    """
    from ..search import SequenceIndex

    reading = reading_arguments(options)
    with SequenceIndex.open(index) as opened:
        reading["alphabet"] = reading["alphabet"] or opened.alphabet_name
        before = len(opened)
        for part in read_batches_noting(sequences, **reading):
            opened.add(part, progress=progress_for(quiet))
        if not quiet:
            click.echo(f"{index}: {len(opened) - before:,} added, {len(opened):,} sequences now", err=True)
