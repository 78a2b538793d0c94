"""seqsearch add"""

from __future__ import annotations

import click

from .options import PATH, Beside, Reading, takes, threads_and_quiet
from .progress import progress_for
from .shared import change


@click.command("add", short_help="Add sequences to an index.")
@click.argument("index", type=PATH)
@click.argument("sequences")
@takes(beside=Beside, reading=Reading)
@threads_and_quiet
def command(index: str, sequences: str, beside: Beside, reading: Reading, quiet: bool) -> None:
    """Embed SEQUENCES with the index's own encoder and add them. Each batch is durable once it is added.

    An id that INDEX holds already is an error, or left out and counted with --on-error skip. Of a table, or a table
    beside SEQUENCES (--metadata), the columns are kept that INDEX has.

    \b
    Examples:
      seqsearch add refs.ss more.fasta
      seqsearch add refs.ss more.csv --id-column name --on-error skip
    """
    from ..search import SequenceIndex

    progress = progress_for(quiet)
    with SequenceIndex.open(index) as opened:
        done = change(opened, sequences, reading, beside, lambda part: opened.add(part, progress=progress), known=False)
        if not quiet:
            click.echo(f"{index}: {done:,} added, {len(opened):,} sequences now", err=True)
