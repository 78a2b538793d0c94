"""seqsearch update"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import PATH, Beside, Command, Reading, given, takes, threads_and_quiet, vectors_option
from .progress import progress_for
from .shared import change
from .source import open_index

if TYPE_CHECKING:
    from ..encoders.vector_rows import VectorRows
    from ..search import SequenceIndex
    from ..sequences import Sequences


@click.command(
    "update",
    cls=Command,
    first=("metadata", "columns", "new_columns", "vectors", "on_error"),
    short_help="Replace sequences of the same ids, or their columns alone.",
)
@click.argument("index", type=PATH)
@click.argument("sequences", required=False)
@vectors_option
@takes(beside=Beside, reading=Reading)
@click.option("--new-columns", is_flag=True, help="Without SEQUENCES: make columns that INDEX has not.")
@threads_and_quiet
def command(
    index: str,
    sequences: str | None,
    vectors: str | None,
    beside: Beside,
    reading: Reading,
    new_columns: bool,
    quiet: bool,
) -> None:
    """Put SEQUENCES in place of the stored ones with the same ids, each batch in one step.

    Without SEQUENCES the columns of --metadata are put in place of those of its ids, all in one step, and nothing else
    changes; an empty field is missing from then on.

    An id that INDEX does not hold is an error, or left out and counted with --on-error skip. Columns that are not given
    keep their values.

    \b
    Examples:
      seqsearch update refs.ss corrected.fasta
      seqsearch update refs.ss --metadata samples.tsv
      seqsearch update refs.ss --metadata samples.tsv --columns country,year --new-columns
    """

    from ..search import SequenceIndex

    if new_columns and sequences is not None:
        raise click.UsageError("--new-columns is for --metadata alone, without SEQUENCES")
    progress = progress_for(quiet)
    with open_index(index) as opened:

        def update(part: Sequences, rows: VectorRows | None) -> None:
            opened.update(part, vectors=rows, progress=progress)

        if sequences is None:
            if not isinstance(opened, SequenceIndex):
                raise click.UsageError("columns alone cannot be changed in shards yet: give SEQUENCES with --metadata")
            done = _set_columns(opened, beside, reading, vectors, new_columns, quiet)
        else:
            done = change(opened, sequences, reading, beside, update, known=True, vectors=vectors)
        if not quiet:
            click.echo(f"{index}: {done:,} updated, {len(opened):,} sequences now", err=True)


def _set_columns(
    index: SequenceIndex, beside: Beside, reading: Reading, vectors: str | None, new: bool, quiet: bool
) -> int:
    """Put the values of a table in place of those that are there; how many records differ now."""
    from ..errors import UnknownIdError

    of_sequences = [f"--{name.replace('_', '-')}" for name in given(reading) if name != "on_error"]
    of_sequences += ["--vectors"] * (vectors is not None)
    if of_sequences:
        raise click.UsageError(f"{of_sequences[0]} belongs to SEQUENCES, and there are none")
    table = beside.table()
    if table is None:
        raise click.UsageError("give SEQUENCES to replace, or --metadata TABLE to replace columns alone")
    if reading.skips:
        held = index.holds(table.ids)
        if not held.all():
            click.echo(f"{table.name}: {int((~held).sum()):,} skipped: no such id is in the index", err=True)
        table = table.take(held.nonzero()[0])
    try:
        return index.set_columns(table, new=new, progress=progress_for(quiet))
    except UnknownIdError as error:
        raise UnknownIdError(f"{table.name}: {error}") from None
