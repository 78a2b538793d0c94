"""seqsearch add"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import PATH, Beside, Command, Reading, takes, threads_and_quiet, vectors_option
from .progress import progress_for
from .shared import change
from .source import open_index

if TYPE_CHECKING:
    from ..encoders.vector_rows import VectorRows
    from ..sequences import Sequences


@click.command(
    "add",
    cls=Command,
    first=("metadata", "columns", "vectors", "duplicate_ids", "on_error"),
    short_help="Add sequences to an index.",
)
@click.argument("index", type=PATH)
@click.argument("files", metavar="SEQUENCES...", nargs=-1, required=True)
@vectors_option
@takes(beside=Beside, reading=Reading)
@threads_and_quiet
def command(
    index: str, files: tuple[str, ...], vectors: str | None, beside: Beside, reading: Reading, quiet: bool
) -> None:
    """Embed SEQUENCES with the index's own encoder and add them. Each batch is durable once it is added.

    Where INDEX holds vectors that were made elsewhere, theirs come in a file of their own (--vectors). An id that INDEX
    holds already is an error, or left out and counted with --on-error skip. Of a table, or a table beside SEQUENCES
    (--metadata), the columns are kept that INDEX has.

    \b
    Examples:
      seqsearch add refs.ss more.fasta
      seqsearch add refs.ss more.csv --id-column name --on-error skip
      seqsearch add proteins.ss more.fasta --vectors more.npy
    """

    progress = progress_for(quiet)
    with open_index(index) as opened:

        def add(part: Sequences, rows: VectorRows | None) -> None:
            opened.add(part, vectors=rows, progress=progress)

        if vectors is not None and len(files) > 1:
            raise click.UsageError("--vectors has the rows of one file of SEQUENCES")
        done = sum(change(opened, path, reading, beside, add, known=False, vectors=vectors) for path in files)
        if not quiet:
            click.echo(f"{index}: {done:,} added, {len(opened):,} sequences now", err=True)
