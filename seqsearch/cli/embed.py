"""seqsearch embed"""

from __future__ import annotations

from pathlib import Path

import click

from .options import PATH, Command, Reading, takes, threads_and_quiet
from .progress import progress_for
from .shared import model_of


@click.command(
    "embed",
    cls=Command,
    first=("output", "alphabet", "sequence_column", "id_column", "threads"),
    short_help="Embed sequences with a trained encoder, into a .npy file.",
)
@click.argument("model", metavar="MODEL|INDEX", type=PATH)
@click.argument("sequences")
@click.option(
    "-o",
    "--output",
    type=PATH,
    required=True,
    metavar="POINTS.npy",
    help="Where the points go; their ids go beside them, POINTS.ids.txt.",
)
@takes(reading=Reading)
@threads_and_quiet
def command(model: str, sequences: str, output: str, reading: Reading, quiet: bool) -> None:
    """Embed SEQUENCES with a model that `train` wrote or with that of an index, one row a sequence.

    Rows are written as they come: the memory needed does not grow with the file. float32 points, or packed uint8
    codes where the model has bits.

    \b
    Examples:
      seqsearch embed v4.model reads.fasta -o reads.npy
      seqsearch embed refs.ss reads.fasta -o reads.npy
    """
    from ..encoders.npy_rows import npy_rows
    from ..files import atomic_write

    loaded = model_of(model)
    place = Path(output)
    names = place.with_name(f"{place.stem}.ids.txt")
    with progress_for(quiet).task("embedding") as task, npy_rows(place) as rows, atomic_write(names, text=True) as ids:
        for part in reading.suiting(loaded.spec.alphabet).batches(sequences):
            rows.append(loaded.vectors(part))
            ids.writelines(f"{part.ids[row]}\n" for row in range(len(part)))
            task.advance(len(part))
    if not quiet:
        click.echo(f"{output}: {rows.count:,} rows; {names}: their ids", err=True)
