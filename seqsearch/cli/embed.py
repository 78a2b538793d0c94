"""seqsearch embed"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .progress import progress_for
from .shared import quiet_option, read_batches_noting, reading_arguments, reading_options, threads_option

if TYPE_CHECKING:
    from ..encoders.model import Model


@click.command("embed", short_help="Embed sequences with a trained encoder, into a .npy file.")
@click.argument("model", metavar="MODEL|INDEX", type=click.Path())
@click.argument("sequences")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    required=True,
    metavar="POINTS.npy",
    help="Where the points go; their ids go beside them, POINTS.ids.txt.",
)
@reading_options
@threads_option
@quiet_option
def command(model: str, sequences: str, output: str, quiet: bool, **options: Any) -> None:
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

    reading = reading_arguments(options)
    loaded = _model(model)
    reading["alphabet"] = reading["alphabet"] or loaded.spec.alphabet
    place = Path(output)
    names = place.with_name(f"{place.stem}.ids.txt")
    with progress_for(quiet).task("embedding") as task, npy_rows(place) as rows, atomic_write(names, text=True) as ids:
        for part in read_batches_noting(sequences, **reading):
            rows.append(loaded.vectors(part))
            ids.writelines(f"{part.ids[row]}\n" for row in range(len(part)))
            task.advance(len(part))
    if not quiet:
        click.echo(f"{output}: {rows.count:,} rows; {names}: their ids", err=True)


def _model(path: str) -> Model:
    if Path(path).is_dir():
        from ..search import SequenceIndex

        with SequenceIndex.open(path) as index:
            return index.model
    from ..encoders.model_file import load_model

    return load_model(path)
