"""seqsearch import"""

from __future__ import annotations

import click

from .options import PATH, threads_and_quiet
from .progress import progress_for


@click.command("import", short_help="Make an index of an archive that `export` wrote.")
@click.argument("archive", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, metavar="INDEX", help="Where the index goes.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@threads_and_quiet
def command(archive: str, output: str, overwrite: bool, quiet: bool) -> None:
    """Make an index of ARCHIVE, a file that `seqsearch export INDEX -o ARCHIVE.zip` wrote, here or elsewhere.

    Records, ids, labels, columns, vectors, encoder and calibration are those the index had; graphs and lists are built
    again from them. Every file of the archive is checked against its digest first, and nothing in it is run, so that
    one from a stranger is safe to import.

    \b
    Examples:
      seqsearch import refs.zip -o refs.ss
      seqsearch import refs.zip -o refs.ss --overwrite
    """
    from ..search import SequenceIndex

    made = SequenceIndex.import_archive(output, archive, overwrite=overwrite, progress=progress_for(quiet))
    with made as index:
        if not quiet:
            click.echo(f"{output}: {len(index):,} sequences; check it with: seqsearch verify {output}", err=True)
