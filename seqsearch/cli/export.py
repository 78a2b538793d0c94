"""seqsearch export"""

from __future__ import annotations

import click

from .options import PATH, threads_and_quiet
from .progress import progress_for

FORMATS = ("archive", "faiss", "hnswlib", "npy", "parquet", "fasta")
ENDINGS = {
    ".zip": "archive",
    ".npy": "npy",
    ".parquet": "parquet",
    ".faiss": "faiss",
    **dict.fromkeys((".fasta", ".fa", ".fna", ".faa"), "fasta"),
}
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def format_of(path: str) -> str:
    """The format that a name says. Raises a usage error."""
    name = path.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    for ending, chosen in ENDINGS.items():
        if name.endswith(ending):
            return chosen
    raise click.UsageError(f"{path} does not say a format: --to {', '.join(FORMATS)}")


@click.command("export", short_help="Write an index as a file of another kind.")
@click.argument("index", type=PATH)
@click.option("--to", metavar="FORMAT", help=f"{', '.join(FORMATS)}  [default: as FILE ends; .zip: archive]")
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="Where it goes.")
@threads_and_quiet
def command(index: str, to: str | None, output: str, quiet: bool) -> None:
    """Write what INDEX holds, in its order, as one file: an archive to keep or pass on, or for other programs.

    archive: all there is, a zip file of FASTA (or JSON lines, .npy), safetensors and JSON, which any later version
    makes an index of again by `seqsearch import`, and which can be read without seqsearch (docs/archives.md).
    npy: its points, one row a sequence (uint8 codes where it has bits). faiss: an index for faiss.read_index, with
    lists where INDEX has lists, else flat. hnswlib: a graph for load_index. Their ids go beside them, FILE.ids.txt.
    parquet: columns id, sequence, label, description, those of INDEX, vector. fasta: the sequences.

    \b
    Examples:
      seqsearch export refs.ss -o refs.zip
      seqsearch export refs.ss --to fasta -o refs.fasta.gz
      seqsearch export refs.ss --to faiss -o refs.faiss
      seqsearch export refs.ss --to parquet -o refs.parquet
    """
    from ..search import SequenceIndex
    from ..search.exports import EXPORTS, ids_beside

    to = format_of(output) if to is None else to
    beside = f"; {ids_beside(output)}: their ids" if EXPORTS[to].ids else ""
    with SequenceIndex.open(index) as opened:
        count = opened.export(output, to, progress=progress_for(quiet))
    if not quiet:
        click.echo(f"{output}: {count:,} rows{beside}", err=True)
