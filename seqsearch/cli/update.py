"""seqsearch update"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import PATH, Beside, Reading, takes, threads_and_quiet, vectors_option
from .progress import progress_for
from .shared import change

if TYPE_CHECKING:
    from ..encoders.vector_rows import VectorRows
    from ..sequences import Sequences


@click.command("update", short_help="Replace sequences of the same ids.")
@click.argument("index", type=PATH)
@click.argument("sequences")
@vectors_option
@takes(beside=Beside, reading=Reading)
@threads_and_quiet
def command(index: str, sequences: str, vectors: str | None, beside: Beside, reading: Reading, quiet: bool) -> None:
    """Put SEQUENCES in place of the stored ones with the same ids, each batch in one step.

    An id that INDEX does not hold is an error, or left out and counted with --on-error skip. Columns that are not given
    keep their values.

    \b
    Example:
      seqsearch update refs.ss corrected.fasta
    """
    from ..search import SequenceIndex

    progress = progress_for(quiet)
    with SequenceIndex.open(index) as opened:

        def update(part: Sequences, rows: VectorRows | None) -> None:
            opened.update(part, vectors=rows, progress=progress)

        done = change(opened, sequences, reading, beside, update, known=True, vectors=vectors)
        if not quiet:
            click.echo(f"{index}: {done:,} updated, {len(opened):,} sequences now", err=True)
