"""seqsearch export"""

from __future__ import annotations

import click

from .options import PATH, threads_and_quiet
from .progress import progress_for

FORMATS = ("faiss", "hnswlib", "npy", "parquet", "fasta")


@click.command("export", short_help="Write an index as a file of another kind.")
@click.argument("index", type=PATH)
@click.option("--to", required=True, metavar="FORMAT", help=f"{', '.join(FORMATS)}.")
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="Where it goes.")
@threads_and_quiet
def command(index: str, to: str, output: str, quiet: bool) -> None:
    """Write what INDEX holds, in its order, for other programs.

    npy: its points, one row a sequence (uint8 codes where it has bits). faiss: an index for faiss.read_index, with
    lists where INDEX has lists, else flat. hnswlib: a graph for load_index. Their ids go beside them, FILE.ids.txt.
    parquet: columns id, sequence, label, description, those of INDEX, vector. fasta: the sequences.

    \b
    Examples:
      seqsearch export refs.ss --to fasta -o refs.fasta.gz
      seqsearch export refs.ss --to faiss -o refs.faiss
      seqsearch export refs.ss --to parquet -o refs.parquet
    """
    from ..search import SequenceIndex
    from ..search.exports import EXPORTS, ids_beside

    beside = f"; {ids_beside(output)}: their ids" if EXPORTS[to].ids else ""
    with SequenceIndex.open(index) as opened:
        count = opened.export(output, to, progress=progress_for(quiet))
    if not quiet:
        click.echo(f"{output}: {count:,} rows{beside}", err=True)
